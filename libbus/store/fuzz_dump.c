/*
 * Any bytes as a backup of the redis engine ('d' first), and as an answer of Redis ('r'): never a
 * crash, and nothing handed over that does not lie within.
 */
#include "libbus/base/require.h"
#include "libbus/store/redis/redis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_dump(struct bus_bytes data)
{
        struct store_sum_sink *summing;
        struct store_sums sums;
        struct store_sink sink;
        uint64_t records = 0;
        int r;

        store_sums_begin(&sums, NULL, &summing, &sink);
        r = store_dump_parse(data, &sink);
        store_sums_end(summing);
        bus_require(r <= 0 && sums.stream_count <= STORE_SUM_STREAMS_MAX);
        for (size_t i = 0; i < sums.stream_count; i++)
                records += sums.streams[i].records.count;
        bus_require(records <= data.size);
        bus_require(store_dump_parse(data, NULL) <= 0);
}

static void take_entry(struct redis_entry *entry)
{
        struct store_record record;
        size_t count = entry->count, taken = 0;

        for (; redis_entry_next(entry, &record) == 0; taken++)
                bus_require(strlen(record.topic) <= UINT16_MAX &&
                            (!record.body.size || record.body.data));
        bus_require(taken <= count);
}

static void take_apart(const redisReply *reply, bool derived)
{
        struct redis_stream stream = { 0 };
        struct redis_entry entry;
        int64_t number;
        struct bus_pos pos;

        if (redis_entry_begin(reply, derived, &entry) == 0)
                take_entry(&entry);
        if (redis_parse_stream(reply, &stream) == 0)
                bus_require(stream.now.fork_count <= STORE_FORKS_MAX);
        if (redis_is_text(reply)) {
                char text[REDIS_ID_SIZE];

                if (redis_parse_number(redis_bytes(reply), &number) == 0)
                        bus_require(number >= 0);
                if (redis_parse_id(redis_bytes(reply), derived, &pos) == 0 &&
                        redis_pos_fits(pos, derived)) {
                        struct bus_pos again;

                        redis_id(pos, derived, text);
                        bus_require(redis_parse_id(bus_bytes_str(text), derived, &again) == 0);
                        bus_require(bus_pos_equal(pos, again));
                }
        }
        if (reply->type == REDIS_REPLY_ERROR)
                bus_require(redis_errno(reply->str) < 0);
        if (redis_is_array(reply, 0))
                for (size_t i = 0; i < reply->elements; i++)
                        take_apart(reply->element[i], derived);
}

/* hiredis makes room for as many elements as an array says it has, whether they come or not. */
static bool says_much(struct bus_bytes data)
{
        size_t digits = 0;

        for (size_t i = 0; i < data.size; i++) {
                digits = data.data[i] >= '0' && data.data[i] <= '9' ? digits + 1 : 0;
                if (digits == 5 && i >= 5 && data.data[i - 5] == '*')
                        return true;
        }
        return false;
}

static void as_answer(struct bus_bytes data)
{
        redisReader *reader = redisReaderCreate();
        void *reply = NULL;

        bus_require(reader);
        if (says_much(data)) {
                redisReaderFree(reader);
                return;
        }
        redisReaderFeed(reader, (const char *)data.data, data.size);
        while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
                take_apart(reply, false);
                take_apart(reply, true);
                freeReplyObject(reply);
                reply = NULL;
        }
        redisReaderFree(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size && data[0] == 'd')
                as_dump(bus_bytes(data + 1, size - 1));
        else if (size && data[0] == 'r')
                as_answer(bus_bytes(data + 1, size - 1));
        return 0;
}
