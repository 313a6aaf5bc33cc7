/* Reading a journal, seeking in it by time, and pruning it. */
#include "libbus/store/forks.h"
#include "libbus/store/redis/redis.h"

#include <errno.h>
#include <stdio.h>

/* Entries fetched at once, each of one record or of many. */
#define READ_ENTRIES 64

static bool is_derived(const struct redis_stream *stream)
{
        return stream->kind == STORE_STREAM_DERIVED;
}

static void begin_range(struct redis_store *s, const struct redis_stream *stream, const char *verb,
        const char *from, const char *to, size_t count)
{
        BUS_AUTOBUF struct bus_buf journal = BUS_BUF_INIT;

        bus_buf_printf(&journal, "%sj:%s", s->prefix, stream->name);
        redis_begin(&s->command);
        redis_add_str(&s->command, verb);
        redis_add(&s->command, bus_buf_bytes(&journal));
        redis_add_str(&s->command, from);
        redis_add_str(&s->command, to);
        redis_add_str(&s->command, "COUNT");
        redis_add_int(&s->command, (int64_t)count);
}

struct reading {
        const struct redis_stream *stream;
        struct bus_pos last; /* handed over last, or where it begins */
        size_t left;         /* records still wanted */
        store_record_fn fn;
        void *arg;
};

/* > 0: that is enough. */
static int hand_over_entry(struct reading *reading, struct redis_entry *entry)
{
        struct store_record record;
        int r;

        while (!(r = redis_entry_next(entry, &record))) {
                if (bus_pos_compare(record.position, reading->last) <= 0)
                        continue; /* the entry begins before */
                if (!reading->left)
                        return 1;
                reading->left--;
                reading->last = record.position;
                r = reading->fn(&record, reading->arg);
                if (r)
                        return r;
        }
        return r == STORE_ABSENT ? 0 : r;
}

static int hand_over(struct redis_store *s, struct reading *reading, const redisReply *reply)
{
        int r = 0;

        s->busy = true;
        for (size_t i = 0; i < reply->elements && !r; i++) {
                struct redis_entry entry;

                r = redis_entry_begin(reply->element[i], is_derived(reading->stream), &entry);
                if (!r)
                        r = hand_over_entry(reading, &entry);
        }
        s->busy = false;
        return r;
}

/* > 0: that was all. */
static int read_more(struct redis_store *s, struct reading *reading)
{
        size_t wanted = reading->left < READ_ENTRIES ? reading->left : READ_ENTRIES;
        REDIS_AUTOREPLY redisReply *reply = NULL;
        char from[REDIS_ID_SIZE + 1] = "(";
        int r;

        redis_id(reading->last, is_derived(reading->stream), from + 1);
        begin_range(s, reading->stream, "XRANGE", from, "+", wanted);
        r = redis_do(s, &reply);
        if (!r && !redis_is_array(reply, 0))
                r = -EBADMSG;
        if (!r)
                r = hand_over(s, reading, reply);
        return !r && reply->elements < wanted ? 1 : r;
}

int redis_read(struct store *store, const char *name, struct bus_pos after, size_t max_count,
        store_record_fn fn, void *arg, struct bus_pos *ret_after)
{
        struct redis_store *s = redis_of(store);
        struct redis_stream *stream = redis_stream_find(s, name);
        struct reading reading = { stream, BUS_POS_ZERO, max_count, fn, arg };
        struct bus_pos start;
        int r = 0;

        if (!stream || s->busy)
                return stream ? -EBUSY : -ENOENT;
        if (s->shared)
                r = redis_stream_refresh(s, stream);
        if (!r)
                r = store_fork_start(&stream->now, stream->before_first, after, &start);
        if (r)
                return r;
        /* what an entry holds besides may be pruned already */
        reading.last =
                bus_pos_compare(start, stream->before_first) < 0 ? stream->before_first : start;
        while (!r && reading.left)
                r = read_more(s, &reading);
        if (r < 0)
                return r;
        *ret_after = start;
        return 0;
}

/* ---- seeking by time ---- */

/* An entry: who seeks goes from one to the next, and looks into the last. */
struct mark {
        struct bus_pos predecessor;
        uint64_t incarnation, place; /* of its id */
        int64_t top_us; /* latest at_us up to its end: never falls, whatever the clock did */
};

static int parse_mark(const struct redis_stream *stream, const redisReply *reply, struct mark *ret)
{
        struct redis_entry entry;
        struct store_record record;
        struct bus_pos raw;
        int r;

        r = redis_entry_begin(reply, is_derived(stream), &entry);
        if (!r) /* the id as it is, whatever it is made of */
                r = redis_parse_id(redis_bytes(reply->element[0]), false, &raw);
        if (r < 0)
                return r;
        ret->predecessor = entry.last;
        while (!(r = redis_entry_next(&entry, &record)))
                ;
        ret->top_us = entry.top_us;
        ret->incarnation = raw.incarnation;
        ret->place = raw.seq;
        return r < 0 ? r : 0;
}

/* The first record at or behind INCARNATION-PLACE, or the last one before it. 0, STORE_ABSENT. */
static int probe(struct redis_store *s, const struct redis_stream *stream, uint64_t incarnation,
        uint64_t place, bool before, struct mark *ret_mark)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        char id[REDIS_ID_SIZE + 1] = "(";
        int r;

        redis_id((struct bus_pos){ incarnation, place, 0 }, false, id + before);
        if (before)
                begin_range(s, stream, "XREVRANGE", id, "-", 1);
        else
                begin_range(s, stream, "XRANGE", id, "+", 1);
        r = redis_do(s, &reply);
        if (r < 0)
                return r;
        if (!redis_is_array(reply, 0))
                return -EBADMSG;
        return reply->elements ? parse_mark(stream, reply->element[0], ret_mark) : STORE_ABSENT;
}

/* LOW is too old, the last record of its incarnation is at HIGH and not: halves what lies between. */
static int bisect(struct redis_store *s, const struct redis_stream *stream, int64_t since_us,
        struct mark low, struct mark high, struct bus_pos *ret_after)
{
        while (high.place - low.place > 1) {
                struct mark middle = { 0 };
                uint64_t place = low.place + (high.place - low.place) / 2;
                int r;

                r = probe(s, stream, low.incarnation, place, false, &middle);
                if (r)
                        return r < 0 ? r : -EUCLEAN;
                if (middle.top_us < since_us) {
                        low = middle;
                } else if (middle.place < high.place) {
                        high = middle;
                } else { /* nothing lies between PLACE and HIGH: look below it */
                        r = probe(s, stream, low.incarnation, place, true, &middle);
                        if (r)
                                return r < 0 ? r : -EUCLEAN;
                        if (middle.top_us < since_us)
                                break; /* the one before HIGH is too old */
                        high = middle;
                }
        }
        *ret_after = high.predecessor;
        return 0;
}

/* FIRST is too old: goes on to the last incarnation that begins too old. */
static int seek_behind(struct redis_store *s, const struct redis_stream *stream, int64_t since_us,
        struct mark first, struct bus_pos *ret_after)
{
        struct mark next = { 0 }, last = { 0 };
        int r;

        for (;;) {
                r = probe(s, stream, first.incarnation + 1, 0, false, &next);
                if (r < 0)
                        return r;
                if (r == STORE_ABSENT || next.top_us >= since_us)
                        break;
                first = next;
        }
        if (probe(s, stream, first.incarnation + 1, 0, true, &last))
                return -EUCLEAN;
        if (last.top_us < since_us) { /* all of this incarnation is: the next one's first is it */
                *ret_after = next.predecessor;
                return r == STORE_ABSENT ? -EUCLEAN : 0;
        }
        return bisect(s, stream, since_us, first, last, ret_after);
}

/* *RET_AFTER lies before the entry that holds the record looked for: goes on to right before it. */
static int look_into(struct redis_store *s, const struct redis_stream *stream, int64_t since_us,
        struct bus_pos *ret_after)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        char from[REDIS_ID_SIZE + 1] = "(";
        struct redis_entry entry;
        struct store_record record;
        int r;

        redis_id(*ret_after, is_derived(stream), from + 1);
        begin_range(s, stream, "XRANGE", from, "+", 1);
        r = redis_do(s, &reply);
        if (r < 0)
                return r;
        if (!redis_is_array(reply, 1))
                return -EUCLEAN;
        if (bus_pos_compare(*ret_after, stream->before_first) < 0)
                *ret_after = stream->before_first;
        r = redis_entry_begin(reply->element[0], is_derived(stream), &entry);
        while (!r && !(r = redis_entry_next(&entry, &record)))
                if (bus_pos_compare(record.position, *ret_after) > 0) {
                        if (entry.top_us >= since_us)
                                return 0;
                        *ret_after = record.position;
                }
        return r < 0 ? r : -EUCLEAN;
}

int redis_seek_time(
        struct store *store, const char *name, int64_t since_us, struct bus_pos *ret_after)
{
        struct redis_store *s = redis_of(store);
        struct redis_stream *stream = redis_stream_find(s, name);
        struct mark first = { 0 };
        int r = 0;

        if (!stream)
                return -ENOENT;
        if (s->shared)
                r = redis_stream_refresh(s, stream);
        if (r < 0)
                return r;
        if (bus_pos_is_zero(stream->now.last) || stream->top_us < since_us) {
                *ret_after = stream->now.last;
                return 0;
        }
        r = probe(s, stream, 0, 0, false, &first);
        if (r)
                return r < 0 ? r : -EUCLEAN;
        *ret_after = first.predecessor;
        if (first.top_us < since_us)
                r = seek_behind(s, stream, since_us, first, ret_after);
        return r < 0 ? r : look_into(s, stream, since_us, ret_after);
}

/* ---- pruning ---- */

int redis_prune(struct store *store, const char *name, int64_t before_us, size_t max_count)
{
        struct redis_store *s = redis_of(store);
        struct redis_stream *stream = redis_stream_find(s, name);
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int64_t removed;
        int r;

        if (!stream)
                return -ENOENT;
        redis_call(s, "prune");
        redis_add_str(&s->command, s->token);
        redis_add_str(&s->command, name);
        redis_add_int(&s->command, before_us);
        redis_add_int(&s->command, max_count > 100000 ? 100000 : (int64_t)max_count);
        r = redis_do(s, &reply);
        if (r < 0)
                return r;
        if (!redis_is_array(reply, 3) || !redis_is_text(reply->element[0]) ||
                !redis_is_text(reply->element[1]) || !redis_is_text(reply->element[2]) ||
                redis_parse_number(redis_bytes(reply->element[0]), &removed) < 0 ||
                redis_parse_id(redis_bytes(reply->element[1]), is_derived(stream),
                        &stream->now.first) < 0 ||
                redis_parse_id(redis_bytes(reply->element[2]), is_derived(stream),
                        &stream->before_first) < 0)
                return -EBADMSG;
        return (int)removed;
}
