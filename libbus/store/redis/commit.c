/*
 * A batch is one call of one function: Redis decides positions, predecessors and whose claim it is,
 * and does all of it or nothing. With replicas to wait for, the question goes out with the batch.
 */
#include "libbus/base/clock.h"
#include "libbus/store/redis/redis.h"

#include <errno.h>

static int add_append(struct redis_store *s, const struct store_append *append)
{
        const struct redis_stream *stream = redis_stream_find(s, append->stream);
        bool derived = stream && stream->kind == STORE_STREAM_DERIVED;
        char id[REDIS_ID_SIZE] = "";

        if (!stream || append->at_us < 0 || append->claim_expires_us < 0 ||
                !redis_pos_fits(append->position, derived))
                return -EINVAL;
        if (!bus_pos_is_zero(append->position))
                redis_id(append->position, derived, id);
        redis_add_str(&s->command, "A");
        redis_add_str(&s->command, append->stream);
        redis_add_str(&s->command, append->topic);
        redis_add(&s->command, append->body);
        redis_add_int(&s->command, append->at_us);
        redis_add_str(&s->command, id);
        redis_add(&s->command, append->claim_key);
        redis_add(&s->command, append->claim_value);
        redis_add_int(&s->command, append->claim_expires_us);
        return 0;
}

static void add_state(struct redis_store *s, const struct store_op *op)
{
        char position[BUS_POS_TEXT_SIZE];

        switch (op->kind) {
        case STORE_OP_PUT:
                redis_add_str(&s->command, "P");
                redis_add(&s->command, op->key);
                redis_add(&s->command, op->value);
                break;
        case STORE_OP_DELETE:
                redis_add_str(&s->command, "D");
                redis_add(&s->command, op->key);
                break;
        default:
                redis_add_str(&s->command, "U");
                redis_add_str(&s->command, op->stream);
                redis_add_str(&s->command, bus_pos_format(op->position, position));
        }
}

static int add_all(struct redis_store *s, const struct store_batch *batch)
{
        int r = 0;

        redis_call(s, "commit");
        redis_add_str(&s->command, s->token);
        redis_add_int(&s->command, (int64_t)s->mark->n);
        for (size_t i = 0; i < batch->op_count && !r; i++) {
                const struct store_op *op = &batch->ops[i];

                if (op->kind == STORE_OP_APPEND)
                        r = add_append(s, &op->append);
                else
                        add_state(s, op);
        }
        return r;
}

/* ---- the answer ---- */

static int take_result(struct redis_store *s, struct store_batch *batch, const struct store_op *op,
        const redisReply *reply)
{
        struct redis_stream *stream = redis_stream_find(s, op->append.stream);
        struct store_appended *result = &batch->results[op->result];
        bool derived = stream->kind == STORE_STREAM_DERIVED;

        if (!redis_is_array(reply, 4))
                return -EBADMSG;
        for (size_t i = 0; i < 4; i++)
                if (!redis_is_text(reply->element[i]))
                        return -EBADMSG;
        *result = (struct store_appended){ .duplicate = reply->element[0]->str[0] == '1' };
        if (redis_parse_id(redis_bytes(reply->element[1]), derived, &result->position) < 0)
                return -EBADMSG;
        if (result->duplicate) {
                result->claim_value = store_batch_copy(batch, redis_bytes(reply->element[3]));
                return 0;
        }
        if (redis_parse_id(redis_bytes(reply->element[2]), derived, &result->predecessor) < 0)
                return -EBADMSG;
        if (bus_pos_is_zero(stream->now.first))
                stream->now.first = result->position;
        stream->now.last = result->position;
        if (op->append.at_us > stream->top_us)
                stream->top_us = op->append.at_us;
        return 0;
}

static int take_results(struct redis_store *s, struct store_batch *batch, const redisReply *reply)
{
        const redisReply *results;
        size_t next = 0;
        int64_t n;
        int r = 0;

        if (!redis_is_array(reply, 2) || !redis_is_text(reply->element[0]) ||
                redis_parse_number(redis_bytes(reply->element[0]), &n) < 0 ||
                !redis_is_array(reply->element[1], batch->result_count))
                return -EBADMSG;
        results = reply->element[1];
        for (size_t i = 0; i < batch->op_count && !r; i++)
                if (batch->ops[i].kind == STORE_OP_APPEND)
                        r = take_result(s, batch, &batch->ops[i], results->element[next++]);
        if (!r)
                s->mark->n = (uint64_t)n;
        return r;
}

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

int redis_commit(struct store *store, struct store_batch *batch, enum store_sync sync)
{
        struct redis_store *s = redis_of(store);
        bool wait = sync == STORE_SYNC_FULL && redis_options()->wait_replicas > 0;
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int r, waited = 0;

        r = s->busy ? -EBUSY : redis_usable(s);
        if (!r)
                r = add_all(s, batch);
        if (r < 0)
                return r;
        redis_send(s->context, &s->command);
        if (wait)
                send_wait(s);
        r = redis_take_answer(s, &reply);
        if (wait && !s->failed)
                waited = take_wait(s);
        if (r < 0)
                return r;
        r = take_results(s, batch, reply);
        if (r < 0)
                s->failed = r;
        if (r < 0 || waited < 0)
                return r < 0 ? r : waited;
        s->commits++;
        s->syncs += sync == STORE_SYNC_FULL;
        return 0;
}
