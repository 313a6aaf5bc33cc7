/* The equity curve: what came of it, how deep it fell on the way, and the balance behind it. */
#include "libbus/base/e8.h"
#include "libbus/base/require.h"
#include "services/telegram-analytics/calendar.h"
#include "services/telegram-analytics/pictures_internal.h"
#include "services/telegram-analytics/sheet.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#define LEFT       SHEET_MARGIN
#define RIGHT      190 /* the scale's numbers stand at the right, where the curve ends */
#define TOP        170
#define BOTTOM     80
#define FLOOR      (SHEET_HEIGHT - BOTTOM)
#define PLOT_WIDTH (SHEET_WIDTH - LEFT - RIGHT)
#define TICKS      5
#define TIMES_MAX  5
#define MINUTE_US  (60 * BUS_US_PER_SEC)

struct curve {
        int64_t from_us, to_us;
        bool seen[PLOT_WIDTH]; /* a column of pixels each; its last point counts */
        int64_t equity[PLOT_WIDTH], balance[PLOT_WIDTH];
        int64_t low, high;
        int64_t first_us, last_us;
        struct ledger_point first, last;
        size_t count;
        /* the deepest fall: from where to where, and the peak so far */
        int64_t peak, fall;
        int64_t peak_us, fall_from_us, fall_to_us;
};

/* The axis begins where there is something to see. */
static void note_span(void *arg, const struct ledger_point *point)
{
        struct curve *curve = arg;

        if (!curve->count++) {
                curve->first = *point;
                curve->first_us = point->at_us;
                curve->low = curve->high = point->equity_cents;
                curve->peak = INT64_MIN;
        }
        curve->last_us = point->at_us;
        curve->last = *point;
        if (point->equity_cents > curve->peak) {
                curve->peak = point->equity_cents;
                curve->peak_us = point->at_us;
        }
        if (curve->peak - point->equity_cents > curve->fall) {
                curve->fall = curve->peak - point->equity_cents;
                curve->fall_from_us = curve->peak_us;
                curve->fall_to_us = point->at_us;
        }
}

static int64_t column_of(const struct curve *curve, int64_t at_us)
{
        return (at_us - curve->first_us) * (PLOT_WIDTH - 1) / (curve->last_us - curve->first_us);
}

static void note_point(void *arg, const struct ledger_point *point)
{
        struct curve *curve = arg;
        int64_t column = column_of(curve, point->at_us);
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

/* ---- the scales ---- */

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

        return FLOOR - share * (FLOOR - TOP);
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
        char text[SHEET_MONEY_SIZE];

        cairo_set_line_width(cr, 2);
        for (int64_t cents = curve->low; cents <= curve->high; cents += step) {
                double y = height_of(curve, cents);

                sheet_pick(cr, &sheet_grid);
                cairo_move_to(cr, LEFT, y);
                cairo_line_to(cr, SHEET_WIDTH - RIGHT, y);
                cairo_stroke(cr);
                sheet_money(cents, false, text);
                if (step % 100 == 0)
                        text[strlen(text) - strlen(".00")] = 0;
                sheet_write(cr, SHEET_WIDTH - RIGHT + 16, y + SHEET_TEXT / 3.0, SHEET_TEXT - 2,
                        SHEET_LEFT, &sheet_pale, text);
        }
}

/* Round ones, as far apart as there is room for. */
static int64_t time_step(int64_t span_us)
{
        static const int minutes[] = { 1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880,
                7200, 10080, 20160, 43200 };

        for (size_t i = 0; i < BUS_COUNT(minutes); i++)
                if (minutes[i] * MINUTE_US * TIMES_MAX >= span_us)
                        return minutes[i] * MINUTE_US;
        return (span_us / TIMES_MAX / (1440 * MINUTE_US) + 1) * 1440 * MINUTE_US;
}

/* How far the local clock is ahead of UTC. */
static int64_t zone_us(int64_t at_us)
{
        time_t seconds = (time_t)(at_us / BUS_US_PER_SEC);
        struct tm local;

        localtime_r(&seconds, &local);
        return local.tm_gmtoff * BUS_US_PER_SEC;
}

static void draw_times(cairo_t *cr, const struct curve *curve)
{
        int64_t span_us = curve->last_us - curve->first_us, step_us = time_step(span_us);
        int64_t ahead_us = zone_us(curve->first_us);
        int64_t at_us = (curve->first_us + ahead_us + step_us - 1) / step_us * step_us - ahead_us;
        enum calendar_format format = step_us < 1440 * MINUTE_US ? CALENDAR_MINUTE : CALENDAR_DATE;
        char text[CALENDAR_TEXT_SIZE];

        if (span_us < 2 * MINUTE_US) { /* the demo's */
                at_us = curve->first_us + span_us / 8;
                step_us = span_us / 4;
                format = CALENDAR_SECOND;
        }
        for (; at_us <= curve->last_us; at_us += step_us) {
                double x = LEFT + (double)column_of(curve, at_us);

                sheet_pick(cr, &sheet_grid);
                cairo_set_line_width(cr, 2);
                cairo_move_to(cr, x, FLOOR);
                cairo_line_to(cr, x, FLOOR + 12);
                cairo_stroke(cr);
                if (x > LEFT + 40 && x < SHEET_WIDTH - RIGHT + 60)
                        sheet_write(cr, x, SHEET_HEIGHT - 26, SHEET_TEXT - 2, SHEET_CENTRE,
                                &sheet_pale, calendar_text(at_us, format, text));
        }
}

/* ---- the lines ---- */

/* From column FROM to TO, as a path. Returns its last column, -1 where it has none. */
static int trace(
        cairo_t *cr, const struct curve *curve, const int64_t *values, int64_t from, int64_t to)
{
        int last = -1;

        for (int column = (int)from; column <= (int)to; column++) {
                double y;

                if (!curve->seen[column])
                        continue;
                y = height_of(curve, values[column]);
                if (last >= 0)
                        cairo_line_to(cr, LEFT + column, y);
                else
                        cairo_move_to(cr, LEFT + column, y);
                last = column;
        }
        return last;
}

static void draw_line(cairo_t *cr, double width, const struct colour *colour)
{
        sheet_pick(cr, colour);
        cairo_set_line_width(cr, width);
        cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
        cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
        cairo_stroke(cr);
}

static void draw_area(cairo_t *cr, const struct curve *curve)
{
        cairo_pattern_t *fade = cairo_pattern_create_linear(0, TOP, 0, FLOOR);
        int last = trace(cr, curve, curve->equity, 0, PLOT_WIDTH - 1);

        cairo_line_to(cr, LEFT + last, FLOOR);
        cairo_line_to(cr, LEFT, FLOOR);
        cairo_close_path(cr);
        cairo_pattern_add_color_stop_rgba(fade, 0, sheet_blue.r, sheet_blue.g, sheet_blue.b, 0.22);
        cairo_pattern_add_color_stop_rgba(fade, 1, sheet_blue.r, sheet_blue.g, sheet_blue.b, 0.02);
        cairo_set_source(cr, fade);
        cairo_fill(cr);
        cairo_pattern_destroy(fade);
}

static void draw_start(cairo_t *cr, const struct curve *curve)
{
        static const double dashes[] = { 4, 10 };
        double y = height_of(curve, curve->first.equity_cents);

        cairo_set_dash(cr, dashes, BUS_COUNT(dashes), 0);
        cairo_move_to(cr, LEFT, y);
        cairo_line_to(cr, SHEET_WIDTH - RIGHT, y);
        draw_line(cr, 3, &sheet_grey);
        cairo_set_dash(cr, NULL, 0, 0);
}

static void draw_curves(cairo_t *cr, const struct curve *curve)
{
        int last;

        draw_area(cr, curve);
        draw_start(cr, curve);
        (void)trace(cr, curve, curve->balance, 0, PLOT_WIDTH - 1);
        draw_line(cr, 4, &sheet_grey);
        last = trace(cr, curve, curve->equity, 0, PLOT_WIDTH - 1);
        draw_line(cr, 5, &sheet_blue);
        if (curve->fall) {
                (void)trace(cr, curve, curve->equity, column_of(curve, curve->fall_from_us),
                        column_of(curve, curve->fall_to_us));
                draw_line(cr, 5, &sheet_orange);
        }
        cairo_arc(cr, LEFT + last, height_of(curve, curve->last.equity_cents), 9, 0, 2 * M_PI);
        sheet_pick(cr, &sheet_blue);
        cairo_fill(cr);
}

/* ---- what it says ---- */

static double swatch(cairo_t *cr, double x, double y, const struct colour *colour, const char *text)
{
        cairo_move_to(cr, x, y - 10);
        cairo_line_to(cr, x + 34, y - 10);
        draw_line(cr, 6, colour);
        return x + 48 + sheet_write(cr, x + 48, y, SHEET_TEXT - 2, SHEET_LEFT, &sheet_pale, text) +
               36;
}

static void draw_words(cairo_t *cr, const struct curve *curve)
{
        int64_t gain = curve->last.equity_cents - curve->first.equity_cents;
        double percent = curve->first.equity_cents
                                 ? 100.0 * (double)gain / (double)curve->first.equity_cents
                                 : 0;
        char money[SHEET_MONEY_SIZE], change[SHEET_MONEY_SIZE], fall[SHEET_MONEY_SIZE];
        BUS_AUTOFREE char *title =
                bus_xasprintf("Equity %s", sheet_money(curve->last.equity_cents, false, money));
        BUS_AUTOFREE char *how = bus_xasprintf("%s  (%s%.2f %%)", sheet_money(gain, true, change),
                gain < 0 ? "−" : "+", fabs(percent));
        BUS_AUTOFREE char *deepest =
                bus_xasprintf("deepest fall %s", sheet_money(curve->fall, false, fall));
        double x = LEFT;

        sheet_write(cr, LEFT, 66, SHEET_TITLE, SHEET_LEFT, &sheet_ink, title);
        sheet_write(cr, SHEET_WIDTH - SHEET_MARGIN, 66, SHEET_TITLE - 8, SHEET_RIGHT,
                gain < 0 ? &sheet_orange : &sheet_blue, how);
        x = swatch(cr, x, 122, &sheet_blue, "equity");
        x = swatch(cr, x, 122, &sheet_grey, "balance");
        if (curve->fall)
                (void)swatch(cr, x, 122, &sheet_orange, deepest);
}

static int draw(const void *arg, struct bus_buf *png)
{
        struct curve curve = *(const struct curve *)arg;
        int64_t step = round_scale(&curve);
        cairo_surface_t *surface;
        cairo_t *cr = sheet_new(SHEET_HEIGHT, &surface);

        draw_scale(cr, &curve, step);
        draw_times(cr, &curve);
        draw_curves(cr, &curve);
        draw_words(cr, &curve);
        return sheet_finish(cr, surface, png);
}

int picture_equity(struct ledger *ledger, int64_t from_us, int64_t to_us, struct bus_buf *png)
{
        BUS_AUTOFREE struct curve *curve = bus_new(struct curve);
        int r;

        r = ledger_curve(ledger, from_us, to_us, note_span, curve);
        if (r == 0 && (curve->count < 2 || curve->last_us == curve->first_us))
                r = -ENODATA;
        if (r == 0)
                r = ledger_curve(ledger, from_us, to_us, note_point, curve);
        return r < 0 ? r : sheet_apart(draw, curve, png);
}
