/* Decisions that make no trade, differences, switches, alarms, caps. */
#include "libbus/base/ids.h"
#include "libbus/pbjson/pbjson.h"
#include "services/telegram-notify/tell.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- decisions ---- */

bool tell_decision(const struct teller *teller, const struct tell_frame *frame,
        const Pb__Decision *decision, struct told *ret_told)
{
        TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };
        const char *section;

        ret_told->priority = TG_PRIORITY_REST;
        ret_told->kind = TELL_REJECTION;
        switch (decision->verdict) {
        case PB__VERDICT__VERDICT_REJECT: section = "decision_rejected"; break;
        case PB__VERDICT__VERDICT_ERROR:
                section = "decision_error";
                ret_told->priority = TG_PRIORITY_FILL;
                break;
        case PB__VERDICT__VERDICT_NOTIFY:
                section = "squeeze";
                ret_told->kind = TELL_SQUEEZE;
                break;
        default: return false; /* a trade tells itself; a pulse is for nobody */
        }
        texts_set(&values, "id", "%s", frame->id);
        texts_set(&values, "plugin", "%s", decision->plugin);
        texts_set(&values, "symbol", "%s", decision->symbol);
        texts_set(&values, "error", "%s", decision->error);
        tell_set_enum(teller, &values, "direction", "side", &pb__side__descriptor,
                (int)decision->direction);
        tell_set_enum(teller, &values, "reason", "reason", &pb__reason__descriptor,
                (int)decision->reason);
        tell_set_why(teller, &values, decision);
        if (bus_id_valid(frame->alert_id))
                tell_set_span(teller, &values, "took", frame->at_us - bus_id_us(frame->alert_id));
        tell_fill(teller, section, &values, ret_told);
        return true;
}

/* ---- the shadow ---- */

static void set_verdict(const struct teller *teller, struct texts_values *values,
        const char *verdict_name, const char *reason_name, Pb__Verdict verdict, Pb__Reason reason)
{
        if (verdict)
                tell_set_enum(teller, values, verdict_name, "verdict", &pb__verdict__descriptor,
                        (int)verdict);
        else
                tell_set_word(teller, values, verdict_name, "verdict", "missing");
        tell_set_enum(teller, values, reason_name, "reason", &pb__reason__descriptor, (int)reason);
}

bool tell_comparison(const struct teller *teller, const struct tell_frame *frame,
        const Pb__Comparison *comparison, struct told *ret_told)
{
        TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };

        if (!comparison->critical || comparison->ignored ||
                comparison->source != PB__COMPARISON_SOURCE__COMPARISON_SOURCE_LIVE)
                return false;
        ret_told->kind = TELL_SHADOW;
        ret_told->priority = TG_PRIORITY_REST;
        texts_set(&values, "id", "%s", frame->id);
        texts_set(&values, "plugin", "%s", comparison->plugin);
        texts_set(&values, "against", "%s", comparison->against);
        texts_set(&values, "symbol", "%s", comparison->symbol);
        tell_set_enum(teller, &values, "class", "class", &pb__comparison_class__descriptor,
                (int)comparison->class_);
        set_verdict(teller, &values, "live_verdict", "live_reason", comparison->live_verdict,
                comparison->live_reason);
        set_verdict(teller, &values, "shadow_verdict", "shadow_reason", comparison->shadow_verdict,
                comparison->shadow_reason);
        tell_fill(teller, "shadow", &values, ret_told);
        return true;
}

/* ---- switches ---- */

static const char *fact(const Pb__ControlResult *result, const char *key)
{
        for (size_t i = 0; i < result->n_facts; i++)
                if (!strcmp(result->facts[i]->key, key))
                        return result->facts[i]->value;
        return "";
}

/* Several answer to some commands: who matters for the trader. */
static bool is_for_people(const Pb__ControlResult *result)
{
        if (result->status == PB__RESULT_STATUS__RESULT_STATUS_FAILED)
                return true;
        if (result->status != PB__RESULT_STATUS__RESULT_STATUS_DONE)
                return false; /* nothing has changed; who asked knows */
        switch (result->command) {
        case PB__COMMAND__COMMAND_ENABLE_PLUGIN:
        case PB__COMMAND__COMMAND_DISABLE_PLUGIN:
        case PB__COMMAND__COMMAND_CUTOVER:
        case PB__COMMAND__COMMAND_ROLLBACK: return !strcmp(result->service, "strategy-v3");
        case PB__COMMAND__COMMAND_BACKUP: return false;
        default: return !strcmp(result->service, "order-executor");
        }
}

bool tell_result(const struct teller *teller, const struct tell_frame *frame,
        const Pb__ControlResult *result, const Pb__Control *command, int64_t asked_us,
        struct told *ret_told)
{
        TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };

        if (!is_for_people(result))
                return false;
        ret_told->kind = TELL_SWITCH;
        ret_told->priority = TG_PRIORITY_FILL;
        texts_set(&values, "id", "%s", frame->id);
        tell_set_enum(teller, &values, "command", "command", &pb__command__descriptor,
                (int)result->command);
        texts_set(&values, "text", "%s", result->text);
        texts_set(&values, "code", "%s", result->code);
        texts_set(&values, "active", "%s", fact(result, "active"));
        texts_set(&values, "epoch", "%s", fact(result, "epoch"));
        tell_set_word(teller, &values, "paused", "word", fact(result, "paused"));
        tell_set_word(teller, &values, "killed", "word", fact(result, "killed"));
        texts_set(&values, "actor", "%s", command ? command->actor : "");
        texts_set(&values, "because", "%s", command ? command->reason : "");
        if (asked_us)
                tell_set_span(teller, &values, "took", frame->at_us - asked_us);
        tell_fill(teller,
                result->status == PB__RESULT_STATUS__RESULT_STATUS_DONE ? "switched"
                                                                        : "switch_failed",
                &values, ret_told);
        return true;
}

/* ---- alarms ---- */

bool tell_alarm(const struct teller *teller, const struct tell_frame *frame, const Pb__Alarm *alarm,
        Pb__Severity raised_severity, int64_t raised_us, struct told *ret_told)
{
        TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };
        bool is_service = !strcmp(alarm->code, "service_lost");
        Pb__Severity severity = alarm->raised ? alarm->severity : raised_severity;
        const char *section;

        ret_told->kind = is_service ? TELL_SERVICE : TELL_ALARM;
        ret_told->critical = severity == PB__SEVERITY__SEVERITY_CRITICAL;
        ret_told->priority = !alarm->raised       ? TG_PRIORITY_FILL
                             : ret_told->critical ? TG_PRIORITY_ALARM
                                                  : TG_PRIORITY_FILL;
        texts_set(&values, "id", "%s", frame->id);
        texts_set(&values, "code", "%s", alarm->code);
        texts_set(&values, "subject", "%s", alarm->subject);
        texts_set(&values, "text", "%s", alarm->text);
        texts_set(&values, "service", "%s", frame->writer);
        if (raised_us)
                tell_set_span(teller, &values, "held", frame->at_us - raised_us);
        if (is_service)
                section = alarm->raised ? "service_lost" : "service_back";
        else if (!alarm->raised)
                section = "alarm_end";
        else
                section = ret_told->critical ? "alarm_critical" : "alarm";
        tell_fill(teller, section, &values, ret_told);
        return true;
}

/* ---- caps ---- */

void tell_cap(const struct teller *teller, const struct tell_frame *frame, const char *cap,
        bool is_hit, int64_t loss_cents, int64_t cap_cents, struct told *ret_told)
{
        TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };

        ret_told->kind = TELL_CAP;
        ret_told->priority = TG_PRIORITY_FILL;
        texts_set(&values, "id", "%s", frame->id);
        tell_set_word(teller, &values, "cap", "cap", cap);
        tell_set_cents(&values, "loss", loss_cents);
        tell_set_cents(&values, "limit", cap_cents);
        texts_set(&values, "percent", "%" PRId64, cap_cents > 0 ? loss_cents * 100 / cap_cents : 0);
        tell_fill(teller, is_hit ? "cap_hit" : "cap_near", &values, ret_told);
}
