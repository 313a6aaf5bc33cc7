/*
 * Staging and commit: what the handlers of a turn want becomes one transaction, then it is
 * published, then its callbacks run. Invariant: nothing of a stream that is not derived leaves the
 * process before its commit has returned.
 */
#include "libbus/base/clock.h"
#include "libbus/base/ids.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/envelope.h"
#include "libbus/bus/pack.h"
#include "libbus/service/internal.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>

/* A message's stamps: the way from HTTP to the broker has nine steps, a few more do no harm. */
#define STAMPS_MAX 16
/* Commits made for what callbacks of the commit before staged, before the loop goes around. */
#define COMMIT_ROUNDS_MAX 4
/* Who is in the background and so far behind makes up for much at once. */
#define LATE_US (1 * BUS_US_PER_SEC)

void turn_init(struct turn *turn)
{
        *turn = (struct turn){ .batch = store_batch_new() };
}

static void turn_clear(struct turn *turn)
{
        turn->staged_count = 0;
        turn->firsts.count = 0;
        turn->afters.count = 0;
        turn->sync = turn->awaited = false;
        turn->due_us = turn->gather_us = turn->calm_us = turn->wake_us = turn->linger_us = 0;
        turn->taken = turn->taken_before = turn->gathered = turn->lingering = 0;
        store_batch_clear(turn->batch);
}

void turn_done(struct turn *turn)
{
        turn_clear(turn);
        free(turn->staged);
        free(turn->firsts.items);
        free(turn->afters.items);
        turn->batch = store_batch_free(turn->batch);
}

bool turn_has_work(const struct turn *turn)
{
        return turn->staged_count || turn->firsts.count || turn->afters.count ||
               !store_batch_is_empty(turn->batch);
}

void service_turns_rest(struct bus_service *service)
{
        struct turn *const turns[] = { &service->turn, &service->previous };

        for (size_t i = 0; i < BUS_COUNT(turns); i++) {
                if (service->committing || turn_has_work(turns[i]) || turns[i]->due_us)
                        continue;
                turn_done(turns[i]);
                turn_init(turns[i]);
        }
}

size_t turn_staged(const struct turn *turn)
{
        return turn->staged_count + turn->firsts.count + turn->afters.count;
}

static struct staged *add_staged(struct turn *turn)
{
        if (turn->staged_count == turn->staged_capacity) {
                turn->staged_capacity = turn->staged_capacity ? turn->staged_capacity * 2 : 64;
                turn->staged =
                        bus_xrealloc(turn->staged, turn->staged_capacity * sizeof(*turn->staged));
        }
        turn->staged[turn->staged_count] = (struct staged){ 0 };
        return &turn->staged[turn->staged_count++];
}

/* ---- making an envelope ---- */

static bool is_signal(const char *stream)
{
        return !strncmp(stream, "signal@", strlen("signal@"));
}

static struct bus_pos origin_of(const struct bus_message *cause)
{
        if (!cause || !cause->envelope)
                return BUS_POS_ZERO;
        if (is_signal(cause->stream))
                return cause->position;
        return bus_pos_of(cause->envelope->origin);
}

static size_t collect_stamps(const struct bus_out *out, Pb__Stamp *added, Pb__Stamp **ret_stamps)
{
        size_t count = 0;

        if (out->cause && out->cause->envelope)
                for (; count < out->cause->envelope->n_stamps && count < STAMPS_MAX - 4; count++)
                        ret_stamps[count] = out->cause->envelope->stamps[count];
        for (size_t i = 0; i < BUS_COUNT(out->stamps); i++) {
                if (out->stamps[i].step == PB__STEP__STEP_UNSPECIFIED)
                        continue;
                pb__stamp__init(&added[i]);
                added[i].step = out->stamps[i].step;
                added[i].at_us = out->stamps[i].at_us;
                ret_stamps[count++] = &added[i];
        }
        return count;
}

static void derived_message_id(
        const char *stream, struct bus_pos position, char ret_id[static BUS_ID_SIZE])
{
        struct {
                uint64_t incarnation, seq, part;
                char stream[BUS_STREAM_NAME_SIZE];
        } place = { htole64(position.incarnation), htole64(position.seq), htole64(position.part),
                "" };
        size_t length = strlen(stream);

        memcpy(place.stream, stream, length + 1);
        bus_id_hashed(bus_bytes(&place, offsetof(typeof(place), stream) + length), ret_id);
}

/* Into service->envelope. */
static void pack_envelope(struct bus_service *service, const struct bus_writer_stream *stream,
        const struct bus_out *out, struct bus_pos origin, const char *message_id, int64_t now_us)
{
        const Pb__Envelope *from = out->cause ? out->cause->envelope : NULL;
        Pb__Envelope envelope = PB__ENVELOPE__INIT;
        Pb__Stamp added[BUS_COUNT(out->stamps)], *stamps[STAMPS_MAX];
        Pb__Position origin_at;

        bus_buf_clear(&service->body);
        bus_pack(out->body, &service->body);
        envelope.schema = BUS_SCHEMA;
        envelope.stream = (char *)stream->name;
        envelope.message_id = (char *)message_id;
        envelope.alert_id = (char *)(out->alert_id ? out->alert_id : from ? from->alert_id : "");
        envelope.n_stamps = collect_stamps(out, added, stamps);
        envelope.stamps = stamps;
        envelope.body.data = service->body.data;
        envelope.body.len = service->body.size;
        envelope.test = out->test || (from && from->test);
        envelope.staged_us = now_us;
        if (!bus_pos_is_zero(origin)) {
                bus_pos_to(origin, &origin_at);
                envelope.origin = &origin_at;
        }
        bus_buf_clear(&service->envelope);
        bus_envelope_pack(&envelope, &service->envelope);
}

/*
 * What is derived in the background from a message that is old already is fetched from the journal
 * by those who read it, many at a time, as soon as a beacon tells of it: that costs all of them far
 * less than one by one.
 */
static bool goes_by_journal(
        struct bus_service *service, const struct bus_message *cause, int64_t now_us)
{
        if (!service->class->background || cause->envelope->staged_us >= now_us - LATE_US)
                return false;
        service->late = true;
        return true;
}

/* What service->envelope holds: before it is committed, since it can be derived again. */
static void send_derived(struct bus_service *service, struct bus_writer_stream *stream,
        const struct bus_out *out, struct bus_pos position, int64_t now_us)
{
        if (!service_store_is_ours(service))
                bus_service_fail(service, "lease_lost", "%s@%s is another process's by now",
                        stream->kind->name, service->class->name);
        else if (goes_by_journal(service, out->cause, now_us))
                stream->published = position;
        else
                bus_writer_publish(service->writer, stream, out->topic,
                        bus_buf_bytes(&service->envelope), position, stream->published);
}

static void stage(struct bus_service *service, const struct bus_out *out,
        const struct bus_claim *claim, bus_committed_fn fn, void *arg)
{
        struct bus_writer_stream *stream = bus_writer_stream(service->writer, out->stream);
        struct bus_pos origin = origin_of(out->cause), position = BUS_POS_ZERO;
        int64_t now_us = bus_wall_us();
        char id[BUS_ID_SIZE];
        struct staged *staged;
        struct store_append append;
        bool derived;

        bus_require(stream);
        bus_require(!strncmp(
                out->topic, stream->kind->topic_prefix, strlen(stream->kind->topic_prefix)));
        derived = stream->kind->commit == BUS_COMMIT_DERIVED;
        if (derived) {
                bus_require(!bus_pos_is_zero(origin) && !claim);
                position = (struct bus_pos){ origin.incarnation, origin.seq, out->part };
                derived_message_id(stream->name, position, id);
        } else if (!out->message_id) {
                bus_id_new(id);
        }

        staged = add_staged(&service->turn);
        staged->stream = stream;
        staged->fn = fn;
        staged->arg = arg;
        pack_envelope(service, stream, out, origin, out->message_id ? out->message_id : id, now_us);
        staged->published = derived;
        if (derived)
                send_derived(service, stream, out, position, now_us);
        append = (struct store_append){ .stream = stream->name,
                .topic = out->topic,
                .body = bus_buf_bytes(&service->envelope),
                .at_us = now_us,
                .position = position };
        if (claim) {
                append.claim_key = claim->key;
                append.claim_value = claim->value;
                append.claim_expires_us = claim->expires_us;
        }
        staged->index = store_batch_append(service->turn.batch, &append);
        service->turn.sync |= stream->kind->commit == BUS_COMMIT_FULL;
        service->turn.awaited |= fn != NULL;
        bus_metric_inc(service->messages_out);
        if (service->committing)
                bus_loop_again(service->loop);
}

void bus_emit(struct bus_service *service, const struct bus_out *out)
{
        stage(service, out, NULL, NULL, NULL);
}

void bus_emit_claimed(struct bus_service *service, const struct bus_out *out,
        const struct bus_claim *claim, bus_committed_fn fn, void *arg)
{
        stage(service, out, claim, fn, arg);
}

/* ---- state ---- */

void bus_put(struct bus_service *service, const char *key, struct bus_bytes value, bool durable)
{
        store_batch_put(service->turn.batch, bus_bytes_str(key), value);
        service->turn.sync |= durable;
}

void bus_delete(struct bus_service *service, const char *key)
{
        store_batch_delete(service->turn.batch, bus_bytes_str(key));
}

int bus_get(struct bus_service *service, const char *key, struct bus_buf *ret_value)
{
        if (!service->store)
                return -EIO;
        return store_get(service->store, bus_bytes_str(key), ret_value);
}

int bus_scan(struct bus_service *service, const char *prefix, store_state_fn fn, void *arg)
{
        if (!service->store)
                return -EIO;
        return store_scan(service->store, bus_bytes_str(prefix), fn, arg);
}

static void add_after(
        struct bus_service *service, struct after_list *list, bus_after_fn fn, void *arg)
{
        if (list->count == list->capacity) {
                list->capacity = list->capacity ? list->capacity * 2 : 16;
                list->items = bus_xrealloc(list->items, list->capacity * sizeof(*list->items));
        }
        list->items[list->count++] = (struct after){ fn, arg };
        service->turn.awaited = true;
        if (service->committing)
                bus_loop_again(service->loop);
}

void bus_after_commit(struct bus_service *service, bus_after_fn fn, void *arg)
{
        add_after(service, &service->turn.afters, fn, arg);
}

void bus_after_commit_first(struct bus_service *service, bus_after_fn fn, void *arg)
{
        add_after(service, &service->turn.firsts, fn, arg);
}

void bus_publish(struct bus_service *service, const char *topic, const ProtobufCMessage *body)
{
        BUS_AUTOBUF struct bus_buf frame = BUS_BUF_INIT;

        bus_pack(body, &frame);
        bus_writer_publish_raw(service->writer, topic, bus_buf_bytes(&frame));
}

/* ---- the commit ---- */

/* Where "now" was is kept before there is a message: else what is published while this service is
 * down for the first time would lie before the next start's now. */
static void keep_placements(struct bus_service *service)
{
        for (size_t i = 0; i < service->input_count; i++) {
                struct input *input = &service->inputs[i];

                if (input->kept || !bus_reader_placed(input->reader))
                        continue;
                if (!input->dirty)
                        input->from = bus_reader_position(input->reader);
                input->kept = input->dirty = true;
        }
}

static void add_cursors(struct bus_service *service)
{
        for (size_t i = 0; i < service->input_count; i++) {
                struct input *input = &service->inputs[i];

                if (input->dirty)
                        store_batch_cursor(service->turn.batch, bus_reader_stream(input->reader),
                                service->lost_commit ? input->from
                                                     : bus_reader_position(input->reader));
        }
}

/*
 * Behind a commit that failed, whatever was handled since the last good one is handled again. Not before
 * one works: a store that can be opened and not written would have it all come twice a second.
 */
static void inputs_committed(struct bus_service *service)
{
        for (size_t i = 0; i < service->input_count; i++) {
                struct input *input = &service->inputs[i];

                if (input->dirty && service->lost_commit)
                        bus_reader_back(input->reader, input->from);
                input->dirty = false;
        }
        service->lost_commit = false;
}

void service_count_syncs(struct bus_service *service)
{
        struct store_stats stats;

        if (!service->store)
                return;
        store_stats(service->store, &stats);
        bus_metric_add(service->syncs, (double)(stats.syncs - service->syncs_seen));
        service->syncs_seen = stats.syncs;
}

static int write_batch(struct bus_service *service)
{
        int64_t before = bus_mono_us(), after;
        int r;

        if (store_batch_is_empty(service->turn.batch))
                return 0;
        if (!service->store)
                return -EIO;
        r = store_commit(service->store, service->turn.batch,
                service->turn.sync ? STORE_SYNC_FULL : STORE_SYNC_NORMAL);
        after = bus_mono_us();
        service->settle_due_us = after + SERVICE_SETTLE_PAUSE_US; /* however long the disk took */
        if (service->turn.sync)
                service->synced_us = after;
        bus_metric_inc(service->commits);
        bus_metric_observe_us(service->commit_seconds, after - before);
        service_count_syncs(service);
        return r;
}

static void publish_all(struct bus_service *service, const struct turn *turn)
{
        bus_writer_gather(service->writer);
        for (size_t i = 0; i < turn->staged_count; i++) {
                const struct staged *staged = &turn->staged[i];
                const struct store_appended *result =
                        store_batch_result(turn->batch, staged->index);
                const struct store_append *append = store_batch_staged(turn->batch, staged->index);

                if (result->duplicate)
                        continue;
                if (!staged->published)
                        bus_writer_publish(service->writer, staged->stream, append->topic,
                                append->body, result->position, result->predecessor);
        }
        bus_writer_flush(service->writer);
}

/* Beacons and replays tell of what was committed from the next turn on. */
static void refresh_streams(struct bus_service *service, const struct turn *turn)
{
        const struct bus_writer_stream *last = NULL;

        for (size_t i = 0; i < turn->staged_count; i++) {
                if (turn->staged[i].stream != last)
                        bus_writer_committed(service->writer, turn->staged[i].stream);
                last = turn->staged[i].stream;
        }
}

static void run_afters(struct bus_service *service, const struct after_list *list, int r)
{
        for (size_t i = 0; i < list->count; i++)
                list->items[i].fn(service->self, list->items[i].arg, r);
}

static void run_callbacks(struct bus_service *service, const struct turn *turn, int r)
{
        for (size_t i = 0; i < turn->staged_count; i++) {
                const struct staged *staged = &turn->staged[i];
                struct bus_committed committed = { .result = r };

                if (!staged->fn)
                        continue;
                if (r == 0) {
                        const struct store_appended *result =
                                store_batch_result(turn->batch, staged->index);

                        committed.duplicate = result->duplicate;
                        committed.position = result->position;
                        committed.claim_value = result->claim_value;
                }
                staged->fn(service->self, staged->arg, &committed);
        }
        run_afters(service, &turn->afters, r);
}

static void commit_once(struct bus_service *service)
{
        struct turn swap;
        int r;

        if (service->class->before_commit)
                service->class->before_commit(service->self);
        if (service->failed) /* what it had to write first is not written */
                return;
        add_cursors(service);
        r = write_batch(service);
        if (r == 0)
                inputs_committed(service);
        else
                service->lost_commit |= service_any_dirty(service);

        swap = service->previous;
        service->previous = service->turn;
        service->turn = swap;
        service->committing = true;
        if (r < 0)
                service_store_lost(service, r);
        if (r == 0 || service->class->survives_commit_failure)
                run_afters(service, &service->previous.firsts, r);
        if (r == 0)
                publish_all(service, &service->previous);
        if (r == 0 || service->class->survives_commit_failure)
                run_callbacks(service, &service->previous, r);
        if (r == 0)
                refresh_streams(service, &service->previous);
        service->committing = false;
        turn_clear(&service->previous);
}

bool service_any_dirty(const struct bus_service *service)
{
        for (size_t i = 0; i < service->input_count; i++)
                if (service->inputs[i].dirty)
                        return true;
        return false;
}

void bus_commit_now(struct bus_service *service)
{
        bus_require(!service->committing);
        keep_placements(service);
        for (int i = 0; i < COMMIT_ROUNDS_MAX && !service->failed; i++) {
                if (!turn_has_work(&service->turn) &&
                        !(service_any_dirty(service) && service->store))
                        return;
                commit_once(service);
        }
        if (turn_has_work(&service->turn))
                bus_loop_again(service->loop);
}
