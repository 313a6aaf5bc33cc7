#include "libbus/store/test_numbered.h"

#include <stdio.h>

#define NUMBER_SIZE 24

static const char *text_of(uint64_t number, char text[static NUMBER_SIZE])
{
        snprintf(text, NUMBER_SIZE, "%llu", (unsigned long long)number);
        return text;
}

static size_t add_record(struct store_batch *batch, uint64_t number, size_t size)
{
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;
        char text[NUMBER_SIZE];

        bus_buf_add_str(&body, text_of(number, text));
        bus_buf_add_str(&body, " ");
        memset(bus_buf_reserve(&body, size), (int)number, size);
        body.size += size;
        return store_batch_append(batch, &(struct store_append){ .stream = NUMBERED_STREAM,
                                                 .topic = "signal.test",
                                                 .body = bus_buf_bytes(&body),
                                                 .at_us = (int64_t)number,
                                                 .claim_key = bus_bytes_str(text),
                                                 .claim_value = bus_bytes_str(text) });
}

int numbered_commit(struct test_store *t, uint64_t number, size_t size, enum store_sync sync)
{
        char text[NUMBER_SIZE];

        text_of(number, text);
        store_batch_clear(t->batch);
        store_batch_put(t->batch, bus_bytes_str("first"), bus_bytes_str(text));
        add_record(t->batch, number, size);
        store_batch_cursor(t->batch, "in@x", (struct bus_pos){ 1, number, 0 });
        store_batch_delete(t->batch, bus_bytes_str("last"));
        store_batch_put(t->batch, bus_bytes_str("last"), bus_bytes_str(text));
        return store_commit(t->store, t->batch, sync);
}

struct count {
        uint64_t last;
        bool wrong;
};

static int follow(const struct store_record *record, void *arg)
{
        struct count *count = arg;
        uint64_t number = strtoull((const char *)record->body.data, NULL, 10);

        count->wrong |=
                number != record->position.seq || (count->last && number != count->last + 1);
        count->last = number;
        return 0;
}

/* Its claim is taken, by itself. */
static bool is_claimed(struct test_store *t, uint64_t number)
{
        const struct store_appended *result;
        char text[NUMBER_SIZE];
        size_t index;

        text_of(number, text);
        store_batch_clear(t->batch);
        index = add_record(t->batch, number, 0);
        cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_NORMAL), 0);
        result = store_batch_result(t->batch, index);
        return result->duplicate && result->position.seq == number &&
               bus_bytes_equal(result->claim_value, bus_bytes_str(text));
}

uint64_t numbered_check(struct test_store *t, const char *file, int line)
{
        struct store_stream stream = test_stream(t, NUMBERED_STREAM, STORE_STREAM_FULL);
        struct bus_pos cursor = { 0 }, after;
        struct count count = { 0 };
        uint64_t number;

        cr_expect_geq(store_cursor(t->store, "in@x", &cursor), 0);
        number = cursor.seq;
        cr_expect_eq(stream.last.seq, number, "%s:%d: the stream ends at %llu, not at %llu", file,
                line, (unsigned long long)stream.last.seq, (unsigned long long)number);
        if (!number)
                return 0;
        cr_expect_eq(strtoull(test_get(t, "first"), NULL, 10), number, "%s:%d", file, line);
        cr_expect_eq(strtoull(test_get(t, "last"), NULL, 10), number, "%s:%d", file, line);
        cr_expect_eq(store_read(t->store, NUMBERED_STREAM, BUS_POS_ZERO, SIZE_MAX, follow, &count,
                             &after),
                0);
        cr_expect(!count.wrong && count.last == number, "%s:%d", file, line);
        cr_expect(is_claimed(t, number), "%s:%d", file, line);
        return number;
}
