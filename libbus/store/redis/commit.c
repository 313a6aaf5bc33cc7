/*
 * A batch is one call of one function: Redis decides positions, predecessors and whose claim it is,
 * and does all of it or nothing. What can be put together here is, since Redis has one thread for all
 * services: the records of a stream in one piece, of a key the last change alone. With replicas
 * to wait for, the question goes out with the batch.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "libbus/store/redis/redis.h"

#include <errno.h>

/* A piece that would be larger goes in two: who reads one record has to take all of an entry. */
#define PIECE_MAX ((size_t)32768)
/* What the function gives one command at most. */
#define WORDS_MAX 1000
/* What the answer says of a stream: incarnation, first, last. */
#define STANDS 3

/* ---- appends ---- */

static int check_append(struct redis_store *s, const struct store_append *append)
{
        const struct redis_stream *stream = redis_stream_find(s, append->stream);

        return !stream || append->at_us < 0 || append->claim_expires_us < 0 ||
                               append->body.size > UINT32_MAX ||
                               strlen(append->topic) > UINT16_MAX ||
                               !redis_pos_fits(
                                       append->position, stream->kind == STORE_STREAM_DERIVED)
                       ? -EINVAL
                       : 0;
}

/* "" where the position is given out by Redis. */
static const char *id_of(
        const struct redis_stream *stream, const struct store_append *append, char *text)
{
        *text = 0;
        if (!bus_pos_is_zero(append->position))
                redis_id(append->position, stream->kind == STORE_STREAM_DERIVED, text);
        return text;
}

static void add_record(
        struct redis_store *s, const struct redis_stream *stream, const struct store_append *append)
{
        const struct store_record record = {
                .topic = append->topic, .body = append->body, .at_us = append->at_us
        };
        char id[REDIS_ID_SIZE];

        id_of(stream, append, id);
        redis_record_add(&s->records, &record, stream->kind == STORE_STREAM_DERIVED ? id : "");
}

struct run {
        const struct store_append *first, *last;
        int64_t top_us;
        size_t count;
};

static void end_run(struct redis_store *s, const struct redis_stream *stream, struct run *run)
{
        char id[REDIS_ID_SIZE];

        if (!run->count)
                return;
        redis_add_str(&s->command, "R");
        redis_add_str(&s->command, stream->name);
        redis_add_int(&s->command, (int64_t)run->count);
        redis_add(&s->command, bus_buf_bytes(&s->records));
        redis_add_int(&s->command, run->top_us);
        redis_add_str(&s->command, id_of(stream, run->first, id));
        redis_add_str(&s->command, id_of(stream, run->last, id));
        bus_buf_clear(&s->records);
        *run = (struct run){ 0 };
}

/* In a stream without positions of its own none may be given, in a derived one each goes forward. */
static int add_to_run(struct redis_store *s, const struct redis_stream *stream,
        const struct store_append *append, struct run *run)
{
        if (s->records.size > PIECE_MAX)
                end_run(s, stream, run);
        if (run->count &&
                (stream->kind == STORE_STREAM_DERIVED
                                ? bus_pos_compare(append->position, run->last->position) <= 0
                                : !bus_pos_is_zero(append->position)))
                return -EINVAL;
        add_record(s, stream, append);
        if (!run->count || append->at_us > run->top_us)
                run->top_us = append->at_us;
        if (!run->count)
                run->first = append;
        run->last = append;
        run->count++;
        return 0;
}

static void add_claimed(
        struct redis_store *s, const struct redis_stream *stream, const struct store_append *append)
{
        char id[REDIS_ID_SIZE];

        add_record(s, stream, append);
        redis_add_str(&s->command, "A");
        redis_add_str(&s->command, stream->name);
        redis_add(&s->command, bus_buf_bytes(&s->records));
        redis_add_int(&s->command, append->at_us);
        redis_add_str(&s->command, id_of(stream, append, id));
        redis_add(&s->command, append->claim_key);
        redis_add(&s->command, append->claim_value);
        redis_add_int(&s->command, append->claim_expires_us);
        bus_buf_clear(&s->records);
}

static int add_stream(struct redis_store *s, const struct store_batch *batch,
        const struct redis_stream *stream, size_t first)
{
        struct run run = { 0 };
        int r = 0;

        bus_buf_clear(&s->records);
        for (size_t i = first; i < batch->result_count && !r; i++) {
                const struct store_append *append = &batch->ops[batch->appends[i]].append;

                if (strcmp(append->stream, stream->name) != 0)
                        continue;
                if (!append->claim_key.size) {
                        r = add_to_run(s, stream, append, &run);
                        continue;
                }
                end_run(s, stream, &run);
                add_claimed(s, stream, append);
        }
        end_run(s, stream, &run);
        return r;
}

/* Stream by stream, in the order in which they come up in the batch. */
static int add_appends(struct redis_store *s, const struct store_batch *batch)
{
        int r = 0;

        s->order_count = 0;
        for (size_t i = 0; i < s->stream_count; i++)
                s->streams[i]->in_batch = false;
        for (size_t i = 0; i < batch->result_count && !r; i++) {
                const struct store_append *append = &batch->ops[batch->appends[i]].append;
                struct redis_stream *stream = redis_stream_find(s, append->stream);

                r = check_append(s, append);
                if (r < 0 || stream->in_batch)
                        continue;
                stream->in_batch = true;
                s->order = bus_xrealloc(
                        s->order, (s->order_count + 1) * sizeof(struct redis_stream *));
                s->order[s->order_count++] = stream;
                r = add_stream(s, batch, stream, i);
        }
        return r;
}

/* ---- state and cursors ---- */

static bool same_key(const struct store_op *a, const struct store_op *b)
{
        if ((a->kind == STORE_OP_CURSOR) != (b->kind == STORE_OP_CURSOR))
                return false;
        return a->kind == STORE_OP_CURSOR ? !strcmp(a->stream, b->stream)
                                          : bus_bytes_equal(a->key, b->key);
}

/* Of each key the last change, by kind, in words that belong together. */
struct changes {
        const struct store_op **ops;
        size_t count, capacity;
};

static bool is_new(struct redis_store *s, struct changes *changes, const struct store_op *op)
{
        struct bus_bytes key = op->kind == STORE_OP_CURSOR ? bus_bytes_str(op->stream) : op->key;
        size_t at = bus_siphash(key, s->hash_key) & (changes->capacity - 1);

        for (; changes->ops[at]; at = (at + 1) & (changes->capacity - 1))
                if (same_key(changes->ops[at], op))
                        return false;
        changes->ops[at] = op;
        changes->count++;
        return true;
}

static void add_change(struct redis_store *s, const struct store_op *op)
{
        char position[BUS_POS_TEXT_SIZE];

        if (op->kind == STORE_OP_CURSOR) {
                redis_add_str(&s->command, op->stream);
                redis_add_str(&s->command, bus_pos_format(op->position, position));
                return;
        }
        redis_add(&s->command, op->key);
        if (op->kind == STORE_OP_PUT)
                redis_add(&s->command, op->value);
}

static void add_kind(struct redis_store *s, const struct store_op *const *ops, size_t count,
        enum store_op_kind kind)
{
        const char *const names[] = {
                [STORE_OP_PUT] = "P", [STORE_OP_DELETE] = "D", [STORE_OP_CURSOR] = "U"
        };
        size_t words = kind == STORE_OP_DELETE ? 1 : 2, left = 0, bite = 0;

        for (size_t i = 0; i < count; i++)
                left += ops[i]->kind == kind;
        for (size_t i = 0; i < count; i++) {
                if (ops[i]->kind != kind)
                        continue;
                if (!bite) {
                        bite = left * words > WORDS_MAX ? WORDS_MAX / words : left;
                        redis_add_str(&s->command, names[kind]);
                        redis_add_int(&s->command, (int64_t)(bite * words));
                }
                add_change(s, ops[i]);
                bite--;
                left--;
        }
}

static void add_changes(struct redis_store *s, const struct store_batch *batch)
{
        size_t count = batch->op_count - batch->result_count, kept = 0;
        struct changes changes = { .capacity = 16 };
        BUS_AUTOFREE const struct store_op **found = NULL;
        BUS_AUTOFREE const struct store_op **ops = NULL;

        if (!count)
                return;
        while (changes.capacity < 2 * count)
                changes.capacity *= 2;
        changes.ops = found = bus_new_n(const struct store_op *, changes.capacity);
        ops = bus_new_n(const struct store_op *, count);
        for (size_t i = batch->op_count; i-- > 0;)
                if (batch->ops[i].kind != STORE_OP_APPEND && is_new(s, &changes, &batch->ops[i])) {
                        ops[kept++] = &batch->ops[i];
                        redis_known_commit(s, &batch->ops[i]);
                }
        add_kind(s, ops, kept, STORE_OP_PUT);
        add_kind(s, ops, kept, STORE_OP_DELETE);
        add_kind(s, ops, kept, STORE_OP_CURSOR);
}

static int add_all(struct redis_store *s, const struct store_batch *batch)
{
        int r;

        redis_call(s, "commit");
        redis_add_str(&s->command, s->token);
        redis_add_int(&s->command, (int64_t)s->mark->n);
        r = add_appends(s, batch);
        if (!r)
                add_changes(s, batch);
        return r;
}

/* ---- the answer ---- */

/* Who has the claim: [position, value]. */
static int take_duplicate(struct store_batch *batch, const redisReply *reply, bool derived,
        struct store_appended *result)
{
        if (!redis_is_array(reply, 2) || !redis_is_text(reply->element[0]) ||
                !redis_is_text(reply->element[1]) ||
                redis_parse_id(redis_bytes(reply->element[0]), derived, &result->position) < 0)
                return -EBADMSG;
        result->duplicate = true;
        result->claim_value = store_batch_copy(batch, redis_bytes(reply->element[1]));
        return 0;
}

static void take_position(struct redis_stream *stream, const struct store_append *append,
        struct store_appended *result)
{
        result->predecessor = stream->now.last;
        if (stream->kind == STORE_STREAM_DERIVED)
                result->position = append->position;
        else
                result->position =
                        (struct bus_pos){ stream->now.incarnation, stream->now.last.seq + 1, 0 };
        if (bus_pos_is_zero(stream->now.first))
                stream->now.first = result->position;
        stream->now.last = result->position;
        if (append->at_us > stream->top_us)
                stream->top_us = append->at_us;
}

/* How the stream stood before: another replica may have appended to it, and begun an incarnation. */
static int take_stand(struct redis_stream *stream, const redisReply *const *at)
{
        bool derived = stream->kind == STORE_STREAM_DERIVED;
        int64_t incarnation;

        if (!redis_is_text(at[0]) || !redis_is_text(at[1]) || !redis_is_text(at[2]) ||
                redis_parse_number(redis_bytes(at[0]), &incarnation) < 0 ||
                redis_parse_id(redis_bytes(at[1]), derived, &stream->now.first) < 0 ||
                redis_parse_id(redis_bytes(at[2]), derived, &stream->now.last) < 0)
                return -EBADMSG;
        stream->now.incarnation = (uint64_t)incarnation;
        return 0;
}

/* The claims of the stream are those of CLAIMS from *NEXT on. */
static int take_stream(struct store_batch *batch, struct redis_stream *stream,
        const redisReply *claims, size_t *next)
{
        for (size_t i = 0; i < batch->result_count; i++) {
                const struct store_append *append = &batch->ops[batch->appends[i]].append;
                struct store_appended *result = &batch->results[i];

                if (strcmp(append->stream, stream->name) != 0)
                        continue;
                *result = (struct store_appended){ 0 };
                if (append->claim_key.size) {
                        if (*next >= claims->elements)
                                return -EBADMSG;
                        if (!redis_is_text(claims->element[(*next)++])) {
                                if (take_duplicate(batch, claims->element[*next - 1],
                                            stream->kind == STORE_STREAM_DERIVED, result) < 0)
                                        return -EBADMSG;
                                continue;
                        }
                }
                take_position(stream, append, result);
        }
        return 0;
}

static int take_results(struct redis_store *s, struct store_batch *batch, const redisReply *reply)
{
        const redisReply *stands;
        size_t next = 0;
        int64_t n;
        int r = 0;

        if (!redis_is_array(reply, 3) || !redis_is_text(reply->element[0]) ||
                redis_parse_number(redis_bytes(reply->element[0]), &n) < 0 ||
                !redis_is_array(reply->element[1], STANDS * s->order_count) ||
                !redis_is_array(reply->element[2], 0))
                return -EBADMSG;
        stands = reply->element[1];
        for (size_t i = 0; i < s->order_count && !r; i++) {
                r = take_stand(
                        s->order[i], (const redisReply *const *)&stands->element[STANDS * i]);
                if (!r)
                        r = take_stream(batch, s->order[i], reply->element[2], &next);
        }
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
