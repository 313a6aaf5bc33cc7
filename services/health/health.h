#pragma once
/*
 * The service health: it reads every stream, acts on none, and answers people. All it knows can be
 * made anew from the streams.
 */
#include "account.pb-c.h"
#include "libbus/service/http.h"
#include "libbus/service/service.h"
#include "services/health/access.h"
#include "services/health/alarms.h"
#include "services/health/audit.h"
#include "services/health/beats.h"
#include "services/health/drill.h"
#include "services/health/equity.h"
#include "services/health/evidence.h"
#include "services/health/gate.h"
#include "services/health/measure.h"
#include "services/health/orders.h"
#include "services/health/projection.h"
#include "services/health/relay.h"
#include "services/health/route.h"
#include "services/health/watch.h"

/* The slot's plugins: the second takes over from the first, if the gate lets it. */
#define HEALTH_INCUMBENT "legacy_v3"
#define HEALTH_SUCCESSOR "combined_v3"

/* Requests of others that wait for strategy-v3's answer: people at a phone, a few at once. */
#define HEALTH_BEHALF_MAX 8

struct health_behalf {
        char asked_id[BUS_ID_SIZE], own_id[BUS_ID_SIZE]; /* "": free */
        int64_t sent_us;
};

struct health_events;

struct health {
        struct bus_service *service;
        struct http_server *http;
        struct beats beats;
        struct projection *projection;
        struct alarms *alarms;
        struct relay *relay;
        struct drill *drill;
        struct access_rule access;
        struct audit *audit;
        struct route route;
        bool gate_on;
        struct gate_rule gate_rule;
        struct evidence *evidence;
        struct watch watch;
        bool watch_changed; /* since it was last written */
        int64_t watch_us;   /* how long a plugin is watched that has taken over */
        bool auto_rollback;
        struct measure measure;
        struct health_behalf behalf[HEALTH_BEHALF_MAX];
        int64_t behalf_since_us; /* wall clock: no request since then was taken by a store before */
        struct equity equity_curve;
        struct health_events *events; /* pages that listen */
        Pb__Account *account;         /* newest; owned; NULL: none yet */
        int64_t account_us;           /* wall clock of that message */
        int64_t broker_gone_since_us; /* monotonic; 0: connected */
        int64_t started_us;           /* monotonic */
        struct bus_source *refresh_timer, *prune_timer, *drain_timer;
        struct bus_metric *processing_seconds, *open_positions, *balance, *equity, *alarms_active;
        struct bus_metric *alerts_open;
};

/* streams.c: the handlers. */
extern const struct bus_input health_inputs[];
extern const struct bus_listen health_listens[];
BUS_MUST int health_load(struct health *health);

/* api.c: all of HTTP. */
void health_http(void *self, struct http_request *request);

json_t *health_status_json(struct health *health); /* the caller owns it */

/* reply.c */
void health_reply_json(
        struct http_request *request, unsigned int status, json_t *json); /* takes JSON over */
void health_reply_error(struct http_request *request, unsigned int status, const char *code,
        const char *format, ...) BUS_PRINTF(4, 5);

/* questions.c: what the api's table has of switches and orders. */
void health_get_route(struct health *health, struct http_request *request, const char *rest);
void health_get_shadow(struct health *health, struct http_request *request, const char *rest);
void health_get_orders(struct health *health, struct http_request *request, const char *rest);
void health_get_audit(struct health *health, struct http_request *request, const char *rest);

/* page.c: false if there is no such file; else answered. */
bool health_get_page(struct http_request *request);

/* events.c: GET /events, and what is noted for whoever listens. */
struct health_events *health_events_new(struct health *health);
struct health_events *health_events_free(
        struct health_events *events);                /* takes NULL, returns NULL */
void health_events_end(struct health_events *events); /* sends the listeners away */
void health_events_alert(struct health_events *events, const char *alert_id);
void health_events_account(struct health_events *events);
void health_events_audit(struct health_events *events);
void health_get_events(struct health *health, struct http_request *request, const char *rest);

/* curve.c: the account over the days; what was connected is a point of it. */
BUS_MUST int health_curve_load(struct health *health);
void health_curve_take(struct health *health, int64_t at_us); /* health->account, as it stands */
BUS_MUST int health_curve_prune(struct health *health, int64_t now_us);
void health_get_equity(struct health *health, struct http_request *request, const char *rest);

/* cutover.c: the evidence, and the gate over it. */
BUS_MUST int health_cutover_load(struct health *health);
void health_gate(struct health *health, struct gate_verdict *ret_verdict);
/* Everybody who is expected, NULL-terminated; room for BEATS_SERVICES_MAX + 1. */
void health_everybody(const struct health *health, const char **ret_services);

/* behalf.c: what others ask for over the bus, and what came of it. */
BUS_MUST int health_behalf_load(struct health *health);
void health_request(
        struct health *health, const struct bus_message *message, const Pb__Control *control);
void health_request_result(struct health *health, const Pb__ControlResult *result);

/* watching.c: the watch over a plugin that has taken over. */
BUS_MUST int health_watch_load(struct health *health);
void health_watch_write(struct health *health); /* right before a commit */
void health_watch_route(struct health *health); /* the slot has changed */
void health_watch_comparison(
        struct health *health, const char *alert_id, const Pb__Comparison *comparison);
void health_watch_judge(struct health *health); /* once a second */

/* switch.c: what holds, for answers; the caller owns it. ARG: the health. */
json_t *health_state_json(void *arg);
/* POST /admin/PATH. */
void health_admin(struct health *health, struct http_request *request, const char *path);
