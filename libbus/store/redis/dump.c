/*
 * Handing over a whole store. Another replica of a shared store may go on writing meanwhile: the
 * streams are told up to where they stood when it began, cursors before the state that belongs to
 * them, so that what comes out is a store as it might have been.
 */
#include "libbus/base/require.h"
#include "libbus/store/forks.h"
#include "libbus/store/redis/redis.h"

#include <errno.h>
#include <stdio.h>

#define PAGE    256
#define ENTRIES 64 /* of a journal, each of many records */

static int ask(struct redis_store *s, redisReply **ret_reply, size_t least)
{
        int r = redis_do(s, ret_reply);

        return !r && !redis_is_array(*ret_reply, least) ? -EBADMSG : r;
}

static void begin_on(struct redis_store *s, const char *verb, const char *key, const char *name)
{
        BUS_AUTOFREE char *full = bus_xasprintf("%s%s%s", s->prefix, key, name);

        redis_begin(&s->command);
        redis_add_str(&s->command, verb);
        redis_add_str(&s->command, full);
}

/* ---- one stream ---- */

static int dump_stand(
        struct redis_store *s, struct redis_stream *stream, const struct store_sink *sink)
{
        struct store_dump_stream dumped = { .name = stream->name };
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int r;

        r = redis_stream_refresh(s, stream);
        if (r < 0)
                return r;
        begin_on(s, "HGET", "s:", stream->name);
        redis_add_str(&s->command, "lost");
        r = redis_do(s, &reply);
        if (r < 0)
                return r;
        dumped.lost = redis_is_text(reply) ? reply->str : NULL;
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

static int dump_records(
        struct redis_store *s, const struct redis_stream *stream, const struct store_sink *sink)
{
        bool derived = stream->kind == STORE_STREAM_DERIVED;
        char from[REDIS_ID_SIZE + 1], to[REDIS_ID_SIZE];
        struct bus_pos last = stream->before_first;
        int r = 0;

        redis_id(stream->now.last, derived, to);
        while (!r && bus_pos_compare(last, stream->now.last) < 0) {
                REDIS_AUTOREPLY redisReply *reply = NULL;

                from[0] = '(';
                redis_id(last, derived, from + 1);
                begin_on(s, "XRANGE", "j:", stream->name);
                redis_add_str(&s->command, from);
                redis_add_str(&s->command, to);
                redis_add_str(&s->command, "COUNT");
                redis_add_int(&s->command, ENTRIES);
                r = ask(s, &reply, 0);
                if (!r && !reply->elements)
                        r = -EUCLEAN;
                if (!r)
                        r = hand_over_records(stream, reply, sink, &last);
        }
        return r;
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

/* KEYS: key, end, key, end ... */
static int hand_over_claims(struct redis_store *s, const struct redis_stream *stream,
        const redisReply *keys, const struct store_sink *sink)
{
        REDIS_AUTOREPLY redisReply *texts = NULL;
        int r;

        begin_on(s, "HMGET", "c:", stream->name);
        for (size_t i = 0; i + 1 < keys->elements; i += 2) {
                if (!redis_is_text(keys->element[i]))
                        return -EBADMSG;
                redis_add(&s->command, redis_bytes(keys->element[i]));
        }
        r = ask(s, &texts, keys->elements / 2);
        for (size_t i = 0; !r && i + 1 < keys->elements; i += 2) {
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

static int dump_claims(
        struct redis_store *s, const struct redis_stream *stream, const struct store_sink *sink)
{
        size_t got = PAGE;
        int r = 0;

        for (int64_t rank = 0; !r && got == PAGE; rank += PAGE) {
                REDIS_AUTOREPLY redisReply *keys = NULL;

                begin_on(s, "ZRANGE", "x:", stream->name);
                redis_add_int(&s->command, rank);
                redis_add_int(&s->command, rank + PAGE - 1);
                redis_add_str(&s->command, "WITHSCORES");
                r = ask(s, &keys, 0);
                if (r < 0)
                        return r;
                got = keys->elements / 2;
                if (got)
                        r = hand_over_claims(s, stream, keys, sink);
        }
        return r;
}

static int dump_one(struct redis_store *s, const char *name, const struct store_sink *sink)
{
        struct redis_stream stream = { .name = (char *)(uintptr_t)name };
        int r;

        r = dump_stand(s, &stream, sink);
        if (!r)
                r = dump_records(s, &stream, sink);
        return r < 0 ? r : dump_claims(s, &stream, sink);
}

/* ---- the rest ---- */

static int dump_cursors(struct redis_store *s, const struct store_sink *sink)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        struct bus_pos position;
        int r;

        begin_on(s, "HGETALL", "u", "");
        r = ask(s, &reply, 0);
        for (size_t i = 0; !r && i + 1 < reply->elements; i += 2) {
                if (!redis_is_text(reply->element[i]) || !redis_is_text(reply->element[i + 1]) ||
                        bus_pos_parse(reply->element[i + 1]->str, &position) < 0)
                        return -EBADMSG;
                r = sink->cursor(sink->arg, reply->element[i]->str, position);
        }
        return r;
}

static int hand_over_state(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        const struct store_sink *sink = arg;

        return sink->state(sink->arg, key, value);
}

static int by_name(const void *a, const void *b)
{
        const redisReply *const *x = a, *const *y = b;

        return strcmp((*x)->str, (*y)->str);
}

static int dump_streams(struct redis_store *s, const struct store_sink *sink)
{
        REDIS_AUTOREPLY redisReply *names = NULL;
        int r;

        begin_on(s, "SMEMBERS", "streams", "");
        r = ask(s, &names, 0);
        if (r < 0)
                return r;
        for (size_t i = 0; i < names->elements; i++)
                if (!redis_is_text(names->element[i]))
                        return -EBADMSG;
        if (names->elements)
                qsort(names->element, names->elements, sizeof(names->element[0]), by_name);
        for (size_t i = 0; !r && i < names->elements; i++)
                r = dump_one(s, names->element[i]->str, sink);
        return r;
}

int redis_dump(struct store *store, const struct store_sink *sink, char *error, size_t error_size)
{
        struct redis_store *s = redis_of(store);
        int r;

        r = dump_streams(s, sink);
        if (!r)
                r = dump_cursors(s, sink);
        if (!r)
                r = redis_scan(
                        &s->base, bus_bytes(NULL, 0), hand_over_state, (void *)(uintptr_t)sink);
        if (r < 0 && !*error)
                snprintf(error, error_size, "%s: %s", s->prefix,
                        r == -EUCLEAN || r == -EBADMSG ? "what Redis has of it is damaged"
                                                       : strerror(-r));
        return r;
}
