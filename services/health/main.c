/*
 * health: keeps a rebuildable projection of all streams; one place to ask how it is, what became of
 * an alert, and to switch.
 */
#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "services/health/health.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define REFRESH_US (1 * BUS_US_PER_SEC)
#define PRUNE_US   (60 * BUS_US_PER_SEC)
/* What health remembers it can read again. Whoever asks makes it commit first. */
#define COMMIT_DELAY_US (100 * BUS_US_PER_MS)
#define DRAIN_POLL_US   (10 * BUS_US_PER_MS)
#define DAY_US          (INT64_C(86400) * BUS_US_PER_SEC)
#define KEEP_DAYS       90 /* as signals are kept (docs/topics.md) */
#define ERROR_SIZE      256

/* Its turns are short: between them it answers, hears heartbeats and tells pages, also where it is
 * behind on a machine that has no time for it. Commits are put off, so that they cost no more. */
#define TURN_MAX 32

static const char default_services[] =
        "alert-ingest strategy-v3 strategy-v3-shadow order-executor health telegram-analytics";

static const struct config_option options[] = {
        { "health", "listen", CONFIG_LISTEN, "127.0.0.1:8000", .help = "where health answers" },
        { "health", "admin_token_sha256", CONFIG_HEX32, "",
                .help = "SHA-256 of the bearer token for /admin and /api; empty: no token works" },
        { "health", "loopback_admin", CONFIG_BOOL, "no",
                .help = "let programs on this machine ask and switch without the token" },
        { "health", "gate", CONFIG_ENUM, "on", .values = "off|on",
                .help = "judge a cutover by the shadow's evidence" },
        { "health", "gate_window", CONFIG_DURATION, "72h", .maximum = 90 * DAY_US,
                .help = "so far back the evidence for a cutover must reach" },
        { "health", "gate_decisions", CONFIG_INT, "100", .maximum = 1000000,
                .help = "so many entries and exits must have been compared" },
        { "health", "gate_backup_age", CONFIG_DURATION, "1h", .maximum = 90 * DAY_US,
                .help = "a checked backup must be younger than this; 0: none is asked for" },
        { "health", "services", CONFIG_STRING, default_services, .minimum = 1, .maximum = 400,
                .help = "services this installation must have, separated by spaces" },
        { "health", "watch", CONFIG_DURATION, "48h", .maximum = 90 * DAY_US,
                .help = "so long a plugin that has taken over is watched; 0: not at all" },
        { "plugin_system", "auto_rollback", CONFIG_BOOL, "no",
                .help = "what the watch finds is rolled back without asking" },
        { "plugin_system", "*", CONFIG_STRING, "", .maximum = 4096, .help = "the strategies'" },
        MEASURE_OPTIONS,
        DRILL_OPTIONS,
        { 0 },
};

static const struct http_limits limits = {
        .body_max_bytes = 64 * 1024,
        .header_max_bytes = 32 * 1024,
        .connections_max = 256,
        .connections_per_address_max = 0,          /* all of them may come through one proxy */
        .request_timeout_us = 60 * BUS_US_PER_SEC, /* a page keeps its connection */
};

static void register_metrics(struct health *health)
{
        struct bus_metrics *metrics = bus_service_metrics(health->service);

        health->processing_seconds = bus_histogram(metrics, "umbra_alert_processing_seconds", "",
                "HTTP receipt to broker link, or to the decision where no order follows.");
        health->open_positions =
                bus_gauge(metrics, "umbra_open_positions", "", "Open positions of this strategy.");
        health->balance =
                bus_gauge(metrics, "umbra_account_balance", "", "Balance of the account.");
        health->equity = bus_gauge(metrics, "umbra_account_equity", "", "Equity of the account.");
        health->alarms_active = bus_gauge(metrics, "umbra_alarms_active", "", "Alarms raised.");
        health->alerts_open =
                bus_gauge(metrics, "umbra_alerts_open", "", "Recent alerts that have not ended.");
}

/*
 * The users of our own services, where each has one. telegram-controller is not among them: it asks for
 * people. Where all have the same user nobody can be told apart.
 */
static void bar_services(struct access_rule *rule, const struct config *config)
{
        const char *name;
        uid_t uid;

        for (size_t n = 0; (name = config_instance(config, "endpoint", n)); n++) {
                BUS_AUTOFREE char *section = bus_xasprintf("endpoint.%s", name);

                if (rule->barred_count == ACCESS_USERS_MAX ||
                        !strcmp(name, "telegram-controller") ||
                        !config_given(config, section, "uid"))
                        continue;
                uid = (uid_t)config_int(config, section, "uid");
                if (uid != geteuid())
                        rule->barred[rule->barred_count++] = uid;
        }
}

static int create(struct bus_service *service, void **ret_self)
{
        const struct config *config = bus_service_config(service);
        struct health *health = bus_new(struct health);

        health->service = service;
        health->started_us = bus_mono_us();
        health->access.loopback = config_bool(config, "health", "loopback_admin");
        health->access.has_token =
                config_hex32(config, "health", "admin_token_sha256", health->access.token_sha256);
        bar_services(&health->access, config);
        health->gate_on = config_enum(config, "health", "gate") == 1;
        health->gate_rule = (struct gate_rule){
                .window_us = config_int(config, "health", "gate_window"),
                .backup_max_age_us = config_int(config, "health", "gate_backup_age"),
                .decisions = (uint64_t)config_int(config, "health", "gate_decisions"),
        };
        health->watch_us = config_int(config, "health", "watch");
        health->auto_rollback = config_bool(config, "plugin_system", "auto_rollback");
        measure_init(&health->measure, service);
        beats_add(&health->beats, "alert-ingest", true);
        beats_add(&health->beats, "strategy-v3", true);
        beats_add(&health->beats, "order-executor", true);
        beats_add(&health->beats, "strategy-v3-shadow", false);
        beats_add(&health->beats, "telegram-analytics", false);
        beats_add(&health->beats, "telegram-controller", false);
        beats_add(&health->beats, "telegram-notify", false);
        beats_add(&health->beats, "health", false);
        *ret_self = health;
        return beats_expect(&health->beats, config_string(config, "health", "services"));
}

static int64_t broker_gone_us(const struct health *health)
{
        if (!health->account || !health->broker_gone_since_us)
                return 0;
        return bus_mono_us() - health->broker_gone_since_us;
}

/* Told once, and again when it is back: also where another run of health has raised it. */
static void tell_lost(struct health *health)
{
        for (size_t i = 0; i < health->beats.count; i++) {
                const struct beat *beat = &health->beats.items[i];

                if (beat_is_alive(beat, bus_mono_us()))
                        bus_alarm_end(health->service, "service_lost", beat->service);
                else if (beat->expected && beat_is_lost(beat, bus_mono_us()))
                        bus_alarm(health->service, "service_lost", beat->service,
                                beat->core ? PB__SEVERITY__SEVERITY_CRITICAL
                                           : PB__SEVERITY__SEVERITY_WARNING,
                                "no heartbeat for %d s", (int)(BEATS_LOST_US / BUS_US_PER_SEC));
        }
}

static void refresh(void *self)
{
        struct health *health = self;
        size_t known, open, positions = 0;

        for (size_t i = 0; health->account && i < health->account->n_positions; i++)
                positions += health->account->positions[i]->ours;
        bus_metric_set(health->open_positions, (double)positions);
        if (health->account) {
                bus_metric_set(health->balance, (double)health->account->balance_cents / 100);
                bus_metric_set(health->equity, (double)health->account->equity_cents / 100);
        }
        bus_metric_set(health->alarms_active, (double)alarms_count(health->alarms));
        projection_count(health->projection, &known, &open);
        bus_metric_set(health->alerts_open, (double)open);
        measure_step(&health->measure, &health->beats, broker_gone_us(health));
        health_watch_judge(health);
        tell_lost(health);
}

static void prune(void *self)
{
        struct health *health = self;

        evidence_prune(health->evidence, bus_wall_us());
        if (projection_prune(health->projection, bus_wall_us(), KEEP_DAYS) < 0 ||
                audit_prune(health->audit, bus_wall_us()) < 0 ||
                health_curve_prune(health, bus_wall_us()) < 0)
                bus_service_fail(health->service, "prune_failed", "the store cannot be read");
}

static int listen_http(struct health *health)
{
        const struct config *config = bus_service_config(health->service);
        const struct http_options http = {
                .listen = config_string(config, "health", "listen"),
                .listen_fd = http_listen_fd_from_environment(),
                .limits = limits,
                .handler = health_http,
                .arg = health,
        };
        char run[BUS_ENDPOINT_SIZE], text[16], error[ERROR_SIZE];
        BUS_AUTOFREE char *path = NULL;
        int r;

        r = http_server_new(
                bus_service_loop(health->service), &http, &health->http, error, sizeof(error));
        if (r < 0) {
                bus_service_fail(health->service, "cannot_listen", "%s", error);
                return r;
        }
        if (http.listen_fd >= 0)
                return 0; /* whoever handed it over has told its port */
        /* For whoever asked for any port. Without sockets of the bus there the folder may be missing. */
        path = bus_xasprintf("%s/health.port", bus_run_dir(config, run));
        snprintf(text, sizeof(text), "%u\n", http_server_port(health->http));
        r = bus_mkdir_all(bus_run_dir(config, run), 0700);
        return r < 0 ? r : bus_file_replace(path, 0600, bus_bytes_str(text));
}

static int start(void *self)
{
        struct health *health = self;
        struct bus_loop *loop = bus_service_loop(health->service);
        int r;

        register_metrics(health);
        health->projection = projection_new(health->service);
        health->alarms = alarms_new(health->service);
        health->audit = audit_new(health->service);
        health->events = health_events_new(health);
        health->relay = relay_new(health->service, health_state_json, health);
        health->drill = drill_new(&(struct drill_options){
                .service = health->service,
                .projection = health->projection,
                .state = health_state_json,
                .state_arg = health,
        });
        r = health_load(health);
        if (!r)
                r = listen_http(health);
        if (r < 0)
                return r;
        health->refresh_timer = bus_loop_add_timer(loop, 0, REFRESH_US, refresh, health);
        health->prune_timer = bus_loop_add_timer(loop, PRUNE_US, PRUNE_US, prune, health);
        bus_service_ready(health->service);
        return 0;
}

static void drain_poll(void *self)
{
        struct health *health = self;

        if (!http_server_pending(health->http))
                bus_service_drained(health->service);
}

static void drain(void *self)
{
        struct health *health = self;

        relay_drain(health->relay);
        drill_drain(health->drill);
        health_events_end(health->events);
        http_server_quiesce(health->http);
        health->drain_timer = bus_loop_add_timer(
                bus_service_loop(health->service), 0, DRAIN_POLL_US, drain_poll, health);
}

static void before_commit(void *self)
{
        struct health *health = self;

        projection_write(health->projection);
        evidence_write(health->evidence);
        health_watch_write(health);
}

static void destroy(void *self)
{
        struct health *health = self;

        if (!health)
                return;
        health->relay = relay_free(health->relay);
        health->drill = drill_free(health->drill);
        health->http = http_server_free(health->http);
        health->events = health_events_free(health->events);
        health->projection = projection_free(health->projection);
        health->alarms = alarms_free(health->alarms);
        health->audit = audit_free(health->audit);
        health->evidence = evidence_free(health->evidence);
        pb__account__free_unpacked(health->account, NULL);
        beats_done(&health->beats);
        free(health);
}

static const char *const outputs[] = { "control", "control.result", "alarm", NULL };

static const struct bus_service_class class = {
        .name = "health",
        .outputs = outputs,
        .inputs = health_inputs,
        .listens = health_listens,
        .options = options,
        .answers_probes = true,
        .turn_max = TURN_MAX,
        .background = 12,
        .commit_delay_us = COMMIT_DELAY_US,
        .before_commit = before_commit,
        .create = create,
        .start = start,
        .drain = drain,
        .destroy = destroy,
};

int main(int argc, char **argv)
{
        return bus_service_main(argc, argv, &class);
}
