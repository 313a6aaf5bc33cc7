/*
 * Handing over a whole store, as of one instant, the cut. Another replica of a shared store may go on
 * meanwhile. How streams and cursors stand, and a shared store's state, is asked for in one step (cut of
 * streams.lua). Records and claims are fetched behind that, page by page: those of before the cut only
 * go by being pruned, and what has come since lies behind the streams' ends and is not told. So a stream
 * may begin later than at the cut, and claims that had expired may be missing, as if that had been pruned a
 * little earlier. -EAGAIN where a record was pruned that its reader was about to come to.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/store/forks.h"
#include "libbus/store/redis/redis.h"

#include <errno.h>
#include <stdio.h>

#define PAGE    256
#define ENTRIES 64 /* of a journal, each of many records */

/* All this may take longer than the lease, and nobody else renews it meanwhile. What is read under one that
 * was lost would not be of one instant. */
static int stay_holder(struct redis_store *s)
{
        const int64_t lease_us = redis_options()->lease_us;

        if (s->shared || !s->held_until_us ||
                s->held_until_us - bus_mono_us() > lease_us - lease_us / 3)
                return 0;
        return store_renew(&s->base);
}

static int ask(struct redis_store *s, redisReply **ret_reply, size_t least)
{
        int r = redis_do(s, ret_reply);

        if (!r && !redis_is_array(*ret_reply, least))
                r = -EBADMSG;
        return r ? r : stay_holder(s);
}

static void begin_on(struct redis_store *s, const char *verb, const char *key, const char *name)
{
        BUS_AUTOFREE char *full = bus_xasprintf("%s%s%s", s->prefix, key, name);

        redis_begin(&s->command);
        redis_add_str(&s->command, verb);
        redis_add_str(&s->command, full);
}

/* ---- one stream ---- */

static int hand_over_stand(
        const struct redis_stream *stream, const char *lost, const struct store_sink *sink)
{
        struct store_dump_stream dumped = { .name = stream->name, .lost = *lost ? lost : NULL };

        dumped.kind = stream->kind;
        dumped.incarnation = stream->now.incarnation;
        dumped.first = stream->now.first;
        dumped.last = stream->now.last;
        dumped.before_first = stream->before_first;
        dumped.top_us = stream->top_us;
        dumped.fork_count = stream->now.fork_count;
        memcpy(dumped.forks, stream->now.forks, sizeof(dumped.forks));
        return sink->stream(sink->arg, &dumped);
}

/* What of it lies behind *RET_LAST. */
static int hand_over_entry(const struct redis_stream *stream, struct redis_entry *entry,
        const struct store_sink *sink, struct bus_pos *ret_last)
{
        struct store_dump_record dumped = { .stream = stream->name };
        int r;

        while (!(r = redis_entry_next(entry, &dumped.record))) {
                if (bus_pos_compare(dumped.record.position, *ret_last) <= 0)
                        continue; /* pruned, but not the last of its entry */
                if (!bus_pos_equal(dumped.record.predecessor, *ret_last))
                        return -EUCLEAN; /* one is missing */
                *ret_last = dumped.record.position;
                dumped.top_us = entry->top_us;
                r = sink->record(sink->arg, &dumped);
                if (r)
                        return r;
        }
        return r == STORE_ABSENT ? 0 : r;
}

static int hand_over_records(const struct redis_stream *stream, const redisReply *reply,
        const struct store_sink *sink, struct bus_pos *ret_last)
{
        bool derived = stream->kind == STORE_STREAM_DERIVED;
        int r = 0;

        for (size_t i = 0; i < reply->elements && !r; i++) {
                struct redis_entry entry;

                r = redis_entry_begin(reply->element[i], derived, &entry);
                if (!r)
                        r = hand_over_entry(stream, &entry, sink, ret_last);
        }
        return r;
}

/* The next ones behind AFTER, up to the cut. */
static int read_entries(struct redis_store *s, const struct redis_stream *stream,
        struct bus_pos after, redisReply **ret_entries)
{
        bool derived = stream->kind == STORE_STREAM_DERIVED;
        char from[REDIS_ID_SIZE + 1] = "(", to[REDIS_ID_SIZE];

        redis_id(after, derived, from + 1);
        begin_on(s, "XRANGE", "j:", stream->name);
        redis_add_str(&s->command, from);
        redis_add_str(&s->command, redis_id(stream->now.last, derived, to));
        redis_add_str(&s->command, "COUNT");
        redis_add_int(&s->command, ENTRIES);
        return ask(s, ret_entries, 0);
}

static int dump_more(struct redis_store *s, const struct redis_stream *stream,
        const struct store_sink *sink, struct bus_pos *last)
{
        REDIS_AUTOREPLY redisReply *entries = NULL;
        int r;

        r = read_entries(s, stream, *last, &entries);
        if (!r && !entries->elements)
                return -EUCLEAN;
        return r < 0 ? r : hand_over_records(stream, entries, sink, last);
}

/* "EXPIRES POSITION VALUE", and when it ends. */
static int parse_claim(struct bus_bytes text, const redisReply *until, bool derived,
        struct store_dump_claim *claim)
{
        const uint8_t *end = text.data + text.size, *first, *second;

        first = memchr(text.data, ' ', text.size);
        second = first ? memchr(first + 1, ' ', (size_t)(end - first - 1)) : NULL;
        if (!second || !redis_is_text(until) ||
                redis_parse_number(bus_bytes(text.data, (size_t)(first - text.data)),
                        &claim->expires_us) < 0 ||
                redis_parse_id(bus_bytes(first + 1, (size_t)(second - first - 1)), derived,
                        &claim->position) < 0 ||
                redis_parse_number(redis_bytes(until), &claim->until_us) < 0)
                return -EBADMSG;
        claim->value = bus_bytes(second + 1, (size_t)(end - second - 1));
        return 0;
}

/* KEYS: key, end, key, end ...; the first SIZE of them. */
static int hand_over_claims(struct redis_store *s, const struct redis_stream *stream,
        const redisReply *keys, size_t size, const struct store_sink *sink)
{
        REDIS_AUTOREPLY redisReply *texts = NULL;
        int r;

        if (size < 2)
                return 0;
        begin_on(s, "HMGET", "c:", stream->name);
        for (size_t i = 0; i + 1 < size; i += 2) {
                if (!redis_is_text(keys->element[i]))
                        return -EBADMSG;
                redis_add(&s->command, redis_bytes(keys->element[i]));
        }
        r = ask(s, &texts, size / 2);
        for (size_t i = 0; !r && i + 1 < size; i += 2) {
                struct store_dump_claim claim = { .stream = stream->name,
                        .key = redis_bytes(keys->element[i]) };
                const redisReply *text = texts->element[i / 2];

                if (!redis_is_text(text))
                        continue; /* gone in between */
                r = parse_claim(redis_bytes(text), keys->element[i + 1],
                        stream->kind == STORE_STREAM_DERIVED, &claim);
                /* what was appended since is not told */
                if (!r && bus_pos_compare(claim.position, stream->now.last) <= 0)
                        r = sink->claim(sink->arg, &claim);
        }
        return r;
}

/* Claims that end from FROM to TO, in that order. */
static int ask_for_claims(struct redis_store *s, const struct redis_stream *stream,
        const char *from, const char *to, redisReply **ret_keys)
{
        begin_on(s, "ZRANGEBYSCORE", "x:", stream->name);
        redis_add_str(&s->command, from);
        redis_add_str(&s->command, to);
        redis_add_str(&s->command, "WITHSCORES");
        if (strcmp(from, to) != 0) {
                redis_add_str(&s->command, "LIMIT");
                redis_add_int(&s->command, 0);
                redis_add_int(&s->command, PAGE);
        }
        return ask(s, ret_keys, 0);
}

/* All that end when the last of PAGE does, which may be more than it holds; *RET_FROM: behind those. */
static int dump_last_of(struct redis_store *s, const struct redis_stream *stream,
        const redisReply *page, char **ret_from, const struct store_sink *sink)
{
        const char *end = page->element[page->elements - 1]->str;
        REDIS_AUTOREPLY redisReply *keys = NULL;
        int r;

        r = ask_for_claims(s, stream, end, end, &keys);
        if (!r)
                r = hand_over_claims(s, stream, keys, keys->elements, sink);
        free(*ret_from);
        *ret_from = bus_xasprintf("(%s", end);
        return r;
}

/* By when they end: a rank would be another's once something was pruned. */
static int dump_claims(
        struct redis_store *s, const struct redis_stream *stream, const struct store_sink *sink)
{
        BUS_AUTOFREE char *from = bus_xstrdup("-inf");
        bool more = true;
        int r = 0;

        while (!r && more) {
                REDIS_AUTOREPLY redisReply *keys = NULL;
                size_t size;

                r = ask_for_claims(s, stream, from, "+inf", &keys);
                if (r < 0)
                        return r;
                size = keys->elements;
                for (size_t i = 1; i < size; i += 2)
                        if (!redis_is_text(keys->element[i]))
                                return -EBADMSG;
                more = size / 2 == PAGE;
                while (more && size &&
                        !strcmp(keys->element[size - 1]->str,
                                keys->element[keys->elements - 1]->str))
                        size -= 2;
                r = hand_over_claims(s, stream, keys, size, sink);
                if (!r && more)
                        r = dump_last_of(s, stream, keys, &from, sink);
        }
        return r;
}

/* A record is missing: has another replica pruned it since the cut? -EAGAIN, or else it is damage. */
static int why_missing(struct redis_store *s, const struct redis_stream *stream)
{
        struct redis_stream now = { .name = stream->name };
        int r;

        r = redis_stream_refresh(s, &now);
        if (r < 0)
                return r;
        return bus_pos_compare(now.before_first, stream->before_first) > 0 ? -EAGAIN : -EUCLEAN;
}

/* Since the cut its beginning may have been pruned. */
static int refresh_begin(struct redis_store *s, struct redis_stream *stream)
{
        struct redis_stream now = { .name = stream->name };
        int r;

        r = redis_stream_refresh(s, &now);
        if (r < 0)
                return r;
        if (bus_pos_compare(now.now.first, stream->now.last) > 0 &&
                !bus_pos_is_zero(stream->now.last))
                return -EAGAIN; /* all that it had */
        if (!bus_pos_is_zero(stream->now.last)) {
                stream->now.first = now.now.first;
                stream->before_first = now.before_first;
        }
        return 0;
}

/* What cut() of streams.lua says of a stream, behind what describe() does. */
enum { STAND_LOST = 7, STAND_NAME, STAND_FIELDS };

static bool is_stand(const redisReply *stand)
{
        return redis_is_array(stand, STAND_FIELDS) && redis_is_text(stand->element[STAND_LOST]) &&
               redis_is_text(stand->element[STAND_NAME]);
}

/* Where the stream begins is looked up behind the first entries: so long they were there. */
static int dump_stream(
        struct redis_store *s, const redisReply *stand, const struct store_sink *sink)
{
        struct redis_stream stream = { .name = stand->element[STAND_NAME]->str };
        REDIS_AUTOREPLY redisReply *entries = NULL;
        struct bus_pos last;
        int r;

        r = redis_parse_stream(stand, &stream);
        if (!r)
                r = read_entries(s, &stream, stream.before_first, &entries);
        if (!r && s->shared)
                r = refresh_begin(s, &stream);
        if (!r)
                r = hand_over_stand(&stream, stand->element[STAND_LOST]->str, sink);
        last = stream.before_first;
        if (!r)
                r = hand_over_records(&stream, entries, sink, &last);
        while (!r && bus_pos_compare(last, stream.now.last) < 0)
                r = dump_more(s, &stream, sink, &last);
        if (r == -EUCLEAN)
                r = why_missing(s, &stream);
        return r < 0 ? r : dump_claims(s, &stream, sink);
}

/* ---- the rest ---- */

static int hand_over_cursors(const redisReply *cursors, const struct store_sink *sink)
{
        struct bus_pos position;
        int r = 0;

        for (size_t i = 0; !r && i + 1 < cursors->elements; i += 2) {
                if (!redis_is_text(cursors->element[i]) ||
                        !redis_is_text(cursors->element[i + 1]) ||
                        bus_pos_parse(cursors->element[i + 1]->str, &position) < 0)
                        return -EBADMSG;
                r = sink->cursor(sink->arg, cursors->element[i]->str, position);
        }
        return r;
}

static int hand_over_pairs(const redisReply *state, const struct store_sink *sink)
{
        int r = 0;

        for (size_t i = 0; !r && i + 1 < state->elements; i += 2) {
                if (!redis_is_text(state->element[i]) || !redis_is_text(state->element[i + 1]))
                        return -EBADMSG;
                r = sink->state(sink->arg, redis_bytes(state->element[i]),
                        redis_bytes(state->element[i + 1]));
        }
        return r;
}

struct state_told {
        struct redis_store *s;
        const struct store_sink *sink;
};

static int hand_over_state(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        const struct state_told *told = arg;
        int r = stay_holder(told->s);

        return r ? r : told->sink->state(told->sink->arg, key, value);
}

static int by_name(const void *a, const void *b)
{
        const redisReply *const *x = a, *const *y = b;

        return strcmp((*x)->element[STAND_NAME]->str, (*y)->element[STAND_NAME]->str);
}

static int dump_streams(struct redis_store *s, redisReply *streams, const struct store_sink *sink)
{
        int r = 0;

        for (size_t i = 0; i < streams->elements; i++)
                if (!is_stand(streams->element[i]))
                        return -EBADMSG;
        if (streams->elements)
                qsort(streams->element, streams->elements, sizeof(streams->element[0]), by_name);
        for (size_t i = 0; !r && i < streams->elements; i++)
                r = dump_stream(s, streams->element[i], sink);
        return r;
}

/* Under a lease nobody else changes the state: there it may be as large as it likes. */
static int dump_cut(struct redis_store *s, const struct store_sink *sink)
{
        enum { STREAMS, CURSORS, STATE, PARTS };
        struct state_told told = { s, sink };
        REDIS_AUTOREPLY redisReply *cut = NULL;
        int r;

        redis_call(s, "cut");
        redis_add_int(&s->command, s->shared);
        r = ask(s, &cut, PARTS);
        for (size_t i = 0; !r && i < PARTS; i++)
                if (!redis_is_array(cut->element[i], 0))
                        r = -EBADMSG;
        if (!r)
                r = dump_streams(s, cut->element[STREAMS], sink);
        if (!r)
                r = hand_over_cursors(cut->element[CURSORS], sink);
        if (r < 0)
                return r;
        if (s->shared)
                return hand_over_pairs(cut->element[STATE], sink);
        r = redis_scan(&s->base, bus_bytes(NULL, 0), hand_over_state, &told);
        return r || !s->held_until_us ? r : store_renew(&s->base); /* it was ours up to its end */
}

static const char *reason_of(int r)
{
        switch (r) {
        case -EUCLEAN:
        case -EBADMSG: return "what Redis has of it is damaged";
        case -EAGAIN: return "another replica pruned it meanwhile";
        default: return strerror(-r);
        }
}

int redis_dump(struct store *store, const struct store_sink *sink, char *error, size_t error_size)
{
        struct redis_store *s = redis_of(store);
        int r;

        r = dump_cut(s, sink);
        if (r < 0 && !*error)
                snprintf(error, error_size, "%s: %s", s->prefix, reason_of(r));
        return r;
}
