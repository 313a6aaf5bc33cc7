#include "services/strategy-v3/slot.h"

#include "services/strategy-v3/slot_codec.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#define NOW   1000000
#define FIRST (1 + NOW / 1000) /* epoch */

static struct slot_start started(bool successor, bool incumbent)
{
        struct slot_start start = { .now_us = NOW };

        start.editions[SLOT_SUCCESSOR] = (struct slot_edition){ successor, "build-c", "hash-c" };
        start.editions[SLOT_INCUMBENT] = (struct slot_edition){ incumbent, "build-l", "hash-l" };
        return start;
}

static struct slot made(void)
{
        struct slot slot = { 0 };
        struct slot_start start = started(true, true);
        struct slot_record record;

        cr_assert_eq(slot_on_start(&slot, &start, &record), SLOT_CHANGED);
        slot_add(&slot, &record);
        return slot;
}

static struct slot_request request(enum slot_change change, const char *plugin)
{
        return (struct slot_request){ .change = change,
                .plugin = plugin,
                .from_health = true,
                .gate_passed = true,
                .command_id = "01HZZZZZZZZZZZZZZZZZZZZZZZ",
                .from = { 7, 10, 0 },
                .now_us = NOW + 100 };
}

static int apply(struct slot *slot, const struct slot_request *request, const char **ret_code)
{
        struct slot_record record;
        int r;

        *ret_code = "";
        r = slot_request(slot, request, &record, ret_code);
        if (r == SLOT_CHANGED)
                slot_add(slot, &record);
        return r;
}

#define expect(slot, r_expected, code_expected, ...)                                       \
        do {                                                                               \
                const char *code_;                                                         \
                struct slot_request request_ = __VA_ARGS__;                                \
                cr_expect_eq(apply((slot), &request_, &code_), (r_expected), "%s", code_); \
                cr_expect_str_eq(code_, (code_expected));                                  \
        } while (0)

Test(slot, begins_with_the_incumbent_alone)
{
        struct slot slot = made();
        const struct slot_record *now = slot_now(&slot);

        cr_expect_eq(now->epoch, FIRST);
        cr_expect_eq(now->active, SLOT_INCUMBENT);
        cr_expect_not(now->enabled[SLOT_SUCCESSOR]);
        cr_expect(bus_pos_is_zero(now->from));
        cr_expect_eq(slot_at(&slot, (struct bus_pos){ 1, 1, 0 }), now);
        slot_done(&slot);
}

Test(slot, a_record_holds_for_the_signals_behind_its_position_alone)
{
        struct slot slot = made();

        expect(&slot, SLOT_CHANGED, "", request(SLOT_CUTOVER, "combined_v3"));
        cr_expect_eq(slot_at(&slot, (struct bus_pos){ 7, 9, 0 })->active, SLOT_INCUMBENT);
        cr_expect_eq(slot_at(&slot, (struct bus_pos){ 7, 10, 0 })->active, SLOT_INCUMBENT);
        cr_expect_eq(slot_at(&slot, (struct bus_pos){ 7, 11, 0 })->active, SLOT_SUCCESSOR);
        cr_expect_eq(slot_at(&slot, (struct bus_pos){ 8, 1, 0 })->active, SLOT_SUCCESSOR);
        expect(&slot, SLOT_CHANGED, "", request(SLOT_ROLLBACK, ""));
        /* both hold from the same position: the later one counts */
        cr_expect_eq(slot_at(&slot, (struct bus_pos){ 7, 11, 0 })->active, SLOT_INCUMBENT);
        cr_expect_eq(slot_now(&slot)->epoch, FIRST + 2);
        slot_done(&slot);
}

Test(slot, both_enabled_is_the_successor_and_never_two)
{
        struct slot slot = made();

        expect(&slot, SLOT_CHANGED, "", request(SLOT_ENABLE, "combined_v3"));
        cr_expect_eq(slot_now(&slot)->active, SLOT_SUCCESSOR);
        cr_expect(slot_now(&slot)->enabled[SLOT_INCUMBENT]);
        expect(&slot, SLOT_UNCHANGED, "", request(SLOT_ENABLE, "legacy_v3"));
        expect(&slot, SLOT_CHANGED, "", request(SLOT_DISABLE, "combined_v3"));
        cr_expect_eq(slot_now(&slot)->active, SLOT_INCUMBENT);
        slot_done(&slot);
}

Test(slot, only_health_with_the_gate_or_a_reasoned_force_makes_the_successor_trade)
{
        struct slot slot = made();
        struct slot_request r = request(SLOT_ENABLE, "combined_v3");

        r.from_health = false;
        expect(&slot, SLOT_REFUSED, "not_from_health", r);
        r.force = r.has_reason = true;
        expect(&slot, SLOT_REFUSED, "not_from_health", r);
        r = request(SLOT_ENABLE, "combined_v3");
        r.gate_passed = false;
        expect(&slot, SLOT_REFUSED, "gate_not_passed", r);
        r.change = SLOT_CUTOVER;
        expect(&slot, SLOT_REFUSED, "gate_not_passed", r);
        r.force = true;
        expect(&slot, SLOT_REFUSED, "force_without_reason", r);
        cr_expect_eq(slot.count, 1);
        r.has_reason = true;
        expect(&slot, SLOT_CHANGED, "", r);
        slot_done(&slot);
}

Test(slot, the_way_back_is_never_gated)
{
        struct slot slot = made();
        struct slot_request r = request(SLOT_CUTOVER, "combined_v3");

        expect(&slot, SLOT_CHANGED, "", r);
        expect(&slot, SLOT_CHANGED, "", request(SLOT_DISABLE, "legacy_v3"));
        r = request(SLOT_DISABLE, "combined_v3");
        r.from_health = r.gate_passed = false;
        expect(&slot, SLOT_CHANGED, "", r);
        cr_expect_eq(slot_now(&slot)->active, SLOT_NOBODY);
        r = request(SLOT_ENABLE, "legacy_v3");
        r.from_health = r.gate_passed = false;
        expect(&slot, SLOT_CHANGED, "", r);
        cr_expect_eq(slot_now(&slot)->active, SLOT_INCUMBENT);
        slot_done(&slot);
}

Test(slot, a_rollback_applies_whenever_it_comes_and_once)
{
        struct slot slot = made();
        struct slot_request r = request(SLOT_ROLLBACK, "");

        r.from_health = r.gate_passed = false;
        r.deadline_us = 1;
        r.expected_epoch = 99;
        expect(&slot, SLOT_UNCHANGED, "", r);
        expect(&slot, SLOT_CHANGED, "", request(SLOT_CUTOVER, "combined_v3"));
        expect(&slot, SLOT_CHANGED, "", request(SLOT_DISABLE, "legacy_v3"));
        expect(&slot, SLOT_CHANGED, "", r);
        cr_expect_eq(slot_now(&slot)->active, SLOT_INCUMBENT);
        cr_expect_not(slot_now(&slot)->enabled[SLOT_SUCCESSOR]);
        expect(&slot, SLOT_UNCHANGED, "", r);
        slot_done(&slot);
}

Test(slot, a_switch_is_void_after_its_deadline_and_under_another_epoch)
{
        struct slot slot = made();
        struct slot_request r = request(SLOT_DISABLE, "legacy_v3");

        r.deadline_us = r.now_us - 1;
        expect(&slot, SLOT_REFUSED, "deadline_passed", r);
        r.deadline_us = r.now_us;
        r.expected_epoch = FIRST + 1;
        expect(&slot, SLOT_REFUSED, "epoch_changed", r);
        r.expected_epoch = FIRST;
        expect(&slot, SLOT_CHANGED, "", r);
        slot_done(&slot);
}

Test(slot, refuses_plugins_it_has_not)
{
        struct slot slot = { 0 };
        struct slot_start start = started(false, true);
        struct slot_record record;

        cr_assert_eq(slot_on_start(&slot, &start, &record), SLOT_CHANGED);
        slot_add(&slot, &record);
        expect(&slot, SLOT_REFUSED, "unknown_plugin", request(SLOT_ENABLE, "example"));
        expect(&slot, SLOT_REFUSED, "plugin_not_loaded", request(SLOT_ENABLE, "combined_v3"));
        expect(&slot, SLOT_REFUSED, "plugin_not_loaded", request(SLOT_CUTOVER, "combined_v3"));
        slot_done(&slot);
}

Test(slot, a_cutover_to_the_one_behind_is_refused)
{
        struct slot slot = made();

        expect(&slot, SLOT_CHANGED, "", request(SLOT_CUTOVER, "combined_v3"));
        expect(&slot, SLOT_UNCHANGED, "", request(SLOT_CUTOVER, "combined_v3"));
        expect(&slot, SLOT_REFUSED, "another_goes_first", request(SLOT_CUTOVER, "legacy_v3"));
        slot_done(&slot);
}

Test(slot, without_an_active_plugin_entries_have_no_judge_and_exits_the_last)
{
        struct slot slot = made();
        const struct slot_record *now;

        expect(&slot, SLOT_CHANGED, "", request(SLOT_CUTOVER, "combined_v3"));
        cr_expect_eq(slot_judge(slot_now(&slot), V3_TYPE_EXIT), SLOT_SUCCESSOR);
        expect(&slot, SLOT_CHANGED, "", request(SLOT_DISABLE, "legacy_v3"));
        expect(&slot, SLOT_CHANGED, "", request(SLOT_DISABLE, "combined_v3"));
        now = slot_now(&slot);
        cr_expect_eq(slot_judge(now, V3_TYPE_ENTRY), SLOT_NOBODY);
        cr_expect_eq(slot_judge(now, V3_TYPE_EXIT), SLOT_SUCCESSOR);
        cr_expect_eq(slot_judge(now, V3_TYPE_PULSE), SLOT_SUCCESSOR);
        slot_done(&slot);
}

Test(slot, signals_wait_once_for_a_successor)
{
        struct slot slot = made();
        struct slot_request r = request(SLOT_DISABLE, "legacy_v3");

        cr_expect_eq(slot_hold_left_us(&slot, 500, NOW), 0);
        expect(&slot, SLOT_CHANGED, "", r); /* at NOW + 100 */
        cr_expect_eq(slot_hold_left_us(&slot, 500, NOW + 100), 500);
        cr_expect_eq(slot_hold_left_us(&slot, 500, NOW + 599), 1);
        cr_expect_eq(slot_hold_left_us(&slot, 500, NOW + 600), 0);
        cr_expect_eq(slot_hold_left_us(&slot, 500, NOW - 5000), 500);
        /* the seed's rollback: the second line finds them still waiting, and ends it */
        r = request(SLOT_ENABLE, "legacy_v3");
        r.now_us = NOW + 300;
        expect(&slot, SLOT_CHANGED, "", r);
        cr_expect_eq(slot_hold_left_us(&slot, 500, NOW + 300), 0);
        slot_done(&slot);
}

Test(slot, a_start_with_the_same_plugins_changes_nothing)
{
        struct slot slot = made();
        struct slot_start start = started(true, true);
        struct slot_record record;

        cr_expect_eq(slot_on_start(&slot, &start, &record), 0);
        slot_done(&slot);
}

Test(slot, another_build_or_config_is_another_record)
{
        struct slot slot = made();
        struct slot_start start = started(true, true);
        struct slot_record record;

        start.from = (struct bus_pos){ 7, 44, 0 };
        strcpy(start.editions[SLOT_INCUMBENT].config_hash, "other");
        cr_assert_eq(slot_on_start(&slot, &start, &record), SLOT_CHANGED);
        slot_add(&slot, &record);
        cr_expect_eq(record.epoch, FIRST + 1);
        cr_expect_eq(record.active, SLOT_INCUMBENT);
        cr_expect_str_eq(
                slot_at(&slot, (struct bus_pos){ 7, 44, 0 })->editions[1].config_hash, "hash-l");
        cr_expect_str_eq(
                slot_at(&slot, (struct bus_pos){ 7, 45, 0 })->editions[1].config_hash, "other");
        slot_done(&slot);
}

Test(slot, a_successor_that_is_gone_gives_way_and_does_not_come_back_by_itself)
{
        struct slot slot = made();
        struct slot_start start = started(false, true);
        struct slot_record record;

        expect(&slot, SLOT_CHANGED, "", request(SLOT_CUTOVER, "combined_v3"));
        cr_assert_eq(slot_on_start(&slot, &start, &record), SLOT_CHANGED);
        slot_add(&slot, &record);
        cr_expect_eq(record.active, SLOT_INCUMBENT);
        cr_expect_eq(record.exits_by, SLOT_INCUMBENT);
        start = started(true, true);
        cr_assert_eq(slot_on_start(&slot, &start, &record), SLOT_CHANGED);
        slot_add(&slot, &record);
        cr_expect_eq(record.active, SLOT_INCUMBENT);
        cr_expect_not(record.enabled[SLOT_SUCCESSOR]);
        slot_done(&slot);
}

Test(slot, exits_always_have_a_judge_that_is_loaded)
{
        struct slot slot = made();
        struct slot_start start = started(false, true);
        struct slot_record record;

        expect(&slot, SLOT_CHANGED, "", request(SLOT_CUTOVER, "combined_v3"));
        expect(&slot, SLOT_CHANGED, "", request(SLOT_DISABLE, "legacy_v3"));
        cr_assert_eq(slot_on_start(&slot, &start, &record), SLOT_CHANGED);
        cr_expect_eq(record.active, SLOT_NOBODY);
        cr_expect_eq(slot_judge(&record, V3_TYPE_EXIT), SLOT_INCUMBENT);
        slot_done(&slot);
}

Test(slot, after_a_restore_the_epoch_is_one_nobody_has_seen)
{
        struct slot slot = made();
        struct slot_start start = started(true, true);
        struct slot_record record;

        start.restored = true;
        cr_assert_eq(slot_on_start(&slot, &start, &record), SLOT_CHANGED);
        cr_expect_gt(record.epoch, FIRST + 1000);
        slot_done(&slot);
}

Test(slot, one_that_lost_its_store_begins_above_what_it_gave_out)
{
        struct slot slot = made(), anew = { 0 };
        struct slot_start start = started(true, true);
        struct slot_record record;

        expect(&slot, SLOT_CHANGED, "", request(SLOT_CUTOVER, "combined_v3"));
        start.now_us += 1000000;
        cr_assert_eq(slot_on_start(&anew, &start, &record), SLOT_CHANGED);
        cr_expect_gt(record.epoch, slot_now(&slot)->epoch);
        slot_done(&slot);
}

Test(slot, an_older_stream_pauses_until_resume_and_once)
{
        struct slot slot = made();
        struct slot_record record;

        cr_assert_eq(slot_on_older(&slot, (struct bus_pos){ 7, 1, 0 }, NOW, &record), SLOT_CHANGED);
        slot_add(&slot, &record);
        cr_expect(slot_now(&slot)->paused && slot_now(&slot)->older);
        cr_expect_eq(slot_now(&slot)->active, SLOT_INCUMBENT);
        expect(&slot, SLOT_CHANGED, "", request(SLOT_RESUME, ""));
        cr_expect_not(slot_now(&slot)->paused);
        expect(&slot, SLOT_UNCHANGED, "", request(SLOT_RESUME, ""));
        cr_expect_eq(slot_on_older(&slot, (struct bus_pos){ 7, 2, 0 }, NOW, &record), 0);
        slot_done(&slot);
}

Test(slot, records_go_when_no_signal_they_hold_for_is_kept)
{
        struct slot slot = made();

        expect(&slot, SLOT_CHANGED, "", request(SLOT_CUTOVER, "combined_v3")); /* at NOW + 100 */
        cr_expect_eq(slot_prune(&slot, NOW + 100), 0);
        cr_expect_eq(slot_prune(&slot, NOW + 101), FIRST);
        cr_expect_eq(slot_prune(&slot, INT64_MAX), 0);
        cr_expect_eq(slot_at(&slot, (struct bus_pos){ 1, 1, 0 })->epoch, FIRST + 1);
        slot_done(&slot);
}

Test(slot_codec, records_come_back_as_they_were)
{
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT, again = BUS_BUF_INIT;
        struct slot slot = made();
        struct slot_record record, back;

        expect(&slot, SLOT_CHANGED, "", request(SLOT_CUTOVER, "combined_v3"));
        expect(&slot, SLOT_CHANGED, "", request(SLOT_DISABLE, "legacy_v3"));
        expect(&slot, SLOT_CHANGED, "", request(SLOT_DISABLE, "combined_v3"));
        record = *slot_now(&slot);
        record.paused = record.older = true;
        slot_record_pack(&record, &packed);
        cr_assert_eq(slot_record_unpack(bus_buf_bytes(&packed), &back), 0);
        slot_record_pack(&back, &again);
        cr_expect(bus_bytes_equal(bus_buf_bytes(&packed), bus_buf_bytes(&again)));
        cr_expect_eq(back.epoch, FIRST + 3);
        cr_expect_eq(back.active, SLOT_NOBODY);
        cr_expect_eq(back.exits_by, SLOT_SUCCESSOR);
        cr_expect_str_eq(back.editions[SLOT_SUCCESSOR].build, "build-c");
        cr_expect_eq(back.handover_us, record.handover_us);
        cr_expect_gt(back.handover_us, 0);
        slot_done(&slot);
}

Test(slot_codec, refuses_what_no_slot_wrote)
{
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;
        struct slot slot = made();
        struct slot_record record = *slot_now(&slot), back;

        cr_expect_eq(slot_record_unpack(bus_bytes(NULL, 0), &back), -EBADMSG);
        cr_expect_eq(slot_record_unpack(bus_bytes_str("nonsense"), &back), -EBADMSG);
        record.enabled[SLOT_INCUMBENT] = false; /* and active */
        slot_record_pack(&record, &packed);
        cr_expect_eq(slot_record_unpack(bus_buf_bytes(&packed), &back), -EBADMSG);
        slot_done(&slot);
}

Test(slot_codec, keys_sort_as_epochs_do)
{
        char a[SLOT_KEY_SIZE], b[SLOT_KEY_SIZE];

        cr_expect_lt(strcmp(slot_record_key(9, a), slot_record_key(10, b)), 0);
        cr_expect_lt(strcmp(slot_record_key(10, a), slot_record_key(UINT64_MAX, b)), 0);
        cr_expect_eq(strncmp(a, SLOT_KEY_PREFIX, strlen(SLOT_KEY_PREFIX)), 0);
}
