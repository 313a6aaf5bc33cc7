/*
 * Fetching what is missing from the writer's journal: one request at a time for each reader. The
 * next goes out when an answer has come, before that is handed over: the writer reads while the
 * reader works, and catching up still takes its turns with live work, one answer a turn.
 */
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/pack.h"
#include "libbus/bus/reader_internal.h"
#include "proto/unpack.h"
#include "proto/validate.h"

#include <errno.h>
#include <zmq.h>

static void send_request(struct bus_reader *reader, struct bus_pos behind)
{
        Pb__ReplayRequest request = PB__REPLAY_REQUEST__INIT;
        Pb__Position after;
        BUS_AUTOBUF struct bus_buf frame = BUS_BUF_INIT;

        reader->asked_after = behind;
        bus_pos_to(behind, &after);
        request.request_id = ++reader->peer->next_request_id;
        request.stream = reader->name;
        request.handled = reader->service && reader->placed;
        request.after = &after;
        /* whoever is not placed asks where the end is, and then maybe for what stands there */
        request.max_messages = reader->placed ? reader->peer->fetched_max : reader->asking_latest;
        bus_pack(&request.base, &frame);

        if (!peer_ask(reader->peer, bus_buf_bytes(&frame))) {
                reader->request_id = 0; /* nobody there yet */
                bus_loop_set_timer(reader->timer, FETCH_RETRY_US);
        } else {
                reader->request_id = request.request_id;
                bus_loop_set_timer(reader->timer, FETCH_TIMEOUT_US);
        }
}

void fetch_start(struct bus_reader *reader)
{
        reader->fetching = true;
        send_request(reader, reader->cursor);
}

void fetch_timer(void *arg)
{
        struct bus_reader *reader = arg;

        if (reader->failed)
                return;
        if (reader->fetching) {
                peer_ask_another(reader->peer);
                send_request(reader, reader->cursor); /* no answer, or nobody was there */
                return;
        }
        if (reader->hold)
                return;
        reader_drain(reader);
        if (reader->held_count) {
                reader->counts.gaps++;
                fetch_start(reader);
        } else if (bus_pos_compare(reader->cursor, reader->known_end) < 0) {
                fetch_start(reader); /* dropped while it was held back */
        }
}

static struct bus_reader *asked_by(struct bus_peer *peer, uint64_t request_id)
{
        for (struct bus_reader *r = peer->readers; r; r = r->next)
                if (r->fetching && request_id && r->request_id == request_id)
                        return r;
        return NULL;
}

static void step_back(struct bus_reader *reader, struct bus_pos after)
{
        char from[BUS_POS_TEXT_SIZE], to[BUS_POS_TEXT_SIZE];

        log_warn("reader_goes_back_to_fork", "stream=%s cursor=%s fork=%s", reader->name,
                bus_pos_format(reader->cursor, from), bus_pos_format(after, to));
        reader->cursor = after;
}

static void stuck(struct bus_reader *reader, const char *code, const char *settle)
{
        if (reader->stuck)
                reader->stuck(reader->arg, reader, code, settle);
}

/*
 * The first record of an answer stands behind AFTER, whatever it calls its predecessor: that one
 * may be pruned (a reader that starts at the oldest), or AFTER is a position this journal of a
 * derived stream never had. Any later one has to follow on the one before. False: it does not fit.
 */
static bool follows(struct held *message, struct bus_pos before, bool is_first)
{
        if (is_first &&
                (bus_pos_is_zero(before) || bus_pos_compare(message->predecessor, before) < 0))
                message->predecessor = before;
        return bus_pos_equal(message->predecessor, before);
}

static int unpack_record(
        struct bus_reader *reader, const Pb__Record *record, struct held *ret_message)
{
        return reader_unpack(reader, record->topic,
                bus_bytes(record->envelope.data, record->envelope.len), true, ret_message);
}

/* Where the next answer begins, if this one is good: false where its end cannot be read. */
static bool peek_last(
        struct bus_reader *reader, const Pb__ReplayReply *reply, struct bus_pos *ret_last)
{
        struct held last;

        if (!reply->n_records ||
                unpack_record(reader, reply->records[reply->n_records - 1], &last) < 0)
                return false;
        *ret_last = last.position;
        held_done(&last);
        return true;
}

/* One after the other, so that each is read, handled and gone before the next is touched. What is
 * left where the reader holds or has failed is fetched again, if ever. */
static void take_records(struct bus_reader *reader, const Pb__ReplayReply *reply)
{
        struct bus_pos before = bus_pos_of(reply->after);
        bool placed = reader->placed;

        for (size_t i = 0; i < reply->n_records && !reader->failed && !reader->hold; i++) {
                struct held message;
                int r = unpack_record(reader, reply->records[i], &message);

                if (!r && placed && !follows(&message, before, i == 0)) {
                        held_done(&message);
                        r = -EBADMSG;
                }
                if (r < 0) { /* the journal itself is bad: going on would skip it */
                        reader->failed = true;
                        log_error("journal_unreadable", "stream=%s", reader->name);
                        stuck(reader, "journal_unreadable", "restore the writer's store");
                        return;
                }
                before = message.position;
                message.more_follow = i + 1 < reply->n_records;
                reader_take(reader, &message);
        }
}

/* What we need is gone. Stops here: only a person can know whether it may be skipped. */
static void below_oldest(struct bus_reader *reader, struct bus_pos oldest)
{
        char cursor[BUS_POS_TEXT_SIZE], edge[BUS_POS_TEXT_SIZE];
        BUS_AUTOFREE char *settle = bus_xasprintf("umbra reader %s %s --to oldest",
                reader->service ? reader->service : "SERVICE", reader->name);

        if (reader->told_pruned)
                return;
        log_error("reader_below_oldest", "stream=%s cursor=%s oldest=%s settle=\"%s\"",
                reader->name, bus_pos_format(reader->cursor, cursor), bus_pos_format(oldest, edge),
                settle);
        reader->told_pruned = true;
        reader->failed = true;
        stuck(reader, "reader_below_oldest", settle);
}

/* The writer has less than we have read. One that can begins a new incarnation as soon as it is
 * told so; then the next answer leads back to the fork. */
static void ahead(struct bus_reader *reader, struct bus_pos last)
{
        char cursor[BUS_POS_TEXT_SIZE], edge[BUS_POS_TEXT_SIZE];
        BUS_AUTOFREE char *settle = bus_xasprintf("umbra reader %s %s --to newest",
                reader->service ? reader->service : "SERVICE", reader->name);

        if (reader->kind->commit == BUS_COMMIT_DERIVED) {
                reader->caught_up = true; /* it is derived again up to here */
                return;
        }
        bus_pos_format(reader->cursor, cursor);
        bus_pos_format(last, edge);
        if (!reader->ahead_answers)
                log_warn("reader_ahead", "stream=%s cursor=%s last=%s asked=again", reader->name,
                        cursor, edge);
        if (++reader->ahead_answers == AHEAD_ANSWERS_MAX) {
                log_error("reader_ahead_of_writer", "stream=%s cursor=%s last=%s settle=\"%s\"",
                        reader->name, cursor, edge, settle);
                stuck(reader, "reader_ahead_of_writer", settle);
        }
        reader->caught_up = false;
        reader->fetching = true;
        bus_loop_set_timer(reader->timer,
                reader->ahead_answers < AHEAD_ANSWERS_MAX ? FETCH_RETRY_US : FETCH_TIMEOUT_US);
}

static void cannot_go_on(struct bus_reader *reader, const Pb__ReplayReply *reply)
{
        char cursor[BUS_POS_TEXT_SIZE];

        switch (reply->status) {
        case PB__REPLAY_STATUS__REPLAY_STATUS_PRUNED:
                below_oldest(reader, bus_pos_of(reply->first));
                break;
        case PB__REPLAY_STATUS__REPLAY_STATUS_AHEAD: ahead(reader, bus_pos_of(reply->last)); break;
        case PB__REPLAY_STATUS__REPLAY_STATUS_UNKNOWN_STREAM:
                if (!reader->told_unknown)
                        log_info("stream_not_written", "stream=%s", reader->name);
                reader->told_unknown = true;
                break;
        default:
                log_warn("replay_refused", "stream=%s cursor=%s status=%d", reader->name,
                        bus_pos_format(reader->cursor, cursor), (int)reply->status);
        }
}

/* The writer can serve our cursor (again). */
static void goes_on(struct bus_reader *reader)
{
        if (reader->ahead_answers >= AHEAD_ANSWERS_MAX)
                log_info("reader_goes_on", "stream=%s", reader->name);
        reader->ahead_answers = 0;
        stuck(reader, NULL, "");
}

/* Now the end is known. True if the newest message is fetched first. */
static bool place(struct bus_reader *reader, struct bus_pos last)
{
        reader->cursor = last;
        if (reader->wants_latest && last.seq) {
                reader->wants_latest = false;
                reader->asking_latest = true;
                reader->cursor.seq--;
                if (!reader->cursor.seq)
                        reader->cursor = BUS_POS_ZERO;
                fetch_start(reader);
                return true;
        }
        reader->placed = true;
        return false;
}

static void take_answer(struct bus_reader *reader, const Pb__ReplayReply *reply)
{
        struct bus_pos after = bus_pos_of(reply->after), last = bus_pos_of(reply->last), next;

        reader->fetching = false;
        reader->request_id = 0;
        bus_loop_set_timer(reader->timer, -1);
        if (reply->status != PB__REPLAY_STATUS__REPLAY_STATUS_OK) {
                cannot_go_on(reader, reply);
                reader_drain(reader);
                return;
        }
        goes_on(reader);
        if (bus_pos_compare(last, reader->known_end) > 0)
                reader->known_end = last;
        if (!reader->placed && !reply->n_records) {
                if (place(reader, last))
                        return;
        } else if (!reader->placed) {
                /* the newest message: it places the reader behind its predecessor */
        } else if (!bus_pos_equal(after, reader->asked_after)) {
                step_back(reader, after);
                reader->known_end = last;
        }
        if (!reply->end && reader->placed && !reader->hold && peek_last(reader, reply, &next)) {
                reader->fetching = true;
                send_request(reader, next);
        }
        take_records(reader, reply);
        if (reader->failed || reader->hold || reader->fetching)
                return;
        if (!reply->end)
                fetch_start(reader);
        else
                reader_drain(reader);
}

void fetch_answer(struct bus_peer *peer, struct bus_bytes frame)
{
        struct message_arena arena = { 0 };
        ProtobufCMessage *message = NULL;
        const Pb__ReplayReply *reply;
        const char *why = "";
        struct bus_reader *reader;
        int r;

        r = message_unpack_in(&arena, &pb__replay_reply__descriptor, frame, &message, &why);
        reply = (const Pb__ReplayReply *)message;
        if (!r)
                r = validate_replay_reply(reply, &why);
        if (r < 0) {
                log_warn("replay_reply_refused", "writer=%s why=\"%s\"", peer->writer, why);
        } else if (peer_admits(peer, reply->writer_token)) {
                reader = asked_by(peer, reply->request_id);
                if (reader && !reader->failed && !strcmp(reply->stream, reader->name))
                        take_answer(reader, reply);
        }
        message_arena_done(&arena);
}
