/*
 * umbra up: the whole system in the foreground.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/config/config.h"
#include "services/umbra/client.h"
#include "services/umbra/command.h"
#include "services/umbra/keys.h"
#include "services/umbra/layout.h"
#include "services/umbra/listen.h"
#include "services/umbra/owners.h"
#include "services/umbra/services.h"
#include "services/umbra/supervisor.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define SETS_MAX        64
#define READY_POLL_US   (50 * BUS_US_PER_MS)
#define READY_ASK_US    (500 * BUS_US_PER_MS)
#define READY_WITHIN_US (60 * BUS_US_PER_SEC) /* with a journal of months to read, still enough */
#define ERROR_SIZE      512

struct up {
        struct layout layout;
        struct bus_loop *loop;
        struct bus_source *poll;
        struct supervisor *supervisor;
        struct config *config;
        struct client health;
        const char *sets[SETS_MAX];
        size_t set_count;
        const char *state;
        unsigned int left_out; /* a bit for each of umbra_services */
        uid_t uid_base;        /* 0: the services run as we do */
        int listen_fds[UMBRA_SERVICES_MAX];
        int lock_fd;
        int64_t ready_deadline_us;
        bool is_ready, prepare_only;
        int status;
};

/* Only what up itself must know; each service judges the rest of its section. */
static const struct config_option options[] = {
        { "alert-ingest", "listen", CONFIG_LISTEN, "127.0.0.1:8080",
                .help = "where alerts come in" },
        { "alert-ingest", "*", CONFIG_STRING, "", .maximum = 4096, .help = "alert-ingest's own" },
        { "bus", "realtime", CONFIG_BOOL, "yes",
                .help = "what an alert waits for runs before all else, where we may let it" },
        { "bus", "*", CONFIG_STRING, "", .maximum = 4096, .help = "the bus's own" },
        { "health", "listen", CONFIG_LISTEN, "127.0.0.1:8000", .help = "where health answers" },
        { "health", "*", CONFIG_STRING, "", .maximum = 4096, .help = "health's own" },
        { "telegram-analytics", "enabled", CONFIG_BOOL, "yes",
                .help = "no: it is left out, and nobody compares live with shadow" },
        { "telegram-analytics", "*", CONFIG_STRING, "", .maximum = 4096, .help = "its own" },
        { "telegram-controller", "enabled", CONFIG_BOOL, "yes",
                .help = "no: it is left out, and nobody commands by Telegram" },
        { "telegram-controller", "*", CONFIG_STRING, "", .maximum = 4096, .help = "its own" },
        { "telegram-notify", "enabled", CONFIG_BOOL, "yes",
                .help = "no: it is left out, and nobody tells what happens" },
        { "telegram-notify", "*", CONFIG_STRING, "", .maximum = 4096, .help = "its own" },
        { 0 },
};

static void usage(FILE *out)
{
        fputs("usage: umbra up [--state DIR] [--set SECTION.KEY=VALUE]... [--without SERVICE]...\n"
              "                [--prepare]\n"
              "\n"
              "Runs all services in the foreground until SIGTERM or Ctrl-C. What dies is started\n"
              "again. DIR is made on the first start (default: $UMBRA_STATE, else umbra-state);\n"
              "--set changes DIR/umbra.ini for good. When all is ready, prints one line:\n"
              "  ready webhook=URL ops=URL state=DIR\n"
              "--prepare makes DIR, its keys and owners, checks it, and runs nothing: for where\n"
              "something else does, such as systemd.\n"
              "\n"
              "example: umbra up --state ./s --set alert-ingest.listen=127.0.0.1:9090\n",
                out);
}

static int leave_out(struct up *up, const char *name)
{
        for (size_t i = 0; umbra_services[i].name; i++)
                if (!strcmp(umbra_services[i].name, name)) {
                        up->left_out |= 1u << i;
                        return 0;
                }
        fprintf(stderr, "umbra up: there is no service '%s'\n", name);
        return -EINVAL;
}

/* -1: go on; else the exit status. */
static int parse(struct up *up, int argc, char **argv)
{
        static const struct option long_options[] = {
                { "state", required_argument, NULL, 's' },
                { "set", required_argument, NULL, 'x' },
                { "without", required_argument, NULL, 'w' },
                { "prepare", no_argument, NULL, 'p' },
                { "help", no_argument, NULL, 'h' },
                { 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
                if (c == 'h') {
                        usage(stdout);
                        return UMBRA_DONE;
                } else if (c == 's') {
                        up->state = optarg;
                } else if (c == 'x' && up->set_count < SETS_MAX) {
                        up->sets[up->set_count++] = optarg;
                } else if (c == 'p') {
                        up->prepare_only = true;
                } else if (c != 'w' || leave_out(up, optarg) < 0) {
                        return UMBRA_USAGE;
                }
        }
        if (optind < argc) {
                usage(stderr);
                return UMBRA_USAGE;
        }
        return -1;
}

static int load_config(struct up *up, char *error, size_t error_size)
{
        const struct config_option *tables[] = { options, owners_options };

        return config_load(
                &(struct config_source){ .path = up->layout.config, .environment = environ },
                tables, BUS_COUNT(tables), &up->config, error, error_size);
}

/* Binds what SERVICE listens on and notes the port where others find it. */
static int open_listener(
        struct up *up, const char *service, int *ret_fd, char *error, size_t error_size)
{
        BUS_AUTOFREE char *path = layout_path(up->layout.run, service, ".port");
        uint16_t port;
        const char *host = config_listen(up->config, service, "listen", &port);
        char text[16];
        int r;

        r = listen_open(host, port, ret_fd, &port);
        if (!r) {
                snprintf(text, sizeof(text), "%u\n", (unsigned int)port);
                r = bus_file_replace(
                        path, 0644, bus_bytes_str(text)); /* health posts test alerts there */
        }
        if (r < 0)
                snprintf(error, error_size, "%s.listen = %s: %s", service,
                        config_string(up->config, service, "listen"), strerror(-r));
        return r;
}

static int open_listeners(struct up *up, char *error, size_t error_size)
{
        int r;

        for (size_t i = 0; umbra_services[i].name; i++) {
                if (!umbra_services[i].listens)
                        continue;
                r = open_listener(
                        up, umbra_services[i].name, &up->listen_fds[i], error, error_size);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Whoever runs the services next listens where umbra.ini says. */
static int forget_listeners(const struct up *up)
{
        for (size_t i = 0; umbra_services[i].name; i++) {
                BUS_AUTOFREE char *path =
                        layout_path(up->layout.run, umbra_services[i].name, ".port");

                if (umbra_services[i].listens && unlink(path) < 0 && errno != ENOENT)
                        return -errno;
        }
        return 0;
}

static int prepare(struct up *up, char *error, size_t error_size)
{
        int r;

        r = layout_prepare(&up->layout, up->sets, up->set_count, error, error_size);
        if (r < 0)
                return r;
        r = layout_lock(&up->layout, &up->lock_fd);
        if (r < 0) {
                snprintf(error, error_size, "%s: %s", up->layout.state,
                        r == -EBUSY ? "another umbra runs it" : strerror(-r));
                return r;
        }
        r = keys_make(&up->layout, false, error, error_size);
        if (r < 0)
                return r;
        r = load_config(up, error, error_size);
        if (r < 0)
                return r;
        up->uid_base = owners_choose(&up->layout, up->config);
        r = owners_settle(&up->layout, up->uid_base, error, error_size);
        if (r == 0)
                r = owners_note(&up->layout, up->uid_base, error, error_size);
        if (r < 0)
                return r;
        if (!config_bool(up->config, "telegram-analytics", "enabled"))
                (void)leave_out(up, "telegram-analytics");
        if (!config_bool(up->config, "telegram-controller", "enabled"))
                (void)leave_out(up, "telegram-controller");
        if (!config_bool(up->config, "telegram-notify", "enabled"))
                (void)leave_out(up, "telegram-notify");
        if (services_check_config(&up->layout, up->left_out, up->uid_base) != 0) {
                snprintf(error, error_size, "%s: not started", up->layout.config);
                return -EINVAL;
        }
        if (up->prepare_only)
                return forget_listeners(up);
        r = open_listeners(up, error, error_size);
        return r < 0 ? r : client_init(&up->health, &up->layout, error, error_size);
}

static void print_ready(struct up *up)
{
        BUS_AUTOFREE char *webhook = NULL, *token = NULL;

        up->is_ready = true;
        if (client_address(&up->layout, "alert-ingest", &webhook) < 0 ||
                bus_file_read_secret(up->layout.webhook_token, &token) < 0)
                return;
        printf("ready webhook=%s/webhook/%s ops=%s state=%s\n", webhook, token, up->health.url,
                up->layout.state);
        fflush(stdout);
}

static void on_poll(void *arg)
{
        struct up *up = arg;
        struct client_answer answer = { 0 };
        char error[ERROR_SIZE];

        if (client_request(&up->health, "GET", "/readyz", NULL, READY_ASK_US, &answer, error,
                    sizeof(error)) == 0 &&
                answer.status == 200) {
                bus_loop_set_timer(up->poll, -1);
                print_ready(up);
        } else if (bus_mono_us() > up->ready_deadline_us) {
                log_error("not_ready", "state=%s see=%s answer=%.200s", up->layout.state,
                        up->layout.log, bus_buf_str(&answer.body));
                up->status = UMBRA_FAILED;
                supervisor_stop(up->supervisor);
                bus_loop_set_timer(up->poll, -1);
        }
        client_answer_done(&answer);
}

static const char *how_it_ended(int status, char text[static 32])
{
        if (WIFSIGNALED(status))
                snprintf(text, 32, "signal=%d", WTERMSIG(status));
        else
                snprintf(text, 32, "status=%d", WEXITSTATUS(status));
        return text;
}

static void on_event(void *arg, const struct supervisor_report *report)
{
        struct up *up = arg;
        char how[32];

        how_it_ended(report->status, how);
        switch (report->event) {
        case SUPERVISOR_STARTED:
                log_info("started", "service=%s pid=%d", report->service, (int)report->pid);
                break;
        case SUPERVISOR_DIED:
                log_warn("died", "service=%s pid=%d %s", report->service, (int)report->pid, how);
                break;
        case SUPERVISOR_STAYS_DOWN:
                log_error("stays_down", "service=%s %s see=%s/%s.log", report->service, how,
                        up->layout.log, report->service);
                break;
        case SUPERVISOR_HOPELESS:
                log_error("keeps_dying", "service=%s %s see=%s/%s.log", report->service, how,
                        up->layout.log, report->service);
                if (!up->is_ready) {
                        up->status = UMBRA_FAILED;
                        supervisor_stop(up->supervisor);
                }
                break;
        case SUPERVISOR_RAISED:
                log_info("kept_waiting",
                        "service=%s others left it no processor: it takes its share for a while",
                        report->service);
                break;
        case SUPERVISOR_LOWERED:
                log_info("steps_back", "service=%s it runs in what others leave", report->service);
                break;
        case SUPERVISOR_STOPPED: log_info("stopped", "service=%s %s", report->service, how); break;
        case SUPERVISOR_STOPPING:
                log_info("stopping", "state=%s", up->layout.state);
                bus_loop_set_timer(up->poll, -1);
                break;
        case SUPERVISOR_EMPTY: bus_loop_stop(up->loop); break;
        }
}

/* What is left out on purpose is not waited for. */
static void tell_health(const struct up *up)
{
        BUS_AUTOBUF struct bus_buf names = BUS_BUF_INIT;

        if (!up->left_out)
                return;
        for (size_t i = 0; umbra_services[i].name; i++)
                if (umbra_services[i].on_bus && !(up->left_out & (1u << i)))
                        bus_buf_printf(
                                &names, "%s%s", names.size ? " " : "", umbra_services[i].name);
        setenv("UMBRA_HEALTH_SERVICES", bus_buf_str(&names), 1);
}

static int start_services(struct up *up, char *error, size_t error_size)
{
        for (size_t i = 0; umbra_services[i].name; i++) {
                const struct umbra_service *service = &umbra_services[i];
                BUS_AUTOFREE char *program = NULL;
                const char *argv[] = { service->name, "--config", up->layout.config, NULL };
                int r;

                if (up->left_out & (1u << i))
                        continue;
                r = layout_program(service->name, &program);
                if (r == -ENOENT && service->optional)
                        continue;
                if (!r)
                        r = supervisor_add(up->supervisor,
                                &(struct supervisor_service){
                                        .name = service->name,
                                        .program = program,
                                        .argv = argv,
                                        .stage = service->stage,
                                        .listen_fd = up->listen_fds[i],
                                        .goes_first = service->goes_first,
                                        .roams = service->roams,
                                        .uid = up->uid_base ? services_uid(service, up->uid_base)
                                                            : 0,
                                });
                if (r < 0) {
                        snprintf(error, error_size, "%s: %s", service->name, strerror(-r));
                        return r;
                }
        }
        return 0;
}

static int run(struct up *up, char *error, size_t error_size)
{
        int r;

        r = supervisor_new(up->loop,
                &(struct supervisor_options){
                        .run_dir = up->layout.run,
                        .log_dir = up->layout.log,
                        .fn = on_event,
                        .arg = up,
                        .realtime = config_bool(up->config, "bus", "realtime"),
                },
                &up->supervisor);
        if (r < 0) {
                snprintf(error, error_size, "signals: %s", strerror(-r));
                return r;
        }
        up->ready_deadline_us = bus_mono_us() + READY_WITHIN_US;
        up->poll = bus_loop_add_timer(up->loop, READY_POLL_US, READY_POLL_US, on_poll, up);
        tell_health(up);
        r = start_services(up, error, error_size);
        return r < 0 ? r : bus_loop_run(up->loop);
}

static void done(struct up *up)
{
        up->supervisor = supervisor_free(up->supervisor);
        up->loop = bus_loop_free(up->loop);
        client_done(&up->health);
        config_free(up->config);
        layout_done(&up->layout);
        for (size_t i = 0; i < UMBRA_SERVICES_MAX; i++)
                if (up->listen_fds[i] >= 0)
                        close(up->listen_fds[i]);
        if (up->lock_fd >= 0)
                close(up->lock_fd);
}

int umbra_up(int argc, char **argv)
{
        struct up up = { .lock_fd = -1 };
        char error[ERROR_SIZE] = "";
        int r;

        for (size_t i = 0; i < UMBRA_SERVICES_MAX; i++)
                up.listen_fds[i] = -1;
        r = parse(&up, argc, argv);
        if (r >= 0)
                return r;
        bus_log_init("umbra", BUS_LOG_INFO);
        if (bus_hash_init() < 0 || layout_init(&up.layout, up.state) < 0)
                return UMBRA_FAILED;
        up.loop = bus_loop_new();
        r = prepare(&up, error, sizeof(error));
        if (!r && !up.prepare_only)
                r = run(&up, error, sizeof(error));
        if (r < 0) {
                fprintf(stderr, "umbra up: %s\n", *error ? error : strerror(-r));
                up.status = UMBRA_FAILED;
        }
        done(&up);
        return up.status;
}
