/* alert-ingest: its wiring. */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "proto/unpack.h"
#include "proto/validate.h"
#include "services/alert-ingest/ingest.h"
#include "services/alert-ingest/settings.h"

#include <errno.h>

#define ACCOUNT_KEY "account"
/* Of a cursor alone: the next alert takes it along. */
#define COMMIT_DELAY_US    (50 * BUS_US_PER_MS)
#define DRAIN_PERIOD_US    (10 * BUS_US_PER_MS)
#define STRANGERS_QUIET_US (10 * BUS_US_PER_SEC)
#define REFUSED_QUIET_US   (100 * BUS_US_PER_MS)

/* ---- the account's snapshot ---- */

static int take_account(struct ingest *ingest, struct bus_bytes packed, bool *ret_news)
{
        Pb__Account *account = MESSAGE_UNPACK(account, packed);
        const char *why = "does not unpack";
        int r = account ? validate_account(account, &why) : -EBADMSG;

        if (r < 0)
                log_warn("bad_account", "why=\"%s\"", why);
        else
                *ret_news = context_take(&ingest->context, account);
        if (account)
                pb__account__free_unpacked(account, NULL);
        return r;
}

/* Health calls the system ready only with it: it must not wait for the next beat. */
static void tell_account(struct ingest *ingest)
{
        if (ingest->lacks_account && context_is_current(&ingest->context, bus_wall_us()))
                bus_service_beat(ingest->service);
}

static int on_account(void *self, const struct bus_message *message)
{
        struct ingest *ingest = self;
        bool news = false;

        if (take_account(ingest, message->body, &news) < 0)
                return BUS_QUARANTINE;
        if (news)
                bus_put(ingest->service, ACCOUNT_KEY, message->body, false);
        tell_account(ingest);
        return 0;
}

static int load_account(struct ingest *ingest)
{
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;
        bool news;
        int r;

        r = bus_get(ingest->service, ACCOUNT_KEY, &packed);
        if (r == 0 && take_account(ingest, bus_buf_bytes(&packed), &news) < 0)
                log_warn("account_forgotten", "the kept snapshot is not readable");
        return r < 0 ? r : 0;
}

/* ---- life ---- */

static void destroy(void *self)
{
        struct ingest *ingest = self;

        if (!ingest)
                return;
        http_server_free(ingest->http);
        intake_free_all(ingest);
        ring_free(ingest->ring);
        silence_done(&ingest->silence);
        context_done(&ingest->context);
        settings_done(ingest);
        free(ingest);
}

static int create(struct bus_service *service, void **ret_self)
{
        struct ingest *ingest = bus_new(struct ingest);
        int r;

        ingest->service = service;
        ingest->unauthorized_log.interval_us = STRANGERS_QUIET_US;
        ingest->ring_log.interval_us = STRANGERS_QUIET_US;
        ingest->refused_log.interval_us = REFUSED_QUIET_US;
        r = settings_read(ingest, bus_service_config(service));
        if (r < 0) {
                free(ingest);
                return r;
        }
        ingest_metrics_register(ingest);
        *ret_self = ingest;
        return 0;
}

static int open_ring(struct ingest *ingest)
{
        BUS_AUTOFREE char *path =
                bus_xasprintf("%s/refused.ring", bus_service_folder(ingest->service));
        int64_t kept =
                config_int(bus_service_config(ingest->service), "alert-ingest", "refused_kept");
        int r;

        r = ring_open(path, (uint32_t)kept, &ingest->ring);
        if (r < 0)
                bus_service_fail(ingest->service, "cannot_start", "%s: %s", path, strerror(-r));
        return r;
}

static int open_http(struct ingest *ingest)
{
        struct http_options options = settings_http(bus_service_config(ingest->service));
        char error[256] = "";
        int r;

        options.handler = webhook_request;
        options.arg = ingest;
        r = http_server_new(
                bus_service_loop(ingest->service), &options, &ingest->http, error, sizeof(error));
        if (r < 0)
                bus_service_fail(ingest->service, "cannot_start", "alert-ingest.listen: %s", error);
        else
                log_info("listening", "port=%u handed_over=%s", http_server_port(ingest->http),
                        options.listen_fd >= 0 ? "yes" : "no");
        return r;
}

/* Nothing can be made durable, but whoever sends is told so and sends again. */
static void stand_by(void *self)
{
        struct ingest *ingest = self;
        int r;

        ingest->standing_by = true;
        r = open_http(ingest);
        (void)r; /* it was said, and ends the start */
}

static int start(void *self)
{
        struct ingest *ingest = self;
        int r;

        if (!ingest->source_count)
                log_warn("no_sources", "no [source.NAME] is configured: every alert is refused");
        r = load_account(ingest);
        if (r == 0)
                r = watch_start(ingest);
        if (r == 0)
                r = open_ring(ingest);
        if (r == 0 && !ingest->http)
                r = open_http(ingest);
        ingest->standing_by = false;
        if (r == 0)
                bus_service_ready(ingest->service);
        return r;
}

static void on_drain_timer(void *arg)
{
        struct ingest *ingest = arg;
        bool late = bus_mono_us() >= ingest->drain_until_us;

        /* Whoever has connected may have a request under way: it is answered, not reset. */
        if (!http_server_pending(ingest->http) && (late || !http_server_connections(ingest->http)))
                bus_service_drained(ingest->service);
}

static void drain(void *self)
{
        struct ingest *ingest = self;

        ingest->draining = true;
        http_server_quiesce(ingest->http);
        ingest->drain_until_us = bus_mono_us() + config_int(bus_service_config(ingest->service),
                                                         "alert-ingest", "drain_grace");
        ingest->drain_timer = bus_loop_add_timer(
                bus_service_loop(ingest->service), 0, DRAIN_PERIOD_US, on_drain_timer, ingest);
}

static void report(void *self)
{
        struct ingest *ingest = self;
        int64_t now_us = bus_wall_us(), age_us = now_us - ingest->context.account.as_of_us;

        ingest->lacks_account = !context_is_current(&ingest->context, now_us);
        bus_service_fact(ingest->service, "lacks_account", ingest->lacks_account ? "yes" : "no");
        bus_metric_set(ingest->metrics.connections, http_server_connections(ingest->http));
        bus_metric_set(ingest->metrics.context_age,
                ingest->context.known ? (double)age_us / (double)BUS_US_PER_SEC : -1);
}

static const char *const outputs[] = { "signal", NULL };

static const struct bus_input inputs[] = {
        { "account", "order-executor", BUS_START_LATEST, on_account, .optional = true },
        { 0 },
};

static const struct bus_service_class class = {
        .name = "alert-ingest",
        .outputs = outputs,
        .inputs = inputs,
        .options = ingest_options,
        .survives_commit_failure = true,
        .commit_delay_us = COMMIT_DELAY_US,
        .replicated = true,
        .answers_probes = true,
        .create = create,
        .stand_by = stand_by,
        .start = start,
        .drain = drain,
        .destroy = destroy,
        .report = report,
};

int main(int argc, char **argv)
{
        return bus_service_main(argc, argv, &class);
}
