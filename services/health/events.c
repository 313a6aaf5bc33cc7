/*
 * GET /events: what has changed, as it changes, for pages that are open. What comes in at once is told
 * at once: a quarter of a second's changes are one event. Nobody waits for a listener: who is slow is
 * dropped, and a page that was dropped asks anew.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/pbjson/pbjson.h"
#include "libbus/service/http_stream.h"
#include "services/health/health.h"

#include <stdio.h>
#include <string.h>

#define LISTENERS_MAX 16 /* the screens of a few people */
#define ALERTS_MAX    64 /* told one by one; of more the page asks for the newest itself */
#define TELL_US       (250 * BUS_US_PER_MS)
#define STATUS_TURNS  8 /* the state of the services, also to see who is still there */

struct health_events {
        struct health *health;
        struct http_stream *listeners[LISTENERS_MAX];
        struct bus_source *timer; /* stands still while nobody listens */
        char alerts[ALERTS_MAX][BUS_ID_SIZE];
        size_t alert_count;
        bool too_many_alerts, account_changed, audit_changed;
        unsigned int turn;
};

static bool has_listeners(const struct health_events *events)
{
        for (size_t i = 0; i < LISTENERS_MAX; i++)
                if (events->listeners[i])
                        return true;
        return false;
}

static void forget_changes(struct health_events *events)
{
        events->alert_count = 0;
        events->too_many_alerts = events->account_changed = events->audit_changed = false;
}

/* ---- telling ---- */

/* Takes JSON over. */
static void add_event(struct bus_buf *text, const char *name, json_t *json)
{
        BUS_AUTOFREE char *data = json_dumps(json, JSON_COMPACT);

        bus_require(data);
        bus_buf_printf(text, "event: %s\ndata: ", name);
        bus_buf_add_str(text, data);
        bus_buf_add_str(text, "\n\n");
        json_decref(json);
}

static json_t *alerts_json(struct health_events *events)
{
        json_t *list = json_array();

        for (size_t i = 0; i < events->alert_count; i++) {
                const struct summary *summary =
                        projection_summary(events->health->projection, events->alerts[i]);

                if (summary)
                        json_array_append_new(list, summary_json(summary));
        }
        return list;
}

static void tell(struct health_events *events, struct bus_bytes text)
{
        for (size_t i = 0; i < LISTENERS_MAX; i++)
                if (events->listeners[i] && http_stream_send(events->listeners[i], text) < 0)
                        events->listeners[i] = NULL;
}

static void on_turn(void *arg)
{
        struct health_events *events = arg;
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;

        if (events->too_many_alerts)
                add_event(&text, "changed", json_pack("[s]", "alerts"));
        else if (events->alert_count)
                add_event(&text, "alerts", alerts_json(events));
        if (events->account_changed && events->health->account)
                add_event(&text, "account", pbjson(&events->health->account->base));
        if (events->audit_changed)
                add_event(&text, "changed", json_pack("[s, s]", "audit", "shadow"));
        if (events->turn++ % STATUS_TURNS == 0)
                add_event(&text, "status", health_status_json(events->health));
        forget_changes(events);
        if (text.size)
                tell(events, bus_buf_bytes(&text));
        bus_loop_set_timer(events->timer, has_listeners(events) ? TELL_US : -1);
}

/* ---- noting ---- */

void health_events_alert(struct health_events *events, const char *alert_id)
{
        if (!has_listeners(events) || events->too_many_alerts)
                return;
        for (size_t i = 0; i < events->alert_count; i++)
                if (!strcmp(events->alerts[i], alert_id))
                        return;
        if (events->alert_count == ALERTS_MAX)
                events->too_many_alerts = true;
        else
                snprintf(events->alerts[events->alert_count++], BUS_ID_SIZE, "%s", alert_id);
}

void health_events_account(struct health_events *events)
{
        events->account_changed = true;
}

void health_events_audit(struct health_events *events)
{
        events->audit_changed = true;
}

/* ---- listeners ---- */

static void on_gone(void *arg, struct http_stream *stream)
{
        struct health_events *events = arg;

        for (size_t i = 0; i < LISTENERS_MAX; i++)
                if (events->listeners[i] == stream)
                        events->listeners[i] = NULL;
}

/* NULL: there are as many as there may be. One that has hung up makes room. */
static struct http_stream **free_place(struct health_events *events)
{
        for (size_t i = 0; i < LISTENERS_MAX; i++)
                if (!events->listeners[i])
                        return &events->listeners[i];
        for (size_t i = 0; i < LISTENERS_MAX; i++) {
                if (!http_stream_is_cut(events->listeners[i]))
                        continue;
                events->listeners[i] = http_stream_free(events->listeners[i]);
                return &events->listeners[i];
        }
        return NULL;
}

void health_get_events(struct health *health, struct http_request *request, const char *rest)
{
        static const struct http_response response = {
                .status = 200,
                .content_type = "text/event-stream",
                .body = { (const uint8_t *)": changes follow\n\n", 18 },
                /* a proxy that collects before it passes on would make it late */
                .headers = { { "Cache-Control", "no-store" }, { "X-Accel-Buffering", "no" } },
        };
        struct health_events *events = health->events;
        struct http_stream **place;

        (void)rest;
        if (strcmp(http_method(request), "GET") != 0) {
                health_reply_error(request, 405, "method_not_allowed", "GET it");
                return;
        }
        place = free_place(events);
        if (!place) {
                health_reply_error(request, 503, "too_many_listeners",
                        "%d pages listen already; ask from time to time", LISTENERS_MAX);
                return;
        }
        if (!has_listeners(events))
                forget_changes(events);
        *place = http_stream_new(request, &response, on_gone, events);
        events->turn = 0;
        bus_loop_set_timer(events->timer, 0);
}

struct health_events *health_events_new(struct health *health)
{
        struct health_events *events = bus_new(struct health_events);

        events->health = health;
        events->timer =
                bus_loop_add_timer(bus_service_loop(health->service), -1, 0, on_turn, events);
        return events;
}

void health_events_end(struct health_events *events)
{
        for (size_t i = 0; i < LISTENERS_MAX; i++)
                events->listeners[i] = http_stream_free(events->listeners[i]);
}

struct health_events *health_events_free(struct health_events *events)
{
        if (events) {
                bus_loop_remove(bus_service_loop(events->health->service), events->timer);
                free(events);
        }
        return NULL;
}
