/*
 * A reader and a writer that do not agree: the writer's store was wiped, put back by hand, pruned,
 * derived anew otherwise. Both are real, with a store; each case ends in a state with a name.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "libbus/bus/envelope.h"
#include "libbus/bus/pack.h"
#include "libbus/bus/reader.h"
#include "libbus/bus/socket.h"
#include "libbus/bus/writer.h"
#include "proto/unpack.h"

#include "replay.pb-c.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <zmq.h>

#define PATIENCE_US (10 * BUS_US_PER_SEC)
#define SEEN_MAX    300

struct rig {
        struct bus_loop *loop;
        void *zmq;
        struct store *store;
        struct bus_writer *writer;
        const char *stream; /* kind */
        struct bus_peer *peer;
        struct bus_reader *reader;
        int budget;
        struct bus_pos seen[SEEN_MAX];
        size_t seen_count;
        char stuck[64], settle[128], regressed[64];
        bool goes_on;
        char pub[64], replay[64], path[64];
};

static int deliver(void *arg, struct bus_reader *reader, const struct bus_message *message)
{
        struct rig *rig = arg;

        (void)reader;
        bus_require(rig->seen_count < SEEN_MAX);
        rig->seen[rig->seen_count++] = message->position;
        return 0;
}

static void on_stuck(void *arg, struct bus_reader *reader, const char *code, const char *settle)
{
        struct rig *rig = arg;

        (void)reader;
        rig->goes_on = !code;
        if (code) {
                snprintf(rig->stuck, sizeof(rig->stuck), "%s", code);
                snprintf(rig->settle, sizeof(rig->settle), "%s", settle);
        }
}

static void on_regressed(void *arg, const char *stream)
{
        struct rig *rig = arg;

        snprintf(rig->regressed, sizeof(rig->regressed), "%s", stream);
}

static void end_turn(void *arg)
{
        ((struct rig *)arg)->budget = 64;
}

static struct store *open_store(const char *path)
{
        const struct store_options options = {
                .engine = "sqlite", .path = path, .now_us = bus_wall_us(), .boot_id = "one"
        };
        struct store *store = NULL;
        char error[256] = "";

        cr_assert_eq(store_open(&options, &store, error, sizeof(error)), 0, "%s", error);
        return store;
}

static void writer_open(struct rig *rig)
{
        const char *outputs[] = { rig->stream, NULL };
        const struct bus_writer_options options = { .loop = rig->loop,
                .zmq = rig->zmq,
                .service = "strategy-v3",
                .outputs = outputs,
                .pub_endpoint = rig->pub,
                .replay_endpoint = rig->replay,
                .regressed = on_regressed,
                .arg = rig };
        struct bus_writer_options with_store = options;
        char error[256] = "";

        with_store.store = rig->store = open_store(rig->path);
        cr_assert_eq(
                bus_writer_new(&with_store, &rig->writer, error, sizeof(error)), 0, "%s", error);
}

static void writer_close(struct rig *rig)
{
        rig->writer = bus_writer_free(rig->writer);
        rig->store = store_free(rig->store);
}

static char folder[32];

/* Also of a test that failed. */
static void remove_folder(void)
{
        BUS_AUTOFREE char *clean = bus_xasprintf("rm -rf %s", folder);

        cr_expect_eq(system(clean), 0);
}

TestSuite(settle, .fini = remove_folder);

static struct rig *rig_new(const char *stream)
{
        struct rig *rig = bus_new(struct rig);

        cr_assert_eq(bus_hash_init(), 0);
        rig->stream = stream;
        rig->budget = 64;
        strcpy(folder, "/tmp/umbra-settle-XXXXXX");
        cr_assert(mkdtemp(folder));
        snprintf(rig->pub, sizeof(rig->pub), "ipc://%s/p", folder);
        snprintf(rig->replay, sizeof(rig->replay), "ipc://%s/r", folder);
        snprintf(rig->path, sizeof(rig->path), "%s/w.db", folder);
        rig->loop = bus_loop_new();
        rig->zmq = zmq_ctx_new();
        bus_loop_on_turn_end(rig->loop, end_turn, rig);
        writer_open(rig);
        return rig;
}

static void rig_free(struct rig *rig)
{
        bus_peer_free(rig->peer);
        writer_close(rig);
        bus_loop_free(rig->loop);
        zmq_ctx_term(rig->zmq);
        free(rig);
}

static void reader_open(struct rig *rig, const struct bus_pos *cursor, const char *service)
{
        const struct bus_peer_options peer = { .loop = rig->loop,
                .zmq = rig->zmq,
                .writer = "strategy-v3",
                .pub_endpoint = rig->pub,
                .replay_endpoint = rig->replay,
                .budget = &rig->budget };
        const struct bus_reader_options options = { .stream_kind = rig->stream,
                .start = BUS_START_BEGINNING,
                .has_cursor = cursor != NULL,
                .cursor = cursor ? *cursor : BUS_POS_ZERO,
                .deliver = deliver,
                .stuck = on_stuck,
                .arg = rig,
                .service = service };
        char error[256] = "";

        cr_assert_eq(bus_peer_new(&peer, &rig->peer, error, sizeof(error)), 0, "%s", error);
        rig->reader = bus_peer_add(rig->peer, &options);
}

/* Journals one message, AT_US old, and publishes it. POSITION: of a derived stream. */
static struct bus_pos write_one(struct rig *rig, int64_t at_us, struct bus_pos position)
{
        struct bus_writer_stream *stream = bus_writer_stream(rig->writer, rig->stream);
        Pb__Envelope envelope = PB__ENVELOPE__INIT;
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;
        BUS_AUTOFREE char *topic = bus_xasprintf("%sx", stream->kind->topic_prefix);
        struct store_batch *batch = store_batch_new();
        const struct store_appended *result;
        uint8_t body[] = { 8, 1 };

        envelope.schema = BUS_SCHEMA;
        envelope.stream = stream->name;
        envelope.message_id = envelope.alert_id = "01ARYZ6S410000000000000000";
        envelope.staged_us = 1;
        envelope.body.data = body;
        envelope.body.len = sizeof(body);
        bus_envelope_pack(&envelope, &packed);
        store_batch_append(batch, &(struct store_append){ .stream = stream->name,
                                          .topic = topic,
                                          .body = bus_buf_bytes(&packed),
                                          .at_us = at_us,
                                          .position = position });
        cr_assert_eq(store_commit(rig->store, batch, STORE_SYNC_NORMAL), 0);
        result = store_batch_result(batch, 0);
        bus_writer_publish(rig->writer, stream, topic, bus_buf_bytes(&packed), result->position,
                result->predecessor);
        bus_writer_refresh(rig->writer, stream);
        position = result->position;
        store_batch_free(batch);
        return position;
}

static struct bus_pos write_some(struct rig *rig, int count)
{
        struct bus_pos last = BUS_POS_ZERO;

        for (int i = 0; i < count; i++)
                last = write_one(rig, bus_wall_us(), BUS_POS_ZERO);
        return last;
}

#define RUN_UNTIL(rig, condition)                                                        \
        do {                                                                             \
                int64_t until = bus_mono_us() + PATIENCE_US;                             \
                while (!(condition) && bus_mono_us() < until)                            \
                        cr_assert_eq(bus_loop_turn((rig)->loop, 10 * BUS_US_PER_MS), 0); \
                cr_assert(condition, "not in time");                                     \
        } while (0)

static void in_folder(const char *command)
{
        BUS_AUTOFREE char *text = bus_xasprintf("cd %s && %s", folder, command);

        cr_assert_eq(system(text), 0);
}

static void expect_seen(const struct rig *rig, size_t index, struct bus_pos position)
{
        char is[BUS_POS_TEXT_SIZE], wanted[BUS_POS_TEXT_SIZE];

        cr_expect(bus_pos_equal(rig->seen[index], position), "message %zu is %s instead of %s",
                index, bus_pos_format(rig->seen[index], is), bus_pos_format(position, wanted));
}

Test(settle, a_store_put_back_by_hand_goes_on_under_a_new_incarnation)
{
        struct rig *rig = rig_new("trade");
        struct bus_pos at_copy, before, after;

        at_copy = write_some(rig, 3);
        writer_close(rig);
        in_folder("cp w.db old.db");
        writer_open(rig);
        before = write_some(rig, 4);
        reader_open(rig, NULL, "health");
        RUN_UNTIL(rig, rig->seen_count == 7);

        writer_close(rig);
        in_folder("rm -f w.db-*; cp old.db w.db");
        writer_open(rig);
        RUN_UNTIL(rig, *rig->regressed); /* the reader runs on, and the beacon tells it */
        cr_expect_str_eq(rig->regressed, "trade@strategy-v3");
        after = write_one(rig, bus_wall_us(), BUS_POS_ZERO);
        cr_expect_gt(after.incarnation, before.incarnation, "a position was used twice");
        cr_expect_eq(after.seq, at_copy.seq + 1);
        RUN_UNTIL(rig, rig->seen_count == 8);
        expect_seen(rig, 7, after);
        cr_expect_str_empty(rig->stuck, "it settled by itself");
        rig_free(rig);
}

Test(settle, a_wiped_store_is_read_from_its_beginning)
{
        struct rig *rig = rig_new("trade");
        struct bus_pos first;

        write_some(rig, 5);
        reader_open(rig, NULL, "health");
        RUN_UNTIL(rig, rig->seen_count == 5);
        writer_close(rig);
        in_folder("rm w.db*");
        writer_open(rig);
        first = write_one(rig, bus_wall_us(), BUS_POS_ZERO);
        RUN_UNTIL(rig, rig->seen_count == 6);
        expect_seen(rig, 5, first);
        cr_expect_eq(first.seq, 1);
        rig_free(rig);
}

Test(settle, a_tool_that_looks_ahead_changes_nothing)
{
        struct rig *rig = rig_new("trade");
        struct bus_pos last = write_some(rig, 2), cursor = last;

        cursor.seq += 10;
        reader_open(rig, &cursor, NULL);
        RUN_UNTIL(rig, *rig->stuck);
        cr_expect_str_eq(rig->stuck, "reader_ahead_of_writer");
        cr_expect_str_empty(rig->regressed);
        cr_expect_eq(write_one(rig, bus_wall_us(), BUS_POS_ZERO).incarnation, last.incarnation);
        rig_free(rig);
}

Test(settle, a_cursor_from_no_clock_is_a_matter_for_people)
{
        struct rig *rig = rig_new("trade");
        const struct bus_pos cursor = { UINT64_C(32503680000000), 3, 0 }; /* the year 3000 */

        write_some(rig, 2);
        reader_open(rig, &cursor, "health");
        RUN_UNTIL(rig, *rig->stuck);
        cr_expect_str_eq(rig->stuck, "reader_ahead_of_writer");
        cr_expect_str_eq(rig->settle, "umbra reader health trade@strategy-v3 --to newest");
        cr_expect_str_empty(rig->regressed);
        rig_free(rig);
}

static void prune_all_but(struct rig *rig, size_t kept)
{
        struct bus_writer_stream *stream = bus_writer_stream(rig->writer, rig->stream);

        for (size_t i = 0; i < kept; i++)
                write_one(rig, bus_wall_us(), BUS_POS_ZERO);
        bus_writer_prune(rig->writer, bus_wall_us());
        cr_assert_gt(stream->stored.first.seq, 1);
}

Test(settle, a_reader_below_the_oldest_stops_and_names_the_command)
{
        struct rig *rig = rig_new("trade");
        struct bus_pos cursor = write_one(rig, 1, BUS_POS_ZERO);

        write_one(rig, 1, BUS_POS_ZERO);
        prune_all_but(rig, 3);
        reader_open(rig, &cursor, "health");
        RUN_UNTIL(rig, *rig->stuck);
        cr_expect_str_eq(rig->stuck, "reader_below_oldest");
        cr_expect_str_eq(rig->settle, "umbra reader health trade@strategy-v3 --to oldest");
        cr_expect_eq(rig->seen_count, 0);
        rig_free(rig);
}

Test(settle, a_new_reader_of_a_pruned_stream_begins_at_the_oldest)
{
        struct rig *rig = rig_new("trade");

        write_one(rig, 1, BUS_POS_ZERO);
        write_one(rig, 1, BUS_POS_ZERO);
        prune_all_but(rig, 3);
        reader_open(rig, NULL, "health");
        RUN_UNTIL(rig, rig->seen_count == 3);
        cr_expect_eq(rig->seen[0].seq, 3);
        write_some(rig, 1);
        RUN_UNTIL(rig, rig->seen_count == 4);
        rig_free(rig);
}

Test(settle, a_derived_stream_that_was_derived_otherwise_is_followed)
{
        struct rig *rig = rig_new("order");
        const struct bus_pos cursor = { 7, 20, 0 };

        for (uint64_t seq = 10; seq <= 40; seq += 15) /* 10, 25, 40: there is no 20 any more */
                write_one(rig, bus_wall_us(), (struct bus_pos){ 7, seq, 0 });
        reader_open(rig, &cursor, "order-executor");
        RUN_UNTIL(rig, rig->seen_count == 2);
        expect_seen(rig, 0, (struct bus_pos){ 7, 25, 0 });
        write_one(rig, bus_wall_us(), (struct bus_pos){ 7, 41, 0 });
        RUN_UNTIL(rig, rig->seen_count == 3);
        cr_expect_str_empty(rig->stuck);
        rig_free(rig);
}

Test(settle, a_reader_of_a_derived_stream_waits_until_it_is_derived_again)
{
        struct rig *rig = rig_new("order");
        const struct bus_pos cursor = { 7, 30, 0 };

        write_one(rig, bus_wall_us(), (struct bus_pos){ 7, 10, 0 });
        reader_open(rig, &cursor, "order-executor");
        RUN_UNTIL(rig, bus_reader_caught_up(rig->reader));
        for (uint64_t seq = 20; seq <= 40; seq += 10)
                write_one(rig, bus_wall_us(), (struct bus_pos){ 7, seq, 0 });
        RUN_UNTIL(rig, rig->seen_count == 1);
        expect_seen(rig, 0, (struct bus_pos){ 7, 40, 0 });
        cr_expect_str_empty(rig->stuck);
        rig_free(rig);
}

/* ---- beacons ---- */

/* Takes what has come of them; the last tells of *RET_LAST. */
static int take_beacons(void *sub, struct bus_pos *ret_last)
{
        uint8_t frame[512];
        int n, count = 0;

        while (zmq_recv(sub, frame, sizeof(frame), ZMQ_DONTWAIT) >= 0) { /* the topic */
                Pb__Beacon *beacon;

                n = zmq_recv(sub, frame, sizeof(frame), ZMQ_DONTWAIT);
                cr_assert(n > 0 && n <= (int)sizeof(frame));
                beacon = MESSAGE_UNPACK(beacon, bus_bytes(frame, (size_t)n));
                cr_assert_not_null(beacon);
                *ret_last = bus_pos_of(beacon->last);
                pb__beacon__free_unpacked(beacon, NULL);
                count++;
        }
        return count;
}

static int run_beacons(struct rig *rig, void *sub, int64_t span_us)
{
        int64_t until = bus_mono_us() + span_us;
        struct bus_pos last;
        int count = 0;

        while (bus_mono_us() < until) {
                cr_assert_eq(bus_loop_turn(rig->loop, 10 * BUS_US_PER_MS), 0);
                count += take_beacons(sub, &last);
        }
        return count;
}

Test(settle, a_quiet_stream_is_told_of_less_often_and_a_change_at_once)
{
        struct rig *rig = rig_new("trade");
        void *sub = bus_socket_new(rig->zmq, ZMQ_SUB);
        struct bus_pos last = BUS_POS_ZERO, written;
        int count = 0, quiet;

        cr_assert_eq(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "beacon.", 7), 0);
        cr_assert_eq(zmq_connect(sub, rig->pub), 0);
        RUN_UNTIL(rig, (count += take_beacons(sub, &last)) > 0);
        run_beacons(rig, sub, 2500 * BUS_US_PER_MS);
        quiet = run_beacons(rig, sub, 3 * BUS_US_PER_SEC);
        cr_expect(quiet >= 1 && quiet <= 4, "%d in three seconds", quiet);
        written = write_some(rig, 1);
        RUN_UNTIL(rig, (take_beacons(sub, &last), bus_pos_equal(last, written)));
        count = run_beacons(rig, sub, 1500 * BUS_US_PER_MS);
        cr_expect_gt(count, 3, "it is told again and again: %d in a second and a half", count);
        bus_socket_close(sub, 0);
        rig_free(rig);
}

Test(settle, a_writer_whose_store_could_not_be_opened_anew_is_left_without_one)
{
        struct rig *rig = rig_new("trade");
        BUS_AUTOFREE char *path = bus_xasprintf("%s/other.db", folder);
        struct store *other = open_store(path);
        struct store_stream stream;

        write_some(rig, 3);
        bus_writer_detach(rig->writer);
        rig->store = store_free(rig->store);
        cr_assert_eq(
                store_stream_open(other, "trade@strategy-v3", STORE_STREAM_DERIVED, &stream), 0);
        cr_expect_lt(bus_writer_reopen(rig->writer, other), 0);
        other = store_abandon(other);
        bus_writer_prune(rig->writer, bus_wall_us()); /* a timer's, which knows of nothing */

        rig->store = open_store(rig->path);
        cr_assert_eq(bus_writer_reopen(rig->writer, rig->store), 0);
        reader_open(rig, NULL, "health");
        RUN_UNTIL(rig, rig->seen_count == 3);
        rig_free(rig);
}
