/*
 * What a burst costs the one who waits: however much comes, and whatever has to be done behind it, each
 * commit and each settling in between does a bounded piece. Measured by work: rows changed, bytes written
 * and syncs, not by a clock.
 */
#include "libbus/store/sqlite/sqlite.h"
#include "libbus/store/store_sqlite_faults.h"
#include "libbus/store/test_engines.h"

#include <stdio.h>

#define STREAM     "trade@x"
#define BODY_BYTES 300
#define KEYS       3 /* records and keys of an alert */
#define PUTS       5 /* of each of its keys, one after the other */
#define MB         ((size_t)1 << 20)

/* Of one call. */
struct work {
        int64_t rows;
        uint64_t bytes, syncs;
};

struct meter {
        struct test_store *t;
        struct work now;
        struct work most_commit, most_settle;
        size_t most_gathered, most_carried; /* bytes */
        uint64_t alerts, log_restarts, log_head;
};

static void told(
        enum store_disk_op op, const char *path, struct bus_bytes data, uint64_t offset, void *arg)
{
        struct meter *meter = arg;

        (void)path;
        (void)offset;
        if (op == STORE_DISK_WRITE)
                meter->now.bytes += data.size;
        meter->now.syncs += op == STORE_DISK_SYNC;
}

static int64_t rows_changed(const struct meter *meter)
{
        return sqlite3_total_changes64(sqlite_of(meter->t->store)->db);
}

static void begin(struct meter *meter)
{
        meter->now = (struct work){ .rows = rows_changed(meter) };
}

static void end(struct meter *meter, struct work *most)
{
        const struct sqlite_store *s = sqlite_of(meter->t->store);
        struct work *now = &meter->now;

        now->rows = rows_changed(meter) - now->rows;
        most->rows = now->rows > most->rows ? now->rows : most->rows;
        most->bytes = now->bytes > most->bytes ? now->bytes : most->bytes;
        most->syncs = now->syncs > most->syncs ? now->syncs : most->syncs;
        if (sqlite_gathered_bytes(s) > meter->most_gathered)
                meter->most_gathered = sqlite_gathered_bytes(s);
        if (s->carried.records.size > meter->most_carried) /* planned and committed as one */
                meter->most_carried = s->carried.records.size;
        meter->log_restarts += s->log.head < meter->log_head;
        meter->log_head = s->log.head;
}

/* Keys lie scattered, as those of orders do. */
static void stage_alert(struct meter *meter, size_t body_bytes)
{
        static const uint8_t body[MB];
        uint64_t number = ++meter->alerts;
        char key[40];

        for (int i = 0; i < KEYS; i++) {
                store_batch_append(meter->t->batch, &(struct store_append){ .stream = STREAM,
                                                            .topic = "trade.filled.EURUSD",
                                                            .body = bus_bytes(body, body_bytes),
                                                            .at_us = (int64_t)number });
                snprintf(key, sizeof(key), "order/%016llx%d",
                        (unsigned long long)(number * UINT64_C(0x9e3779b97f4a7c15)), i);
                for (int k = 0; k < PUTS; k++)
                        store_batch_put(
                                meter->t->batch, bus_bytes_str(key), bus_bytes(body, BODY_BYTES));
        }
}

static void commit(struct meter *meter, int alerts, size_t body_bytes)
{
        store_batch_clear(meter->t->batch);
        for (int i = 0; i < alerts; i++)
                stage_alert(meter, body_bytes);
        begin(meter);
        cr_assert_eq(store_commit(meter->t->store, meter->t->batch, STORE_SYNC_NORMAL), 0);
        end(meter, &meter->most_commit);
}

static void settle(struct meter *meter)
{
        begin(meter);
        store_settle(meter->t->store);
        end(meter, &meter->most_settle);
}

/* As the loop of a service that never comes to rest, TURNS times, then one that does. */
static void burst(struct meter *meter, int turns, int alerts, size_t body_bytes)
{
        int rest = 0;

        for (int i = 0; i < turns; i++) {
                commit(meter, alerts, body_bytes);
                if (store_unsettled(meter->t->store) == STORE_BACKLOG_PRESSING)
                        settle(meter);
        }
        while (store_unsettled(meter->t->store) != STORE_BACKLOG_NONE) {
                settle(meter);
                cr_assert_lt(++rest, 10000);
        }
}

static void begin_meter(struct test_store *t, struct meter *meter)
{
        const struct store_sqlite_faults faults = { .told = told, .arg = meter };

        *meter = (struct meter){ .t = t };
        test_stream(t, STREAM, STORE_STREAM_FULL);
        store_sqlite_set_faults(&faults);
}

static void end_meter(
        const struct meter *meter, const struct work *commit, const struct work *settle)
{
        const struct work *c = &meter->most_commit, *s = &meter->most_settle;

        store_sqlite_set_faults(NULL);
        cr_log_info(
                "commit: %lld rows, %llu bytes, %llu syncs; settle: %lld rows, %llu bytes, %llu "
                "syncs; gathered %zu, carried %zu bytes; %llu restarts of the log",
                (long long)c->rows, (unsigned long long)c->bytes, (unsigned long long)c->syncs,
                (long long)s->rows, (unsigned long long)s->bytes, (unsigned long long)s->syncs,
                meter->most_gathered, meter->most_carried, (unsigned long long)meter->log_restarts);
        cr_expect_leq(c->rows, commit->rows);
        cr_expect_leq(c->bytes, commit->bytes);
        cr_expect_leq(c->syncs, commit->syncs);
        cr_expect_leq(s->rows, settle->rows);
        cr_expect_leq(s->bytes, settle->bytes);
        cr_expect_leq(s->syncs, settle->syncs);
        cr_expect_leq(meter->most_gathered, 12 * MB);
        cr_expect_leq(meter->most_carried, 2 * MB + MB / 4); /* and the last batch in it */
        cr_expect_gt(meter->log_restarts, 3);                /* it was a long one */
}

/* A bite; a checkpoint of what one piece left in sqlite's log, and of as much before it. */
static const struct work settle_most = { .rows = 1500, .bytes = 8 * MB, .syncs = 2 };

Test(bites, however_long_a_burst_a_commit_does_nothing_but_its_own)
{
        static const struct work commit_most = { .rows = 0, .bytes = 16384, .syncs = 0 };

        EACH_ENGINE(t)
        {
                struct meter meter;

                begin_meter(t, &meter);
                burst(&meter, 6000, 2, BODY_BYTES);
                end_meter(&meter, &commit_most, &settle_most);
        }
}

/* The first ones are large for the log as it begins: they go by way of the database, and it grows by a
 * step. */
Test(bites, nor_where_many_alerts_share_a_turn)
{
        static const struct work commit_most = { .rows = 300, .bytes = MB + MB / 8, .syncs = 1 };

        EACH_ENGINE(t)
        {
                struct meter meter;

                begin_meter(t, &meter);
                burst(&meter, 600, 20, BODY_BYTES);
                end_meter(&meter, &commit_most, &settle_most);
        }
}

Test(bites, nor_where_bodies_are_large)
{
        static const struct work commit_most = { .rows = 20, .bytes = MB / 2, .syncs = 0 };

        EACH_ENGINE(t)
        {
                struct meter meter;

                begin_meter(t, &meter);
                burst(&meter, 1500, 1, 16384);
                end_meter(&meter, &commit_most, &settle_most);
        }
}

/* Then now and then a commit is slow; memory has a bound all the same. */
Test(bites, where_nobody_settles_memory_has_a_bound)
{
        static const struct work commit_most = { .rows = 30000, .bytes = 64 * MB, .syncs = 4 };

        EACH_ENGINE(t)
        {
                struct meter meter;

                begin_meter(t, &meter);
                for (int i = 0; i < 6000; i++)
                        commit(&meter, 2, BODY_BYTES);
                end_meter(&meter, &commit_most, &settle_most);
        }
}

struct reading {
        struct bus_pos last;
        size_t count;
};

static int count_record(const struct store_record *record, void *arg)
{
        struct reading *reading = arg;

        test_expect_pos(record->predecessor, reading->last, __FILE__, __LINE__);
        reading->last = record->position;
        reading->count++;
        return 0;
}

static void go_on(struct meter *meter, struct reading *reading, size_t max_count)
{
        struct bus_pos started;

        cr_assert_eq(store_read(meter->t->store, STREAM, reading->last, max_count, count_record,
                             reading, &started),
                0);
}

Test(bites, a_reading_carries_over_what_it_asks_for)
{
        EACH_ENGINE(t)
        {
                struct reading reading = { 0 };
                struct meter meter;
                size_t gathered;

                begin_meter(t, &meter);
                burst(&meter, 2000, 2, BODY_BYTES); /* so that the log has grown */
                while (sqlite_gathered_bytes(sqlite_of(t->store)) < 7 * MB)
                        commit(&meter, 2, BODY_BYTES);
                gathered = sqlite_gathered_bytes(sqlite_of(t->store));
                go_on(&meter, &reading, 4000UL * KEYS);
                cr_expect_eq(sqlite_gathered_bytes(sqlite_of(t->store)), gathered);
                go_on(&meter, &reading, 10);
                cr_expect_eq(reading.count, 4000UL * KEYS + 10);
                cr_expect_lt(sqlite_gathered_bytes(sqlite_of(t->store)), gathered);
                cr_expect_gt(sqlite_gathered_bytes(sqlite_of(t->store)), gathered - 3 * MB);
                go_on(&meter, &reading, SIZE_MAX);
                cr_expect_eq(reading.count, meter.alerts * KEYS);
                cr_expect_eq(sqlite_gathered_bytes(sqlite_of(t->store)), 0);
                store_sqlite_set_faults(NULL);
        }
}
