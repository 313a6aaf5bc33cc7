/*
 * A chain of three services, killed at random while 3000 numbers pass: each must see every number
 * once and in order (tests/bus/node.c ends with its own status where one does not).
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/bus/keys.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define PATIENCE_US (60 * BUS_US_PER_SEC)
#define KILLS       24

struct chain {
        char folder[32];
        pid_t pids[3];
        unsigned int random;
        int kills;
};

static const char *const names[] = { "alert-ingest", "strategy-v3", "health" };

static pid_t spawn(const struct chain *chain, const char *name)
{
        BUS_AUTOFREE char *set = bus_xasprintf("bus.state_dir=%s", chain->folder);
        BUS_AUTOFREE char *log = bus_xasprintf("%s/%s.log", chain->folder, name);
        pid_t pid = fork();

        bus_require(pid >= 0);
        if (pid == 0) {
                int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

                prctl(PR_SET_PDEATHSIG, SIGKILL);
                dup2(fd, STDOUT_FILENO);
                dup2(fd, STDERR_FILENO);
                execl(UMBRA_TEST_NODE, UMBRA_TEST_NODE, name, "--set", set, (char *)NULL);
                _exit(127);
        }
        return pid;
}

static void pause_ms(int ms)
{
        struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

        nanosleep(&ts, NULL);
}

static bool is_done(const struct chain *chain)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/health/done", chain->folder);

        return access(path, F_OK) == 0;
}

static unsigned int next_random(struct chain *chain)
{
        chain->random = chain->random * 1664525u + 1013904223u;
        return chain->random >> 8;
}

static void kill_one(struct chain *chain)
{
        size_t i = next_random(chain) % 3;
        int status;

        kill(chain->pids[i], SIGKILL);
        cr_assert_eq(waitpid(chain->pids[i], &status, 0), chain->pids[i]);
        cr_assert(WIFSIGNALED(status), "%s had ended by itself with status %d, see %s", names[i],
                WEXITSTATUS(status), chain->folder);
        chain->pids[i] = spawn(chain, names[i]);
        chain->kills++;
}

static void end_all(struct chain *chain)
{
        int status;

        for (size_t i = 0; i < 3; i++)
                kill(chain->pids[i], SIGTERM);
        for (size_t i = 0; i < 3; i++) {
                cr_assert_eq(waitpid(chain->pids[i], &status, 0), chain->pids[i]);
                /* one that was started a moment ago may not have blocked the signal yet */
                cr_expect(WIFSIGNALED(status) ? WTERMSIG(status) == SIGTERM
                                              : WEXITSTATUS(status) == 0,
                        "%s ended with %d after SIGTERM, see %s", names[i], status, chain->folder);
        }
}

/* LATE_MS: the strategy comes so much later than the others. */
static void run_chain(unsigned int seed, int kills, int late_ms)
{
        struct chain chain = { .random = seed, .folder = "/tmp/umbra-chain-XXXXXX" };
        int64_t until = bus_mono_us() + PATIENCE_US;
        BUS_AUTOFREE char *clean = NULL, *keys = NULL;

        cr_assert(mkdtemp(chain.folder));
        keys = bus_xasprintf("%s/keys", chain.folder);
        cr_assert_eq(bus_keys_make_all(keys), 0);
        for (size_t i = 0; i < 3; i++)
                if (i != 1 || !late_ms)
                        chain.pids[i] = spawn(&chain, names[i]);
        if (late_ms) {
                pause_ms(late_ms);
                chain.pids[1] = spawn(&chain, names[1]);
        }
        while (chain.kills < kills && bus_mono_us() < until) {
                pause_ms(20 + (int)(next_random(&chain) % 120));
                kill_one(&chain);
        }
        while (!is_done(&chain) && bus_mono_us() < until)
                pause_ms(20);
        cr_expect(is_done(&chain), "not all numbers arrived, see %s", chain.folder);
        end_all(&chain);
        clean = bus_xasprintf("rm -r %s", chain.folder);
        if (is_done(&chain))
                cr_expect_eq(system(clean), 0);
}

Test(chain, everything_passes_once_and_in_order)
{
        run_chain(1, 0, 0);
}

Test(chain, so_it_does_when_every_part_is_killed_at_random)
{
        run_chain(2, KILLS, 0);
        run_chain(3, KILLS, 0);
}

/* What it derives from messages more than a second old is not published: its reader has to find all
 * of it in the journal, and go over to what is published behind it. */
Test(chain, so_it_does_when_one_in_the_background_comes_late)
{
        cr_assert_eq(setenv("UMBRA_TEST_BACKGROUND", "yes", 1), 0);
        run_chain(4, 0, 2500);
        run_chain(5, KILLS / 2, 2500);
}
