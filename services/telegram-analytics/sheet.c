#include "services/telegram-analytics/sheet.h"

#include "libbus/base/clock.h"
#include "libbus/base/e8.h"
#include "libbus/base/spare.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define APART_US (10 * BUS_US_PER_SEC)

static const struct colour paper = { 1, 1, 1 };
const struct colour sheet_ink = { 0.13, 0.15, 0.19 }, sheet_pale = { 0.42, 0.45, 0.50 },
                    sheet_grid = { 0.89, 0.90, 0.92 }, sheet_grey = { 0.62, 0.65, 0.70 },
                    sheet_blue = { 0.10, 0.36, 0.75 }, sheet_orange = { 0.85, 0.38, 0.05 };

void sheet_pick(cairo_t *cr, const struct colour *colour)
{
        cairo_set_source_rgb(cr, colour->r, colour->g, colour->b);
}

cairo_t *sheet_new(int height, cairo_surface_t **ret_surface)
{
        cairo_surface_t *surface =
                cairo_image_surface_create(CAIRO_FORMAT_RGB24, SHEET_WIDTH, height);
        cairo_t *cr = cairo_create(surface);

        sheet_pick(cr, &paper);
        cairo_paint(cr);
        cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
        *ret_surface = surface;
        return cr;
}

double sheet_write(cairo_t *cr, double x, double y, double size, enum sheet_side side,
        const struct colour *colour, const char *text)
{
        cairo_text_extents_t extents;

        sheet_pick(cr, colour);
        cairo_set_font_size(cr, size);
        cairo_text_extents(cr, text, &extents);
        if (side == SHEET_CENTRE)
                x -= extents.x_advance / 2;
        else if (side == SHEET_RIGHT)
                x -= extents.x_advance;
        cairo_move_to(cr, x, y);
        cairo_show_text(cr, text);
        return extents.x_advance;
}

static cairo_status_t add_bytes(void *arg, const unsigned char *data, unsigned int size)
{
        bus_buf_add(arg, data, size);
        return CAIRO_STATUS_SUCCESS;
}

int sheet_finish(cairo_t *cr, cairo_surface_t *surface, struct bus_buf *png)
{
        cairo_status_t status = cairo_status(cr);

        cairo_destroy(cr);
        if (status == CAIRO_STATUS_SUCCESS)
                status = cairo_surface_write_to_png_stream(surface, add_bytes, png);
        cairo_surface_destroy(surface);
        return status == CAIRO_STATUS_SUCCESS ? 0 : -EIO;
}

const char *sheet_money(int64_t cents, bool plus, char text[static SHEET_MONEY_SIZE])
{
        char digits[E8_TEXT_SIZE];
        const char *at = cents_format(cents, digits);
        size_t whole, size = 0;

        if (*at == '-')
                size += (size_t)snprintf(text, SHEET_MONEY_SIZE, "−");
        else if (plus)
                text[size++] = '+';
        at += *at == '-';
        whole = strcspn(at, ".");
        for (size_t i = 0; at[i] && size + 2 < SHEET_MONEY_SIZE; i++) {
                if (i && i < whole && (whole - i) % 3 == 0)
                        text[size++] = ',';
                text[size++] = at[i];
        }
        text[size] = 0;
        return text;
}

/* ---- in a process of its own ---- */

static void write_all(int fd, const struct bus_buf *png)
{
        size_t done = 0;
        ssize_t n;

        while (done < png->size && (n = write(fd, png->data + done, png->size - done)) > 0)
                done += (size_t)n;
}

static void draw_and_end(sheet_draw_fn draw, const void *arg, int fd)
{
        struct bus_buf png = BUS_BUF_INIT;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        bus_spare_take_share();
        if (draw(arg, &png) < 0)
                _exit(1);
        write_all(fd, &png);
        _exit(0);
}

static int read_all(int fd, struct bus_buf *png)
{
        int64_t deadline_us = bus_mono_us() + APART_US, left_us;
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        char part[16384];
        ssize_t n;

        while ((left_us = deadline_us - bus_mono_us()) > 0) {
                if (poll(&poll_fd, 1, (int)(left_us / BUS_US_PER_MS) + 1) <= 0)
                        continue;
                n = read(fd, part, sizeof(part));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                bus_buf_add(png, part, (size_t)n);
        }
        return -ETIMEDOUT;
}

int sheet_apart(sheet_draw_fn draw, const void *arg, struct bus_buf *png)
{
        int fds[2], status = 0, r;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        if (pid == 0)
                draw_and_end(draw, arg, fds[1]);
        r = pid < 0 ? -errno : 0;
        close(fds[1]);
        if (r == 0)
                r = read_all(fds[0], png);
        close(fds[0]);
        if (pid > 0 && r < 0)
                kill(pid, SIGKILL);
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                continue;
        return r < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0) ? r : -EIO;
}
