/*
 * The redis engine where the conformance suite does not reach: several processes at one store, a
 * server that is lost, slow, full, restarted or put back, and users that may not do everything.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/store/redis/redis.h"
#include "libbus/store/redis/test_redis_server.h"
#include "libbus/store/test_engines.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

const char *const test_engines[] = { "redis" };
const size_t test_engine_count = 1;

static struct test_redis server;

void test_engine_begin(struct test_store *t)
{
        (void)t;
        test_redis_start(&server, NULL);
        test_redis_use(&server);
}

void test_engine_end(struct test_store *t)
{
        (void)t;
        test_redis_end(&server);
}

/* ---- a second process's view: another folder, the same store ---- */

struct seat {
        char folder[64];
        const char *replica;
        struct store *store;
};

static struct seat seat_new(const char *replica)
{
        struct seat seat = { .folder = "/tmp/umbra-seat-XXXXXX", .replica = replica };

        cr_assert(mkdtemp(seat.folder));
        return seat;
}

static void use(const char *replica, int64_t lease_us)
{
        struct store_redis_options options = test_redis_options(&server);

        options.replica = replica;
        options.lease_us = lease_us;
        store_redis_use(&options);
}

static int seat_open(struct seat *seat, bool shared, char *error, size_t error_size)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/store.db", seat->folder);
        struct store_options options = { .engine = "redis",
                .path = path,
                .shared = shared,
                .now_us = bus_wall_us(),
                .boot_id = "boot-1" };

        return store_open(&options, &seat->store, error, error_size);
}

static void seat_done(struct seat *seat)
{
        BUS_AUTOFREE char *line = bus_xasprintf("rm -rf %s", seat->folder);

        seat->store = store_free(seat->store);
        cr_assert_eq(system(line), 0);
}

static int append(struct store *store, const char *body, const char *claim, bool *ret_duplicate,
        struct bus_pos *ret_position)
{
        struct store_batch *batch = store_batch_new();
        size_t index = store_batch_append(batch, &(struct store_append){ .stream = "signal@w",
                                                         .topic = "t",
                                                         .body = bus_bytes_str(body),
                                                         .at_us = 1,
                                                         .claim_key = bus_bytes_str(claim) });
        int r = store_commit(store, batch, STORE_SYNC_FULL);

        if (!r) {
                *ret_duplicate = store_batch_result(batch, index)->duplicate;
                *ret_position = store_batch_result(batch, index)->position;
        }
        store_batch_free(batch);
        return r;
}

static uint64_t token_of(struct store *store)
{
        struct store_lease lease;

        store_lease(store, &lease);
        return lease.token;
}

/* ---- the lease ---- */

Test(redis, a_lease_that_ran_out_passes_on_and_its_last_holder_can_do_nothing_more)
{
        EACH_ENGINE(t)
        {
                struct seat other = seat_new("two");
                struct store_stream stream;
                struct bus_pos position;
                bool duplicate;
                char error[256] = "";
                uint64_t first;

                t->store = store_free(t->store);
                use("one", BUS_US_PER_SEC);
                test_open(t);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                first = token_of(t->store);
                use("two", BUS_US_PER_SEC);
                cr_expect_eq(seat_open(&other, false, error, sizeof(error)), -EBUSY);
                cr_expect(strstr(error, "one"), "%s", error);
                cr_expect_eq(store_renew(t->store), 0);
                while (seat_open(&other, false, error, sizeof(error)) == -EBUSY)
                        usleep(50000);
                cr_assert(other.store, "%s", error);
                cr_expect_gt(token_of(other.store), first);
                cr_expect_eq(append(t->store, "late", "", &duplicate, &position), -ESTALE);
                cr_expect_eq(store_renew(t->store), -ESTALE);
                cr_assert_eq(
                        store_stream_open(other.store, "signal@w", STORE_STREAM_FULL, &stream), 0);
                cr_expect(bus_pos_is_zero(stream.last));
                cr_expect_eq(append(other.store, "good", "", &duplicate, &position), 0);
                cr_expect_eq(position.seq, 1);
                seat_done(&other);
        }
}

Test(redis, a_store_that_was_closed_is_free_at_once)
{
        EACH_ENGINE(t)
        {
                struct seat other = seat_new("two");
                char error[256] = "";

                t->store = store_free(t->store);
                use("two", 600 * BUS_US_PER_SEC);
                cr_expect_eq(seat_open(&other, false, error, sizeof(error)), 0, "%s", error);
                seat_done(&other);
        }
}

/* ---- replicas ---- */

static int collect(const struct store_record *record, void *arg)
{
        bus_buf_add(arg, record->body.data, record->body.size);
        return 0;
}

static void expect_all(struct store *store, const char *bodies)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        struct bus_pos after;

        cr_expect_eq(store_read(store, "signal@w", BUS_POS_ZERO, 1000, collect, &buf, &after), 0);
        cr_expect_str_eq(bus_buf_str(&buf), bodies);
}

Test(redis, replicas_share_one_stream_its_numbers_and_its_claims)
{
        EACH_ENGINE(t)
        {
                struct seat one = seat_new("one"), two = seat_new("two"), lone = seat_new("lone");
                struct store_stream stream;
                struct bus_pos a, b, c;
                bool duplicate = true;
                char error[256] = "";

                t->store = store_free(t->store);
                cr_assert_eq(seat_open(&one, true, error, sizeof(error)), 0, "%s", error);
                cr_assert_eq(seat_open(&two, true, error, sizeof(error)), 0, "%s", error);
                cr_assert_eq(
                        store_stream_open(one.store, "signal@w", STORE_STREAM_FULL, &stream), 0);
                cr_assert_eq(
                        store_stream_open(two.store, "signal@w", STORE_STREAM_FULL, &stream), 0);
                cr_expect_eq(append(one.store, "a", "k", &duplicate, &a), 0);
                cr_expect_not(duplicate);
                cr_expect_eq(append(two.store, "x", "k", &duplicate, &c), 0);
                cr_expect(duplicate);
                expect_pos(c, a);
                cr_expect_eq(append(two.store, "b", "", &duplicate, &b), 0);
                cr_expect_eq(append(one.store, "c", "", &duplicate, &c), 0);
                cr_expect(b.seq == a.seq + 1 && c.seq == b.seq + 1);
                expect_all(one.store, "abc");
                expect_all(two.store, "abc");
                cr_assert_eq(store_stream_get(two.store, "signal@w", &stream), 0);
                expect_pos(stream.last, c);
                /* nobody takes it for himself alone while one of them lives */
                cr_expect_eq(seat_open(&lone, false, error, sizeof(error)), -EBUSY);
                seat_done(&one);
                seat_done(&two);
                seat_done(&lone);
        }
}

/* Opens it alone, as umbra migrate and umbra restore do, as soon as nobody is heard of any more. */
static void have_it_alone(struct seat *lone)
{
        char error[256] = "";
        int r;

        while ((r = seat_open(lone, false, error, sizeof(error))) == -EBUSY)
                usleep(50000);
        cr_assert_eq(r, 0, "%s", error);
        lone->store = store_free(lone->store);
}

Test(redis, a_replica_that_hung_while_another_had_the_store_alone_can_do_nothing_more)
{
        EACH_ENGINE(t)
        {
                struct seat hung = seat_new("hung"), other = seat_new("two"), lone = seat_new("lone");
                struct store_stream stream;
                struct bus_pos position;
                bool duplicate;
                char error[256] = "";

                t->store = store_free(t->store);
                use("hung", BUS_US_PER_SEC);
                cr_assert_eq(seat_open(&hung, true, error, sizeof(error)), 0, "%s", error);
                cr_assert_eq(store_stream_open(hung.store, "signal@w", STORE_STREAM_FULL, &stream), 0);
                cr_expect_eq(append(hung.store, "a", "", &duplicate, &position), 0);
                have_it_alone(&lone);
                cr_expect_eq(append(hung.store, "late", "", &duplicate, &position), -ESTALE);
                hung.store = store_abandon(hung.store);
                /* who comes now shares it again, with all who come later */
                cr_assert_eq(seat_open(&hung, true, error, sizeof(error)), 0, "%s", error);
                cr_assert_eq(seat_open(&other, true, error, sizeof(error)), 0, "%s", error);
                cr_expect_eq(token_of(hung.store), 0);
                cr_assert_eq(store_stream_open(hung.store, "signal@w", STORE_STREAM_FULL, &stream), 0);
                cr_assert_eq(store_stream_open(other.store, "signal@w", STORE_STREAM_FULL, &stream), 0);
                cr_expect_eq(append(hung.store, "b", "", &duplicate, &position), 0);
                cr_expect_eq(append(other.store, "c", "", &duplicate, &position), 0);
                cr_expect_eq(store_renew(hung.store), 0);
                expect_all(hung.store, "abc");
                seat_done(&hung);
                seat_done(&other);
                seat_done(&lone);
        }
}

Test(redis, a_lone_holder_that_died_can_do_nothing_more_once_the_store_is_shared)
{
        EACH_ENGINE(t)
        {
                struct seat one = seat_new("one");
                struct bus_pos position;
                bool duplicate;
                char error[256] = "";
                int r;

                t->store = store_free(t->store);
                use("lone", BUS_US_PER_SEC);
                test_open(t);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                while ((r = seat_open(&one, true, error, sizeof(error))) == -EBUSY)
                        usleep(50000);
                cr_assert_eq(r, 0, "%s", error);
                cr_expect_eq(append(t->store, "late", "", &duplicate, &position), -ESTALE);
                seat_done(&one);
        }
}

/* ---- a server that has lost what it acknowledged ---- */

static void copy_data(const char *from, const char *to)
{
        BUS_AUTOFREE char *line = bus_xasprintf("rm -rf %s/%s && cp -r %s/%s %s/%s", server.folder,
                to, server.folder, from, server.folder, to);

        cr_assert_eq(system(line), 0);
}

static void forget_data(void)
{
        BUS_AUTOFREE char *line = bus_xasprintf("rm -rf %s/appendonlydir", server.folder);

        cr_assert_eq(system(line), 0);
}

Test(redis, a_server_that_lost_commits_is_found_out_and_no_number_comes_twice)
{
        EACH_ENGINE(t)
        {
                struct store_stream before, after;
                struct bus_pos kept, lost;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                kept = test_append(t, "signal@w", "kept");
                copy_data("appendonlydir", "older");
                lost = test_append(t, "signal@w", "lost");
                before = test_stand(t, "signal@w");
                test_redis_kill(&server);
                copy_data("older", "appendonlydir");
                test_redis_restart(&server, NULL);
                test_reopen_killed(t);
                cr_expect(store_has_regressed(t->store));
                cr_expect(store_was_restored(t->store));
                after = test_stream(t, "signal@w", STORE_STREAM_FULL);
                cr_expect_str_eq(after.reason, "regressed");
                cr_expect_gt(after.incarnation, before.incarnation);
                expect_pos(after.forks[after.fork_count - 1].fork, kept);
                /* who had read the lost one goes back to the fork */
                cr_expect_str_eq(test_read(t, "signal@w", lost), "");
                cr_expect_gt(test_append(t, "signal@w", "new").incarnation, lost.incarnation);
                cr_expect_str_eq(test_read(t, "signal@w", lost), "new ");
                test_reopen_killed(t);
                cr_expect(store_has_regressed(t->store));
                cr_assert_eq(store_restored_done(t->store), 0);
                test_reopen_killed(t);
                cr_expect_not(store_has_regressed(t->store));
        }
}

Test(redis, a_server_that_lost_everything_is_no_new_installation)
{
        EACH_ENGINE(t)
        {
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_append(t, "signal@w", "lost");
                test_redis_kill(&server);
                forget_data();
                test_redis_restart(&server, NULL);
                test_reopen_killed(t);
                cr_expect(store_has_regressed(t->store));
        }
}

Test(redis, a_server_that_was_killed_has_all_and_its_streams_go_on_behind_a_fork)
{
        EACH_ENGINE(t)
        {
                struct store_stream stream;
                struct bus_pos last;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_append(t, "signal@w", "a");
                last = test_append(t, "signal@w", "b");
                test_redis_kill(&server);
                test_redis_restart(&server, NULL);
                test_reopen_killed(t);
                cr_expect_not(store_has_regressed(t->store));
                stream = test_stream(t, "signal@w", STORE_STREAM_FULL);
                expect_pos(stream.last, last);
                expect_pos(stream.forks[stream.fork_count - 1].fork, last);
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "a b ");
        }
}

/* In a process of its own: kills the server a moment after it was told that the load runs. */
static pid_t kill_soon(useconds_t us, int *ret_tell)
{
        int pipes[2];
        pid_t child;
        char word;

        bus_require(pipe(pipes) == 0);
        child = fork();
        bus_require(child >= 0);
        if (child) {
                close(pipes[0]);
                *ret_tell = pipes[1];
                return child;
        }
        bus_require(read(pipes[0], &word, 1) == 1);
        usleep(us);
        kill(server.pid, SIGKILL);
        _exit(0);
}

Test(redis, a_server_killed_under_load_loses_nothing_that_was_acknowledged)
{
        EACH_ENGINE(t)
        {
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                for (int round = 0; round < 8; round++) {
                        struct bus_pos acknowledged = test_stand(t, "signal@w").last, position;
                        int tell, count = 0;
                        pid_t killer = kill_soon((useconds_t)(round * 7777), &tell);
                        bool duplicate;

                        while (append(t->store, "x", "", &duplicate, &position) == 0) {
                                acknowledged = position;
                                if (!count++)
                                        cr_assert_eq(write(tell, "!", 1), 1);
                        }
                        cr_assert_gt(count, 0);
                        close(tell);
                        waitpid(killer, NULL, 0);
                        test_redis_kill(&server);
                        test_redis_restart(&server, NULL);
                        test_reopen_killed(t);
                        cr_expect_not(store_has_regressed(t->store));
                        position = test_stream(t, "signal@w", STORE_STREAM_FULL).last;
                        /* the one that was not answered may be there */
                        cr_expect(position.seq == acknowledged.seq ||
                                  position.seq == acknowledged.seq + 1);
                }
        }
}

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
                cr_expect_eq(append(t->store, "a", "", &duplicate, &position), -ETIMEDOUT);
                cr_expect_geq(bus_mono_us() - began_us, 250 * BUS_US_PER_MS);
                /* its answer would be taken for the next one's: nothing more on this connection */
                began_us = bus_mono_us();
                cr_expect_eq(append(t->store, "b", "", &duplicate, &position), -ETIMEDOUT);
                cr_expect_lt(bus_mono_us() - began_us, 200 * BUS_US_PER_MS);
                test_redis_signal(&server, SIGCONT);
                test_redis_use(&server);
                test_reopen_killed(t);
                cr_expect_leq(test_stream(t, "signal@w", STORE_STREAM_FULL).last.seq, 1);
                cr_expect_eq(append(t->store, "c", "", &duplicate, &position), 0);
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
