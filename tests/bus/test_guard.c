/*
 * A service runs behind a guarded door or not at all: without its key, with a policy that cannot
 * be, or with the doorkeeper taken out of the program it ends, says why, and stays down. One whose
 * doorkeeper does not get to answer ends as well, and may try again.
 */
#include "libbus/base/bytes.h"
#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/bus/keys.h"
#include "libbus/service/service.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define LOG_MAX_BYTES 65536
#define PATIENCE_US   (20 * BUS_US_PER_SEC)

static char folder[32];
static char log_path[48];

static void set_up(void)
{
        strcpy(folder, "/tmp/umbra-guard-XXXXXX");
        cr_assert(mkdtemp(folder));
        snprintf(log_path, sizeof(log_path), "%s/log", folder);
}

static void tear_down(void)
{
        BUS_AUTOFREE char *clean = bus_xasprintf("rm -r %s", folder);

        cr_expect_eq(system(clean), 0);
}

TestSuite(guard, .init = set_up, .fini = tear_down);

static void make_keys(void)
{
        BUS_AUTOFREE char *keys = bus_xasprintf("%s/keys", folder);

        cr_assert_eq(bus_keys_make_all(keys), 0);
}

/* SET: one more --set. */
static pid_t start(const char *program, const char *set)
{
        BUS_AUTOFREE char *state = bus_xasprintf("bus.state_dir=%s", folder);
        pid_t pid = fork();

        bus_require(pid >= 0);
        if (pid == 0) {
                int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);

                prctl(PR_SET_PDEATHSIG, SIGKILL);
                dup2(fd, STDERR_FILENO);
                execl(program, program, "strategy-v3", "--set", state, "--set", set, (char *)NULL);
                _exit(127);
        }
        return pid;
}

static bool is_logged(const char *text)
{
        BUS_AUTOBUF struct bus_buf log = BUS_BUF_INIT;

        return bus_file_read(log_path, LOG_MAX_BYTES, &log) == 0 && strstr(bus_buf_str(&log), text);
}

static void expect_end(const char *program, const char *set, int status, const char *said)
{
        pid_t pid = start(program, set);
        int how = 0;

        cr_assert_eq(waitpid(pid, &how, 0), pid);
        cr_expect(WIFEXITED(how));
        cr_expect_eq(WEXITSTATUS(how), status);
        cr_expect(is_logged(said), "not said: %s", said);
        cr_expect_not(is_logged(" ready "));
}

Test(guard, lets_a_service_run_that_refuses_its_canary)
{
        int64_t until_us = bus_mono_us() + PATIENCE_US;
        pid_t pid;

        make_keys();
        pid = start(UMBRA_TEST_NODE, "bus.log_level=info");
        while (!is_logged(" ready ")) {
                cr_assert_lt(bus_mono_us(), until_us);
                usleep(1000);
        }
        kill(pid, SIGTERM);
        cr_assert_eq(waitpid(pid, NULL, 0), pid);
        cr_expect_not(is_logged("ERROR"));
        cr_expect_not(is_logged("bus_peer_refused")); /* the canary is no event */
}

Test(guard, lets_no_service_run_without_its_doorkeeper)
{
        make_keys();
        expect_end(UMBRA_TEST_UNGUARDED, "bus.log_level=info", BUS_EXIT_STAY_DOWN,
                "/strategy-v3/pub lets in who has a key of his own");
}

/* It is started again: nobody was let in, and the machine may have been too full. */
Test(guard, lets_a_service_try_again_that_nobody_answered)
{
        make_keys();
        expect_end(UMBRA_TEST_BUSY, "bus.log_level=info", 1, "nobody answers at our own door");
}

Test(guard, lets_no_service_run_without_its_key)
{
        expect_end(UMBRA_TEST_NODE, "bus.log_level=info", BUS_EXIT_STAY_DOWN,
                "strategy-v3.cert_secret: No such file");
}

Test(guard, lets_no_service_run_without_the_key_of_who_it_reads)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/keys/public/alert-ingest.cert", folder);

        make_keys();
        unlink(path);
        expect_end(UMBRA_TEST_NODE, "bus.log_level=info", BUS_EXIT_STAY_DOWN,
                "cannot connect to alert-ingest");
}

Test(guard, holds_the_policy_to_names_and_to_the_wall)
{
        make_keys();
        expect_end(UMBRA_TEST_NODE, "policy.health=tool", 1,
                "policy.health: \"tool\" is nobody's name");
        expect_end(UMBRA_TEST_NODE, "policy.strategy-v3=health strategy-v3-shadow", 1,
                "\"strategy-v3-shadow\" is never admitted");
}
