/*
 * Envelopes are packed and read by hand: byte for byte what protobuf makes of them.
 */
#include "libbus/base/require.h"
#include "libbus/bus/envelope_wire.h"
#include "libbus/bus/pack.h"

#include <criterion/criterion.h>

#define ROUNDS     3000
#define STAMPS_MAX 12
#define TEXT_SIZE  200

/* The same in every run. */
static uint32_t any(uint32_t below)
{
        static uint64_t state = 1;

        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t)(state >> 33) % below;
}

/* Numbers of every length, the ends among them. */
static uint64_t any_number(void)
{
        uint64_t bits = (uint64_t)any(UINT32_MAX) << 32 | any(UINT32_MAX);

        return any(5) ? bits >> any(64) : any(2) ? UINT64_MAX : 0;
}

static char *any_text(char text[static TEXT_SIZE])
{
        size_t length = any(any(4) ? 30 : TEXT_SIZE);

        for (size_t i = 0; i < length; i++)
                text[i] = (char)('a' + any(26));
        text[length] = 0;
        return text;
}

static struct bus_pos any_pos(void)
{
        return (struct bus_pos){ any_number(), any_number(), (uint32_t)any_number() };
}

struct made {
        Pb__Envelope pb;
        Pb__Position origin;
        Pb__Stamp stamps[STAMPS_MAX], *list[STAMPS_MAX];
        char texts[3][TEXT_SIZE];
        uint8_t body[2000];
};

static void make(struct made *made)
{
        pb__envelope__init(&made->pb);
        made->pb.schema = (uint32_t)any_number();
        made->pb.stream = any_text(made->texts[0]);
        made->pb.message_id = any_text(made->texts[1]);
        made->pb.alert_id = any_text(made->texts[2]);
        made->pb.n_stamps = any(STAMPS_MAX);
        made->pb.stamps = made->list;
        for (size_t i = 0; i < made->pb.n_stamps; i++) {
                pb__stamp__init(&made->stamps[i]);
                made->stamps[i].step = (Pb__Step)(int32_t)any_number();
                made->stamps[i].at_us = (int64_t)any_number();
                made->list[i] = &made->stamps[i];
        }
        made->pb.body.data = made->body;
        made->pb.body.len = any(sizeof(made->body));
        made->pb.test = any(2) == 1;
        made->pb.staged_us = (int64_t)any_number();
        if (any(3)) {
                bus_pos_to(any_pos(), &made->origin);
                made->pb.origin = &made->origin;
        }
}

static void expect_same(const struct bus_buf *ours, const struct bus_buf *theirs)
{
        cr_assert(bus_bytes_equal(bus_buf_bytes(ours), bus_buf_bytes(theirs)));
}

Test(envelope, what_is_packed_by_hand_is_what_protobuf_packs)
{
        BUS_AUTOFREE struct made *made = bus_new(struct made);
        BUS_AUTOBUF struct bus_buf ours = BUS_BUF_INIT, theirs = BUS_BUF_INIT;

        for (int i = 0; i < ROUNDS; i++) {
                bus_buf_clear(&ours);
                bus_buf_clear(&theirs);
                make(made);
                bus_envelope_pack(&made->pb, &ours);
                bus_pack(&made->pb.base, &theirs);
                expect_same(&ours, &theirs);
        }
}

Test(envelope, so_is_its_place)
{
        BUS_AUTOBUF struct bus_buf ours = BUS_BUF_INIT, theirs = BUS_BUF_INIT;
        uint8_t alone[BUS_ENVELOPE_PLACE_MAX_BYTES];

        for (int i = 0; i < ROUNDS; i++) {
                struct bus_pos position = any_pos(), predecessor = i % 9 ? any_pos() : BUS_POS_ZERO;
                Pb__Stamp stamp = PB__STAMP__INIT, *stamps[] = { &stamp };
                Pb__Envelope tail = PB__ENVELOPE__INIT;
                Pb__Position at, before;

                stamp.step = (Pb__Step)any(10);
                stamp.at_us = (int64_t)any_number();
                bus_pos_to(position, &at);
                bus_pos_to(predecessor, &before);
                tail.position = &at;
                tail.predecessor = &before;
                bus_buf_clear(&theirs);
                bus_pack(&tail.base, &theirs);
                cr_assert_eq(bus_envelope_put_place(alone, position, predecessor), theirs.size);
                cr_assert_eq(memcmp(alone, theirs.data, theirs.size), 0);

                tail.stamps = stamps;
                tail.n_stamps = stamp.step != PB__STEP__STEP_UNSPECIFIED;
                bus_buf_clear(&ours);
                bus_buf_clear(&theirs);
                bus_envelope_place(&ours, position, predecessor, stamp.step, stamp.at_us);
                bus_pack(&tail.base, &theirs);
                expect_same(&ours, &theirs);
        }
}

static void add_tail(struct bus_buf *buf)
{
        bus_envelope_place(buf, any_pos(), any_pos(), (Pb__Step)any(10), (int64_t)any_number());
        if (any(2))
                bus_envelope_sign(buf, any_number());
}

/* What was read by hand packs to what the general way packs to. NULL: left to that. */
static bool read_alike(struct bus_bytes bytes)
{
        struct message_arena arena = { 0 };
        Pb__Envelope *ours = envelope_read(&arena, bytes), *theirs;
        BUS_AUTOBUF struct bus_buf again = BUS_BUF_INIT, expected = BUS_BUF_INIT;

        if (ours) {
                theirs = MESSAGE_UNPACK(envelope, bytes);
                cr_assert_not_null(theirs, "taken, and is none");
                bus_pack(&ours->base, &again);
                bus_pack(&theirs->base, &expected);
                expect_same(&again, &expected);
                pb__envelope__free_unpacked(theirs, NULL);
        }
        message_arena_done(&arena);
        return ours;
}

Test(envelope, what_is_read_by_hand_is_what_protobuf_reads)
{
        BUS_AUTOFREE struct made *made = bus_new(struct made);
        BUS_AUTOBUF struct bus_buf bytes = BUS_BUF_INIT;

        for (int i = 0; i < ROUNDS; i++) {
                bus_buf_clear(&bytes);
                make(made);
                bus_envelope_pack(&made->pb, &bytes);
                add_tail(&bytes);
                cr_assert(read_alike(bus_buf_bytes(&bytes)));
        }
}

Test(envelope, what_is_damaged_is_read_alike_or_left_to_protobuf)
{
        BUS_AUTOFREE struct made *made = bus_new(struct made);
        BUS_AUTOBUF struct bus_buf bytes = BUS_BUF_INIT;
        size_t taken = 0;

        for (int i = 0; i < ROUNDS; i++) {
                bus_buf_clear(&bytes);
                make(made);
                bus_envelope_pack(&made->pb, &bytes);
                add_tail(&bytes);
                for (uint32_t k = any(3); k < 3; k++)
                        bytes.data[any((uint32_t)bytes.size)] = (uint8_t)any(256);
                taken += read_alike(bus_bytes(bytes.data, bytes.size - any(2)));
        }
        cr_expect_gt(taken, ROUNDS / 10);
        cr_expect_lt(taken, ROUNDS);
}

Test(envelope, a_field_of_a_newer_program_is_kept_by_the_general_way)
{
        BUS_AUTOBUF struct bus_buf bytes = BUS_BUF_INIT;
        Pb__Envelope envelope = PB__ENVELOPE__INIT;

        envelope.stream = (char *)"signal@alert-ingest";
        bus_envelope_pack(&envelope, &bytes);
        cr_expect(read_alike(bus_buf_bytes(&bytes)));
        bus_buf_add(&bytes, "\x78\x01", 2); /* field 15 */
        cr_expect_not(read_alike(bus_buf_bytes(&bytes)));
}
