#include "services/mt5-demo/ledger.h"

#include "libbus/base/e8.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "services/mt5-demo/test_desk_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

/* ---- records ---- */

static struct record full_record(enum event event)
{
        struct record record = {
                .event = event,
                .at_us = INT64_C(1795000000123456),
                .attempt = 4000000000,
                .token = UINT64_MAX,
                .action = ACTION_CLOSE,
                .digits = 5,
                .side = SIDE_SELL,
                .volume_e8 = 123000000,
                .price_e8 = 108501000,
                .deviation_e8 = 5000,
                .sl_e8 = 108000500, /* off the tick: written as it came */
                .tp_e8 = 0,
                .ticket = 5,
                .order = 6,
                .position = UINT64_MAX,
                .retcode = 10009,
                .entry = ENTRY_OUT,
                .reason = REASON_TARGET,
                .profit_cents = -12345,
                .balance_cents = 99,
                .magic = UINT64_MAX - 1,
                .filling = FILLING_IOC,
                .deadline_us = 77,
                .cl_ord_id = "ABC",
                .symbol = "GOLD \"q\" \\",
                .comment = "\xc3\xa9 and {\"",
        };

        return record;
}

/* The same bytes as a JSON library's. */
static void expect_canonical(const struct bus_buf *line)
{
        json_t *value = json_loadb((const char *)line->data, line->size, 0, NULL);
        char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

        cr_assert_not_null(text);
        cr_expect_eq(strlen(text), line->size - 1);
        cr_expect_eq(memcmp(text, line->data, line->size - 1), 0, "%s", text);
        free(text);
        json_decref(value);
}

Test(ledger, writes_every_event_so_that_it_reads_the_same)
{
        for (enum event event = EVENT_ACCOUNT; event <= EVENT_FAULT; event++) {
                BUS_AUTOBUF struct bus_buf once = BUS_BUF_INIT, twice = BUS_BUF_INIT;
                const struct record record = full_record(event);
                struct record read;

                record_write(&record, &once);
                cr_assert_eq(once.data[once.size - 1], '\n');
                expect_canonical(&once);
                cr_assert_eq(record_read(bus_bytes(once.data, once.size - 1), &read), 0, "%s",
                        event_name(event));
                read.digits = record.digits;
                record_write(&read, &twice);
                cr_expect_str_eq(bus_buf_str(&once), bus_buf_str(&twice));
        }
}

Test(ledger, shows_what_the_tests_of_others_read)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        struct record record = full_record(EVENT_DEAL);

        record.sl_e8 = 108000000;
        record.tp_e8 = 109000000;
        record.position = 6;
        record.magic = 7;
        memcpy(record.symbol, "EURUSD", 7);
        memcpy(record.comment, "ABC", 4);
        record_write(&record, &buf);
        cr_expect_str_eq(bus_buf_str(&buf),
                "{\"time\":\"2026-11-18T11:06:40.123456Z\",\"event\":\"deal\",\"cl_ord_id\":\"ABC\","
                "\"attempt\":4000000000,\"symbol\":\"EURUSD\",\"side\":\"sell\",\"entry\":\"out\","
                "\"volume\":\"1.23\",\"price\":\"1.08501\",\"sl\":\"1.08000\",\"tp\":\"1.09000\","
                "\"ticket\":5,\"order\":6,\"position\":6,\"retcode\":10009,\"profit\":\"-123.45\","
                "\"balance\":\"0.99\",\"reason\":\"target\",\"magic\":7,\"comment\":\"ABC\"}\n");
}

Test(ledger, refuses_lines_that_are_no_records)
{
        static const char *const bad[] = { "", "{}", "[]", "5", "{\"event\":\"deal\"}",
                "{\"time\":\"x\",\"event\":\"token\",\"token\":1}",
                "{\"time\":\"2026-11-18T10:26:40Z\",\"event\":\"token\"}",
                "{\"time\":\"2026-11-18T10:26:40Z\",\"event\":\"token\",\"token\":\"1\"}",
                "{\"time\":\"2026-11-18T10:26:40Z\",\"event\":\"\",\"token\":1}",
                "{\"time\":\"2026-11-18T10:26:40Z\",\"event\":\"token\",\"token\":1",
                "{\"time\":\"2026-11-18T10:26:40Z\",\"event\":\"token\",\"token\":1,\"token\":2}" };
        struct record record;

        for (size_t i = 0; i < BUS_COUNT(bad); i++)
                cr_expect_eq(record_read(bus_bytes_str(bad[i]), &record), -EBADMSG, "%s", bad[i]);
}

/* ---- a random life, and the same read again ---- */

struct life {
        struct desk_rig *rig;
        uint64_t random;
        unsigned int next_id;
        uint64_t token;
};

static uint64_t below(struct life *life, uint64_t limit)
{
        return feed_random(&life->random) % limit;
}

static const char *some_id(struct life *life, char text[static ORDER_ID_SIZE])
{
        /* mostly new ones, sometimes one that was there */
        unsigned int id = below(life, 4) || !life->next_id
                                  ? life->next_id++
                                  : (unsigned int)below(life, life->next_id);

        snprintf(text, ORDER_ID_SIZE, "ID%u", id);
        return text;
}

static void submit_some(struct life *life)
{
        static const char *const symbols[] = { "EURUSD", "GOLD", "NONE" };
        const struct account *account = &life->rig->desk.account;
        char id[ORDER_ID_SIZE];
        struct order order = desk_rig_order(some_id(life, id), 1 + (uint32_t)below(life, 3));

        order.token = life->token + below(life, 20) / 19 - (below(life, 20) == 0);
        order.volume_e8 = (int64_t)below(life, 30) * E8_ONE / 100;
        order.side = below(life, 2) ? SIDE_BUY : SIDE_SELL;
        snprintf(order.symbol, sizeof(order.symbol), "%s", symbols[below(life, 10) / 4]);
        if (below(life, 3) && account->position_count) {
                const struct position *position =
                        account->positions[below(life, account->position_count)];

                order.action = below(life, 2) ? ACTION_CLOSE : ACTION_MODIFY;
                order.position = position->ticket;
                order.side = side_opposite(position->side);
                memcpy(order.symbol, account->specs[position->symbol].name, SYMBOL_SIZE);
                order.sl_e8 = below(life, 2) ? 100000000 : 0;
                order.tp_e8 = below(life, 2) ? 120000000 : 0;
        }
        desk_submit(&life->rig->desk, &order, life->rig->at);
}

static void set_some_fault(struct life *life)
{
        static const char *const texts[] = { "delay 50", "requote", "reject 10019", "reject 10012",
                "place 70", "partial 0.5", "lose-reply", "timeout", "cut-before", "cut-after",
                "duplicate-report", "lose-request", "lose-answer", "in-doubt 30",
                "market-closed for=20", "disconnected for=40", "autotrading-off for=20",
                "clock-skew -100 for=100" };

        if (life->rig->desk.faults.count < 5)
                desk_rig_fault(life->rig, texts[below(life, BUS_COUNT(texts))]);
}

static void live(struct life *life)
{
        const struct account *account = &life->rig->desk.account;
        char id[ORDER_ID_SIZE];

        switch (below(life, 10)) {
        case 0: set_some_fault(life); break;
        case 1:
                desk_query(&life->rig->desk, some_id(life, id), 1 + (uint32_t)below(life, 3),
                        life->token, life->rig->at);
                break;
        case 2:
                feed_move(life->rig->feed, 0, 108000000 + (int64_t)below(life, 1000) * 1000);
                desk_prices_changed(&life->rig->desk, life->rig->at);
                break;
        case 3:
                if (account->position_count && below(life, 3) == 0)
                        cr_assert_eq(desk_close_by_hand(&life->rig->desk,
                                             account->positions[0]->ticket, life->rig->at),
                                0);
                break;
        default: submit_some(life); break;
        }
        life->token = life->rig->desk.attempts.highest_token;
        desk_rig_wait(life->rig, (int64_t)below(life, 20) * BUS_US_PER_MS);
}

static void expect_same_when_read_again(const struct desk_rig *rig)
{
        const struct desk_options options = { .stop_out_percent = 50 };
        DESK_RIG_AUTOFREE struct desk_rig *again = desk_rig_with(&options, &rig->ledger);
        BUS_AUTOFREE char *ours = NULL, *theirs = NULL;

        /* what floats is not of the ledger */
        feed_move(again->feed, 0, feed_quotes(rig->feed)[0].bid_e8);
        ours = desk_rig_dump(rig);
        theirs = desk_rig_dump(again);
        cr_assert_str_eq(ours, theirs);
}

Test(ledger, holds_all_there_is_to_know)
{
        for (uint64_t seed = 1; seed <= 20; seed++) {
                DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
                struct life life = { .rig = rig, .random = seed };

                for (int i = 0; i < 400; i++) {
                        live(&life);
                        if (i % 80 == 79)
                                expect_same_when_read_again(rig);
                }
                cr_expect_gt(rig->deals_written, 20, "a life worth the name");
        }
}

/* No id may ever be executed twice, whatever was asked and went wrong. */
Test(ledger, never_shows_an_id_executed_twice)
{
        for (uint64_t seed = 100; seed < 120; seed++) {
                DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
                struct life life = { .rig = rig, .random = seed };
                unsigned char seen[1024] = { 0 };
                const struct account *account = &rig->desk.account;

                for (int i = 0; i < 400; i++)
                        live(&life);
                for (size_t i = 0; i < account->deal_count; i++) {
                        unsigned int id;

                        if (account->deals[i].reason != REASON_EXPERT)
                                continue;
                        cr_assert_eq(sscanf(account->deals[i].comment, "ID%u", &id), 1);
                        cr_assert_lt(id, BUS_COUNT(seen));
                        cr_expect_eq(seen[id]++, 0, "ID%u", id);
                }
        }
}

/* A cut at any byte leaves a ledger that can be read, and what it says is never more than was told. */
Test(ledger, can_be_read_when_cut_at_any_byte)
{
        const struct desk_options options = { .stop_out_percent = 50 };
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct life life = { .rig = rig, .random = 3 };
        size_t whole;

        for (int i = 0; i < 60; i++)
                live(&life);
        whole = rig->ledger.size;
        for (size_t size = whole - 1500; size < whole; size++) {
                struct bus_buf cut = { .data = rig->ledger.data, .size = size };
                DESK_RIG_AUTOFREE struct desk_rig *again = desk_rig_with(&options, &cut);

                cr_assert_leq(again->ledger.size, size);
                cr_assert_eq(again->ledger.data[again->ledger.size - 1], '\n');
        }
}

/* The deal alone is enough: a crash before the result line does not make an attempt forget it. */
Test(ledger, takes_a_deal_for_its_result)
{
        const struct desk_options options = { 0 };
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new(), *again = NULL;
        const struct order order = desk_rig_order("ONE", 1);
        const char *text, *result;
        struct bus_buf cut;

        (void)desk_rig_open(rig, "ONE");
        text = bus_buf_str(&rig->ledger);
        result = strstr(text, "\"event\":\"result\"");
        cr_assert_not_null(result);
        cut = (struct bus_buf){ .data = rig->ledger.data, .size = (size_t)(result - text) };
        again = desk_rig_with(&options, &cut);
        cr_expect_eq(desk_rig_query(again, "ONE", 1), QUERY_FINAL);
        cr_expect_eq(again->answer.retcode, RETCODE_DONE);
        cr_expect_eq(desk_rig_submit(again, &order), RETCODE_DONE);
        cr_expect_eq(again->deals_written, 0);
}

Test(ledger, leaves_a_request_without_outcome_in_doubt_for_a_while)
{
        const struct desk_options options = { .recovery_us = BUS_US_PER_SEC };
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new(), *again = NULL;
        const struct order order = desk_rig_order("ONE", 1);

        desk_rig_fault(rig, "delay 5000");
        cr_assert_eq(desk_rig_submit(rig, &order), 0);
        again = desk_rig_with(&options, &rig->ledger);
        cr_expect_eq(desk_rig_query(again, "ONE", 1), QUERY_IN_DOUBT);
        cr_expect_eq(desk_rig_submit(again, &order), RETCODE_TIMEOUT);
        desk_rig_wait(again, BUS_US_PER_SEC);
        cr_expect_eq(desk_rig_query(again, "ONE", 1), QUERY_NEVER_SEEN);
        cr_expect_eq(desk_rig_submit(again, &order), RETCODE_REJECT);
        cr_expect_eq(again->deals_written, 0);
}

Test(ledger, fills_a_working_order_after_a_restart)
{
        const struct desk_options options = { .recovery_us = BUS_US_PER_SEC };
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new(), *again = NULL;
        struct order order = desk_rig_order("ONE", 1);

        order.sl_e8 = 108000000;
        desk_rig_fault(rig, "place 5000");
        cr_assert_eq(desk_rig_submit(rig, &order), RETCODE_PLACED);
        again = desk_rig_with(&options, &rig->ledger);
        desk_rig_wait(again, BUS_US_PER_SEC);
        cr_expect_eq(desk_rig_report(again)->retcode, RETCODE_DONE);
        cr_assert_eq(again->desk.account.position_count, 1);
        cr_expect_eq(again->desk.account.positions[0]->sl_e8, 108000000);
        cr_expect_eq(again->desk.account.positions[0]->magic, 7);
}

Test(ledger, refuses_a_second_execution_when_it_is_read)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct record deal;

        (void)desk_rig_open(rig, "ONE");
        deal = account_close_record(&rig->desk.account, rig->desk.account.positions[0], E8_ONE / 10,
                feed_quotes(rig->feed)[0], REASON_EXPERT, 1);
        memcpy(deal.cl_ord_id, "ONE", 4);
        deal.attempt = 1;
        deal.retcode = RETCODE_DONE;
        cr_expect_eq(desk_replay(&rig->desk, &deal), -EBADMSG);
}
