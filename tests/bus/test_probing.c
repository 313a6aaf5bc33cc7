/*
 * A service's /readyz through its life: a process of its own asks over and over, and each answer that
 * differs from the one before makes the service take its next step.
 */
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/bus/keys.h"
#include "libbus/service/internal.h"
#include "libbus/service/run.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#define ANSWER_SIZE 256

struct subject {
        struct bus_service *service;
        size_t step;
        bool off; /* nobody is to answer */
        char seen[ANSWER_SIZE];
};

static struct subject subject;
static char folder[64];
static pid_t asker;
static int answers[2], signals[2];

/* ---- the asker ---- */

static void ask(unsigned int port, char text[static ANSWER_SIZE])
{
        static const char request[] = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";
        const struct sockaddr_in to = { .sin_family = AF_INET,
                .sin_port = htons((uint16_t)port),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        BUS_AUTOCLOSE int fd = socket(AF_INET, SOCK_STREAM, 0);
        char raw[1024];
        size_t size = 0;
        ssize_t n;

        text[0] = 0;
        if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ||
                write(fd, request, sizeof(request) - 1) < 0)
                return;
        while ((n = read(fd, raw + size, sizeof(raw) - 1 - size)) > 0)
                size += (size_t)n;
        raw[size] = 0;
        if (size > strlen("HTTP/1.1 200") && strstr(raw, "\r\n\r\n"))
                snprintf(text, ANSWER_SIZE, "%.3s %.200s", raw + strlen("HTTP/1.1 "),
                        strstr(raw, "\r\n\r\n") + 4);
}

BUS_NORETURN static void keep_asking(unsigned int port)
{
        char text[ANSWER_SIZE], before[ANSWER_SIZE] = "";

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* the lock of the store among them, which the service lets go and takes again */
        bus_require(dup2(answers[1], STDOUT_FILENO) >= 0);
        bus_require(close_range(STDERR_FILENO + 1, ~0U, 0) == 0);
        for (;; usleep(2000)) {
                ask(port, text);
                if (!text[0] || !strcmp(text, before))
                        continue;
                bus_require(write(STDOUT_FILENO, text, sizeof(text)) == sizeof(text));
                strcpy(before, text);
        }
}

/* ---- the service ---- */

static void become_ready(void)
{
        bus_service_ready(subject.service);
}

static void become_degraded(void)
{
        bus_service_degraded(subject.service, "the terminal is away");
}

static void lose_the_store(void)
{
        service_store_lost(subject.service, -EIO);
}

static void nothing(void)
{
}

static void be_told_to_end(void)
{
        const struct signalfd_siginfo info = { .ssi_signo = SIGTERM };

        bus_require(write(signals[1], &info, sizeof(info)) == sizeof(info));
}

static void end(void)
{
        bus_service_drained(subject.service);
}

static const struct {
        const char *answer;
        void (*next)(void);
} steps[] = {
        { "503 {\"status\":\"not_ready\",\"waiting_for\":\"its start\"}", become_ready },
        { "200 {\"status\":\"ready\"}", become_degraded },
        { "503 {\"status\":\"not_ready\",\"waiting_for\":\"the terminal is away\"}", become_ready },
        { "200 {\"status\":\"ready\"}", lose_the_store },
        { "503 {\"status\":\"not_ready\",\"waiting_for\":\"the store\"}", nothing },
        { "200 {\"status\":\"ready\"}", be_told_to_end },
        { "503 {\"status\":\"not_ready\",\"waiting_for\":\"draining\"}", end },
};

static void on_answer(short revents, void *arg)
{
        (void)revents;
        (void)arg;
        bus_require(read(answers[0], subject.seen, ANSWER_SIZE) == ANSWER_SIZE);
        if (!strcmp(subject.seen, steps[subject.step].answer))
                steps[subject.step++].next();
        else
                bus_service_fail(subject.service, "test_failed", "%s", subject.seen);
}

static int create(struct bus_service *service, void **ret_self)
{
        subject.service = service;
        *ret_self = &subject;
        return 0;
}

static int start(void *self)
{
        struct bus_service *service = subject.service;

        (void)self;
        if (subject.off) {
                be_told_to_end();
                return 0;
        }
        bus_loop_add_fd(service->loop, answers[0], POLLIN, on_answer, NULL);
        asker = fork();
        bus_require(asker >= 0);
        if (asker == 0)
                keep_asking(probe_server_port(service->probe));
        return 0;
}

static void drain(void *self)
{
        (void)self;
        if (subject.off) /* else it ends when the prober has seen it */
                end();
}

static void destroy(void *self)
{
        (void)self;
}

static const struct bus_service_class class = { .name = "strategy-v3",
        .survives_commit_failure = true,
        .create = create,
        .start = start,
        .drain = drain,
        .destroy = destroy };

static struct bus_service *make(const char *probe_listen)
{
        const struct config_option *tables[] = { bus_endpoint_options, service_options(&class) };
        BUS_AUTOFREE char *state = bus_xasprintf("bus.state_dir=%s", folder);
        BUS_AUTOFREE char *listen = bus_xasprintf("strategy-v3.probe_listen=%s", probe_listen);
        const char *sets[] = { state, listen };
        const struct config_source source = { .sets = sets, .set_count = 2 };
        struct config *config;
        char error[CONFIG_ERROR_SIZE];
        struct bus_service *service;

        cr_assert_eq(
                config_load(&source, tables, 2, &config, error, sizeof(error)), 0, "%s", error);
        service = service_new(&class, config);
        cr_assert_eq(service_create(service), 0);
        return service;
}

static void set_up(void)
{
        BUS_AUTOFREE char *keys = NULL;

        cr_assert_eq(bus_hash_init(), 0);
        strcpy(folder, "/tmp/umbra-probing-XXXXXX");
        cr_assert(mkdtemp(folder));
        keys = bus_xasprintf("%s/keys", folder);
        cr_assert_eq(bus_keys_make_all(keys), 0);
        cr_assert_eq(pipe(answers), 0);
        cr_assert_eq(pipe(signals), 0);
        subject = (struct subject){ 0 };
}

static void tear_down(void)
{
        BUS_AUTOFREE char *clean = bus_xasprintf("rm -r %s", folder);

        if (asker) {
                kill(asker, SIGKILL);
                waitpid(asker, NULL, 0);
        }
        cr_expect_eq(system(clean), 0);
}

TestSuite(probing, .init = set_up, .fini = tear_down, .timeout = 60);

Test(probing, tells_each_state_of_a_service_from_its_start_to_its_end)
{
        struct bus_service *service = make("127.0.0.1:0");

        cr_expect_eq(
                service_run(service, signals[0]), 0, "step %zu, %s", subject.step, subject.seen);
        cr_expect_eq(subject.step, BUS_COUNT(steps));
        service_free(service);
}

Test(probing, nobody_answers_unless_asked_to)
{
        struct bus_service *service = make("");

        subject.off = true;
        cr_expect_eq(service_run(service, signals[0]), 0);
        cr_expect_null(service->probe);
        service_free(service);
}

Test(probing, an_address_that_is_taken_ends_the_start)
{
        struct bus_service *service, *second;
        struct probe_server *taken;
        BUS_AUTOFREE char *address = NULL;
        char error[256];

        service = make("");
        cr_assert_eq(probe_server_new(service->loop, "127.0.0.1:0", NULL, NULL, &taken, error,
                             sizeof(error)),
                0);
        address = bus_xasprintf("127.0.0.1:%u", probe_server_port(taken));
        second = make(address);
        cr_expect_eq(service_run(second, signals[0]), 1);
        service_free(second);
        probe_server_free(taken);
        service_free(service);
}
