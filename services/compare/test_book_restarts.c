/*
 * Kills, repeats and delays, at random and the same in every run: whatever happens to the
 * comparator, its counts come out as those of one that was never disturbed.
 *
 * The world is three streams with cursors, and a store that takes over what a turn staged only when
 * it commits. A kill throws away what was not committed.
 */
#include "services/compare/book.h"
#include "services/compare/tally.h"

#include "libbus/base/require.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum {
        ALERTS = 60,
        PLUGINS = 2,
        RUNS = 60,
};

#define NOW_US      INT64_C(1795372800000000)
#define DEADLINE_US 5000000
#define APART_US    100000 /* between alerts */

static const char *const plugins[PLUGINS] = { "combined_v3", "legacy_v3" };
static const struct compare_settings settings = { .deadline_us = DEADLINE_US };

static uint64_t state;

static uint64_t any(uint64_t n)
{
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return ((state * 0x2545f4914f6cdd1d) >> 33) % n;
}

enum { SIGNALS, LIVE, SHADOW, STREAMS };

/* What there is to read, in order: of the shadow's stream, by plugin in turn. */
struct item {
        uint64_t seq;
        int plugin; /* of the shadow */
        struct compare_side side;
};
struct stream {
        struct item items[ALERTS * PLUGINS];
        size_t count;
};

struct kept {
        bool there;
        struct bus_buf record;
};

/* One state of the store: committed, or staged on top of it. */
struct store {
        size_t cursor[STREAMS];
        struct bus_pos seen;
        struct kept open[ALERTS + 1];
        struct compare_sums sums;
        unsigned int told[ALERTS + 1][PLUGINS], revised[ALERTS + 1][PLUGINS];
};

struct world {
        struct stream streams[STREAMS];
        struct store committed, staged;
        struct compare_book *book;
        int64_t now_us;
};

static struct bus_pos at(uint64_t seq)
{
        return (struct bus_pos){ 9, seq, 0 };
}

static void alert_id(uint64_t seq, char id[BUS_ID_SIZE])
{
        snprintf(id, BUS_ID_SIZE, "ALERT%06llu", (unsigned long long)seq);
}

/* ---- the streams ---- */

static struct compare_side any_side(uint64_t seq, const char *plugin)
{
        static const enum v3_reason reasons[] = { V3_REASON_DAILY_CAP, V3_REASON_DAILY_CAP,
                V3_REASON_DAILY_CAP, V3_REASON_INVALID_STOP };
        int64_t born_us = NOW_US + (int64_t)seq * APART_US;
        struct compare_side side = { .decide_ns = (int64_t)any(5000),
                .decided_us = born_us + (any(8) ? (int64_t)any(4000) : 2 * DEADLINE_US) };

        snprintf(side.plugin, sizeof(side.plugin), "%s", plugin);
        strcpy(side.build, seq > ALERTS / 2 ? "b2" : "b1");
        strcpy(side.config_hash, "c");
        side.decision.verdict = any(10) ? V3_VERDICT_REJECT : V3_VERDICT_ERROR;
        side.decision.reason = side.decision.verdict == V3_VERDICT_ERROR
                                       ? V3_REASON_PLUGIN_ERROR
                                       : reasons[any(BUS_COUNT(reasons))];
        return side;
}

static void add_item(struct stream *stream, uint64_t seq, int plugin, const char *name)
{
        stream->items[stream->count++] = (struct item){ seq, plugin, any_side(seq, name) };
}

static void make_streams(struct world *world)
{
        for (uint64_t seq = 1; seq <= ALERTS; seq++) {
                world->streams[SIGNALS].items[seq - 1].seq = seq;
                if (any(12)) /* else live never decided it */
                        add_item(&world->streams[LIVE], seq, 0, any(15) ? "legacy_v3" : "");
                for (int i = 0; i < PLUGINS; i++)
                        if (any(12))
                                add_item(&world->streams[SHADOW], seq, i, plugins[i]);
        }
        world->streams[SIGNALS].count = ALERTS;
}

/* ---- the store ---- */

static void store_copy(struct store *to, const struct store *from)
{
        BUS_AUTOBUF struct bus_buf sums = BUS_BUF_INIT;

        for (size_t i = 0; i <= ALERTS; i++)
                bus_buf_done(&to->open[i].record);
        compare_sums_done(&to->sums);
        *to = *from;
        to->sums = (struct compare_sums){ 0 };
        compare_sums_pack(&from->sums, &sums);
        cr_assert_eq(compare_sums_unpack(&to->sums, bus_buf_bytes(&sums)), 0);
        for (size_t i = 0; i <= ALERTS; i++) {
                to->open[i].record = BUS_BUF_INIT;
                bus_buf_add(
                        &to->open[i].record, from->open[i].record.data, from->open[i].record.size);
        }
}

static void store_done(struct store *store)
{
        for (size_t i = 0; i <= ALERTS; i++)
                bus_buf_done(&store->open[i].record);
        compare_sums_done(&store->sums);
}

static void keep(void *arg, struct compare_open *open)
{
        struct world *world = arg;
        struct kept *kept;

        if (!open)
                return;
        kept = &world->staged.open[compare_open_position(open).seq];
        kept->there = true;
        bus_buf_clear(&kept->record);
        compare_open_pack(open, &kept->record);
}

static void on_close(void *arg, struct bus_pos position, bool was_kept)
{
        struct world *world = arg;
        struct kept *kept = &world->staged.open[position.seq];

        cr_expect_eq(kept->there, was_kept);
        kept->there = false;
        bus_buf_clear(&kept->record);
}

static void on_tell(void *arg, const struct compare_pair *pair)
{
        struct world *world = arg;
        struct compare_message message;
        uint64_t seq = pair->alert->position.seq;
        int plugin = strcmp(pair->plugin, plugins[0]) ? 1 : 0;

        compare_pair_fill(&message, &settings, pair);
        compare_sums_add(&world->staged.sums, &message.pb);
        if (pair->revises)
                world->staged.revised[seq][plugin]++;
        else
                world->staged.told[seq][plugin]++;
}

static void start(struct world *world)
{
        world->book = compare_book_new(&settings, plugins, PLUGINS,
                &(struct compare_book_events){ world, on_tell, on_close });
        compare_book_seen(world->book, world->staged.seen);
        for (uint64_t seq = 1; seq <= ALERTS; seq++)
                if (world->committed.open[seq].there)
                        cr_assert_eq(compare_book_restore(world->book, at(seq),
                                             bus_buf_bytes(&world->committed.open[seq].record)),
                                0);
}

static void kill(struct world *world)
{
        compare_book_free(world->book);
        store_copy(&world->staged, &world->committed);
        start(world);
}

/* ---- what happens ---- */

static void deliver(struct world *world, int stream, const struct item *item)
{
        struct compare_alert alert = { .position = at(item->seq),
                .kind = V3_TYPE_ENTRY,
                .symbol = "XAUUSD",
                .received_us = NOW_US + (int64_t)item->seq * APART_US };

        alert_id(item->seq, alert.id);
        if (item->side.decided_us > world->now_us)
                world->now_us = item->side.decided_us;
        if (stream == SIGNALS) {
                keep(world, compare_book_signal(world->book, &alert));
                if (bus_pos_compare(at(item->seq), world->staged.seen) > 0)
                        world->staged.seen = at(item->seq);
        } else if (stream == LIVE) {
                keep(world, compare_book_live(world->book, at(item->seq), alert.id, &item->side));
        } else {
                keep(world, compare_book_shadow(world->book, at(item->seq), alert.id, &item->side));
        }
}

static void deliver_next(struct world *world, int stream)
{
        size_t *cursor = &world->staged.cursor[stream];

        if (*cursor < world->streams[stream].count)
                deliver(world, stream, &world->streams[stream].items[(*cursor)++]);
}

/* A writer that went back behind a fork says again what it had said. */
static void deliver_again(struct world *world, int stream)
{
        size_t cursor = world->staged.cursor[stream];

        if (cursor)
                deliver(world, stream, &world->streams[stream].items[any(cursor)]);
}

static void look_for_overdue(struct world *world)
{
        world->now_us += (int64_t)any(DEADLINE_US);
        compare_book_overdue(world->book, world->now_us, any(2), any(2), keep, world);
}

static bool is_read(const struct world *world)
{
        for (int i = 0; i < STREAMS; i++)
                if (world->committed.cursor[i] < world->streams[i].count)
                        return false;
        return true;
}

static void disturb(struct world *world)
{
        while (!is_read(world)) {
                int stream = (int)any(STREAMS);

                switch (any(16)) {
                case 0: kill(world); break;
                case 1:
                case 2: store_copy(&world->committed, &world->staged); break;
                case 3: deliver_again(world, stream); break;
                case 4: look_for_overdue(world); break;
                default: deliver_next(world, stream);
                }
        }
}

static void run_straight(struct world *world)
{
        for (int stream = 0; stream < STREAMS; stream++)
                for (size_t i = 0; i < world->streams[stream].count; i++)
                        deliver_next(world, stream);
}

static void finish(struct world *world)
{
        compare_book_overdue(
                world->book, world->now_us + 100 * DEADLINE_US, true, true, keep, world);
}

static void expect_told_once(const struct store *store)
{
        for (size_t seq = 1; seq <= ALERTS; seq++)
                for (int i = 0; i < PLUGINS; i++) {
                        cr_assert_leq(store->told[seq][i], 1, "alert %zu told twice", seq);
                        cr_assert_leq(store->revised[seq][i], store->told[seq][i]);
                }
}

static const struct compare_tally *same_parties(
        const struct compare_sums *sums, const struct compare_parties *parties)
{
        for (size_t i = 0; i < sums->tally_count; i++)
                if (!memcmp(&sums->tallies[i]->parties, parties, sizeof(*parties)))
                        return sums->tallies[i];
        return NULL;
}

static void expect_same(const struct compare_sums *a, const struct compare_sums *b)
{
        cr_assert_eq(a->tally_count, b->tally_count);
        for (size_t i = 0; i < a->tally_count; i++) {
                const struct compare_tally *other = same_parties(b, &a->tallies[i]->parties);

                cr_assert(other);
                cr_assert(!memcmp(other, a->tallies[i], sizeof(*other)), "pairs %llu and %llu",
                        (unsigned long long)other->pairs, (unsigned long long)a->tallies[i]->pairs);
        }
        for (size_t i = 0; i < a->missing_count; i++)
                for (size_t k = 0; k < b->missing_count; k++)
                        if (!strcmp(a->missing[i].plugin, b->missing[k].plugin))
                                cr_assert_eq(a->missing[i].pairs, b->missing[k].pairs);
}

static void end(struct world *world)
{
        compare_book_free(world->book);
        store_done(&world->committed);
        store_done(&world->staged);
        free(world);
}

Test(book_restarts, kills_repeats_and_delays_change_no_count)
{
        uint64_t pairs = 0, revised = 0;

        for (uint64_t seed = 1; seed <= RUNS; seed++) {
                struct world *straight = bus_new(struct world), *disturbed = bus_new(struct world);

                state = seed * 0x9e3779b97f4a7c15;
                straight->now_us = disturbed->now_us = NOW_US;
                make_streams(straight);
                memcpy(disturbed->streams, straight->streams, sizeof(straight->streams));
                start(straight);
                run_straight(straight);
                finish(straight);
                start(disturbed);
                disturb(disturbed);
                kill(disturbed);
                finish(disturbed);
                expect_told_once(&disturbed->staged);
                expect_same(&straight->staged.sums, &disturbed->staged.sums);
                for (size_t i = 0; i < straight->staged.sums.tally_count; i++)
                        pairs += straight->staged.sums.tallies[i]->pairs;
                for (size_t seq = 1; seq <= ALERTS; seq++)
                        revised += disturbed->staged.revised[seq][0];
                end(straight);
                end(disturbed);
        }
        /* or nothing was shown */
        cr_expect_gt(pairs, RUNS * ALERTS);
        cr_expect_gt(revised, RUNS);
}
