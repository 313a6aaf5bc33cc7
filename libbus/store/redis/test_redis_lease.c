/*
 * A store in Redis and its processes: one under a lease, or replicas that share it; and a server that has
 * lost what it acknowledged to them.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/store/redis/test_redis_seat.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

/* ---- the lease ---- */

Test(redis_lease, a_lease_that_ran_out_passes_on_and_its_last_holder_can_do_nothing_more)
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
                seat_use("one", BUS_US_PER_SEC);
                test_open(t);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                first = seat_token(t->store);
                seat_use("two", BUS_US_PER_SEC);
                cr_expect_eq(seat_open(&other, false, error, sizeof(error)), -EBUSY);
                cr_expect(strstr(error, "one"), "%s", error);
                cr_expect_eq(store_renew(t->store), 0);
                while (seat_open(&other, false, error, sizeof(error)) == -EBUSY)
                        usleep(50000);
                cr_assert(other.store, "%s", error);
                cr_expect_gt(seat_token(other.store), first);
                cr_expect_eq(seat_append(t->store, "late", "", &duplicate, &position), -ESTALE);
                cr_expect_eq(store_renew(t->store), -ESTALE);
                cr_assert_eq(
                        store_stream_open(other.store, "signal@w", STORE_STREAM_FULL, &stream), 0);
                cr_expect(bus_pos_is_zero(stream.last));
                cr_expect_eq(seat_append(other.store, "good", "", &duplicate, &position), 0);
                cr_expect_eq(position.seq, 1);
                seat_done(&other);
        }
}

Test(redis_lease, a_store_that_was_closed_is_free_at_once)
{
        EACH_ENGINE(t)
        {
                struct seat other = seat_new("two");
                char error[256] = "";

                t->store = store_free(t->store);
                seat_use("two", 600 * BUS_US_PER_SEC);
                cr_expect_eq(seat_open(&other, false, error, sizeof(error)), 0, "%s", error);
                seat_done(&other);
        }
}

Test(redis_lease, a_restore_under_somebody_s_lease_names_him_and_changes_nothing)
{
        EACH_ENGINE(t)
        {
                struct seat other = seat_new("two");
                BUS_AUTOFREE char *backup = bus_xasprintf("%s/backup", t->folder);
                BUS_AUTOFREE char *left = bus_xasprintf("%s.before-restore.part", t->path);
                char error[256] = "";

                test_put(t, "key", "old");
                cr_assert_eq(store_backup(t->store, backup, error, sizeof(error)), 0, "%s", error);
                test_put(t, "key", "new");
                t->store = store_free(t->store);
                seat_use("two", 600 * BUS_US_PER_SEC);
                cr_assert_eq(seat_open(&other, false, error, sizeof(error)), 0, "%s", error);
                seat_use("one", 600 * BUS_US_PER_SEC);
                cr_expect_eq(store_restore("redis", backup, t->path, error, sizeof(error)), -EBUSY);
                cr_expect_str_eq(error, "held by another process: two");
                cr_expect_lt(access(left, F_OK), 0);
                seat_done(&other);
                test_open(t);
                cr_expect_str_eq(test_get(t, "key"), "new");
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

Test(redis_lease, replicas_share_one_stream_its_numbers_and_its_claims)
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
                cr_expect_eq(seat_append(one.store, "a", "k", &duplicate, &a), 0);
                cr_expect_not(duplicate);
                cr_expect_eq(seat_append(two.store, "x", "k", &duplicate, &c), 0);
                cr_expect(duplicate);
                expect_pos(c, a);
                cr_expect_eq(seat_append(two.store, "b", "", &duplicate, &b), 0);
                cr_expect_eq(seat_append(one.store, "c", "", &duplicate, &c), 0);
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

Test(redis_lease, a_replica_that_hung_while_another_had_the_store_alone_can_do_nothing_more)
{
        EACH_ENGINE(t)
        {
                struct seat hung = seat_new("hung"), other = seat_new("two"),
                            lone = seat_new("lone");
                struct store_stream stream;
                struct bus_pos position;
                bool duplicate;
                char error[256] = "";

                t->store = store_free(t->store);
                seat_use("hung", BUS_US_PER_SEC);
                cr_assert_eq(seat_open(&hung, true, error, sizeof(error)), 0, "%s", error);
                cr_assert_eq(
                        store_stream_open(hung.store, "signal@w", STORE_STREAM_FULL, &stream), 0);
                cr_expect_eq(seat_append(hung.store, "a", "", &duplicate, &position), 0);
                have_it_alone(&lone);
                cr_expect_eq(seat_append(hung.store, "late", "", &duplicate, &position), -ESTALE);
                hung.store = store_abandon(hung.store);
                /* who comes now shares it again, with all who come later */
                cr_assert_eq(seat_open(&hung, true, error, sizeof(error)), 0, "%s", error);
                cr_assert_eq(seat_open(&other, true, error, sizeof(error)), 0, "%s", error);
                cr_expect_eq(seat_token(hung.store), 0);
                cr_assert_eq(
                        store_stream_open(hung.store, "signal@w", STORE_STREAM_FULL, &stream), 0);
                cr_assert_eq(
                        store_stream_open(other.store, "signal@w", STORE_STREAM_FULL, &stream), 0);
                cr_expect_eq(seat_append(hung.store, "b", "", &duplicate, &position), 0);
                cr_expect_eq(seat_append(other.store, "c", "", &duplicate, &position), 0);
                cr_expect_eq(store_renew(hung.store), 0);
                expect_all(hung.store, "abc");
                seat_done(&hung);
                seat_done(&other);
                seat_done(&lone);
        }
}

Test(redis_lease, a_lone_holder_that_died_can_do_nothing_more_once_the_store_is_shared)
{
        EACH_ENGINE(t)
        {
                struct seat one = seat_new("one");
                struct bus_pos position;
                bool duplicate;
                char error[256] = "";
                int r;

                t->store = store_free(t->store);
                seat_use("lone", BUS_US_PER_SEC);
                test_open(t);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                while ((r = seat_open(&one, true, error, sizeof(error))) == -EBUSY)
                        usleep(50000);
                cr_assert_eq(r, 0, "%s", error);
                cr_expect_eq(seat_append(t->store, "late", "", &duplicate, &position), -ESTALE);
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

/* What came since copy_data("appendonlydir", "older"). */
static void lose_commits(void)
{
        test_redis_kill(&server);
        copy_data("older", "appendonlydir");
        test_redis_restart(&server, NULL);
}

/* Two that share a store; the second opens the stream. */
static void open_replicas(struct seat *one, struct seat *two)
{
        struct store_stream stream;
        char error[256] = "";

        cr_assert_eq(seat_open(one, true, error, sizeof(error)), 0, "%s", error);
        cr_assert_eq(seat_open(two, true, error, sizeof(error)), 0, "%s", error);
        cr_assert_eq(store_stream_open(two->store, "signal@w", STORE_STREAM_FULL, &stream), 0);
}

Test(redis_lease, a_server_that_lost_commits_is_found_out_and_no_number_comes_twice)
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
                lose_commits();
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

/* SEAT commits what is to be lost. */
static void append_lost(struct seat *seat)
{
        struct bus_pos position;
        bool duplicate;

        copy_data("appendonlydir", "older");
        cr_assert_eq(seat_append(seat->store, "lost", "k", &duplicate, &position), 0);
}

/* Both are killed, and the server forgets that. */
static void lose_it(struct seat *one, struct seat *two)
{
        one->store = store_abandon(one->store);
        two->store = store_abandon(two->store);
        lose_commits();
}

/* One replica finds out, by what was acknowledged to it; the others are told. */
Test(redis_lease, what_one_replica_has_lost_stops_the_others_too)
{
        EACH_ENGINE(t)
        {
                struct seat one = seat_new("one"), two = seat_new("two");
                char error[256] = "";

                t->store = store_free(t->store);
                open_replicas(&one, &two);
                append_lost(&two);
                lose_it(&one, &two);

                cr_assert_eq(seat_open(&one, true, error, sizeof(error)), 0, "%s", error);
                cr_expect_not(store_has_regressed(one.store), "it knows of no loss");
                cr_expect_eq(store_renew(one.store), 0);
                cr_assert_eq(seat_open(&two, true, error, sizeof(error)), 0, "%s", error);
                cr_expect(store_has_regressed(two.store));
                cr_expect_eq(store_renew(two.store), 0, "who knows of it may go on");
                cr_expect_eq(store_renew(one.store), -ENOTRECOVERABLE);
                one.store = store_abandon(one.store);
                cr_assert_eq(seat_open(&one, true, error, sizeof(error)), 0, "%s", error);
                cr_expect(store_has_regressed(one.store));
                cr_assert_eq(store_restored_done(one.store), 0);
                cr_assert_eq(store_restored_done(two.store), 0);
                cr_expect_eq(store_renew(one.store), 0);
                cr_expect_eq(store_renew(two.store), 0);
                seat_done(&one);
                seat_done(&two);
        }
}

/* Who took it is gone for good, with its folder; the other has committed nothing since. */
Test(redis_lease, a_replica_that_only_renews_finds_out_what_another_has_lost)
{
        EACH_ENGINE(t)
        {
                struct seat one = seat_new("one"), two = seat_new("two");
                char error[256] = "";

                t->store = store_free(t->store);
                open_replicas(&one, &two);
                cr_expect_eq(store_renew(one.store), 0);
                append_lost(&two);
                cr_expect_eq(store_renew(one.store), 0);
                lose_it(&one, &two);

                cr_assert_eq(seat_open(&one, true, error, sizeof(error)), 0, "%s", error);
                cr_expect(store_has_regressed(one.store));
                seat_done(&one);
                seat_done(&two);
        }
}

Test(redis_lease, a_server_that_lost_everything_is_no_new_installation)
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

Test(redis_lease, a_server_that_was_killed_has_all_and_its_streams_go_on_behind_a_fork)
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

Test(redis_lease, a_server_killed_under_load_loses_nothing_that_was_acknowledged)
{
        EACH_ENGINE(t)
        {
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                for (int round = 0; round < 8; round++) {
                        struct bus_pos acknowledged = test_stand(t, "signal@w").last, position;
                        int tell, count = 0;
                        pid_t killer = kill_soon((useconds_t)(round * 7777), &tell);
                        bool duplicate;

                        while (seat_append(t->store, "x", "", &duplicate, &position) == 0) {
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
