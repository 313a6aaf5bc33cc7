/*
 * From a request to an authenticated alert. The path holds the token: it is never logged, and all
 * that is not let in gets the same answer.
 */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "services/alert-ingest/ingest.h"

#include <inttypes.h>

#define WEBHOOK_PREFIX "/webhook/"

static bool is_reading(const struct http_request *request)
{
        const char *method = http_method(request);

        return !strcmp(method, "GET") || !strcmp(method, "HEAD");
}

static void answer_probe(struct ingest *ingest, struct http_request *request, bool ready)
{
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;

        bus_buf_printf(&body, "{\"status\":\"%s\"}", ready ? "ok" : "unavailable");
        reply(ingest, request, OUTCOME_OTHER, ready ? 200 : 503, &body);
}

static void refuse_stranger(
        struct ingest *ingest, struct http_request *request, const struct address *address)
{
        char text[ADDRESS_TEXT_SIZE];
        uint64_t count;

        if (throttle_pass(&ingest->unauthorized_log, bus_mono_us(), &count))
                log_warn("unauthorized", "count=%" PRIu64 " address=%s", count,
                        address_format(address, text));
        reply_error(ingest, request, OUTCOME_UNAUTHORIZED, 401, "unauthorized",
                "the token is not known");
}

static bool address_is_allowed(
        const struct ingest *ingest, bool known, const struct address *address)
{
        if (!ingest->allow.count)
                return true;
        return known && address_list_has(&ingest->allow, address);
}

/* NULL, or why no alert can be taken now. */
static const char *unavailable(const struct ingest *ingest)
{
        struct store *store = bus_service_store(ingest->service);

        if (ingest->standing_by)
                return "the store is not there yet: send it again";
        if (store && store_has_regressed(store))
                return "the store has lost alerts: a person has to look at it first";
        return NULL;
}

static void webhook(struct ingest *ingest, struct http_request *request, const char *token)
{
        const struct auth_source *source;
        struct address address;
        char text[ADDRESS_TEXT_SIZE];
        bool known, allowed;

        known = address_client(http_peer(request), http_header_last(request, "X-Forwarded-For"),
                &ingest->trusted, &address);
        allowed = address_is_allowed(ingest, known, &address);
        source = auth_find(ingest->sources, ingest->source_count, token);
        if (!source || !allowed)
                refuse_stranger(ingest, request, &address);
        else if (unavailable(ingest))
                reply_unavailable(ingest, request, "not_durable", unavailable(ingest));
        else
                intake_alert(ingest, request, source, address_format(&address, text));
}

void webhook_request(void *arg, struct http_request *request)
{
        struct ingest *ingest = arg;
        const char *path = http_path(request);

        if (!strncmp(path, WEBHOOK_PREFIX, strlen(WEBHOOK_PREFIX))) {
                if (!strcmp(http_method(request), "POST"))
                        webhook(ingest, request, path + strlen(WEBHOOK_PREFIX));
                else
                        reply_error(ingest, request, OUTCOME_OTHER, 405, "method_not_allowed",
                                "alerts are sent by POST");
        } else if (is_reading(request) && !strcmp(path, "/livez")) {
                answer_probe(ingest, request, true);
        } else if (is_reading(request) && !strcmp(path, "/readyz")) {
                answer_probe(ingest, request,
                        !ingest->draining && bus_service_store(ingest->service) &&
                                !unavailable(ingest));
        } else {
                reply_error(ingest, request, OUTCOME_OTHER, 404, "not_found", "no such path");
        }
}
