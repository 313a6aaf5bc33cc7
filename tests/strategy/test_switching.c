/*
 * strategy-v3 as it is, killed at random while the slot is switched back and forth under a stream
 * of signals. What was heard live must be, line by line, what its journals hold afterwards: a
 * message derived again is the one that was published.
 */
#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/bus/keys.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define PATIENCE_US    (90 * BUS_US_PER_SEC)
#define KILLS          10
#define TOLD_MAX_BYTES ((size_t)1 << 22)

struct rig {
        char folder[40];
        pid_t pids[5];
        unsigned int random;
};

static const struct {
        const char *program, *name;
} parts[] = {
        { UMBRA_TEST_STRATEGY, NULL },
        { UMBRA_TEST_NODE, "alert-ingest" },
        { UMBRA_TEST_NODE, "health" },
        { UMBRA_TEST_SHADOW, NULL },
        { UMBRA_TEST_NODE, "order-executor" },
};
enum { STRATEGY, INGEST, SWITCHER, SHADOW, SINK };
#define MAY_BE_KILLED SINK /* which keeps no memory over its death */

static pid_t spawn(const struct rig *rig, const char *program, const char *name)
{
        BUS_AUTOFREE char *state = bus_xasprintf("bus.state_dir=%s", rig->folder);
        BUS_AUTOFREE char *log = bus_xasprintf("%s/%s.log", rig->folder, name ? name : "strategy");
        pid_t pid = fork();

        bus_require(pid >= 0);
        if (pid == 0) {
                int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

                prctl(PR_SET_PDEATHSIG, SIGKILL);
                dup2(fd, STDERR_FILENO);
                if (name)
                        execl(program, program, name, "--set", state, (char *)NULL);
                else
                        execl(program, program, "--set", state, "--set",
                                "plugin_system.folder=" UMBRA_TEST_PLUGINS, "--set",
                                "strategy-v3.handover_hold=30ms", "--set",
                                "policy.strategy-v3-shadow=order-executor telegram-analytics",
                                (char *)NULL);
                _exit(127);
        }
        return pid;
}

static void make_folder(struct rig *rig)
{
        BUS_AUTOFREE char *keys = NULL;

        cr_assert(mkdtemp(rig->folder));
        keys = bus_xasprintf("%s/keys", rig->folder);
        cr_assert_eq(bus_keys_make_all(keys), 0);
}

static unsigned int next_random(struct rig *rig)
{
        rig->random = rig->random * 1664525u + 1013904223u;
        return rig->random >> 8;
}

static void pause_ms(int ms)
{
        struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

        nanosleep(&ts, NULL);
}

static void kill_one(struct rig *rig)
{
        /* the strategy itself, three times in four */
        size_t i = next_random(rig) % 4 ? 0 : next_random(rig) % MAY_BE_KILLED;
        int status;

        kill(rig->pids[i], SIGKILL);
        cr_assert_eq(waitpid(rig->pids[i], &status, 0), rig->pids[i]);
        cr_assert(WIFSIGNALED(status), "%s %s had ended by itself with status %d, see %s",
                parts[i].program, parts[i].name ? parts[i].name : "", WEXITSTATUS(status),
                rig->folder);
        rig->pids[i] = spawn(rig, parts[i].program, parts[i].name);
}

static void wait_done(const struct rig *rig, const char *sink, pid_t pid, int64_t until_us)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/%s/done", rig->folder, sink);
        int status;

        while (access(path, F_OK) != 0) {
                cr_assert_lt(bus_mono_us(), until_us, "not all arrived, see %s", rig->folder);
                cr_assert_eq(
                        waitpid(pid, &status, WNOHANG), 0, "%s ended, see %s", sink, rig->folder);
                pause_ms(20);
        }
}

/* The lines of one stream, in their order: the streams interleave as they like. */
static char *told(const struct rig *rig, const char *sink, const char *stream)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/%s/told", rig->folder, sink);
        BUS_AUTOBUF struct bus_buf all = BUS_BUF_INIT, lines = BUS_BUF_INIT;
        char *rest, *line;

        cr_assert_eq(bus_file_read(path, TOLD_MAX_BYTES, &all), 0);
        bus_buf_str(&all);
        rest = (char *)all.data;
        while ((line = strsep(&rest, "\n")))
                if (!strncmp(line, stream, strlen(stream)))
                        bus_buf_printf(&lines, "%s\n", line + strlen(stream));
        return bus_xstrdup(bus_buf_str(&lines));
}

static void expect_same(const struct rig *rig, const char *stream)
{
        BUS_AUTOFREE char *live = told(rig, "order-executor", stream);
        BUS_AUTOFREE char *late = told(rig, "telegram-analytics", stream);

        /* the live one may have seen a last line that the late one did not wait for, or the reverse */
        size_t common = strlen(live) < strlen(late) ? strlen(live) : strlen(late);

        cr_expect_gt(common, 1000, "%s: too little was said, see %s", stream, rig->folder);
        cr_expect_eq(strncmp(live, late, common), 0, "%s: told and kept differ, see %s", stream,
                rig->folder);
}

static void expect_some(const struct rig *rig, const char *stream, const char *word)
{
        BUS_AUTOFREE char *lines = told(rig, "order-executor", stream);

        cr_assert(strstr(lines, word), "%s: never %s, see %s", stream, word, rig->folder);
}

static void end_all(struct rig *rig, pid_t late)
{
        kill(late, SIGKILL);
        waitpid(late, NULL, 0);
        for (size_t i = 0; i < BUS_COUNT(parts); i++) {
                kill(rig->pids[i], SIGKILL);
                waitpid(rig->pids[i], NULL, 0);
        }
}

static void wait_decisions(const struct rig *rig, size_t count, int64_t until_us)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/order-executor/told", rig->folder);
        size_t seen = 0;

        while (seen < count) {
                cr_assert_lt(bus_mono_us(), until_us, "too few decisions, see %s", rig->folder);
                pause_ms(20);
                seen = 0;
                if (access(path, F_OK) == 0) {
                        BUS_AUTOFREE char *lines = told(rig, "order-executor", "decision@");

                        for (const char *p = lines; (p = strchr(p, '\n')); p++)
                                seen++;
                }
        }
}

static void begin(struct rig *rig)
{
        for (size_t i = 0; i < BUS_COUNT(parts); i++)
                rig->pids[i] = spawn(rig, parts[i].program, parts[i].name);
}

/* All has arrived; somebody who reads the journals finds what was told live. */
static void finish(struct rig *rig, int64_t until_us)
{
        BUS_AUTOFREE char *clean = bus_xasprintf("rm -r %s", rig->folder);
        pid_t late;

        wait_done(rig, "order-executor", rig->pids[SINK], until_us);
        late = spawn(rig, UMBRA_TEST_NODE, "telegram-analytics");
        wait_done(rig, "telegram-analytics", late, until_us);
        end_all(rig, late);
        expect_same(rig, "decision@strategy-v3 ");
        expect_same(rig, "order@strategy-v3 ");
        /* both plugins had their turn, or nothing was tried here */
        expect_some(rig, "decision@strategy-v3 ", "plugin=combined_v3");
        expect_some(rig, "decision@strategy-v3 ", "plugin=legacy_v3");
        expect_some(rig, "order@strategy-v3 ", "plugin=combined_v3");
        cr_expect_eq(system(clean), 0);
}

static void run(unsigned int seed, int kills)
{
        struct rig rig = { .random = seed, .folder = "/tmp/umbra-switch-XXXXXX" };
        int64_t until_us = bus_mono_us() + PATIENCE_US;

        make_folder(&rig);
        begin(&rig);
        wait_decisions(&rig, 10 * 12, until_us); /* some switches in peace */
        for (int i = 0; i < kills; i++) {
                pause_ms(350 + (int)(next_random(&rig) % 300));
                kill_one(&rig);
        }
        finish(&rig, until_us);
}

Test(switching, what_is_told_is_what_is_kept)
{
        run(1, 0);
}

Test(switching, so_it_is_when_the_strategy_is_killed_at_random)
{
        run(2, KILLS);
}

/* ---- a power cut, played by an older copy of the store ---- */

static void kill_strategy(struct rig *rig)
{
        kill(rig->pids[STRATEGY], SIGKILL);
        waitpid(rig->pids[STRATEGY], NULL, 0);
}

static void in_folder(const struct rig *rig, const char *command)
{
        BUS_AUTOFREE char *line = bus_xasprintf("cd %s && %s", rig->folder, command);

        cr_assert_eq(system(line), 0, "%s", line);
}

Test(switching, a_switch_that_waits_is_not_taken_before_what_the_power_cut_took_is_told_again)
{
        struct rig rig = { .folder = "/tmp/umbra-switch-XXXXXX" };
        int64_t until_us = bus_mono_us() + PATIENCE_US;
        BUS_AUTOFREE char *file = NULL;

        make_folder(&rig);
        file = bus_xasprintf("%s/go", rig.folder);
        setenv("UMBRA_TEST_SWITCH_FILE", file, 1);
        begin(&rig);
        wait_decisions(&rig, 180, until_us);
        kill_strategy(&rig);
        in_folder(&rig, "cp -r strategy-v3 copy");
        rig.pids[STRATEGY] = spawn(&rig, parts[STRATEGY].program, NULL);
        wait_decisions(&rig, 360, until_us);

        /* down it goes; the switch is asked for meanwhile, and is there before ingest is */
        kill(rig.pids[INGEST], SIGSTOP);
        kill_strategy(&rig);
        in_folder(&rig, "rm -r strategy-v3 && mv copy strategy-v3 && touch go");
        in_folder(
                &rig, "for i in $(seq 500); do [ -e go.went ] && exit 0; sleep 0.02; done; exit 1");
        rig.pids[STRATEGY] = spawn(&rig, parts[STRATEGY].program, NULL);
        pause_ms(1500); /* were it shorter than the strategy takes, the test would only see less */
        kill(rig.pids[INGEST], SIGCONT);
        finish(&rig, until_us);
}
