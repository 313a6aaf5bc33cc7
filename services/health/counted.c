#include "services/health/counted.h"

#include "libbus/base/attr.h"

#include <string.h>

bool counted_trade(Pb__TradeEvent event, double *ret_filled)
{
        switch (event) {
        case PB__TRADE_EVENT__TRADE_EVENT_FILLED:
        case PB__TRADE_EVENT__TRADE_EVENT_PARTIAL: *ret_filled = 1; return true;
        case PB__TRADE_EVENT__TRADE_EVENT_REJECTED:
        case PB__TRADE_EVENT__TRADE_EVENT_NOT_EXECUTED: *ret_filled = 0; return true;
        default: return false;
        }
}

/* Counters that a service's heartbeat has: what it handled, and what of that ended in our fault. */
static void add_up(const Pb__Heartbeat *beat, struct counted *counted)
{
        static const struct {
                const char *name, *labels; /* NULL: whatever they are */
                bool is_fault;
        } counters[] = {
                { "umbra_messages_in_total", NULL, false },
                { "umbra_ingest_requests_total", NULL, false },
                { "umbra_quarantined_total", NULL, true },
                { "umbra_ingest_requests_total", "outcome=\"unavailable\"", true },
                { "umbra_decisions_total", "verdict=\"error\"", true },
        };

        for (size_t i = 0; i < beat->n_metrics; i++)
                for (size_t k = 0; k < BUS_COUNT(counters); k++) {
                        const Pb__Metric *metric = beat->metrics[i];

                        if (strcmp(metric->name, counters[k].name) != 0 ||
                                (counters[k].labels && strcmp(metric->labels, counters[k].labels)))
                                continue;
                        if (counters[k].is_fault)
                                counted->faults += metric->value;
                        else
                                counted->handled += metric->value;
                }
}

bool counted_beat(struct counted *last, const Pb__Heartbeat *beat, struct counted *ret_more)
{
        struct counted now = { .started_us = beat->started_us, .cpu_us = (double)beat->cpu_us };
        struct counted before = *last;

        add_up(beat, &now);
        *last = now;
        if (!before.started_us)
                return false;
        if (before.started_us != now.started_us)
                before = (struct counted){ 0 };
        *ret_more = (struct counted){ .started_us = now.started_us,
                .cpu_us = now.cpu_us - before.cpu_us,
                .handled = now.handled - before.handled,
                .faults = now.faults - before.faults };
        return true;
}

double counted_memory(const struct beats *beats, int64_t now_us)
{
        double sum = 0;

        for (size_t i = 0; i < beats->count; i++)
                if (beat_is_alive(&beats->items[i], now_us))
                        sum += (double)beats->items[i].last->memory_bytes;
        return sum;
}
