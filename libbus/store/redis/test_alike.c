/*
 * The same batches to both engines, and the same questions: what one says, the other says. Batches are
 * of many records, some too large for one entry, and prunings end within one.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/store/redis/redis.h"
#include "libbus/store/redis/test_redis_server.h"
#include "libbus/store/test_engines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define ROUNDS   60
#define BODY_MAX 9000

enum { SQLITE, REDIS, BOTH };

struct pair {
        struct store *stores[BOTH];
        struct store_batch *batches[BOTH];
        struct bus_buf said[BOTH];
        char paths[BOTH][160];
        uint64_t seed, derived_seq;
        uint32_t derived_part;
        int refused, done;
        int64_t at_us;
};

static uint64_t next_random(struct pair *p, uint64_t below)
{
        p->seed = p->seed * 6364136223846793005u + 1442695040888963407u;
        return (p->seed >> 33) % below;
}

static const char *const stream_names[] = { "signal@w", "comparison@w", "order@w" };
static const enum store_stream_kind kinds[] = { STORE_STREAM_FULL, STORE_STREAM_NORMAL,
        STORE_STREAM_DERIVED };

static void pair_open(struct pair *p, const struct test_store *t)
{
        static const char *const engines[] = { "sqlite", "redis" };
        struct store_stream stream;
        char error[256] = "";

        for (int i = 0; i < BOTH; i++) {
                struct store_options options = { .engine = engines[i],
                        .path = p->paths[i],
                        .now_us = t->now_us,
                        .boot_id = "boot-1" };

                cr_assert_eq(
                        store_open(&options, &p->stores[i], error, sizeof(error)), 0, "%s", error);
                for (size_t k = 0; k < BUS_COUNT(kinds); k++)
                        cr_assert_eq(
                                store_stream_open(p->stores[i], stream_names[k], kinds[k], &stream),
                                0);
        }
}

static void pair_close(struct pair *p, bool cleanly)
{
        for (int i = 0; i < BOTH; i++)
                p->stores[i] = cleanly ? store_free(p->stores[i]) : store_abandon(p->stores[i]);
}

static void pair_begin(struct pair *p, const struct test_store *t)
{
        *p = (struct pair){ .seed = 7, .at_us = 1000 };
        snprintf(p->paths[SQLITE], sizeof(p->paths[0]), "%s/a.db", t->folder);
        snprintf(p->paths[REDIS], sizeof(p->paths[0]), "%s/b.db", t->folder);
        for (int i = 0; i < BOTH; i++)
                p->batches[i] = store_batch_new();
        pair_open(p, t);
}

static void pair_end(struct pair *p)
{
        pair_close(p, true);
        for (int i = 0; i < BOTH; i++) {
                p->batches[i] = store_batch_free(p->batches[i]);
                bus_buf_done(&p->said[i]);
        }
}

static void expect_alike(struct pair *p, const char *what)
{
        cr_assert(p->said[SQLITE].size, "%s", what);
        cr_assert(bus_bytes_equal(bus_buf_bytes(&p->said[SQLITE]), bus_buf_bytes(&p->said[REDIS])),
                "%s:\n%.3000s\n%.3000s", what, bus_buf_str(&p->said[SQLITE]),
                bus_buf_str(&p->said[REDIS]));
        for (int i = 0; i < BOTH; i++)
                bus_buf_clear(&p->said[i]);
}

static void say_pos(struct bus_buf *said, struct bus_pos pos)
{
        char text[BUS_POS_TEXT_SIZE];

        bus_buf_printf(said, "%s ", bus_pos_format(pos, text));
}

/* ---- batches ---- */

static struct store_append random_append(struct pair *p, char *body, char *claim)
{
        size_t kind = next_random(p, BUS_COUNT(kinds));
        struct store_append append = { .stream = stream_names[kind],
                .topic = next_random(p, 2) ? "t" : "a.longer.topic" };
        size_t size = next_random(p, 8) ? next_random(p, 300) : next_random(p, BODY_MAX);

        memset(body, (int)('a' + next_random(p, 26)), size);
        append.body = bus_bytes(body, size);
        p->at_us += (int64_t)next_random(p, 30) - 8; /* a clock that now and then goes back */
        append.at_us = p->at_us;
        if (kinds[kind] == STORE_STREAM_DERIVED) {
                bool next_seq = next_random(p, 3) == 0;

                p->derived_seq += next_seq;
                p->derived_part = next_seq ? 0 : p->derived_part + 1 + (uint32_t)next_random(p, 3);
                if (next_random(p, 100) == 0)
                        p->derived_part = 0; /* goes back: the batch is refused */
                append.position = (struct bus_pos){ 5, p->derived_seq, p->derived_part };
        } else if (kinds[kind] == STORE_STREAM_FULL && next_random(p, 2)) {
                snprintf(claim, 16, "claim-%d", (int)next_random(p, 60));
                append.claim_key = bus_bytes_str(claim);
                append.claim_value = bus_bytes_str("mine");
                append.claim_expires_us = next_random(p, 2) ? p->at_us + 100 : 0;
        }
        return append;
}

static void add_state(struct pair *p)
{
        char key[16];
        uint64_t what = next_random(p, 4), value = next_random(p, 1000);

        snprintf(key, sizeof(key), "key-%d", (int)next_random(p, 40));
        for (int i = 0; i < BOTH; i++)
                switch (what) {
                case 0: store_batch_delete(p->batches[i], bus_bytes_str(key)); break;
                case 1:
                        store_batch_cursor(p->batches[i], key, (struct bus_pos){ 1, value, 0 });
                        break;
                default:
                        store_batch_put(p->batches[i], bus_bytes_str(key),
                                bus_bytes(&value, sizeof(value)));
                }
}

static void say_results(struct pair *p, int i, size_t count)
{
        for (size_t k = 0; k < count; k++) {
                const struct store_appended *result = store_batch_result(p->batches[i], k);

                bus_buf_printf(&p->said[i], "%d ", result->duplicate);
                say_pos(&p->said[i], result->position);
                say_pos(&p->said[i], result->predecessor);
                bus_buf_add(&p->said[i], result->claim_value.data, result->claim_value.size);
        }
}

/* Now and then it holds what must be refused: then nothing of it happens. */
static void commit_random(struct pair *p)
{
        size_t count = next_random(p, 4) ? next_random(p, 6) : next_random(p, 120);
        char body[BODY_MAX], claim[16];

        for (int i = 0; i < BOTH; i++)
                store_batch_clear(p->batches[i]);
        for (size_t k = 0; k < count; k++) {
                struct store_append append = random_append(p, body, claim);

                for (int i = 0; i < BOTH; i++)
                        store_batch_append(p->batches[i], &append);
                add_state(p);
        }
        if (next_random(p, 3) == 0) /* who watches that does the next by the function */
                test_redis_ask(&server, "HSET umbra:b:meta touched 1", NULL, 0);
        for (int i = 0; i < BOTH; i++) {
                int r = store_commit(p->stores[i], p->batches[i], STORE_SYNC_NORMAL);

                bus_buf_printf(&p->said[i], "commit %d ", r);
                if (!r)
                        say_results(p, i, count);
                p->refused += r < 0;
                p->done += !r;
        }
        expect_alike(p, "a commit");
}

/* ---- questions ---- */

static int say_record(const struct store_record *record, void *arg)
{
        say_pos(arg, record->position);
        say_pos(arg, record->predecessor);
        bus_buf_printf(arg, "%s %" PRId64 " %zu ", record->topic, record->at_us, record->body.size);
        bus_buf_add(arg, record->body.data, record->body.size > 3 ? 3 : record->body.size);
        return 0;
}

static int say_key(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        bus_buf_add(arg, key.data, key.size);
        bus_buf_add(arg, value.data, value.size);
        return 0;
}

static void say_read(
        struct pair *p, int i, const char *name, struct bus_pos after, size_t max_count)
{
        struct bus_pos started = BUS_POS_ZERO;
        int r = store_read(p->stores[i], name, after, max_count, say_record, &p->said[i], &started);

        bus_buf_printf(&p->said[i], "read %d ", r);
        say_pos(&p->said[i], started);
}

static void say_stream(struct pair *p, int i, const char *name, const uint64_t *random)
{
        struct store_stream stream;
        struct bus_pos after;

        cr_assert_eq(store_stream_get(p->stores[i], name, &stream), 0);
        say_pos(&p->said[i], stream.first);
        say_pos(&p->said[i], stream.last);
        say_read(p, i, name, BUS_POS_ZERO, 1000000);
        after = stream.last;
        after.seq -= after.seq ? random[0] % after.seq : 0;
        say_read(p, i, name, after, 1 + random[1] % 50);
        cr_assert_eq(store_seek_time(
                             p->stores[i], name, (int64_t)(random[2] % (uint64_t)p->at_us), &after),
                0);
        say_pos(&p->said[i], after);
}

static void compare_all(struct pair *p)
{
        uint64_t random[3];

        for (size_t k = 0; k < BUS_COUNT(kinds); k++) {
                for (size_t n = 0; n < 3; n++)
                        random[n] = next_random(p, UINT32_MAX);
                for (int i = 0; i < BOTH; i++)
                        say_stream(p, i, stream_names[k], random);
                expect_alike(p, stream_names[k]);
        }
        for (int i = 0; i < BOTH; i++) {
                for (int k = 0; k < 50; k++) {
                        BUS_AUTOFREE char *key = bus_xasprintf("key-%d", k);
                        struct bus_buf *said = &p->said[i];
                        struct bus_pos cursor = BUS_POS_ZERO;

                        bus_buf_printf(
                                said, "%d ", store_get(p->stores[i], bus_bytes_str(key), said));
                        bus_buf_printf(said, "%d ", store_cursor(p->stores[i], key, &cursor));
                        say_pos(said, cursor);
                }
                cr_assert_eq(
                        store_scan(p->stores[i], bus_bytes_str("key-1"), say_key, &p->said[i]), 0);
        }
        expect_alike(p, "state");
}

static void prune_random(struct pair *p)
{
        int64_t before_us = p->at_us - 200 - (int64_t)next_random(p, 400);
        size_t kind = next_random(p, BUS_COUNT(kinds)), count = 1 + next_random(p, 40);

        for (int i = 0; i < BOTH; i++)
                bus_buf_printf(&p->said[i], "prune %d",
                        store_prune(p->stores[i], stream_names[kind], before_us, count));
        expect_alike(p, "pruning");
}

Test(alike, both_engines_say_the_same_of_the_same_batches)
{
        EACH_ENGINE(t)
        {
                struct pair pair;

                pair_begin(&pair, t);
                for (int round = 0; round < ROUNDS; round++) {
                        commit_random(&pair);
                        if (round % 3 == 0)
                                prune_random(&pair);
                        if (round % 4 == 0)
                                compare_all(&pair);
                        if (round % 15 == 14) {
                                pair_close(&pair, round % 2);
                                t->now_us += BUS_US_PER_SEC;
                                pair_open(&pair, t);
                                compare_all(&pair);
                        }
                }
                cr_expect_gt(pair.refused, 0);
                cr_expect_gt(pair.done, 3 * pair.refused);
                cr_expect_gt(test_redis_calls(&server, "exec"), ROUNDS / 3);
                cr_expect_gt(test_redis_calls(&server, "fcall"), ROUNDS / 3);
                pair_end(&pair);
        }
}

/* ---- what is particular to this engine ---- */

Test(alike, redis_is_not_asked_for_a_key_that_is_not_there)
{
        EACH_ENGINE(t)
        {
                test_put(t, "old", "1");
                test_reopen_killed(t);
                cr_expect_null(test_get(t, "new"));
                cr_expect_eq(test_redis_calls(&server, "hget"), 0);
                cr_expect_str_eq(test_get(t, "old"), "1");
                cr_expect_eq(test_redis_calls(&server, "hget"), 1);
                test_put(t, "new", "2");
                cr_expect_str_eq(test_get(t, "new"), "2");
                for (int i = 0; i < 3000; i++) {
                        BUS_AUTOFREE char *key = bus_xasprintf("many-%d", i);

                        store_batch_clear(t->batch);
                        store_batch_put(t->batch, bus_bytes_str(key), bus_bytes_str(key));
                        cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_NORMAL), 0);
                }
                test_reopen_clean(t);
                cr_expect_null(test_get(t, "many"));
                cr_expect_eq(test_redis_calls(&server, "hget"), 2);
                cr_expect_str_eq(test_get(t, "many-2999"), "many-2999");
                cr_expect_str_eq(test_get(t, "new"), "2");
        }
}

Test(alike, a_store_of_the_format_before_is_read_pruned_and_goes_on)
{
        EACH_ENGINE(t)
        {
                struct store_stream stream = test_stream(t, "signal@w", STORE_STREAM_FULL);
                char command[256], text[32];

                t->store = store_free(t->store);
                for (int i = 1; i <= 3; i++) {
                        snprintf(command, sizeof(command),
                                "XADD umbra:store:j:signal@w %" PRIu64
                                "-%d t topic b old%d a %d u %d p %" PRIu64 "-%d",
                                stream.incarnation, i, i, 10 * i, 10 * i,
                                i > 1 ? stream.incarnation : 0, i - 1);
                        test_redis_ask(&server, command, NULL, 0);
                }
                snprintf(command, sizeof(command),
                        "HSET umbra:store:s:signal@w first %" PRIu64 "-1 last %" PRIu64 "-3 top 30",
                        stream.incarnation, stream.incarnation);
                test_redis_ask(&server, command, NULL, 0);
                test_redis_ask(&server, "HSET umbra:store:meta format 1", NULL, 0);
                test_open(t);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_redis_ask(&server, "HGET umbra:store:meta format", text, sizeof(text));
                cr_expect_str_eq(text, "2"); /* an older program is kept from it */
                test_append_at(t, "signal@w", "new4", 40);
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "old1 old2 old3 new4 ");
                cr_expect_eq(store_prune(t->store, "signal@w", 25, 100), 2);
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "old3 new4 ");
        }
}
