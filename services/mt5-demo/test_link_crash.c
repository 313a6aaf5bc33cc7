/* The real binary, killed at any instant: what it answers afterwards agrees with its ledger. */
#include "services/mt5-demo/test_rig.h"

#include "libbus/base/clock.h"
#include "libbus/base/e8.h"
#include "libbus/base/require.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define FREE BROKER_AUTOFREE Pb__BrokerMessage

enum {
        ROUNDS = 20,
        ORDERS = 40, /* a round; it is killed somewhere among them */
};

static void id_of(int round, int order, char text[static 17])
{
        snprintf(text, 17, "CRASH%05d%06d", round, order);
}

/* What the executor heard of each order before the kill. */
struct heard {
        uint32_t retcode[ORDERS];
        uint64_t position[ORDERS];
};

/* Over all rounds: a test in which the kill always came too late would prove nothing. */
static size_t executed, lost, open_requests;

static void hear(struct rig *rig, int round, int64_t wait_us, struct heard *heard)
{
        FREE *report = rig_poll(rig, PB__BROKER_KIND__BROKER_KIND_REPORT, wait_us);
        int order, of_round;

        if (!report)
                return;
        cr_assert_eq(sscanf(report->report->cl_ord_id, "CRASH%5d%6d", &of_round, &order), 2);
        if (of_round != round)
                return;
        heard->retcode[order] = report->report->retcode;
        heard->position[order] = report->report->position;
}

static void fire(struct rig *rig, int round, struct heard *heard)
{
        int64_t kill_at = bus_mono_us() + rand() % 12000;
        char id[17];

        for (int i = 0; i < ORDERS; i++) {
                Pb__Submit order;

                id_of(round, i, id);
                order = rig_order(id, 1);
                order.volume_e8 = E8_ONE / 100;
                order.side = i % 2 ? PB__SIDE__SIDE_BUY : PB__SIDE__SIDE_SELL;
                rig_submit(rig, &order);
                hear(rig, round, 0, heard);
        }
        while (bus_mono_us() < kill_at)
                hear(rig, round, 200, heard);
        kill(rig->pid, SIGKILL);
        (void)rig_wait_exit(rig);
        for (int i = 0; i < 2 * ORDERS; i++) /* what was on the way */
                hear(rig, round, 1000, heard);
}

static void check_order(struct rig *rig, int round, int i, const struct heard *heard)
{
        char id[17];
        size_t deals, requests;

        id_of(round, i, id);
        deals = rig_count(rig, "deal", id);
        requests = rig_count(rig, "request", id);
        cr_assert_leq(deals, 1, "%s was executed twice", id);
        cr_assert_leq(deals, requests);
        executed += deals;
        lost += !requests;
        open_requests += requests && !deals;
        if (heard->retcode[i])
                cr_expect_eq(deals, 1, "%s was reported and is not in the ledger", id);
        FREE *answer = rig_ask(rig, id, 1);

        if (deals) {
                cr_assert_eq(answer->query_answer->verdict, PB__QUERY_VERDICT__QUERY_VERDICT_FINAL,
                        "%s", id);
                cr_expect_eq(answer->query_answer->report->retcode, RETCODE_DONE);
                if (heard->position[i])
                        cr_expect_eq(answer->query_answer->report->position, heard->position[i]);
                return;
        }
        cr_expect_eq(answer->query_answer->verdict, PB__QUERY_VERDICT__QUERY_VERDICT_NEVER_SEEN);
}

/* Not asked for yet: sent again after the restart, it is executed unless it was before. */
static void check_again(struct rig *rig, int round, int i)
{
        char id[17];
        size_t deals;
        Pb__Submit order;

        id_of(round, i, id);
        deals = rig_count(rig, "deal", id);
        order = rig_order(id, 1);
        FREE *report = rig_trade(rig, &order);

        cr_expect_eq(report->report->retcode, deals                               ? RETCODE_DONE
                                              : rig_count(rig, "request", id) > 1 ? RETCODE_TIMEOUT
                                                                                  : RETCODE_DONE);
        cr_expect_leq(rig_count(rig, "deal", id), 1);
}

Test(crash, leaves_nothing_that_a_query_does_not_tell)
{
        RIG_AUTOFREE struct rig *rig = rig_new();

        srand(20261122);
        rig->sets[0] = "mt5-demo.balance=1000000";
        for (int round = 0; round < ROUNDS; round++) {
                struct heard heard = { 0 };

                rig_start(rig);
                rig_handshake(rig);
                fire(rig, round, &heard);
                rig_forget(rig);
                rig_start(rig);
                rig_handshake(rig);
                for (int i = 0; i < ORDERS; i++)
                        if (i % 8 == 7)
                                check_again(rig, round, i);
                        else
                                check_order(rig, round, i, &heard);
                rig_kill(rig, SIGKILL);
                rig_forget(rig);
        }
        cr_expect(executed && lost, "%zu executed, %zu lost, %zu open", executed, lost,
                open_requests);
        cr_log_info("%zu executed, %zu lost, %zu open\n", executed, lost, open_requests);
}

/* Positions as the control socket shows them, without what floats. */
static char *positions_text(struct rig *rig)
{
        json_t *positions = rig_show(rig, "positions");
        size_t i;
        json_t *one;
        char *text;

        json_array_foreach(positions, i, one) json_object_del(one, "profit");
        text = json_dumps(positions, JSON_SORT_KEYS);
        json_decref(positions);
        return text;
}

Test(crash, brings_back_positions_and_balance)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        BUS_AUTOFREE char *before = NULL, *after = NULL;
        json_t *account;
        uint64_t ticket = rig_open(rig, "OPEN000000000001");

        (void)rig_open(rig, "OPEN000000000002");
        rig_command(rig, "move-price EURUSD 1.09010");
        rig_command(rig, "close-position %llu", (unsigned long long)ticket);
        before = positions_text(rig);
        rig_kill(rig, SIGKILL);
        rig_forget(rig);
        rig_start(rig);
        rig_handshake(rig);
        after = positions_text(rig);
        cr_expect_str_eq(before, after);
        account = rig_show(rig, "account");
        cr_expect_str_eq(json_string_value(json_object_get(account, "balance")), "10050.00");
        json_decref(account);
        FREE *ticks = rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_TICKS);

        cr_expect_eq(ticks->ticks[0]->bid_e8, 109010000, "prices go on where they were");
}

Test(crash, cuts_a_torn_line_and_goes_on)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        BUS_AUTOFREE char *path = bus_xasprintf("%s/state/ledger.jsonl", rig->folder);
        int fd;

        (void)rig_open(rig, "OPEN000000000001");
        rig_kill(rig, SIGKILL);
        rig_forget(rig);
        fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        cr_assert_eq(write(fd, "{\"time\":\"2026", 13), 13);
        close(fd);
        rig_start(rig);
        rig_handshake(rig);
        FREE *snapshot = rig_snapshot(rig, 0);

        cr_expect_eq(snapshot->snapshot->n_positions, 1);
        (void)rig_open(rig, "OPEN000000000002");
}

Test(crash, leaves_an_open_request_in_doubt_for_the_time_of_recovery)
{
        RIG_AUTOFREE struct rig *rig = rig_new();
        const Pb__Submit order = rig_order("DOUBT00000000001", 1);
        int64_t end;

        rig->sets[0] = "mt5-demo.recovery=4s";
        rig_start(rig);
        rig_handshake(rig);
        rig_command(rig, "delay 60000");
        rig_submit(rig, &order);
        end = bus_mono_us() + RIG_WAIT_US;
        while (!rig_count(rig, "request", order.cl_ord_id) && bus_mono_us() < end)
                nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        rig_kill(rig, SIGKILL);
        rig_forget(rig);
        rig_start(rig);
        rig_handshake(rig);
        FREE *doubt = rig_ask(rig, order.cl_ord_id, 1), *later = NULL;

        cr_expect_eq(doubt->query_answer->verdict, PB__QUERY_VERDICT__QUERY_VERDICT_IN_DOUBT);
        do {
                broker_message_free(later);
                later = rig_ask(rig, order.cl_ord_id, 1);
        } while (later->query_answer->verdict == PB__QUERY_VERDICT__QUERY_VERDICT_IN_DOUBT &&
                 bus_mono_us() < end);
        cr_expect_eq(later->query_answer->verdict, PB__QUERY_VERDICT__QUERY_VERDICT_NEVER_SEEN);
}
