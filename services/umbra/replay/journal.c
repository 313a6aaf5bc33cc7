/*
 * Keeps: while one answer is worked on, the next one is asked for already, so that a running writer
 * and we work side by side.
 */
#include "services/umbra/replay/journal.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/bus/envelope.h"
#include "libbus/bus/pack.h"
#include "libbus/bus/socket.h"
#include "libbus/store/store.h"
#include "libbus/wire/streams.h"
#include "proto/unpack.h"
#include "proto/validate.h"
#include "replay.pb-c.h"
#include "services/umbra/replay/copy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum {
        BATCH = 256,       /* the writer gives no more at once */
        FILE_BATCH = 1024, /* copies that are worth a call, and small */
        WAIT_MS = 5000,    /* a service that is started again is back by then */
};

struct place {
        size_t offset, size;
};

struct journal {
        struct journal_source source;
        char stream[BUS_STREAM_NAME_SIZE];
        /* of the file */
        struct store *store;
        struct bus_pos after;
        struct bus_buf bytes;
        struct place places[FILE_BATCH];
        /* on the bus */
        void *dealer;
        uint64_t request_id;
        Pb__ReplayReply *reply;
        /* either */
        size_t count, next;
        bool end;
};

/* ---- the file ---- */

static enum store_stream_kind kind_of(const char *kind)
{
        switch (bus_stream_kind(kind)->commit) {
        case BUS_COMMIT_FULL: return STORE_STREAM_FULL;
        case BUS_COMMIT_DERIVED: return STORE_STREAM_DERIVED;
        default: return STORE_STREAM_NORMAL;
        }
}

static int open_file(struct journal *journal, char error[static JOURNAL_ERROR_SIZE])
{
        const struct journal_source *source = &journal->source;
        BUS_AUTOFREE char *name = bus_xasprintf("%s.db", source->writer);
        BUS_AUTOFREE char *path = bus_xasprintf("%s/%s", source->scratch, name);
        bool redis = !strcmp(source->engine, "redis");
        struct store_stream stream;
        int r;

        r = redis ? store_verify(source->engine, path, error, JOURNAL_ERROR_SIZE)
                  : copy_store(source->folder, name, source->scratch);
        if (r < 0) {
                if (!*error)
                        snprintf(error, JOURNAL_ERROR_SIZE, "%s/%s: %s", source->folder, name,
                                strerror(-r));
                return r;
        }
        r = store_open(&(struct store_options){ .engine = source->engine,
                               .path = path,
                               .shared = redis, /* as one of several: nobody is in its way */
                               .now_us = bus_wall_us(),
                               .boot_id = "" },
                &journal->store, error, JOURNAL_ERROR_SIZE);
        if (!r)
                r = store_stream_open(
                        journal->store, journal->stream, kind_of(source->kind), &stream);
        if (!r && source->since_us)
                r = store_seek_time(
                        journal->store, journal->stream, source->since_us, &journal->after);
        if (r < 0 && !*error)
                snprintf(error, JOURNAL_ERROR_SIZE, "%s: %s", path, strerror(-r));
        return r;
}

static int add_place(const struct store_record *record, void *arg)
{
        struct journal *journal = arg;

        struct place *place = &journal->places[journal->count++];

        place->offset = journal->bytes.size;
        bus_buf_add(&journal->bytes, record->body.data, record->body.size);
        bus_envelope_place(&journal->bytes, record->position, record->predecessor,
                PB__STEP__STEP_UNSPECIFIED, 0);
        place->size = journal->bytes.size - place->offset;
        journal->after = record->position;
        return 0;
}

static int read_file(struct journal *journal, char error[static JOURNAL_ERROR_SIZE])
{
        struct bus_pos started;
        int r;

        journal->count = journal->next = 0;
        bus_buf_clear(&journal->bytes);
        r = store_read(journal->store, journal->stream, journal->after, FILE_BATCH, add_place,
                journal, &started);
        if (r) {
                snprintf(error, JOURNAL_ERROR_SIZE, "%s: %s", journal->stream,
                        r < 0 ? strerror(-r) : "not where it was");
                return r < 0 ? r : -EIO;
        }
        journal->end = journal->count < FILE_BATCH;
        return 0;
}

/* ---- the bus ---- */

static int ask(struct journal *journal)
{
        Pb__ReplayRequest request = PB__REPLAY_REQUEST__INIT;
        Pb__Position after;
        BUS_AUTOBUF struct bus_buf frame = BUS_BUF_INIT;

        bus_pos_to(journal->after, &after);
        request.request_id = ++journal->request_id;
        request.stream = journal->stream;
        if (journal->source.since_us && journal->request_id == 1)
                request.since_us = journal->source.since_us;
        else
                request.after = &after;
        request.max_messages = BATCH;
        bus_pack(&request.base, &frame);
        return zmq_send(journal->dealer, frame.data, frame.size, 0) < 0 ? -ETIMEDOUT : 0;
}

static int open_bus(struct journal *journal, char error[static JOURNAL_ERROR_SIZE])
{
        const struct journal_source *source = &journal->source;
        const int wait_ms = WAIT_MS;
        int r;

        journal->dealer = bus_socket_new(source->zmq, ZMQ_DEALER);
        bus_require(journal->dealer);
        bus_require(!zmq_setsockopt(journal->dealer, ZMQ_SNDTIMEO, &wait_ms, sizeof(wait_ms)) &&
                    !zmq_setsockopt(journal->dealer, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms)));
        r = bus_socket_trust(journal->dealer, source->keys, source->writer);
        for (const char *at = source->replay_endpoint; !r && *at;
                at += strcspn(at, " "), at += *at == ' ') {
                BUS_AUTOFREE char *endpoint = bus_xasprintf("%.*s", (int)strcspn(at, " "), at);

                r = bus_socket_connect(journal->dealer, endpoint);
        }
        if (!r)
                r = ask(journal);
        if (r < 0)
                snprintf(error, JOURNAL_ERROR_SIZE, "%s: cannot be asked: %s", source->writer,
                        strerror(-r));
        return r;
}

static struct bus_pos last_position(const Pb__ReplayReply *reply)
{
        const Pb__Record *last = reply->records[reply->n_records - 1];
        BUS_AUTOENVELOPE Pb__Envelope *envelope = NULL;
        const char *why;

        if (bus_envelope_unpack(
                    bus_bytes(last->envelope.data, last->envelope.len), &envelope, &why) < 0)
                return BUS_POS_ZERO;
        return bus_pos_of(envelope->position);
}

static Pb__ReplayReply *receive(struct journal *journal)
{
        Pb__ReplayReply *reply = NULL;
        const char *why;
        zmq_msg_t frame;

        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, journal->dealer, 0) >= 0)
                reply = MESSAGE_UNPACK(
                        replay_reply, bus_bytes(zmq_msg_data(&frame), zmq_msg_size(&frame)));
        zmq_msg_close(&frame);
        if (reply && (validate_replay_reply(reply, &why) < 0 ||
                             reply->request_id != journal->request_id)) {
                pb__replay_reply__free_unpacked(reply, NULL);
                reply = NULL;
        }
        return reply;
}

static int read_bus(struct journal *journal, char error[static JOURNAL_ERROR_SIZE])
{
        pb__replay_reply__free_unpacked(journal->reply, NULL);
        journal->count = journal->next = 0;
        journal->reply = receive(journal);
        if (!journal->reply) {
                snprintf(error, JOURNAL_ERROR_SIZE, "%s does not answer", journal->source.writer);
                return -ETIMEDOUT;
        }
        if (journal->reply->status == PB__REPLAY_STATUS__REPLAY_STATUS_AHEAD ||
                journal->reply->status == PB__REPLAY_STATUS__REPLAY_STATUS_UNKNOWN_STREAM) {
                journal->end = true; /* nothing is journaled (there) yet */
                return 0;
        }
        if (journal->reply->status != PB__REPLAY_STATUS__REPLAY_STATUS_OK) {
                snprintf(error, JOURNAL_ERROR_SIZE, "%s refuses to replay %s (%d)",
                        journal->source.writer, journal->stream, (int)journal->reply->status);
                return -EIO;
        }
        journal->count = journal->reply->n_records;
        journal->end = journal->reply->end || !journal->count;
        if (journal->end)
                return 0;
        journal->after = last_position(journal->reply);
        return ask(journal);
}

/* ---- either ---- */

int journal_open(const struct journal_source *source, struct journal **ret_journal,
        char error[static JOURNAL_ERROR_SIZE])
{
        struct journal *journal = bus_new(struct journal);
        int r;

        journal->source = *source;
        bus_stream_full_name(source->kind, source->writer, journal->stream);
        *error = 0;
        r = source->zmq ? open_bus(journal, error) : open_file(journal, error);
        if (r < 0)
                journal_close(journal);
        else
                *ret_journal = journal;
        return r < 0 ? r : 0;
}

struct journal *journal_close(struct journal *journal)
{
        if (!journal)
                return NULL;
        if (journal->source.engine && !strcmp(journal->source.engine, "redis"))
                store_free(journal->store);
        else
                store_abandon(journal->store); /* a copy: it need not be left tidy */
        bus_socket_close(journal->dealer, 0);
        pb__replay_reply__free_unpacked(journal->reply, NULL);
        bus_buf_done(&journal->bytes);
        free(journal);
        return NULL;
}

int journal_next(struct journal *journal, struct bus_bytes *ret_envelope,
        char error[static JOURNAL_ERROR_SIZE])
{
        int r;

        if (journal->next == journal->count) {
                if (journal->end)
                        return 0;
                r = journal->store ? read_file(journal, error) : read_bus(journal, error);
                if (r < 0)
                        return r;
                if (!journal->count)
                        return 0;
        }
        if (journal->store) {
                const struct place *place = &journal->places[journal->next++];

                *ret_envelope = bus_bytes(journal->bytes.data + place->offset, place->size);
        } else {
                const Pb__Record *record = journal->reply->records[journal->next++];

                *ret_envelope = bus_bytes(record->envelope.data, record->envelope.len);
        }
        return 1;
}
