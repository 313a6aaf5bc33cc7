/* GET /api/: who trades, what the shadow says of it, and who switched what. */
#include "libbus/base/clock.h"
#include "services/health/health.h"

#include <stdlib.h>

#define AUDIT_DEFAULT 100
#define MINUTES_SHOWN 1440 /* a day of the shadow's parity */

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

void health_get_audit(struct health *health, struct http_request *request, const char *rest)
{
        const char *since = http_query(request, "since"), *limit = http_query(request, "limit");
        long count = limit ? strtol(limit, NULL, 10) : AUDIT_DEFAULT;
        int64_t since_us = 0;

        (void)rest;
        if (since && bus_moment_parse(since, bus_wall_us(), &since_us) < 0)
                health_reply_error(request, 422, "bad_parameter",
                        "since: must be a time (RFC 3339) or an age such as 10m");
        else if (count < 1 || count > AUDIT_RECENT_MAX)
                health_reply_error(
                        request, 422, "bad_parameter", "limit: must be 1..%d", AUDIT_RECENT_MAX);
        else
                health_reply_json(request, 200, audit_list(health->audit, since_us, (size_t)count));
}
