#include "services/umbra/demo/kills.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"

#include <signal.h>
#include <string.h>

/* Between two looks whether it is back: what catch_up_ms is exact to. */
#define ASK_PERIOD_US (20 * BUS_US_PER_MS)

void kills_init(struct kills *kills, const struct kill_plan *plan)
{
        *kills = (struct kills){ .plan = plan, .started_us = bus_mono_us() };
}

static const json_t *service_of(const json_t *status, const char *name)
{
        const json_t *services = json_object_get(status, "services");
        const char *service;

        for (size_t i = 0; i < json_array_size(services); i++) {
                service =
                        json_string_value(json_object_get(json_array_get(services, i), "service"));
                if (service && !strcmp(service, name))
                        return json_array_get(services, i);
        }
        return NULL;
}

static bool is_connected(const json_t *executor)
{
        const char *broker =
                json_string_value(json_object_get(json_object_get(executor, "facts"), "broker"));

        return json_is_true(json_object_get(executor, "ready")) &&
               (!broker || !strcmp(broker, "connected"));
}

/* The new process is the one that health hears, and it is ready. The broker has no heartbeat: it
 * is back when it has shaken hands with the executor again, and the executor says so. */
static bool is_back(const struct demo_system *system, const struct demo_ledger *ledger,
        const struct kill_done *last)
{
        pid_t pid = layout_pid(&system->layout, last->service);
        const json_t *service;
        json_t *status;
        bool back;

        if (pid <= 0 || pid == last->pid)
                return false;
        status = demo_system_get(system, "/api/status");
        service = service_of(status, last->service);
        if (service)
                back = json_integer_value(json_object_get(service, "pid")) == pid &&
                       json_is_true(json_object_get(service, "ready"));
        else
                back = ledger->hello_us > last->at_wall_us &&
                       is_connected(service_of(status, "order-executor"));
        json_decref(status);
        return back;
}

static const struct kill_done *look(
        struct kills *kills, const struct demo_system *system, const struct demo_ledger *ledger)
{
        struct kill_done *last = &kills->done[kills->count - 1];
        int64_t now_us = bus_mono_us();

        if (now_us - kills->asked_us < ASK_PERIOD_US)
                return NULL;
        kills->asked_us = now_us;
        if (!is_back(system, ledger, last))
                return NULL;
        last->back_us = bus_mono_us();
        return last;
}

const struct kill_done *kills_turn(
        struct kills *kills, const struct demo_system *system, const struct demo_ledger *ledger)
{
        const struct kill_plan *next = &kills->plan[kills->count];
        struct kill_done *done;
        pid_t pid;

        if (kills->count && !kills->done[kills->count - 1].back_us)
                return look(kills, system, ledger);
        if (!next->service || bus_mono_us() < kills->started_us + next->at_us)
                return NULL;
        pid = layout_pid(&system->layout, next->service);
        if (pid <= 0)
                return NULL;
        bus_require(kills->count < KILLS_MAX);
        done = &kills->done[kills->count++];
        *done = (struct kill_done){ .service = next->service,
                .pid = pid,
                .at_us = bus_mono_us(),
                .at_wall_us = bus_wall_us() };
        kill(pid, SIGKILL);
        return done;
}

bool kills_over(const struct kills *kills)
{
        return !kills->plan[kills->count].service &&
               (!kills->count || kills->done[kills->count - 1].back_us);
}

int64_t kills_longest_us(const struct kills *kills)
{
        int64_t longest_us = 0;

        for (size_t i = 0; i < kills->count; i++)
                if (kills->done[i].back_us - kills->done[i].at_us > longest_us)
                        longest_us = kills->done[i].back_us - kills->done[i].at_us;
        return longest_us;
}
