/*
 * The redis engine where the conformance suite does not reach: a server that is slow, full or of another
 * mind, and users that may not do everything.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/store/redis/redis.h"
#include "libbus/store/redis/test_redis_seat.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

/* ---- a server that is slow, full, or of another mind ---- */

Test(redis, a_server_that_does_not_answer_fails_the_commit_in_time)
{
        EACH_ENGINE(t)
        {
                struct store_redis_options options = test_redis_options(&server);
                struct bus_pos position;
                bool duplicate;
                int64_t began_us;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                t->store = store_free(t->store);
                options.timeout_us = 300 * BUS_US_PER_MS;
                store_redis_use(&options);
                test_open(t);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_redis_signal(&server, SIGSTOP);
                began_us = bus_mono_us();
                cr_expect_eq(seat_append(t->store, "a", "", &duplicate, &position), -ETIMEDOUT);
                cr_expect_geq(bus_mono_us() - began_us, 250 * BUS_US_PER_MS);
                /* its answer would be taken for the next one's: nothing more on this connection */
                began_us = bus_mono_us();
                cr_expect_eq(seat_append(t->store, "b", "", &duplicate, &position), -ETIMEDOUT);
                cr_expect_lt(bus_mono_us() - began_us, 200 * BUS_US_PER_MS);
                test_redis_signal(&server, SIGCONT);
                test_redis_use(&server);
                test_reopen_killed(t);
                cr_expect_leq(test_stream(t, "signal@w", STORE_STREAM_FULL).last.seq, 1);
                cr_expect_eq(seat_append(t->store, "c", "", &duplicate, &position), 0);
        }
}

static void tell_server(const char *command)
{
        redisContext *context = redisConnectUnix(server.socket);
        redisReply *reply = redisCommand(context, command);

        cr_assert(reply && reply->type != REDIS_REPLY_ERROR, "%s", reply ? reply->str : "");
        freeReplyObject(reply);
        redisFree(context);
}

Test(redis, a_full_server_refuses_the_whole_batch_and_recovers_by_itself)
{
        EACH_ENGINE(t)
        {
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_put(t, "key", "old");
                tell_server("CONFIG SET maxmemory 1");
                store_batch_clear(t->batch);
                store_batch_put(t->batch, bus_bytes_str("key"), bus_bytes_str("new"));
                store_batch_append(t->batch,
                        &(struct store_append){ .stream = "signal@w", .topic = "t", .at_us = 1 });
                cr_expect_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), -ENOSPC);
                cr_expect_str_eq(test_get(t, "key"), "old");
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "");
                tell_server("CONFIG SET maxmemory 0");
                cr_expect_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), 0);
                cr_expect_str_eq(test_get(t, "key"), "new");
        }
}

Test(redis, too_few_replicas_are_a_sync_that_failed)
{
        EACH_ENGINE(t)
        {
                struct store_redis_options options = test_redis_options(&server);

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                options.wait_replicas = 1;
                options.wait_us = 50 * BUS_US_PER_MS;
                store_redis_use(&options);
                test_put(t, "key", "not promised"); /* NORMAL: nobody is waited for */
                store_batch_clear(t->batch);
                store_batch_put(t->batch, bus_bytes_str("key"), bus_bytes_str("promised"));
                cr_expect_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), -EIO);
                cr_expect_lt(store_commit(t->store, t->batch, STORE_SYNC_NORMAL), 0);
                test_redis_use(&server);
                test_reopen_killed(t);
        }
}

static int open_it(struct test_store *t, char *error, size_t error_size)
{
        struct store_options options = {
                .engine = "redis", .path = t->path, .now_us = t->now_us, .boot_id = "boot-1"
        };

        return store_open(&options, &t->store, error, error_size);
}

Test(redis, a_server_that_does_not_sync_each_commit_is_refused)
{
        EACH_ENGINE(t)
        {
                char error[256] = "";

                t->store = store_free(t->store);
                tell_server("CONFIG SET appendfsync everysec");
                cr_expect_eq(open_it(t, error, sizeof(error)), -EPROTONOSUPPORT);
                cr_expect(strstr(error, "appendfsync"), "%s", error);
                tell_server("CONFIG SET appendfsync always");
                cr_expect_eq(open_it(t, error, sizeof(error)), 0, "%s", error);
        }
}

/* ---- users ---- */

/* As docs/operations.md has them. */
#define RIGHTS                                                                                        \
        " resetchannels -@all +fcall +fcall_ro +info +ping +wait +exists +hget +hmget +hset +hdel "   \
        "+hgetall +sadd +smembers +sismember +rpush +ltrim +lrange +xadd +xrange +xrevrange +xtrim +" \
        "zadd +zrem +zrange +zrangebyscore +zrangebylex +unlink +time +multi +exec +watch +unwatch"

Test(redis, a_service_s_user_reaches_its_own_store_alone)
{
        EACH_ENGINE(t)
        {
                struct store_redis_options options = test_redis_options(&server);
                char error[256] = "";

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                t->store = store_free(t->store);
                tell_server("ACL SETUSER mine on >secret ~umbra:store:*" RIGHTS);
                tell_server("ACL SETUSER theirs on >secret ~umbra:other:*" RIGHTS);
                options.password = "secret";
                options.user = "theirs";
                store_redis_use(&options);
                cr_expect_eq(open_it(t, error, sizeof(error)), -EACCES);
                options.user = "mine";
                store_redis_use(&options);
                cr_assert_eq(open_it(t, error, sizeof(error)), 0, "%s", error);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_append(t, "signal@w", "a");
                test_put(t, "key", "value");
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "a ");
                cr_expect_geq(store_prune(t->store, "signal@w", 1, 10), 0);
                options.password = "wrong";
                t->store = store_free(t->store);
                store_redis_use(&options);
                cr_expect_eq(open_it(t, error, sizeof(error)), -EACCES);
                cr_expect_not(strstr(error, "wrong"));
        }
}

Test(redis, a_user_that_may_not_load_functions_says_which_are_missing)
{
        EACH_ENGINE(t)
        {
                struct store_redis_options options = test_redis_options(&server);
                char error[256] = "";

                t->store = store_free(t->store);
                tell_server("FUNCTION FLUSH");
                tell_server("ACL SETUSER mine on >secret ~umbra:store:*" RIGHTS);
                options.password = "secret";
                options.user = "mine";
                store_redis_use(&options);
                cr_expect_eq(open_it(t, error, sizeof(error)), -EACCES);
                cr_expect(strstr(error, "umbra redis"), "%s", error);
                test_redis_use(&server);
                cr_assert_eq(store_redis_load_library(error, sizeof(error)), 0, "%s", error);
                store_redis_use(&options);
                cr_expect_eq(open_it(t, error, sizeof(error)), 0, "%s", error);
        }
}

Test(redis, another_engine_s_store_at_its_path_is_left_alone)
{
        EACH_ENGINE(t)
        {
                char error[256] = "";
                FILE *file;

                t->store = store_free(t->store);
                file = fopen(t->path, "w");
                cr_assert(file);
                fputs("SQLite format 3", file);
                fclose(file);
                cr_expect_eq(open_it(t, error, sizeof(error)), -EPROTO);
                cr_expect(strstr(error, "umbra migrate"), "%s", error);
        }
}
