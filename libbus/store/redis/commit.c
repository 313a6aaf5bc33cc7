/*
 * A batch is one step of Redis, all of it or nothing: a transaction of plain commands where nothing
 * has to be decided there (transact.c), else one call of one function (call.c). With replicas to
 * wait for, the question goes out with the batch.
 */
#include "libbus/base/clock.h"
#include "libbus/store/redis/redis.h"

#include <errno.h>

static void send_wait(struct redis_store *s)
{
        const struct store_redis_options *options = redis_options();

        redis_begin(&s->command);
        redis_add_str(&s->command, "WAIT");
        redis_add_int(&s->command, options->wait_replicas);
        redis_add_int(&s->command, options->wait_us / BUS_US_PER_MS);
        redis_send(s->context, &s->command);
}

/* Too few replicas have it: as a sync that failed, nobody knows what will hold. */
static int take_wait(struct redis_store *s)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int r;

        r = redis_take_answer(s, &reply);
        if (!r && (reply->type != REDIS_REPLY_INTEGER ||
                          reply->integer < redis_options()->wait_replicas))
                r = s->failed = -EIO;
        return r;
}

static int call_function(struct redis_store *s, struct store_batch *batch, bool wait)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        bool arm = redis_may_arm(s);
        int r, waited = 0;

        s->armed = false;
        r = redis_call_begin(s, batch);
        if (r < 0)
                return r;
        redis_send(s->context, &s->command);
        if (wait)
                send_wait(s);
        if (arm)
                redis_arm_send(s);
        r = redis_take_answer(s, &reply);
        if (wait && !s->failed)
                waited = take_wait(s);
        if (!r) {
                r = redis_call_results(s, batch, reply);
                if (r < 0)
                        s->failed = r;
        }
        if (arm && !s->failed)
                redis_arm_take(s);
        return r < 0 ? r : waited;
}

/* REDIS_CONFLICT: nothing happened, and the function has to look why. */
static int transact(struct redis_store *s, struct store_batch *batch, bool wait)
{
        int r, waited = 0;

        r = redis_transact_send(s, batch);
        if (r)
                return r;
        if (wait)
                send_wait(s);
        r = redis_transact_take(s, batch);
        if (wait && !s->failed)
                waited = take_wait(s);
        /* what is known of the replicas counts, whoever commits: one that asks again is told no more */
        return waited < 0 ? waited : r;
}

int redis_commit(struct store *store, struct store_batch *batch, enum store_sync sync)
{
        struct redis_store *s = redis_of(store);
        bool wait = sync == STORE_SYNC_FULL && redis_options()->wait_replicas > 0;
        int r;

        r = s->busy ? -EBUSY : redis_usable(s);
        if (r < 0)
                return r;
        redis_changes_find(s, batch);
        r = transact(s, batch, wait);
        if (r == REDIS_CONFLICT)
                r = call_function(s, batch, wait);
        if (r < 0)
                return r;
        s->commits++;
        s->syncs += sync == STORE_SYNC_FULL;
        return 0;
}
