/*
 * Word ahead of an alert: while it is made durable, strategy-v3 and order-executor make ready for it
 * (docs/adr/0065-an-order-is-promised-ahead.md). Nobody acts on a notice, so nothing is lost with one,
 * nor with an alert that was told and then could not be written.
 */
#include "services/common/notice.h"
#include "libbus/base/clock.h"
#include "services/alert-ingest/ingest.h"

#include <stdio.h>

/* Alerts that follow each other closer share syncs: there is no waiting to be hidden, and twice the
 * work would only make it longer. */
#define NOTICE_QUIET_US (5 * BUS_US_PER_MS)

void notice_signal(struct ingest *ingest, const char *alert_id, const Pb__Signal *signal)
{
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;
        Pb__Notice notice;
        int64_t now_us = bus_mono_us();
        bool alone = now_us - ingest->staged_us >= NOTICE_QUIET_US;
        char topic[sizeof("notice.signal.") + V3_SYMBOL_SIZE];

        ingest->staged_us = now_us;
        if (!ingest->notice || !alone || signal->type != PB__ALERT_TYPE__ALERT_TYPE_ENTRY)
                return;
        notice_fill(&notice, alert_id, &signal->base, &packed);
        snprintf(topic, sizeof(topic), "notice.signal.%s", signal->symbol);
        bus_publish(ingest->service, topic, &notice.base);
}
