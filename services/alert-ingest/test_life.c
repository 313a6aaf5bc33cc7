/* Restarts, drains, full disks and the account's snapshot, against the real process. */
#include "services/alert-ingest/test_rig.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define ENTRY_WITH_ID                                                                         \
        "{\"type\":\"entry_v3\",\"signal_type\":\"Momentum_Breakout\",\"symbol\":\"XAUUSD\"," \
        "\"direction\":\"buy\",\"tf\":\"15\",\"price\":2650,\"consensus_score\":7,\"id\":\"e-1\"}"

static const char *pulse_of(unsigned int n)
{
        static char text[256];

        snprintf(text, sizeof(text),
                "{\"type\":\"trend_pulse_v3\",\"signal_type\":\"Trend_Pulse\",\"symbol\":\"XAUUSD\","
                "\"tf\":\"5\",\"price\":2650.5,\"id\":\"pulse-%u\"}",
                n);
        return text;
}

Test(life, duplicates_are_known_across_a_kill_and_a_restart)
{
        struct rig rig;
        struct rig_answer first, pulse, again;

        rig_init(&rig, "");
        rig_start(&rig);
        first = rig_post(&rig, "tok-tv", ENTRY_WITH_ID);
        pulse = rig_post(&rig, "tok-tv", RIG_PULSE);
        cr_assert_eq(rig_stop(&rig, SIGKILL), -SIGKILL);
        rig_start(&rig);
        again = rig_post(&rig, "tok-tv", ENTRY_WITH_ID);
        cr_expect(strstr(again.text, "\"duplicate\""), "%s", again.text);
        cr_expect_str_eq(again.alert_id, first.alert_id);
        cr_expect_eq(again.seq, first.seq);
        again = rig_post(&rig, "tok-tv", RIG_PULSE);
        cr_expect(strstr(again.text, "\"duplicate\""), "%s", again.text);
        cr_expect_str_eq(again.alert_id, pulse.alert_id);
        again = rig_post(&rig, "tok-tv", pulse_of(1));
        cr_expect_eq(again.seq, pulse.seq + 1);
        rig_done(&rig);
}

Test(life, draining_takes_what_comes_on_open_connections_and_exits_0)
{
        struct rig rig;
        struct rig_answer answer;
        Pb__Envelope *envelope;
        int fd, fresh, status;

        rig_init(&rig, "drain_grace = 10s\n");
        rig_start(&rig);
        fd = rig_dial(&rig);
        rig_post_on(fd, "tok-tv", pulse_of(1));
        rig_receive(fd, &answer);
        cr_assert_eq(answer.status, 200);
        fresh = rig_dial(&rig); /* connected, but nothing asked yet */

        kill(rig.pid, SIGTERM);
        rig_wait_until(rig_logged(&rig, " draining "));
        rig_wait_until((status = rig_dial(&rig)) < 0 || close(status) < 0);
        rig_post_on(fd, "tok-tv", pulse_of(2));
        rig_receive(fd, &answer);
        cr_expect_eq(answer.status, 200, "%s", answer.text);
        cr_expect(strstr(answer.text, "Connection: close"));
        rig_post_on(fresh, "tok-tv", pulse_of(3));
        rig_receive(fresh, &answer);
        cr_expect_eq(answer.status, 200, "%s", answer.text);
        close(fd);
        close(fresh);
        /* Nobody is left: it need not wait for the end of its grace. */
        cr_assert_eq(waitpid(rig.pid, &status, 0), rig.pid);
        rig.pid = 0;
        cr_expect(WIFEXITED(status) && !WEXITSTATUS(status));
        envelope = rig_journal(&rig, "signal", 2);
        cr_expect(envelope != NULL, "what was answered 200 is not in the journal");
        if (envelope)
                pb__envelope__free_unpacked(envelope, NULL);
        rig_done(&rig);
}

/* ---- a restart on a socket from outside ---- */

static int listen_outside(void)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        cr_assert_eq(listen(fd, 512), 0);
        return fd;
}

/* Posts without a break until told to stop by a byte; exits with how often it got no answer. */
static void client_process(const struct rig *rig, int stop_fd)
{
        struct pollfd stop = { .fd = stop_fd, .events = POLLIN };
        unsigned int failed = 0, sent = 0;

        while (poll(&stop, 1, 0) == 0) {
                struct rig_answer answer = { 0 };
                int fd = rig_dial(rig);

                if (fd >= 0) {
                        rig_post_on(fd, "tok-tv", pulse_of(++sent));
                        rig_receive(fd, &answer);
                        close(fd);
                }
                if (answer.status != 200)
                        failed++;
        }
        _exit(sent < 10 ? 200 : failed > 100 ? 100 : (int)failed);
}

Test(life, a_restart_on_a_given_socket_refuses_and_resets_nobody)
{
        struct rig rig;
        int stop[2], status = -1;
        pid_t client;

        rig_init(&rig, "");
        rig.listen_fd = listen_outside();
        rig_start(&rig);
        cr_assert_eq(rig_logged(&rig, "handed_over=yes"), 1);
        cr_assert_eq(pipe(stop), 0);
        client = fork();
        if (!client)
                client_process(&rig, stop[0]);
        for (int i = 0; i < 4; i++) {
                usleep(200000); /* the client posts meanwhile */
                cr_expect_eq(rig_stop(&rig, SIGTERM), 0);
                rig_start(&rig);
        }
        cr_assert_eq(write(stop[1], "", 1), 1);
        cr_assert_eq(waitpid(client, &status, 0), client);
        cr_expect(WIFEXITED(status) && !WEXITSTATUS(status), "%d without an answer",
                WEXITSTATUS(status));
        rig_done(&rig);
}

/* ---- a disk that is full ---- */

static void limit_files(const struct rig *rig, rlim_t bytes)
{
        struct rlimit limit;

        cr_assert_eq(prlimit(rig->pid, RLIMIT_FSIZE, NULL, &limit), 0);
        limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
        cr_assert_eq(prlimit(rig->pid, RLIMIT_FSIZE, &limit, NULL), 0);
}

Test(life, what_cannot_be_made_durable_is_503_until_it_can)
{
        struct rig rig;
        struct rig_answer answer;
        unsigned int n = 0;

        rig_init(&rig, "");
        rig_start(&rig);
        answer = rig_post(&rig, "tok-tv", pulse_of(++n));
        cr_assert_eq(answer.status, 200);
        limit_files(&rig, 0);
        answer = rig_post(&rig, "tok-tv", pulse_of(++n));
        cr_expect_eq(answer.status, 503, "%s", answer.text);
        cr_expect(strstr(answer.text, "Retry-After: "));
        answer = rig_ask(&rig, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
        cr_expect_eq(answer.status, 503);
        answer = rig_ask(&rig, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
        cr_expect_eq(answer.status, 200);

        limit_files(&rig, RLIM_INFINITY);
        /* It comes back by itself, although requests go on all the time. */
        rig_wait_until((answer = rig_post(&rig, "tok-tv", pulse_of(2))).status == 200);
        cr_expect(strstr(answer.text, "\"accepted\""), "a refused alert is not remembered: %s",
                answer.text);
        cr_expect_eq(answer.seq, 2);
        cr_expect_eq(rig_stop(&rig, SIGTERM), 0);
        rig_done(&rig);
}

/* ---- the account ---- */

static pid_t start_account(const struct rig *rig)
{
        pid_t pid = fork();

        if (!pid) {
                int log = open(rig->log, O_WRONLY | O_APPEND);

                prctl(PR_SET_PDEATHSIG, SIGKILL);
                dup2(log, STDERR_FILENO);
                execl(FAKE_ACCOUNT_BINARY, "order-executor", "--config", rig->config, (char *)NULL);
                _exit(127);
        }
        return pid;
}

static bool last_signal_context(const struct rig *rig, Pb__Context *ret_context)
{
        Pb__Envelope *message = NULL, *next;
        Pb__Signal *signal;
        bool known;

        for (size_t i = 0; (next = rig_journal(rig, "signal", i)); i++) {
                if (message)
                        pb__envelope__free_unpacked(message, NULL);
                message = next;
        }
        cr_assert(message);
        signal = pb__signal__unpack(NULL, message->body.len, message->body.data);
        known = signal->context;
        if (known)
                *ret_context = *signal->context;
        pb__signal__free_unpacked(signal, NULL);
        pb__envelope__free_unpacked(message, NULL);
        return known;
}

Test(life, signals_carry_the_last_snapshot_also_after_a_restart)
{
        struct rig rig;
        Pb__Context context;
        unsigned int n = 0;
        pid_t account;
        int status;

        rig_init(&rig, "[risk]\nbalance = 12345.67\n");
        rig_start(&rig);
        rig_post(&rig, "tok-tv", pulse_of(++n));
        rig_stop(&rig, SIGTERM);
        cr_expect(!last_signal_context(&rig, &context));

        account = start_account(&rig);
        do {
                cr_assert_lt(++n, 100);
                rig_start(&rig);
                usleep(200000); /* a snapshot comes every 100 ms */
                rig_post(&rig, "tok-tv", pulse_of(n));
                cr_assert_eq(rig_stop(&rig, SIGTERM), 0);
        } while (!last_signal_context(&rig, &context));
        kill(account, SIGKILL);
        waitpid(account, &status, 0);
        cr_expect_eq(context.balance_cents, 1234567);
        cr_expect_eq(context.open_buy, 1);
        cr_expect_eq(context.open_sell, 0);

        /* Without the executor, and after a kill, the last one is still there. */
        rig_start(&rig);
        cr_assert_eq(rig_stop(&rig, SIGKILL), -SIGKILL);
        rig_start(&rig);
        rig_post(&rig, "tok-tv", pulse_of(++n));
        rig_stop(&rig, SIGTERM);
        context.balance_cents = 0;
        cr_expect(last_signal_context(&rig, &context));
        cr_expect_eq(context.balance_cents, 1234567);
        rig_done(&rig);
}

Test(life, a_source_that_falls_silent_is_alarmed_and_so_is_its_return)
{
        struct rig rig;
        Pb__Envelope *alarm;

        rig_init(&rig, "");
        cr_assert_eq(setenv("UMBRA_SOURCE_TV_MAX_SILENCE", "1s", 1), 0);
        rig_start(&rig);
        cr_assert_eq(rig_post(&rig, "tok-tv", pulse_of(1)).status, 200);
        usleep(3200000); /* silent for longer than a second, seen by a look a second */
        cr_assert_eq(rig_post(&rig, "tok-tv", pulse_of(2)).status, 200);
        usleep(1500000);
        cr_assert_eq(rig_stop(&rig, SIGTERM), 0);
        for (size_t i = 0; i < 4; i++) {
                alarm = rig_journal(&rig, "alarm", i);
                cr_assert(alarm, "%zu of 4: source and symbol, raised and ended", i);
                pb__envelope__free_unpacked(alarm, NULL);
        }
        unsetenv("UMBRA_SOURCE_TV_MAX_SILENCE");
        rig_done(&rig);
}
