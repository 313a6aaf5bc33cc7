#include "services/compare/tally.h"

#include "comparison_record.pb-c.h"
#include "libbus/base/require.h"
#include "services/common/json_text.h"
#include "services/compare/text.h"

#include <inttypes.h>
#include <string.h>

/* ---- times ---- */

enum { EIGHTHS = 8 };

static size_t bucket_of(uint64_t ns)
{
        unsigned int octave;
        size_t bucket;

        if (ns < EIGHTHS)
                return (size_t)ns;
        octave = 63u - (unsigned int)__builtin_clzll(ns); /* 3 or more */
        bucket = (size_t)(octave - 2) * EIGHTHS + (size_t)(ns >> (octave - 3)) % EIGHTHS;
        return bucket < COMPARE_TIMES ? bucket : COMPARE_TIMES - 1;
}

/* The middle of what the bucket holds. */
static int64_t bucket_middle(size_t bucket)
{
        unsigned int octave = (unsigned int)(bucket / EIGHTHS) + 2;
        int64_t low, width;

        if (bucket < EIGHTHS)
                return (int64_t)bucket;
        width = INT64_C(1) << (octave - 3);
        low = (INT64_C(1) << octave) + (int64_t)(bucket % EIGHTHS) * width;
        return low + width / 2;
}

void compare_times_add(struct compare_times *times, int64_t ns)
{
        times->count++;
        times->bucket[bucket_of(ns > 0 ? (uint64_t)ns : 0)]++;
}

int64_t compare_times_quantile(const struct compare_times *times, unsigned int percent)
{
        uint64_t wanted = (times->count * percent + 99) / 100, seen = 0;

        for (size_t i = 0; i < COMPARE_TIMES; i++) {
                seen += times->bucket[i];
                if (seen >= wanted && seen)
                        return bucket_middle(i);
        }
        return 0;
}

/* ---- the sums ---- */

void compare_sums_done(struct compare_sums *sums)
{
        for (size_t i = 0; i < sums->tally_count; i++)
                free(sums->tallies[i]);
        *sums = (struct compare_sums){ 0 };
}

static struct compare_parties parties_of(const Pb__Comparison *message)
{
        struct compare_parties parties = { .source = message->source };

        compare_copy(parties.plugin, sizeof(parties.plugin), message->plugin);
        compare_copy(parties.build, sizeof(parties.build), message->plugin_build);
        compare_copy(parties.config_hash, sizeof(parties.config_hash), message->config_hash);
        compare_copy(parties.against, sizeof(parties.against), message->against);
        compare_copy(parties.against_build, sizeof(parties.against_build), message->against_build);
        compare_copy(
                parties.against_config, sizeof(parties.against_config), message->against_config);
        return parties;
}

static bool is_between(const struct compare_tally *tally, const Pb__Comparison *message)
{
        const struct compare_parties *parties = &tally->parties;

        return parties->source == message->source &&
               !strcmp(parties->build, message->plugin_build) &&
               !strcmp(parties->config_hash, message->config_hash) &&
               !strcmp(parties->against_build, message->against_build) &&
               !strcmp(parties->against_config, message->against_config) &&
               !strcmp(parties->plugin, message->plugin) &&
               !strcmp(parties->against, message->against);
}

static void move_to_end(struct compare_sums *sums, size_t i)
{
        struct compare_tally *tally = sums->tallies[i];

        memmove(&sums->tallies[i], &sums->tallies[i + 1],
                (sums->tally_count - i - 1) * sizeof(sums->tallies[0]));
        sums->tallies[sums->tally_count - 1] = tally;
}

static struct compare_tally *add_tally(struct compare_sums *sums, const Pb__Comparison *message)
{
        struct compare_tally *tally;

        if (sums->tally_count == COMPARE_TALLIES_MAX) {
                move_to_end(sums, 0);
                free(sums->tallies[--sums->tally_count]);
        }
        tally = bus_new(struct compare_tally);
        tally->parties = parties_of(message);
        sums->tallies[sums->tally_count++] = tally;
        return tally;
}

static struct compare_tally *tally_for(struct compare_sums *sums, const Pb__Comparison *message)
{
        for (size_t i = sums->tally_count; i-- > 0;)
                if (is_between(sums->tallies[i], message)) {
                        move_to_end(sums, i);
                        return sums->tallies[sums->tally_count - 1];
                }
        return add_tally(sums, message);
}

static void count_missing(struct compare_sums *sums, const char *plugin, bool more)
{
        size_t i = 0;

        while (i < sums->missing_count && strcmp(sums->missing[i].plugin, plugin))
                i++;
        if (i == COMPARE_MISSING_MAX)
                return;
        if (i == sums->missing_count) {
                sums->missing[i] = (struct compare_missing){ 0 };
                compare_copy(sums->missing[i].plugin, sizeof(sums->missing[i].plugin), plugin);
                sums->missing_count++;
        }
        if (more)
                sums->missing[i].pairs++;
        else if (sums->missing[i].pairs)
                sums->missing[i].pairs--;
}

static void count_ignored(struct compare_sums *sums, const char *rule)
{
        size_t i = 0;

        while (i < sums->ignored_count && strcmp(sums->ignored[i].rule, rule))
                i++;
        if (i == COMPARE_IGNORED_MAX)
                return;
        if (i == sums->ignored_count) {
                sums->ignored[i] = (struct compare_ignored){ 0 };
                compare_copy(sums->ignored[i].rule, sizeof(sums->ignored[i].rule), rule);
                sums->ignored_count++;
        }
        sums->ignored[i].pairs++;
}

static void add_whole(struct compare_tally *tally, const Pb__Comparison *message)
{
        tally->pairs++;
        tally->classes[message->class_]++;
        tally->trades += message->kind == PB__ALERT_TYPE__ALERT_TYPE_ENTRY ||
                         message->kind == PB__ALERT_TYPE__ALERT_TYPE_EXIT;
        tally->critical += message->critical && !message->ignored;
        tally->ignored += message->ignored;
        compare_times_add(&tally->live, message->live_ns);
        compare_times_add(&tally->shadow, message->shadow_ns);
        if (!tally->first_us || message->received_us < tally->first_us)
                tally->first_us = message->received_us;
        if (message->received_us > tally->last_us)
                tally->last_us = message->received_us;
}

void compare_sums_add(struct compare_sums *sums, const Pb__Comparison *message)
{
        if (message->ignored)
                count_ignored(sums, message->ignored_by);
        if (message->live_missing || message->shadow_missing) {
                count_missing(sums, message->plugin, true);
                return;
        }
        if (message->revises)
                count_missing(sums, message->plugin, false);
        add_whole(tally_for(sums, message), message);
}

/* ---- what follows from them ---- */

bool compare_tally_is_aa(const struct compare_tally *tally)
{
        return !strcmp(tally->parties.plugin, tally->parties.against);
}

const struct compare_tally *compare_sums_noise(
        const struct compare_sums *sums, const struct compare_tally *tally)
{
        for (size_t i = sums->tally_count; i-- > 0;) {
                const struct compare_tally *other = sums->tallies[i];

                if (compare_tally_is_aa(other) && other->parties.source == tally->parties.source &&
                        !strcmp(other->parties.against, tally->parties.against) &&
                        !strcmp(other->parties.against_build, tally->parties.against_build))
                        return other;
        }
        return NULL;
}

uint64_t compare_tally_different(const struct compare_tally *tally)
{
        return tally->pairs - tally->classes[COMPARE_EXACT] - tally->classes[COMPARE_LATE];
}

static void add_member(struct bus_buf *buf, const char *key, const char *value)
{
        bus_buf_printf(buf, "\"%s\":", key);
        json_add_string(buf, value);
        bus_buf_add_str(buf, ",");
}

static void add_times(struct bus_buf *buf, const char *key, const struct compare_times *times)
{
        bus_buf_printf(buf, ",\"%s\":{\"p50\":%" PRId64 ",\"p99\":%" PRId64 "}", key,
                compare_times_quantile(times, 50), compare_times_quantile(times, 99));
}

/* 3/n, in millionths rounded up, so that no bound looks smaller than it is. */
static void add_bound(struct bus_buf *buf, const struct compare_tally *tally)
{
        uint64_t n = tally->pairs, millionths;

        if (!n || tally->critical) {
                bus_buf_add_str(buf, ",\"bound\":null");
                return;
        }
        millionths = (UINT64_C(3000000) + n - 1) / n;
        if (millionths > 1000000)
                millionths = 1000000; /* a rate is at most 1 */
        bus_buf_printf(buf, ",\"bound\":%" PRIu64 ".%06" PRIu64, millionths / 1000000,
                millionths % 1000000);
}

void compare_tally_json(struct bus_buf *buf, const struct compare_tally *tally)
{
        const struct compare_parties *parties = &tally->parties;

        bus_buf_add_str(buf, "{");
        add_member(buf, "plugin", parties->plugin);
        add_member(buf, "build", parties->build);
        add_member(buf, "config", parties->config_hash);
        add_member(buf, "against", parties->against);
        add_member(buf, "against_build", parties->against_build);
        add_member(buf, "against_config", parties->against_config);
        add_member(buf, "source",
                parties->source == PB__COMPARISON_SOURCE__COMPARISON_SOURCE_REPLAY ? "replay"
                                                                                   : "live");
        bus_buf_printf(buf,
                "\"pairs\":%" PRIu64 ",\"trades\":%" PRIu64 ",\"critical\":%" PRIu64
                ",\"ignored\":%" PRIu64 ",\"classes\":{",
                tally->pairs, tally->trades, tally->critical, tally->ignored);
        for (int class = COMPARE_EXACT; class < COMPARE_CLASSES; class ++)
                bus_buf_printf(buf, "%s\"%s\":%" PRIu64, class == COMPARE_EXACT ? "" : ",",
                        compare_class_name((enum compare_class) class), tally->classes[class]);
        bus_buf_add_str(buf, "}");
        add_times(buf, "live_ns", &tally->live);
        add_times(buf, "shadow_ns", &tally->shadow);
        add_bound(buf, tally);
        bus_buf_add_str(buf, "}");
}
