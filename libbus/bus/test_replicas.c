/*
 * The reader of a writer that runs several times: fakes that share one journal, of which each
 * publishes a part, and some are not there, or hold an older lease.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/bus/envelope.h"
#include "libbus/bus/pack.h"
#include "libbus/bus/reader.h"
#include "libbus/bus/socket.h"
#include "libbus/bus/test_live.h"

#include "replay.pb-c.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <zmq.h>

#define REPLICAS    3
#define STREAM      "signal@alert-ingest"
#define TOPIC       "signal.v3.EURUSD"
#define INCARNATION 5
#define PATIENCE_US (20 * BUS_US_PER_SEC)

struct rig;

struct replica {
        struct rig *rig;
        void *pub, *router;
        uint64_t token;
        unsigned int asked;
};

struct rig {
        struct bus_loop *loop;
        void *zmq;
        struct replica replicas[REPLICAS];
        struct bus_peer *peer;
        int budget;
        uint64_t last; /* of the journal all share */
        uint64_t seen[64];
        size_t seen_count;
        uint64_t raised; /* what token_raised said last */
        char folder[32];
};

static struct bus_pos at(uint64_t seq)
{
        return seq ? (struct bus_pos){ INCARNATION, seq, 0 } : BUS_POS_ZERO;
}

static int deliver(void *arg, struct bus_reader *reader, const struct bus_message *message)
{
        struct rig *rig = arg;

        (void)reader;
        bus_require(rig->seen_count < BUS_COUNT(rig->seen));
        rig->seen[rig->seen_count++] = message->position.seq;
        return 0;
}

static void raised(void *arg, const char *writer, uint64_t token)
{
        struct rig *rig = arg;

        (void)writer;
        rig->raised = token;
}

static void pack_message(uint64_t seq, uint64_t token, struct bus_buf *buf)
{
        Pb__Envelope envelope = PB__ENVELOPE__INIT;
        uint8_t body[] = { 8, 1 };

        envelope.schema = BUS_SCHEMA;
        envelope.stream = STREAM;
        envelope.message_id = envelope.alert_id = "01ARYZ6S410000000000000000";
        envelope.staged_us = 1;
        envelope.body.data = body;
        envelope.body.len = sizeof(body);
        bus_envelope_pack(&envelope, buf);
        bus_envelope_place(buf, at(seq), at(seq - 1), PB__STEP__STEP_UNSPECIFIED, 0);
        if (token)
                bus_envelope_sign(buf, token);
}

static void publish(struct replica *replica, uint64_t seq)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;

        pack_message(seq, replica->token, &buf);
        live_publish(replica->pub, "signal", TOPIC, bus_buf_bytes(&buf));
}

static void beacon(struct replica *replica)
{
        Pb__Beacon b = PB__BEACON__INIT;
        Pb__Position first, last;
        uint8_t packed[256];

        bus_pos_to(at(replica->rig->last ? 1 : 0), &first);
        bus_pos_to(at(replica->rig->last), &last);
        b.stream = STREAM;
        b.incarnation = INCARNATION;
        b.first = &first;
        b.last = &last;
        b.writer_token = replica->token;
        cr_assert_geq(
                zmq_send(replica->pub, "beacon." STREAM, strlen("beacon." STREAM), ZMQ_SNDMORE), 0);
        cr_assert_geq(zmq_send(replica->pub, packed, pb__beacon__pack(&b, packed), 0), 0);
}

static void answer(struct replica *replica, zmq_msg_t *identity, const Pb__ReplayRequest *request)
{
        Pb__ReplayReply reply = PB__REPLAY_REPLY__INIT;
        Pb__Record record = PB__RECORD__INIT, *records[] = { &record };
        BUS_AUTOBUF struct bus_buf message = BUS_BUF_INIT, frame = BUS_BUF_INIT;
        uint64_t after_seq = request->after->seq;
        Pb__Position after, first, last;

        bus_pos_to(at(after_seq), &after);
        bus_pos_to(at(replica->rig->last ? 1 : 0), &first);
        bus_pos_to(at(replica->rig->last), &last);
        reply.request_id = request->request_id;
        reply.stream = request->stream;
        reply.status = PB__REPLAY_STATUS__REPLAY_STATUS_OK;
        reply.after = &after;
        reply.first = &first;
        reply.last = &last;
        reply.writer_token = replica->token;
        if (after_seq < replica->rig->last && request->max_messages) {
                pack_message(after_seq + 1, 0, &message);
                record.topic = TOPIC;
                record.envelope.data = message.data;
                record.envelope.len = message.size;
                reply.records = records;
                reply.n_records = 1;
        }
        reply.end = after_seq + 1 >= replica->rig->last;
        bus_pack(&reply.base, &frame);
        zmq_send(replica->router, zmq_msg_data(identity), zmq_msg_size(identity), ZMQ_SNDMORE);
        zmq_send(replica->router, frame.data, frame.size, 0);
}

static void serve(void *arg)
{
        struct replica *replica = arg;
        Pb__ReplayRequest *request;
        zmq_msg_t identity, body;

        zmq_msg_init(&identity);
        zmq_msg_init(&body);
        if (zmq_msg_recv(&identity, replica->router, ZMQ_DONTWAIT) >= 0 &&
                zmq_msg_recv(&body, replica->router, ZMQ_DONTWAIT) >= 0) {
                request =
                        pb__replay_request__unpack(NULL, zmq_msg_size(&body), zmq_msg_data(&body));
                cr_assert(request);
                replica->asked++;
                answer(replica, &identity, request);
                pb__replay_request__free_unpacked(request, NULL);
        }
        zmq_msg_close(&identity);
        zmq_msg_close(&body);
}

static void end_turn(void *arg)
{
        ((struct rig *)arg)->budget = 64;
}

static void replica_start(struct rig *rig, size_t n, uint64_t token)
{
        struct replica *replica = &rig->replicas[n];
        BUS_AUTOFREE char *pub = bus_xasprintf("ipc://%s/p%zu", rig->folder, n);
        BUS_AUTOFREE char *replay = bus_xasprintf("ipc://%s/r%zu", rig->folder, n);

        *replica = (struct replica){ .rig = rig,
                .pub = bus_socket_new(rig->zmq, ZMQ_PUB),
                .router = bus_socket_new(rig->zmq, ZMQ_ROUTER),
                .token = token };
        cr_assert_eq(zmq_bind(replica->pub, pub), 0);
        cr_assert_eq(zmq_bind(replica->router, replay), 0);
        bus_loop_add_socket(rig->loop, replica->router, serve, replica);
}

static int connect_to(struct rig *rig, const char *pub, const char *replay, char error[static 256])
{
        const struct bus_peer_options peer = { .loop = rig->loop,
                .zmq = rig->zmq,
                .writer = "alert-ingest",
                .pub_endpoint = pub,
                .replay_endpoint = replay,
                .budget = &rig->budget,
                .token = rig->raised,
                .token_raised = raised,
                .token_arg = rig };
        const struct bus_reader_options reader = { .stream_kind = "signal",
                .start = BUS_START_BEGINNING,
                .deliver = deliver,
                .arg = rig };
        int r = bus_peer_new(&peer, &rig->peer, error, 256);

        if (!r)
                bus_peer_add(rig->peer, &reader);
        return r;
}

static struct rig *rig_new(void)
{
        struct rig *rig = bus_new(struct rig);

        strcpy(rig->folder, "/tmp/umbra-replicas-XXXXXX");
        cr_assert(mkdtemp(rig->folder));
        rig->budget = 64;
        rig->loop = bus_loop_new();
        rig->zmq = zmq_ctx_new();
        bus_loop_on_turn_end(rig->loop, end_turn, rig);
        return rig;
}

static void rig_connect(struct rig *rig)
{
        BUS_AUTOBUF struct bus_buf pub = BUS_BUF_INIT, replay = BUS_BUF_INIT;
        char error[256] = "";

        for (size_t n = 0; n < REPLICAS; n++) {
                bus_buf_printf(&pub, "%sipc://%s/p%zu", n ? " " : "", rig->folder, n);
                bus_buf_printf(&replay, "%sipc://%s/r%zu", n ? " " : "", rig->folder, n);
        }
        cr_assert_eq(
                connect_to(rig, bus_buf_str(&pub), bus_buf_str(&replay), error), 0, "%s", error);
}

static void rig_free(struct rig *rig)
{
        BUS_AUTOFREE char *clean = bus_xasprintf("rm -rf %s", rig->folder);

        bus_peer_free(rig->peer);
        bus_loop_free(rig->loop);
        for (size_t n = 0; n < REPLICAS; n++) {
                bus_socket_close(rig->replicas[n].pub, 0);
                bus_socket_close(rig->replicas[n].router, 0);
        }
        zmq_ctx_term(rig->zmq);
        cr_expect_eq(system(clean), 0);
        free(rig);
}

/* Turns, with a beacon of each that is there now and then, until COUNT were seen or time is up. */
static void turn(struct rig *rig, size_t count, int64_t patience_us)
{
        int64_t until_us = bus_mono_us() + patience_us, next_us = 0;

        while (rig->seen_count < count && bus_mono_us() < until_us) {
                for (size_t n = 0; n < REPLICAS && bus_mono_us() >= next_us; n++)
                        if (rig->replicas[n].pub)
                                beacon(&rig->replicas[n]);
                if (bus_mono_us() >= next_us)
                        next_us = bus_mono_us() + 30 * BUS_US_PER_MS;
                cr_assert_eq(bus_loop_turn(rig->loop, 10 * BUS_US_PER_MS), 0);
        }
}

static void expect_seen(struct rig *rig, size_t count)
{
        turn(rig, count, PATIENCE_US);
        cr_assert_eq(rig->seen_count, count, "saw %zu of %zu", rig->seen_count, count);
        for (size_t i = 0; i < count; i++)
                cr_expect_eq(rig->seen[i], i + 1);
}

Test(replicas, what_several_publish_comes_once_and_in_order)
{
        struct rig *rig = rig_new();

        for (size_t n = 0; n < REPLICAS; n++)
                replica_start(rig, n, 0);
        rig_connect(rig);
        rig->last = 1;
        expect_seen(rig, 1); /* by a replay: all are connected now, or soon */
        for (uint64_t seq = 2; seq <= 40; seq++) {
                rig->last = seq;
                publish(&rig->replicas[seq % REPLICAS], seq);
                publish(&rig->replicas[(seq + 1) % REPLICAS], seq);
        }
        expect_seen(rig, 40);
        rig_free(rig);
}

Test(replicas, any_that_is_there_is_asked_for_what_is_missing)
{
        struct rig *rig = rig_new();

        replica_start(rig, 2, 0); /* two of three are not there */
        rig->last = 12;
        rig_connect(rig);
        expect_seen(rig, 12);
        cr_expect_geq(rig->replicas[2].asked, 12);
        rig_free(rig);
}

Test(replicas, who_holds_an_older_lease_is_not_heard)
{
        struct rig *rig = rig_new();

        replica_start(rig, 0, 7);
        rig_connect(rig);
        rig->last = 1;
        expect_seen(rig, 1);
        cr_expect_eq(rig->raised, 7);
        replica_start(rig, 1, 9);
        rig->last = 2;
        expect_seen(rig, 2);
        turn(rig, 3, 300 * BUS_US_PER_MS); /* a beacon of the newer one is heard by then */
        for (int i = 0; i < 600 && rig->raised != 9; i++)
                turn(rig, 3, 30 * BUS_US_PER_MS);
        cr_assert_eq(rig->raised, 9);
        /* the older one publishes on, and counts further */
        publish(&rig->replicas[0], 3);
        turn(rig, 3, 300 * BUS_US_PER_MS);
        cr_expect_eq(rig->seen_count, 2);
        publish(&rig->replicas[1], 3);
        rig->last = 3;
        expect_seen(rig, 3);
        rig_free(rig);
}

Test(replicas, a_lease_that_was_heard_of_in_an_earlier_life_counts)
{
        struct rig *rig = rig_new();

        replica_start(rig, 0, 7);
        rig->raised = 8;
        rig->last = 1;
        rig_connect(rig);
        turn(rig, 1, 500 * BUS_US_PER_MS);
        cr_expect_eq(rig->seen_count, 0);
        cr_expect_gt(rig->replicas[0].asked, 0); /* it answered, and was not believed */
        rig->replicas[0].token = 8;
        expect_seen(rig, 1);
        rig_free(rig);
}

Test(replicas, as_many_places_must_be_named_of_one_kind_as_of_the_other)
{
        static const char *const wrong[][2] = {
                { "ipc:///tmp/a ipc:///tmp/b", "ipc:///tmp/c" },
                { "ipc:///tmp/a", "ipc:///tmp/b ipc:///tmp/c" },
                { "ipc:///tmp/a  ipc:///tmp/b", "ipc:///tmp/c  ipc:///tmp/d" },
                { "", "" },
        };

        for (size_t i = 0; i < BUS_COUNT(wrong); i++) {
                struct rig *rig = rig_new();
                char error[256] = "";

                cr_expect_eq(connect_to(rig, wrong[i][0], wrong[i][1], error), -EINVAL);
                cr_expect(strstr(error, "endpoint.alert-ingest"), "%s", error);
                rig_free(rig);
        }
}

Test(replicas, a_place_that_is_none_is_named)
{
        struct rig *rig = rig_new();
        char error[256] = "";

        cr_expect_eq(connect_to(rig, "ipc:///tmp/a ipc://", "ipc:///tmp/b ipc:///tmp/c", error),
                -EINVAL);
        cr_expect(strstr(error, "cannot connect to alert-ingest at ipc://,"), "%s", error);
        rig_free(rig);
}
