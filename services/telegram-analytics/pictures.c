#include "services/telegram-analytics/pictures.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"
#include "services/compare/classes.h"
#include "services/telegram-analytics/calendar.h"

#include <cairo.h>
#include <errno.h>
#include <fontconfig/fontconfig.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* A phone shows it some 400 points wide: what is 30 here is 11 points there, the least one reads. */
#define WIDTH      1080
#define HEIGHT     720
#define LEFT       60
#define RIGHT      190 /* the scale's numbers stand at the right, where the curve ends */
#define TOP        120
#define BOTTOM     80
#define PLOT_WIDTH (WIDTH - LEFT - RIGHT)
#define TEXT_SIZE  30
#define TITLE_SIZE 42
#define TICKS      5
#define BARS_MAX   4

struct colour {
        double r, g, b;
};
static const struct colour paper = { 1, 1, 1 }, ink = { 0.13, 0.15, 0.19 },
                           grid = { 0.87, 0.89, 0.91 }, pale = { 0.45, 0.48, 0.53 },
                           blue = { 0.10, 0.36, 0.75 }, grey = { 0.62, 0.65, 0.70 };
/* From the best class to the worst, told apart also by who sees no red or green. */
static const struct colour classes[COMPARE_CLASSES] = {
        [COMPARE_EXACT] = { 0.10, 0.36, 0.75 },
        [COMPARE_EXACT + 1] = { 0.55, 0.75, 0.92 },
        [COMPARE_EXACT + 2] = { 0.75, 0.80, 0.84 },
        [COMPARE_EXACT + 3] = { 0.96, 0.83, 0.35 },
        [COMPARE_EXACT + 4] = { 0.95, 0.62, 0.20 },
        [COMPARE_EXACT + 5] = { 0.85, 0.33, 0.13 },
        [COMPARE_EXACT + 6] = { 0.70, 0.10, 0.25 },
        [COMPARE_EXACT + 7] = { 0.30, 0.05, 0.20 },
};

/* ---- the sheet ---- */

static void pick(cairo_t *cr, const struct colour *colour)
{
        cairo_set_source_rgb(cr, colour->r, colour->g, colour->b);
}

static cairo_t *new_sheet(cairo_surface_t **ret_surface)
{
        cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
        cairo_t *cr = cairo_create(surface);

        pick(cr, &paper);
        cairo_paint(cr);
        cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
        *ret_surface = surface;
        return cr;
}

static void write_at(
        cairo_t *cr, double x, double y, double size, const struct colour *colour, const char *text)
{
        pick(cr, colour);
        cairo_set_font_size(cr, size);
        cairo_move_to(cr, x, y);
        cairo_show_text(cr, text);
}

static void write_centred(cairo_t *cr, double x, double y, const char *text)
{
        cairo_text_extents_t extents;

        cairo_set_font_size(cr, TEXT_SIZE);
        cairo_text_extents(cr, text, &extents);
        write_at(cr, x - extents.width / 2, y, TEXT_SIZE, &pale, text);
}

static cairo_status_t add_bytes(void *arg, const unsigned char *data, unsigned int size)
{
        bus_buf_add(arg, data, size);
        return CAIRO_STATUS_SUCCESS;
}

static int finish(cairo_t *cr, cairo_surface_t *surface, struct bus_buf *png)
{
        cairo_status_t status = cairo_status(cr);

        cairo_destroy(cr);
        if (status == CAIRO_STATUS_SUCCESS)
                status = cairo_surface_write_to_png_stream(surface, add_bytes, png);
        cairo_surface_destroy(surface);
        return status == CAIRO_STATUS_SUCCESS ? 0 : -EIO;
}

/* ---- the equity curve ---- */

struct curve {
        int64_t from_us, to_us;
        bool seen[PLOT_WIDTH]; /* a column of pixels each; its last point counts */
        int64_t equity[PLOT_WIDTH], balance[PLOT_WIDTH];
        int64_t low, high;
        int64_t first_us, last_us;
        struct ledger_point last;
        size_t count;
};

/* The axis begins where there is something to see. */
static void note_span(void *arg, const struct ledger_point *point)
{
        struct curve *curve = arg;

        if (!curve->count++) {
                curve->first_us = point->at_us;
                curve->low = curve->high = point->equity_cents;
        }
        curve->last_us = point->at_us;
        curve->last = *point;
}

static void note_point(void *arg, const struct ledger_point *point)
{
        struct curve *curve = arg;
        int64_t span_us = curve->last_us - curve->first_us;
        int64_t column = (point->at_us - curve->first_us) * (PLOT_WIDTH - 1) / span_us;
        const int64_t values[] = { point->equity_cents, point->balance_cents };

        if (column < 0 || column >= PLOT_WIDTH)
                return;
        curve->seen[column] = true;
        curve->equity[column] = point->equity_cents;
        curve->balance[column] = point->balance_cents;
        for (size_t i = 0; i < BUS_COUNT(values); i++) {
                curve->low = values[i] < curve->low ? values[i] : curve->low;
                curve->high = values[i] > curve->high ? values[i] : curve->high;
        }
}

/* 1, 2 or 5 times a power of ten. */
static int64_t nice_step(int64_t span)
{
        int64_t step = 1;

        while (step * TICKS * 10 < span)
                step *= 10;
        if (step * TICKS >= span)
                return step;
        if (step * TICKS * 2 >= span)
                return step * 2;
        return step * TICKS * 5 >= span ? step * 5 : step * 10;
}

static double height_of(const struct curve *curve, int64_t cents)
{
        double share = (double)(cents - curve->low) / (double)(curve->high - curve->low);

        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
}

/* The scale ends on its ticks. */
static int64_t round_scale(struct curve *curve)
{
        int64_t room = (curve->high - curve->low) / 20 + 100;
        int64_t step = nice_step(curve->high - curve->low + 2 * room);

        if (e8_round_to(curve->low - room, step, E8_FLOOR, &curve->low) < 0 ||
                e8_round_to(curve->high + room, step, E8_UP, &curve->high) < 0)
                return curve->high - curve->low; /* at the very edge of what an account can be */
        return step;
}

static void draw_scale(cairo_t *cr, const struct curve *curve, int64_t step)
{
        char text[E8_TEXT_SIZE];

        cairo_set_line_width(cr, 2);
        for (int64_t cents = curve->low; cents <= curve->high; cents += step) {
                double y = height_of(curve, cents);

                pick(cr, &grid);
                cairo_move_to(cr, LEFT, y);
                cairo_line_to(cr, WIDTH - RIGHT, y);
                cairo_stroke(cr);
                cents_format(cents, text);
                if (step % 100 == 0)
                        text[strlen(text) - strlen(".00")] = 0;
                write_at(cr, WIDTH - RIGHT + 16, y + TEXT_SIZE / 3.0, TEXT_SIZE, &pale, text);
        }
}

static void draw_times(cairo_t *cr, const struct curve *curve)
{
        int64_t span_us = curve->last_us - curve->first_us;
        enum calendar_format format = span_us < INT64_C(600) * BUS_US_PER_SEC      ? CALENDAR_SECOND
                                      : span_us < INT64_C(129600) * BUS_US_PER_SEC ? CALENDAR_MINUTE
                                                                                   : CALENDAR_DATE;
        char text[CALENDAR_TEXT_SIZE];

        for (int i = 0; i < 4; i++)
                write_centred(cr, LEFT + 60 + (PLOT_WIDTH - 120) * i / 3.0, HEIGHT - 26,
                        calendar_text(
                                curve->first_us + (int64_t)((60 + (PLOT_WIDTH - 120) * i / 3.0) *
                                                            (double)span_us / PLOT_WIDTH),
                                format, text));
}

static void draw_line(cairo_t *cr, const struct curve *curve, const int64_t *values, double width,
        const struct colour *colour)
{
        bool begun = false;

        for (int column = 0; column < PLOT_WIDTH; column++) {
                double y;

                if (!curve->seen[column])
                        continue;
                y = height_of(curve, values[column]);
                if (begun)
                        cairo_line_to(cr, LEFT + column, y);
                else
                        cairo_move_to(cr, LEFT + column, y);
                begun = true;
        }
        pick(cr, colour);
        cairo_set_line_width(cr, width);
        cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
        cairo_stroke(cr);
}

static void draw_key(cairo_t *cr, const struct curve *curve)
{
        char text[E8_TEXT_SIZE];
        BUS_AUTOFREE char *title =
                bus_xasprintf("Equity %s", cents_format(curve->last.equity_cents, text));

        write_at(cr, LEFT, 64, TITLE_SIZE, &blue, title);
        write_at(cr, WIDTH - RIGHT - 130, 64, TEXT_SIZE, &grey, "balance");
}

static int draw_equity(struct ledger *ledger, int64_t from_us, int64_t to_us, struct bus_buf *png)
{
        BUS_AUTOFREE struct curve *curve = bus_new(struct curve);
        cairo_surface_t *surface;
        cairo_t *cr;
        int64_t step;
        int r;

        r = ledger_curve(ledger, from_us, to_us, note_span, curve);
        if (r == 0 && (curve->count < 2 || curve->last_us == curve->first_us))
                r = -ENODATA;
        if (r == 0)
                r = ledger_curve(ledger, from_us, to_us, note_point, curve);
        if (r < 0)
                return r;
        step = round_scale(curve);
        cr = new_sheet(&surface);
        draw_scale(cr, curve, step);
        draw_times(cr, curve);
        draw_line(cr, curve, curve->balance, 4, &grey);
        draw_line(cr, curve, curve->equity, 6, &blue);
        draw_key(cr, curve);
        return finish(cr, surface, png);
}

/* ---- parity ---- */

struct bars {
        struct bar {
                char name[2 * STATISTICS_NAME_SIZE + 32];
                struct ledger_parity parity;
        } all[BARS_MAX];
        size_t count;
};

static void note_bar(void *arg, const struct ledger_parity *parity)
{
        struct bars *bars = arg;
        struct bar *bar = &bars->all[bars->count];

        if (bars->count == BARS_MAX)
                return;
        bar->parity = *parity;
        snprintf(bar->name, sizeof(bar->name), "%s / %s%s", parity->plugin,
                *parity->against ? parity->against : "nobody",
                strcmp(parity->source, "live") != 0 ? ", replay" : "");
        bars->count++;
}

static void draw_bar(cairo_t *cr, const struct bar *bar, double y)
{
        const struct ledger_parity *parity = &bar->parity;
        int64_t permille = parity->classes[COMPARE_EXACT] * 1000 / parity->pairs;
        BUS_AUTOFREE char *says =
                bus_xasprintf("%" PRId64 ".%" PRId64 " %% of %" PRId64 " exact, critical %" PRId64,
                        permille / 10, permille % 10, parity->pairs, parity->critical);
        double x = LEFT;

        write_at(cr, LEFT, y, TEXT_SIZE, &ink, bar->name);
        for (int class = COMPARE_EXACT; class < COMPARE_CLASSES; class ++) {
                double width = (WIDTH - 2.0 * LEFT) * (double)parity->classes[class] /
                               (double)parity->pairs;

                if (!parity->classes[class])
                        continue;
                pick(cr, &classes[class]);
                cairo_rectangle(cr, x, y + 14, width < 3 ? 3 : width, 34);
                cairo_fill(cr);
                x += width;
        }
        write_at(cr, LEFT, y + 84, TEXT_SIZE - 2, &pale, says);
}

static void draw_classes(cairo_t *cr)
{
        for (int class = COMPARE_EXACT; class < COMPARE_CLASSES; class ++) {
                int place = class - COMPARE_EXACT, row = place / 4;
                double x = LEFT + 245 * (place % 4), y = HEIGHT - 70 + 42 * row;

                pick(cr, &classes[class]);
                cairo_rectangle(cr, x, y - 22, 26, 26);
                cairo_fill(cr);
                write_at(cr, x + 38, y, TEXT_SIZE - 2, &ink,
                        compare_class_name((enum compare_class) class));
        }
}

static int draw_parity(struct ledger *ledger, int64_t from_us, int64_t to_us, struct bus_buf *png)
{
        struct bars bars = { 0 };
        cairo_surface_t *surface;
        cairo_t *cr;
        int r;

        r = ledger_parity(ledger, from_us, to_us, note_bar, &bars);
        if (r == 0 && !bars.count)
                r = -ENODATA;
        if (r < 0)
                return r;
        cr = new_sheet(&surface);
        write_at(cr, LEFT, 64, TITLE_SIZE, &ink, "Live and shadow");
        for (size_t i = 0; i < bars.count; i++)
                draw_bar(cr, &bars.all[i], 130 + 128.0 * (double)i);
        draw_classes(cr);
        return finish(cr, surface, png);
}

/* ---- */

char *picture_spec(const char *kind, int64_t from_us, int64_t to_us)
{
        return bus_xasprintf("%s %" PRId64 " %" PRId64, kind, from_us, to_us);
}

int picture_draw(struct ledger *ledger, const char *spec, struct bus_buf *png)
{
        char kind[16];
        int64_t from_us, to_us;
        int r = -EINVAL;

        if (sscanf(spec, "%15s %" SCNd64 " %" SCNd64, kind, &from_us, &to_us) != 3)
                return -EINVAL;
        if (!strcmp(kind, "equity"))
                r = draw_equity(ledger, from_us, to_us, png);
        else if (!strcmp(kind, "parity"))
                r = draw_parity(ledger, from_us, to_us, png);
        /* fonts of megabytes are not kept for the next picture, hours from now */
        cairo_debug_reset_static_data();
        FcFini();
        return r;
}
