/*
 * Commits by transactions (transact.c): that they are made where they may be, and that whoever comes
 * in between is noticed.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/store/redis/redis.h"
#include "libbus/store/redis/test_redis_server.h"
#include "libbus/store/test_engines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct other {
        char folder[64];
        struct store *store;
};

static void other_open(struct other *other)
{
        struct store_redis_options options = test_redis_options(&server);
        BUS_AUTOFREE char *path = NULL;
        struct store_options store_options = {
                .engine = "redis", .shared = true, .now_us = bus_wall_us(), .boot_id = "boot-1"
        };
        char error[256] = "";

        snprintf(other->folder, sizeof(other->folder), "/tmp/umbra-other-XXXXXX");
        cr_assert(mkdtemp(other->folder));
        path = bus_xasprintf("%s/store.db", other->folder);
        store_options.path = path;
        options.replica = other->folder;
        store_redis_use(&options);
        cr_assert_eq(
                store_open(&store_options, &other->store, error, sizeof(error)), 0, "%s", error);
}

static void other_done(struct other *other)
{
        BUS_AUTOFREE char *line = bus_xasprintf("rm -rf %s", other->folder);

        other->store = store_free(other->store);
        cr_assert_eq(system(line), 0);
}

static struct store_stream open_in(struct other *other, const char *name)
{
        struct store_stream stream;

        cr_assert_eq(store_stream_open(other->store, name, STORE_STREAM_FULL, &stream), 0);
        return stream;
}

/* "POSITION PREDECESSOR", with "again" where the claim was taken. */
static const char *append_in(struct other *other, const char *name, const char *claim)
{
        struct store_batch *batch = store_batch_new();
        const struct store_appended *result;
        static char text[64];

        store_batch_append(batch, &(struct store_append){ .stream = name,
                                          .topic = "t",
                                          .body = bus_bytes_str("b "),
                                          .at_us = 1,
                                          .claim_key = bus_bytes_str(claim),
                                          .claim_value = bus_bytes_str("value") });
        cr_assert_eq(store_commit(other->store, batch, STORE_SYNC_FULL), 0);
        result = store_batch_result(batch, 0);
        snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 "%s", result->position.seq,
                result->predecessor.seq, result->duplicate ? "again" : "");
        if (result->duplicate)
                cr_expect(bus_bytes_equal(result->claim_value, bus_bytes_str("value")));
        store_batch_free(batch);
        return text;
}

Test(transact, who_shares_a_store_and_is_alone_commits_without_the_function)
{
        EACH_ENGINE(t)
        {
                struct other one;
                int functions;

                t->store = store_free(t->store);
                other_open(&one);
                open_in(&one, "signal@w");
                cr_expect_str_eq(append_in(&one, "signal@w", "a"), "1 0");
                functions = test_redis_calls(&server, "fcall");
                cr_expect_str_eq(append_in(&one, "signal@w", "b"), "2 1");
                cr_expect_str_eq(append_in(&one, "signal@w", ""), "3 2");
                cr_expect_str_eq(append_in(&one, "signal@w", "c"), "4 3");
                cr_expect_eq(test_redis_calls(&server, "fcall"), functions);
                cr_expect_str_eq(append_in(&one, "signal@w", "b"), "2 0again");
                cr_expect_eq(test_redis_calls(&server, "fcall"), functions + 1);
                cr_expect_str_eq(append_in(&one, "signal@w", "d"), "5 4");
                cr_expect_eq(store_renew(one.store), 0);
                cr_expect_str_eq(append_in(&one, "signal@w", "e"), "6 5");
                cr_expect_eq(test_redis_calls(&server, "fcall"), functions + 2);
                other_done(&one);
        }
}

Test(transact, a_replica_that_commits_in_between_is_noticed_each_time)
{
        EACH_ENGINE(t)
        {
                struct other one, two;

                t->store = store_free(t->store);
                other_open(&one);
                open_in(&one, "signal@w");
                open_in(&one, "alarm@w");
                append_in(&one, "signal@w", "a");
                cr_expect_str_eq(append_in(&one, "signal@w", "b"), "2 1");
                cr_expect_str_eq(append_in(&one, "alarm@w", "b"), "1 0");
                other_open(&two);
                open_in(&two, "signal@w");
                open_in(&two, "alarm@w");
                cr_expect_str_eq(append_in(&two, "signal@w", "mine"), "3 2");
                cr_expect_str_eq(append_in(&two, "alarm@w", ""), "2 1");
                /* one has heard of neither */
                cr_expect_str_eq(append_in(&one, "signal@w", "mine"), "3 0again");
                cr_expect_str_eq(append_in(&one, "signal@w", "c"), "4 3");
                cr_expect_str_eq(append_in(&one, "alarm@w", ""), "3 2");
                cr_expect_str_eq(append_in(&two, "signal@w", "d"), "5 4");
                cr_expect_str_eq(append_in(&two, "signal@w", "c"), "4 0again");
                cr_expect_str_eq(append_in(&one, "signal@w", "d"), "5 0again");
                other_done(&one);
                other_done(&two);
        }
}

Test(transact, an_incarnation_that_another_replica_began_is_not_missed)
{
        EACH_ENGINE(t)
        {
                struct other one, two;
                struct store_stream before, forked, now;

                t->store = store_free(t->store);
                other_open(&one);
                before = open_in(&one, "signal@w");
                append_in(&one, "signal@w", "a");
                append_in(&one, "signal@w", "b");
                other_open(&two);
                open_in(&two, "signal@w");
                cr_assert_eq(
                        store_stream_fork(two.store, "signal@w", before.incarnation + 7, &forked),
                        0);
                cr_expect_str_eq(append_in(&one, "signal@w", "c"), "3 2");
                cr_assert_eq(store_stream_get(one.store, "signal@w", &now), 0);
                cr_expect_eq(now.last.incarnation, forked.incarnation);
                other_done(&one);
                other_done(&two);
        }
}

Test(transact, what_another_replica_pruned_stays_pruned)
{
        EACH_ENGINE(t)
        {
                struct other one, two;
                struct store_stream now;

                t->store = store_free(t->store);
                other_open(&one);
                open_in(&one, "signal@w");
                for (int i = 0; i < 4; i++)
                        append_in(&one, "signal@w", "");
                other_open(&two);
                open_in(&two, "signal@w");
                cr_expect_eq(store_prune(two.store, "signal@w", 5, 100), 3);
                cr_expect_str_eq(append_in(&one, "signal@w", ""), "5 4");
                cr_assert_eq(store_stream_get(two.store, "signal@w", &now), 0);
                cr_expect_eq(now.first.seq, 4);
                other_done(&one);
                other_done(&two);
        }
}

Test(transact, nothing_of_one_happens_when_the_lease_passes_on_before_it)
{
        EACH_ENGINE(t)
        {
                struct bus_pos last;
                int transactions;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_append(t, "signal@w", "a");
                last = test_append(t, "signal@w", "b");
                transactions = test_redis_calls(&server, "exec");
                cr_expect_gt(transactions, 1);
                test_redis_ask(&server, "HINCRBY umbra:store:meta token 1", NULL, 0);
                store_batch_clear(t->batch);
                store_batch_append(t->batch, &(struct store_append){ .stream = "signal@w",
                                                     .topic = "t",
                                                     .body = bus_bytes_str("late"),
                                                     .at_us = 9 });
                store_batch_put(t->batch, bus_bytes_str("late"), bus_bytes_str("1"));
                cr_expect_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), -ESTALE);
                /* it was tried, and one more looks for the watch behind the function */
                cr_expect_geq(test_redis_calls(&server, "exec"), transactions + 1);
                test_reopen_killed(t);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                expect_pos(test_stand(t, "signal@w").last, last);
                cr_expect_null(test_get(t, "late"));
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "a b ");
        }
}

Test(transact, a_user_who_may_not_commits_by_the_function)
{
        EACH_ENGINE(t)
        {
                struct store_redis_options options = test_redis_options(&server);
                int functions;

                t->store = store_free(t->store);
                test_redis_ask(&server,
                        "ACL SETUSER mine on >secret ~umbra:store:* +@all -@transaction -@admin",
                        NULL, 0);
                options.user = "mine";
                options.password = "secret";
                store_redis_use(&options);
                test_open(t);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                for (int i = 0; i < 5; i++)
                        cr_expect_eq(test_append(t, "signal@w", "x").seq, (uint64_t)i + 1);
                test_redis_use(&server);
                test_reopen_clean(t);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_append(t, "signal@w", "y");
                functions = test_redis_calls(&server, "fcall");
                cr_expect_eq(test_append(t, "signal@w", "z").seq, 7);
                cr_expect_eq(test_redis_calls(&server, "fcall"), functions);
        }
}

Test(transact, who_is_alone_again_knows_no_stream_that_the_function_has_not_told_of)
{
        EACH_ENGINE(t)
        {
                struct other one, two;
                int functions;

                t->store = store_free(t->store);
                other_open(&one);
                open_in(&one, "signal@w");
                open_in(&one, "alarm@w");
                append_in(&one, "signal@w", "");
                append_in(&one, "alarm@w", "");
                other_open(&two);
                open_in(&two, "signal@w");
                open_in(&two, "alarm@w");
                append_in(&two, "alarm@w", "mine");
                other_done(&two);
                cr_expect_str_eq(append_in(&one, "signal@w", ""), "2 1");
                redis_of(one.store)->crowded_until_us = 0; /* long ago */
                cr_expect_str_eq(append_in(&one, "signal@w", ""), "3 2");
                functions = test_redis_calls(&server, "fcall");
                cr_expect_str_eq(append_in(&one, "signal@w", ""), "4 3");
                cr_expect_eq(test_redis_calls(&server, "fcall"), functions);
                cr_expect_str_eq(append_in(&one, "alarm@w", ""), "3 2");
                cr_expect_eq(test_redis_calls(&server, "fcall"), functions + 1);
                cr_expect_str_eq(append_in(&one, "alarm@w", "mine"), "2 0again");
                cr_expect_str_eq(append_in(&one, "alarm@w", "free"), "4 3");
                other_done(&one);
        }
}

/* The renewal tells of it too, and the watching that begins with a later one tells no more. */
Test(transact, what_a_renewal_has_told_of_is_not_taken_for_ones_own)
{
        EACH_ENGINE(t)
        {
                struct other one, two;

                t->store = store_free(t->store);
                other_open(&one);
                other_open(&two);
                open_in(&one, "signal@w");
                open_in(&two, "signal@w");
                cr_expect_str_eq(append_in(&one, "signal@w", ""), "1 0");
                cr_expect_str_eq(append_in(&one, "signal@w", ""), "2 1");
                cr_expect_str_eq(append_in(&two, "signal@w", "theirs"), "3 2");
                cr_expect_eq(store_renew(one.store), 0);
                redis_of(one.store)->crowded_until_us = 0; /* long ago */
                cr_expect_eq(store_renew(one.store), 0);
                cr_expect(redis_of(one.store)->armed);
                cr_expect_str_eq(append_in(&one, "signal@w", "theirs"), "3 0again");
                cr_expect_str_eq(append_in(&one, "signal@w", ""), "4 3");
                /* in the crowd the function has told of the stream, and then another commits once more */
                cr_expect_str_eq(append_in(&two, "signal@w", ""), "5 4");
                cr_expect_str_eq(append_in(&one, "signal@w", ""), "6 5");
                cr_expect_str_eq(append_in(&two, "signal@w", "last"), "7 6");
                cr_expect_eq(store_renew(one.store), 0);
                redis_of(one.store)->crowded_until_us = 0;
                cr_expect_eq(store_renew(one.store), 0);
                cr_expect_str_eq(append_in(&one, "signal@w", ""), "8 7");
                cr_expect_str_eq(append_in(&one, "signal@w", "last"), "7 0again");
                other_done(&two);
                other_done(&one);
        }
}

/* Somebody else's commit in between is no reason to forget that nobody has a copy. */
Test(transact, too_few_replicas_count_for_who_has_to_ask_again_too)
{
        EACH_ENGINE(t)
        {
                struct store_redis_options options = test_redis_options(&server);
                struct other one, two;
                struct store_batch *batch = store_batch_new();

                t->store = store_free(t->store);
                other_open(&one);
                other_open(&two);
                open_in(&one, "signal@w");
                open_in(&two, "signal@w");
                append_in(&one, "signal@w", "a");
                append_in(&one, "signal@w", "b");
                append_in(&two, "signal@w", "c");
                options.wait_replicas = 1;
                options.wait_us = 50 * BUS_US_PER_MS;
                store_redis_use(&options);
                store_batch_append(batch, &(struct store_append){ .stream = "signal@w",
                                                  .topic = "t",
                                                  .body = bus_bytes_str("b"),
                                                  .at_us = 1 });
                cr_expect_lt(store_commit(one.store, batch, STORE_SYNC_FULL), 0);
                store_batch_free(batch);
                test_redis_use(&server);
                other_done(&one);
                other_done(&two);
        }
}
