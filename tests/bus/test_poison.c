/*
 * Quarantine of a message that kills: a service is started again and again, as a supervisor would,
 * until it gets past. The numbers come from the source of the chain test.
 */
#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/bus/keys.h"
#include "libbus/store/store.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define POISON   "20"
#define STOP_AT  "60"
#define RUNS_MAX 8

static char folder[64];
static pid_t source;

static pid_t spawn(const char *program, const char *name)
{
        BUS_AUTOFREE char *set = bus_xasprintf("bus.state_dir=%s", folder);
        pid_t pid = fork();

        bus_require(pid >= 0);
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                execl(program, program, name ? name : "--set", name ? "--set" : set,
                        name ? set : NULL, (char *)NULL);
                _exit(127);
        }
        return pid;
}

static void make_keys(void)
{
        BUS_AUTOFREE char *keys = bus_xasprintf("%s/keys", folder);

        cr_assert_eq(bus_keys_make_all(keys), 0);
}

static void set_up(void)
{
        cr_assert_eq(bus_hash_init(), 0);
        strcpy(folder, "/tmp/umbra-poison-XXXXXX");
        cr_assert(mkdtemp(folder));
        make_keys();
        source = spawn(UMBRA_TEST_NODE, "alert-ingest");
        setenv("UMBRA_TEST_POISON", POISON, 1);
        setenv("UMBRA_TEST_STOP_AT", STOP_AT, 1);
        /* a sanitizer's own report would be of a fault that is meant */
        setenv("ASAN_OPTIONS", "abort_on_error=1:handle_segv=0:handle_abort=0:handle_sigfpe=0", 1);
}

static void tear_down(void)
{
        BUS_AUTOFREE char *clean = bus_xasprintf("rm -r %s", folder);

        kill(source, SIGKILL);
        waitpid(source, NULL, 0);
        cr_expect_eq(system(clean), 0);
}

TestSuite(poison, .init = set_up, .fini = tear_down);

static int run_once(const char *how)
{
        int status;
        pid_t pid;

        setenv("UMBRA_TEST_POISON_HOW", how, 1);
        pid = spawn(UMBRA_TEST_POISON_NODE, NULL);
        bus_require(waitpid(pid, &status, 0) == pid);
        return status;
}

/* How often it died by SIGNO before it ended well. */
static int deaths_until_well(const char *how, int signo)
{
        for (int deaths = 0; deaths < RUNS_MAX; deaths++) {
                int status = run_once(how);

                if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                        return deaths;
                cr_assert(WIFSIGNALED(status), "ended with %d", WEXITSTATUS(status));
                cr_assert_eq(WTERMSIG(status), signo, "died of %d", WTERMSIG(status));
        }
        return RUNS_MAX;
}

static int count_key(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        (void)key;
        (void)value;
        (*(int *)arg)++;
        return 0;
}

/* What the store holds afterwards: how many were not handled: those set aside. */
static void expect_set_aside(int set_aside)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/strategy-v3/strategy-v3.db", folder);
        const struct store_options options = { .engine = "sqlite", .path = path, .boot_id = "" };
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        struct store *store;
        char error[256];
        int keys = 0;

        cr_assert_eq(store_open(&options, &store, error, sizeof(error)), 0, "%s", error);
        cr_expect_eq(store_get(store, bus_bytes_str("missing"), &buf), 0);
        cr_expect_eq(strtol(bus_buf_str(&buf), NULL, 10), set_aside);
        cr_expect_eq(store_scan(store, bus_bytes_str("quarantine/signal@alert-ingest/"), count_key,
                             &keys),
                0);
        cr_expect_eq(keys, set_aside);
        keys = 0;
        cr_expect_eq(store_scan(store, bus_bytes_str("alarm/quarantined/"), count_key, &keys), 0);
        cr_expect_eq(keys, set_aside);
        store_free(store);
}

Test(poison, a_message_that_crashes_its_reader_twice_is_set_aside)
{
        cr_expect_eq(deaths_until_well("segv", SIGSEGV), 2);
        expect_set_aside(1);
}

Test(poison, aborting_counts_like_a_wild_pointer)
{
        cr_expect_eq(deaths_until_well("abort", SIGABRT), 2);
        expect_set_aside(1);
}

Test(poison, two_different_faults_of_one_message_are_two)
{
        cr_expect_eq(WTERMSIG(run_once("fpe")), SIGFPE);
        cr_expect_eq(WTERMSIG(run_once("abort")), SIGABRT);
        cr_expect_eq(run_once("abort"), 0, "it is not asked a third time");
        expect_set_aside(1);
}

Test(poison, being_killed_does_not_count)
{
        for (int i = 0; i < 4; i++)
                cr_expect_eq(WTERMSIG(run_once("kill")), SIGKILL);
        cr_expect_eq(run_once("none-any-more"), 0);
        expect_set_aside(0);
}

Test(poison, one_crash_is_forgiven)
{
        cr_expect_eq(WTERMSIG(run_once("segv")), SIGSEGV);
        cr_expect_eq(WTERMSIG(run_once("kill")), SIGKILL);
        cr_expect_eq(run_once("none-any-more"), 0);
        expect_set_aside(0);
}

/* Its effect is on the disk, and the cursor behind it: the next start does not meet it again. */
Test(poison, a_crash_behind_its_commit_leaves_nothing_to_set_aside)
{
        int deaths = deaths_until_well("behind", SIGABRT);

        cr_expect_leq(deaths, 3);
        expect_set_aside(0); /* its commit had gone through: nothing to set aside */
}
