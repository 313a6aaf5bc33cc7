/*
 * What every engine must do with incarnations, and reading across the places where a stream forked.
 */
#include "libbus/store/forks.h"
#include "libbus/store/test_engines.h"

#include <stdio.h>

Test(store, a_kill_keeps_the_incarnation_of_every_stream)
{
        EACH_ENGINE(t)
        {
                struct store_stream full = test_stream(t, "signal@w", STORE_STREAM_FULL);
                struct store_stream normal = test_stream(t, "comparison@w", STORE_STREAM_NORMAL);

                test_append(t, "signal@w", "a");
                test_append(t, "comparison@w", "b");
                test_reopen_killed(t);
                cr_expect_eq(test_stream(t, "signal@w", STORE_STREAM_FULL).incarnation,
                        full.incarnation);
                cr_expect_eq(test_stream(t, "comparison@w", STORE_STREAM_NORMAL).incarnation,
                        normal.incarnation);
                cr_expect_str_eq(test_read(t, "comparison@w", BUS_POS_ZERO), "b ");
        }
}

Test(store, a_power_cut_begins_a_new_incarnation_of_normal_streams_alone)
{
        EACH_ENGINE(t)
        {
                struct store_stream full = test_stream(t, "signal@w", STORE_STREAM_FULL);
                struct store_stream normal = test_stream(t, "comparison@w", STORE_STREAM_NORMAL);
                struct bus_pos last = test_append(t, "comparison@w", "b");

                test_append(t, "signal@w", "a");
                test_stream(t, "order@w", STORE_STREAM_DERIVED);
                test_reopen_power_cut(t);
                cr_expect_eq(test_stream(t, "signal@w", STORE_STREAM_FULL).incarnation,
                        full.incarnation);
                cr_expect_not(test_stream(t, "order@w", STORE_STREAM_DERIVED).new_incarnation);
                normal = test_stream(t, "comparison@w", STORE_STREAM_NORMAL);
                cr_expect(normal.new_incarnation);
                cr_expect_str_eq(normal.reason, "power_loss");
                cr_expect_gt(normal.incarnation, last.incarnation);
                cr_assert_eq(normal.fork_count, 2);
                expect_pos(normal.forks[1].fork, last);
                cr_expect_eq(normal.forks[1].incarnation, normal.incarnation);
                expect_pos(normal.last, last);

                test_append(t, "comparison@w", "c");
                expect_pos(store_batch_result(t->batch, 0)->predecessor, last);
                cr_expect_eq(
                        store_batch_result(t->batch, 0)->position.incarnation, normal.incarnation);
                test_reopen_killed(t);
                cr_expect_not(test_stream(t, "comparison@w", STORE_STREAM_NORMAL).new_incarnation);
        }
}

Test(store, a_power_cut_after_a_clean_end_takes_nothing)
{
        EACH_ENGINE(t)
        {
                test_stream(t, "comparison@w", STORE_STREAM_NORMAL);
                test_append(t, "comparison@w", "b");
                t->store = store_free(t->store);
                t->boot_id = "boot-2";
                test_open(t);
                cr_expect_not(test_stream(t, "comparison@w", STORE_STREAM_NORMAL).new_incarnation);
        }
}

Test(store, an_unknown_boot_counts_as_a_power_cut)
{
        EACH_ENGINE(t)
        {
                test_stream(t, "comparison@w", STORE_STREAM_NORMAL);
                t->boot_id = "";
                test_reopen_killed(t);
                cr_expect(test_stream(t, "comparison@w", STORE_STREAM_NORMAL).new_incarnation);
                test_reopen_killed(t);
                cr_expect(test_stream(t, "comparison@w", STORE_STREAM_NORMAL).new_incarnation);
        }
}

Test(store, a_stream_not_opened_since_the_power_cut_remembers_it)
{
        EACH_ENGINE(t)
        {
                test_stream(t, "comparison@w", STORE_STREAM_NORMAL);
                test_reopen_power_cut(t);
                test_reopen_clean(t);
                cr_expect_str_eq(
                        test_stream(t, "comparison@w", STORE_STREAM_NORMAL).reason, "power_loss");
        }
}

Test(store, an_incarnation_is_higher_than_the_last_even_if_the_clock_went_back)
{
        EACH_ENGINE(t)
        {
                uint64_t first = test_stream(t, "comparison@w", STORE_STREAM_NORMAL).incarnation;

                t->now_us = 1000;
                test_reopen_power_cut(t);
                cr_expect_eq(
                        test_stream(t, "comparison@w", STORE_STREAM_NORMAL).incarnation, first + 1);
        }
}

/* A stream with records "1" "2", a fork, "3" "4", another, "5". */
struct forked {
        struct bus_pos at[6]; /* of record n */
};

static struct forked make_forked(struct test_store *t)
{
        struct forked made = { 0 };
        static const char *const bodies[] = { "", "1", "2", "3", "4", "5" };

        test_stream(t, "comparison@w", STORE_STREAM_NORMAL);
        for (int i = 1; i <= 5; i++) {
                if (i == 3 || i == 5) {
                        test_reopen_power_cut(t);
                        test_stream(t, "comparison@w", STORE_STREAM_NORMAL);
                }
                made.at[i] = test_append(t, "comparison@w", bodies[i]);
        }
        return made;
}

static const char *read_from(struct test_store *t, struct bus_pos after, uint64_t more)
{
        after.seq += more;
        return test_read(t, "comparison@w", after);
}

Test(store, reading_goes_on_across_forks)
{
        EACH_ENGINE(t)
        {
                struct forked made = make_forked(t);

                cr_expect_str_eq(read_from(t, BUS_POS_ZERO, 0), "1 2 3 4 5 ");
                cr_expect_str_eq(read_from(t, made.at[1], 0), "2 3 4 5 ");
                cr_expect_str_eq(read_from(t, made.at[2], 0), "3 4 5 ");
                cr_expect_str_eq(read_from(t, made.at[4], 0), "5 ");
                cr_expect_str_eq(read_from(t, made.at[5], 0), "");
        }
}

Test(store, what_an_incarnation_had_behind_its_fork_is_void)
{
        EACH_ENGINE(t)
        {
                struct forked made = make_forked(t);
                struct bus_pos started, lost = made.at[2];
                int r;

                /* a reader that had seen more of the first, or of the second */
                cr_expect_str_eq(read_from(t, made.at[2], 40), "3 4 5 ");
                cr_expect_str_eq(read_from(t, made.at[4], 1), "5 ");
                cr_expect_str_eq(read_from(t, made.at[5], 1), "ahead ");
                lost.seq += 40;
                r = store_read(t->store, "comparison@w", lost, 0, NULL, NULL, &started);
                cr_assert_eq(r, 0);
                expect_pos(started, made.at[2]);
                /* of an incarnation nobody here has heard of, between the two */
                lost.incarnation++;
                r = store_read(t->store, "comparison@w", lost, 0, NULL, NULL, &started);
                cr_assert_eq(r, 0);
                expect_pos(started, made.at[4].incarnation > lost.incarnation ? made.at[2] : lost);
        }
}

Test(store, a_reader_of_a_stream_that_was_made_anew_starts_over)
{
        EACH_ENGINE(t)
        {
                struct store_stream stand = test_stream(t, "signal@w", STORE_STREAM_FULL);
                struct bus_pos old = { stand.incarnation - 5, 70, 0 };

                cr_expect_str_eq(test_read(t, "signal@w", old), "");
                test_append(t, "signal@w", "a");
                cr_expect_str_eq(test_read(t, "signal@w", old), "a ");
        }
}

Test(forks, a_chain_is_followed_down_to_what_is_still_true)
{
        struct store_stream stream = { 0 };
        struct bus_pos at;

        store_fork_add(&stream, (struct store_fork){ 20, { 10, 5, 0 } });
        store_fork_add(&stream, (struct store_fork){ 30, { 20, 9, 0 } });
        store_fork_add(&stream, (struct store_fork){ 40, { 20, 7, 0 } });
        at = store_fork_resolve(&stream, (struct bus_pos){ 30, 12, 0 });
        expect_pos(at, ((struct bus_pos){ 20, 7, 0 }));
        at = store_fork_resolve(&stream, (struct bus_pos){ 10, 6, 0 });
        expect_pos(at, ((struct bus_pos){ 10, 5, 0 }));
        at = store_fork_resolve(&stream, (struct bus_pos){ 20, 6, 0 });
        expect_pos(at, ((struct bus_pos){ 20, 6, 0 }));
        at = store_fork_resolve(&stream, (struct bus_pos){ 40, 8, 0 });
        expect_pos(at, ((struct bus_pos){ 40, 8, 0 }));
        at = store_fork_resolve(&stream, BUS_POS_ZERO);
        expect_pos(at, BUS_POS_ZERO);
}

Test(forks, the_newest_are_kept)
{
        struct store_stream stream = { 0 };

        for (uint64_t i = 1; i <= STORE_FORKS_MAX + 3; i++)
                store_fork_add(&stream, (struct store_fork){ i, { i - 1, i, 0 } });
        cr_expect_eq(stream.fork_count, STORE_FORKS_MAX);
        cr_expect_eq(stream.forks[0].incarnation, 4);
        cr_expect_eq(stream.forks[STORE_FORKS_MAX - 1].incarnation, STORE_FORKS_MAX + 3);
}
