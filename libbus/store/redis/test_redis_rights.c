/* A user of Redis who may not do all that the engine does: nothing is begun, and nothing is done by half. */
#include "libbus/base/require.h"
#include "libbus/store/redis/redis.h"
#include "libbus/store/redis/test_redis_server.h"
#include "libbus/store/test_engines.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

/* As docs/stores.md has them, but for what there is another way without, and "info", which is asked for first. */
static const char *const needed[] = { "exists", "hget", "hmget", "hset", "hdel", "hgetall", "sadd",
        "smembers", "sismember", "rpush", "ltrim", "lrange", "xadd", "xrange", "xrevrange", "xtrim",
        "zadd", "zrem", "zrange", "zrangebyscore", "zrangebylex", "unlink", "time", "wait" };
static const char *const transacting[] = { "multi", "exec", "watch", "unwatch" };

static void set_user(const char *rights)
{
        BUS_AUTOFREE char *command = bus_xasprintf("ACL SETUSER mine %s", rights);

        test_redis_ask(&server, command, NULL, 0);
}

/* The user "mine", with all rights, or without those to transact; the store is open as that. */
static void become_mine(struct test_store *t, bool may_transact)
{
        struct store_redis_options options = test_redis_options(&server);

        t->store = store_free(t->store);
        set_user("on >secret ~umbra:store:* resetchannels -@all +fcall +info");
        for (size_t i = 0; i < BUS_COUNT(needed); i++) {
                BUS_AUTOFREE char *right = bus_xasprintf("+%s", needed[i]);

                set_user(right);
        }
        for (size_t i = 0; i < BUS_COUNT(transacting) && may_transact; i++) {
                BUS_AUTOFREE char *right = bus_xasprintf("+%s", transacting[i]);

                set_user(right);
        }
        options.user = "mine";
        options.password = "secret";
        options.wait_replicas = 0;
        store_redis_use(&options);
        test_open(t);
}

static void toggle(char sign, const char *right)
{
        BUS_AUTOFREE char *change = bus_xasprintf("%c%s", sign, right);

        set_user(change);
}

static int open_it(struct test_store *t, char *error, size_t error_size)
{
        struct store_options options = {
                .engine = "redis", .path = t->path, .now_us = t->now_us, .boot_id = "boot-1"
        };

        return store_open(&options, &t->store, error, error_size);
}

Test(redis_rights, a_missing_one_is_named_before_anything_is_done)
{
        EACH_ENGINE(t)
        {
                struct store_redis_options options = test_redis_options(&server);

                become_mine(t, true);
                t->store = store_free(t->store);
                options.user = "mine";
                options.password = "secret";
                options.wait_replicas = 1;
                store_redis_use(&options);
                for (size_t i = 0; i < BUS_COUNT(needed); i++) {
                        BUS_AUTOFREE char *right =
                                bus_xasprintf("redis: the user \"mine\" needs +%s", needed[i]);
                        char error[256] = "";

                        toggle('-', needed[i]);
                        cr_expect_eq(open_it(t, error, sizeof(error)), -EACCES, "%s", needed[i]);
                        cr_expect(bus_bytes_begin(bus_bytes_str(error), bus_bytes_str(right)), "%s",
                                error);
                        toggle('+', needed[i]);
                }
                test_redis_use(&server);
                test_open(t);
        }
}

/* ---- taken away from who runs ---- */

/* Of all that is in Redis. */
static void digest(char ret_text[static 64])
{
        static const char script[] =
                "local keys, all = redis.call('KEYS', '*'), {} table.sort(keys)"
                " for _, key in ipairs(keys) do"
                " all[#all + 1] = key .. redis.call('DUMP', key) end"
                " return redis.sha1hex(table.concat(all))";
        redisContext *context = redisConnectUnix(server.socket);
        redisReply *reply = redisCommand(context, "EVAL %s 0", script);

        cr_assert(redis_is_text(reply));
        snprintf(ret_text, 64, "%s", reply->str);
        freeReplyObject(reply);
        redisFree(context);
}

/* Something of everything a commit may do. */
static void fill_batch(struct test_store *t, const char *key)
{
        store_batch_clear(t->batch);
        store_batch_append(t->batch, &(struct store_append){ .stream = "signal@w",
                                             .topic = "t",
                                             .body = bus_bytes_str(key),
                                             .at_us = 1,
                                             .claim_key = bus_bytes_str(key) });
        store_batch_put(t->batch, bus_bytes_str(key), bus_bytes_str("value"));
        store_batch_delete(t->batch, bus_bytes_str("gone"));
        store_batch_cursor(t->batch, "in@x", (struct bus_pos){ 1, 1, 0 });
}

static void expect_all_or_nothing(bool may_transact)
{
        static const char *const used[] = { "hset", "hdel", "xadd", "zadd", "zrem" };

        EACH_ENGINE(t)
        {
                become_mine(t, may_transact);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                for (size_t i = 0; i < BUS_COUNT(used); i++) {
                        char before[64], after[64];

                        test_put(t, "gone", "not yet");
                        test_append(t, "signal@w", "fine");
                        digest(before);
                        cr_expect_eq(redis_of(t->store)->armed, may_transact);
                        toggle('-', used[i]);
                        fill_batch(t, used[i]);
                        cr_expect_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), -EACCES,
                                "%s", used[i]);
                        digest(after);
                        cr_expect_str_eq(after, before, "%s", used[i]);
                        toggle('+', used[i]);
                        test_reopen_killed(t);
                        cr_expect_not(store_has_regressed(t->store));
                        test_stream(t, "signal@w", STORE_STREAM_FULL);
                        fill_batch(t, used[i]);
                        cr_expect_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), 0);
                        cr_expect_str_eq(test_get(t, used[i]), "value");
                }
        }
}

Test(redis_rights, without_one_a_function_does_nothing)
{
        expect_all_or_nothing(false);
}

Test(redis_rights, without_one_a_transaction_does_nothing)
{
        expect_all_or_nothing(true);
}

Test(redis_rights, one_taken_away_is_noticed_at_the_next_renewal)
{
        EACH_ENGINE(t)
        {
                become_mine(t, true);
                cr_expect_eq(store_renew(t->store), 0);
                toggle('-', "xtrim");
                cr_expect_eq(store_renew(t->store), -EACCES);
        }
}

/* A commit of which all but the EXEC has come to Redis when RIGHT is taken away. */
static int commit_as_right_goes(struct test_store *t, const char *right)
{
        static const char exec[] = "*1\r\n$4\r\nEXEC\r\n";
        struct redis_store *s = redis_of(t->store);
        struct pollfd queued = { .fd = s->context->fd, .events = POLLIN };
        const char *at;
        ssize_t size;

        fill_batch(t, "half");
        redis_changes_find(s, t->batch);
        cr_assert_eq(redis_transact_send(s, t->batch), 0);
        at = memmem(s->context->obuf, sdslen(s->context->obuf), exec, sizeof(exec) - 1);
        cr_assert(at);
        size = at - s->context->obuf;
        cr_assert_eq(write(s->context->fd, s->context->obuf, (size_t)size), size);
        sdsrange(s->context->obuf, (int)size, -1);
        cr_assert_eq(poll(&queued, 1, 20000), 1);
        toggle('-', right);
        return redis_transact_take(s, t->batch);
}

/* What none of this can keep from happening is taken for a loss. */
Test(redis_rights, one_taken_away_within_a_transaction_stops_whoever_opens_the_store)
{
        EACH_ENGINE(t)
        {
                become_mine(t, true);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_put(t, "gone", "not yet");
                test_append(t, "signal@w", "fine");
                cr_expect_eq(commit_as_right_goes(t, "zadd"), -EUCLEAN);
                cr_expect_lt(store_renew(t->store), 0);
                toggle('+', "zadd");
                test_reopen_killed(t);
                cr_expect(store_has_regressed(t->store));
                cr_expect_str_eq(test_stream(t, "signal@w", STORE_STREAM_FULL).reason, "regressed");
                test_append(t, "signal@w", "goes on");
        }
}

Test(redis_rights, a_stream_with_half_a_commit_is_not_opened)
{
        static const char *const rights[] = { "hset", "xadd" };

        for (size_t i = 0; i < BUS_COUNT(rights); i++)
                EACH_ENGINE(t)
                {
                        struct store_stream stream;

                        become_mine(t, true);
                        test_stream(t, "signal@w", STORE_STREAM_FULL);
                        test_put(t, "gone", "not yet");
                        test_append(t, "signal@w", "fine");
                        cr_expect_eq(commit_as_right_goes(t, rights[i]), -EUCLEAN);
                        toggle('+', rights[i]);
                        test_reopen_killed(t);
                        cr_expect(store_has_regressed(t->store));
                        cr_expect_eq(
                                store_stream_open(t->store, "signal@w", STORE_STREAM_FULL, &stream),
                                -EUCLEAN, "%s", rights[i]);
                }
}
