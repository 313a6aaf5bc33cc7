/* The equity curve in the store. Key: e/MINUTE -> "EQUITY BALANCE" in cents. */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "services/health/health.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX        "e/"
#define US_PER_MINUTE (60 * BUS_US_PER_SEC)
#define US_PER_HOUR   (60 * US_PER_MINUTE)
#define KEY_SIZE      32
#define PRUNE_MAX     500
#define HOURS_DEFAULT 24
#define HOURS_MAX     (EQUITY_MINUTES / 60)

static const char *key_of(int64_t minute, char key[static KEY_SIZE])
{
        snprintf(key, KEY_SIZE, PREFIX "%010" PRId64, minute);
        return key;
}

void health_curve_take(struct health *health, int64_t at_us)
{
        const Pb__Account *account = health->account;
        const struct equity_point *point;
        char key[KEY_SIZE], value[48];

        if (!account->connected) /* old figures, or none */
                return;
        point = equity_take(
                &health->equity_curve, &(struct equity_point){ .minute = at_us / US_PER_MINUTE,
                                               .equity_cents = account->equity_cents,
                                               .balance_cents = account->balance_cents });
        if (!point)
                return;
        snprintf(value, sizeof(value), "%" PRId64 " %" PRId64, point->equity_cents,
                point->balance_cents);
        bus_put(health->service, key_of(point->minute, key), bus_bytes_str(value), false);
}

static int load_one(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        BUS_AUTOFREE char *text = bus_xasprintf("%.*s %.*s", (int)(key.size - strlen(PREFIX)),
                (const char *)key.data + strlen(PREFIX), (int)value.size, (const char *)value.data);
        struct equity_point point;
        char *end;

        point.minute = strtoll(text, &end, 10);
        point.equity_cents = strtoll(end, &end, 10);
        point.balance_cents = strtoll(end, &end, 10);
        (void)equity_take(arg, &point);
        return 0;
}

int health_curve_load(struct health *health)
{
        int r = bus_scan(health->service, PREFIX, load_one, &health->equity_curve);

        return r < 0 ? r : 0;
}

struct pruning {
        struct bus_service *service;
        char before[KEY_SIZE];
        size_t count;
};

static int drop_one(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct pruning *pruning = arg;
        BUS_AUTOFREE char *text = bus_xasprintf("%.*s", (int)key.size, (const char *)key.data);

        (void)value;
        if (strcmp(text, pruning->before) >= 0)
                return 1;
        bus_delete(pruning->service, text);
        return ++pruning->count >= PRUNE_MAX;
}

int health_curve_prune(struct health *health, int64_t now_us)
{
        struct pruning pruning = { .service = health->service };
        int r;

        key_of(now_us / US_PER_MINUTE - EQUITY_MINUTES, pruning.before);
        r = bus_scan(health->service, PREFIX, drop_one, &pruning);
        return r < 0 ? r : 0;
}

void health_get_equity(struct health *health, struct http_request *request, const char *rest)
{
        const char *text = http_query(request, "hours");
        long hours = text ? strtol(text, NULL, 10) : HOURS_DEFAULT;

        (void)rest;
        if (hours < 1 || hours > HOURS_MAX)
                health_reply_error(
                        request, 422, "bad_parameter", "hours: must be 1..%d", HOURS_MAX);
        else
                health_reply_json(request, 200,
                        equity_json(&health->equity_curve, bus_wall_us() - hours * US_PER_HOUR));
}
