/* The sums as facts of the heartbeat: what people and health see of the comparison. */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "services/telegram-analytics/comparator.h"

#include <inttypes.h>
#include <stdio.h>

enum {
        TALLIES_TOLD = 8, /* the newest: more would be of builds long gone */
        RULES_TOLD = 16,
        VALUE_SIZE = 440, /* with its key within a fact's 512 bytes */
};

static void tell_bound(struct bus_buf *text, const struct compare_tally *tally)
{
        if (!tally->critical && tally->pairs >= 3)
                bus_buf_printf(text, " bound=3/%" PRIu64, tally->pairs);
}

static void tell_noise(
        struct bus_buf *text, const struct compare_sums *sums, const struct compare_tally *tally)
{
        const struct compare_tally *noise = compare_sums_noise(sums, tally);

        if (noise && noise != tally)
                bus_buf_printf(text, " noise=%" PRIu64 "/%" PRIu64, compare_tally_different(noise),
                        noise->pairs);
}

static void tell_tally(struct comparator *self, const struct compare_tally *tally)
{
        const struct compare_parties *parties = &tally->parties;
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        BUS_AUTOFREE char *key = bus_xasprintf("pairs.%s.%s.%.8s", parties->plugin,
                parties->against, *parties->build ? parties->build : "-");

        bus_buf_printf(&text,
                "source=%s pairs=%" PRIu64 " trades=%" PRIu64 " critical=%" PRIu64
                " ignored=%" PRIu64,
                parties->source == PB__COMPARISON_SOURCE__COMPARISON_SOURCE_REPLAY ? "replay"
                                                                                   : "live",
                tally->pairs, tally->trades, tally->critical, tally->ignored);
        for (int class = COMPARE_EXACT; class < COMPARE_CLASSES; class ++)
                if (tally->classes[class])
                        bus_buf_printf(&text, " %s=%" PRIu64,
                                compare_class_name((enum compare_class) class),
                                tally->classes[class]);
        bus_buf_printf(&text, " live_ns=%" PRId64 "/%" PRId64 " shadow_ns=%" PRId64 "/%" PRId64,
                compare_times_quantile(&tally->live, 50), compare_times_quantile(&tally->live, 99),
                compare_times_quantile(&tally->shadow, 50),
                compare_times_quantile(&tally->shadow, 99));
        tell_bound(&text, tally);
        tell_noise(&text, &self->sums, tally);
        bus_service_fact(self->service, key, bus_buf_str(&text));
}

static uint64_t ignored_by(const struct compare_sums *sums, const char *rule)
{
        for (size_t i = 0; i < sums->ignored_count; i++)
                if (!strcmp(sums->ignored[i].rule, rule))
                        return sums->ignored[i].pairs;
        return 0;
}

static void tell_rule(struct comparator *self, const struct compare_rule *rule)
{
        BUS_AUTOFREE char *key = bus_xasprintf("ignore.%s", rule->name);
        char at[BUS_TIME_TEXT_SIZE];
        BUS_AUTOFREE char *value = bus_xasprintf("%s pairs=%" PRIu64
                                                 " class=%s owner=%s %s=%s reason=%.*s",
                rule->expires_us <= bus_wall_us() ? "expired" : "valid",
                ignored_by(&self->sums, rule->name), compare_class_name(rule->class), rule->owner,
                "expires", bus_time_format(rule->expires_us, at), VALUE_SIZE / 2, rule->why);

        bus_service_fact(self->service, key, value);
}

void comparator_report(struct comparator *self)
{
        const struct compare_sums *sums = &self->sums;
        size_t first = sums->tally_count > TALLIES_TOLD ? sums->tally_count - TALLIES_TOLD : 0;
        char text[32];

        snprintf(text, sizeof(text), "%zu", compare_book_count(self->book));
        bus_service_fact(self->service, "open", text);
        for (size_t i = sums->tally_count; i-- > first;)
                tell_tally(self, sums->tallies[i]);
        for (size_t i = 0; i < sums->missing_count; i++) {
                BUS_AUTOFREE char *key = bus_xasprintf("missing.%s", sums->missing[i].plugin);

                snprintf(text, sizeof(text), "%" PRIu64, sums->missing[i].pairs);
                bus_service_fact(self->service, key, text);
        }
        for (size_t i = 0; i < self->settings.rule_count && i < RULES_TOLD; i++)
                tell_rule(self, &self->settings.rules[i]);
}
