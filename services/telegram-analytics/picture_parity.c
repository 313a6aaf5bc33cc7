/*
 * Live and shadow: of each two that were compared how much was the same, and, as the rest is mostly a
 * sliver, the rest once more by itself.
 */
#include "libbus/base/require.h"
#include "services/compare/classes.h"
#include "services/telegram-analytics/calendar.h"
#include "services/telegram-analytics/pictures_internal.h"
#include "services/telegram-analytics/sheet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define LEFT       SHEET_MARGIN
#define BAR_WIDTH  (SHEET_WIDTH - 2.0 * LEFT)
#define BARS_MAX   4
#define ROW_HEIGHT 250
#define HEAD       150
#define SLIVER     6 /* the least one sees */
#define CLASS_TEXT (SHEET_TEXT - 4)

/* From the best class to the worst. */
static const struct colour classes[COMPARE_CLASSES] = {
        [COMPARE_EXACT] = { 0.10, 0.36, 0.75 },
        [COMPARE_EXACT + 1] = { 0.55, 0.75, 0.92 },
        [COMPARE_EXACT + 2] = { 0.70, 0.75, 0.80 },
        [COMPARE_EXACT + 3] = { 0.96, 0.83, 0.35 },
        [COMPARE_EXACT + 4] = { 0.95, 0.62, 0.20 },
        [COMPARE_EXACT + 5] = { 0.85, 0.33, 0.13 },
        [COMPARE_EXACT + 6] = { 0.70, 0.10, 0.25 },
        [COMPARE_EXACT + 7] = { 0.30, 0.05, 0.20 },
};

struct bars {
        struct bar {
                char name[2 * STATISTICS_NAME_SIZE + 32];
                struct ledger_parity parity;
        } all[BARS_MAX];
        size_t count;
        int64_t from_us, to_us;
};

static void note_bar(void *arg, const struct ledger_parity *parity)
{
        struct bars *bars = arg;
        struct bar *bar = &bars->all[bars->count];

        if (bars->count == BARS_MAX)
                return;
        bar->parity = *parity;
        snprintf(bar->name, sizeof(bar->name), "%s against %s%s", parity->plugin,
                *parity->against ? parity->against : "nobody",
                strcmp(parity->source, "live") != 0 ? ", replayed" : "");
        bars->count++;
}

/* Classes FROM and worse, in the width of TOTAL pairs. */
static void draw_shares(cairo_t *cr, const struct ledger_parity *parity, int from, int64_t total,
        double y, double height)
{
        double x = LEFT;

        for (int class = from; class < COMPARE_CLASSES; class ++) {
                double width = BAR_WIDTH * (double)parity->classes[class] / (double)total;

                if (!parity->classes[class])
                        continue;
                width = width < SLIVER ? SLIVER : width;
                if (x + width > LEFT + BAR_WIDTH) /* what was widened must fit */
                        x = LEFT + BAR_WIDTH - width;
                sheet_pick(cr, &classes[class]);
                cairo_rectangle(cr, x, y, width, height);
                cairo_fill(cr);
                x += width;
        }
}

/* Behind the one before, or, where there is no room, in the next line. */
static void draw_class(cairo_t *cr, int class, int64_t count, double *x, double *y)
{
        const char *name = compare_class_name((enum compare_class) class);
        BUS_AUTOFREE char *text = bus_xasprintf("%s %" PRId64, name, count);
        cairo_text_extents_t extents;

        for (char *c = text; *c; c++)
                if (*c == '_')
                        *c = '-';
        cairo_set_font_size(cr, CLASS_TEXT);
        cairo_text_extents(cr, text, &extents);
        if (*x + 32 + extents.x_advance > LEFT + BAR_WIDTH) {
                *x = LEFT;
                *y += 38;
        }
        sheet_pick(cr, &classes[class]);
        cairo_rectangle(cr, *x, *y - 21, 22, 22);
        cairo_fill(cr);
        *x += 32;
        *x += sheet_write(cr, *x, *y, CLASS_TEXT, SHEET_LEFT, &sheet_ink, text) + 24;
}

static void draw_rest(cairo_t *cr, const struct ledger_parity *parity, double y)
{
        int64_t rest = parity->pairs - parity->classes[COMPARE_EXACT];
        double x = LEFT, at = y + 60;

        if (!rest) {
                sheet_write(cr, LEFT, y + 32, SHEET_TEXT - 2, SHEET_LEFT, &sheet_pale,
                        "nothing differs");
                return;
        }
        draw_shares(cr, parity, COMPARE_EXACT + 1, rest, y, 22);
        for (int class = COMPARE_EXACT + 1; class < COMPARE_CLASSES; class ++)
                if (parity->classes[class])
                        draw_class(cr, class, parity->classes[class], &x, &at);
}

static void draw_bar(cairo_t *cr, const struct bar *bar, double y)
{
        const struct ledger_parity *parity = &bar->parity;
        int64_t permille = parity->classes[COMPARE_EXACT] * 1000 / parity->pairs;
        BUS_AUTOFREE char *share = bus_xasprintf("%" PRId64 ".%" PRId64 " %% of %" PRId64,
                permille / 10, permille % 10, parity->pairs);
        BUS_AUTOFREE char *critical =
                parity->critical ? bus_xasprintf("%" PRId64 " critical", parity->critical)
                                 : bus_xstrdup("none critical");

        sheet_write(cr, LEFT, y, SHEET_TEXT, SHEET_LEFT, &sheet_ink, bar->name);
        sheet_write(cr, LEFT + BAR_WIDTH, y, SHEET_TEXT, SHEET_RIGHT,
                parity->critical ? &classes[COMPARE_CLASSES - 2] : &sheet_pale, critical);
        draw_shares(cr, parity, COMPARE_EXACT, parity->pairs, y + 16, 46);
        if (permille >= 300)
                sheet_write(cr, LEFT + 16, y + 49, SHEET_TEXT, SHEET_LEFT,
                        &(struct colour){ 1, 1, 1 }, share);
        else
                sheet_write(cr, LEFT + BAR_WIDTH - 16, y + 49, SHEET_TEXT, SHEET_RIGHT, &sheet_ink,
                        share);
        draw_rest(cr, parity, y + 82);
}

static void draw_head(cairo_t *cr, int64_t from_us, int64_t to_us)
{
        char from[CALENDAR_TEXT_SIZE], to[CALENDAR_TEXT_SIZE];
        BUS_AUTOFREE char *span =
                bus_xasprintf("%s to %s", calendar_text(from_us, CALENDAR_MOMENT, from),
                        calendar_text(to_us, CALENDAR_MOMENT, to));

        sheet_write(cr, LEFT, 66, SHEET_TITLE, SHEET_LEFT, &sheet_ink, "Live and shadow");
        sheet_write(cr, SHEET_WIDTH - LEFT, 66, SHEET_TEXT - 4, SHEET_RIGHT, &sheet_pale, span);
        sheet_pick(cr, &classes[COMPARE_EXACT]);
        cairo_rectangle(cr, LEFT, 91, 22, 22);
        cairo_fill(cr);
        sheet_write(cr, LEFT + 32, 112, CLASS_TEXT, SHEET_LEFT, &sheet_pale, "exactly the same");
}

static int draw(const void *arg, struct bus_buf *png)
{
        const struct bars *bars = arg;
        cairo_surface_t *surface;
        cairo_t *cr = sheet_new(HEAD + ROW_HEIGHT * (int)bars->count, &surface);

        draw_head(cr, bars->from_us, bars->to_us);
        for (size_t i = 0; i < bars->count; i++)
                draw_bar(cr, &bars->all[i], HEAD + 40 + ROW_HEIGHT * (double)i);
        return sheet_finish(cr, surface, png);
}

int picture_parity(struct ledger *ledger, int64_t from_us, int64_t to_us, struct bus_buf *png)
{
        struct bars bars = { .from_us = from_us, .to_us = to_us };
        int r = ledger_parity(ledger, from_us, to_us, note_bar, &bars);

        if (r == 0 && !bars.count)
                r = -ENODATA;
        return r < 0 ? r : sheet_apart(draw, &bars, png);
}
