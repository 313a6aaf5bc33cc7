/*
 * Our own reading and packing against protobuf-c's: what is read plainly is what the general way
 * makes of it, and what is packed are the same bytes.
 */
#include "proto/validate/plain.h"

#include "libbus/base/require.h"

#include "proto/pack.h"
#include "proto/unpack.h"
#include "proto/validate/samples.h"

#include <criterion/criterion.h>

enum { MUTATIONS = 3000 }; /* a kind */

/* xorshift: the same run every time. */
static uint32_t next(uint32_t *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        return *state;
}

static struct bus_buf packed_by_protobuf(const ProtobufCMessage *message)
{
        struct bus_buf buf = BUS_BUF_INIT;

        bus_buf_reserve(&buf, protobuf_c_message_get_packed_size(message) + 1);
        buf.size = protobuf_c_message_pack(message, buf.data);
        return buf;
}

static void check_packing(const char *name, const ProtobufCMessage *message)
{
        BUS_AUTOBUF struct bus_buf expected = packed_by_protobuf(message);
        BUS_AUTOBUF struct bus_buf actual = BUS_BUF_INIT;

        bus_buf_add_str(&actual, "before");
        message_pack(message, &actual);
        cr_assert_eq(actual.size, 6 + expected.size, "%s", name);
        cr_assert(!memcmp(actual.data, "before", 6), "%s", name);
        cr_assert(bus_bytes_equal(
                          bus_bytes(actual.data + 6, expected.size), bus_buf_bytes(&expected)),
                "%s", name);
}

/* True if they were read plainly. */
static bool check_reading(const struct sample_kind *kind, struct bus_bytes bytes)
{
        ProtobufCMessage *general =
                protobuf_c_message_unpack(kind->descriptor, NULL, bytes.size, bytes.data);
        ProtobufCMessage *plain = message_read_plain(NULL, kind->descriptor, bytes);

        if (plain) {
                BUS_AUTOBUF struct bus_buf actual = packed_by_protobuf(plain);
                BUS_AUTOBUF struct bus_buf expected = BUS_BUF_INIT;

                cr_assert(general, "%s", kind->name);
                expected = packed_by_protobuf(general);
                cr_assert(bus_bytes_equal(bus_buf_bytes(&actual), bus_buf_bytes(&expected)), "%s",
                        kind->name);
                protobuf_c_message_free_unpacked(plain, NULL);
        }
        if (general) {
                check_packing(kind->name, general);
                protobuf_c_message_free_unpacked(general, NULL);
        }
        return plain;
}

static bool is_valid(const struct sample_kind *kind, struct bus_bytes bytes)
{
        struct message_arena arena = { 0 };
        ProtobufCMessage *message = NULL;
        const char *why = "";
        bool good = !message_unpack_in(&arena, kind->descriptor, bytes, &message, &why) &&
                    !kind->validate(message, &why);

        message_arena_done(&arena);
        return good;
}

Test(plain, what_our_programs_write_is_read_plainly)
{
        for (size_t i = 0; i < sample_kind_count; i++) {
                size_t size;
                BUS_AUTOFREE uint8_t *data = sample_kinds[i].pack(&size);

                cr_expect(check_reading(&sample_kinds[i], bus_bytes(data, size)), "%s",
                        sample_kinds[i].name);
                cr_expect(is_valid(&sample_kinds[i], bus_bytes(data, size)), "%s",
                        sample_kinds[i].name);
        }
}

/* Flips a bit, or puts a piece of it somewhere else, or takes one out; never longer than twice SIZE. */
static size_t mutate(uint32_t *random, uint8_t *data, size_t size)
{
        size_t from = next(random) % size, to = next(random) % size, piece = next(random) % 40;

        if (piece > size - from)
                piece = size - from;
        switch (next(random) % 4) {
        case 0: memmove(data + to + piece, data + to, size - to); return size + piece;
        case 1:
                if (to + piece > size)
                        return size;
                memmove(data + to, data + to + piece, size - to - piece);
                return size - piece;
        default: data[from] ^= (uint8_t)(1 << next(random) % 8); return size;
        }
}

Test(plain, damaged_bytes_are_read_as_the_general_way_reads_them)
{
        uint32_t random = 88172645;
        size_t plain = 0, all = 0;

        for (size_t i = 0; i < sample_kind_count; i++) {
                size_t size;
                BUS_AUTOFREE uint8_t *data = sample_kinds[i].pack(&size);
                BUS_AUTOFREE uint8_t *damaged = bus_xcalloc(1, 4 * (size + 40));

                for (int k = 0; k < MUTATIONS; k++, all++) {
                        size_t now = size;

                        memcpy(damaged, data, size);
                        for (uint32_t n = next(&random) % 3 + 1; n && now; n--)
                                now = mutate(&random, damaged, now);
                        plain += check_reading(&sample_kinds[i], bus_bytes(damaged, now));
                }
        }
        cr_expect(plain > all / 10 && plain < all * 9 / 10, "%zu of %zu", plain, all);
}

/* Fields of what SAMPLE has, as bytes, put behind it. */
static bool reads_with(const struct sample_kind *kind, const char *more, size_t more_size)
{
        BUS_AUTOBUF struct bus_buf bytes = BUS_BUF_INIT;
        size_t size;
        BUS_AUTOFREE uint8_t *data = kind->pack(&size);

        bus_buf_add(&bytes, data, size);
        bus_buf_add(&bytes, more, more_size);
        return check_reading(kind, bus_buf_bytes(&bytes));
}

#define READS_WITH(kind, more) reads_with(kind, more, sizeof(more) - 1)

static const struct sample_kind *kind_of(const ProtobufCMessageDescriptor *descriptor)
{
        size_t i = 0;

        while (sample_kinds[i].descriptor != descriptor)
                i++;
        return &sample_kinds[i];
}

Test(plain, what_is_unusual_goes_the_general_way)
{
        const struct sample_kind *signal = kind_of(&pb__signal__descriptor);

        cr_expect(READS_WITH(signal, "\x48\x05")); /* a number once more */
        cr_expect(READS_WITH(signal, "\x48\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
        cr_expect_not(READS_WITH(signal, "\x48\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
        cr_expect_not(READS_WITH(signal, "\x48\x80"));  /* it ends in the middle */
        cr_expect_not(READS_WITH(signal, "\x0a\x01x")); /* a text once more */
        cr_expect_not(READS_WITH(signal, "\xc2\x01\x02"
                                         "a\0"));                  /* with a NUL */
        cr_expect_not(READS_WITH(signal, "\xb2\x01\x01\x02"));     /* more of a list */
        cr_expect_not(READS_WITH(signal, "\xb0\x01\x02"));         /* which is not packed */
        cr_expect_not(READS_WITH(signal, "\xba\x01\x02\x08\x01")); /* to be merged */
        cr_expect_not(READS_WITH(signal, "\x4d\x01\x02\x03\x04")); /* of another type */
        cr_expect_not(READS_WITH(signal, "\x98\x06\x01"));         /* of a newer version */
        cr_expect_not(READS_WITH(signal, "\x4a\x02xx"));
}

static void check_record_of(size_t size)
{
        BUS_AUTOFREE uint8_t *body = bus_xcalloc(1, size + 1);
        Pb__ReplayReply reply = sample_replay_reply();
        Pb__Record record = *reply.records[0], *records[] = { &record, &record };

        record.envelope = (ProtobufCBinaryData){ size, body };
        reply.records = records;
        reply.n_records = BUS_COUNT(records);
        check_packing("reply", &reply.base);
}

Test(plain, lengths_of_any_size_are_packed_alike)
{
        for (size_t size = 0; size < 300; size++)
                check_record_of(size);
        for (size_t size = 16200; size < 16500; size += 7)
                check_record_of(size);
        check_record_of(300000);
        check_record_of(2100000);
}

Test(plain, numbers_of_any_size_are_packed_and_read_alike)
{
        static const int64_t numbers[] = { 0, 1, -1, 127, 128, INT32_MAX, INT32_MIN, INT64_MAX,
                INT64_MIN };
        const struct sample_kind *kind = kind_of(&pb__signal__descriptor);

        for (size_t i = 0; i < BUS_COUNT(numbers); i++) {
                Pb__Signal signal = sample_signal();
                int32_t trends[] = { (int32_t)numbers[i], 0, (int32_t)~numbers[i] };
                BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;

                signal.price_e8 = numbers[i];
                signal.consensus_score = (int32_t)numbers[i];
                signal.tf = (Pb__Timeframe)numbers[i];
                signal.mtf_trends = trends;
                signal.n_mtf_trends = BUS_COUNT(trends);
                check_packing("signal", &signal.base);
                message_pack(&signal.base, &packed);
                cr_expect(check_reading(kind, bus_buf_bytes(&packed)));
        }
}
