/*
 * Word ahead of a signal (docs/adr/0065-an-order-is-promised-ahead.md).
 *
 * Keeps: a notice changes nothing here. The signal may never come, or be judged otherwise when it
 * does: what counts is said then, as if there had been no notice.
 */
#include "services/strategy-v3/service.h"

#include "proto/unpack.h"
#include "proto/validate.h"
#include "services/common/notice.h"

#include <stdio.h>

/* Whether the executor may make ready for it. If it would have to close something first, it knows. */
static bool is_entry(const struct derived *derived)
{
        return derived->has_order && derived->order.kind == PB__ORDER_KIND__ORDER_KIND_ENTRY;
}

static void pass_on(struct sv3 *self, const char *alert_id, const Pb__Order *order)
{
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;
        Pb__Notice notice;
        char topic[sizeof("notice.order.") + V3_SYMBOL_SIZE];

        notice_fill(&notice, alert_id, &order->base, &packed);
        snprintf(topic, sizeof(topic), "notice.order.%s", order->symbol);
        bus_publish(self->service, topic, &notice.base);
}

static void work_out(struct sv3 *self, const struct bus_message *heard, const Pb__Notice *notice)
{
        Pb__Envelope envelope = PB__ENVELOPE__INIT;
        const struct bus_message message = {
                .topic = heard->topic,
                .envelope = &envelope,
                .body = bus_bytes(notice->body.data, notice->body.len),
        };
        struct strategy_signal signal;
        struct sv3_judged judged;

        envelope.alert_id = notice->alert_id;
        if (strategy_signal_read(&message, &signal))
                return;
        sv3_judge(self, &signal, slot_now(&self->slot), false, &judged);
        if (is_entry(&judged.derived))
                pass_on(self, notice->alert_id, &judged.derived.order);
        strategy_signal_done(&signal);
}

int sv3_on_notice(void *arg, const struct bus_message *message)
{
        Pb__Notice *notice = MESSAGE_UNPACK(notice, message->body);
        const char *why;

        if (notice && validate_notice(notice, &why) == 0)
                work_out(arg, message, notice);
        pb__notice__free_unpacked(notice, NULL);
        return 0;
}
