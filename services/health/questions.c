/* GET /api/: who trades, what the shadow says of it, and who switched what. */
#include "libbus/base/clock.h"
#include "services/health/health.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AUDIT_DEFAULT   100
#define ORDERS_DEFAULT  100
#define ORDERS_DAYS     2
#define ORDERS_DAYS_MAX 90   /* as signals are kept */
#define MINUTES_SHOWN   1440 /* a day of the shadow's parity */

void health_get_route(struct health *health, struct http_request *request, const char *rest)
{
        (void)rest;
        health_reply_json(request, 200, route_json(&health->route));
}

static json_t *rule_json(const struct health *health)
{
        const struct gate_rule *rule = &health->gate_rule;

        return json_pack("{s:I, s:I, s:I}", "window_us", (json_int_t)rule->window_us, "decisions",
                (json_int_t)rule->decisions, "backup_max_age_us",
                (json_int_t)rule->backup_max_age_us);
}

void health_get_shadow(struct health *health, struct http_request *request, const char *rest)
{
        json_t *json = evidence_json(health->evidence, bus_wall_us(), MINUTES_SHOWN);
        struct gate_verdict verdict;

        (void)rest;
        json_object_set_new(json, "watch", watch_json(&health->watch));
        json_object_set_new(json, "auto_rollback", json_boolean(health->auto_rollback));
        health_gate(health, &verdict);
        json_object_set_new(json, "gate",
                json_pack("{s:s, s:b, s:o, s:o}", "mode", health->gate_on ? "on" : "off", "passes",
                        (int)verdict.is_passed, "rule", rule_json(health), "conditions",
                        gate_json(&verdict)));
        health_reply_json(request, 200, json);
}

/* A whole number within its bounds; false: answered with what is wrong. */
static bool number(struct http_request *request, const char *key, long fallback, long maximum,
        long *ret_number)
{
        const char *text = http_query(request, key);
        char *end = NULL;

        *ret_number = text ? strtol(text, &end, 10) : fallback;
        if ((!text || (*text && !*end)) && *ret_number >= 1 && *ret_number <= maximum)
                return true;
        health_reply_error(request, 422, "bad_parameter", "%s: must be 1..%ld", key, maximum);
        return false;
}

void health_get_audit(struct health *health, struct http_request *request, const char *rest)
{
        const char *since = http_query(request, "since");
        int64_t since_us = 0;
        long limit;

        (void)rest;
        if (!number(request, "limit", AUDIT_DEFAULT, AUDIT_RECENT_MAX, &limit))
                return;
        if (since && bus_moment_parse(since, bus_wall_us(), &since_us) < 0)
                health_reply_error(request, 422, "bad_parameter",
                        "since: must be a time (RFC 3339) or an age such as 10m");
        else
                health_reply_json(request, 200, audit_list(health->audit, since_us, (size_t)limit));
}

void health_get_orders(struct health *health, struct http_request *request, const char *rest)
{
        struct orders_query query = { .state = http_query(request, "state"),
                .now_us = bus_wall_us() };
        long limit, days;
        json_t *json;
        int r;

        (void)rest;
        if (!number(request, "limit", ORDERS_DEFAULT, ORDERS_LIMIT_MAX, &limit) ||
                !number(request, "days", ORDERS_DAYS, ORDERS_DAYS_MAX, &days))
                return;
        query.limit = (size_t)limit;
        query.days = days;
        r = orders_list(health->service, &query, &json);
        if (!r)
                health_reply_json(request, 200, json);
        else if (r == -EINVAL)
                health_reply_error(request, 422, "bad_parameter",
                        "state: must be open or the state of an order, such as filled");
        else
                health_reply_error(request, 500, "store", "%s", strerror(-r));
}
