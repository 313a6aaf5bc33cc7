/* What Redis answers, read strictly: an answer of another form is -EBADMSG, never a guess. Pure. */
#include "libbus/store/forks.h"
#include "libbus/store/redis/redis.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* A derived position's seq and part share the second half of an id. */
#define PART_BITS 20
#define SEQ_BITS  44
/* Numbers that Lua counts with are exact up to here. */
#define EXACT_MAX (UINT64_C(1) << 53)

int redis_errno(const char *error)
{
        static const struct {
                const char *word;
                int r;
        } words[] = {
                { "UMBRABUSY", -EBUSY }, { "UMBRAFENCED", -ESTALE },
                { "UMBRAREGRESSED", -ENOTRECOVERABLE }, { "UMBRAGONE", -ENOENT },
                { "UMBRAINVALID", -EINVAL }, { "UMBRAFORMAT", -EPROTO },
                { "UMBRALOADING", -EUCLEAN }, { "UMBRATORN", -EUCLEAN }, { "UMBRADENIED", -EACCES },
                { "ERR The user executing the script", -EACCES }, { "OOM", -ENOSPC },
                { "MISCONF", -EIO }, { "NOAUTH", -EACCES }, { "WRONGPASS", -EACCES },
                { "NOPERM", -EACCES }, { "LOADING", -EAGAIN }, { "MASTERDOWN", -EAGAIN },
                { "NOREPLICAS", -EAGAIN }, { "BUSY", -EAGAIN }, { "READONLY", -EROFS },
                { "ERR Function not found", -ENOSYS },
                { "ERR Library", -EEXIST }, /* ... 'x' already exists */
        };

        for (size_t i = 0; i < BUS_COUNT(words); i++)
                if (!strncmp(error, words[i].word, strlen(words[i].word)))
                        return words[i].r;
        return -EIO;
}

bool redis_is_array(const redisReply *reply, size_t count)
{
        return reply && reply->type == REDIS_REPLY_ARRAY && reply->elements >= count;
}

bool redis_is_text(const redisReply *reply)
{
        return reply && reply->type == REDIS_REPLY_STRING;
}

struct bus_bytes redis_bytes(const redisReply *reply)
{
        return bus_bytes(reply->str, (size_t)reply->len);
}

bool redis_pos_fits(struct bus_pos pos, bool derived)
{
        if (pos.incarnation >= EXACT_MAX)
                return false;
        if (derived)
                return pos.seq < UINT64_C(1) << SEQ_BITS && pos.part < 1u << PART_BITS;
        return pos.seq < EXACT_MAX && !pos.part;
}

const char *redis_id(struct bus_pos pos, bool derived, char text[static REDIS_ID_SIZE])
{
        uint64_t place = pos.seq;

        /* a position nobody gave out may be asked for: it stands at the end of its incarnation */
        if (derived)
                place = redis_pos_fits((struct bus_pos){ 0, pos.seq, pos.part }, true)
                                ? pos.seq << PART_BITS | pos.part
                                : UINT64_MAX;
        snprintf(text, REDIS_ID_SIZE, "%" PRIu64 "-%" PRIu64, pos.incarnation, place);
        return text;
}

/* Decimal digits up to END, which is not one. */
static int take_number(const uint8_t **at, const uint8_t *end, uint64_t *ret_number)
{
        uint64_t number = 0;
        const uint8_t *from = *at;

        for (; *at < end && **at >= '0' && **at <= '9'; (*at)++)
                if (__builtin_mul_overflow(number, 10, &number) ||
                        __builtin_add_overflow(number, (uint64_t)(**at - '0'), &number))
                        return -EBADMSG;
        if (*at == from)
                return -EBADMSG;
        *ret_number = number;
        return 0;
}

int redis_parse_id(struct bus_bytes text, bool derived, struct bus_pos *ret_pos)
{
        const uint8_t *at = text.data, *end = text.data + text.size;
        uint64_t incarnation, place;

        if (!text.size || take_number(&at, end, &incarnation) < 0 || at == end || *at++ != '-' ||
                take_number(&at, end, &place) < 0 || at != end)
                return -EBADMSG;
        if (derived)
                *ret_pos = (struct bus_pos){ incarnation, place >> PART_BITS,
                        (uint32_t)(place & ((1u << PART_BITS) - 1)) };
        else
                *ret_pos = (struct bus_pos){ incarnation, place, 0 };
        return 0;
}

int redis_parse_number(struct bus_bytes text, int64_t *ret_number)
{
        const uint8_t *at = text.data, *end = text.data + text.size;
        uint64_t number;

        if (!text.size || take_number(&at, end, &number) < 0 || at != end || number > INT64_MAX)
                return -EBADMSG;
        *ret_number = (int64_t)number;
        return 0;
}

/* "INCARNATION POSITION" */
static int parse_fork(const redisReply *reply, struct store_fork *ret_fork)
{
        struct bus_bytes text;
        const uint8_t *blank;
        int64_t incarnation;

        if (!redis_is_text(reply))
                return -EBADMSG;
        text = redis_bytes(reply);
        blank = text.size ? memchr(text.data, ' ', text.size) : NULL;
        if (!blank || redis_parse_number(
                              bus_bytes(text.data, (size_t)(blank - text.data)), &incarnation) < 0)
                return -EBADMSG;
        ret_fork->incarnation = (uint64_t)incarnation;
        return redis_parse_id(bus_bytes(blank + 1, text.size - (size_t)(blank + 1 - text.data)),
                false, &ret_fork->fork);
}

static int parse_ends(const redisReply *const *at, bool derived, struct redis_stream *stream)
{
        int64_t incarnation;

        for (size_t i = 1; i < 6; i++)
                if (!redis_is_text(at[i]))
                        return -EBADMSG;
        if (redis_parse_number(redis_bytes(at[1]), &incarnation) < 0 ||
                redis_parse_id(redis_bytes(at[2]), derived, &stream->now.first) < 0 ||
                redis_parse_id(redis_bytes(at[3]), derived, &stream->now.last) < 0 ||
                redis_parse_id(redis_bytes(at[4]), derived, &stream->before_first) < 0 ||
                redis_parse_number(redis_bytes(at[5]), &stream->top_us) < 0)
                return -EBADMSG;
        stream->now.incarnation = (uint64_t)incarnation;
        return 0;
}

int redis_parse_stream(const redisReply *reply, struct redis_stream *ret_stream)
{
        struct redis_stream stream = { .name = ret_stream->name };
        const redisReply *forks;
        int64_t kind;

        if (!redis_is_array(reply, 7) || !redis_is_text(reply->element[0]) ||
                redis_parse_number(redis_bytes(reply->element[0]), &kind) < 0 ||
                kind > STORE_STREAM_DERIVED)
                return -EBADMSG;
        stream.kind = (enum store_stream_kind)kind;
        if (parse_ends((const redisReply *const *)reply->element,
                    stream.kind == STORE_STREAM_DERIVED, &stream) < 0)
                return -EBADMSG;
        forks = reply->element[6];
        if (!redis_is_array(forks, 0))
                return -EBADMSG;
        for (size_t i = 0; i < forks->elements; i++) {
                struct store_fork fork;

                if (parse_fork(forks->element[i], &fork) < 0)
                        return -EBADMSG;
                store_fork_add(&stream.now, fork);
        }
        stream.now.new_incarnation = ret_stream->now.new_incarnation;
        stream.now.reason = ret_stream->now.reason;
        *ret_stream = stream;
        return 0;
}
