#include "services/order-executor/core/effect.h"

#include "libbus/base/require.h"
#include "services/order-executor/core/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
        FIRST_CAPACITY = 64, /* a turn of one alert needs about ten */
        KEPT_CAPACITY = 256, /* at more than 1 KiB each; a snapshot may have needed thousands */
};

void ex_fx_done(struct ex_fx_list *fx)
{
        free(fx->items);
        *fx = (struct ex_fx_list){ 0 };
}

void ex_fx_clear(struct ex_fx_list *fx)
{
        for (size_t i = 0; i < fx->count; i++) {
                if (fx->items[i].kind == EX_FX_SAVE_ORDER)
                        fx->items[i].order->unsaved = false;
                if (fx->items[i].kind == EX_FX_SAVE_JOB)
                        fx->items[i].job->unsaved = false;
        }
        fx->count = 0;
}

void ex_fx_trim(struct ex_fx_list *fx)
{
        if (!fx->count && fx->capacity > KEPT_CAPACITY)
                ex_fx_done(fx);
}

static struct ex_fx *add(struct ex_fx_list *fx, enum ex_fx_kind kind)
{
        if (fx->count == fx->capacity) {
                fx->capacity = fx->capacity ? 2 * fx->capacity : FIRST_CAPACITY;
                fx->items = bus_xrealloc(fx->items, fx->capacity * sizeof(*fx->items));
        }
        fx->items[fx->count] = (struct ex_fx){ .kind = kind };
        return &fx->items[fx->count++];
}

void ex_fx_save_order(struct ex_fx_list *fx, struct ex_order *order)
{
        if (order->unsaved)
                return;
        order->unsaved = true;
        add(fx, EX_FX_SAVE_ORDER)->order = order;
}

void ex_fx_save_job(struct ex_fx_list *fx, struct ex_job *job)
{
        if (job->unsaved)
                return;
        job->unsaved = true;
        add(fx, EX_FX_SAVE_JOB)->job = job;
}

void ex_fx_save_position(struct ex_fx_list *fx, uint64_t ticket)
{
        add(fx, EX_FX_SAVE_POSITION)->number = ticket;
}

void ex_fx_drop_position(struct ex_fx_list *fx, uint64_t ticket)
{
        add(fx, EX_FX_DROP_POSITION)->number = ticket;
}

void ex_fx_save_deal(struct ex_fx_list *fx, uint64_t deal, int64_t at_us)
{
        struct ex_fx *item = add(fx, EX_FX_SAVE_DEAL);

        item->number = deal;
        item->at_us = at_us;
}

void ex_fx_save_risk(struct ex_fx_list *fx)
{
        add(fx, EX_FX_SAVE_RISK);
}

void ex_fx_save_switches(struct ex_fx_list *fx)
{
        add(fx, EX_FX_SAVE_SWITCHES);
}

void ex_fx_save_promise(struct ex_fx_list *fx, const char *key)
{
        struct ex_fx *item = add(fx, EX_FX_SAVE_PROMISE);

        snprintf(item->subject, sizeof(item->subject), "%s", key);
}

void ex_fx_drop_promise(struct ex_fx_list *fx, const char *key)
{
        struct ex_fx *item = add(fx, EX_FX_DROP_PROMISE);

        snprintf(item->subject, sizeof(item->subject), "%s", key);
}

void ex_fx_submit(struct ex_fx_list *fx, struct ex_order *order)
{
        struct ex_fx *item = add(fx, EX_FX_SUBMIT);

        item->order = order;
        item->attempt = order->attempt;
}

void ex_fx_query(struct ex_fx_list *fx, struct ex_order *order)
{
        struct ex_fx *item = add(fx, EX_FX_QUERY);

        item->order = order;
        item->attempt = order->attempt;
}

void ex_fx_snapshot(struct ex_fx_list *fx)
{
        add(fx, EX_FX_SNAPSHOT);
}

struct ex_fx *ex_fx_trade_bare(struct ex_fx_list *fx, Pb__TradeEvent event)
{
        struct ex_fx *item = add(fx, EX_FX_TRADE);

        pb__trade__init(&item->trade);
        item->trade.event = event;
        return item;
}

const Pb__Trade *ex_fx_trade_message(struct ex_fx *item)
{
        item->trade.symbol = item->symbol;
        item->trade.cl_ord_id = item->cl_ord_id;
        item->trade.reason = item->reason;
        if (item->job) {
                item->trade.slot = item->job->slot;
                item->trade.plugin = item->job->plugin;
        }
        return &item->trade;
}

static void fill_job(struct ex_fx *item, const struct ex_job *job)
{
        item->job = (struct ex_job *)(uintptr_t)job;
        item->trade.epoch = job->epoch;
        item->trade.alert_price_e8 = job->price_e8;
        snprintf(item->symbol, sizeof(item->symbol), "%s", job->symbol);
        snprintf(item->alert_id, sizeof(item->alert_id), "%s", job->alert_id);
}

void ex_fx_trade(struct ex_fx_list *fx, Pb__TradeEvent event, const struct ex_order *order)
{
        struct ex_fx *item = ex_fx_trade_bare(fx, event);
        Pb__Trade *trade = &item->trade;

        item->order = (struct ex_order *)(uintptr_t)order;
        fill_job(item, order->job);
        trade->role = order->role;
        trade->state = order->state;
        snprintf(item->cl_ord_id, sizeof(item->cl_ord_id), "%s", order->id);
        trade->attempt = order->attempt;
        trade->side = order->side;
        trade->volume_e8 = order->volume_e8;
        trade->filled_e8 = order->filled_e8;
        trade->price_e8 = order->price_e8;
        trade->sl_e8 = order->sl_e8;
        trade->tp_e8 = order->tp_e8;
        trade->ticket = order->ticket;
        trade->deal = order->deal;
        trade->retcode = order->retcode;
        snprintf(item->reason, sizeof(item->reason), "%s", order->reason);
}

void ex_fx_trade_job(struct ex_fx_list *fx, Pb__TradeEvent event, const struct ex_job *job,
        Pb__OrderState state, const char *reason)
{
        struct ex_fx *item = ex_fx_trade_bare(fx, event);

        fill_job(item, job);
        item->trade.state = state;
        snprintf(item->reason, sizeof(item->reason), "%s", reason);
}

void ex_fx_alarm(struct ex_fx_list *fx, const char *code, const char *subject,
        Pb__Severity severity, const char *format, ...)
{
        struct ex_fx *item = add(fx, EX_FX_ALARM);
        va_list args;

        item->code = code;
        item->severity = severity;
        snprintf(item->subject, sizeof(item->subject), "%s", subject);
        va_start(args, format);
        vsnprintf(item->text, sizeof(item->text), format, args);
        va_end(args);
}

void ex_fx_alarm_end(struct ex_fx_list *fx, const char *code, const char *subject)
{
        struct ex_fx *item = add(fx, EX_FX_ALARM_END);

        item->code = code;
        snprintf(item->subject, sizeof(item->subject), "%s", subject);
}
