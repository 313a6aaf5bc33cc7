/* The sums as bytes: what a restart begins from instead of reading the whole stream again. */
#include "services/compare/tally.h"

#include "comparison_record.pb-c.h"
#include "libbus/base/require.h"
#include "proto/pack.h"
#include "proto/unpack.h"
#include "services/compare/text.h"

#include <errno.h>
#include <string.h>

static void pack_tally(Pb__TallyRecord *record, struct compare_tally *tally)
{
        pb__tally_record__init(record);
        record->plugin = tally->parties.plugin;
        record->plugin_build = tally->parties.build;
        record->config_hash = tally->parties.config_hash;
        record->against = tally->parties.against;
        record->against_build = tally->parties.against_build;
        record->against_config = tally->parties.against_config;
        record->source = tally->parties.source;
        record->n_classes = COMPARE_CLASSES;
        record->classes = tally->classes;
        record->trades = tally->trades;
        record->critical = tally->critical;
        record->ignored = tally->ignored;
        record->n_live_times = COMPARE_TIMES;
        record->live_times = tally->live.bucket;
        record->n_shadow_times = COMPARE_TIMES;
        record->shadow_times = tally->shadow.bucket;
        record->first_us = tally->first_us;
        record->last_us = tally->last_us;
}

static void pack_count(Pb__CountRecord *record, const char *name, uint64_t count)
{
        pb__count_record__init(record);
        record->name = (char *)name;
        record->count = count;
}

/* Everything the message points to while it is packed. */
struct packing {
        Pb__TallyRecord tallies[COMPARE_TALLIES_MAX];
        Pb__TallyRecord *tally_list[COMPARE_TALLIES_MAX];
        Pb__CountRecord missing[COMPARE_MISSING_MAX], ignored[COMPARE_IGNORED_MAX];
        Pb__CountRecord *missing_list[COMPARE_MISSING_MAX], *ignored_list[COMPARE_IGNORED_MAX];
};

void compare_sums_pack(const struct compare_sums *sums, struct bus_buf *buf)
{
        BUS_AUTOFREE struct packing *packing = bus_new(struct packing);
        Pb__SumsRecord record = PB__SUMS_RECORD__INIT;

        for (size_t i = 0; i < sums->tally_count; i++) {
                pack_tally(&packing->tallies[i], sums->tallies[i]);
                packing->tally_list[i] = &packing->tallies[i];
        }
        for (size_t i = 0; i < sums->missing_count; i++) {
                pack_count(&packing->missing[i], sums->missing[i].plugin, sums->missing[i].pairs);
                packing->missing_list[i] = &packing->missing[i];
        }
        for (size_t i = 0; i < sums->ignored_count; i++) {
                pack_count(&packing->ignored[i], sums->ignored[i].rule, sums->ignored[i].pairs);
                packing->ignored_list[i] = &packing->ignored[i];
        }
        record.n_tallies = sums->tally_count;
        record.tallies = packing->tally_list;
        record.n_missing = sums->missing_count;
        record.missing = packing->missing_list;
        record.n_ignored = sums->ignored_count;
        record.ignored = packing->ignored_list;
        message_pack(&record.base, buf);
}

static uint64_t copy_counts(uint64_t *to, size_t max, const uint64_t *from, size_t count)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < max && i < count; i++) {
                to[i] = from[i];
                sum += from[i];
        }
        return sum;
}

static struct compare_tally *read_tally(const Pb__TallyRecord *record)
{
        struct compare_tally *tally = bus_new(struct compare_tally);
        struct compare_parties *parties = &tally->parties;

        compare_copy(parties->plugin, sizeof(parties->plugin), record->plugin);
        compare_copy(parties->build, sizeof(parties->build), record->plugin_build);
        compare_copy(parties->config_hash, sizeof(parties->config_hash), record->config_hash);
        compare_copy(parties->against, sizeof(parties->against), record->against);
        compare_copy(parties->against_build, sizeof(parties->against_build), record->against_build);
        compare_copy(
                parties->against_config, sizeof(parties->against_config), record->against_config);
        parties->source = record->source;
        tally->pairs =
                copy_counts(tally->classes, COMPARE_CLASSES, record->classes, record->n_classes);
        tally->trades = record->trades;
        tally->critical = record->critical;
        tally->ignored = record->ignored;
        tally->live.count = copy_counts(
                tally->live.bucket, COMPARE_TIMES, record->live_times, record->n_live_times);
        tally->shadow.count = copy_counts(
                tally->shadow.bucket, COMPARE_TIMES, record->shadow_times, record->n_shadow_times);
        tally->first_us = record->first_us;
        tally->last_us = record->last_us;
        return tally;
}

int compare_sums_unpack(struct compare_sums *sums, struct bus_bytes bytes)
{
        Pb__SumsRecord *record;

        *sums = (struct compare_sums){ 0 };
        if (!bytes.size)
                return 0; /* packed before the first pair */
        record = (Pb__SumsRecord *)(void *)message_unpack_or_null(
                &pb__sums_record__descriptor, bytes);
        if (!record)
                return -EBADMSG;
        for (size_t i = 0; i < record->n_tallies && i < COMPARE_TALLIES_MAX; i++)
                sums->tallies[sums->tally_count++] = read_tally(record->tallies[i]);
        for (size_t i = 0; i < record->n_missing && i < COMPARE_MISSING_MAX; i++) {
                struct compare_missing *missing = &sums->missing[sums->missing_count++];

                compare_copy(missing->plugin, sizeof(missing->plugin), record->missing[i]->name);
                missing->pairs = record->missing[i]->count;
        }
        for (size_t i = 0; i < record->n_ignored && i < COMPARE_IGNORED_MAX; i++) {
                struct compare_ignored *ignored = &sums->ignored[sums->ignored_count++];

                compare_copy(ignored->rule, sizeof(ignored->rule), record->ignored[i]->name);
                ignored->pairs = record->ignored[i]->count;
        }
        pb__sums_record__free_unpacked(record, NULL);
        return 0;
}
