/*
 * A commit as a transaction of plain commands, which costs Redis half of what a function does. It is for
 * who knows all that has to be decided: where its streams end, and that no claim of the batch is taken. That holds
 * under a lease, and in a shared store as long as nobody else commits. The key meta is watched
 * meanwhile, which every other process changes with whatever it does: then nothing of the transaction
 * happens. That the watching began in time tells a look at meta right behind it.
 *
 * Invariant: armed means that meta is watched, and was ours, with our last commit as its last, when
 * the watching had begun.
 */
#include "libbus/base/clock.h"
#include "libbus/store/redis/redis.h"

#include <errno.h>

#define ENTRY_MAX ((size_t)32768)
/* Where another process has committed to a shared store, functions do it all for so long. */
#define CROWDED_US (60 * BUS_US_PER_SEC)

/* ---- watching ---- */

bool redis_may_arm(const struct redis_store *s)
{
        return !s->may_not_transact && (!s->shared || bus_mono_us() >= s->crowded_until_us);
}

static void begin_on(struct redis_store *s, const char *verb, const char *key, const char *name)
{
        redis_begin(&s->command);
        redis_add_str(&s->command, verb);
        redis_add_key(&s->command, s->prefix, key, name);
}

static void send_word(struct redis_store *s, const char *verb)
{
        redis_begin(&s->command);
        redis_add_str(&s->command, verb);
        redis_send(s->context, &s->command);
}

/* Two answers. */
static void send_watch(struct redis_store *s)
{
        static const char *const fields[] = { "token", "loading", "id", "n" };

        begin_on(s, "WATCH", "meta", "");
        redis_send(s->context, &s->command);
        begin_on(s, "HMGET", "meta", "");
        for (size_t i = 0; i < BUS_COUNT(fields); i++)
                redis_add_str(&s->command, fields[i]);
        redis_send(s->context, &s->command);
}

void redis_crowded(struct redis_store *s)
{
        s->armed = false;
        s->crowded_until_us = bus_mono_us() + CROWDED_US;
        redis_known_done(&s->claims);
        for (size_t i = 0; i < s->stream_count; i++)
                s->streams[i]->is_stale = true;
}

/* Our token, our store, nothing of ours lost; *RET_N: its last commit. */
static bool is_ours(const struct redis_store *s, const redisReply *meta, int64_t *ret_n)
{
        enum { TOKEN, LOADING, ID, N, FIELDS };

        return redis_is_array(meta, FIELDS) && redis_is_text(meta->element[TOKEN]) &&
               !strcmp(meta->element[TOKEN]->str, s->token) &&
               !redis_is_text(meta->element[LOADING]) && redis_is_text(meta->element[ID]) &&
               !strcmp(meta->element[ID]->str, s->mark->id) && redis_is_text(meta->element[N]) &&
               redis_parse_number(redis_bytes(meta->element[N]), ret_n) == 0 &&
               (uint64_t)*ret_n >= s->mark->n;
}

/* Where it is not as it should be, the function will say what that is. */
static void look_at(struct redis_store *s, const redisReply *meta)
{
        int64_t n;

        s->armed = is_ours(s, meta, &n);
        if (s->armed && s->shared && (uint64_t)n != s->mark->n)
                redis_crowded(s);
        else if (s->armed)
                s->mark->n = (uint64_t)n; /* under the lease nobody else has counted on */
}

/* -errno of an error answer, too; only a connection that failed ends the store. */
static int take(struct redis_store *s, redisReply **ret_reply)
{
        char error[256];
        int r = redis_answer(s->context, ret_reply, error, sizeof(error));

        if (r < 0 && s->context->err)
                s->failed = r;
        return r;
}

static void take_watch(struct redis_store *s)
{
        REDIS_AUTOREPLY redisReply *watching = NULL;
        REDIS_AUTOREPLY redisReply *meta = NULL;
        int watched = take(s, &watching);
        int looked = s->failed ? s->failed : take(s, &meta);

        s->armed = false;
        if (watched == -EACCES || looked == -EACCES)
                s->may_not_transact = true;
        if (!watched && !looked)
                look_at(s, meta);
}

/* An empty transaction goes first: who may not, does all by functions. */
void redis_arm_send(struct redis_store *s)
{
        s->armed = false;
        send_word(s, "MULTI");
        send_word(s, "EXEC");
        send_word(s, "UNWATCH");
        send_watch(s);
}

void redis_arm_take(struct redis_store *s)
{
        for (int i = 0; i < 3 && !s->failed; i++) {
                REDIS_AUTOREPLY redisReply *reply = NULL;

                if (take(s, &reply) == -EACCES)
                        s->may_not_transact = true;
        }
        if (!s->failed)
                take_watch(s);
        if (s->may_not_transact)
                s->armed = false;
}

/* ---- what may go this way ---- */

/* 0; REDIS_CONFLICT: Redis has to decide; -EINVAL. */
static int check(struct redis_store *s, struct store_batch *batch)
{
        for (size_t i = 0; i < s->stream_count; i++)
                s->streams[i]->planned = s->streams[i]->now.last;
        for (size_t i = 0; i < batch->result_count; i++) {
                const struct store_append *append = &batch->ops[batch->appends[i]].append;
                struct redis_stream *stream = redis_stream_find(s, append->stream);
                bool is_free = true;
                int r;

                r = redis_check_append(s, append);
                if (r < 0)
                        return r;
                if (stream->is_stale)
                        return REDIS_CONFLICT;
                if (stream->kind == STORE_STREAM_DERIVED) {
                        if (bus_pos_compare(append->position, stream->planned) <= 0)
                                return -EINVAL;
                        stream->planned = append->position;
                } else if (!bus_pos_is_zero(append->position)) {
                        return -EINVAL;
                }
                if (append->claim_key.size)
                        r = redis_claim_take(s, stream, append->claim_key, &is_free);
                if (r < 0 || !is_free)
                        return r < 0 ? r : REDIS_CONFLICT;
        }
        return 0;
}

/* ---- sending ---- */

static void queue(struct redis_store *s)
{
        redis_send(s->context, &s->command);
        s->queued++;
}

/* Where the next records of a stream go. */
struct entry {
        struct bus_pos last, before;
        int64_t top_us, top_before_us;
};

static void end_entry(struct redis_store *s, const struct redis_stream *stream, struct entry *entry)
{
        bool derived = stream->kind == STORE_STREAM_DERIVED;
        char id[REDIS_ID_SIZE];

        if (!s->records.size)
                return;
        begin_on(s, "XADD", "j:", stream->name);
        redis_add_str(&s->command, redis_id(entry->last, derived, id));
        redis_add_str(&s->command, "r");
        redis_add(&s->command, bus_buf_bytes(&s->records));
        redis_add_str(&s->command, "p");
        redis_add_str(&s->command, redis_id(entry->before, derived, id));
        redis_add_str(&s->command, "u");
        redis_add_int(&s->command, entry->top_before_us);
        queue(s);
        bus_buf_clear(&s->records);
        entry->before = entry->last;
        entry->top_before_us = entry->top_us;
}

static struct bus_pos next_position(const struct redis_stream *stream,
        const struct store_append *append, const struct entry *entry)
{
        return stream->kind == STORE_STREAM_DERIVED
                       ? append->position
                       : (struct bus_pos){ stream->now.incarnation, entry->last.seq + 1, 0 };
}

static void queue_stand(struct redis_store *s, const struct redis_stream *stream,
        const struct entry *entry, struct bus_pos first)
{
        bool derived = stream->kind == STORE_STREAM_DERIVED;
        char id[REDIS_ID_SIZE];

        begin_on(s, "HSET", "s:", stream->name);
        redis_add_str(&s->command, "last");
        redis_add_str(&s->command, redis_id(entry->last, derived, id));
        redis_add_str(&s->command, "top");
        redis_add_int(&s->command, entry->top_us);
        if (bus_pos_is_zero(stream->now.first)) {
                redis_add_str(&s->command, "first");
                redis_add_str(&s->command, redis_id(first, derived, id));
        }
        queue(s);
}

/* Their texts, and when they end. */
static void queue_claims(
        struct redis_store *s, const struct redis_stream *stream, struct store_batch *batch)
{
        for (int ends = 0; ends < 2; ends++) {
                begin_on(s, ends ? "ZADD" : "HSET", ends ? "x:" : "c:", stream->name);
                for (size_t i = 0; i < batch->result_count; i++) {
                        const struct store_append *append = &batch->ops[batch->appends[i]].append;

                        if (!append->claim_key.size || strcmp(append->stream, stream->name) != 0)
                                continue;
                        if (ends)
                                redis_add_int(&s->command, append->claim_expires_us
                                                                   ? append->claim_expires_us
                                                                   : append->at_us);
                        redis_add(&s->command, append->claim_key);
                        if (!ends)
                                redis_claim_text(s, stream, append, batch->results[i].position);
                }
                queue(s);
        }
}

static void queue_stream(struct redis_store *s, const struct redis_stream *stream,
        struct store_batch *batch, size_t first)
{
        struct entry entry = { .last = stream->now.last,
                .before = stream->now.last,
                .top_us = stream->top_us,
                .top_before_us = stream->top_us };
        bool has_claims = false;

        bus_buf_clear(&s->records);
        for (size_t i = first; i < batch->result_count; i++) {
                const struct store_append *append = &batch->ops[batch->appends[i]].append;

                if (strcmp(append->stream, stream->name) != 0)
                        continue;
                if (s->records.size + append->body.size > ENTRY_MAX)
                        end_entry(s, stream, &entry);
                redis_append_add(s, stream, append);
                entry.last = next_position(stream, append, &entry);
                if (append->at_us > entry.top_us)
                        entry.top_us = append->at_us;
                batch->results[i].position = entry.last;
                has_claims |= append->claim_key.size > 0;
        }
        end_entry(s, stream, &entry);
        queue_stand(s, stream, &entry, batch->results[first].position);
        if (has_claims)
                queue_claims(s, stream, batch);
}

static void queue_kind(
        struct redis_store *s, enum store_op_kind kind, const char *verb, const char *key)
{
        if (!redis_changes_count(s, kind))
                return;
        begin_on(s, verb, key, "");
        for (size_t i = 0; i < s->changes.count; i++)
                if (s->changes.ops[i]->kind == kind)
                        redis_change_add(s, s->changes.ops[i]);
        queue(s);
}

/* A key that is in the order already stays where it is, and the append-only file hears nothing of it. */
static void queue_order(struct redis_store *s)
{
        if (!redis_changes_count(s, STORE_OP_PUT))
                return;
        begin_on(s, "ZADD", "o", "");
        for (size_t i = 0; i < s->changes.count; i++)
                if (s->changes.ops[i]->kind == STORE_OP_PUT) {
                        redis_add_str(&s->command, "0");
                        redis_add(&s->command, s->changes.ops[i]->key);
                }
        queue(s);
}

static void queue_all(struct redis_store *s, struct store_batch *batch)
{
        for (size_t i = 0; i < s->stream_count; i++)
                s->streams[i]->in_batch = false;
        for (size_t i = 0; i < batch->result_count; i++) {
                const struct store_append *append = &batch->ops[batch->appends[i]].append;
                struct redis_stream *stream = redis_stream_find(s, append->stream);

                if (stream->in_batch)
                        continue;
                stream->in_batch = true;
                queue_stream(s, stream, batch, i);
        }
        queue_kind(s, STORE_OP_PUT, "HSET", "k");
        queue_order(s);
        queue_kind(s, STORE_OP_DELETE, "HDEL", "k");
        queue_kind(s, STORE_OP_DELETE, "ZREM", "o");
        queue_kind(s, STORE_OP_CURSOR, "HSET", "u");
        begin_on(s, "HSET", "meta", "");
        redis_add_str(&s->command, "n");
        redis_add_int(&s->command, (int64_t)s->mark->n + 1);
        queue(s);
}

int redis_transact_send(struct redis_store *s, struct store_batch *batch)
{
        int r;

        if (!s->armed || s->may_not_transact)
                return REDIS_CONFLICT;
        r = check(s, batch);
        if (r)
                return r;
        s->queued = 0;
        s->armed = false; /* a transaction ends the watching, whatever becomes of it */
        send_word(s, "MULTI");
        queue_all(s, batch);
        send_word(s, "EXEC");
        send_watch(s);
        return 0;
}

/* ---- the answers ---- */

/* What EXEC says: an answer for each that was queued, or nil where the watched key was touched. */
static int take_exec(struct redis_store *s, int refused)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int r = take(s, &reply);

        if (r < 0)
                return refused ? refused : r;
        if (reply->type == REDIS_REPLY_NIL)
                return REDIS_CONFLICT;
        if (!redis_is_array(reply, s->queued))
                return -EBADMSG;
        for (size_t i = 0; i < reply->elements; i++)
                if (reply->element[i]->type == REDIS_REPLY_ERROR)
                        return -EUCLEAN; /* half of it: a right was taken away while it waited */
        return 0;
}

static int take_queued(struct redis_store *s)
{
        int refused = 0;

        for (size_t i = 0; i < s->queued + 1 && !s->failed; i++) {
                REDIS_AUTOREPLY redisReply *reply = NULL;
                int r = take(s, &reply);

                if (r < 0 && !refused)
                        refused = r;
        }
        return refused;
}

static void take_positions(struct redis_store *s, struct store_batch *batch)
{
        for (size_t i = 0; i < batch->result_count; i++) {
                const struct store_append *append = &batch->ops[batch->appends[i]].append;

                batch->results[i] = (struct store_appended){ 0 };
                redis_take_position(
                        redis_stream_find(s, append->stream), append, &batch->results[i]);
        }
}

int redis_transact_take(struct redis_store *s, struct store_batch *batch)
{
        int r;

        r = take_queued(s);
        if (!s->failed)
                r = take_exec(s, r);
        if (s->failed)
                return s->failed;
        if (!r) {
                take_positions(s, batch);
                s->mark->n++;
        } else if (r == -EUCLEAN) {
                /* whoever opens it next finds less than was acknowledged, and stops until somebody has looked */
                s->mark->n += 2;
                s->failed = r;
                return r;
        } else if (r < 0 && r != -ENOSPC) {
                s->failed = r; /* nobody knows what that is: this connection does nothing more */
                return r;
        }
        take_watch(s);
        return r;
}
