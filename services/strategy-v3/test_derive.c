#include "services/strategy-v3/derive.h"

#include "libbus/base/bytes.h"
#include "libbus/base/require.h"
#include "proto/validate.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define JOINED_US (INT64_C(1763836800) * BUS_US_PER_SEC)

static const struct slot_edition editions[SLOT_SEATS] = {
        [SLOT_SUCCESSOR] = { true, "build-c", "hash-c" },
        [SLOT_INCUMBENT] = { true, "build-l", "hash-l" },
};

static struct slot_record record_with(enum slot_seat active)
{
        struct slot_record record = { .epoch = 5,
                .active = active,
                .exits_by = active == SLOT_NOBODY ? SLOT_INCUMBENT : active,
                .joined_us = JOINED_US };

        memcpy(record.editions, editions, sizeof(editions));
        record.enabled[SLOT_INCUMBENT] = active == SLOT_INCUMBENT;
        record.enabled[SLOT_SUCCESSOR] = active == SLOT_SUCCESSOR;
        return record;
}

struct fixture {
        struct slot_record record;
        Pb__Signal signal;
        struct v3_alert alert;
        struct plugin_verdict verdict;
        struct derive_input input;
        struct derived derived;
};

static void fill_entry(struct v3_decision *decision)
{
        *decision = (struct v3_decision){ .verdict = V3_VERDICT_EXECUTE,
                .reason = V3_REASON_OK,
                .direction = V3_SIDE_BUY,
                .strength = 8,
                .route = 2,
                .routing = V3_ROUTING_TIMEFRAME,
                .leg_count = 1,
                .legs = { { V3_LEG_A, V3_SIDE_BUY, 2000000, 264400000000, 266800000000 } },
                .close_count = 1,
                .closes = { { V3_SIDE_SELL, V3_CLOSE_REVERSAL } } };
}

static void fill_exit(struct v3_decision *decision)
{
        *decision = (struct v3_decision){ .verdict = V3_VERDICT_EXECUTE,
                .reason = V3_REASON_EXIT_SIGNAL,
                .close_count = 1,
                .closes = { { V3_SIDE_BUY, V3_CLOSE_EXIT } } };
}

static void setup(struct fixture *f, enum v3_type type, enum slot_seat active)
{
        *f = (struct fixture){ .record = record_with(active) };
        pb__signal__init(&f->signal);
        f->signal.received_us = f->signal.born_us = JOINED_US + 5 * BUS_US_PER_SEC;
        f->signal.price_e8 = 265000000000;
        f->alert = (struct v3_alert){ .type = type, .symbol = "XAUUSD", .price_e8 = 265000000000 };
        if (type == V3_TYPE_ENTRY) {
                f->alert.direction = V3_SIDE_BUY;
                fill_entry(&f->verdict.decision);
        } else if (type == V3_TYPE_EXIT) {
                fill_exit(&f->verdict.decision);
        } else {
                f->verdict.decision = (struct v3_decision){ .verdict = V3_VERDICT_IGNORE,
                        .reason = V3_REASON_TREND_PULSE };
        }
        f->input = (struct derive_input){ .record = &f->record,
                .signal = &f->signal,
                .alert = &f->alert,
                .seat = slot_judge(&f->record, type) };
        if (f->input.seat != SLOT_NOBODY)
                f->input.edition = &editions[f->input.seat];
}

static void run(struct fixture *f)
{
        const char *why = "";

        if (derive_must_ask(&f->record, f->input.seat, f->input.edition))
                f->input.verdict = &f->verdict;
        derive(&f->input, &f->derived);
        cr_expect_eq(validate_decision(&f->derived.decision.pb, &why), 0, "decision.%s", why);
        if (f->derived.has_order)
                cr_expect_eq(validate_order(&f->derived.order, &why), 0, "order.%s", why);
}

Test(derive, an_executed_entry_is_an_order_with_its_legs_and_reversal_closes)
{
        struct fixture f;

        setup(&f, V3_TYPE_ENTRY, SLOT_SUCCESSOR);
        run(&f);
        cr_assert(f.derived.has_order);
        cr_expect_eq(f.derived.order.kind, PB__ORDER_KIND__ORDER_KIND_ENTRY);
        cr_expect_eq(f.derived.order.epoch, 5);
        cr_expect_str_eq(f.derived.order.plugin, "combined_v3");
        cr_expect_eq(f.derived.order.n_legs, 1);
        cr_expect_eq(f.derived.order.n_closes, 1);
        cr_expect_eq(f.derived.order.born_us, f.signal.born_us);
        cr_expect_str_eq(f.derived.decision.pb.plugin_build, "build-c");
        cr_expect_eq(f.derived.decision.pb.epoch, 5);
        cr_expect_null(f.derived.alarm);
}

Test(derive, an_exit_is_an_order_of_closes_alone)
{
        struct fixture f;

        setup(&f, V3_TYPE_EXIT, SLOT_INCUMBENT);
        run(&f);
        cr_assert(f.derived.has_order);
        cr_expect_eq(f.derived.order.kind, PB__ORDER_KIND__ORDER_KIND_EXIT);
        cr_expect_eq(f.derived.order.n_legs, 0);
        cr_expect_eq(f.derived.order.n_closes, 1);
}

Test(derive, what_is_not_executed_makes_no_order)
{
        struct fixture f;

        setup(&f, V3_TYPE_PULSE, SLOT_INCUMBENT);
        run(&f);
        cr_expect_not(f.derived.has_order);
        cr_expect_null(f.derived.alarm);
}

Test(derive, a_test_alert_goes_on_whatever_the_verdict)
{
        static const enum v3_type types[] = { V3_TYPE_ENTRY, V3_TYPE_EXIT, V3_TYPE_PULSE };

        for (size_t i = 0; i < BUS_COUNT(types); i++) {
                struct fixture f;

                setup(&f, types[i], SLOT_INCUMBENT);
                f.input.test = true;
                f.verdict.decision = (struct v3_decision){ .verdict = V3_VERDICT_REJECT,
                        .reason = V3_REASON_DAILY_CAP };
                run(&f);
                cr_assert(f.derived.has_order);
                cr_expect_eq(f.derived.order.verdict, PB__VERDICT__VERDICT_REJECT);
                cr_expect_eq(f.derived.order.n_legs, 0);
        }
}

Test(derive, nobody_active_refuses_entries_and_lets_the_last_judge_exits)
{
        struct fixture f;

        setup(&f, V3_TYPE_ENTRY, SLOT_NOBODY);
        run(&f);
        cr_expect_not(f.derived.has_order);
        cr_expect_eq(f.derived.decision.pb.reason, PB__REASON__REASON_NO_ACTIVE_PLUGIN);
        cr_expect_eq(f.derived.decision.pb.direction, PB__SIDE__SIDE_BUY);
        cr_expect_str_eq(f.derived.alarm, "no_active_plugin");
        setup(&f, V3_TYPE_EXIT, SLOT_NOBODY);
        run(&f);
        cr_assert(f.derived.has_order);
        cr_expect_str_eq(f.derived.order.plugin, "legacy_v3");
        cr_expect_null(f.derived.alarm);
}

Test(derive, a_verdict_whose_plugin_is_gone_is_lost_and_never_anothers)
{
        static const struct slot_edition others[] = { { true, "build-x", "hash-l" },
                { true, "build-l", "hash-x" }, { false, "", "" } };

        for (size_t i = 0; i < BUS_COUNT(others); i++) {
                struct fixture f;

                setup(&f, V3_TYPE_EXIT, SLOT_INCUMBENT);
                f.input.edition = &others[i];
                run(&f);
                cr_expect_not(f.derived.has_order);
                cr_expect_eq(f.derived.decision.pb.verdict, PB__VERDICT__VERDICT_ERROR);
                cr_expect_eq(f.derived.decision.pb.reason, PB__REASON__REASON_VERDICT_LOST);
                cr_expect_str_eq(f.derived.decision.pb.plugin_build, "build-l");
                cr_expect_str_eq(f.derived.alarm, "verdict_lost");
        }
}

Test(derive, a_failed_plugin_is_alarmed_and_orders_nothing)
{
        struct fixture f;

        setup(&f, V3_TYPE_ENTRY, SLOT_INCUMBENT);
        f.verdict.decision = (struct v3_decision){ .verdict = V3_VERDICT_ERROR,
                .reason = V3_REASON_PLUGIN_ERROR };
        snprintf(f.verdict.error, sizeof(f.verdict.error), "division by zero");
        run(&f);
        cr_expect_not(f.derived.has_order);
        cr_expect_str_eq(f.derived.alarm, "plugin_error");
        cr_expect_str_eq(f.derived.decision.pb.error, "division by zero");
}

Test(derive, a_common_start_does_not_make_a_stream_older)
{
        struct fixture f;

        setup(&f, V3_TYPE_EXIT, SLOT_INCUMBENT);
        f.signal.received_us = f.signal.born_us = JOINED_US - BUS_US_PER_SEC;
        cr_expect_not(derive_is_older(&f.record, &f.signal));
        run(&f);
        cr_expect(f.derived.has_order);
        f.signal.received_us = f.signal.born_us = JOINED_US - DERIVE_JOIN_GRACE_US - 1;
        cr_expect(derive_is_older(&f.record, &f.signal));
        run(&f);
        cr_expect_not(f.derived.has_order);
        cr_expect_not_null(f.derived.unsent);
}

Test(derive, in_an_older_stream_no_exit_of_before_is_sent_and_no_entry_until_resume)
{
        struct fixture f;

        setup(&f, V3_TYPE_EXIT, SLOT_INCUMBENT);
        f.record.older = f.record.paused = true;
        run(&f);
        cr_expect(f.derived.has_order); /* younger than the strategy */
        f.signal.received_us = f.signal.born_us = JOINED_US - 1;
        run(&f);
        cr_expect_not(f.derived.has_order);
        setup(&f, V3_TYPE_ENTRY, SLOT_INCUMBENT);
        f.record.older = f.record.paused = true;
        run(&f);
        cr_expect_not(f.derived.has_order);
        f.record.paused = false;
        run(&f);
        cr_expect(f.derived.has_order);
}

/* ---- any order of switching, any crash ---- */

/* Randomness of a fixed seed: the test is the same each time. */
static uint32_t random_below(uint64_t *state, uint32_t limit)
{
        *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        return (uint32_t)(*state >> 33) % limit;
}

static void pack_derived(
        const struct slot *slot, struct bus_pos position, enum v3_type type, struct bus_buf *ret)
{
        const struct slot_record *record = slot_at(slot, position);
        struct fixture f;

        setup(&f, type, record->active);
        f.record = *record;
        f.input.seat = slot_judge(record, type);
        f.input.edition = f.input.seat == SLOT_NOBODY ? NULL : &editions[f.input.seat];
        f.input.verdict = NULL;
        /* the two plugins differ in all they say */
        f.verdict.decision.total_lot_e8 = f.input.seat == SLOT_SUCCESSOR ? 7000000 : 3000000;
        run(&f);
        bus_buf_clear(ret);
        ret->size = pb__decision__pack(&f.derived.decision.pb, bus_buf_reserve(ret, 4096));
        if (f.derived.has_order)
                ret->size += pb__order__pack(&f.derived.order, bus_buf_reserve(ret, 4096));
}

#define SIGNALS 60

/* One at the most is active, the right one, and the successor only by health's leave. */
static bool is_lawful(const struct slot_record *before, const struct slot_record *record,
        const struct slot_request *request)
{
        bool allowed = request->from_health &&
                       (request->gate_passed || (request->force && request->has_reason));

        if (record->epoch != before->epoch + 1)
                return false;
        if (record->enabled[SLOT_SUCCESSOR])
                return record->active == SLOT_SUCCESSOR &&
                       (allowed || before->active == SLOT_SUCCESSOR);
        return record->active == (record->enabled[SLOT_INCUMBENT] ? SLOT_INCUMBENT : SLOT_NOBODY);
}

static void switch_at_random(struct slot *slot, struct bus_pos from, uint64_t *state)
{
        static const char *const plugins[] = { "combined_v3", "legacy_v3", "example" };
        const struct slot_request request = {
                .change = (enum slot_change)random_below(state, SLOT_RESUME + 1),
                .plugin = plugins[random_below(state, 3)],
                .expected_epoch = random_below(state, 4) ? 0 : slot_now(slot)->epoch,
                .from_health = random_below(state, 2),
                .gate_passed = random_below(state, 2),
                .force = random_below(state, 4) == 0,
                .has_reason = random_below(state, 2),
                .command_id = "",
                .from = from,
                .now_us = JOINED_US + (int64_t)from.seq,
        };
        struct slot_record before = *slot_now(slot), record;
        const char *code = NULL;

        if (slot_request(slot, &request, &record, &code) != SLOT_CHANGED)
                return;
        slot_add(slot, &record); /* its own invariants are checked there */
        cr_expect(is_lawful(&before, &record, &request));
}

Test(derive, whatever_is_switched_when_a_signal_derived_again_is_the_same)
{
        for (uint64_t seed = 1; seed <= 200; seed++) {
                struct bus_buf published[SIGNALS] = { 0 };
                struct slot slot = { 0 };
                struct slot_start start = { .now_us = JOINED_US };
                struct slot_record record;
                uint64_t state = seed;

                memcpy(start.editions, editions, sizeof(editions));
                bus_require(slot_on_start(&slot, &start, &record) == SLOT_CHANGED);
                slot_add(&slot, &record);
                for (uint64_t i = 0; i < SIGNALS; i++) {
                        struct bus_pos position = { 1 + i / 25, i + 1, 0 };

                        pack_derived(&slot, position, i % 3 ? V3_TYPE_ENTRY : V3_TYPE_EXIT,
                                &published[i]);
                        while (random_below(&state, 3) == 0)
                                switch_at_random(&slot, position, &state);
                }
                /* a restore of the decisions alone, or a power cut: all of it again */
                for (uint64_t i = 0; i < SIGNALS; i++) {
                        BUS_AUTOBUF struct bus_buf again = BUS_BUF_INIT;
                        struct bus_pos position = { 1 + i / 25, i + 1, 0 };

                        pack_derived(&slot, position, i % 3 ? V3_TYPE_ENTRY : V3_TYPE_EXIT, &again);
                        cr_expect(bus_bytes_equal(
                                bus_buf_bytes(&again), bus_buf_bytes(&published[i])));
                        bus_buf_done(&published[i]);
                }
                slot_done(&slot);
        }
}
