#include "services/umbra/demo/system.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "services/umbra/services.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define ARGS_MAX   64
#define LINE_MAX   1024
#define ASK_US     (3 * BUS_US_PER_SEC)
#define ERROR_SIZE 256
/* How long services may outlive the umbra that started them. */
#define ORPHANS_US (2 * BUS_US_PER_SEC)

BUS_NORETURN static void run_up(
        const struct demo_system *system, const struct demo_system_options *options, int out)
{
        const char *args[ARGS_MAX] = { "umbra", "up", "--state", system->layout.state };
        BUS_AUTOFREE char *log = layout_path(system->layout.state, "up", ".log");
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        size_t n = 4;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (const char *const *set = options->sets; *set && n + 2 < ARGS_MAX; set++) {
                args[n++] = "--set";
                args[n++] = *set;
        }
        dup2(out, STDOUT_FILENO);
        if (fd >= 0)
                dup2(fd, STDERR_FILENO);
        /* A Ctrl-C is for the demo, which stops it in order. */
        setpgid(0, 0);
        execv("/proc/self/exe", (char **)args);
        _exit(127);
}

/* The word behind KEY= in LINE; the caller frees. NULL if it is not there. */
static char *word_of(const char *line, const char *key)
{
        const char *at = strstr(line, key);

        return at ? bus_xasprintf("%.*s", (int)strcspn(at + strlen(key), " \n"), at + strlen(key))
                  : NULL;
}

static int read_line(int fd, int64_t deadline_us, char *line)
{
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        size_t size = 0;

        while (size + 1 < LINE_MAX) {
                int64_t left_us = deadline_us - bus_mono_us();
                ssize_t n;

                if (left_us <= 0)
                        return -ETIMEDOUT;
                if (poll(&poll_fd, 1, (int)(left_us / BUS_US_PER_MS) + 1) <= 0)
                        continue;
                n = read(fd, line + size, 1);
                if (n <= 0)
                        return -EPIPE; /* it has ended */
                line[size + 1] = 0;
                if (line[size++] == '\n')
                        return 0;
        }
        return -EMSGSIZE;
}

static int wait_ready(struct demo_system *system, int fd, int64_t within_us)
{
        char line[LINE_MAX] = "";
        int r;

        do
                r = read_line(fd, bus_mono_us() + within_us, line);
        while (!r && strncmp(line, "ready ", 6));
        if (r < 0)
                return r;
        system->webhook = word_of(line, "webhook=");
        return system->webhook ? 0 : -EBADMSG;
}

static int start(struct demo_system *system, const struct demo_system_options *options, int out[2])
{
        pid_t pid = fork();

        if (pid < 0)
                return -errno;
        if (!pid)
                run_up(system, options, out[1]);
        system->pid = pid;
        close(out[1]);
        out[1] = -1;
        return wait_ready(system, out[0], options->ready_within_us);
}

int demo_system_start(struct demo_system *system, const struct demo_system_options *options,
        char *error, size_t error_size)
{
        int out[2], r;

        *system = (struct demo_system){ 0 };
        r = layout_init(&system->layout, options->state);
        if (r < 0 || pipe2(out, O_CLOEXEC) < 0)
                return r < 0 ? r : -errno;
        r = start(system, options, out);
        close(out[0]);
        if (out[1] >= 0)
                close(out[1]);
        *error = 0;
        if (!r)
                r = client_init(&system->health, &system->layout, error, error_size);
        if (r < 0) {
                if (!*error)
                        snprintf(error, error_size, "the system did not come up (%s): see %s",
                                strerror(-r), system->layout.state);
                demo_system_done(system);
        }
        return r;
}

int demo_system_again(struct demo_system *system, const struct demo_system_options *options,
        char *error, size_t error_size)
{
        demo_system_done(system);
        return demo_system_start(system, options, error, error_size);
}

/* Whether a service that the pid files name is still there. */
static bool has_children(const struct demo_system *system)
{
        for (size_t i = 0; umbra_services[i].name; i++) {
                pid_t pid = layout_pid(&system->layout, umbra_services[i].name);

                if (pid > 0 && !kill(pid, 0))
                        return true;
        }
        return false;
}

int demo_system_kill(struct demo_system *system)
{
        int64_t deadline_us = bus_mono_us() + ORPHANS_US;

        if (!system->pid)
                return -ESRCH;
        kill(system->pid, SIGKILL);
        while (waitpid(system->pid, NULL, 0) < 0 && errno == EINTR)
                continue;
        system->pid = 0;
        while (has_children(system)) {
                if (bus_mono_us() > deadline_us)
                        return -ETIMEDOUT;
                usleep(1000);
        }
        return 0;
}

bool demo_system_runs(struct demo_system *system)
{
        int status;

        if (system->pid && waitpid(system->pid, &status, WNOHANG) == system->pid)
                system->pid = 0;
        return system->pid;
}

int demo_system_stop(struct demo_system *system)
{
        int status = 0;

        if (!system->pid)
                return -ESRCH;
        kill(system->pid, SIGTERM);
        while (waitpid(system->pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        system->pid = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -ECANCELED;
}

void demo_system_done(struct demo_system *system)
{
        if (system->pid)
                demo_system_stop(system);
        client_done(&system->health);
        layout_done(&system->layout);
        free(system->webhook);
        *system = (struct demo_system){ 0 };
}

static json_t *ask(
        const struct demo_system *system, const char *method, const char *path, long *ret_status)
{
        struct client_answer answer = { 0 };
        char error[ERROR_SIZE];
        json_t *json = NULL;

        *ret_status = 0;
        if (!client_request(
                    &system->health, method, path, NULL, ASK_US, &answer, error, sizeof(error))) {
                *ret_status = answer.status;
                json = json_incref(answer.json);
        }
        client_answer_done(&answer);
        return json;
}

/* JSON where all was well, else nothing. */
static json_t *if_ok(json_t *json, long status)
{
        if (status == 200)
                return json;
        json_decref(json);
        return NULL;
}

json_t *demo_system_get(const struct demo_system *system, const char *path)
{
        long status;
        json_t *json = ask(system, "GET", path, &status);

        return if_ok(json, status);
}

json_t *demo_system_post(const struct demo_system *system, const char *path)
{
        long status;
        json_t *json = ask(system, "POST", path, &status);

        return if_ok(json, status);
}

json_t *demo_system_try(const struct demo_system *system, const char *path, long *ret_status)
{
        return ask(system, "POST", path, ret_status);
}
