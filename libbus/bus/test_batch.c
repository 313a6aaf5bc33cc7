/* Batches, written and read by hand, are what replay.proto says; anything else is none. */
#include "libbus/base/require.h"
#include "libbus/bus/batch.h"

#include "replay.pb-c.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#define COUNT 5

/* Bodies of lengths that take one byte, two, and three. */
static const size_t sizes[COUNT] = { 1, 127, 128, 700, 20000 };

static void make(struct bus_buf *batch, char topics[static COUNT][16])
{
        static uint8_t body[20000 + COUNT];

        for (size_t i = 0; i < sizeof(body); i++)
                body[i] = (uint8_t)(i * 7);
        for (size_t i = 0; i < COUNT; i++) {
                snprintf(topics[i], 16, "trade.filled.%zu", i);
                /* in two parts, or one of them empty */
                bus_batch_add(batch, BUS_BATCH_RECORDS, topics[i],
                        bus_bytes(body + i, sizes[i] / 2),
                        bus_bytes(body + i + sizes[i] / 2, sizes[i] - sizes[i] / 2));
        }
}

Test(batch, is_what_protobuf_makes_of_it)
{
        BUS_AUTOBUF struct bus_buf batch = BUS_BUF_INIT;
        char topics[COUNT][16];
        struct bus_bytes rest, topic, envelope;
        Pb__Batch *read;

        make(&batch, topics);
        read = pb__batch__unpack(NULL, batch.size, batch.data);
        cr_assert(read);
        cr_assert_eq(read->n_records, COUNT);
        rest = bus_buf_bytes(&batch);
        for (size_t i = 0; i < COUNT; i++) {
                const Pb__Record *record = read->records[i];

                cr_assert_eq(bus_batch_next(&rest, &topic, &envelope), 1);
                cr_expect_str_eq(record->topic, topics[i]);
                cr_expect(topic.size == strlen(topics[i]) &&
                          !memcmp(topic.data, topics[i], topic.size));
                cr_expect_eq(envelope.size, record->envelope.len);
                cr_expect_arr_eq(envelope.data, record->envelope.data, envelope.size);
        }
        cr_expect_eq(bus_batch_next(&rest, &topic, &envelope), 0);
        pb__batch__free_unpacked(read, NULL);
}

/* At every length, in memory of its own: a byte read behind it is found by the sanitizer. */
Test(batch, that_is_cut_ends_with_its_last_whole_message)
{
        BUS_AUTOBUF struct bus_buf batch = BUS_BUF_INIT;
        char topics[COUNT][16];
        struct bus_bytes rest, topic, envelope;
        size_t ends[COUNT], whole = 0;

        make(&batch, topics);
        rest = bus_buf_bytes(&batch);
        for (size_t i = 0; i < COUNT; i++) {
                cr_assert_eq(bus_batch_next(&rest, &topic, &envelope), 1);
                ends[i] = batch.size - rest.size;
        }
        for (size_t size = 1; size < 1500; size++) {
                BUS_AUTOFREE uint8_t *copy = bus_xmemdup(batch.data, size);
                size_t count = 0;
                int r;

                whole += whole < COUNT && size >= ends[whole];
                rest = bus_bytes(copy, size);
                while ((r = bus_batch_next(&rest, &topic, &envelope)) > 0)
                        count++;
                cr_assert_eq(count, whole);
                cr_assert_eq(r, size == ends[whole ? whole - 1 : 0] ? 0 : -EBADMSG);
        }
}

Test(batch, takes_nothing_else)
{
        static const struct {
                const char *what;
                uint8_t bytes[12];
                size_t size;
        } others[] = {
                { "another field", { 0x12, 1, 'x' }, 3 },
                { "a number", { 0x08, 1 }, 2 },
                { "a record without an envelope", { 0x0a, 3, 0x0a, 1, 't' }, 5 },
                { "a record without a topic", { 0x0a, 3, 0x12, 1, 'e' }, 5 },
                { "more in a record", { 0x0a, 8, 0x0a, 1, 't', 0x12, 1, 'e', 0x18, 1 }, 10 },
                { "a length that never ends", { 0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 1 }, 7 },
                { "a length beyond the frame", { 0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f }, 6 },
        };
        struct bus_bytes topic, envelope;

        for (size_t i = 0; i < BUS_COUNT(others); i++) {
                struct bus_bytes rest = bus_bytes(others[i].bytes, others[i].size);

                cr_expect_eq(
                        bus_batch_next(&rest, &topic, &envelope), -EBADMSG, "%s", others[i].what);
        }
}
