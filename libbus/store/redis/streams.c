/* The streams of one store, as they stand in Redis; a copy of each is kept in memory. */
#include "libbus/base/require.h"
#include "libbus/store/redis/redis.h"

#include <errno.h>

struct redis_stream *redis_stream_find(struct redis_store *s, const char *name)
{
        for (size_t i = 0; i < s->stream_count; i++)
                if (!strcmp(s->streams[i]->name, name))
                        return s->streams[i];
        return NULL;
}

static void stream_free(struct redis_stream *stream)
{
        free(stream->name);
        free(stream);
}

void redis_streams_done(struct redis_store *s)
{
        for (size_t i = 0; i < s->stream_count; i++)
                stream_free(s->streams[i]);
        free(s->streams);
        free(s->order);
}

static const char *known_reason(struct bus_bytes text)
{
        static const char *const reasons[] = { "created", "restored", "power_loss", "regressed" };

        for (size_t i = 0; i < BUS_COUNT(reasons); i++)
                if (bus_bytes_equal(text, bus_bytes_str(reasons[i])))
                        return reasons[i];
        return NULL;
}

static void add_clock(struct redis_store *s)
{
        redis_add_int(&s->command, s->now_us > 0 ? s->now_us / BUS_US_PER_MS : 0);
}

/* An incarnation that this process began counts as a commit of it. */
static void count_fork(struct redis_store *s, const redisReply *number)
{
        int64_t n;

        if (redis_is_text(number) && redis_parse_number(redis_bytes(number), &n) == 0 &&
                (uint64_t)n == s->mark->n + 1)
                s->mark->n = (uint64_t)n;
}

static int open_new(struct redis_store *s, struct redis_stream *stream, enum store_stream_kind kind)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int r;

        redis_call(s, "stream_open");
        redis_add_str(&s->command, s->token);
        redis_add_str(&s->command, stream->name);
        redis_add_int(&s->command, kind);
        add_clock(s);
        r = redis_do(s, &reply);
        if (!r)
                r = redis_parse_stream(reply, stream);
        if (r < 0)
                return r;
        if (!redis_is_array(reply, 9) || !redis_is_text(reply->element[8]))
                return -EBADMSG;
        count_fork(s, reply->element[7]);
        redis_known_done(&s->claims); /* it may have some */
        stream->now.reason = known_reason(redis_bytes(reply->element[8]));
        stream->now.new_incarnation = stream->now.reason;
        return 0;
}

int redis_stream_open(struct store *store, const char *name, enum store_stream_kind kind,
        struct store_stream *ret_stream)
{
        struct redis_store *s = redis_of(store);
        struct redis_stream *stream = redis_stream_find(s, name);
        int r;

        if (stream && stream->kind != kind)
                return -EINVAL;
        if (!stream) {
                stream = bus_new(struct redis_stream);
                stream->name = bus_xstrdup(name);
                r = open_new(s, stream, kind);
                if (r < 0) {
                        stream_free(stream);
                        return r;
                }
                s->streams = bus_xrealloc(s->streams, (s->stream_count + 1) * sizeof(*s->streams));
                s->streams[s->stream_count++] = stream;
        }
        *ret_stream = stream->now;
        return 0;
}

int redis_stream_fork(
        struct store *store, const char *name, uint64_t above, struct store_stream *ret_stream)
{
        struct redis_store *s = redis_of(store);
        struct redis_stream *stream = redis_stream_find(s, name);
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int r;

        if (!stream)
                return -ENOENT;
        if (stream->kind == STORE_STREAM_DERIVED ||
                !redis_pos_fits((struct bus_pos){ above, 0, 0 }, false))
                return -EINVAL;
        redis_call(s, "stream_fork");
        redis_add_str(&s->command, s->token);
        redis_add_str(&s->command, name);
        redis_add_int(&s->command, (int64_t)above);
        add_clock(s);
        r = redis_do(s, &reply);
        if (!r)
                r = redis_parse_stream(reply, stream);
        if (r < 0)
                return r;
        if (!redis_is_array(reply, 8))
                return -EBADMSG;
        count_fork(s, reply->element[7]);
        stream->now.new_incarnation = true;
        stream->now.reason = "regressed";
        *ret_stream = stream->now;
        return 0;
}

int redis_stream_refresh(struct redis_store *s, struct redis_stream *stream)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int r;

        redis_call(s, "stream_get");
        redis_add_str(&s->command, stream->name);
        r = redis_do(s, &reply);
        return r < 0 ? r : redis_parse_stream(reply, stream);
}

int redis_stream_get(struct store *store, const char *name, struct store_stream *ret_stream)
{
        struct redis_store *s = redis_of(store);
        struct redis_stream *stream = redis_stream_find(s, name);
        int r = 0;

        if (!stream)
                return -ENOENT;
        if (s->shared)
                r = redis_stream_refresh(s, stream);
        if (!r)
                *ret_stream = stream->now;
        return r;
}

int redis_stream_seen(struct store *store, const char *name, struct store_stream *ret_stream)
{
        const struct redis_stream *stream = redis_stream_find(redis_of(store), name);

        if (!stream)
                return -ENOENT;
        *ret_stream = stream->now;
        return 0;
}
