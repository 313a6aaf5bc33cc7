#include "services/health/equity.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"

#include <stddef.h>

#define SECONDS_PER_MINUTE 60
#define US_PER_MINUTE      (SECONDS_PER_MINUTE * BUS_US_PER_SEC)

/* The I-th oldest. */
static const struct equity_point *point_at(const struct equity *equity, size_t i)
{
        return &equity->points[(equity->next + EQUITY_MINUTES - equity->count + i) %
                               EQUITY_MINUTES];
}

const struct equity_point *equity_take(struct equity *equity, const struct equity_point *point)
{
        struct equity_point *last =
                &equity->points[(equity->next + EQUITY_MINUTES - 1) % EQUITY_MINUTES];

        if (equity->count && point->minute < last->minute)
                return NULL;
        if (!equity->count || point->minute > last->minute) {
                last = &equity->points[equity->next];
                equity->next = (equity->next + 1) % EQUITY_MINUTES;
                if (equity->count < EQUITY_MINUTES)
                        equity->count++;
        }
        *last = *point;
        return last;
}

json_t *equity_json(const struct equity *equity, int64_t since_us)
{
        int64_t since_minute = since_us / US_PER_MINUTE;
        json_t *points = json_array(), *json;
        size_t first = 0, step;

        while (first < equity->count && point_at(equity, first)->minute < since_minute)
                first++;
        step = (equity->count - first + EQUITY_POINTS_MAX - 1) / EQUITY_POINTS_MAX;
        for (size_t i = first; i < equity->count; i++) {
                const struct equity_point *point = point_at(equity, i);

                /* counted from the end, so that the newest is among them */
                if ((equity->count - 1 - i) % step == 0)
                        json_array_append_new(
                                points, json_pack("[I, I, I]",
                                                (json_int_t)point->minute * SECONDS_PER_MINUTE,
                                                (json_int_t)point->equity_cents,
                                                (json_int_t)point->balance_cents));
        }
        json = json_pack("{s:s, s:o}", "unit", "cents", "points", points);
        bus_require(json);
        return json;
}
