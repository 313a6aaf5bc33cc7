#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/reader_internal.h"

#include <errno.h>

#define WARN_PERIOD_US BUS_US_PER_SEC

void held_done(struct held *message)
{
        message_arena_done(&message->arena);
        *message = (struct held){ 0 };
}

void reader_refuse(struct bus_reader *reader, const char *topic, const char *why)
{
        int64_t now = bus_mono_us();

        reader->counts.refused++;
        if (now - reader->peer->warned_us < WARN_PERIOD_US)
                return;
        reader->peer->warned_us = now;
        log_warn("message_refused", "stream=%s topic=%s why=\"%s\" refused=%llu", reader->name,
                topic, why, (unsigned long long)reader->counts.refused);
}

int reader_unpack(struct bus_reader *reader, const char *topic, struct bus_bytes bytes,
        bool replayed, struct held *ret_message)
{
        struct message_arena arena = { 0 };
        Pb__Envelope *envelope;
        const char *why = NULL;
        int r;

        r = bus_envelope_unpack_in(&arena, bytes, &envelope, &why);
        if (r == 0 && strcmp(envelope->stream, reader->name)) {
                why = "names another stream";
                r = -EBADMSG;
        }
        if (r == 0 && (!envelope->position || !envelope->position->seq)) {
                why = "has no position";
                r = -EBADMSG;
        }
        if (r == 0 &&
                strncmp(topic, reader->kind->topic_prefix, strlen(reader->kind->topic_prefix))) {
                why = "has a topic of another stream";
                r = -EBADMSG;
        }
        if (r < 0) {
                reader_refuse(reader, topic, why);
                message_arena_done(&arena);
                return r;
        }
        topic = message_arena_text(&arena, topic);
        *ret_message = (struct held){ .topic = topic,
                .arena = arena,
                .envelope = envelope,
                .position = bus_pos_of(envelope->position),
                .predecessor = bus_pos_of(envelope->predecessor),
                .received_us = bus_wall_us(),
                .replayed = replayed };
        return 0;
}

static void hand_over(struct bus_reader *reader, struct held *held)
{
        const struct bus_message message = { .topic = held->topic,
                .stream = reader->name,
                .position = held->position,
                .predecessor = held->predecessor,
                .envelope = held->envelope,
                .body = bus_bytes(held->envelope->body.data, held->envelope->body.len),
                .received_us = held->received_us,
                .replayed = held->replayed,
                .more_follow = held->more_follow };

        reader->counts.handed_over++;
        reader->counts.replayed += held->replayed;
        reader->cursor = held->position;
        (*reader->peer->budget)--;
        if (reader->deliver(reader->arg, reader, &message) < 0)
                reader->failed = true;
        held_done(held);
}

static void remove_held(struct bus_reader *reader, size_t index)
{
        reader->held_count--;
        memmove(&reader->held[index], &reader->held[index + 1],
                (reader->held_count - index) * sizeof(reader->held[0]));
        reader->held[reader->held_count] = (struct held){ 0 };
}

/* Keeps MESSAGE in order. Where there is no room it is dropped: the gap will be fetched. */
static void keep(struct bus_reader *reader, struct held *message)
{
        size_t i = reader->held_count;
        int order = 1;

        while (i > 0) {
                order = bus_pos_compare(message->position, reader->held[i - 1].position);
                if (order >= 0)
                        break;
                i--;
        }
        if ((i > 0 && order == 0) || reader->held_count == READER_HELD_MAX) {
                reader->counts.repeated += order == 0;
                held_done(message);
                return;
        }
        memmove(&reader->held[i + 1], &reader->held[i],
                (reader->held_count - i) * sizeof(reader->held[0]));
        reader->held[i] = *message;
        reader->held_count++;
}

void reader_drain(struct bus_reader *reader)
{
        while (reader->held_count && !reader->hold && !reader->failed) {
                struct held next = reader->held[0];

                if (bus_pos_compare(next.position, reader->cursor) <= 0) {
                        reader->counts.repeated++;
                        remove_held(reader, 0);
                        held_done(&next);
                } else if (bus_pos_equal(next.predecessor, reader->cursor)) {
                        remove_held(reader, 0);
                        hand_over(reader, &next);
                } else {
                        break;
                }
        }
        if (!reader->fetching && !reader->hold && reader->held_count)
                bus_loop_set_timer(reader->timer,
                        reader->held_count == READER_HELD_MAX ? 0 : READER_HOLD_TIME_US);
        if (bus_pos_compare(reader->cursor, reader->known_end) >= 0 && reader->placed)
                reader->caught_up = true;
}

void reader_take(struct bus_reader *reader, struct held *message)
{
        if (bus_pos_compare(message->position, reader->known_end) > 0)
                reader->known_end = message->position;
        if (!reader->placed) { /* starts at now, which is this message */
                reader->cursor = message->predecessor;
                reader->placed = true;
                reader->fetching = false;
        }
        if (reader->failed) {
                held_done(message);
                return;
        }
        if (bus_pos_compare(message->position, reader->cursor) <= 0) {
                reader->counts.repeated++;
                held_done(message);
                return;
        }
        if (!reader->hold && bus_pos_equal(message->predecessor, reader->cursor))
                hand_over(reader, message);
        else
                keep(reader, message);
        if (reader->held_count)
                reader_drain(reader);
}

void reader_beacon(struct bus_reader *reader, const Pb__Beacon *beacon)
{
        struct bus_pos last = bus_pos_of(beacon->last);

        if (!reader->placed && !reader->wants_latest) {
                reader->cursor = last;
                reader->placed = true;
                reader->fetching = false;
        }
        if (bus_pos_compare(last, reader->known_end) > 0)
                reader->known_end = last;
        if (bus_pos_compare(last, reader->cursor) < 0 &&
                reader->kind->commit != BUS_COMMIT_DERIVED) {
                if (!reader->fetching && !reader->hold)
                        fetch_start(reader); /* has the writer lost something? */
        } else if (bus_pos_compare(last, reader->cursor) <= 0)
                reader->caught_up = true;
        else if (!reader->fetching && !reader->hold && !reader->held_count)
                fetch_start(reader); /* behind, with nothing on its way: it was lost */
}

/* ---- what the runtime asks ---- */

const char *bus_reader_stream(const struct bus_reader *reader)
{
        return reader->name;
}

struct bus_pos bus_reader_position(const struct bus_reader *reader)
{
        return reader->cursor;
}

bool bus_reader_placed(const struct bus_reader *reader)
{
        return reader->placed;
}

bool bus_reader_caught_up(const struct bus_reader *reader)
{
        return reader->caught_up;
}

uint64_t bus_reader_behind(const struct bus_reader *reader)
{
        return reader->known_end.seq > reader->cursor.seq
                       ? reader->known_end.seq - reader->cursor.seq
                       : 0;
}

void bus_reader_hold(struct bus_reader *reader, bool hold)
{
        reader->hold = hold;
        if (!hold)
                bus_loop_set_timer(reader->timer, 0); /* from the loop, not from within a handler */
}

void bus_reader_back(struct bus_reader *reader, struct bus_pos position)
{
        if (bus_pos_compare(position, reader->cursor) >= 0)
                return;
        reader->cursor = position;
        reader->fetching = true;
        reader->request_id = 0; /* an answer that is under way is to another question */
        bus_loop_set_timer(reader->timer, 0);
}

struct bus_reader_counts bus_reader_counts(const struct bus_reader *reader)
{
        return reader->counts;
}
