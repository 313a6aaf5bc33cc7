/* Everything health answers over HTTP: a table of paths, each a function. */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/pbjson/pbjson.h"
#include "services/health/health.h"
#include "services/health/prometheus.h"
#include "services/health/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A list is for a page or a script: more is asked for in pieces, or read from the bus. */
#define LIST_DEFAULT 100
#define LIST_MAX     PROJECTION_RECENT_MAX

static void set(json_t *json, const char *key, json_t *value)
{
        json_object_set_new(json, key, value ? value : json_null());
}

static json_t *verdict_of(const struct health *health, enum verdict *ret_verdict)
{
        json_t *json;

        *ret_verdict = verdict_judge(
                &(struct verdict_input){
                        .beats = &health->beats,
                        .active = health->route.is_known ? health->route.active : NULL,
                        .account = health->account,
                        .broker_gone_since_us = health->broker_gone_since_us,
                        .alarms = alarms_count(health->alarms),
                        .thresholds = health->measure.thresholds,
                        .now_us = bus_mono_us(),
                        .uptime_us = bus_mono_us() - health->started_us,
                },
                &json);
        return json;
}

/* ---- how it is ---- */

static void get_health(struct health *health, struct http_request *request, const char *rest)
{
        enum verdict verdict;
        json_t *json = verdict_of(health, &verdict);

        (void)rest;
        health_reply_json(request, verdict == VERDICT_UNHEALTHY ? 503 : 200, json);
}

static void get_livez(struct health *health, struct http_request *request, const char *rest)
{
        (void)health;
        (void)rest;
        health_reply_json(request, 200, json_pack("{s:s}", "status", "alive"));
}

static void get_readyz(struct health *health, struct http_request *request, const char *rest)
{
        const char *missing;

        (void)rest;
        if (beats_ready(&health->beats, bus_mono_us(), &missing))
                health_reply_json(request, 200, json_pack("{s:s}", "status", "ready"));
        else
                health_reply_json(request, 503,
                        json_pack("{s:s, s:s}", "status", "not_ready", "waiting_for", missing));
}

static void get_metrics(struct health *health, struct http_request *request, const char *rest)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        struct http_response response = { .status = 200, .content_type = PROMETHEUS_CONTENT_TYPE };

        struct prometheus_state state = { .thresholds = health->measure.thresholds,
                .rules = health->measure.rules,
                .alarms = alarms_json(health->alarms),
                .active = health->route.is_known ? health->route.active : NULL,
                .epoch = health->route.epoch,
                .account = health->account };

        (void)rest;
        json_decref(verdict_of(health, &state.verdict));
        prometheus_write(&health->beats, bus_mono_us(), &text);
        prometheus_write_state(&state, &text);
        response.body = bus_buf_bytes(&text);
        http_respond(request, &response);
}

static json_t *facts_json(const Pb__Heartbeat *beat)
{
        json_t *json = json_object();

        for (size_t i = 0; i < beat->n_facts; i++) {
                const char *equals = strchr(beat->facts[i], '=');
                BUS_AUTOFREE char *key = NULL;

                if (!equals)
                        continue;
                key = bus_xasprintf("%.*s", (int)(equals - beat->facts[i]), beat->facts[i]);
                set(json, key, json_string(equals + 1));
        }
        return json;
}

static json_t *lags_json(const Pb__Heartbeat *beat)
{
        json_t *json = json_object();

        for (size_t i = 0; i < beat->n_lags; i++)
                set(json, beat->lags[i]->stream, json_integer((json_int_t)beat->lags[i]->behind));
        return json;
}

static json_t *service_json(const struct beat *beat, int64_t now_us)
{
        json_t *json = json_object();
        char state[PBJSON_ENUM_SIZE], when[BUS_TIME_TEXT_SIZE];

        set(json, "service", json_string(beat->service));
        set(json, "expected", json_boolean(beat->expected));
        set(json, "alive", json_boolean(beat_is_alive(beat, now_us)));
        set(json, "ready", json_boolean(beat_is_ready(beat, now_us)));
        if (!beat->last)
                return json;
        pbjson_enum(&pb__service_state__descriptor, (int)beat->last->state, state);
        set(json, "state", json_string(state));
        if (*beat->last->why)
                set(json, "why", json_string(beat->last->why));
        if (*beat->last->replica)
                set(json, "replica", json_string(beat->last->replica));
        set(json, "pid", json_integer(beat->last->pid));
        set(json, "version", json_string(beat->last->version));
        set(json, "started", json_string(bus_time_format(beat->last->started_us, when)));
        set(json, "starts_seen", json_integer(beat->starts));
        set(json, "age_ms", json_integer((now_us - beat->heard_us) / BUS_US_PER_MS));
        set(json, "memory_bytes", json_integer((json_int_t)beat->last->memory_bytes));
        set(json, "cpu_us", json_integer((json_int_t)beat->last->cpu_us));
        set(json, "store_ok", json_boolean(beat->last->store_ok));
        set(json, "behind", lags_json(beat->last));
        set(json, "facts", facts_json(beat->last));
        return json;
}

json_t *health_status_json(struct health *health)
{
        enum verdict verdict;
        json_t *json = verdict_of(health, &verdict), *services = json_array();
        char when[BUS_TIME_TEXT_SIZE];
        size_t known, open;

        for (size_t i = 0; i < health->beats.count; i++)
                if (health->beats.items[i].expected || health->beats.items[i].last)
                        json_array_append_new(
                                services, service_json(&health->beats.items[i], bus_mono_us()));
        projection_count(health->projection, &known, &open);
        set(json, "now", json_string(bus_time_format(bus_wall_us(), when)));
        set(json, "services", services);
        set(json, "alerts",
                json_pack("{s:I, s:I}", "known", (json_int_t)known, "open", (json_int_t)open));
        set(json, "alarms", json_deep_copy(alarms_json(health->alarms)));
        set(json, "thresholds", thresholds_json(health->measure.thresholds, health->measure.rules));
        set(json, "gate", json_string(health->gate_on ? "on" : "off"));
        set(json, "state", health_state_json(health));
        return json;
}

static void get_status(struct health *health, struct http_request *request, const char *rest)
{
        (void)rest;
        health_reply_json(request, 200, health_status_json(health));
}

static void get_positions(struct health *health, struct http_request *request, const char *rest)
{
        (void)rest;
        if (health->account)
                health_reply_json(request, 200, pbjson(&health->account->base));
        else
                health_reply_error(request, 404, "no_snapshot",
                        "no snapshot of the account has been seen yet");
}

static void get_alarms(struct health *health, struct http_request *request, const char *rest)
{
        (void)rest;
        health_reply_json(request, 200, json_deep_copy(alarms_json(health->alarms)));
}

/* ---- alerts ---- */

static void list_alerts(struct health *health, struct http_request *request)
{
        const char *since = http_query(request, "since"), *limit = http_query(request, "limit");
        int64_t since_us = 0;
        long count = limit ? strtol(limit, NULL, 10) : LIST_DEFAULT;

        if (since && bus_moment_parse(since, bus_wall_us(), &since_us) < 0)
                health_reply_error(request, 422, "bad_parameter",
                        "since: must be a time (RFC 3339) or an age such as 10m");
        else if (count < 1 || count > LIST_MAX)
                health_reply_error(request, 422, "bad_parameter", "limit: must be 1..%d", LIST_MAX);
        else
                health_reply_json(
                        request, 200, projection_list(health->projection, since_us, (size_t)count));
}

static void get_alerts(struct health *health, struct http_request *request, const char *alert_id)
{
        json_t *json;
        int r;

        if (!*alert_id) {
                list_alerts(health, request);
                return;
        }
        if (!bus_id_valid(alert_id)) {
                health_reply_error(request, 404, "not_found", "that is no alert id");
                return;
        }
        r = projection_trail(health->projection, alert_id, &json);
        if (!r)
                health_reply_json(request, 200, json);
        else if (r == STORE_ABSENT)
                health_reply_error(request, 404, "not_found", "no such alert is known");
        else
                health_reply_error(request, 500, "store", "%s", strerror(-r));
}

static void get_api(struct health *health, struct http_request *request, const char *rest)
{
        (void)health;
        (void)rest;
        health_reply_json(request, 200,
                json_pack("{s:s, s:[s,s,s,s,s,s,s,s,s,s,s,s,s,s,s]}", "service", "health", "see",
                        "/", "/health", "/livez", "/readyz", "/metrics", "/api/status",
                        "/api/alerts", "/api/orders", "/api/positions", "/api/equity",
                        "/api/alarms", "/api/route", "/api/shadow", "/api/audit", "/events"));
}

/* ---- the table ---- */

static const struct {
        const char *path;
        bool is_prefix; /* more may follow behind a slash */
        bool open;      /* asked by probes and Prometheus, which have no token */
        void (*fn)(struct health *health, struct http_request *request, const char *rest);
} routes[] = {
        { "/health", false, true, get_health },
        { "/livez", false, true, get_livez },
        { "/readyz", false, true, get_readyz },
        { "/metrics", false, true, get_metrics },
        { "/api/status", false, false, get_status },
        { "/api/positions", false, false, get_positions },
        { "/api/alarms", false, false, get_alarms },
        { "/api/alerts", true, false, get_alerts },
        { "/api/orders", false, false, health_get_orders },
        { "/api/route", false, false, health_get_route },
        { "/api/shadow", false, false, health_get_shadow },
        { "/api/audit", false, false, health_get_audit },
        { "/api/equity", false, false, health_get_equity },
        { "/api", false, true, get_api },
        { "/events", false, false, health_get_events },
};

static struct access_request facts_of(const struct http_request *request)
{
        return (struct access_request){
                .peer = http_peer(request),
                .authorization = http_header(request, "Authorization"),
                .host = http_header(request, "Host"),
                .origin = http_header(request, "Origin"),
                .forwarded = http_header(request, "Forwarded"),
                .x_forwarded_for = http_header(request, "X-Forwarded-For"),
        };
}

static bool is_allowed(const struct health *health, const struct http_request *request)
{
        const struct access_request facts = facts_of(request);

        return access_allowed(&health->access, &facts);
}

static bool may_switch(const struct health *health, const struct http_request *request)
{
        const struct access_request facts = facts_of(request);
        uid_t user;
        int r;

        if (!access_allowed(&health->access, &facts))
                return false;
        if (!access_asks_user(&health->access, &facts))
                return true;
        r = http_peer_uid(request, &user);
        if (access_may_switch(&health->access, r < 0 ? NULL : &user))
                return true;
        log_warn("switch_barred", "uid=%lld without a token", r < 0 ? -1LL : (long long)user);
        return false;
}

static void refuse(struct http_request *request)
{
        health_reply_error(request, 401, "unauthorized",
                "needs 'Authorization: Bearer TOKEN' (admin.token of the state folder)");
}

static void get(struct health *health, struct http_request *request)
{
        const char *path = http_path(request);

        for (size_t i = 0; i < BUS_COUNT(routes); i++) {
                size_t length = strlen(routes[i].path);
                const char *rest = path + length;

                if (strncmp(path, routes[i].path, length) ||
                        (*rest && !(routes[i].is_prefix && *rest == '/')))
                        continue;
                if (!routes[i].open && !is_allowed(health, request)) {
                        refuse(request);
                        return;
                }
                if (!routes[i].open)
                        bus_commit_now(
                                health->service); /* what is asked for is read from the store */
                routes[i].fn(health, request, *rest ? rest + 1 : rest);
                return;
        }
        if (!health_get_page(request))
                health_reply_error(request, 404, "not_found", "no such path");
}

void health_http(void *self, struct http_request *request)
{
        static const char admin[] = "/admin/";
        struct health *health = self;
        const char *method = http_method(request), *path = http_path(request);
        bool is_admin = !strncmp(path, admin, strlen(admin));

        if (http_body_too_large(request))
                health_reply_error(request, 413, "body_too_large", "the body is too large");
        else if (is_admin && strcmp(method, "POST"))
                health_reply_error(request, 405, "method_not_allowed", "POST it");
        else if (is_admin && !may_switch(health, request))
                refuse(request);
        else if (is_admin)
                health_admin(health, request, path + strlen(admin));
        else if (!strcmp(method, "GET") || !strcmp(method, "HEAD"))
                get(health, request);
        else
                health_reply_error(request, 405, "method_not_allowed", "GET it");
}
