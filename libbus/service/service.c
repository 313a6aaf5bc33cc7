/* A service's life: made from its config, started on its store, run, drained, taken apart. */
#include "libbus/service/service.h"

#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/bus/keys.h"
#include "libbus/service/internal.h"
#include "libbus/service/run.h"
#include "libbus/service/schedule.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <zmq.h>

#define HEARTBEAT_PERIOD_US (1 * BUS_US_PER_SEC)
/* Listeners connect again a moment after a start and miss the first beats: more of them, at first. */
#define HEARTBEAT_FIRST_US (100 * BUS_US_PER_MS)
#define HEARTBEAT_FIRST    10
#define PRUNE_PERIOD_US    (60 * BUS_US_PER_SEC)
#define REASON_MAX_BYTES   400

struct bus_loop *bus_service_loop(struct bus_service *service)
{
        return service->loop;
}

const struct config *bus_service_config(struct bus_service *service)
{
        return service->config;
}

struct bus_metrics *bus_service_metrics(struct bus_service *service)
{
        return service->metrics;
}

void *bus_service_zmq(struct bus_service *service)
{
        return service->zmq;
}

struct store *bus_service_store(struct bus_service *service)
{
        return service->store;
}

const char *bus_service_name(const struct bus_service *service)
{
        return service->class->name;
}

const char *bus_service_folder(const struct bus_service *service)
{
        return service->folder;
}

/* ---- state ---- */

static void set_state(struct bus_service *service, Pb__ServiceState state, const char *why)
{
        if (service->state == state && !strcmp(service->why, why))
                return;
        service->state = state;
        free(service->why);
        service->why = bus_xstrdup(why);
        if (service->writer)
                service_heartbeat(
                        service); /* whoever waits for it need not wait for the next beat */
}

void bus_service_ready(struct bus_service *service)
{
        if (service->draining || service->state == PB__SERVICE_STATE__SERVICE_STATE_READY)
                return;
        log_info("ready", "pid=%d", (int)getpid());
        set_state(service, PB__SERVICE_STATE__SERVICE_STATE_READY, "");
}

void bus_service_degraded(struct bus_service *service, const char *why)
{
        if (!service->draining)
                set_state(service, PB__SERVICE_STATE__SERVICE_STATE_DEGRADED, why);
}

void bus_service_beat(struct bus_service *service)
{
        if (service->writer)
                service_heartbeat(service);
}

void bus_service_drained(struct bus_service *service)
{
        log_info("drained", "pid=%d", (int)getpid());
        service->exit_status = 0;
        bus_loop_stop(service->loop);
}

static void fail(struct bus_service *service, int status, const char *event, const char *reason)
{
        if (service->failed)
                return;
        log_error(event, "%s", reason);
        service->failed = true;
        service->exit_status = status;
        bus_loop_again(service->loop);
}

void bus_service_fail(struct bus_service *service, const char *event, const char *format, ...)
{
        char reason[REASON_MAX_BYTES];
        va_list args;

        va_start(args, format);
        vsnprintf(reason, sizeof(reason), format, args);
        va_end(args);
        fail(service, 1, event, reason);
}

void bus_service_fail_with(
        struct bus_service *service, int status, const char *event, const char *format, ...)
{
        char reason[REASON_MAX_BYTES];
        va_list args;

        va_start(args, format);
        vsnprintf(reason, sizeof(reason), format, args);
        va_end(args);
        fail(service, status, event, reason);
}

/* ---- signals and drain ---- */

static void drain_took_too_long(void *arg)
{
        struct bus_service *service = arg;

        log_warn("drain_cut_short", "what is in hand stays for the next start");
        bus_loop_stop(service->loop);
}

static void begin_drain(struct bus_service *service)
{
        if (service->draining)
                return;
        log_info("draining", "pid=%d", (int)getpid());
        set_state(service, PB__SERVICE_STATE__SERVICE_STATE_DRAINING, "");
        service->draining = true;
        if (!service->class->drain || service->standing_by) {
                bus_service_drained(service);
                return;
        }
        service->drain_timer = bus_loop_add_timer(service->loop,
                config_int(service->config, "bus", "drain_timeout"), 0, drain_took_too_long,
                service);
        service->class->drain(service->self);
}

struct signals {
        struct bus_service *service;
        int fd;
};

static void signal_arrived(short revents, void *arg)
{
        struct signals *signals = arg;
        struct signalfd_siginfo info;

        (void)revents;
        if (read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
                begin_drain(signals->service);
}

/* ---- making and taking apart ---- */

/* Whether the background is left with nothing, or was for long enough. */
static void look_for_room(void)
{
        switch (schedule_look()) {
        case BUS_SPARE_RAISED:
                log_info("kept_waiting",
                        "others left no processor: this takes its share for a while");
                break;
        case BUS_SPARE_LOWERED: log_info("steps_back", "it runs in what others leave"); break;
        case BUS_SPARE_SAME: break;
        }
}

static void beat(void *arg)
{
        struct bus_service *service = arg;

        if (schedule_was_demoted())
                log_warn("ran_for_long", "without waiting: it goes first no more");
        if (service->beats >= HEARTBEAT_FIRST) /* a second apart from then on */
                look_for_room();
        service_give_back_memory(service);
        service_heartbeat(service);
        bus_loop_set_timer(service->heartbeat_timer,
                ++service->beats < HEARTBEAT_FIRST ? HEARTBEAT_FIRST_US : HEARTBEAT_PERIOD_US);
}

static void prune(void *arg)
{
        struct bus_service *service = arg;

        bus_writer_prune(service->writer, bus_wall_us());
}

static void register_metrics(struct bus_service *service)
{
        struct bus_metrics *m = service->metrics;

        service->commits = bus_counter(m, "umbra_commits_total", "", "Transactions of the store.");
        service->commit_seconds =
                bus_histogram(m, "umbra_commit_seconds", "", "Time of one transaction.");
        service->syncs = bus_counter(m, "umbra_syncs_total", "", "fsync calls of the store.");
        service->messages_in =
                bus_counter(m, "umbra_messages_in_total", "", "Messages taken from streams.");
        service->messages_out =
                bus_counter(m, "umbra_messages_out_total", "", "Messages staged for streams.");
        service->refused = bus_counter(m, "umbra_peers_refused_total", "",
                "Connections to the bus sockets that were turned away.");
        service->quarantined =
                bus_counter(m, "umbra_quarantined_total", "", "Messages set aside as bad.");
}

static void collect_outputs(struct bus_service *service)
{
        static const char *const everyones[] = { "alarm", "control.result" };
        size_t count = 0;

        for (const char *const *out = service->class->outputs; out && *out; out++) {
                bus_require(count < OUTPUTS_MAX - BUS_COUNT(everyones));
                if (strcmp(*out, everyones[0]) && strcmp(*out, everyones[1]))
                        service->outputs[count++] = *out;
        }
        for (size_t i = 0; i < BUS_COUNT(everyones); i++)
                service->outputs[count++] = everyones[i];
}

static void regressed(void *arg, const char *stream)
{
        struct bus_service *service = arg;

        bus_alarm(service, "journal_regressed", stream, PB__SEVERITY__SEVERITY_CRITICAL,
                "the store of %s is older than what was published from it; what it had since is lost",
                service->class->name);
}

static int open_writer(struct bus_service *service, char *error, size_t error_size)
{
        char pub[BUS_ENDPOINT_SIZE], replay[BUS_ENDPOINT_SIZE];
        const struct bus_writer_options options = { .loop = service->loop,
                .zmq = service->zmq,
                .store = service->store,
                .service = service->class->name,
                .outputs = service->outputs,
                .pub_endpoint = pub,
                .replay_endpoint = replay,
                .pub_behind = service->class->publishes_behind,
                .regressed = regressed,
                .arg = service,
                .keys = service->keys,
                .zap = service->zap };

        int r;

        r = bus_endpoint_bound(service->config, service->class->name, BUS_ENDPOINT_PUB, pub);
        if (!r)
                r = bus_endpoint_bound(
                        service->config, service->class->name, BUS_ENDPOINT_REPLAY, replay);
        if (r == -EINVAL)
                snprintf(error, error_size,
                        "endpoint.%s: names several places: bind_pub and bind_replay must say which is ours",
                        service->class->name);
        else if (r < 0)
                snprintf(error, error_size, "bus.run_dir: is too long for a socket's address");
        if (r < 0)
                return r;
        return bus_writer_new(&options, &service->writer, error, error_size);
}

static int open_slot(struct bus_service *service, char *error, size_t error_size)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/crash.slot", service->folder);
        int r = crash_slot_open(path, &service->slot);

        if (r < 0) {
                snprintf(error, error_size, "cannot open %s: %s", path, strerror(-r));
                return r;
        }
        if (crash_slot_was_unclean(service->slot))
                service->singly = BUS_BATCH_MAX;
        return 0;
}

static void take_place(const struct bus_service *service)
{
        if (service->class->background)
                schedule_step_back(service->class->background);
        else if (service->class->goes_first && config_bool(service->config, "bus", "realtime"))
                schedule_go_first();
        else
                schedule_go_with_all();
}

static int open_all(struct bus_service *service, char *error, size_t error_size)
{
        int r;

        r = bus_mkdir_all(service->folder, 0700);
        if (r < 0) {
                snprintf(error, error_size, "cannot make %s: %s", service->folder, strerror(-r));
                return r;
        }
        r = service_probe_open(service, error, error_size);
        if (!r)
                r = service_store_wait(service, error, error_size);
        if (r < 0)
                return r;
        take_place(
                service); /* now: to carry over a long log may have taken longer than a turn may */
        r = open_slot(service, error, error_size); /* under the store's lock */
        if (r < 0)
                return r;
        r = service_alarms_load(service);
        if (r < 0)
                return r;
        r = service_door_open(service, error, error_size);
        if (r < 0)
                return r;
        r = open_writer(service, error, error_size);
        if (r < 0)
                return r;
        if (service->class->prepare)
                r = service->class->prepare(service->self);
        if (r < 0)
                return r;
        return service_inputs_open(service, error, error_size);
}

struct bus_service *service_new(const struct bus_service_class *class, struct config *config)
{
        struct bus_service *service = bus_new(struct bus_service);

        service->class = class;
        service->config = config;
        service->folder =
                bus_xasprintf("%s/%s", config_string(config, "bus", "state_dir"), class->name);
        service->loop = bus_loop_new();
        service->metrics = bus_metrics_new();
        service->budget = service_turn_max(service);
        service->state = PB__SERVICE_STATE__SERVICE_STATE_STARTING;
        service->why = bus_xstrdup("");
        service->started_us = bus_wall_us();
        register_metrics(service);
        collect_outputs(service);
        turn_init(&service->turn);
        turn_init(&service->previous);
        return service;
}

int service_create(struct bus_service *service)
{
        char error[CONFIG_ERROR_SIZE];

        if (bus_policy_check(service->config, error, sizeof(error)) < 0) {
                log_error("bad_config", "%s", error);
                return -EINVAL;
        }
        return service->class->create(service, &service->self);
}

/* The first minds all sockets; the second, where there is one, the publisher alone. */
static void *make_zmq(const struct bus_service_class *class)
{
        void *zmq = zmq_ctx_new();

        bus_require(zmq);
        zmq_ctx_set(zmq, ZMQ_IO_THREADS, class->publishes_behind ? 2 : 1);
        return zmq;
}

int service_run(struct bus_service *service, int signal_fd)
{
        char error[CONFIG_ERROR_SIZE] = "";
        struct signals signals = { service, signal_fd };
        int r;

        service->exit_status = 1;
        bus_log_hold();
        service->zmq = make_zmq(service->class);
        bus_loop_add_fd(service->loop, signal_fd, ZMQ_POLLIN, signal_arrived, &signals);
        bus_loop_on_turn_end(service->loop, service_turn_end, service);
        r = open_all(service, error, sizeof(error));
        if (r == -ECANCELED && service->draining) /* it never had the store */
                return service->exit_status;
        if (r < 0) {
                log_error("cannot_start", "%s", *error ? error : strerror(-r));
                return r == -ENOKEY || r == -EKEYREJECTED ? BUS_EXIT_STAY_DOWN : 1;
        }
        if (service->class->publishes_behind)
                schedule_put_publisher_behind();
        log_info("started", "pid=%d version=%s", (int)getpid(), UMBRA_VERSION);
        r = service->class->start(service->self);
        if (r < 0) {
                if (!service->failed)
                        log_error("cannot_start", "error=\"%s\"", strerror(-r));
                return service->failed ? service->exit_status : 1;
        }
        service_store_hold(service);
        service->heartbeat_timer = bus_loop_add_timer(service->loop, 0, 0, beat, service);
        bus_loop_add_timer(service->loop, PRUNE_PERIOD_US, PRUNE_PERIOD_US, prune, service);
        r = bus_loop_run(service->loop);
        if (r < 0)
                log_error("loop_failed", "error=\"%s\"", strerror(-r));
        else if (!service->failed)
                bus_commit_now(service);
        bus_log_flush();
        return service->exit_status;
}

struct bus_service *service_free(struct bus_service *service)
{
        if (!service)
                return NULL;
        if (service->self)
                service->class->destroy(service->self);
        service_inputs_close(service);
        probe_server_free(service->probe);
        bus_writer_free(service->writer);
        turn_done(&service->turn);
        turn_done(&service->previous);
        bus_buf_done(&service->body);
        bus_buf_done(&service->envelope);
        service->store =
                service->failed ? store_abandon(service->store) : store_free(service->store);
        crash_slot_close(service->slot, !service->failed);
        bus_zap_free(service->zap); /* behind every socket that it guards */
        bus_loop_free(service->loop);
        if (service->zmq)
                zmq_ctx_term(service->zmq);
        service_alarms_free(service);
        bus_metrics_free(service->metrics);
        bus_buf_done(&service->facts);
        bus_keys_free(service->keys);
        config_free(service->config);
        free(service->folder);
        free(service->why);
        free(service);
        return NULL;
}
