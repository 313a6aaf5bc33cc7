/*
 * The reader against a writer that loses, repeats, swaps and cuts short what it sends: a fake one,
 * with its journal in an array. Whatever it does, the messages come once each and in order.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/bus/envelope.h"
#include "libbus/bus/pack.h"
#include "libbus/bus/reader.h"
#include "libbus/bus/socket.h"
#include "libbus/bus/test_live.h"
#include "proto/validate.h"

#include "replay.pb-c.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <zmq.h>

#define JOURNAL_MAX 2000
#define STREAM      "signal@alert-ingest"
#define TOPIC       "signal.v3.EURUSD"
#define PATIENCE_US (20 * BUS_US_PER_SEC)

struct entry {
        struct bus_pos position, predecessor;
};

struct rig {
        struct bus_loop *loop;
        void *zmq, *pub, *router;
        struct bus_peer *peer;
        struct bus_reader *reader;
        enum bus_lanes lanes;
        int64_t silence_us;
        int budget, turns_budget;
        unsigned int beats; /* heard */
        size_t followed;    /* messages that said more follow */
        struct entry journal[JOURNAL_MAX];
        size_t journal_size;
        struct bus_pos seen[JOURNAL_MAX];
        size_t seen_count;
        unsigned int answers_lost; /* replay requests to leave unanswered */
        unsigned int replay_limit; /* most records an answer */
        char pub_endpoint[64], replay_endpoint[64];
};

static struct bus_pos at(uint64_t incarnation, uint64_t seq)
{
        return (struct bus_pos){ incarnation, seq, 0 };
}

static int deliver(void *arg, struct bus_reader *reader, const struct bus_message *message)
{
        struct rig *rig = arg;

        (void)reader;
        bus_require(rig->seen_count < JOURNAL_MAX);
        rig->seen[rig->seen_count++] = message->position;
        rig->followed += message->more_follow;
        return 0;
}

static void pack_message(const struct entry *entry, struct bus_buf *buf)
{
        Pb__Envelope envelope = PB__ENVELOPE__INIT;
        uint8_t body[] = { 8, 1 };

        envelope.schema = BUS_SCHEMA;
        envelope.stream = STREAM;
        envelope.message_id = "01ARYZ6S410000000000000000";
        envelope.alert_id = "01ARYZ6S410000000000000000";
        envelope.staged_us = 1;
        envelope.body.data = body;
        envelope.body.len = sizeof(body);
        bus_envelope_pack(&envelope, buf);
        bus_envelope_place(buf, entry->position, entry->predecessor, PB__STEP__STEP_UNSPECIFIED, 0);
}

static void publish(struct rig *rig, const struct entry *entry)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;

        pack_message(entry, &buf);
        live_publish(rig->pub, "signal", TOPIC, bus_buf_bytes(&buf));
}

static struct entry *journal(struct rig *rig, struct bus_pos position)
{
        struct entry *entry = &rig->journal[rig->journal_size];

        entry->position = position;
        entry->predecessor =
                rig->journal_size ? rig->journal[rig->journal_size - 1].position : BUS_POS_ZERO;
        rig->journal_size++;
        return entry;
}

static void beacon(struct rig *rig)
{
        Pb__Beacon b = PB__BEACON__INIT;
        Pb__Position first, last;
        uint8_t packed[256];

        bus_pos_to(rig->journal_size ? rig->journal[0].position : BUS_POS_ZERO, &first);
        bus_pos_to(rig->journal_size ? rig->journal[rig->journal_size - 1].position : BUS_POS_ZERO,
                &last);
        b.stream = STREAM;
        b.incarnation = last.incarnation;
        b.first = &first;
        b.last = &last;
        cr_assert_geq(
                zmq_send(rig->pub, "beacon." STREAM, strlen("beacon." STREAM), ZMQ_SNDMORE), 0);
        cr_assert_geq(zmq_send(rig->pub, packed, pb__beacon__pack(&b, packed), 0), 0);
}

/* ---- the fake's replay ---- */

static size_t index_behind(const struct rig *rig, struct bus_pos after)
{
        size_t i = 0;

        while (i < rig->journal_size && bus_pos_compare(rig->journal[i].position, after) <= 0)
                i++;
        return i;
}

static void answer(struct rig *rig, zmq_msg_t *identity, const Pb__ReplayRequest *request)
{
        Pb__ReplayReply reply = PB__REPLAY_REPLY__INIT;
        Pb__Record records[256], *pointers[256];
        struct bus_buf bufs[256] = { 0 };
        Pb__Position after, first, last;
        size_t start = index_behind(rig, bus_pos_of(request->after)), count = 0;
        uint32_t limit = request->max_messages < rig->replay_limit ? request->max_messages
                                                                   : rig->replay_limit;
        BUS_AUTOBUF struct bus_buf frame = BUS_BUF_INIT;

        bus_pos_to(start ? rig->journal[start - 1].position : BUS_POS_ZERO, &after);
        bus_pos_to(rig->journal_size ? rig->journal[0].position : BUS_POS_ZERO, &first);
        bus_pos_to(rig->journal_size ? rig->journal[rig->journal_size - 1].position : BUS_POS_ZERO,
                &last);
        for (; start + count < rig->journal_size && count < limit; count++) {
                pack_message(&rig->journal[start + count], &bufs[count]);
                pb__record__init(&records[count]);
                records[count].topic = TOPIC;
                records[count].envelope.data = bufs[count].data;
                records[count].envelope.len = bufs[count].size;
                pointers[count] = &records[count];
        }
        reply.request_id = request->request_id;
        reply.stream = request->stream;
        reply.status = PB__REPLAY_STATUS__REPLAY_STATUS_OK;
        reply.after = request->max_messages ? &after : &last;
        reply.first = &first;
        reply.last = &last;
        reply.records = pointers;
        reply.n_records = count;
        reply.end = !limit || count < limit;
        bus_pack(&reply.base, &frame);
        zmq_send(rig->router, zmq_msg_data(identity), zmq_msg_size(identity), ZMQ_SNDMORE);
        zmq_send(rig->router, frame.data, frame.size, 0);
        for (size_t i = 0; i < count; i++)
                bus_buf_done(&bufs[i]);
}

static void serve(void *arg)
{
        struct rig *rig = arg;
        zmq_msg_t identity, body;
        Pb__ReplayRequest *request;

        zmq_msg_init(&identity);
        zmq_msg_init(&body);
        if (zmq_msg_recv(&identity, rig->router, ZMQ_DONTWAIT) >= 0 &&
                zmq_msg_recv(&body, rig->router, ZMQ_DONTWAIT) >= 0) {
                request =
                        pb__replay_request__unpack(NULL, zmq_msg_size(&body), zmq_msg_data(&body));
                const char *why = "";

                cr_assert(request);
                cr_assert_eq(validate_replay_request(request, &why), 0, "%s", why);
                if (rig->answers_lost)
                        rig->answers_lost--;
                else
                        answer(rig, &identity, request);
                pb__replay_request__free_unpacked(request, NULL);
        }
        zmq_msg_close(&identity);
        zmq_msg_close(&body);
}

/* ---- the rig ---- */

static void end_turn(void *arg)
{
        struct rig *rig = arg;

        rig->budget = rig->turns_budget;
}

static char folder[32];

/* Also of a test that failed. */
static void remove_folder(void)
{
        BUS_AUTOFREE char *clean = bus_xasprintf("rm -rf %s", folder);

        cr_expect_eq(system(clean), 0);
}

TestSuite(reader, .fini = remove_folder);

static void rig_open(struct rig *rig, enum bus_start start, const struct bus_pos *cursor)
{
        char error[256] = "";
        struct bus_peer_options peer = { .writer = "alert-ingest",
                .lanes = rig->lanes,
                .silence_us = rig->silence_us,
                .budget = &rig->budget };
        struct bus_reader_options reader = { .stream_kind = "signal",
                .start = start,
                .has_cursor = cursor != NULL,
                .cursor = cursor ? *cursor : BUS_POS_ZERO,
                .deliver = deliver,
                .arg = rig };

        strcpy(folder, "/tmp/umbra-reader-XXXXXX");
        cr_assert(mkdtemp(folder));
        snprintf(rig->pub_endpoint, sizeof(rig->pub_endpoint), "ipc://%s/p", folder);
        snprintf(rig->replay_endpoint, sizeof(rig->replay_endpoint), "ipc://%s/r", folder);
        rig->budget = rig->turns_budget = 64;
        rig->replay_limit = 256;
        rig->loop = bus_loop_new();
        rig->zmq = zmq_ctx_new();
        rig->pub = bus_socket_new(rig->zmq, ZMQ_PUB);
        rig->router = bus_socket_new(rig->zmq, ZMQ_ROUTER);
        cr_assert_eq(zmq_bind(rig->pub, rig->pub_endpoint), 0);
        cr_assert_eq(zmq_bind(rig->router, rig->replay_endpoint), 0);
        bus_loop_add_socket(rig->loop, rig->router, serve, rig);
        bus_loop_on_turn_end(rig->loop, end_turn, rig);

        peer.loop = rig->loop;
        peer.zmq = rig->zmq;
        peer.pub_endpoint = rig->pub_endpoint;
        peer.replay_endpoint = rig->replay_endpoint;
        cr_assert_eq(bus_peer_new(&peer, &rig->peer, error, sizeof(error)), 0, "%s", error);
        rig->reader = bus_peer_add(rig->peer, &reader);
}

static void rig_close(struct rig *rig)
{
        bus_peer_free(rig->peer);
        bus_loop_free(rig->loop);
        bus_socket_close(rig->pub, 0);
        bus_socket_close(rig->router, 0);
        zmq_ctx_term(rig->zmq);
        free(rig);
}

static void run_until_seen(struct rig *rig, size_t count)
{
        int64_t until = bus_mono_us() + PATIENCE_US, next_beacon = 0;

        while (rig->seen_count < count && bus_mono_us() < until) {
                if (bus_mono_us() >= next_beacon) {
                        beacon(rig);
                        next_beacon = bus_mono_us() + 30 * BUS_US_PER_MS;
                }
                cr_assert_eq(bus_loop_turn(rig->loop, 10 * BUS_US_PER_MS), 0);
        }
        cr_assert_eq(rig->seen_count, count, "saw %zu of %zu", rig->seen_count, count);
}

static void run_until_caught_up(struct rig *rig)
{
        int64_t until = bus_mono_us() + PATIENCE_US;

        while (!bus_reader_caught_up(rig->reader) && bus_mono_us() < until)
                cr_assert_eq(bus_loop_turn(rig->loop, 10 * BUS_US_PER_MS), 0);
        cr_assert(bus_reader_caught_up(rig->reader));
}

/* Nothing more comes within a few beacons. */
static void settle(struct rig *rig)
{
        int64_t until = bus_mono_us() + 100 * BUS_US_PER_MS;

        while (bus_mono_us() < until)
                cr_assert_eq(bus_loop_turn(rig->loop, 10 * BUS_US_PER_MS), 0);
}

static void expect_all_in_order(const struct rig *rig, size_t from)
{
        for (size_t i = 0; i < rig->seen_count; i++)
                cr_assert(bus_pos_equal(rig->seen[i], rig->journal[from + i].position),
                        "message %zu is seq %" PRIu64, i, rig->seen[i].seq);
}

Test(reader, takes_what_was_journaled_before_it_came)
{
        struct rig *rig = bus_new(struct rig);

        for (uint64_t seq = 1; seq <= 700; seq++)
                journal(rig, at(5, seq));
        rig_open(rig, BUS_START_BEGINNING, NULL);
        run_until_seen(rig, 700);
        expect_all_in_order(rig, 0);
        cr_expect(bus_reader_caught_up(rig->reader));
        rig_close(rig);
}

static void beat(struct rig *rig)
{
        cr_assert_geq(zmq_send(rig->pub, "heartbeat.x", strlen("heartbeat.x"), ZMQ_SNDMORE), 0);
        cr_assert_geq(zmq_send(rig->pub, "1", 1, 0), 0);
}

static int take_beat(void *self, const struct bus_message *message)
{
        struct rig *rig = self;

        cr_expect_str_eq(message->topic, "heartbeat.x");
        rig->beats++;
        return 0;
}

/* Both lanes are there: a beat and a message have come. */
static void connect_lanes(struct rig *rig)
{
        int64_t until = bus_mono_us() + PATIENCE_US;

        bus_peer_listen(rig->peer, "heartbeat.", true, take_beat, rig);
        journal(rig, at(5, 1));
        while ((!rig->beats || !rig->seen_count) && bus_mono_us() < until) {
                beat(rig);
                publish(rig, &rig->journal[0]);
                cr_assert_eq(bus_loop_turn(rig->loop, 10 * BUS_US_PER_MS), 0);
        }
        settle(rig);
        cr_assert(rig->beats && rig->seen_count == 1);
}

/* libzmq aborts where a connection goes whose next message it has begun to take. */
Test(reader, that_has_not_got_to_what_waits_does_not_take_its_writer_for_silent)
{
        struct rig *rig = bus_new(struct rig);

        rig->silence_us = 30 * BUS_US_PER_MS;
        rig_open(rig, BUS_START_BEGINNING, NULL);
        publish(rig, journal(rig, at(5, 1)));
        run_until_seen(rig, 1);
        for (int round = 0; round < 5; round++) {
                rig->budget = rig->turns_budget = 0;
                for (int i = 0; i < 10; i++)
                        publish(rig, journal(rig, at(5, rig->journal_size + 1)));
                settle(rig);
                settle(rig); /* longer than a silence, twice */
                rig->budget = rig->turns_budget = 64;
                run_until_seen(rig, rig->journal_size);
        }
        expect_all_in_order(rig, 0);
        rig_close(rig);
}

/* One message a turn: it is two thousand behind, and hears the beat behind them in some dozens. */
Test(reader, hears_what_comes_first_while_it_is_behind)
{
        struct rig *rig = bus_new(struct rig);
        int64_t until = bus_mono_us() + PATIENCE_US;
        unsigned int heard;

        rig->lanes = BUS_LANES_BOTH;
        rig_open(rig, BUS_START_BEGINNING, NULL);
        connect_lanes(rig);
        heard = rig->beats;
        rig->budget = rig->turns_budget = 1;
        for (uint64_t seq = 2; seq <= JOURNAL_MAX; seq++)
                publish(rig, journal(rig, at(5, seq)));
        beat(rig);
        while (rig->beats == heard && bus_mono_us() < until)
                cr_assert_eq(bus_loop_turn(rig->loop, BUS_US_PER_MS), 0);
        cr_expect_eq(rig->beats, heard + 1);
        cr_expect_lt(rig->seen_count, JOURNAL_MAX / 2, "it waited behind %zu", rig->seen_count);
        rig->turns_budget = 64;
        run_until_seen(rig, JOURNAL_MAX);
        expect_all_in_order(rig, 0);
        rig_close(rig);
}

Test(reader, goes_on_behind_its_cursor)
{
        struct rig *rig = bus_new(struct rig);
        struct bus_pos cursor = at(5, 10);

        for (uint64_t seq = 1; seq <= 30; seq++)
                journal(rig, at(5, seq));
        rig_open(rig, BUS_START_BEGINNING, &cursor);
        run_until_seen(rig, 20);
        expect_all_in_order(rig, 10);
        rig_close(rig);
}

Test(reader, that_starts_at_now_leaves_the_past_alone)
{
        struct rig *rig = bus_new(struct rig);

        for (uint64_t seq = 1; seq <= 30; seq++)
                journal(rig, at(5, seq));
        rig_open(rig, BUS_START_NOW, NULL);
        run_until_caught_up(rig);
        publish(rig, journal(rig, at(5, 31)));
        run_until_seen(rig, 1);
        cr_expect_eq(rig->seen[0].seq, 31);
        rig_close(rig);
}

Test(reader, that_starts_with_the_latest_takes_it_and_goes_on)
{
        struct rig *rig = bus_new(struct rig);

        journal(rig, at(5, 1));
        journal(rig, at(5, 2));
        journal(rig, at(9, 3)); /* the first of a new incarnation is the newest */
        rig_open(rig, BUS_START_LATEST, NULL);
        run_until_seen(rig, 1);
        publish(rig, journal(rig, at(9, 4)));
        run_until_seen(rig, 2);
        expect_all_in_order(rig, 2);
        rig_close(rig);
}

Test(reader, that_starts_with_the_latest_takes_the_only_one)
{
        struct rig *rig = bus_new(struct rig);

        journal(rig, at(5, 1));
        rig_open(rig, BUS_START_LATEST, NULL);
        run_until_seen(rig, 1);
        expect_all_in_order(rig, 0);
        rig_close(rig);
}

/* Deterministic, so that a failure can be run again. */
static uint32_t next_random(uint32_t *state)
{
        *state = *state * 1664525u + 1013904223u;
        return *state >> 8;
}

static void misbehave(uint32_t seed)
{
        struct rig *rig = bus_new(struct rig);
        uint32_t random = seed;

        rig_open(rig, BUS_START_BEGINNING, NULL);
        rig->replay_limit = 1 + next_random(&random) % 40;
        for (uint64_t seq = 1; seq <= 600; seq++) {
                struct entry *entry = journal(rig, at(5, seq));
                uint32_t dice = next_random(&random) % 20;

                if (dice < 12)
                        publish(rig, entry);
                if (dice == 0)
                        publish(rig, entry); /* twice */
                if (dice == 1 && seq > 3)
                        publish(rig, &rig->journal[seq - 3]); /* late */
                if (dice == 2)
                        beacon(rig);
                if (dice == 3 && seq % 5 == 0)
                        rig->answers_lost = 1;
                if (dice % 4 == 0)
                        cr_assert_eq(bus_loop_turn(rig->loop, 0), 0);
        }
        run_until_seen(rig, 600);
        settle(rig);
        cr_expect_eq(rig->seen_count, 600);
        expect_all_in_order(rig, 0);
        rig_close(rig);
}

Test(reader, sees_each_message_once_and_in_order_whatever_is_lost)
{
        for (uint32_t seed = 1; seed <= 4; seed++)
                misbehave(seed);
}

/* That the reader has caught up says that requests are answered, not that it hears what is published. */
Test(reader, a_swap_within_the_hold_time_costs_no_request)
{
        struct rig *rig = bus_new(struct rig);
        struct entry *one, *two, *three;

        rig_open(rig, BUS_START_BEGINNING, NULL);
        connect_lanes(rig);
        one = journal(rig, at(5, 2));
        two = journal(rig, at(5, 3));
        three = journal(rig, at(5, 4));
        publish(rig, one);
        publish(rig, three);
        publish(rig, two);
        rig->answers_lost = 1000; /* a request would never be answered */
        run_until_seen(rig, 4);
        expect_all_in_order(rig, 0);
        cr_expect_eq(bus_reader_counts(rig->reader).gaps, 0);
        rig_close(rig);
}

Test(reader, goes_back_to_the_fork_of_a_new_incarnation)
{
        struct rig *rig = bus_new(struct rig);
        struct bus_pos cursor = at(5, 10); /* read up to 10, but the writer was restored to 7 */

        for (uint64_t seq = 1; seq <= 7; seq++)
                journal(rig, at(5, seq));
        for (uint64_t seq = 8; seq <= 12; seq++)
                journal(rig, at(9, seq));
        rig_open(rig, BUS_START_BEGINNING, &cursor);
        run_until_seen(rig, 5);
        expect_all_in_order(rig, 7);
        rig_close(rig);
}

Test(reader, follows_positions_with_gaps_by_their_predecessors)
{
        struct rig *rig = bus_new(struct rig);

        rig_open(rig, BUS_START_BEGINNING, NULL);
        for (uint64_t seq = 3; seq <= 300; seq += 7)
                publish(rig, journal(rig, at(5, seq)));
        run_until_seen(rig, rig->journal_size);
        expect_all_in_order(rig, 0);
        rig_close(rig);
}

Test(reader, held_back_loses_nothing)
{
        struct rig *rig = bus_new(struct rig);

        rig_open(rig, BUS_START_BEGINNING, NULL);
        publish(rig, journal(rig, at(5, 1)));
        run_until_seen(rig, 1);
        bus_reader_hold(rig->reader, true);
        for (uint64_t seq = 2; seq <= 600; seq++) {
                publish(rig, journal(rig, at(5, seq)));
                cr_assert_eq(bus_loop_turn(rig->loop, 0), 0);
        }
        settle(rig);
        cr_expect_eq(rig->seen_count, 1);
        bus_reader_hold(rig->reader, false);
        run_until_seen(rig, 600);
        expect_all_in_order(rig, 0);
        rig_close(rig);
}

Test(reader, refuses_what_speaks_in_another_name)
{
        struct rig *rig = bus_new(struct rig);
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        struct entry entry = { .position = at(5, 2), .predecessor = at(5, 1) };

        rig_open(rig, BUS_START_BEGINNING, NULL);
        journal(rig, at(5, 1));
        run_until_seen(rig, 1);
        settle(rig); /* the SUB socket is connected by now */
        pack_message(&entry, &buf);
        memcpy(memmem(buf.data, buf.size, "alert-ingest", 12), "alert-INGEST", 12);
        live_publish(rig->pub, "signal", TOPIC, bus_buf_bytes(&buf));
        live_publish(rig->pub, "signal", TOPIC, bus_bytes_str("garbage"));
        live_publish(rig->pub, "signal", "trade.x", bus_buf_bytes(&buf));
        live_send(rig->pub, "signal", bus_bytes_str("garbage"));
        settle(rig);
        cr_expect(rig->seen_count == 1 && bus_reader_counts(rig->reader).refused == 4);
        rig_close(rig);
}

Test(reader, takes_a_batch_in_one_and_fetches_what_is_bad_in_it)
{
        struct rig *rig = bus_new(struct rig);
        BUS_AUTOBUF struct bus_buf batch = BUS_BUF_INIT, buf = BUS_BUF_INIT;

        rig_open(rig, BUS_START_BEGINNING, NULL);
        journal(rig, at(5, 1));
        run_until_seen(rig, 1);
        settle(rig); /* the SUB socket is connected by now */
        for (uint64_t seq = 2; seq <= 40; seq++) {
                bus_buf_clear(&buf);
                pack_message(journal(rig, at(5, seq)), &buf);
                live_add(&batch, TOPIC, bus_buf_bytes(&buf));
        }
        batch.size--; /* the last is not whole */
        live_send(rig->pub, "signal", bus_buf_bytes(&batch));
        settle(rig);
        cr_expect(rig->seen_count == 39 && rig->followed == 38);
        run_until_seen(rig, 40);
        cr_expect_eq(bus_reader_counts(rig->reader).refused, 1);
        expect_all_in_order(rig, 0);
        rig_close(rig);
}
