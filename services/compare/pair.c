#include "services/compare/pair.h"

#include "services/common/decision_codec.h"
#include "services/compare/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int compare_side_read(
        const Pb__Decision *message, int64_t decided_us, struct compare_side *ret_side)
{
        struct compare_side side = {
                .epoch = message->epoch, .decide_ns = message->decide_ns, .decided_us = decided_us
        };
        int r;

        r = decision_read(message, &side.decision);
        if (r < 0)
                return r;
        compare_copy(side.plugin, sizeof(side.plugin), message->plugin);
        compare_copy(side.build, sizeof(side.build), message->plugin_build);
        compare_copy(side.config_hash, sizeof(side.config_hash), message->config_hash);
        *ret_side = side;
        return 0;
}

static bool is_late(const struct compare_settings *settings, const struct compare_pair *pair)
{
        int64_t apart_us = pair->live->decided_us - pair->shadow->decided_us;

        return (apart_us < 0 ? -apart_us : apart_us) > settings->deadline_us;
}

static enum compare_class class_of(
        const struct compare_settings *settings, const struct compare_pair *pair)
{
        enum compare_class class;

        if (!pair->live || !pair->shadow)
                return COMPARE_LATE;
        class = compare_decisions(&pair->live->decision, &pair->shadow->decision,
                settings->symbols ? symbols_find(settings->symbols, pair->alert->symbol) : NULL,
                &settings->tolerance);
        /* the worse of the two names the pair */
        return class < COMPARE_LATE &&
                               pair->source == PB__COMPARISON_SOURCE__COMPARISON_SOURCE_LIVE &&
                               is_late(settings, pair)
                       ? COMPARE_LATE
                       : class;
}

static bool is_word_for(const char *wanted, const char *word)
{
        return !*wanted || !strcmp(wanted, word);
}

static const struct compare_rule *rule_for(const struct compare_settings *settings,
        const struct compare_pair *pair, enum compare_class class)
{
        for (size_t i = 0; i < settings->rule_count; i++) {
                const struct compare_rule *rule = &settings->rules[i];

                if (rule->class == class && is_word_for(rule->plugin, pair->plugin) &&
                        is_word_for(rule->against, pair->live ? pair->live->plugin : "") &&
                        is_word_for(rule->symbol, pair->alert->symbol) &&
                        (!rule->kind || rule->kind == pair->alert->kind) &&
                        pair->alert->received_us < rule->expires_us)
                        return rule;
        }
        return NULL;
}

static int64_t latency_us(const struct compare_alert *alert, const struct compare_side *side)
{
        int64_t us = side->decided_us - alert->received_us;

        return us > 0 ? us : 0; /* two machines' clocks */
}

static void fill_live(
        Pb__Comparison *pb, const struct compare_alert *alert, const struct compare_side *side)
{
        pb->live_missing = !side;
        if (!side)
                return;
        pb->against = (char *)side->plugin;
        pb->against_build = (char *)side->build;
        pb->against_config = (char *)side->config_hash;
        pb->live_ns = side->decide_ns;
        pb->live_latency_us = latency_us(alert, side);
        pb->live_verdict = (Pb__Verdict)side->decision.verdict;
        pb->live_reason = (Pb__Reason)side->decision.reason;
        pb->epoch = side->epoch;
}

static void fill_shadow(
        Pb__Comparison *pb, const struct compare_alert *alert, const struct compare_side *side)
{
        pb->shadow_missing = !side;
        if (!side)
                return;
        pb->plugin_build = (char *)side->build;
        pb->config_hash = (char *)side->config_hash;
        pb->shadow_ns = side->decide_ns;
        pb->shadow_latency_us = latency_us(alert, side);
        pb->shadow_verdict = (Pb__Verdict)side->decision.verdict;
        pb->shadow_reason = (Pb__Reason)side->decision.reason;
}

void compare_pair_id(const struct compare_pair *pair, char ret_id[static BUS_ID_SIZE])
{
        bool live = pair->source == PB__COMPARISON_SOURCE__COMPARISON_SOURCE_LIVE;
        const struct compare_side *shadow = pair->shadow;
        const struct bus_bytes parts[] = {
                bus_bytes_str(live ? "comparison" : "replay"),
                bus_bytes_str(pair->alert->id),
                bus_bytes_str(pair->plugin),
                bus_bytes_str(pair->revises ? "revised" : "first"),
                /* a replay may be made of each build and config */
                bus_bytes_str(live || !shadow ? "" : shadow->build),
                bus_bytes_str(live || !shadow ? "" : shadow->config_hash),
        };

        bus_id_derived(parts, BUS_COUNT(parts), ret_id);
}

void compare_pair_fill(struct compare_message *message, const struct compare_settings *settings,
        const struct compare_pair *pair)
{
        enum compare_class class = class_of(settings, pair);
        const struct compare_rule *rule = rule_for(settings, pair, class);
        Pb__Comparison *pb = &message->pb;

        pb__comparison__init(pb);
        pb__position__init(&message->signal);
        message->signal.incarnation = pair->alert->position.incarnation;
        message->signal.seq = pair->alert->position.seq;
        pb->signal = &message->signal;
        pb->plugin = (char *)pair->plugin;
        pb->class_ = (Pb__ComparisonClass) class;
        pb->critical = compare_class_is_critical(class);
        pb->ignored = rule != NULL;
        pb->ignored_by = (char *)(rule ? rule->name : "");
        pb->kind = (Pb__AlertType)pair->alert->kind;
        pb->symbol = (char *)pair->alert->symbol;
        pb->received_us = pair->alert->received_us;
        pb->source = pair->source;
        pb->revises = pair->revises;
        fill_live(pb, pair->alert, pair->live);
        fill_shadow(pb, pair->alert, pair->shadow);
}

const char *compare_topic(const Pb__Comparison *message, char topic[static COMPARE_TOPIC_SIZE])
{
        snprintf(topic, COMPARE_TOPIC_SIZE, "comparison.%s.%s",
                compare_class_name((enum compare_class)message->class_), message->plugin);
        return topic;
}
