#include "services/strategy-v3/derive.h"

#include <stdio.h>

bool derive_must_ask(
        const struct slot_record *record, enum slot_seat seat, const struct slot_edition *edition)
{
        return seat != SLOT_NOBODY && edition->loaded &&
               slot_edition_equal(&record->editions[seat], edition);
}

bool derive_is_older(const struct slot_record *record, const Pb__Signal *signal)
{
        return signal->received_us < record->joined_us - DERIVE_JOIN_GRACE_US;
}

/* The host's own verdict where no plugin was asked. */
static struct plugin_verdict own_verdict(const struct derive_input *input)
{
        struct plugin_verdict verdict = { 0 };

        if (input->seat == SLOT_NOBODY) {
                verdict.decision.verdict = V3_VERDICT_REJECT;
                verdict.decision.reason = V3_REASON_NO_ACTIVE_PLUGIN;
                verdict.decision.direction = input->alert->direction;
        } else {
                verdict.decision.verdict = V3_VERDICT_ERROR;
                verdict.decision.reason = V3_REASON_VERDICT_LOST;
                snprintf(verdict.error, sizeof(verdict.error),
                        "the plugin as it was at this signal is not loaded any more");
        }
        return verdict;
}

static const char *alarm_of(const struct v3_decision *decision)
{
        switch (decision->reason) {
        case V3_REASON_NO_ACTIVE_PLUGIN: return "no_active_plugin";
        case V3_REASON_VERDICT_LOST: return "verdict_lost";
        case V3_REASON_PLUGIN_ERROR: return "plugin_error";
        default: return NULL;
        }
}

static const char *why_unsent(const struct derive_input *input)
{
        const struct slot_record *record = input->record;
        bool before_us = record->older ? input->signal->received_us < record->joined_us
                                       : derive_is_older(record, input->signal);

        if (before_us)
                return "not sent: older than this strategy";
        if (record->paused && input->alert->type == V3_TYPE_ENTRY)
                return "not sent: paused since the strategy joined an older system";
        return NULL;
}

static void fill_order(const struct derive_input *input, struct derived *ret)
{
        const Pb__Decision *decision = &ret->decision.pb;
        Pb__Order *order = &ret->order;

        pb__order__init(order);
        order->slot = decision->slot;
        order->epoch = decision->epoch;
        order->plugin = decision->plugin;
        order->kind = input->alert->type == V3_TYPE_EXIT ? PB__ORDER_KIND__ORDER_KIND_EXIT
                                                         : PB__ORDER_KIND__ORDER_KIND_ENTRY;
        order->symbol = decision->symbol;
        order->n_legs = decision->n_legs;
        order->legs = decision->legs;
        order->n_closes = decision->n_closes;
        order->closes = decision->closes;
        order->price_e8 = input->signal->price_e8;
        order->received_us = input->signal->received_us;
        order->born_us = input->signal->born_us;
        order->context_as_of_us = input->signal->context ? input->signal->context->as_of_us : 0;
        order->verdict = decision->verdict;
        ret->has_order = true;
}

void derive(const struct derive_input *input, struct derived *ret)
{
        static const struct slot_edition nobody = { 0 };
        const struct slot_edition *judged =
                input->seat == SLOT_NOBODY ? &nobody : &input->record->editions[input->seat];
        const struct plugin_verdict *verdict = input->verdict ? input->verdict : &ret->own;
        bool executed;

        *ret = (struct derived){ 0 };
        if (!input->verdict)
                ret->own = own_verdict(input);
        executed = verdict->decision.verdict == V3_VERDICT_EXECUTE;
        ret->alarm = alarm_of(&verdict->decision);
        ret->unsent = executed || input->test ? why_unsent(input) : NULL;
        decision_fill(&ret->decision,
                &(struct decision_origin){ .slot = SLOT_NAME,
                        .plugin = slot_seat_name(input->seat),
                        .plugin_build = judged->build,
                        .config_hash = judged->config_hash,
                        .epoch = input->record->epoch,
                        .symbol = input->alert->symbol,
                        .decide_ns = verdict->decide_ns,
                        .error = ret->unsent ? ret->unsent : verdict->error },
                &verdict->decision);
        if ((executed || input->test) && !ret->unsent)
                fill_order(input, ret);
}
