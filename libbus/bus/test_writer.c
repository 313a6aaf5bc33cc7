/* What a writer sends to whom: batches to services, single messages to who subscribed to their topics. */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "libbus/bus/batch.h"
#include "libbus/bus/envelope.h"
#include "libbus/bus/socket.h"
#include "libbus/bus/writer_internal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <zmq.h>

#define PATIENCE_US (10 * BUS_US_PER_SEC)
#define BATCHES     "batch.trade."

static struct rig {
        struct bus_loop *loop;
        void *zmq;
        struct store *store;
        struct bus_writer *writer;
        uint64_t seq;
        char folder[32], pub[64], replay[64], path[64];
} rig;

static void set_up(void)
{
        static const char *const outputs[] = { "trade", "account", NULL };
        struct store_options store = {
                .engine = "sqlite", .path = rig.path, .now_us = bus_wall_us(), .boot_id = "one"
        };
        struct bus_writer_options writer = { .service = "order-executor",
                .outputs = outputs,
                .pub_endpoint = rig.pub,
                .replay_endpoint = rig.replay };
        char error[256] = "";

        cr_assert_eq(bus_hash_init(), 0);
        rig.loop = bus_loop_new();
        rig.zmq = zmq_ctx_new();
        strcpy(rig.folder, "/tmp/umbra-writer-XXXXXX");
        cr_assert(mkdtemp(rig.folder));
        snprintf(rig.pub, sizeof(rig.pub), "ipc://%s/p", rig.folder);
        snprintf(rig.replay, sizeof(rig.replay), "ipc://%s/r", rig.folder);
        snprintf(rig.path, sizeof(rig.path), "%s/w.db", rig.folder);
        cr_assert_eq(store_open(&store, &rig.store, error, sizeof(error)), 0, "%s", error);
        writer.loop = rig.loop;
        writer.zmq = rig.zmq;
        writer.store = rig.store;
        cr_assert_eq(bus_writer_new(&writer, &rig.writer, error, sizeof(error)), 0, "%s", error);
}

static void tear_down(void)
{
        BUS_AUTOFREE char *clean = bus_xasprintf("rm -rf %s", rig.folder);

        bus_writer_free(rig.writer);
        store_free(rig.store);
        bus_loop_free(rig.loop);
        zmq_ctx_term(rig.zmq);
        cr_expect_eq(system(clean), 0);
}

TestSuite(writer, .init = set_up, .fini = tear_down);

static void publish(const char *kind, const char *topic, size_t size)
{
        struct bus_writer_stream *stream = bus_writer_stream(rig.writer, kind);
        Pb__Envelope envelope = PB__ENVELOPE__INIT;
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;
        BUS_AUTOFREE uint8_t *body = bus_xcalloc(size, 1);

        envelope.schema = BUS_SCHEMA;
        envelope.stream = stream->name;
        envelope.message_id = envelope.alert_id = "01ARYZ6S410000000000000000";
        envelope.staged_us = 1;
        envelope.body.data = body;
        envelope.body.len = size;
        bus_envelope_pack(&envelope, &packed);
        rig.seq++;
        bus_writer_publish(rig.writer, stream, topic, bus_buf_bytes(&packed),
                (struct bus_pos){ 1, rig.seq, 0 },
                rig.seq > 1 ? (struct bus_pos){ 1, rig.seq - 1, 0 } : BUS_POS_ZERO);
}

/* A subscriber, once it is heard: what comes before is for nobody. */
static void *subscriber(const char *topic)
{
        void *sub = bus_socket_new(rig.zmq, ZMQ_SUB);
        int64_t until_us = bus_mono_us() + PATIENCE_US;
        char frame[64];
        int n = -1;

        cr_assert_eq(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, topic, strlen(topic)), 0);
        cr_assert_eq(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "hello", 5), 0);
        cr_assert_eq(zmq_connect(sub, rig.pub), 0);
        while (n < 0 && bus_mono_us() < until_us) {
                bus_writer_publish_raw(rig.writer, "hello", bus_bytes_str("you"));
                cr_assert_eq(bus_loop_turn(rig.loop, 10 * BUS_US_PER_MS), 0);
                n = zmq_recv(sub, frame, sizeof(frame), ZMQ_DONTWAIT);
        }
        cr_assert_geq(n, 0, "nobody was heard");
        cr_assert_geq(zmq_recv(sub, frame, sizeof(frame), 0), 0);
        return sub;
}

/* Turns long enough for a beacon, with which the writer looks who has subscribed. */
static void look(void)
{
        int64_t until_us = bus_mono_us() + BUS_US_PER_SEC / 2;

        while (bus_mono_us() < until_us)
                cr_assert_eq(bus_loop_turn(rig.loop, 10 * BUS_US_PER_MS), 0);
}

/* The next that is no greeting; false: none came. */
static bool receive(void *sub, char topic[static 64], struct bus_buf *frame)
{
        int wait_ms = 300, n;
        zmq_msg_t message;

        zmq_setsockopt(sub, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms));
        do {
                n = zmq_recv(sub, topic, 63, 0);
                if (n < 0)
                        return false;
                topic[n] = 0;
                zmq_msg_init(&message);
                cr_assert_geq(zmq_msg_recv(&message, sub, 0), 0);
                bus_buf_clear(frame);
                bus_buf_add(frame, zmq_msg_data(&message), zmq_msg_size(&message));
                zmq_msg_close(&message);
        } while (!strcmp(topic, "hello"));
        return true;
}

/* The numbers that the next batch holds must go on from *NEXT, which moves behind them: how many. */
static size_t take_batch(void *sub, const char *kind, uint64_t *next)
{
        BUS_AUTOBUF struct bus_buf frame = BUS_BUF_INIT;
        struct bus_bytes rest, topic, bytes;
        Pb__Envelope *envelope;
        const char *why = "";
        size_t count = 0;
        char name[64];

        if (!receive(sub, name, &frame))
                return 0;
        cr_assert_str_eq(name, kind);
        rest = bus_buf_bytes(&frame);
        while (bus_batch_next(&rest, &topic, &bytes) > 0) {
                cr_assert_eq(bus_envelope_unpack(bytes, &envelope, &why), 0, "%s", why);
                cr_assert_eq(envelope->position->seq, *next);
                pb__envelope__free_unpacked(envelope, NULL);
                (*next)++;
                count++;
        }
        cr_assert_eq(rest.size, 0);
        return count;
}

Test(writer, what_is_published_together_goes_out_in_one)
{
        uint64_t next = 1, account = 4;
        void *sub;

        sub = subscriber("batch.");
        bus_writer_gather(rig.writer);
        for (int i = 0; i < 3; i++)
                publish("trade", "trade.filled.EURUSD", 700);
        publish("account", "account.now", 100);
        cr_expect_eq(take_batch(sub, BATCHES, &next), 0); /* not yet */
        bus_writer_flush(rig.writer);
        cr_expect_eq(take_batch(sub, BATCHES, &next), 3);
        cr_expect_eq(take_batch(sub, "batch.account.", &account), 1);
        bus_writer_flush(rig.writer);
        cr_expect_eq(take_batch(sub, BATCHES, &next), 0);
        bus_socket_close(sub, 0);
}

Test(writer, what_is_published_by_itself_goes_out_at_once)
{
        uint64_t next = 1;
        void *sub;

        sub = subscriber(BATCHES);
        for (int i = 0; i < 2; i++) {
                publish("trade", "trade.filled.EURUSD", 700);
                cr_expect_eq(take_batch(sub, BATCHES, &next), 1);
        }
        bus_socket_close(sub, 0);
}

Test(writer, a_batch_has_an_end)
{
        uint64_t next = 1;
        void *sub;

        sub = subscriber(BATCHES);
        bus_writer_gather(rig.writer);
        for (int i = 0; i < 100; i++)
                publish("trade", "trade.filled.EURUSD", 10);
        bus_writer_flush(rig.writer);
        cr_expect_eq(take_batch(sub, BATCHES, &next), 64);
        cr_expect_eq(take_batch(sub, BATCHES, &next), 36);
        bus_writer_gather(rig.writer);
        for (int i = 0; i < 4; i++)
                publish("trade", "trade.filled.EURUSD", 10000);
        bus_writer_flush(rig.writer);
        cr_expect_eq(take_batch(sub, BATCHES, &next), 2);
        cr_expect_eq(take_batch(sub, BATCHES, &next), 2);
        bus_socket_close(sub, 0);
}

static void expect_single(void *sub, const char *topic, uint64_t seq)
{
        BUS_AUTOBUF struct bus_buf frame = BUS_BUF_INIT;
        Pb__Envelope *envelope;
        const char *why = "";
        char name[64];

        cr_assert(receive(sub, name, &frame), "nothing came");
        cr_assert_str_eq(name, topic);
        cr_assert_eq(bus_envelope_unpack(bus_buf_bytes(&frame), &envelope, &why), 0, "%s", why);
        cr_expect_eq(envelope->position->seq, seq);
        pb__envelope__free_unpacked(envelope, NULL);
}

/* Two of one topic, which XPUB tells of once, and one of another: each has its own until it ends it. */
Test(writer, who_subscribed_to_topics_gets_single_messages)
{
        BUS_AUTOBUF struct bus_buf frame = BUS_BUF_INIT;
        void *eur, *again, *gold, *all;
        uint64_t next = 1;
        char name[64];

        all = subscriber(BATCHES);
        eur = subscriber("trade.filled.EUR");
        again = subscriber("trade.filled.EUR");
        gold = subscriber("trade.filled.XAU");
        look();
        cr_expect_eq(rig.writer->single_count, 2, "greetings and batches are none");
        bus_writer_gather(rig.writer);
        publish("trade", "trade.filled.EURUSD", 10);
        publish("trade", "trade.filled.XAUUSD", 10);
        publish("trade", "trade.closed.EURUSD", 10);
        bus_writer_flush(rig.writer);
        cr_expect_eq(take_batch(all, BATCHES, &next), 3);
        expect_single(eur, "trade.filled.EURUSD", 1);
        expect_single(again, "trade.filled.EURUSD", 1);
        expect_single(gold, "trade.filled.XAUUSD", 2);
        cr_expect(!receive(eur, name, &frame) && !receive(gold, name, &frame));

        bus_socket_close(eur, 0);
        look();
        publish("trade", "trade.filled.EURUSD", 10);
        expect_single(again, "trade.filled.EURUSD", 4);
        bus_socket_close(again, 0);
        bus_socket_close(gold, 0);
        look();
        cr_expect_eq(rig.writer->single_count, 0);
        bus_socket_close(all, 0);
}
