#include "services/umbra/replay/judge.h"

#include "libbus/base/clock.h"
#include "libbus/bus/envelope.h"
#include "proto/unpack.h"
#include "proto/validate.h"
#include "services/common/decision_json.h"
#include "services/common/json_text.h"
#include "services/compare/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Decimals of a price whose symbol is in the table no more. */
#define DIGITS_UNKNOWN 8

/* ---- records ---- */

static int read_signal(struct replay_signal *signal)
{
        struct bus_pos position = bus_pos_of(signal->envelope->position);
        const struct bus_message message = { .topic = "signal.",
                .position = position,
                .envelope = signal->envelope,
                .body = bus_bytes(signal->envelope->body.data, signal->envelope->body.len) };

        if (signal->envelope->test)
                return REPLAY_SKIP;
        if (strategy_signal_read(&message, &signal->signal))
                return -EBADMSG;
        signal->alert.position = position;
        signal->alert.kind = signal->signal.alert.type;
        signal->alert.received_us = signal->signal.pb->received_us;
        compare_copy(signal->alert.id, sizeof(signal->alert.id), signal->envelope->alert_id);
        compare_copy(
                signal->alert.symbol, sizeof(signal->alert.symbol), signal->signal.alert.symbol);
        return 0;
}

int replay_signal_read(struct bus_bytes packed, struct replay_signal *ret_signal)
{
        struct replay_signal signal = { 0 };
        const char *why;
        int r;

        r = bus_envelope_unpack(packed, &signal.envelope, &why);
        if (!r)
                r = read_signal(&signal);
        if (r)
                replay_signal_done(&signal);
        else
                *ret_signal = signal;
        return r;
}

void replay_signal_done(struct replay_signal *signal)
{
        strategy_signal_done(&signal->signal);
        pb__envelope__free_unpacked(signal->envelope, NULL);
        signal->envelope = NULL;
}

int replay_decision_read(struct bus_bytes packed, struct replay_decision *ret_decision)
{
        BUS_AUTOENVELOPE Pb__Envelope *envelope = NULL;
        struct replay_decision read;
        Pb__Decision *decision;
        const char *why;
        int r;

        r = bus_envelope_unpack(packed, &envelope, &why);
        if (r < 0)
                return r;
        read.position = bus_pos_of(envelope->position);
        decision = MESSAGE_UNPACK(decision, bus_bytes(envelope->body.data, envelope->body.len));
        r = decision && !validate_decision(decision, &why)
                    ? compare_side_read(decision, envelope->staged_us, &read.side)
                    : -EBADMSG;
        pb__decision__free_unpacked(decision, NULL);
        if (!r)
                *ret_decision = read;
        return r;
}

/* ---- judging ---- */

static void ask(
        struct plugin *plugin, const struct strategy_signal *signal, struct compare_side *ret_side)
{
        struct plugin_verdict verdict;

        strategy_decide(plugin, signal, &verdict);
        *ret_side = (struct compare_side){ .decide_ns = verdict.decide_ns,
                .decision = verdict.decision };
        compare_copy(ret_side->plugin, sizeof(ret_side->plugin), plugin_name(plugin));
        compare_copy(ret_side->build, sizeof(ret_side->build), plugin_build(plugin));
        compare_copy(
                ret_side->config_hash, sizeof(ret_side->config_hash), plugin_config_hash(plugin));
}

static void count(
        struct replay *replay, const struct compare_alert *alert, const Pb__Comparison *message)
{
        compare_sums_add(&replay->sums, message);
        replay->alerts++;
        replay->missing += message->live_missing;
        replay->critical += message->critical && !message->ignored;
        if (!replay->first_us)
                replay->first_us = alert->received_us;
        replay->last_us = alert->received_us;
}

static void add_side(struct bus_buf *line, const char *key, const struct replay *replay,
        const struct compare_alert *alert, const struct compare_side *side)
{
        const struct v3_symbol *symbol = symbols_find(replay->settings->symbols, alert->symbol);

        bus_buf_add_str(line, key);
        if (side)
                decision_json(line, side->plugin, alert->symbol,
                        symbol ? symbol->digits : DIGITS_UNKNOWN, &side->decision);
        else
                bus_buf_add_str(line, "null");
}

static void add_line(struct bus_buf *line, const struct replay *replay,
        const struct compare_pair *pair, const Pb__Comparison *message)
{
        bus_buf_add_str(line, "{\"alert_id\":\"");
        bus_buf_add_str(line, pair->alert->id);
        bus_buf_add_str(line, "\",\"class\":\"");
        bus_buf_add_str(line, compare_class_name((enum compare_class)message->class_));
        bus_buf_add_str(line, message->critical ? "\",\"critical\":true" : "\",\"critical\":false");
        if (message->ignored) {
                bus_buf_add_str(line, ",\"ignored_by\":");
                json_add_string(line, message->ignored_by);
        }
        add_side(line, ",\"live\":", replay, pair->alert, pair->live);
        add_side(line, ",\"shadow\":", replay, pair->alert, pair->shadow);
        bus_buf_add_str(line, "}\n");
}

void replay_judge(struct replay *replay, const struct replay_signal *signal,
        const struct compare_side *live, struct bus_buf *line)
{
        struct compare_side shadow, against;
        struct compare_message message;
        struct compare_pair pair = { .alert = &signal->alert,
                .plugin = plugin_name(replay->plugin),
                .live = live,
                .shadow = &shadow,
                .source = PB__COMPARISON_SOURCE__COMPARISON_SOURCE_REPLAY };

        ask(replay->plugin, &signal->signal, &shadow);
        if (replay->against) {
                ask(replay->against, &signal->signal, &against);
                pair.live = &against;
        } else if (live && !*live->plugin) {
                pair.live = NULL; /* nobody was active */
        }
        compare_pair_fill(&message, replay->settings, &pair);
        count(replay, &signal->alert, &message.pb);
        add_line(line, replay, &pair, &message.pb);
        if (replay->evidence)
                evidence_add(replay->evidence, &pair, &message);
}

void replay_summary(const struct replay *replay, struct bus_buf *line)
{
        const struct compare_sums *sums = &replay->sums;
        char first[BUS_TIME_TEXT_SIZE], last[BUS_TIME_TEXT_SIZE];
        uint64_t classes[COMPARE_CLASSES] = { [COMPARE_LATE] = replay->missing };

        for (size_t i = 0; i < sums->tally_count; i++)
                for (int class = COMPARE_EXACT; class < COMPARE_CLASSES; class ++)
                        classes[class] += sums->tallies[i]->classes[class];
        bus_buf_printf(line,
                "{\"summary\":{\"alerts\":%" PRIu64 ",\"critical\":%" PRIu64 ",\"missing\":%" PRIu64
                ",\"unreadable\":%" PRIu64 ",\"classes\":{",
                replay->alerts, replay->critical, replay->missing, replay->bad);
        for (int class = COMPARE_EXACT; class < COMPARE_CLASSES; class ++)
                bus_buf_printf(line, "%s\"%s\":%" PRIu64, class == COMPARE_EXACT ? "" : ",",
                        compare_class_name((enum compare_class) class), classes[class]);
        bus_buf_add_str(line, "}");
        if (replay->alerts)
                bus_buf_printf(line, ",\"first\":\"%s\",\"last\":\"%s\"",
                        bus_time_format(replay->first_us, first),
                        bus_time_format(replay->last_us, last));
        bus_buf_add_str(line, ",\"pairs\":[");
        for (size_t i = 0; i < sums->tally_count; i++) {
                bus_buf_add_str(line, i ? "," : "");
                compare_tally_json(line, sums->tallies[i]);
        }
        bus_buf_add_str(line, "]}}\n");
}

void replay_done(struct replay *replay)
{
        compare_sums_done(&replay->sums);
}
