/*
 * Invariant: minutes[] is sorted and holds each minute once; an alert is in open at most until both
 * its decision and a whole comparison of it were seen, in whatever order.
 */
#include "services/health/evidence.h"

#include "libbus/base/clock.h"
#include "libbus/base/ids.h"
#include "libbus/base/require.h"
#include "libbus/pbjson/pbjson.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define US_PER_MINUTE  (60 * BUS_US_PER_SEC)
#define EDITION_KEY    EVIDENCE_PREFIX "edition"
#define MINUTE_PREFIX  EVIDENCE_PREFIX "m/"
#define OPEN_PREFIX    EVIDENCE_PREFIX "o/"
#define KEY_SIZE       64
#define VALUE_SIZE     256
#define HASH_SIZE      65 /* as the validator of Comparison takes, and NUL */
#define COMPARED_FIRST 0  /* in open: not a time, the decision has not come by yet */

struct minute {
        int64_t minute;
        uint32_t trades, critical, ignored, replayed;
        uint32_t classes[EVIDENCE_CLASSES];
        bool is_changed;
};

struct evidence {
        struct evidence_options options;
        char build[HASH_SIZE], config_hash[HASH_SIZE];
        int64_t since_us;
        struct minute *minutes;
        size_t count, capacity;
        json_t *open; /* alert id -> when received, or COMPARED_FIRST */
        /* alert id -> whether the store has it: most come and go before anything is written */
        json_t *open_changed;
        bool edition_changed;
};

struct evidence *evidence_new(const struct evidence_options *options)
{
        struct evidence *evidence = bus_new(struct evidence);

        evidence->options = *options;
        evidence->open = json_object();
        evidence->open_changed = json_object();
        return evidence;
}

struct evidence *evidence_free(struct evidence *evidence)
{
        if (!evidence)
                return NULL;
        json_decref(evidence->open);
        json_decref(evidence->open_changed);
        free(evidence->minutes);
        free(evidence);
        return NULL;
}

/* ---- the sink ---- */

static void put(const struct evidence *evidence, const char *key, const char *value)
{
        evidence->options.sink.put(evidence->options.sink.arg, key, value);
}

static void drop(const struct evidence *evidence, const char *key)
{
        evidence->options.sink.drop(evidence->options.sink.arg, key);
}

static const char *minute_key(int64_t minute, char key[static KEY_SIZE])
{
        snprintf(key, KEY_SIZE, MINUTE_PREFIX "%09" PRId64, minute);
        return key;
}

static const char *open_key(const char *alert_id, char key[static KEY_SIZE])
{
        snprintf(key, KEY_SIZE, OPEN_PREFIX "%s", alert_id);
        return key;
}

static void put_edition(const struct evidence *evidence)
{
        char value[VALUE_SIZE];

        snprintf(value, sizeof(value), "%" PRId64 " %s %s", evidence->since_us, evidence->build,
                evidence->config_hash);
        put(evidence, EDITION_KEY, value);
}

static void put_minute(const struct evidence *evidence, const struct minute *minute)
{
        char key[KEY_SIZE], value[VALUE_SIZE];
        int n;

        n = snprintf(value, sizeof(value), "%u %u %u %u", minute->trades, minute->critical,
                minute->ignored, minute->replayed);
        for (size_t i = 1; i < EVIDENCE_CLASSES; i++)
                n += snprintf(value + n, sizeof(value) - (size_t)n, " %u", minute->classes[i]);
        put(evidence, minute_key(minute->minute, key), value);
}

/* ---- minutes ---- */

static struct minute *minute_of(struct evidence *evidence, int64_t at_us)
{
        int64_t minute = at_us / US_PER_MINUTE;
        size_t i = evidence->count;

        while (i && evidence->minutes[i - 1].minute > minute)
                i--;
        if (i && evidence->minutes[i - 1].minute == minute)
                return &evidence->minutes[i - 1];
        if (evidence->count == evidence->capacity) {
                evidence->capacity = evidence->capacity ? 2 * evidence->capacity : 64;
                evidence->minutes = bus_xrealloc(
                        evidence->minutes, evidence->capacity * sizeof(*evidence->minutes));
        }
        memmove(&evidence->minutes[i + 1], &evidence->minutes[i],
                (evidence->count - i) * sizeof(*evidence->minutes));
        evidence->minutes[i] = (struct minute){ .minute = minute };
        evidence->count++;
        return &evidence->minutes[i];
}

/* Drops the oldest minutes, those before BEFORE. */
static void drop_minutes(struct evidence *evidence, int64_t before)
{
        char key[KEY_SIZE];
        size_t n = 0;

        while (n < evidence->count && evidence->minutes[n].minute < before)
                drop(evidence, minute_key(evidence->minutes[n++].minute, key));
        if (!n)
                return;
        evidence->count -= n;
        memmove(evidence->minutes, evidence->minutes + n,
                evidence->count * sizeof(*evidence->minutes));
}

/* ---- what waits ---- */

/* Before a change: the first one since the last write knows what the store has. */
static void open_changes(struct evidence *evidence, const char *alert_id)
{
        if (!json_object_get(evidence->open_changed, alert_id))
                json_object_set_new(evidence->open_changed, alert_id,
                        json_boolean(json_object_get(evidence->open, alert_id)));
}

static void open_put(struct evidence *evidence, const char *alert_id, int64_t at_us)
{
        open_changes(evidence, alert_id);
        json_object_set_new(evidence->open, alert_id, json_integer(at_us));
}

static void open_drop(struct evidence *evidence, const char *alert_id)
{
        open_changes(evidence, alert_id);
        json_object_del(evidence->open, alert_id);
}

static void write_open(struct evidence *evidence, const char *alert_id, bool is_stored)
{
        const json_t *at = json_object_get(evidence->open, alert_id);
        char key[KEY_SIZE], value[VALUE_SIZE];

        open_key(alert_id, key);
        snprintf(value, sizeof(value), "%" PRId64, (int64_t)json_integer_value(at));
        if (at)
                put(evidence, key, value);
        else if (is_stored)
                drop(evidence, key);
}

void evidence_write(struct evidence *evidence)
{
        const char *alert_id;
        json_t *is_stored;

        if (evidence->edition_changed)
                put_edition(evidence);
        evidence->edition_changed = false;
        for (size_t i = 0; i < evidence->count; i++) {
                if (evidence->minutes[i].is_changed)
                        put_minute(evidence, &evidence->minutes[i]);
                evidence->minutes[i].is_changed = false;
        }
        json_object_foreach(evidence->open_changed, alert_id, is_stored)
                write_open(evidence, alert_id, json_is_true(is_stored));
        json_object_clear(evidence->open_changed);
}

void evidence_decision(
        struct evidence *evidence, const char *alert_id, int64_t at_us, int64_t now_us)
{
        if (at_us < now_us - evidence->options.keep_us)
                return;
        if (json_object_get(evidence->open, alert_id))
                open_drop(evidence, alert_id);
        else
                open_put(evidence, alert_id, at_us);
}

static void close_pair(struct evidence *evidence, const char *alert_id, bool is_trade)
{
        const json_t *waits = json_object_get(evidence->open, alert_id);

        if (waits && json_integer_value(waits) != COMPARED_FIRST)
                open_drop(evidence, alert_id);
        else if (!waits && is_trade)
                open_put(evidence, alert_id, COMPARED_FIRST);
}

/* ---- comparisons ---- */

/* Another build or configuration than all that is held: that speaks for something else. */
static void begin_anew(struct evidence *evidence, const Pb__Comparison *comparison)
{
        drop_minutes(evidence, INT64_MAX);
        snprintf(evidence->build, sizeof(evidence->build), "%s", comparison->plugin_build);
        snprintf(evidence->config_hash, sizeof(evidence->config_hash), "%s",
                comparison->config_hash);
        evidence->since_us = 0;
}

static bool is_same_edition(const struct evidence *evidence, const Pb__Comparison *comparison)
{
        return !strcmp(evidence->build, comparison->plugin_build) &&
               !strcmp(evidence->config_hash, comparison->config_hash);
}

static bool is_trade(const Pb__Comparison *comparison)
{
        return comparison->kind == PB__ALERT_TYPE__ALERT_TYPE_ENTRY ||
               comparison->kind == PB__ALERT_TYPE__ALERT_TYPE_EXIT;
}

static void count(struct evidence *evidence, const Pb__Comparison *comparison, bool is_own)
{
        struct minute *minute = minute_of(evidence, comparison->received_us);
        uint32_t *late = &minute->classes[PB__COMPARISON_CLASS__COMPARISON_CLASS_LATE];
        bool is_whole = !comparison->live_missing && !comparison->shadow_missing;

        minute->critical += comparison->critical && !comparison->ignored;
        minute->ignored += comparison->critical && comparison->ignored;
        if (is_own) {
                if (comparison->revises && *late)
                        --*late;
                minute->classes[comparison->class_]++;
                minute->trades += is_whole && is_trade(comparison);
                minute->replayed +=
                        comparison->source == PB__COMPARISON_SOURCE__COMPARISON_SOURCE_REPLAY;
        }
        minute->is_changed = true;
        if (is_own && (!evidence->since_us || comparison->received_us < evidence->since_us)) {
                evidence->since_us = comparison->received_us;
                evidence->edition_changed = true;
        }
}

static void take_own(struct evidence *evidence, const char *alert_id,
        const Pb__Comparison *comparison, int64_t now_us)
{
        bool is_replay = comparison->source == PB__COMPARISON_SOURCE__COMPARISON_SOURCE_REPLAY;

        if (!comparison->shadow_missing && !is_same_edition(evidence, comparison)) {
                if (is_replay) /* of something that is not what the shadow runs */
                        return;
                begin_anew(evidence, comparison);
        }
        if (comparison->received_us >= now_us - evidence->options.keep_us)
                count(evidence, comparison, true);
        if (!comparison->live_missing && !comparison->shadow_missing &&
                comparison->received_us >= now_us - evidence->options.keep_us)
                close_pair(evidence, alert_id, is_trade(comparison) && !is_replay);
}

void evidence_comparison(struct evidence *evidence, const char *alert_id,
        const Pb__Comparison *comparison, int64_t now_us)
{
        const struct evidence_options *options = &evidence->options;

        if (!strcmp(comparison->plugin, options->plugin))
                take_own(evidence, alert_id, comparison, now_us);
        else if (!strcmp(comparison->plugin, options->incumbent) &&
                 !strcmp(comparison->against, options->plugin) && comparison->critical &&
                 comparison->received_us >= now_us - options->keep_us)
                count(evidence, comparison, false); /* while it decides: what speaks against it */
}

/* ---- the sum ---- */

static uint64_t unpaired(const struct evidence *evidence, int64_t now_us)
{
        const char *alert_id;
        json_t *value;
        uint64_t n = 0;

        json_object_foreach(evidence->open, alert_id, value)
        {
                int64_t at_us = json_integer_value(value);

                n += at_us != COMPARED_FIRST && at_us >= evidence->since_us &&
                     at_us < now_us - EVIDENCE_PATIENCE_US;
        }
        return n;
}

void evidence_sum(const struct evidence *evidence, int64_t now_us, struct evidence_sum *ret_sum)
{
        struct evidence_sum sum = { .build = evidence->build,
                .config_hash = evidence->config_hash,
                .since_us = evidence->since_us,
                .unpaired = unpaired(evidence, now_us) };

        for (size_t i = 0; i < evidence->count; i++) {
                const struct minute *minute = &evidence->minutes[i];

                sum.trades += minute->trades;
                sum.critical += minute->critical;
                sum.ignored += minute->ignored;
                sum.replayed += minute->replayed;
                for (size_t k = 0; k < EVIDENCE_CLASSES; k++) {
                        sum.classes[k] += minute->classes[k];
                        sum.pairs += minute->classes[k];
                }
        }
        *ret_sum = sum;
}

static void forget_open(struct evidence *evidence, int64_t before_us)
{
        const char *alert_id;
        json_t *value;
        void *next;

        json_object_foreach_safe(evidence->open, next, alert_id, value)
        {
                if (bus_id_us(alert_id) < before_us)
                        open_drop(evidence, alert_id);
        }
}

void evidence_prune(struct evidence *evidence, int64_t now_us)
{
        int64_t before_us = now_us - evidence->options.keep_us;

        drop_minutes(evidence, before_us / US_PER_MINUTE);
        forget_open(evidence, before_us);
}

/* ---- loading ---- */

static int load_minute(struct evidence *evidence, const char *key, const char *value)
{
        struct minute loaded = { .minute = strtoll(key, NULL, 10) };
        uint32_t *const fields[] = { &loaded.trades, &loaded.critical, &loaded.ignored,
                &loaded.replayed };
        char *end = (char *)(uintptr_t)value;

        for (size_t i = 0; i < BUS_COUNT(fields); i++)
                *fields[i] = (uint32_t)strtoul(end, &end, 10);
        for (size_t i = 1; i < EVIDENCE_CLASSES; i++)
                loaded.classes[i] = (uint32_t)strtoul(end, &end, 10);
        if (*end)
                return -EBADMSG;
        *minute_of(evidence, loaded.minute * US_PER_MINUTE) = loaded;
        return 0;
}

/* Printable and nothing else, as hashes are: they are told as JSON. */
static bool is_plain(const char *text)
{
        for (; *text; text++)
                if (*text < ' ' || *text > '~')
                        return false;
        return true;
}

static int load_edition(struct evidence *evidence, const char *value)
{
        char *rest;
        int64_t since_us = strtoll(value, &rest, 10);
        const char *blank = *rest == ' ' ? strchr(rest + 1, ' ') : NULL;

        if (!blank || !is_plain(rest) || blank - rest - 1 >= HASH_SIZE ||
                strlen(blank + 1) >= HASH_SIZE)
                return -EBADMSG;
        evidence->since_us = since_us;
        snprintf(evidence->build, sizeof(evidence->build), "%.*s", (int)(blank - rest - 1),
                rest + 1);
        snprintf(evidence->config_hash, sizeof(evidence->config_hash), "%s", blank + 1);
        return 0;
}

int evidence_load(struct evidence *evidence, const char *key, const char *value)
{
        if (!strcmp(key, EDITION_KEY))
                return load_edition(evidence, value);
        if (!strncmp(key, MINUTE_PREFIX, strlen(MINUTE_PREFIX)))
                return load_minute(evidence, key + strlen(MINUTE_PREFIX), value);
        if (strncmp(key, OPEN_PREFIX, strlen(OPEN_PREFIX)) != 0)
                return -EBADMSG;
        json_object_set_new(
                evidence->open, key + strlen(OPEN_PREFIX), json_integer(strtoll(value, NULL, 10)));
        return 0;
}

/* ---- told ---- */

static json_t *classes_json(const uint64_t *classes)
{
        json_t *json = json_object();
        char name[PBJSON_ENUM_SIZE];

        for (int i = 1; i < EVIDENCE_CLASSES; i++)
                json_object_set_new(json, pbjson_enum(&pb__comparison_class__descriptor, i, name),
                        json_integer((json_int_t)classes[i]));
        return json;
}

static json_t *minute_json(const struct minute *minute)
{
        char when[BUS_TIME_TEXT_SIZE];
        uint64_t pairs = 0;

        for (size_t i = 1; i < EVIDENCE_CLASSES; i++)
                pairs += minute->classes[i];
        return json_pack("{s:s, s:I, s:I, s:I, s:i}", "at",
                bus_time_format(minute->minute * US_PER_MINUTE, when), "pairs", (json_int_t)pairs,
                "exact", (json_int_t)minute->classes[PB__COMPARISON_CLASS__COMPARISON_CLASS_EXACT],
                "trades", (json_int_t)minute->trades, "critical", (int)minute->critical);
}

json_t *evidence_json(const struct evidence *evidence, int64_t now_us, size_t minutes)
{
        size_t first = evidence->count > minutes ? evidence->count - minutes : 0;
        char when[BUS_TIME_TEXT_SIZE];
        struct evidence_sum sum;
        json_t *json, *list = json_array();

        evidence_sum(evidence, now_us, &sum);
        for (size_t i = first; i < evidence->count; i++)
                json_array_append_new(list, minute_json(&evidence->minutes[i]));
        json = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "plugin",
                evidence->options.plugin, "plugin_build", sum.build, "config_hash", sum.config_hash,
                "pairs", (json_int_t)sum.pairs, "trades", (json_int_t)sum.trades, "critical",
                (json_int_t)sum.critical, "ignored", (json_int_t)sum.ignored, "replayed",
                (json_int_t)sum.replayed, "unpaired", (json_int_t)sum.unpaired, "classes",
                classes_json(sum.classes), "minutes", list);
        bus_require(json);
        if (sum.since_us)
                json_object_set_new(
                        json, "since", json_string(bus_time_format(sum.since_us, when)));
        return json;
}
