#include "services/umbra/demo/chaos_play.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEATHS_US (5 * BUS_US_PER_SEC)

void chaos_play_init(struct chaos_play *play, uint64_t seed, int64_t from_us, int64_t to_us)
{
        *play = (struct chaos_play){ .started_us = bus_mono_us() };
        chaos_plan_make(seed, from_us, to_us, &play->plan);
}

/* ---- deeds ---- */

static bool deal_blow(struct chaos_play *play, const struct demo_system *system, size_t service)
{
        pid_t pid = layout_pid(&system->layout, chaos_services[service]);

        if (pid <= 0 || kill(pid, SIGKILL) < 0)
                return false;
        play->kills++;
        play->services[service].killed = pid;
        return true;
}

/* Until umbra knows of each: one that it hears of while it stops is, for it, a service that did not end as told. */
static void await_deaths(const struct chaos_play *play)
{
        int64_t deadline_us = bus_mono_us() + DEATHS_US;

        for (size_t i = 0; i < CHAOS_SERVICES; i++)
                while (play->services[i].killed && !kill(play->services[i].killed, 0) &&
                        bus_mono_us() < deadline_us)
                        usleep(1000);
}

/* Runs PROGRAM with ARGS, in the background: what it prints is lost. The pid, or -errno. */
static pid_t spawn(const char *program, const char *const *args)
{
        pid_t pid = fork();
        int fd;

        if (pid)
                return pid < 0 ? -errno : pid;
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(fd, STDIN_FILENO);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execv(program, (char **)args);
        _exit(127);
}

static pid_t tell_broker(const struct demo_system *system, const char *command)
{
        BUS_AUTOFREE char *program = NULL;
        BUS_AUTOFREE char *control = bus_xasprintf("ipc://%s/mt5-demo/control", system->layout.run);
        const char *args[] = { "mt5-demo", "ctl", "--control", control, command, NULL };
        int r = layout_program("mt5-demo", &program);

        return r < 0 ? r : spawn(program, args);
}

static void begin_switch(
        struct chaos_play *play, const struct demo_system *system, const struct chaos_event *event)
{
        const char *args[] = { "umbra", event->what, "--state", system->layout.state, NULL };

        if (spawn("/proc/self/exe", args) < 0)
                return;
        for (size_t i = 0; i < CHAOS_SERVICES; i++)
                if (event->services & (1u << i))
                        play->services[i].kill_us = bus_mono_us() + event->early_us;
}

static void freeze(struct chaos_play *play, const struct demo_system *system, size_t service,
        const struct chaos_event *event)
{
        pid_t pid = layout_pid(&system->layout, chaos_services[service]);

        if (play->services[service].frozen || pid <= 0 || kill(pid, SIGSTOP) < 0)
                return;
        play->services[service].frozen = pid;
        play->services[service].thaw_us = bus_mono_us() + event->for_us;
}

static void end_up(struct chaos_play *play, struct demo_system *system, bool kill_it)
{
        int64_t before_us = bus_mono_us();

        if (kill_it) {
                play->kills++;
                play->broken += demo_system_kill(system) < 0;
        } else {
                /* What is frozen could not stop. */
                for (size_t i = 0; i < CHAOS_SERVICES; i++)
                        if (play->services[i].frozen)
                                kill(play->services[i].frozen, SIGCONT);
                await_deaths(play);
                if (demo_system_stop(system) != 0)
                        play->broken++;
                if (bus_mono_us() - before_us > play->slowest_stop_us)
                        play->slowest_stop_us = bus_mono_us() - before_us;
        }
        for (size_t i = 0; i < CHAOS_SERVICES; i++) {
                play->services[i].frozen = 0;
                play->services[i].kill_us = 0;
                play->services[i].killed = 0;
        }
        play->restart = true;
}

static void begin(
        struct chaos_play *play, struct demo_system *system, const struct chaos_event *event)
{
        switch (event->kind) {
        case CHAOS_KILL_UP:
        case CHAOS_STOP_UP: end_up(play, system, event->kind == CHAOS_KILL_UP); return;
        case CHAOS_FAULT: (void)!tell_broker(system, event->what); return;
        case CHAOS_SWITCH: begin_switch(play, system, event); return;
        default: break;
        }
        for (size_t i = 0; i < CHAOS_SERVICES; i++) {
                if (!(event->services & (1u << i)))
                        continue;
                if (event->kind == CHAOS_KILL)
                        deal_blow(play, system, i);
                else if (event->kind == CHAOS_FREEZE)
                        freeze(play, system, i, event);
                else
                        play->services[i].hunt_until_us = bus_mono_us() + event->for_us;
                play->services[i].early_us = event->early_us;
        }
}

/* ---- what lasts ---- */

static void go_on_hunting(struct chaos_play *play, const struct demo_system *system, size_t service)
{
        pid_t pid = layout_pid(&system->layout, chaos_services[service]);
        int64_t now_us = bus_mono_us();

        if (now_us >= play->services[service].hunt_until_us) {
                play->services[service].hunt_until_us = 0;
                return;
        }
        if (pid <= 0)
                return;
        if (pid != play->services[service].seen) {
                play->services[service].seen = pid;
                play->services[service].seen_us = now_us;
        } else if (now_us - play->services[service].seen_us >= play->services[service].early_us) {
                deal_blow(play, system, service);
        }
}

static void go_on(struct chaos_play *play, const struct demo_system *system, size_t service)
{
        int64_t now_us = bus_mono_us();

        if (play->services[service].frozen && now_us >= play->services[service].thaw_us) {
                kill(play->services[service].frozen, SIGCONT);
                play->services[service].frozen = 0;
        }
        if (play->services[service].kill_us && now_us >= play->services[service].kill_us) {
                play->services[service].kill_us = 0;
                deal_blow(play, system, service);
        }
        if (play->services[service].hunt_until_us)
                go_on_hunting(play, system, service);
}

/* The helpers we spawned; umbra up is waited for by its own pid. */
static void reap(const struct demo_system *system)
{
        siginfo_t info = { 0 };

        while (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid &&
                info.si_pid != system->pid)
                waitpid(info.si_pid, NULL, 0);
}

const struct chaos_event *chaos_play_turn(struct chaos_play *play, struct demo_system *system)
{
        const struct chaos_event *event = &play->plan.events[play->next];

        reap(system);
        for (size_t i = 0; i < CHAOS_SERVICES; i++)
                go_on(play, system, i);
        if (play->next == play->plan.count || bus_mono_us() < play->started_us + event->at_us)
                return NULL;
        play->next++;
        begin(play, system, event);
        return event;
}

bool chaos_play_over(const struct chaos_play *play)
{
        for (size_t i = 0; i < CHAOS_SERVICES; i++)
                if (play->services[i].frozen || play->services[i].kill_us ||
                        play->services[i].hunt_until_us)
                        return false;
        return play->next == play->plan.count && !play->restart;
}

int chaos_play_clear(const struct demo_system *system)
{
        pid_t pid = tell_broker(system, "clear");
        int status;

        if (pid < 0)
                return pid;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}
