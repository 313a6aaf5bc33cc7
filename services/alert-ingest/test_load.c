/* Many at once, slow ones, and a steady stream, against the real process. */
#include "services/alert-ingest/test_rig.h"

#include <sys/socket.h>

#define CONNECTIONS 64

static const char *pulse_of(unsigned int n)
{
        static char text[256];

        snprintf(text, sizeof(text),
                "{\"type\":\"trend_pulse_v3\",\"signal_type\":\"Trend_Pulse\",\"symbol\":\"EURUSD\","
                "\"tf\":\"5\",\"price\":1.05,\"id\":\"pulse-%u\"}",
                n);
        return text;
}

Test(load, requests_that_wait_together_share_a_sync)
{
        enum { ROUNDS = 8 };
        struct rig rig;
        struct rig_answer answer;
        Pb__Heartbeat *before, *after;
        int fds[CONNECTIONS];
        double syncs, groups;

        rig_init(&rig, "");
        rig_start(&rig);
        for (int i = 0; i < CONNECTIONS; i++)
                cr_assert_geq(fds[i] = rig_dial(&rig), 0);
        before = rig_heartbeat(&rig);
        for (unsigned int round = 0; round < ROUNDS; round++) {
                kill(rig.pid, SIGSTOP); /* so that they do wait together */
                for (unsigned int i = 0; i < CONNECTIONS; i++)
                        rig_post_on(fds[i], "tok-tv", pulse_of(round * CONNECTIONS + i));
                kill(rig.pid, SIGCONT);
                for (unsigned int i = 0; i < CONNECTIONS; i++) {
                        rig_receive(fds[i], &answer);
                        cr_assert(strstr(answer.text, "\"accepted\""), "%s", answer.text);
                }
        }
        /* Two: the first may have been on its way already. */
        pb__heartbeat__free_unpacked(rig_heartbeat(&rig), NULL);
        after = rig_heartbeat(&rig);
        cr_expect_eq(rig_metric(after, "umbra_ingest_grouped_total", ""), CONNECTIONS * ROUNDS);
        groups = rig_metric(after, "umbra_ingest_groups_total", "");
        syncs = rig_metric(after, "umbra_syncs_total", "") -
                rig_metric(before, "umbra_syncs_total", "");
        cr_expect_leq(groups, CONNECTIONS * ROUNDS / 4.0);
        cr_expect_leq(syncs, groups * 2 + 20, "%g syncs for %g commits", syncs, groups);
        cr_expect_gt(rig_metric(after, "umbra_ingest_group_largest", ""), 4);
        cr_expect_eq(rig_metric(after, "umbra_ingest_requests_total", "outcome=\"accepted\""),
                CONNECTIONS * ROUNDS);
        pb__heartbeat__free_unpacked(before, NULL);
        pb__heartbeat__free_unpacked(after, NULL);
        for (int i = 0; i < CONNECTIONS; i++)
                close(fds[i]);
        rig_done(&rig);
}

Test(load, slow_clients_are_told_408_and_delay_nobody)
{
        enum { SLOW = 20 };
        struct rig rig;
        struct rig_answer answer;
        int fds[SLOW];

        rig_init(&rig, "request_timeout = 500ms\n");
        rig_start(&rig);
        for (int i = 0; i < SLOW; i++) {
                fds[i] = rig_dial(&rig);
                rig_send(fds[i], "POST /webhook/tok-tv HTTP/1.1\r\nHost: x\r\n"
                                 "Content-Length: 100\r\n\r\n{");
        }
        answer = rig_post(&rig, "tok-tv", pulse_of(1));
        cr_expect_eq(answer.status, 200);
        cr_expect_lt(answer.took_us, 500 * BUS_US_PER_MS);
        for (int i = 0; i < SLOW; i++) {
                rig_receive(fds[i], &answer);
                cr_expect_eq(answer.status, 408, "%s", answer.text);
                close(fds[i]);
        }
        rig_done(&rig);
}

Test(load, fifty_alerts_a_second_are_answered_in_time)
{
        enum { COUNT = 150 };
        struct rig rig;
        int64_t next_us, slowest_us = 0;

        rig_init(&rig, "");
        rig_start(&rig);
        next_us = bus_mono_us();
        for (unsigned int i = 0; i < COUNT; i++) {
                struct rig_answer answer = rig_post(&rig, "tok-tv", pulse_of(i));

                cr_assert_eq(answer.status, 200, "%s", answer.text);
                if (answer.took_us > slowest_us)
                        slowest_us = answer.took_us;
                next_us += BUS_US_PER_SEC / 50;
                if (next_us > bus_mono_us())
                        usleep((useconds_t)(next_us - bus_mono_us()));
        }
        cr_expect_lt(slowest_us, 500 * BUS_US_PER_MS, "slowest %lld us", (long long)slowest_us);
        rig_done(&rig);
}

/* A burst at a bar's close: fifteen within a second were seen. */
Test(load, a_burst_on_connections_of_their_own_is_taken_whole)
{
        struct rig rig;
        struct rig_answer answer;
        int fds[CONNECTIONS];

        rig_init(&rig, "");
        rig_start(&rig);
        for (unsigned int i = 0; i < CONNECTIONS; i++) {
                fds[i] = rig_dial(&rig);
                rig_post_on(fds[i], "tok-tv", pulse_of(i));
                shutdown(fds[i], SHUT_WR);
        }
        for (unsigned int i = 0; i < CONNECTIONS; i++) {
                rig_receive(fds[i], &answer);
                cr_expect_eq(answer.status, 200, "%s", answer.text);
                close(fds[i]);
        }
        rig_done(&rig);
}

/* The same alert many times within one commit: TradingView resends, and so do people. */
Test(load, of_equal_alerts_that_come_together_one_is_taken)
{
        struct rig rig;
        struct rig_answer answer;
        char alert_id[64] = "";
        unsigned int accepted = 0;
        int fds[CONNECTIONS];

        rig_init(&rig, "");
        rig_start(&rig);
        for (unsigned int i = 0; i < CONNECTIONS; i++)
                cr_assert_geq(fds[i] = rig_dial(&rig), 0);
        for (unsigned int i = 0; i < CONNECTIONS; i++)
                rig_post_on(fds[i], "tok-tv", pulse_of(1));
        for (unsigned int i = 0; i < CONNECTIONS; i++) {
                rig_receive(fds[i], &answer);
                cr_expect_eq(answer.status, 200, "%s", answer.text);
                cr_expect_eq(answer.seq, 1);
                accepted += strstr(answer.text, "\"accepted\"") != NULL;
                if (!*alert_id)
                        strcpy(alert_id, answer.alert_id);
                cr_expect_str_eq(answer.alert_id, alert_id);
                close(fds[i]);
        }
        cr_expect_eq(accepted, 1);
        rig_done(&rig);
}
