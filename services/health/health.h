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
#include "services/health/beats.h"
#include "services/health/projection.h"
#include "services/health/relay.h"

struct health {
        struct bus_service *service;
        struct http_server *http;
        struct beats beats;
        struct projection *projection;
        struct alarms *alarms;
        struct relay *relay;
        struct access_rule access;
        bool gate_on;
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

/* reply.c */
void health_reply_json(
        struct http_request *request, unsigned int status, json_t *json); /* takes JSON over */
void health_reply_error(struct http_request *request, unsigned int status, const char *code,
        const char *format, ...) BUS_PRINTF(4, 5);

/* switch.c: POST /admin/PATH. */
void health_admin(struct health *health, struct http_request *request, const char *path);
