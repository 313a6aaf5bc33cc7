/*
 * The replay server: one request a turn of the loop, at most REPLAY_MAX_MESSAGES and about
 * REPLAY_MAX_BYTES an answer, so that a reader that catches up never stands in the way of live work.
 */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/batch.h"
#include "libbus/bus/envelope.h"
#include "libbus/bus/pack.h"
#include "libbus/bus/socket.h"
#include "libbus/bus/writer_internal.h"
#include "proto/unpack.h"
#include "proto/validate.h"

#include "replay.pb-c.h"

#include <errno.h>
#include <inttypes.h>
#include <zmq.h>

#define REPLAY_MAX_MESSAGES 256
#define REPLAY_MAX_BYTES    (BUS_FRAME_MAX_BYTES / 4)
/* An identity as ROUTER makes or takes it. */
#define IDENTITY_MAX_BYTES 255
/* Between two answers of a writer that makes up for much itself. */
#define BUSY_PAUSE_US (20 * BUS_US_PER_MS)
/* An incarnation is a time: one further ahead than clocks go wrong was never given out. */
#define CLOCK_AHEAD_MAX_US (INT64_C(86400) * BUS_US_PER_SEC)

/* pb.ReplayReply.records */
#define REPLY_RECORDS 7

/*
 * The records go straight from the store into the frame, as protobuf has them; the rest of the reply
 * is packed behind them: the fields of a message may come in any order.
 */
struct answer {
        Pb__ReplayReply reply;
        Pb__Position after, first, last;
        struct bus_buf *frame;
        size_t count, limit, bytes;
};

static int add_record(const struct store_record *record, void *arg)
{
        struct answer *answer = arg;
        uint8_t place[BUS_ENVELOPE_PLACE_MAX_BYTES];
        size_t place_size = bus_envelope_put_place(place, record->position, record->predecessor);

        bus_batch_add(answer->frame, REPLY_RECORDS, record->topic, record->body,
                bus_bytes(place, place_size));
        answer->count++;
        answer->bytes += record->body.size + place_size;
        return answer->bytes >= REPLAY_MAX_BYTES;
}

static struct bus_writer_stream *find_stream(struct bus_writer *writer, const char *name)
{
        for (size_t i = 0; i < writer->stream_count; i++)
                if (!strcmp(writer->streams[i].name, name))
                        return &writer->streams[i];
        return NULL;
}

static int read_records(struct bus_writer *writer, struct bus_writer_stream *stream,
        const Pb__ReplayRequest *request, struct answer *answer)
{
        struct bus_pos after = bus_pos_of(request->after), started;
        int r;

        if (request->since_us > 0) {
                r = store_seek_time(writer->store, stream->name, request->since_us, &after);
                if (r < 0)
                        return r;
        }
        started = after;
        r = store_read(
                writer->store, stream->name, after, answer->limit, add_record, answer, &started);
        bus_pos_to(started, &answer->after);
        return r;
}

/*
 * A service has handled what this journal does not hold: the store is older than what was published
 * from it. What is written from now on gets a new incarnation, so that no position means two things.
 */
static void regress(
        struct bus_writer *writer, struct bus_writer_stream *stream, struct bus_pos handled)
{
        char last[BUS_POS_TEXT_SIZE], theirs[BUS_POS_TEXT_SIZE];
        int r;

        bus_pos_format(stream->stored.last, last);
        bus_pos_format(handled, theirs);
        if (handled.incarnation > (uint64_t)(bus_wall_us() + CLOCK_AHEAD_MAX_US) / BUS_US_PER_MS)
                r = -ERANGE;
        else
                r = store_stream_fork(
                        writer->store, stream->name, handled.incarnation, &stream->stored);
        if (r < 0) {
                log_warn("incarnation_refused", "stream=%s last=%s handled=%s error=\"%s\"",
                        stream->name, last, theirs, strerror(-r));
                return;
        }
        log_error("journal_behind_reader",
                "stream=%s last=%s handled=%s incarnation=%" PRIu64
                " the store is older than what was published: was it put back without umbra restore?",
                stream->name, last, theirs, stream->stored.incarnation);
        if (writer->regressed)
                writer->regressed(writer->arg, stream->name);
}

static void fill_answer(
        struct bus_writer *writer, const Pb__ReplayRequest *request, struct answer *answer)
{
        struct bus_writer_stream *stream = find_stream(writer, request->stream);
        Pb__ReplayReply *reply = &answer->reply;
        int r;

        pb__replay_reply__init(reply);
        reply->request_id = request->request_id;
        reply->stream = request->stream;
        reply->status = PB__REPLAY_STATUS__REPLAY_STATUS_UNKNOWN_STREAM;
        reply->writer_token = writer->token;
        if (!stream)
                return;
        if (writer->lease.shared)
                bus_writer_refresh(writer, stream);

        answer->limit = request->max_messages < REPLAY_MAX_MESSAGES ? request->max_messages
                                                                    : REPLAY_MAX_MESSAGES;
        bus_pos_to(bus_pos_of(request->after), &answer->after);
        bus_pos_to(stream->stored.first, &answer->first);
        bus_pos_to(stream->stored.last, &answer->last);
        r = answer->limit || request->since_us > 0 ? read_records(writer, stream, request, answer)
                                                   : 0;
        switch (r) {
        case 0: reply->status = PB__REPLAY_STATUS__REPLAY_STATUS_OK; break;
        case STORE_AHEAD:
                reply->status = PB__REPLAY_STATUS__REPLAY_STATUS_AHEAD;
                if (request->handled && stream->kind->commit != BUS_COMMIT_DERIVED)
                        regress(writer, stream, bus_pos_of(request->after));
                break;
        case STORE_PRUNED: reply->status = PB__REPLAY_STATUS__REPLAY_STATUS_PRUNED; break;
        default:
                bus_buf_clear(answer->frame); /* of what was read before it failed */
                reply->status = PB__REPLAY_STATUS__REPLAY_STATUS_BAD_REQUEST;
                log_warn("replay_failed", "stream=%s error=%s", stream->name, strerror(-r));
        }
        reply->after = &answer->after;
        reply->first = &answer->first;
        reply->last = &answer->last;
        reply->end = !answer->limit ||
                     (answer->count < answer->limit && answer->bytes < REPLAY_MAX_BYTES);
}

static void send_answer(
        struct bus_writer *writer, struct bus_bytes identity, const Pb__ReplayReply *reply)
{
        bus_pack(&reply->base, &writer->answer); /* behind the records */
        /* an asker that has gone, or does not read, loses its answer and asks again */
        if (zmq_send(writer->router, identity.data, identity.size, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
                (void)zmq_send(
                        writer->router, writer->answer.data, writer->answer.size, ZMQ_DONTWAIT);
}

void writer_take_question(
        struct bus_writer *writer, struct bus_bytes identity, struct bus_bytes frame)
{
        struct answer answer = { .frame = &writer->answer };
        Pb__ReplayRequest *request = MESSAGE_UNPACK(replay_request, frame);
        const char *why = "is not a replay request";

        if (!request || validate_replay_request(request, &why) < 0) {
                log_warn("replay_request_refused", "why=\"%s\"", why);
        } else if (writer->store) {
                bus_buf_clear(&writer->answer);
                fill_answer(writer, request, &answer);
                send_answer(writer, identity, &answer.reply);
        }
        pb__replay_request__free_unpacked(request, NULL);
}

/* Reads one whole multipart message: identity and one frame; more frames are read and dropped. */
static bool take_request(void *router, uint8_t *identity, size_t *identity_size, zmq_msg_t *message)
{
        zmq_msg_t rest;
        int n, frames = 1;

        n = zmq_recv(router, identity, IDENTITY_MAX_BYTES, ZMQ_DONTWAIT);
        if (n < 0)
                return false;
        *identity_size = (size_t)n;
        if (zmq_msg_recv(message, router, ZMQ_DONTWAIT) < 0)
                return false;
        while (zmq_msg_more(frames == 1 ? message : &rest)) {
                if (frames > 1)
                        zmq_msg_close(&rest);
                zmq_msg_init(&rest);
                if (zmq_msg_recv(&rest, router, ZMQ_DONTWAIT) < 0)
                        return false;
                frames++;
        }
        if (frames > 1)
                zmq_msg_close(&rest);
        return frames == 1;
}

void bus_writer_busy(struct bus_writer *writer, bool busy)
{
        writer->busy = busy;
}

void writer_serve_replay(void *arg)
{
        struct bus_writer *writer = arg;
        uint8_t identity[IDENTITY_MAX_BYTES];
        size_t identity_size = 0;
        zmq_msg_t message;

        if (writer->busy) {
                int64_t now_us = bus_mono_us();

                if (now_us - writer->answered_us < BUSY_PAUSE_US)
                        return; /* it stays there, and the loop calls again */
                writer->answered_us = now_us;
        }
        zmq_msg_init(&message);
        if (take_request(writer->router, identity, &identity_size, &message))
                writer_take_question(writer, bus_bytes(identity, identity_size),
                        bus_bytes(zmq_msg_data(&message), zmq_msg_size(&message)));
        zmq_msg_close(&message);
}
