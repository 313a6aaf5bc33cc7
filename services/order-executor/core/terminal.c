/*
 * What comes from the terminal, between two snapshots.
 *
 * Keeps: a deal counts once, however often and by whichever way it is told; a position is changed
 * by deals and by what orders of ours report, and by nothing else here.
 */
#include "services/order-executor/core/book_internal.h"

#include "libbus/base/require.h"
#include "services/order-executor/core/ids.h"
#include "services/order-executor/core/retcode.h"

#include <stdio.h>

#define STATE(name) PB__ORDER_STATE__ORDER_STATE_##name

/* ---- the link ---- */

const char *ex_book_hello_refusal(const struct ex_book *book, const Pb__Hello *hello)
{
        if (hello->account->mode == PB__ACCOUNT_MODE__ACCOUNT_MODE_NETTING && !book->allow_netting)
                return "netting account: a hedging account is required, or order-executor.allow_netting = yes";
        if (book->account.known && hello->account->login != book->account.login)
                return "another account than the one these books are of";
        return NULL;
}

void ex_book_hello(struct ex_book *book, const Pb__Hello *hello, struct ex_now now)
{
        ex_symbols_hello(&book->symbols, hello);
        ex_book_recount_all(book);
        book->account.login = hello->account->login;
        book->link_up = true;
        book->server_up = true;
        book->reconciled = false;
        book->market_shut = false;
        ex_fx_snapshot(&book->fx);
        ex_book_time(book, now);
}

void ex_book_server(struct ex_book *book, bool connected, struct ex_now now)
{
        if (book->server_up == connected)
                return;
        book->server_up = connected;
        ex_book_touch_all(book);
        ex_book_advance(book, now);
}

void ex_book_tick(struct ex_book *book, const Pb__BrokerTick *tick, struct ex_now now)
{
        struct ex_symbol *symbol = ex_symbols_by_broker(&book->symbols, tick->symbol);
        const bool first = symbol && !symbol->bid_e8;

        if (!symbol || tick->bid_e8 <= 0 || tick->ask_e8 < tick->bid_e8)
                return;
        symbol->bid_e8 = tick->bid_e8;
        symbol->ask_e8 = tick->ask_e8;
        symbol->quoted_us = now.mono_us;
        if (!first)
                return;
        ex_book_queue(book, symbol->name)->dirty = true;
        ex_book_advance(book, now);
}

void ex_book_sent(struct ex_book *book, const char *id, uint32_t attempt, struct ex_now now)
{
        struct ex_order *order = ex_book_find_order(book, id);

        if (order && order->attempt == attempt)
                ex_book_step(book, order, &(struct ex_event){ .kind = EX_EVENT_SENT }, now);
}

/* ---- answers ---- */

/* Whether the broker trades at all shows in its last answer. */
static void watch_market(
        struct ex_book *book, const struct ex_order *order, uint32_t retcode, struct ex_now now)
{
        const Pb__Action action =
                ex_order_is_leg(order) ? PB__ACTION__ACTION_OPEN : PB__ACTION__ACTION_CLOSE;
        const enum ex_class class = ex_retcode_class(action, retcode);

        if (class == EX_CLASS_CLOSED) {
                book->market_shut = true;
                book->market_shut_us = now.mono_us;
        }
        if (class == EX_CLASS_DONE)
                book->market_shut = false;
}

void ex_book_report(struct ex_book *book, const Pb__Report *report, struct ex_now now)
{
        struct ex_order *order = ex_book_find_order(book, report->cl_ord_id);
        const struct ex_event event = {
                .kind = EX_EVENT_REPORT,
                .attempt = report->attempt,
                .retcode = report->retcode,
                .volume_e8 = report->volume_e8,
                .price_e8 = report->price_e8,
                .ticket = report->position,
                .deal = report->deal,
        };

        if (!order)
                return;
        watch_market(book, order, report->retcode, now);
        ex_book_step(book, order, &event, now);
        ex_book_advance(book, now);
}

void ex_book_answer(struct ex_book *book, const Pb__QueryAnswer *answer, struct ex_now now)
{
        struct ex_order *order = ex_book_find_order(book, answer->cl_ord_id);
        struct ex_event event = { .attempt = answer->attempt };

        if (!order)
                return;
        switch (answer->verdict) {
        case PB__QUERY_VERDICT__QUERY_VERDICT_FINAL:
                if (answer->report)
                        ex_book_report(book, answer->report, now);
                return;
        case PB__QUERY_VERDICT__QUERY_VERDICT_IN_DOUBT: event.kind = EX_EVENT_IN_DOUBT; break;
        case PB__QUERY_VERDICT__QUERY_VERDICT_NEVER_SEEN: event.kind = EX_EVENT_NEVER_SEEN; break;
        default: return;
        }
        ex_book_step(book, order, &event, now);
        ex_book_time(book, now);
}

/* ---- positions ---- */

struct ex_position *ex_book_add_position(struct ex_book *book, uint64_t ticket)
{
        struct ex_position *position = bus_new(struct ex_position);

        position->ticket = ticket;
        ex_table_add(&book->positions, ex_key_of_number(&position->ticket), position);
        ex_book_ticket_changed(book, ticket);
        return position;
}

void ex_book_drop_position(struct ex_book *book, struct ex_position *position)
{
        ex_fx_drop_position(&book->fx, position->ticket);
        ex_table_take(&book->positions, ex_key_of_number(&position->ticket));
        ex_book_uncount_position(book, position);
        ex_book_ticket_changed(book, position->ticket);
        free(position);
}

static void position_changed(struct ex_book *book, struct ex_position *position)
{
        ex_book_recount_position(book, position);
        ex_fx_save_position(&book->fx, position->ticket);
}

static void name_opener(struct ex_position *position, const struct ex_order *leg)
{
        snprintf(position->cl_ord_id, sizeof(position->cl_ord_id), "%s", leg->id);
        snprintf(position->alert_id, sizeof(position->alert_id), "%s", leg->job->alert_id);
        position->ours = true;
}

static void book_leg(struct ex_book *book, struct ex_order *leg, struct ex_now now)
{
        struct ex_position *position;

        if (!leg->ticket)
                return; /* a deal or a snapshot will tell it */
        position = ex_book_position(book, leg->ticket);
        if (!position && book->in_snapshot)
                return; /* closed again since: the snapshot would have it */
        if (!position) {
                position = ex_book_add_position(book, leg->ticket);
                snprintf(position->symbol, sizeof(position->symbol), "%s", leg->job->symbol);
                position->side = leg->side;
                position->opened_us = now.wall_us;
                position->open_price_e8 = leg->price_e8;
        }
        if (leg->filled_e8 > position->base_e8)
                position->base_e8 = leg->filled_e8;
        position->sl_e8 = leg->sl_e8;
        position->tp_e8 = leg->tp_e8;
        position->changed_us = now.mono_us;
        name_opener(position, leg);
        position_changed(book, position);
}

static void book_close(struct ex_book *book, struct ex_order *close, struct ex_now now)
{
        struct ex_position *position = ex_book_position(book, close->ticket);

        if (!position)
                return;
        position->out_reported_e8 += close->filled_e8;
        if (!strcmp(close->reason, "already_closed"))
                position->out_reported_e8 = position->base_e8 + position->in_deals_e8;
        position->changed_us = now.mono_us;
        if (ex_order_is_exit(close) && close->state == STATE(FILLED))
                snprintf(position->closed_by, sizeof(position->closed_by), "%s", close->id);
        position_changed(book, position);
        ex_fx_snapshot(&book->fx);
}

void ex_book_position_of_fill(struct ex_book *book, struct ex_order *order, struct ex_now now)
{
        if (ex_order_is_leg(order))
                book_leg(book, order, now);
        else
                book_close(book, order, now);
}

/* ---- deals ---- */

/* Whoever closes a position of ours, by hand or by its stop: the result is this strategy's. */
static bool is_ours(const struct ex_book *book, const Pb__Deal *deal, const struct ex_order *order,
        const struct ex_position *position)
{
        if (position)
                return position->ours;
        return deal->magic == book->magic || (order && ex_order_is_leg(order));
}

static struct ex_position *position_of_deal(
        struct ex_book *book, const Pb__Deal *deal, const struct ex_order *order, struct ex_now now)
{
        struct ex_position *position = ex_book_position(book, deal->position);

        if (position || deal->entry != PB__DEAL_ENTRY__DEAL_ENTRY_IN)
                return position;
        position = ex_book_add_position(book, deal->position);
        ex_symbols_our_name(&book->symbols, deal->symbol, position->symbol);
        position->side = deal->side;
        position->open_price_e8 = deal->price_e8;
        position->opened_us = now.wall_us;
        position->ours = deal->magic == book->magic;
        if (order && ex_order_is_leg(order)) {
                name_opener(position, order);
                position->sl_e8 = order->sl_e8;
                position->tp_e8 = order->tp_e8;
        }
        return position;
}

static void count_volume(
        struct ex_book *book, const Pb__Deal *deal, struct ex_position *position, struct ex_now now)
{
        if (!position)
                return;
        if (deal->entry == PB__DEAL_ENTRY__DEAL_ENTRY_IN)
                position->in_deals_e8 += deal->volume_e8;
        else
                position->out_deals_e8 += deal->volume_e8;
        position->changed_us = now.mono_us;
        position_changed(book, position);
}

static void count_result(struct ex_book *book, const Pb__Deal *deal, int64_t at_us)
{
        ex_risk_add(
                &book->risk, at_us, deal->profit_cents + deal->commission_cents + deal->swap_cents);
        ex_fx_save_risk(&book->fx);
}

static Pb__DealReason reason_of(Pb__BrokerDealReason reason)
{
        switch (reason) {
        case PB__BROKER_DEAL_REASON__BROKER_DEAL_REASON_EXPERT:
                return PB__DEAL_REASON__DEAL_REASON_EXPERT;
        case PB__BROKER_DEAL_REASON__BROKER_DEAL_REASON_STOP:
                return PB__DEAL_REASON__DEAL_REASON_STOP;
        case PB__BROKER_DEAL_REASON__BROKER_DEAL_REASON_TARGET:
                return PB__DEAL_REASON__DEAL_REASON_TARGET;
        case PB__BROKER_DEAL_REASON__BROKER_DEAL_REASON_CLIENT:
                return PB__DEAL_REASON__DEAL_REASON_CLIENT;
        case PB__BROKER_DEAL_REASON__BROKER_DEAL_REASON_STOP_OUT:
                return PB__DEAL_REASON__DEAL_REASON_STOP_OUT;
        default: return PB__DEAL_REASON__DEAL_REASON_UNSPECIFIED;
        }
}

/* Whose deal it is: the order's that asked for it, else the position's it changed. */
static void name_deal(struct ex_book *book, struct ex_fx *fx, const struct ex_order *order,
        const struct ex_position *position)
{
        if (position && position->ours)
                fx->trade.slot = book->slot;
        if (order) {
                fx->job = order->job;
                fx->trade.role = order->role;
                fx->trade.epoch = order->job->epoch;
                snprintf(fx->cl_ord_id, sizeof(fx->cl_ord_id), "%s", order->id);
                snprintf(fx->alert_id, sizeof(fx->alert_id), "%s", order->job->alert_id);
        } else if (position) {
                snprintf(fx->cl_ord_id, sizeof(fx->cl_ord_id), "%s", position->cl_ord_id);
                snprintf(fx->alert_id, sizeof(fx->alert_id), "%s", position->alert_id);
        }
}

/*
 * Told where it carries a result, or where nobody asked for it: an order's opening fill is told by
 * the order's own event.
 */
static void tell_deal(struct ex_book *book, const Pb__Deal *deal, const struct ex_order *order,
        const struct ex_position *position)
{
        struct ex_fx *fx;
        Pb__Trade *trade;

        if (order && deal->entry == PB__DEAL_ENTRY__DEAL_ENTRY_IN && !deal->commission_cents)
                return;
        fx = ex_fx_trade_bare(&book->fx, PB__TRADE_EVENT__TRADE_EVENT_DEAL);
        ex_symbols_our_name(&book->symbols, deal->symbol, fx->symbol);
        trade = &fx->trade;
        trade->side = position ? position->side : deal->side;
        trade->volume_e8 = deal->volume_e8;
        trade->filled_e8 = deal->volume_e8;
        trade->price_e8 = deal->price_e8;
        trade->ticket = deal->position;
        trade->deal = deal->deal;
        trade->profit_cents = deal->profit_cents;
        trade->commission_cents = deal->commission_cents;
        trade->swap_cents = deal->swap_cents;
        trade->deal_reason = reason_of(deal->reason);
        name_deal(book, fx, order, position);
}

static void set_ticket(struct ex_book *book, struct ex_order *leg, uint64_t ticket)
{
        leg->ticket = ticket;
        ex_book_recount_order(book, leg);
}

/* The deals of an order add up to its fill, whether or not its report ever comes. */
static void count_for_order(
        struct ex_book *book, const Pb__Deal *deal, struct ex_order *order, struct ex_now now)
{
        struct ex_event event = {
                .kind = EX_EVENT_FOUND,
                .price_e8 = deal->price_e8,
                .ticket = deal->position,
                .deal = deal->deal,
        };

        const bool report_is_due = ex_order_on_wire(order) && order->phase != EX_PHASE_PLACED;

        order->deals_e8 += deal->volume_e8;
        if (ex_order_is_leg(order) && !order->ticket && !ex_order_is_final(order))
                set_ticket(book, order, deal->position);
        event.volume_e8 = order->deals_e8;
        if (!report_is_due && (order->deals_e8 >= order->volume_e8 || ex_order_is_final(order)))
                ex_book_step(book, order, &event, now);
}

/*
 * A deal as it happens changes its position. One that a snapshot tells of does not: the snapshot
 * has the positions as they are behind it.
 */
static bool take_deal(
        struct ex_book *book, const Pb__Deal *deal, bool live, bool known_ours, struct ex_now now)
{
        struct ex_order *order =
                ex_id_valid(deal->comment) ? ex_book_find_order(book, deal->comment) : NULL;
        struct ex_position *position;

        if (ex_deals_has(&book->deals, deal->deal))
                return false;
        ex_book_load_deal(book, deal->deal, deal->at_us);
        ex_fx_save_deal(&book->fx, deal->deal, deal->at_us);
        if (deal->at_us > book->risk.last_deal_us)
                book->risk.last_deal_us = deal->at_us;
        position = live ? position_of_deal(book, deal, order, now)
                        : ex_book_position(book, deal->position);
        /* a live deal counts for the day we live it in, whatever the terminal's clock says */
        if (known_ours || is_ours(book, deal, order, position)) {
                count_result(book, deal, live ? now.wall_us : deal->at_us);
                if (deal->entry == PB__DEAL_ENTRY__DEAL_ENTRY_OUT)
                        ex_book_close_booked(book, deal, position);
        }
        if (live)
                count_volume(book, deal, position, now);
        tell_deal(book, deal, order, position);
        if (order)
                count_for_order(book, deal, order, now);
        if (live)
                ex_fx_snapshot(&book->fx);
        return true;
}

/*
 * The end of a position we have never heard of, by another hand: whose it was, only a snapshot can
 * tell, by the deal that opened it.
 */
static bool is_puzzling(const struct ex_book *book, const Pb__Deal *deal)
{
        return deal->entry == PB__DEAL_ENTRY__DEAL_ENTRY_OUT && deal->magic != book->magic &&
               !ex_book_position(book, deal->position);
}

bool ex_book_deal(struct ex_book *book, const Pb__Deal *deal, struct ex_now now)
{
        bool news;

        if (is_puzzling(book, deal)) {
                ex_fx_snapshot(&book->fx);
                return false;
        }
        news = take_deal(book, deal, true, false, now);
        ex_book_advance(book, now);
        return news;
}

void ex_book_past_deal(struct ex_book *book, const Pb__Deal *deal, bool ours, struct ex_now now)
{
        (void)take_deal(book, deal, false, ours, now);
}
