/*
 * Invariant: a slot with a request is answered exactly once: by the webhook's refusal, the alert's
 * end, the time, or the drain.
 */
#include "services/health/drill.h"

#include "libbus/base/clock.h"
#include "libbus/base/ids.h"
#include "libbus/base/io.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "services/common/sample_alert.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TRIES_MAX  4 /* in hand at once: a button */
#define TICK_US    (5 * BUS_US_PER_MS)
#define WEBHOOK_US (3 * BUS_US_PER_SEC) /* TradingView's own patience */
#define WHOLE_US   (8 * BUS_US_PER_SEC)

struct
try {
        struct drill *drill;
        struct http_request *request; /* NULL: the slot is free */
        struct post *post;
        char alert_id[BUS_ID_SIZE]; /* "" until ingest has answered */
        int64_t sent_us;            /* monotonic */
};

struct drill {
        struct drill_options options;
        struct bus_source *timer;
        struct try tries[TRIES_MAX];
};

/* ---- answers ---- */

static void answer(struct try *try, unsigned int status, json_t *json)
{
        struct drill *drill = try->drill;
        BUS_AUTOFREE char *text = NULL;
        struct http_response response = { .status = status };

        bus_require(json);
        json_object_set_new(json, "command", json_string("test_alert"));
        json_object_set_new(
                json, "ms", json_integer((bus_mono_us() - try->sent_us) / BUS_US_PER_MS));
        if (*try->alert_id)
                json_object_set_new(json, "alert_id", json_string(try->alert_id));
        json_object_set_new(json, "state", drill->options.state(drill->options.state_arg));
        text = json_dumps(json, JSON_COMPACT);
        bus_require(text);
        response.body = bus_bytes_str(text);
        http_respond(try->request, &response);
        json_decref(json);
        try->request = NULL;
}

static json_t *error_json(const char *status, const char *code, const char *message)
{
        return json_pack("{s:{s:s, s:s}, s:s, s:s}", "error", "code", code, "message", message,
                "status", status, "code", code);
}

static void answer_unknown(struct try *try)
{
        answer(try, 504,
                error_json("unknown", "unknown",
                        *try->alert_id ? "it has not ended in time: GET /api/alerts/ALERT_ID"
                                       : "the webhook has not answered in time"));
}

/* ---- the webhook's answer ---- */

static void on_answer(void *arg, int result, unsigned int status, struct bus_bytes body)
{
        struct try *try = arg;
        json_t *json, *told;
        const char *alert_id;

        if (!try->request)
                return;
        if (result == -ECANCELED || result == -ETIMEDOUT) {
                answer_unknown(try);
                return;
        }
        if (result < 0) {
                answer(try, 503,
                        error_json("refused", "service_down", "alert-ingest cannot be reached"));
                return;
        }
        told = json_loadb((const char *)body.data, body.size, 0, NULL);
        alert_id = json_string_value(json_object_get(told, "alert_id"));
        if (status == 200 && alert_id && bus_id_valid(alert_id)) {
                snprintf(try->alert_id, sizeof(try->alert_id), "%s", alert_id);
        } else {
                json = error_json("refused", "alert_refused", "the webhook has refused the alert");
                json_object_set(json, "webhook", told ? told : json_null());
                answer(try, status == 503 ? 503 : 422, json);
        }
        json_decref(told);
}

/* ---- the alert's end ---- */

static void look(struct try *try)
{
        const struct summary *summary =
                projection_summary(try->drill->options.projection, try->alert_id);
        json_t *json;

        if (!summary || !summary_is_final(summary))
                return;
        if (!strcmp(summary->outcome, "test"))
                json = json_pack("{s:s}", "status", "done");
        else
                json = error_json("failed", "not_a_test", "it has ended as something else");
        bus_require(json);
        json_object_set_new(json, "alert", summary_json(summary));
        answer(try, json_object_get(json, "error") ? 500 : 200, json);
}

static void on_tick(void *arg)
{
        struct drill *drill = arg;
        bool busy = false;

        for (size_t i = 0; i < TRIES_MAX; i++) {
                struct try *try = &drill->tries[i];

                if (try->request && *try->alert_id)
                        look(try);
                if (try->request && bus_mono_us() - try->sent_us > WHOLE_US)
                        answer_unknown(try);
                busy |= try->request != NULL;
        }
        bus_loop_set_timer(drill->timer, busy ? TICK_US : -1);
}

/* ---- sending ---- */

/* Ingest's port, where it took any: whoever gave it its socket has noted it. */
static uint16_t noted_port(const struct config *config)
{
        char run[BUS_ENDPOINT_SIZE];
        BUS_AUTOFREE char *path = bus_xasprintf("%s/alert-ingest.port", bus_run_dir(config, run));
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;

        if (bus_file_read(path, 64, &text) < 0)
                return 0;
        return (uint16_t)strtoul(bus_buf_str(&text), NULL, 10);
}

static int post_alert(struct try *try, const char *token, struct bus_bytes body)
{
        const struct drill *drill = try->drill;
        const struct config *config = bus_service_config(drill->options.service);
        BUS_AUTOFREE char *path = bus_xasprintf("/webhook/%s", token);
        uint16_t port;
        const char *host = config_listen(config, "alert-ingest", "listen", &port);

        if (!port)
                port = noted_port(config);
        if (!strcmp(host, "0.0.0.0") || !strcmp(host, "::") || !strcmp(host, "localhost"))
                host = "127.0.0.1";
        return post_new(bus_service_loop(drill->options.service),
                &(struct post_options){ .host = host,
                        .port = port,
                        .path = path,
                        .body = body,
                        .timeout_us = WEBHOOK_US,
                        .fn = on_answer,
                        .arg = try },
                &try->post);
}

static struct try *free_try(struct drill *drill)
{
        for (size_t i = 0; i < TRIES_MAX; i++)
                if (!drill->tries[i].request)
                        return &drill->tries[i];
        return NULL;
}

static void begin(struct try *try, const char *token)
{
        struct bus_bytes body = http_body(try->request);
        BUS_AUTOBUF struct bus_buf sample = BUS_BUF_INIT;
        char id[BUS_ID_SIZE];
        int r;

        if (!body.size) {
                bus_id_new(id);
                sample_alert(id, &sample);
                body = bus_buf_bytes(&sample);
        }
        r = post_alert(try, token, body);
        if (r < 0)
                on_answer(try, r, 0, bus_bytes(NULL, 0));
}

void drill_send(struct drill *drill, struct http_request *request)
{
        const char *file = config_string(
                bus_service_config(drill->options.service), "health", "test_token_file");
        BUS_AUTOFREE char *token = NULL;
        struct try *try = free_try(drill), none = { .drill = drill, .request = request };

        none.sent_us = bus_mono_us();
        if (!try) {
                answer(&none, 503, error_json("refused", "busy", "too many are in hand"));
                return;
        }
        if (!*file || bus_file_read_secret(file, &token) < 0) {
                answer(&none, 409,
                        error_json("refused", "not_configured",
                                "health.test_token_file names no token that can be read"));
                return;
        }
        try->post = post_free(try->post); /* of the one before, spent */
        *try = (struct try){ .drill = drill, .request = request, .sent_us = bus_mono_us() };
        log_info("test_alert", "peer=%s", http_peer(request));
        begin(try, token);
        bus_loop_set_timer(drill->timer, TICK_US);
}

struct drill *drill_new(const struct drill_options *options)
{
        struct drill *drill = bus_new(struct drill);

        drill->options = *options;
        drill->timer =
                bus_loop_add_timer(bus_service_loop(options->service), -1, 0, on_tick, drill);
        return drill;
}

void drill_drain(struct drill *drill)
{
        for (size_t i = 0; i < TRIES_MAX; i++)
                if (drill->tries[i].request)
                        answer_unknown(&drill->tries[i]);
}

struct drill *drill_free(struct drill *drill)
{
        if (!drill)
                return NULL;
        drill_drain(drill);
        for (size_t i = 0; i < TRIES_MAX; i++)
                post_free(drill->tries[i].post);
        bus_loop_remove(bus_service_loop(drill->options.service), drill->timer);
        free(drill);
        return NULL;
}
