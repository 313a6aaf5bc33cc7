#include "services/telegram-analytics/sheet.h"

#include "libbus/base/e8.h"

#include <errno.h>
#include <stdio.h>

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
