#pragma once
/*
 * alert-ingest: authenticate, validate, make durable, answer; nothing else. It waits for nobody but
 * its own disk.
 */
#include "libbus/service/http.h"
#include "libbus/service/service.h"
#include "services/alert-ingest/address.h"
#include "services/alert-ingest/auth.h"
#include "services/alert-ingest/context.h"
#include "services/alert-ingest/ring.h"
#include "services/alert-ingest/silence.h"
#include "services/alert-ingest/throttle.h"
#include "services/common/alert.h"
#include "signal.pb-c.h"

/* How a request ended: a label of the metrics. */
enum outcome {
        OUTCOME_ACCEPTED,
        OUTCOME_DUPLICATE,
        OUTCOME_REJECTED,
        OUTCOME_ID_REUSED,
        OUTCOME_UNAUTHORIZED,
        OUTCOME_UNAVAILABLE,
        OUTCOME_OTHER, /* probes, other paths and methods */
        OUTCOME_COUNT,
};

struct ingest_metrics {
        struct bus_metric *outcomes[OUTCOME_COUNT];
        struct bus_metric *rejected[ALERT_CODE_COUNT]; /* by the first error's code */
        struct bus_metric *answer_seconds;
        struct bus_metric *groups, *grouped, *group_largest;
        struct bus_metric *connections, *context_age;
};

struct ingest_source {
        int64_t reused_us; /* monotonic: the last reuse of an id; 0: none */
};

struct ingest {
        struct bus_service *service;
        struct http_server *http;
        struct bus_source *drain_timer, *watch_timer;

        struct auth_source *sources;
        struct ingest_source *source_states; /* side by side with SOURCES */
        int64_t *max_silence_us;             /* the same */
        size_t source_count;
        struct address_list allow, trusted;
        struct symbols symbols;

        struct context context;
        bool lacks_account; /* as it was told last: no entry would be judged by a current context */
        struct silence silence;
        struct ring *ring;
        struct throttle unauthorized_log, refused_log, ring_log;
        struct ingest_metrics metrics;
        struct intake *intakes; /* alerts whose commit is awaited */
        bool group_open;        /* the commit being staged has alerts */
        unsigned int group_done;
        bool draining;
        bool standing_by;       /* not started: nothing but refusals */
        int64_t drain_until_us; /* monotonic */
        bool notice;            /* gives word ahead of alerts that come one at a time */
        int64_t staged_us;      /* monotonic: the last alert */
};

/* webhook.c */
void webhook_request(void *ingest, struct http_request *request);

/* intake.c: an authenticated alert, from its body to its answer. */
void intake_alert(struct ingest *ingest, struct http_request *request,
        const struct auth_source *source, const char *address);
/* Forgets those whose commit will not come: the process ends. */
void intake_free_all(struct ingest *ingest);

/* notice.c: word ahead of an alert that is about to be written, for those who can make ready for it
 * meanwhile; given only where alerts come one at a time. Call it for each alert. */
void notice_signal(struct ingest *ingest, const char *alert_id, const Pb__Signal *signal);

/* reply.c: every answer goes out through these, and is counted there. */
void reply(struct ingest *ingest, struct http_request *request, enum outcome outcome,
        unsigned int status, struct bus_buf *body);
void reply_error(struct ingest *ingest, struct http_request *request, enum outcome outcome,
        unsigned int status, const char *code, const char *message);
void reply_unavailable(
        struct ingest *ingest, struct http_request *request, const char *code, const char *message);
void ingest_metrics_register(struct ingest *ingest);

/* watch.c: what is noticed over time: reused ids, silent sources. */
BUS_MUST int watch_start(struct ingest *ingest);
void watch_heard(struct ingest *ingest, const struct auth_source *source, const char *symbol,
        int64_t now_us);
void watch_reused(struct ingest *ingest, const struct auth_source *source, const char *id);
