/*
 * Any bytes as what comes off the bus: live messages and beacons of a PUB socket, answers and
 * questions of the replay, positions as people write them. The input is cut into frames, each with a
 * letter that says which. Whatever comes, a reader hands over only what belongs to its stream, each
 * behind what it names as its predecessor.
 */
#include "libbus/base/require.h"
#include "libbus/bus/pack.h"
#include "libbus/bus/reader_internal.h"
#include "libbus/bus/socket.h"
#include "libbus/bus/writer_internal.h"
#include "proto/unpack.h"
#include "proto/validate.h"

#include <ftw.h>
#include <stdlib.h>
#include <zmq.h>

#define TOPIC      "trade.filled.EURUSD"
#define FRAMES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int deliver(void *arg, struct bus_reader *reader, const struct bus_message *message)
{
        (void)arg;
        bus_require(message->position.seq && !strcmp(message->stream, reader->name));
        bus_require(!strcmp(message->envelope->stream, reader->name));
        bus_require(bus_pos_equal(reader->cursor, message->position));
        return 0;
}

struct rig {
        struct bus_loop *loop;
        void *zmq;
        int budget;
        struct bus_peer *peer;
        struct bus_reader *reader;
        struct bus_writer writer;
};

static char folder[] = "/tmp/umbra-fuzz-XXXXXX";
static struct store *store;

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
        (void)stat;
        (void)kind;
        (void)walk;
        return remove(path);
}

static void remove_store(void)
{
        store = store_free(store);
        nftw(folder, remove_one, 4, FTW_DEPTH | FTW_PHYS);
}

/* One journal for all inputs: questions only read it, or begin an incarnation. */
static void make_store(void)
{
        struct store_options options = { .engine = "sqlite", .boot_id = "", .now_us = 1 };
        BUS_AUTOFREE char *path = NULL;
        char error[256];
        int r;

        bus_require(mkdtemp(folder));
        atexit(remove_store);
        path = bus_xasprintf("%s/w.db", folder);
        options.path = path;
        r = store_open(&options, &store, error, sizeof(error));
        bus_require(r == 0);
}

static void add_stream(struct bus_writer *writer)
{
        struct bus_writer_stream *stream = &writer->streams[writer->stream_count++];
        struct store_batch *batch = store_batch_new();
        int r;

        if (!store)
                make_store();
        writer->store = store;
        stream->kind = bus_stream_kind("trade");
        bus_stream_full_name("trade", "order-executor", stream->name);
        r = store_stream_open(store, stream->name, STORE_STREAM_FULL, &stream->stored);
        bus_require(r == 0);
        if (stream->stored.last.seq < 3)
                store_batch_append(batch, &(struct store_append){ .stream = stream->name,
                                                  .topic = TOPIC,
                                                  .body = bus_bytes_str("x"),
                                                  .at_us = 1 });
        r = store_commit(store, batch, STORE_SYNC_NORMAL);
        bus_require(r == 0);
        r = store_stream_get(store, stream->name, &stream->stored);
        bus_require(r == 0);
        store_batch_free(batch);
}

static void rig_open(struct rig *rig)
{
        static const struct bus_reader_options reader = { .stream_kind = "trade",
                .start = BUS_START_BEGINNING,
                .deliver = deliver,
                .service = "health" };
        struct bus_peer_options peer = { .writer = "order-executor",
                .pub_endpoint = "inproc://fuzz-pub",
                .replay_endpoint = "inproc://fuzz-replay",
                .budget = &rig->budget };
        char error[256];
        int r;

        rig->loop = bus_loop_new();
        rig->zmq = zmq_ctx_new();
        rig->budget = 1 << 20;
        peer.loop = rig->loop;
        peer.zmq = rig->zmq;
        r = bus_peer_new(&peer, &rig->peer, error, sizeof(error));
        bus_require(r == 0);
        rig->reader = bus_peer_add(rig->peer, &reader);
        rig->writer.router = bus_socket_new(rig->zmq, ZMQ_ROUTER);
        bus_require(rig->writer.router);
        add_stream(&rig->writer);
}

static void rig_close(struct rig *rig)
{
        bus_peer_free(rig->peer);
        bus_socket_close(rig->writer.router, 0);
        bus_buf_done(&rig->writer.frame);
        bus_buf_done(&rig->writer.answer);
        bus_loop_free(rig->loop);
        zmq_ctx_term(rig->zmq);
}

static void take_message(struct rig *rig, struct bus_bytes frame)
{
        struct held message = { 0 };

        if (reader_unpack(rig->reader, TOPIC, frame, false, &message) == 0)
                reader_take(rig->reader, &message);
}

static void take_beacon(struct rig *rig, struct bus_bytes frame)
{
        Pb__Beacon *beacon = MESSAGE_UNPACK(beacon, frame);
        const char *why;

        if (beacon && validate_beacon(beacon, &why) == 0)
                reader_beacon(rig->reader, beacon);
        pb__beacon__free_unpacked(beacon, NULL);
}

/* Whatever question it was, this is its answer: the number cannot be guessed by chance. */
static void take_answer(struct rig *rig, struct bus_bytes frame)
{
        Pb__ReplayReply *reply = MESSAGE_UNPACK(replay_reply, frame);
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;

        if (reply) {
                rig->reader->fetching = true;
                rig->reader->request_id = reply->request_id = 1;
                bus_pack(&reply->base, &packed);
                fetch_answer(rig->peer, bus_buf_bytes(&packed));
        }
        pb__replay_reply__free_unpacked(reply, NULL);
        fetch_answer(rig->peer, frame);
}

static void take_position(struct bus_bytes frame)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        char again[BUS_POS_TEXT_SIZE];
        struct bus_pos position, back;
        int r;

        bus_buf_add(&text, frame.data, frame.size);
        if (bus_pos_parse(bus_buf_str(&text), &position) < 0)
                return;
        r = bus_pos_parse(bus_pos_format(position, again), &back);
        bus_require(r == 0 && bus_pos_equal(position, back));
}

static void take_frame(struct rig *rig, uint8_t kind, struct bus_bytes frame)
{
        switch (kind) {
        case 'm': take_message(rig, frame); break;
        case 'l': peer_take_batch(rig->reader, frame); break;
        case 'b': take_beacon(rig, frame); break;
        case 'a': take_answer(rig, frame); break;
        case 'q': writer_take_question(&rig->writer, bus_bytes("x", 1), frame); break;
        case 'p': take_position(frame); break;
        default: break;
        }
}

/* A letter, two bytes of length, the frame; the last one takes what there is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct rig rig = { 0 };

        rig_open(&rig);
        for (int i = 0; i < FRAMES_MAX && size > 3; i++) {
                size_t length = (size_t)data[1] << 8 | data[2];

                if (length > size - 3)
                        length = size - 3;
                take_frame(&rig, data[0], bus_bytes(data + 3, length));
                data += 3 + length;
                size -= 3 + length;
        }
        rig_close(&rig);
        return 0;
}
