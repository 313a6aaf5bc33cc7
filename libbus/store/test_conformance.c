/*
 * What every engine must do, written once: batches, claims, positions, state.
 */
#include "libbus/store/test_engines.h"

#include <errno.h>
#include <stdio.h>

static size_t claim(
        struct test_store *t, const char *key, const char *value, int64_t at_us, int64_t expires_us)
{
        return store_batch_append(t->batch, &(struct store_append){ .stream = "signal@w",
                                                    .topic = "signal.test",
                                                    .body = bus_bytes_str(value),
                                                    .at_us = at_us,
                                                    .claim_key = bus_bytes_str(key),
                                                    .claim_value = bus_bytes_str(value),
                                                    .claim_expires_us = expires_us });
}

Test(store, a_batch_changes_journal_state_and_cursor_together)
{
        EACH_ENGINE(t)
        {
                struct bus_pos cursor = { 5, 6, 7 }, read;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                store_batch_append(t->batch, &(struct store_append){ .stream = "signal@w",
                                                     .topic = "signal.test",
                                                     .body = bus_bytes_str("one"),
                                                     .at_us = t->now_us });
                store_batch_put(t->batch, bus_bytes_str("key"), bus_bytes_str("value"));
                store_batch_put(t->batch, bus_bytes_str("gone"), bus_bytes_str("x"));
                store_batch_delete(t->batch, bus_bytes_str("gone"));
                store_batch_cursor(t->batch, "control@health", cursor);
                cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), 0);
                test_reopen_killed(t);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "one ");
                cr_expect_str_eq(test_get(t, "key"), "value");
                cr_expect_null(test_get(t, "gone"));
                cr_assert_eq(store_cursor(t->store, "control@health", &read), 0);
                expect_pos(read, cursor);
                cr_expect_eq(store_cursor(t->store, "control@other", &read), STORE_ABSENT);
        }
}

Test(store, a_batch_with_a_fault_in_it_changes_nothing_and_the_store_goes_on)
{
        EACH_ENGINE(t)
        {
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                store_batch_put(t->batch, bus_bytes_str("key"), bus_bytes_str("value"));
                store_batch_append(t->batch, &(struct store_append){ .stream = "signal@w",
                                                     .topic = "t",
                                                     .body = bus_bytes_str("one"),
                                                     .at_us = 1 });
                store_batch_append(t->batch, &(struct store_append){ .stream = "unknown@w",
                                                     .topic = "t",
                                                     .body = bus_bytes_str("two"),
                                                     .at_us = 1 });
                cr_expect_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), -EINVAL);
                cr_expect_null(test_get(t, "key"));
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "");
                cr_expect_eq(test_append(t, "signal@w", "three").seq, 1);
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "three ");
        }
}

Test(store, positions_count_up_by_one_and_name_their_predecessor)
{
        EACH_ENGINE(t)
        {
                struct bus_pos last = BUS_POS_ZERO;
                struct store_stream stand = test_stream(t, "signal@w", STORE_STREAM_FULL);
                size_t index[3];

                cr_expect(bus_pos_is_zero(stand.first) && bus_pos_is_zero(stand.last));
                cr_expect_eq(stand.incarnation, (uint64_t)(t->now_us / 1000));
                for (int round = 0; round < 2; round++) {
                        store_batch_clear(t->batch);
                        for (size_t i = 0; i < 3; i++)
                                index[i] = store_batch_append(
                                        t->batch, &(struct store_append){ .stream = "signal@w",
                                                          .topic = "signal.test",
                                                          .body = bus_bytes_str("x"),
                                                          .at_us = t->now_us });
                        cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), 0);
                        for (size_t i = 0; i < 3; i++) {
                                const struct store_appended *result =
                                        store_batch_result(t->batch, index[i]);

                                expect_pos(result->predecessor, last);
                                cr_expect_eq(result->position.seq, last.seq + 1);
                                cr_expect_eq(result->position.incarnation, stand.incarnation);
                                last = result->position;
                        }
                }
                expect_pos(test_stand(t, "signal@w").last, last);
                cr_expect_eq(test_stand(t, "signal@w").first.seq, 1);
                test_reopen_clean(t);
                stand = test_stream(t, "signal@w", STORE_STREAM_FULL);
                expect_pos(stand.last, last);
                cr_expect_not(stand.new_incarnation);
                cr_expect_null(stand.reason);
        }
}

Test(store, a_claim_is_taken_once_and_tells_the_first)
{
        EACH_ENGINE(t)
        {
                size_t first, second, third;
                struct bus_pos position;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                first = claim(t, "k", "alert-1", 100, 0);
                second = claim(t, "k", "alert-2", 100, 0);
                third = claim(t, "other", "alert-3", 100, 0);
                cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), 0);
                position = store_batch_result(t->batch, first)->position;
                cr_expect_not(store_batch_result(t->batch, first)->duplicate);
                cr_expect(store_batch_result(t->batch, second)->duplicate);
                expect_pos(store_batch_result(t->batch, second)->position, position);
                cr_expect(bus_bytes_equal(store_batch_result(t->batch, second)->claim_value,
                        bus_bytes_str("alert-1")));
                cr_expect_not(store_batch_result(t->batch, third)->duplicate);

                test_reopen_killed(t);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                store_batch_clear(t->batch);
                second = claim(t, "k", "alert-4", INT64_MAX, 0);
                cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), 0);
                cr_expect(store_batch_result(t->batch, second)->duplicate);
                expect_pos(store_batch_result(t->batch, second)->position, position);
                cr_expect(bus_bytes_equal(store_batch_result(t->batch, second)->claim_value,
                        bus_bytes_str("alert-1")));
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "alert-1 alert-3 ");
        }
}

Test(store, a_claim_is_free_again_at_its_expiry_and_not_before)
{
        EACH_ENGINE(t)
        {
                size_t before, at;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                claim(t, "k", "a", 100, 200);
                before = claim(t, "k", "b", 199, 300);
                at = claim(t, "k", "c", 200, 300);
                cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), 0);
                cr_expect(store_batch_result(t->batch, before)->duplicate);
                cr_expect_not(store_batch_result(t->batch, at)->duplicate);
                store_batch_clear(t->batch);
                before = claim(t, "k", "d", 299, 0);
                cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), 0);
                cr_expect(bus_bytes_equal(
                        store_batch_result(t->batch, before)->claim_value, bus_bytes_str("c")));
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "a c ");
        }
}

Test(store, claims_of_two_streams_do_not_meet)
{
        EACH_ENGINE(t)
        {
                size_t other;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_stream(t, "trade@w", STORE_STREAM_FULL);
                claim(t, "k", "a", 100, 0);
                other = store_batch_append(t->batch, &(struct store_append){ .stream = "trade@w",
                                                             .topic = "trade.x",
                                                             .at_us = 100,
                                                             .claim_key = bus_bytes_str("k") });
                cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), 0);
                cr_expect_not(store_batch_result(t->batch, other)->duplicate);
        }
}

Test(store, derived_positions_are_the_callers_and_only_go_forward)
{
        EACH_ENGINE(t)
        {
                static const struct bus_pos refused[] = { { 10, 5, 1 }, { 10, 5, 0 }, { 10, 4, 9 },
                        { 9, 99, 0 }, { 0, 0, 0 } };
                struct store_stream stand = test_stream(t, "order@s", STORE_STREAM_DERIVED);

                cr_expect_eq(stand.incarnation, 0);
                cr_expect_not(stand.new_incarnation);
                test_append_derived(t, "order@s", "a", (struct bus_pos){ 10, 2, 0 });
                test_append_derived(t, "order@s", "b", (struct bus_pos){ 10, 5, 0 });
                test_append_derived(t, "order@s", "c", (struct bus_pos){ 10, 5, 1 });
                expect_pos(store_batch_result(t->batch, 0)->predecessor,
                        ((struct bus_pos){ 10, 5, 0 }));
                for (size_t i = 0; i < BUS_COUNT(refused); i++) {
                        store_batch_clear(t->batch);
                        store_batch_append(t->batch, &(struct store_append){ .stream = "order@s",
                                                             .topic = "order.x",
                                                             .at_us = 1,
                                                             .position = refused[i] });
                        cr_expect_eq(store_commit(t->store, t->batch, STORE_SYNC_NORMAL), -EINVAL);
                }
                test_append_derived(t, "order@s", "d", (struct bus_pos){ 11, 1, 0 });
                /* a reader may stand between two of them: not every signal makes an order */
                cr_expect_str_eq(test_read(t, "order@s", (struct bus_pos){ 10, 3, 0 }), "b c d ");
                cr_expect_str_eq(test_read(t, "order@s", (struct bus_pos){ 10, 5, 0 }), "c d ");
                cr_expect_str_eq(test_read(t, "order@s", (struct bus_pos){ 11, 2, 0 }), "ahead ");
        }
}

Test(store, a_stream_of_its_own_numbers_takes_no_others)
{
        EACH_ENGINE(t)
        {
                struct store_stream stand;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                store_batch_append(t->batch, &(struct store_append){ .stream = "signal@w",
                                                     .topic = "t",
                                                     .at_us = 1,
                                                     .position = { 1, 1, 0 } });
                cr_expect_eq(store_commit(t->store, t->batch, STORE_SYNC_NORMAL), -EINVAL);
                cr_expect_eq(store_stream_open(t->store, "signal@w", STORE_STREAM_NORMAL, &stand),
                        -EINVAL);
                test_reopen_clean(t);
                cr_expect_eq(store_stream_open(t->store, "signal@w", STORE_STREAM_DERIVED, &stand),
                        -EINVAL);
                cr_expect_eq(store_stream_get(t->store, "signal@w", &stand), -ENOENT);
        }
}

static int add_pair(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        bus_buf_add(arg, key.data, key.size);
        bus_buf_add_str(arg, "=");
        bus_buf_add(arg, value.data, value.size);
        bus_buf_add_str(arg, " ");
        return 0;
}

static int stop_with(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        (void)key;
        (void)value;
        return *(int *)arg;
}

Test(store, scan_gives_the_keys_with_a_prefix_in_byte_order)
{
        EACH_ENGINE(t)
        {
                static const char *const keys[] = { "slot/b", "slot/a", "slot", "slo", "slot0",
                        "slot/\xff", "slot/a/1", "t" };
                BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
                int stop;

                for (size_t i = 0; i < BUS_COUNT(keys); i++)
                        test_put(t, keys[i], "v");
                test_put(t, "slot/a", "");
                cr_expect_eq(store_scan(t->store, bus_bytes_str("slot/"), add_pair, &buf), 0);
                cr_expect_str_eq(bus_buf_str(&buf), "slot/a= slot/a/1=v slot/b=v slot/\xff=v ");
                bus_buf_clear(&buf);
                cr_expect_eq(store_scan(t->store, bus_bytes(NULL, 0), add_pair, &buf), 0);
                cr_expect_eq(strncmp(bus_buf_str(&buf), "slo=v slot=v ", 13), 0);
                stop = 1;
                cr_expect_eq(store_scan(t->store, bus_bytes_str("slot"), stop_with, &stop), 0);
                stop = -EIO;
                cr_expect_eq(store_scan(t->store, bus_bytes_str("slot"), stop_with, &stop), -EIO);
                cr_expect_str_eq(test_get(t, "slot/a"), "");
        }
}

Test(store, large_values_and_bodies_come_back_whole)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOBUF struct bus_buf big = BUS_BUF_INIT, back = BUS_BUF_INIT;

                memset(bus_buf_reserve(&big, 300000), 0xa5, 300000);
                big.size = 300000;
                store_batch_put(t->batch, bus_bytes_str("big"), bus_buf_bytes(&big));
                store_batch_put(t->batch, bus_bytes_str("small"), bus_bytes_str("s"));
                cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_NORMAL), 0);
                cr_assert_eq(store_get(t->store, bus_bytes_str("big"), &back), 0);
                cr_expect(bus_bytes_equal(bus_buf_bytes(&big), bus_buf_bytes(&back)));
                cr_expect_str_eq(test_get(t, "small"), "s");
        }
}

Test(store, an_empty_batch_costs_nothing)
{
        EACH_ENGINE(t)
        {
                struct store_stats before, after;

                store_stats(t->store, &before);
                cr_expect(store_batch_is_empty(t->batch));
                cr_expect_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), 0);
                store_stats(t->store, &after);
                cr_expect_eq(before.syncs, after.syncs);
                cr_expect_eq(before.commits, after.commits);
        }
}

Test(store, a_full_commit_costs_one_sync_and_a_normal_one_none)
{
        EACH_ENGINE(t)
        {
                struct store_stats before, after;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_append(t, "signal@w", "warm");
                for (int full = 0; full < 2; full++) {
                        store_stats(t->store, &before);
                        for (int i = 0; i < 10; i++) {
                                store_batch_clear(t->batch);
                                store_batch_put(t->batch, bus_bytes_str("k"), bus_bytes_str("v"));
                                cr_assert_eq(store_commit(t->store, t->batch,
                                                     full ? STORE_SYNC_FULL : STORE_SYNC_NORMAL),
                                        0);
                        }
                        store_stats(t->store, &after);
                        cr_expect_eq(after.syncs - before.syncs, full ? 10 : 0);
                        cr_expect_eq(after.commits - before.commits, 10);
                }
        }
}

Test(store, a_rest_loses_nothing_and_work_goes_on_behind_it)
{
        EACH_ENGINE(t)
        {
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                store_rest(t->store);
                for (int i = 0; i < 3; i++) {
                        claim(t, i ? "b" : "a", i ? "two" : "one", t->now_us, 0);
                        store_batch_put(
                                t->batch, bus_bytes_str("key"), bus_bytes_str(i ? "new" : "old"));
                        cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), 0);
                        cr_expect_eq(store_batch_result(t->batch, 0)->duplicate, i == 2);
                        store_batch_clear(t->batch);
                        store_rest(t->store);
                }
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "one two ");
                cr_expect_str_eq(test_get(t, "key"), "new");
                test_reopen_killed(t);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "one two ");
                cr_expect_str_eq(test_get(t, "key"), "new");
        }
}
