/*
 * What every engine must do when its journal is read, sought in, and pruned.
 */
#include "libbus/store/test_engines.h"

#include <errno.h>
#include <stdio.h>

struct reading {
        int calls, stop_after, stop_with;
};

static int take(const struct store_record *record, void *arg)
{
        struct reading *reading = arg;

        (void)record;
        reading->calls++;
        return reading->calls == reading->stop_after ? reading->stop_with : 0;
}

Test(store, reading_is_bounded_and_stops_when_told)
{
        EACH_ENGINE(t)
        {
                struct reading reading = { 0 };
                struct bus_pos after;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                for (int i = 0; i < 20; i++)
                        test_append(t, "signal@w", "x");
                cr_expect_eq(
                        store_read(t->store, "signal@w", BUS_POS_ZERO, 7, take, &reading, &after),
                        0);
                cr_expect_eq(reading.calls, 7);
                reading = (struct reading){ .stop_after = 3, .stop_with = 1 };
                cr_expect_eq(
                        store_read(t->store, "signal@w", BUS_POS_ZERO, 7, take, &reading, &after),
                        0);
                cr_expect_eq(reading.calls, 3);
                reading = (struct reading){ .stop_after = 3, .stop_with = -EPIPE };
                cr_expect_eq(
                        store_read(t->store, "signal@w", BUS_POS_ZERO, 7, take, &reading, &after),
                        -EPIPE);
                cr_expect_eq(
                        store_read(t->store, "other@w", BUS_POS_ZERO, 7, take, &reading, &after),
                        -ENOENT);
        }
}

static int compare(const struct store_record *record, void *arg)
{
        struct bus_pos *last = arg;

        expect_pos(record->predecessor, *last);
        cr_expect_str_eq(record->topic, "signal.test");
        cr_expect_eq(record->at_us, 1000 + (int64_t)record->position.seq);
        *last = record->position;
        return 0;
}

Test(store, records_come_back_as_they_were_appended_among_other_streams)
{
        EACH_ENGINE(t)
        {
                struct bus_pos last = BUS_POS_ZERO, after;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_stream(t, "trade@w", STORE_STREAM_FULL);
                for (int i = 1; i <= 10; i++) {
                        test_append_at(t, "signal@w", "mine", 1000 + i);
                        test_append(t, "trade@w", "other");
                }
                cr_expect_eq(
                        store_read(t->store, "signal@w", BUS_POS_ZERO, 100, compare, &last, &after),
                        0);
                cr_expect_eq(last.seq, 10);
                cr_expect(bus_pos_is_zero(after));
        }
}

/* What record NUMBER of a burst holds: also nothing, and more than a page. */
static struct bus_bytes burst_body(uint64_t number)
{
        static uint8_t body[5000];
        size_t size = number % 7 == 0 ? 0 : number % 31 == 0 ? sizeof(body) : number * 13 % 600;

        memset(body, (int)number, sizeof(body));
        return bus_bytes(body, size);
}

struct burst {
        uint64_t last, step;
        struct bus_pos before;
};

static int compare_burst(const struct store_record *record, void *arg)
{
        struct burst *burst = arg;
        uint64_t number = burst->last + burst->step;

        cr_assert_eq(record->at_us, 1000 - (int64_t)number);
        cr_assert(bus_bytes_equal(record->body, burst_body(number)));
        cr_assert_str_eq(record->topic, number % 3 ? "signal.test" : "signal.third");
        expect_pos(record->predecessor, burst->before);
        burst->before = record->position;
        burst->last = number;
        return 0;
}

static void check_burst(struct test_store *t, uint64_t count)
{
        struct burst all = { .step = 1 }, few = { .step = 5 };
        struct bus_pos after;

        cr_assert_eq(store_read(t->store, "decision@w", BUS_POS_ZERO, SIZE_MAX, compare_burst, &all,
                             &after),
                0);
        cr_expect_eq(all.last, count);
        cr_assert_eq(store_read(t->store, "signal@w", BUS_POS_ZERO, SIZE_MAX, compare_burst, &few,
                             &after),
                0);
        cr_expect_eq(few.last, count / 5 * 5);
}

static void append_burst(struct test_store *t, uint64_t count)
{
        store_batch_clear(t->batch);
        for (uint64_t i = 1; i <= count; i++) {
                struct store_append append = { .stream = "decision@w",
                        .topic = i % 3 ? "signal.test" : "signal.third",
                        .body = burst_body(i),
                        .at_us = 1000 - (int64_t)i,
                        .position = { 1, i / 2 + 1, (uint32_t)i % 2 } };

                store_batch_append(t->batch, &append);
                append.stream = "signal@w";
                append.position = BUS_POS_ZERO;
                if (i % 5 == 0)
                        store_batch_append(t->batch, &append);
                if (i % 50 && i < count)
                        continue;
                store_batch_put(t->batch, bus_bytes_str("some"), bus_bytes_str("state"));
                cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_NORMAL), 0);
                store_batch_clear(t->batch);
        }
}

Test(store, a_burst_comes_back_as_it_was_appended)
{
        const uint64_t count = 400;

        EACH_ENGINE(t)
        {
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_stream(t, "decision@w", STORE_STREAM_DERIVED);
                append_burst(t, count);
                for (int i = 0; i < 10 && store_unsettled(t->store); i++)
                        store_settle(t->store);
                cr_expect_eq(store_unsettled(t->store), STORE_BACKLOG_NONE);
                check_burst(t, count);
                test_reopen_killed(t);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_stream(t, "decision@w", STORE_STREAM_DERIVED);
                check_burst(t, count);
        }
}

Test(store, a_position_behind_the_end_is_ahead)
{
        EACH_ENGINE(t)
        {
                struct bus_pos last;

                last = (struct bus_pos){ test_stream(t, "signal@w", STORE_STREAM_FULL).incarnation,
                        1, 0 };
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "");
                cr_expect_str_eq(test_read(t, "signal@w", last), "ahead ");
                last = test_append(t, "signal@w", "a");
                cr_expect_str_eq(test_read(t, "signal@w", last), "");
                last.seq = UINT64_MAX;
                cr_expect_str_eq(test_read(t, "signal@w", last), "ahead ");
                last.incarnation = UINT64_MAX;
                cr_expect_str_eq(test_read(t, "signal@w", last), "ahead ");
        }
}

static struct bus_pos seek(struct test_store *t, const char *stream, int64_t since_us)
{
        struct bus_pos after = { 9, 9, 9 };

        cr_assert_eq(store_seek_time(t->store, stream, since_us, &after), 0);
        return after;
}

Test(store, seeking_by_time_lands_before_the_first_record_so_late)
{
        EACH_ENGINE(t)
        {
                struct bus_pos at[41] = { 0 };

                test_stream(t, "comparison@w", STORE_STREAM_NORMAL);
                cr_expect(bus_pos_is_zero(seek(t, "comparison@w", 5)));
                /* two records an instant, incarnations of uneven length */
                for (int i = 1; i <= 40; i++) {
                        if (i == 4 || i == 5 || i == 30) {
                                test_reopen_power_cut(t);
                                test_stream(t, "comparison@w", STORE_STREAM_NORMAL);
                        }
                        at[i] = test_append_at(t, "comparison@w", "x", 100 + i / 2 * 10);
                }
                for (int since = 90; since <= 310; since++) {
                        int first = 1;

                        while (first <= 40 && 100 + first / 2 * 10 < since)
                                first++;
                        expect_pos(seek(t, "comparison@w", since), at[first - 1]);
                }
        }
}

Test(store, seeking_by_time_misses_nothing_when_the_clock_went_back)
{
        EACH_ENGINE(t)
        {
                static const int64_t times[] = { 100, 200, 300, 150, 160, 170, 250, 400, 120, 500 };
                struct bus_pos at[BUS_COUNT(times) + 1] = { 0 };

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                for (size_t i = 0; i < BUS_COUNT(times); i++) {
                        if (i == 5) {
                                test_reopen_killed(t);
                                test_stream(t, "signal@w", STORE_STREAM_FULL);
                        }
                        at[i + 1] = test_append_at(t, "signal@w", "x", times[i]);
                }
                for (int64_t since = 90; since < 510; since += 5) {
                        size_t first = 0;

                        while (first < BUS_COUNT(times) && times[first] < since)
                                first++;
                        expect_pos(seek(t, "signal@w", since), at[first]);
                }
        }
}

Test(store, seeking_by_time_in_a_derived_stream_sees_every_part)
{
        EACH_ENGINE(t)
        {
                struct bus_pos at[31] = { 0 };

                test_stream(t, "order@s", STORE_STREAM_DERIVED);
                for (int i = 1; i <= 30; i++) {
                        t->now_us = 1000 + i;
                        at[i] = test_append_derived(t, "order@s", "x",
                                (struct bus_pos){ (uint64_t)(1 + i / 11), (uint64_t)(i / 3 * 7 + 1),
                                        (uint32_t)(i % 3) });
                }
                for (int i = 1; i <= 30; i++)
                        expect_pos(seek(t, "order@s", 1000 + i), at[i - 1]);
                expect_pos(seek(t, "order@s", 2000), at[30]);
        }
}

static void append_until(struct test_store *t, int count)
{
        char body[16];

        for (int i = 1; i <= count; i++) {
                snprintf(body, sizeof(body), "%d", i);
                test_append_at(t, "signal@w", body, i * 10);
        }
}

Test(store, pruning_forgets_the_oldest_in_bites_and_never_the_newest)
{
        EACH_ENGINE(t)
        {
                struct bus_pos first;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                append_until(t, 6);
                first = test_stand(t, "signal@w").first;
                cr_expect_eq(store_prune(t->store, "signal@w", 10, 100), 0);
                cr_expect_eq(store_prune(t->store, "signal@w", 40, 2), 2);
                cr_expect_eq(test_stand(t, "signal@w").first.seq, 3);
                cr_expect_eq(store_prune(t->store, "signal@w", 40, 2), 1);
                cr_expect_eq(store_prune(t->store, "signal@w", 40, 2), 0);
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "4 5 6 ");
                cr_expect_str_eq(test_read(t, "signal@w", first), "pruned ");
                first.seq = 3;
                cr_expect_str_eq(test_read(t, "signal@w", first), "4 5 6 ");
                expect_pos(seek(t, "signal@w", 0), first);

                test_reopen_clean(t);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                cr_expect_eq(test_stand(t, "signal@w").first.seq, 4);
                first.seq = 2;
                cr_expect_str_eq(test_read(t, "signal@w", first), "pruned ");
                cr_expect_eq(store_prune(t->store, "signal@w", 1000, 100), 2);
                cr_expect_eq(test_stand(t, "signal@w").first.seq, 6);
                cr_expect_eq(test_stand(t, "signal@w").last.seq, 6);
                cr_expect_eq(test_append(t, "signal@w", "7").seq, 7);
        }
}

static bool claim_is_taken(struct test_store *t, const char *key, int64_t at_us)
{
        size_t index;

        store_batch_clear(t->batch);
        index = store_batch_append(t->batch, &(struct store_append){ .stream = "signal@w",
                                                     .topic = "t",
                                                     .body = bus_bytes_str("again"),
                                                     .at_us = at_us,
                                                     .claim_key = bus_bytes_str(key) });
        cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_NORMAL), 0);
        return store_batch_result(t->batch, index)->duplicate;
}

Test(store, pruning_forgets_a_lasting_claim_with_its_record)
{
        EACH_ENGINE(t)
        {
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                cr_expect_not(claim_is_taken(t, "old", 10));
                cr_expect_not(claim_is_taken(t, "young", 20));
                test_append_at(t, "signal@w", "last", 30);
                /* the record and its claim */
                cr_expect_eq(store_prune(t->store, "signal@w", 15, 100), 2);
                cr_expect(claim_is_taken(t, "young", 40));
                cr_expect_not(claim_is_taken(t, "old", 40));
        }
}

Test(store, pruning_keeps_a_claim_whose_record_is_kept_behind_a_later_one)
{
        EACH_ENGINE(t)
        {
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_append_at(t, "signal@w", "clock ahead", 500);
                cr_expect_not(claim_is_taken(t, "k", 10));
                test_append_at(t, "signal@w", "last", 600);
                cr_expect_eq(store_prune(t->store, "signal@w", 100, 100), 0);
                cr_expect(claim_is_taken(t, "k", 700));
        }
}
