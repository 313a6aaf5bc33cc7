/*
 * Keeps: no second service is asked to end before the first one's successor is ready.
 */
#include "services/umbra/restart.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "services/umbra/ask.h"
#include "services/umbra/process.h"
#include "services/umbra/services.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ASK_US (2 * BUS_US_PER_SEC)
/* A heartbeat a second. */
#define HEARD_WITHIN_US (3 * BUS_US_PER_SEC)
#define POLL_US         (20 * BUS_US_PER_MS)
#define STOP_WITHIN_US  (30 * BUS_US_PER_SEC) /* what a service may take to finish what it has */
/* It may have to read months of a stream before it is ready. */
#define READY_WITHIN_US (60 * BUS_US_PER_SEC)

const char *const restart_order[] = { "strategy-v3-shadow", "telegram-analytics", "telegram-notify",
        "telegram-controller", "strategy-v3", "order-executor", "alert-ingest", "health", NULL };

json_t *restart_get(const struct client *health, const char *path)
{
        struct client_answer answer = { 0 };
        char error[256];
        json_t *json = NULL;

        if (!client_request(health, "GET", path, NULL, ASK_US, &answer, error, sizeof(error)) &&
                answer.status == 200)
                json = json_incref(answer.json);
        client_answer_done(&answer);
        return json;
}

const json_t *restart_service_of(const json_t *status, const char *service)
{
        const json_t *services = json_object_get(status, "services");

        for (size_t i = 0; i < json_array_size(services); i++)
                if (!strcmp(text_of(json_array_get(services, i), "service"), service))
                        return json_array_get(services, i);
        return NULL;
}

bool restart_all_ready(const struct client *health, char *error, size_t error_size)
{
        struct client_answer answer = { 0 };
        bool ready = false;
        int r;

        r = client_request(health, "GET", "/readyz", NULL, ASK_US, &answer, error, error_size);
        if (!r) {
                ready = answer.status == 200;
                snprintf(error, error_size, "%s is not ready", text_of(answer.json, "waiting_for"));
        }
        client_answer_done(&answer);
        return ready;
}

/* What umbra up has written down is the newest; elsewhere it is what the service says of itself. */
static pid_t pid_of(const struct layout *layout, const json_t *status, const char *service)
{
        pid_t pid = layout_pid(layout, service);

        if (pid < 0)
                pid = (pid_t)json_integer_value(
                        json_object_get(restart_service_of(status, service), "pid"));
        return pid > 1 && process_is(pid, service) ? pid : process_find(layout, service);
}

int restart_is_there(const struct layout *layout, const struct client *health, const char *service,
        char *error, size_t error_size)
{
        int64_t until_us = bus_mono_us() + HEARD_WITHIN_US;

        for (;; usleep(POLL_US)) {
                json_t *status = restart_get(health, "/api/status");
                const json_t *entry = restart_service_of(status, service);
                bool alive = json_is_true(json_object_get(entry, "alive"));
                bool expected = json_is_true(json_object_get(entry, "expected"));
                bool answers = status != NULL;
                pid_t pid = pid_of(layout, status, service);

                json_decref(status);
                if (alive || (answers && pid < 0 && !expected))
                        return alive;
                if (bus_mono_us() < until_us)
                        continue;
                if (!answers)
                        snprintf(error, error_size, "%s: health does not answer", service);
                else if (pid < 0)
                        snprintf(error, error_size, "%s: not restarted: it does not run", service);
                else
                        snprintf(error, error_size,
                                "%s: not restarted: process %d runs, and health does not hear it",
                                service, (int)pid);
                return -ENOLINK;
        }
}

static int find(const struct layout *layout, const struct client *health, const char *service,
        pid_t *ret_pid, char *error, size_t error_size)
{
        json_t *status = restart_get(health, "/api/status");

        *ret_pid = pid_of(layout, status, service);
        if (!status)
                snprintf(error, error_size, "%s: health does not answer", service);
        else if (*ret_pid < 0)
                snprintf(error, error_size, "%s: there is no process of it on this machine",
                        service);
        json_decref(status);
        return !status ? -ECONNREFUSED : *ret_pid < 0 ? -ESRCH : 0;
}

/* What would not come up is not taken down: its successor reads the same file as the same user. */
static int check_config(
        const struct layout *layout, const char *service, pid_t pid, char *error, size_t error_size)
{
        uid_t uid = geteuid() == 0 ? process_uid(pid) : geteuid();
        int r = services_check_one(layout, service, uid);

        if (r < 0)
                snprintf(error, error_size, "%s: not touched: %s", service,
                        r == -ENOENT ? "there is no such program beside umbra"
                                     : "it refuses the configuration");
        return r;
}

static int wait_end(pid_t pid)
{
        int64_t until_us = bus_mono_us() + STOP_WITHIN_US;

        while (!kill(pid, 0) || errno == EPERM) {
                if (bus_mono_us() > until_us)
                        return -ETIMEDOUT;
                usleep(POLL_US);
        }
        return 0;
}

/* Whether the successor of OLD_PID is ready, and with it all others. */
static bool is_back(const struct client *health, const char *service, struct restarted *restarted,
        char *error, size_t error_size)
{
        json_t *status = restart_get(health, "/api/status");
        const json_t *entry = restart_service_of(status, service);
        pid_t pid = (pid_t)json_integer_value(json_object_get(entry, "pid"));
        bool back = pid > 1 && pid != restarted->old_pid &&
                    json_is_true(json_object_get(entry, "ready"));

        if (back) {
                restarted->new_pid = pid;
                snprintf(restarted->version, sizeof(restarted->version), "%s",
                        text_of(entry, "version"));
                back = restart_all_ready(health, error, error_size);
        } else if (status) {
                snprintf(error, error_size, "%s",
                        *text_of(entry, "why")      ? text_of(entry, "why")
                        : pid != restarted->old_pid ? text_of(entry, "state")
                                                    : "no new process was heard");
        }
        json_decref(status);
        return back;
}

static int wait_back(const struct client *health, const char *service, struct restarted *restarted,
        char *error, size_t error_size)
{
        int64_t until_us = bus_mono_us() + READY_WITHIN_US;

        while (!is_back(health, service, restarted, error, error_size)) {
                if (bus_mono_us() > until_us)
                        return -ETIMEDOUT;
                usleep(POLL_US);
        }
        return 0;
}

int restart_service(const struct layout *layout, const struct client *health, const char *service,
        struct restarted *ret, char *error, size_t error_size)
{
        struct restarted restarted = { 0 };
        char why[256] = "";
        int64_t asked_us;
        int r;

        if (!restart_all_ready(health, why, sizeof(why))) {
                snprintf(error, error_size, "%s: not touched: %s", service, why);
                return -EAGAIN;
        }
        r = find(layout, health, service, &restarted.old_pid, error, error_size);
        if (!r)
                r = check_config(layout, service, restarted.old_pid, error, error_size);
        if (r < 0)
                return r;
        asked_us = bus_mono_us();
        if (kill(restarted.old_pid, SIGTERM) < 0) {
                r = -errno;
                snprintf(error, error_size, "%s: process %d: %s", service, (int)restarted.old_pid,
                        strerror(-r));
                return r;
        }
        r = wait_end(restarted.old_pid);
        if (r < 0) {
                snprintf(error, error_size, "%s: process %d has not ended within 30 s", service,
                        (int)restarted.old_pid);
                return r;
        }
        restarted.ended_us = bus_mono_us() - asked_us;
        r = wait_back(health, service, &restarted, why, sizeof(why));
        if (r < 0) {
                snprintf(error, error_size, "%s: has not come back ready within 60 s: %s", service,
                        why);
                return r;
        }
        restarted.ready_us = bus_mono_us() - asked_us;
        *ret = restarted;
        return 0;
}
