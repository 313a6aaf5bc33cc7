/* A store that moves from one engine to the other and back: nothing is missing, nothing is moved
 * under a running service, and what did not arrive is noticed. */
#include "libbus/base/require.h"
#include "libbus/store/migrate.h"
#include "libbus/store/redis/test_redis_server.h"
#include "libbus/store/test_engines.h"

#include <errno.h>
#include <stdio.h>

/* Something of everything: three kinds of streams, one pruned, one forked; claims; state; cursors. */
static void fill(struct test_store *t)
{
        char key[24];

        test_stream(t, "signal@w", STORE_STREAM_FULL);
        test_stream(t, "order@w", STORE_STREAM_DERIVED);
        test_stream(t, "comparison@w", STORE_STREAM_NORMAL);
        test_stream(t, "alarm@w", STORE_STREAM_FULL); /* empty */
        for (int i = 1; i <= 700; i++) {
                snprintf(key, sizeof(key), "key/%d", i);
                store_batch_clear(t->batch);
                store_batch_append(t->batch, &(struct store_append){ .stream = "signal@w",
                                                     .topic = "signal.test",
                                                     .body = bus_bytes_str(key),
                                                     .at_us = i % 7 ? i * 10 : i * 9,
                                                     .claim_key = bus_bytes_str(key),
                                                     .claim_value = bus_bytes("a\0b \n", 5),
                                                     .claim_expires_us = i % 3 ? 0 : 90000 });
                store_batch_put(t->batch, bus_bytes_str(key), bus_bytes("\xff\0 ", 3));
                store_batch_cursor(t->batch, "in@x", (struct bus_pos){ 7, (uint64_t)i, 3 });
                cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_NORMAL), 0);
        }
        for (uint32_t i = 1; i <= 40; i++)
                test_append_derived(t, "order@w", "o", (struct bus_pos){ 5, i / 3, i % 3 });
        test_append(t, "comparison@w", "before");
        cr_assert_gt(store_prune(t->store, "signal@w", 500, 1000), 0);
        test_reopen_power_cut(t);
        test_stream(t, "comparison@w", STORE_STREAM_NORMAL);
        test_append(t, "comparison@w", "behind the fork");
}

static void sums_of(struct test_store *t, struct store_sums *sums)
{
        struct store_sum_sink *summing;
        struct store_sink sink;
        char error[256];

        store_sums_begin(sums, NULL, &summing, &sink);
        cr_assert_eq(store_dump(t->store, &sink, error, sizeof(error)), 0, "%s", error);
        store_sums_end(summing);
}

static int migrate(struct test_store *t, const char *from, const char *to, char *error)
{
        struct store_sums sums;

        return store_migrate(t->path, from, to, t->now_us, t->boot_id, &sums, error, 256);
}

static void expect_same(struct test_store *t, const struct store_sums *before)
{
        struct store_sums after;
        char error[256] = "";

        test_open(t);
        sums_of(t, &after);
        cr_expect_eq(store_sums_compare(before, &after, error, sizeof(error)), 0, "%s", error);
}

Test(migrate, all_of_a_store_arrives_and_comes_back)
{
        EACH_ENGINE(t)
        {
                struct store_sums before;
                struct bus_pos last;
                char error[256] = "";

                fill(t);
                sums_of(t, &before);
                cr_expect_eq(before.state.count, 700);
                cr_expect_eq(before.streams[3].records.count, 700 - 49);
                t->store = store_free(t->store);
                cr_assert_eq(migrate(t, "sqlite", "redis", error), 0, "%s", error);
                cr_expect_neq(access(t->path, F_OK), 0);
                t->engine = "redis";
                expect_same(t, &before);
                last = test_stream(t, "signal@w", STORE_STREAM_FULL).last;
                cr_expect_eq(test_append(t, "signal@w", "on redis").seq, last.seq + 1);
                test_stream(t, "order@w", STORE_STREAM_DERIVED);
                cr_expect_str_eq(test_read(t, "order@w", (struct bus_pos){ 5, 12, 2 }), "o o ");
                sums_of(t, &before);
                t->store = store_free(t->store);
                cr_assert_eq(migrate(t, "redis", "sqlite", error), 0, "%s", error);
                t->engine = "sqlite";
                expect_same(t, &before);
                cr_expect_eq(test_stream(t, "signal@w", STORE_STREAM_FULL).last.seq, last.seq + 1);
        }
}

Test(migrate, what_was_moved_is_not_begun_anew_by_the_engine_it_came_from)
{
        EACH_ENGINE(t)
        {
                struct store_options options = {
                        .engine = "sqlite", .path = t->path, .now_us = t->now_us, .boot_id = ""
                };
                struct store *store = NULL;
                char error[256] = "";

                fill(t);
                t->store = store_free(t->store);
                cr_assert_eq(migrate(t, "sqlite", "redis", error), 0, "%s", error);
                cr_expect_eq(store_open(&options, &store, error, sizeof(error)), -EPROTO);
                cr_expect(strstr(error, "store.db.migrated"), "%s", error);
                cr_expect_neq(access(t->path, F_OK), 0);
                store_free(store);
                cr_assert_eq(migrate(t, "redis", "sqlite", error), 0, "%s", error);
                test_open(t);
        }
}

Test(migrate, a_store_in_use_stays_where_it_is)
{
        EACH_ENGINE(t)
        {
                char error[256] = "";

                fill(t);
                cr_expect_eq(migrate(t, "sqlite", "redis", error), -EBUSY);
                t->store = store_free(t->store);
                cr_assert_eq(migrate(t, "sqlite", "redis", error), 0, "%s", error);
                t->engine = "redis";
                test_open(t);
                cr_expect_eq(migrate(t, "redis", "sqlite", error), -EBUSY);
                cr_expect_str_eq(test_get(t, "key/9"), "\xff");
        }
}

Test(migrate, where_there_is_nothing_nothing_is_made)
{
        EACH_ENGINE(t)
        {
                char error[256] = "";

                t->store = store_free(t->store);
                cr_expect_eq(migrate(t, "redis", "sqlite", error), -EEXIST);
                unlink(t->path);
                cr_expect_eq(migrate(t, "sqlite", "redis", error), -ENOENT);
                cr_expect_eq(migrate(t, "redis", "sqlite", error), -ENOENT);
                cr_expect_neq(access(t->path, F_OK), 0);
        }
}

Test(migrate, a_migration_that_fails_leaves_the_store_where_it_was)
{
        EACH_ENGINE(t)
        {
                struct store_sums before;
                char error[256] = "";

                fill(t);
                sums_of(t, &before);
                t->store = store_free(t->store);
                test_redis_kill(&server);
                cr_expect_lt(migrate(t, "sqlite", "redis", error), 0);
                expect_same(t, &before);
                test_redis_restart(&server, NULL);
        }
}

/* Loses one record on its way, and changes one key of the state. */
struct thief {
        struct store_sink next;
        uint64_t records, keys;
        uint64_t loses, changes;
};

static int pass_stream(void *arg, const struct store_dump_stream *stream)
{
        struct thief *thief = arg;

        return thief->next.stream(thief->next.arg, stream);
}

static int pass_record(void *arg, const struct store_dump_record *record)
{
        struct thief *thief = arg;

        return ++thief->records == thief->loses ? 0 : thief->next.record(thief->next.arg, record);
}

static int pass_claim(void *arg, const struct store_dump_claim *claim)
{
        struct thief *thief = arg;

        return thief->next.claim(thief->next.arg, claim);
}

static int pass_state(void *arg, struct bus_bytes key, struct bus_bytes value)
{
        struct thief *thief = arg;

        return thief->next.state(thief->next.arg, key,
                ++thief->keys == thief->changes ? bus_bytes_str("else") : value);
}

static int pass_cursor(void *arg, const char *stream, struct bus_pos position)
{
        struct thief *thief = arg;

        return thief->next.cursor(thief->next.arg, stream, position);
}

static void expect_noticed(struct test_store *t, const struct store_sums *whole, uint64_t loses,
        uint64_t changes, const char *says)
{
        struct thief thief = { .loses = loses, .changes = changes };
        const struct store_sink sink = { pass_stream, pass_record, pass_claim, pass_state,
                pass_cursor, &thief };
        struct store_sum_sink *summing;
        struct store_sums robbed;
        char error[256] = "";

        store_sums_begin(&robbed, NULL, &summing, &thief.next);
        cr_assert_eq(store_dump(t->store, &sink, error, sizeof(error)), 0, "%s", error);
        store_sums_end(summing);
        cr_expect_eq(store_sums_compare(whole, &robbed, error, sizeof(error)), -EUCLEAN);
        cr_expect(strstr(error, says), "%s", error);
}

Test(migrate, what_did_not_arrive_is_named)
{
        EACH_ENGINE(t)
        {
                struct store_sums whole;

                fill(t);
                sums_of(t, &whole);
                expect_noticed(t, &whole, 100, 0, "signal@w records: 651 of them, 650 arrived");
                expect_noticed(
                        t, &whole, 0, 9, "keys of the state: 700 of them, 700 arrived, with");
        }
}
