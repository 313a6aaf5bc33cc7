/* The answers' way out, and their numbers. */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "services/alert-ingest/answer.h"
#include "services/alert-ingest/ingest.h"

#include <stdio.h>

/* TradingView sends again 5 s apart whatever we say; others can read it. */
#define RETRY_AFTER_SECONDS "5"

static const char *const outcome_names[OUTCOME_COUNT] = {
        [OUTCOME_ACCEPTED] = "accepted",
        [OUTCOME_DUPLICATE] = "duplicate",
        [OUTCOME_REJECTED] = "rejected",
        [OUTCOME_ID_REUSED] = "id_reused",
        [OUTCOME_UNAUTHORIZED] = "unauthorized",
        [OUTCOME_UNAVAILABLE] = "unavailable",
        [OUTCOME_OTHER] = "other",
};

static void send_reply(struct ingest *ingest, struct http_request *request, enum outcome outcome,
        struct http_response *response)
{
        bus_metric_inc(ingest->metrics.outcomes[outcome]);
        if (outcome != OUTCOME_OTHER)
                bus_metric_observe_us(
                        ingest->metrics.answer_seconds, bus_wall_us() - http_received_us(request));
        http_respond(request, response);
}

void reply(struct ingest *ingest, struct http_request *request, enum outcome outcome,
        unsigned int status, struct bus_buf *body)
{
        struct http_response response = { .status = status, .body = bus_buf_bytes(body) };

        if (status == 405)
                response.headers[0][0] = "Allow", response.headers[0][1] = "POST";
        if (status == 503)
                response.headers[0][0] = "Retry-After",
                response.headers[0][1] = RETRY_AFTER_SECONDS;
        send_reply(ingest, request, outcome, &response);
}

void reply_error(struct ingest *ingest, struct http_request *request, enum outcome outcome,
        unsigned int status, const char *code, const char *message)
{
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;

        answer_error(&body, "rejected", code, "", message);
        reply(ingest, request, outcome, status, &body);
}

void reply_unavailable(
        struct ingest *ingest, struct http_request *request, const char *code, const char *message)
{
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;

        answer_error(&body, "unavailable", code, "", message);
        reply(ingest, request, OUTCOME_UNAVAILABLE, 503, &body);
}

void ingest_metrics_register(struct ingest *ingest)
{
        struct bus_metrics *m = bus_service_metrics(ingest->service);
        struct ingest_metrics *metrics = &ingest->metrics;
        char labels[64];

        for (int i = 0; i < OUTCOME_COUNT; i++) {
                snprintf(labels, sizeof(labels), "outcome=\"%s\"", outcome_names[i]);
                metrics->outcomes[i] = bus_counter(m, "umbra_ingest_requests_total", labels,
                        "Requests by how they were answered.");
        }
        for (int i = ALERT_CODE_NONE + 1; i < ALERT_CODE_COUNT; i++) {
                if (i == ALERT_UNAUTHORIZED || i > ALERT_ID_REUSED)
                        continue;
                snprintf(
                        labels, sizeof(labels), "code=\"%s\"", alert_code_name((enum alert_code)i));
                metrics->rejected[i] = bus_counter(m, "umbra_ingest_rejected_total", labels,
                        "Refused alerts by their first error.");
        }
        metrics->answer_seconds = bus_histogram(m, "umbra_ingest_answer_seconds", "",
                "From a webhook request's last byte to its answer.");
        metrics->groups =
                bus_counter(m, "umbra_ingest_groups_total", "", "Commits that carried alerts.");
        metrics->grouped = bus_counter(
                m, "umbra_ingest_grouped_total", "", "Alerts carried by these commits.");
        metrics->group_largest = bus_gauge(
                m, "umbra_ingest_group_largest", "", "Most alerts that shared one commit.");
        metrics->connections =
                bus_gauge(m, "umbra_ingest_connections", "", "Open connections of clients.");
        metrics->context_age = bus_gauge(m, "umbra_ingest_context_age_seconds", "",
                "Age of the account snapshot that signals carry; -1: none yet.");
}
