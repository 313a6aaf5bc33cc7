/*
 * A commit as one call of one function: Redis decides positions, predecessors and whose claim it is.
 * So it goes where another process may have written meanwhile, or a claim may be taken. What can be
 * put together is: the records of a stream in one piece.
 */
#include "libbus/base/require.h"
#include "libbus/store/redis/redis.h"

#include <errno.h>

/* A piece that would be larger goes in two: who reads one record has to take all of an entry. */
#define PIECE_MAX ((size_t)32768)
/* What the function gives one command at most. */
#define WORDS_MAX 1000
/* What the answer says of a stream: incarnation, first, last, latest time. */
#define STANDS 4

/* ---- appends ---- */

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
        redis_add_str(&s->command, redis_id_of(stream, run->first, id));
        redis_add_str(&s->command, redis_id_of(stream, run->last, id));
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
        redis_append_add(s, stream, append);
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

        redis_append_add(s, stream, append);
        redis_add_str(&s->command, "A");
        redis_add_str(&s->command, stream->name);
        redis_add(&s->command, bus_buf_bytes(&s->records));
        redis_add_int(&s->command, append->at_us);
        redis_add_str(&s->command, redis_id_of(stream, append, id));
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

                r = redis_check_append(s, append);
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

static void add_bites(struct redis_store *s, enum store_op_kind kind, const char *name)
{
        size_t words = kind == STORE_OP_DELETE ? 1 : 2, bite = 0;
        size_t left = redis_changes_count(s, kind);

        for (size_t i = 0; i < s->changes.count; i++) {
                if (s->changes.ops[i]->kind != kind)
                        continue;
                if (!bite) {
                        bite = left * words > WORDS_MAX ? WORDS_MAX / words : left;
                        redis_add_str(&s->command, name);
                        redis_add_int(&s->command, (int64_t)(bite * words));
                }
                redis_change_add(s, s->changes.ops[i]);
                bite--;
                left--;
        }
}

int redis_call_begin(struct redis_store *s, const struct store_batch *batch)
{
        int r;

        redis_call(s, "commit");
        redis_add_str(&s->command, s->token);
        redis_add_int(&s->command, (int64_t)s->mark->n);
        r = add_appends(s, batch);
        if (r < 0)
                return r;
        add_bites(s, STORE_OP_PUT, "P");
        add_bites(s, STORE_OP_DELETE, "D");
        add_bites(s, STORE_OP_CURSOR, "U");
        return 0;
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

/* How the stream stood before: another replica may have appended to it, and begun an incarnation. */
static int take_stand(struct redis_stream *stream, const redisReply *const *at)
{
        bool derived = stream->kind == STORE_STREAM_DERIVED;
        int64_t incarnation;

        for (size_t i = 0; i < STANDS; i++)
                if (!redis_is_text(at[i]))
                        return -EBADMSG;
        if (redis_parse_number(redis_bytes(at[0]), &incarnation) < 0 ||
                redis_parse_number(redis_bytes(at[3]), &stream->top_us) < 0 ||
                redis_parse_id(redis_bytes(at[1]), derived, &stream->now.first) < 0 ||
                redis_parse_id(redis_bytes(at[2]), derived, &stream->now.last) < 0)
                return -EBADMSG;
        stream->now.incarnation = (uint64_t)incarnation;
        stream->is_stale = false;
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
                redis_take_position(stream, append, result);
        }
        return 0;
}

/* A number that does not follow on ours: another process has committed in between. */
static void take_number(struct redis_store *s, const struct store_batch *batch, uint64_t n)
{
        if (s->shared && n != s->mark->n + 1) {
                redis_crowded(s);
                for (size_t i = 0; i < s->order_count; i++)
                        s->order[i]->is_stale = false; /* of these the answer told */
        }
        s->mark->n = n;
        for (size_t i = 0; i < batch->result_count; i++) {
                const struct store_append *append = &batch->ops[batch->appends[i]].append;

                if (append->claim_key.size)
                        redis_claim_seen(
                                s, redis_stream_find(s, append->stream), append->claim_key);
        }
}

int redis_call_results(struct redis_store *s, struct store_batch *batch, const redisReply *reply)
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
                take_number(s, batch, (uint64_t)n);
        return r;
}
