/* What is handed over of a store that is shared, while another replica takes alerts and prunes. */
#include "libbus/base/require.h"
#include "libbus/store/dump.h"
#include "libbus/store/redis/test_redis_seat.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define TAKEN_MAX 100000

/* Alert NUMBER, as alert-ingest takes one: a record in each of two streams, a claim, and which was the last. */
static void take(struct store *store, uint64_t number, int64_t expires_us)
{
        struct store_batch *batch = store_batch_new();
        char key[24];

        snprintf(key, sizeof(key), "%" PRIu64, number);
        store_batch_append(batch, &(struct store_append){ .stream = "signal@w",
                                          .topic = "t",
                                          .body = bus_bytes_str(key),
                                          .at_us = (int64_t)number,
                                          .claim_key = bus_bytes_str(key),
                                          .claim_expires_us = expires_us });
        store_batch_append(batch, &(struct store_append){ .stream = "alarm@w",
                                          .topic = "t",
                                          .body = bus_bytes_str(key),
                                          .at_us = (int64_t)number });
        store_batch_put(batch, bus_bytes_str("last"), bus_bytes_str(key));
        store_batch_cursor(batch, "in@x", (struct bus_pos){ 1, number, 0 });
        bus_require(store_commit(store, batch, STORE_SYNC_NORMAL) == 0);
        store_batch_free(batch);
}

static void open_seat(struct seat *seat)
{
        struct store_stream stream;
        char error[256] = "";

        cr_assert_eq(seat_open(seat, true, error, sizeof(error)), 0, "%s", error);
        cr_assert_eq(store_stream_open(seat->store, "signal@w", STORE_STREAM_FULL, &stream), 0);
        cr_assert_eq(store_stream_open(seat->store, "alarm@w", STORE_STREAM_NORMAL, &stream), 0);
}

typedef void (*action_fn)(struct store *other);

/* What came through; OTHER does something when the first record or the first claim of a stream does. */
struct told {
        bool claims[TAKEN_MAX];
        uint64_t last_signal, last_alarm, last_state, cursor, claim_count;
        action_fn at_record, at_claim;
        struct store *other;
};

static uint64_t number_of(struct bus_bytes text)
{
        char copy[24];

        snprintf(copy, sizeof(copy), "%.*s", (int)text.size, (const char *)text.data);
        return strtoull(copy, NULL, 10);
}

static void act(action_fn *action, struct store *other)
{
        action_fn once = *action;

        *action = NULL;
        if (once)
                once(other);
}

static int tell_stream(void *arg, const struct store_dump_stream *stream)
{
        (void)arg;
        (void)stream;
        return 0;
}

static int tell_record(void *arg, const struct store_dump_record *dumped)
{
        struct told *told = arg;
        bool signal = !strcmp(dumped->stream, "signal@w");

        *(signal ? &told->last_signal : &told->last_alarm) = number_of(dumped->record.body);
        act(&told->at_record, told->other);
        return 0;
}

static int tell_claim(void *arg, const struct store_dump_claim *claim)
{
        struct told *told = arg;
        uint64_t number = number_of(claim->key);

        if (number < TAKEN_MAX && !told->claims[number]) {
                told->claims[number] = true;
                told->claim_count++;
        }
        act(&told->at_claim, told->other);
        return 0;
}

static int tell_state(void *arg, struct bus_bytes key, struct bus_bytes value)
{
        (void)key;
        ((struct told *)arg)->last_state = number_of(value);
        return 0;
}

static int tell_cursor(void *arg, const char *stream, struct bus_pos position)
{
        (void)stream;
        ((struct told *)arg)->cursor = position.seq;
        return 0;
}

static struct store_sink sink_of(struct told *told)
{
        return (struct store_sink){ tell_stream, tell_record, tell_claim, tell_state, tell_cursor,
                told };
}

/* Two replicas, and what the first is told while the second does what TOLD has it do. */
static int dump_beside(struct told *told, uint64_t expired, uint64_t all)
{
        struct seat one = seat_new("one"), two = seat_new("two");
        struct store_sink sink = sink_of(told);
        char error[256] = "";
        int r;

        open_seat(&one);
        open_seat(&two);
        for (uint64_t i = 1; i <= all; i++)
                take(two.store, i, i <= expired ? (int64_t)i + 1 : 0);
        told->other = two.store;
        r = store_dump(one.store, &sink, error, sizeof(error));
        seat_done(&one);
        seat_done(&two);
        return r;
}

static void prune_399(struct store *other)
{
        bus_require(store_prune(other, "signal@w", 400, 10000) > 0);
}

Test(redis_cut, no_claim_is_missed_where_another_replica_prunes)
{
        EACH_ENGINE(t)
        {
                struct told *told = bus_new(struct told);

                t->store = store_free(t->store);
                told->at_claim = prune_399;
                cr_expect_eq(dump_beside(told, 300, 700), 0);
                for (size_t i = 400; i <= 700; i++)
                        cr_expect(told->claims[i], "%zu", i);
                free(told);
        }
}

static void take_more(struct store *other)
{
        for (uint64_t i = 701; i <= 710; i++)
                take(other, i, 0);
}

Test(redis_cut, all_of_it_is_of_one_instant)
{
        EACH_ENGINE(t)
        {
                struct told *told = bus_new(struct told);

                t->store = store_free(t->store);
                told->at_record = take_more;
                cr_expect_eq(dump_beside(told, 0, 700), 0);
                cr_expect_eq(told->last_alarm, 700);
                cr_expect_eq(told->last_signal, 700);
                cr_expect_eq(told->last_state, 700);
                cr_expect_eq(told->cursor, 700);
                cr_expect_eq(told->claim_count, 700);
                free(told);
        }
}

static void prune_alarms(struct store *other)
{
        bus_require(store_prune(other, "alarm@w", 600, 10000) > 0);
}

Test(redis_cut, what_is_pruned_under_its_reader_is_not_taken_for_damage)
{
        EACH_ENGINE(t)
        {
                struct told *told = bus_new(struct told);

                t->store = store_free(t->store);
                told->at_record = prune_alarms;
                cr_expect_eq(dump_beside(told, 0, 700), -EAGAIN);
                free(told);
        }
}

/* Takes alerts, and prunes what is older than the last thousand, until it is killed. */
static pid_t start_replica(struct seat *seat, uint64_t next)
{
        pid_t child = fork();

        bus_require(child >= 0);
        if (child)
                return child;
        seat_use("two", 600 * BUS_US_PER_SEC);
        open_seat(seat);
        for (;; next++) {
                take(seat->store, next, next % 3 ? 0 : (int64_t)next + 500);
                if (next % 10)
                        continue;
                bus_require(store_prune(seat->store, "alarm@w", (int64_t)next - 1000, 1000) >= 0);
                bus_require(store_prune(seat->store, "signal@w", (int64_t)next - 1000, 1000) >= 0);
        }
}

static void expect_possible(const char *backup)
{
        struct told *told = bus_new(struct told);
        struct store_sink sink = sink_of(told);
        char error[256] = "";

        cr_assert_eq(store_dump_read(backup, &sink, error, sizeof(error)), 0, "%s", error);
        cr_expect_eq(told->last_alarm, told->last_signal);
        cr_expect_eq(told->last_state, told->last_signal);
        cr_expect_eq(told->cursor, told->last_signal);
        for (uint64_t i = told->last_signal - 400; i <= told->last_signal; i++)
                cr_expect(told->claims[i], "claim %" PRIu64 " of %" PRIu64, i, told->last_signal);
        free(told);
}

Test(redis_cut, a_backup_beside_a_busy_replica_is_one_that_could_have_been)
{
        EACH_ENGINE(t)
        {
                struct seat one = seat_new("one"), two = seat_new("two");
                BUS_AUTOFREE char *backup = bus_xasprintf("%s/backup", t->folder);
                char error[256] = "";
                pid_t child;

                t->store = store_free(t->store);
                open_seat(&one);
                for (uint64_t i = 1; i <= 1500; i++)
                        take(one.store, i, 0);
                child = start_replica(&two, 1501);
                for (int i = 0; i < 10; i++) {
                        cr_assert_eq(store_backup(one.store, backup, error, sizeof(error)), 0, "%s",
                                error);
                        expect_possible(backup);
                        unlink(backup);
                }
                cr_expect_eq(kill(child, SIGKILL), 0);
                waitpid(child, NULL, 0);
                seat_done(&one);
                seat_done(&two);
        }
}

/* ---- of one that has a lease ---- */

static int tell_record_slowly(void *arg, const struct store_dump_record *dumped)
{
        usleep(2000);
        return tell_record(arg, dumped);
}

/* Alone under a lease of 300 ms, with TWO in wait for it. */
static int dump_alone(struct seat *two, struct told *told)
{
        struct seat one = seat_new("one");
        struct store_sink sink = sink_of(told);
        struct store_stream stream;
        char error[256] = "";
        int r;

        sink.record = tell_record_slowly;
        seat_use("one", 300 * BUS_US_PER_MS);
        cr_assert_eq(seat_open(&one, false, error, sizeof(error)), 0, "%s", error);
        cr_assert_eq(store_stream_open(one.store, "signal@w", STORE_STREAM_FULL, &stream), 0);
        cr_assert_eq(store_stream_open(one.store, "alarm@w", STORE_STREAM_NORMAL, &stream), 0);
        for (uint64_t i = 1; i <= 200; i++) {
                cr_assert_eq(store_renew(one.store), 0);
                take(one.store, i, 0);
        }
        r = store_dump(one.store, &sink, error, sizeof(error));
        seat_use("two", 300 * BUS_US_PER_MS);
        if (!r)
                cr_expect_eq(seat_open(two, false, error, sizeof(error)), -EBUSY, "the lease");
        seat_done(&one);
        return r;
}

Test(redis_cut, a_dump_that_takes_longer_than_the_lease_keeps_it)
{
        EACH_ENGINE(t)
        {
                struct told *told = bus_new(struct told);
                struct seat two = seat_new("two");

                t->store = store_free(t->store);
                cr_expect_eq(dump_alone(&two, told), 0);
                cr_expect_eq(told->last_signal, 200);
                cr_expect_eq(told->last_state, 200);
                seat_done(&two);
                free(told);
        }
}

static struct seat thief;

static void take_it_over(struct store *other)
{
        char error[256] = "";

        (void)other;
        seat_use("two", 300 * BUS_US_PER_MS);
        while (seat_open(&thief, false, error, sizeof(error)) == -EBUSY)
                usleep(50000);
        bus_require(thief.store);
        seat_use("one", 300 * BUS_US_PER_MS);
}

Test(redis_cut, a_dump_that_lost_the_lease_is_none)
{
        EACH_ENGINE(t)
        {
                struct told *told = bus_new(struct told);

                t->store = store_free(t->store);
                thief = seat_new("two");
                told->at_record = take_it_over;
                cr_expect_lt(dump_alone(&thief, told), 0);
                seat_done(&thief);
                free(told);
        }
}
