/*
 * The store in Redis: opening, closing, holding on to it.
 *
 * Opening compares what this folder remembers of the store (the mark) with what Redis has. A Redis
 * that has less has lost commits that it had acknowledged: the store is marked as restored and
 * regressed, and its streams go on under new incarnations, so that no position is given out twice.
 * They do so as well where Redis is another process than before: what it may have lost is then
 * behind the fork, whoever had read it.
 */
#include "libbus/store/redis/redis.h"

#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <stdio.h>

#define STORE_ID_BYTES 8
#define RUN_ID_MAX     64

static void release(struct redis_store *s)
{
        if (s->context)
                redisFree(s->context);
        redis_streams_done(s);
        bus_buf_done(&s->command.args);
        bus_buf_done(&s->records);
        redis_known_done(&s->known);
        redis_known_done(&s->claims);
        redis_changes_done(&s->changes);
        redis_place_done(s);
        free(s);
}

/* The server's own name for this run of it; "" where it does not say. */
static int server_run(
        struct redis_store *s, char ret_run[static RUN_ID_MAX], char *error, size_t error_size)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        const char *at;
        int r;

        *ret_run = 0;
        redis_begin(&s->command);
        redis_add_str(&s->command, "INFO");
        redis_add_str(&s->command, "server");
        r = redis_ask(s->context, &s->command, &reply, error, error_size);
        if (r == -EACCES)
                snprintf(error, error_size, "redis: the user \"%s\" needs +info",
                        redis_options()->user);
        if (r < 0)
                return r;
        at = redis_is_text(reply) ? strstr(reply->str, "run_id:") : NULL;
        if (!at)
                return -EBADMSG;
        at += strlen("run_id:");
        snprintf(ret_run, RUN_ID_MAX, "%.*s", (int)strcspn(at, "\r\n"), at);
        return 0;
}

static int check_setting(
        struct redis_store *s, const char *name, const char *wanted, char *error, size_t error_size)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        char ignored[256];
        int r;

        redis_begin(&s->command);
        redis_add_str(&s->command, "CONFIG");
        redis_add_str(&s->command, "GET");
        redis_add_str(&s->command, name);
        r = redis_ask(s->context, &s->command, &reply, ignored, sizeof(ignored));
        if (r == -EACCES || (!r && !redis_is_array(reply, 2)))
                return 0; /* not ours to see: whoever set it up vouches for it */
        if (!r && redis_is_text(reply->element[1]) && strcmp(reply->element[1]->str, wanted)) {
                snprintf(error, error_size, "redis: %s is \"%s\" and must be \"%s\"", name,
                        reply->element[1]->str, wanted);
                return -EPROTONOSUPPORT;
        }
        if (r < 0)
                snprintf(error, error_size, "%s", ignored);
        return r;
}

/* A 200 is a promise: what Redis acknowledges has to be on its disk. */
static int check_settings(struct redis_store *s, char *error, size_t error_size)
{
        int r;

        r = check_setting(s, "appendonly", "yes", error, error_size);
        if (!r)
                r = check_setting(s, "appendfsync", "always", error, error_size);
        return r;
}

static int ask_to_open(struct redis_store *s, const struct store_options *options, const char *run,
        redisReply **ret_reply, char *error, size_t error_size)
{
        uint8_t random[STORE_ID_BYTES];
        char fresh_id[2 * STORE_ID_BYTES + 1];

        bus_random(random, sizeof(random));
        bus_hex(bus_bytes(random, sizeof(random)), fresh_id);
        redis_call(s, "open");
        redis_add_str(&s->command, s->owner);
        redis_add_int(&s->command, redis_options()->lease_us / BUS_US_PER_MS);
        redis_add_int(&s->command, s->shared);
        redis_add_str(&s->command, options->boot_id ? options->boot_id : "");
        redis_add_str(&s->command, run);
        redis_add_str(&s->command, fresh_id);
        redis_add_str(&s->command, s->mark->id);
        redis_add_int(&s->command, (int64_t)s->mark->n);
        redis_add_int(&s->command, redis_options()->wait_replicas > 0);
        return redis_ask(s->context, &s->command, ret_reply, error, error_size);
}

static int take_open(struct redis_store *s, const redisReply *reply)
{
        int64_t n;

        if (!redis_is_array(reply, 5))
                return -EBADMSG;
        for (size_t i = 0; i < 5; i++)
                if (!redis_is_text(reply->element[i]))
                        return -EBADMSG;
        if (redis_parse_number(redis_bytes(reply->element[2]), &n) < 0)
                return -EBADMSG;
        snprintf(s->token, sizeof(s->token), "%s", reply->element[0]->str);
        redis_mark_set(s, reply->element[1]->str, (uint64_t)n);
        s->restored = reply->element[3]->str[0] == '1';
        s->regressed = reply->element[4]->str[0] == '1';
        return 0;
}

static int open_store(
        struct redis_store *s, const struct store_options *options, char *error, size_t error_size)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        char run[RUN_ID_MAX];
        int64_t asked_us;
        int r;

        r = server_run(s, run, error, error_size);
        if (!r)
                r = check_settings(s, error, error_size);
        if (!r)
                r = redis_adopt_file(s, error, error_size);
        if (r < 0)
                return r;
        asked_us = bus_mono_us();
        r = ask_to_open(s, options, run, &reply, error, error_size);
        if (r == -ENOSYS) {
                r = store_redis_load_library(error, error_size);
                if (r == -EACCES)
                        snprintf(error, error_size,
                                "redis has not this program's functions, and this user may not load them:"
                                " umbra redis load");
                if (!r)
                        r = ask_to_open(s, options, run, &reply, error, error_size);
        }
        if (r == -EBUSY)
                redis_say_who(error, error_size);
        if (r == -EACCES)
                redis_say_right(error, error_size);
        if (!r)
                r = take_open(s, reply);
        if (!r)
                s->held_until_us = asked_us + redis_options()->lease_us;
        return r;
}

static int redis_open(const struct store_options *options, struct store **ret_store, char *error,
        size_t error_size)
{
        struct redis_store *s = bus_new(struct redis_store);
        int r;

        s->base.engine = &store_engine_redis;
        s->lock_fd = -1;
        s->now_us = options->now_us;
        s->shared = options->shared;
        bus_random(s->hash_key, sizeof(s->hash_key));
        *error = 0;
        r = redis_place_take(s, options->path, error, error_size);
        if (!r)
                r = redis_connect(&s->context, error, error_size);
        if (!r)
                r = open_store(s, options, error, error_size);
        if (r < 0) {
                if (!*error)
                        snprintf(error, error_size, "redis: %s", strerror(-r));
                release(s);
                return r;
        }
        *ret_store = &s->base;
        return 0;
}

static void redis_abandon(struct store *store)
{
        release(redis_of(store));
}

static void redis_close(struct store *store)
{
        struct redis_store *s = redis_of(store);
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int r;

        redis_call(s, "close");
        redis_add_str(&s->command, s->token);
        redis_add_str(&s->command, s->owner);
        redis_add_int(&s->command, s->shared);
        r = redis_do(s, &reply);
        (void)r; /* where nobody hears it, the lease runs out */
        release(s);
}

/* ---- holding on to it ---- */

static int redis_renew(struct store *store)
{
        struct redis_store *s = redis_of(store);
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int64_t asked_us = bus_mono_us(), n;
        bool arm = redis_may_arm(s);
        int r;

        redis_call(s, "renew");
        redis_add_str(&s->command, s->token);
        redis_add_str(&s->command, s->owner);
        redis_add_int(&s->command, s->shared);
        redis_add_int(&s->command, redis_options()->lease_us / BUS_US_PER_MS);
        r = redis_usable(s);
        if (r < 0)
                return r;
        redis_send(s->context, &s->command);
        if (arm)
                redis_arm_send(s);
        r = redis_take_answer(s, &reply);
        if (arm && !s->failed)
                redis_arm_take(s);
        if (r < 0)
                return r;
        if (!redis_is_array(reply, 3) || !redis_is_text(reply->element[0]) ||
                !redis_is_text(reply->element[1]) || !redis_is_text(reply->element[2]) ||
                redis_parse_number(redis_bytes(reply->element[1]), &n) < 0)
                return s->failed = -EBADMSG;
        /* it has lost what it had, or another replica has found that out */
        if (strcmp(reply->element[0]->str, s->mark->id) || (uint64_t)n < s->mark->n ||
                (reply->element[2]->str[0] == '1' && !s->regressed))
                return s->failed = -ENOTRECOVERABLE;
        if (s->shared && (uint64_t)n != s->mark->n) {
                /* others committed: where that is gone later, it may be ours to find out */
                redis_crowded(s);
                s->mark->n = (uint64_t)n;
        }
        s->held_until_us = asked_us + redis_options()->lease_us;
        return 0;
}

static void redis_lease(const struct store *store, struct store_lease *ret_lease)
{
        const struct redis_store *s = redis_of(store);

        *ret_lease = (struct store_lease){ .token = s->shared ? 0 : strtoull(s->token, NULL, 10),
                .until_us = s->shared ? INT64_MAX : s->held_until_us,
                .period_us = redis_options()->lease_us / 3,
                .shared = s->shared,
                .holder = s->owner };
}

/* ---- the rest ---- */

static bool redis_was_restored(const struct store *store)
{
        return redis_of(store)->restored;
}

static bool redis_has_regressed(const struct store *store)
{
        return redis_of(store)->regressed;
}

static int redis_restored_done(struct store *store)
{
        struct redis_store *s = redis_of(store);
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int r;

        redis_call(s, "restored_done");
        redis_add_str(&s->command, s->token);
        r = redis_do(s, &reply);
        if (!r)
                s->restored = s->regressed = false;
        return r;
}

static void redis_stats(const struct store *store, struct store_stats *ret_stats)
{
        const struct redis_store *s = redis_of(store);

        *ret_stats = (struct store_stats){ .commits = s->commits, .syncs = s->syncs };
}

const struct store_engine store_engine_redis = {
        .name = "redis",
        .open = redis_open,
        .close = redis_close,
        .abandon = redis_abandon,
        .stream_open = redis_stream_open,
        .stream_fork = redis_stream_fork,
        .stream_get = redis_stream_get,
        .stream_seen = redis_stream_seen,
        .read = redis_read,
        .seek_time = redis_seek_time,
        .prune = redis_prune,
        .get = redis_get,
        .scan = redis_scan,
        .cursor = redis_cursor,
        .commit = redis_commit,
        .renew = redis_renew,
        .lease = redis_lease,
        .backup = redis_backup,
        .verify = redis_verify,
        .restore = redis_restore,
        .dump = redis_dump,
        .load = redis_load,
        .was_restored = redis_was_restored,
        .has_regressed = redis_has_regressed,
        .restored_done = redis_restored_done,
        .stats = redis_stats,
};
