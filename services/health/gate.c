#include "services/health/gate.h"

#include "libbus/base/attr.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define US_PER_MINUTE (60 * BUS_US_PER_SEC)

static const char *const names[GATE_CONDITIONS] = {
        [GATE_PLUGIN_LOADED] = "plugin_loaded",
        [GATE_WINDOW] = "window",
        [GATE_DECISIONS] = "decisions",
        [GATE_PAIRED] = "paired",
        [GATE_NO_CRITICAL] = "no_critical",
        [GATE_EDITION] = "edition",
        [GATE_NO_UNKNOWN_ORDER] = "no_unknown_order",
        [GATE_BROKER_CONNECTED] = "broker_connected",
        [GATE_BACKUP] = "backup",
};

const char *gate_name(enum gate_name name)
{
        return names[name];
}

/* Notes whether NAME holds; what was found is written where this points. */
static char *note(struct gate_verdict *verdict, enum gate_name name, bool holds)
{
        verdict->conditions[name].holds = holds;
        verdict->is_passed &= holds;
        return verdict->conditions[name].text;
}

#define found(verdict, name, holds, ...) \
        snprintf(note(verdict, name, holds), GATE_TEXT_SIZE, __VA_ARGS__)

static void judge_plugin(const struct gate_input *input, struct gate_verdict *verdict)
{
        const struct gate_edition *live = &input->live, *judged = &input->judged;
        bool same = !strcmp(live->build, judged->build) &&
                    !strcmp(live->config_hash, judged->config_hash);

        found(verdict, GATE_PLUGIN_LOADED, input->is_loaded, "%s is %s", input->plugin,
                input->is_loaded ? "loaded" : "not loaded, or strategy-v3 has not said so yet");
        /* without any evidence it is the window and the number that fail */
        if (!input->since_us)
                found(verdict, GATE_EDITION, true, "no evidence yet");
        else
                found(verdict, GATE_EDITION, same && input->is_loaded,
                        "evidence is of build %.12s config %.16s, loaded is build %.12s config "
                        "%.16s",
                        judged->build, judged->config_hash, live->build, live->config_hash);
}

static void judge_evidence(
        const struct gate_rule *rule, const struct gate_input *input, struct gate_verdict *verdict)
{
        int64_t reach_us = input->since_us ? input->now_us - input->since_us : 0;

        if (reach_us < 0) /* the clock went back behind the first of it */
                reach_us = 0;
        found(verdict, GATE_WINDOW,
                !rule->window_us || (input->since_us && reach_us >= rule->window_us),
                "evidence reaches back %" PRId64 " of %" PRId64 " minutes",
                reach_us / US_PER_MINUTE, rule->window_us / US_PER_MINUTE);
        found(verdict, GATE_DECISIONS, input->trades >= rule->decisions,
                "%" PRIu64 " of %" PRIu64 " entries and exits compared", input->trades,
                rule->decisions);
        found(verdict, GATE_PAIRED, !input->unpaired,
                "%" PRIu64 " live decisions without the shadow's", input->unpaired);
        found(verdict, GATE_NO_CRITICAL, !input->critical,
                "%" PRIu64 " critical differences outside the ignore rules", input->critical);
}

static void judge_account(const struct gate_input *input, struct gate_verdict *verdict)
{
        const Pb__Account *account = input->account;
        uint32_t unknown = account ? account->unknown_orders : 0;
        uint32_t manual = account ? account->manual_orders : 0;

        if (account)
                found(verdict, GATE_NO_UNKNOWN_ORDER, !unknown && !manual,
                        "%u orders unknown, %u wait for a person", unknown, manual);
        else
                found(verdict, GATE_NO_UNKNOWN_ORDER, false, "no snapshot of the account yet");
        found(verdict, GATE_BROKER_CONNECTED, account && input->is_connected, "the broker is %s",
                account && input->is_connected ? "connected" : "not connected");
}

static void judge_backup(
        const struct gate_rule *rule, const struct gate_input *input, struct gate_verdict *verdict)
{
        int64_t age_us = input->now_us - input->backup_us;

        if (!rule->backup_max_age_us)
                found(verdict, GATE_BACKUP, true, "not asked for");
        else if (!input->backup_us)
                found(verdict, GATE_BACKUP, false, "there is no checked backup of all services");
        else
                found(verdict, GATE_BACKUP, age_us < rule->backup_max_age_us,
                        "the last checked backup is %" PRId64 " of at most %" PRId64 " minutes old",
                        age_us / US_PER_MINUTE, rule->backup_max_age_us / US_PER_MINUTE);
}

void gate_judge(const struct gate_rule *rule, const struct gate_input *input,
        struct gate_verdict *ret_verdict)
{
        *ret_verdict = (struct gate_verdict){ .is_passed = true };
        judge_plugin(input, ret_verdict);
        judge_evidence(rule, input, ret_verdict);
        judge_account(input, ret_verdict);
        judge_backup(rule, input, ret_verdict);
}

json_t *gate_json(const struct gate_verdict *verdict)
{
        json_t *json = json_array();

        for (size_t i = 0; i < GATE_CONDITIONS; i++)
                json_array_append_new(json, json_pack("{s:s, s:b, s:s}", "name", names[i], "holds",
                                                    (int)verdict->conditions[i].holds, "text",
                                                    verdict->conditions[i].text));
        return json;
}
