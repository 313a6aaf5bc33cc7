/*
 * Carries out what a good snapshot means (reconcile.h).
 */
#include "services/order-executor/core/book_internal.h"
#include "services/order-executor/core/ids.h"
#include "services/order-executor/core/reconcile.h"

#include <stdio.h>

/* The order that made a position, by the comment the broker keeps. */
static struct ex_order *opener_of(const struct ex_book *book, const Pb__BrokerPosition *from)
{
        struct ex_order *order =
                ex_id_valid(from->comment) ? ex_book_find_order(book, from->comment) : NULL;

        return order && ex_order_is_leg(order) ? order : NULL;
}

static void set_opener(
        const struct ex_book *book, struct ex_position *position, const Pb__BrokerPosition *from)
{
        const struct ex_order *opener = opener_of(book, from);

        position->ours = from->magic == book->magic || opener;
        if (!position->ours || !ex_id_valid(from->comment))
                return;
        snprintf(position->cl_ord_id, sizeof(position->cl_ord_id), "%s", from->comment);
        if (opener)
                snprintf(position->alert_id, sizeof(position->alert_id), "%s",
                        opener->job->alert_id);
}

static bool differs(const struct ex_position *a, const struct ex_position *b)
{
        return a->base_e8 != b->base_e8 || a->in_deals_e8 != b->in_deals_e8 ||
               a->out_deals_e8 != b->out_deals_e8 || a->out_reported_e8 != b->out_reported_e8 ||
               a->sl_e8 != b->sl_e8 || a->tp_e8 != b->tp_e8 || a->ours != b->ours ||
               strcmp(a->alert_id, b->alert_id) != 0;
}

static void take_position(struct ex_book *book, const Pb__BrokerPosition *from, struct ex_now now)
{
        struct ex_position *position = ex_book_position(book, from->ticket);
        struct ex_order *opener = opener_of(book, from);
        struct ex_position before;

        if (!position) {
                position = ex_book_add_position(book, from->ticket);
                position->opened_us = from->opened_us ? from->opened_us : now.wall_us;
        }
        before = *position;
        ex_symbols_our_name(&book->symbols, from->symbol, position->symbol);
        position->side = from->side;
        position->open_price_e8 = from->open_price_e8;
        position->sl_e8 = from->sl_e8;
        position->tp_e8 = from->tp_e8;
        position->profit_cents = from->profit_cents;
        position->base_e8 = from->volume_e8;
        position->in_deals_e8 = position->out_deals_e8 = position->out_reported_e8 = 0;
        position->missing = 0;
        set_opener(book, position, from);
        ex_book_recount_position(book, position);
        if (differs(&before, position))
                ex_fx_save_position(&book->fx, position->ticket);
        if (opener && ex_order_filled(opener))
                ex_close_if_passed(book, opener, now);
}

static void adopt(struct ex_book *book, const Pb__BrokerPosition *from)
{
        const struct ex_position *position = ex_book_position(book, from->ticket);
        struct ex_fx *fx = ex_fx_trade_bare(&book->fx, PB__TRADE_EVENT__TRADE_EVENT_ADOPTED);

        fx->trade.slot = book->slot;
        snprintf(fx->symbol, sizeof(fx->symbol), "%s", position->symbol);
        snprintf(fx->cl_ord_id, sizeof(fx->cl_ord_id), "%s", position->cl_ord_id);
        fx->trade.side = position->side;
        fx->trade.volume_e8 = fx->trade.filled_e8 = position->base_e8;
        fx->trade.price_e8 = position->open_price_e8;
        fx->trade.sl_e8 = position->sl_e8;
        fx->trade.tp_e8 = position->tp_e8;
        fx->trade.ticket = position->ticket;
        snprintf(fx->reason, sizeof(fx->reason), "found_at_broker");
}

static void order_event(struct ex_book *book, const struct ex_finding *finding,
        enum ex_event_kind kind, int64_t asked_us, struct ex_now now)
{
        const struct ex_event event = {
                .kind = kind,
                .volume_e8 = finding->volume_e8,
                .price_e8 = finding->price_e8,
                .ticket = finding->ticket,
                .asked_us = asked_us,
        };

        if (ex_order_is_final(finding->order) && kind != EX_EVENT_FOUND)
                return; /* a deal of the same snapshot has settled it */
        ex_book_step(book, finding->order, &event, now);
}

static void still_open(struct ex_book *book, struct ex_order *close, struct ex_now now)
{
        struct ex_position *position = close ? ex_book_position(book, close->ticket) : NULL;

        if (!position)
                return;
        position->closed_by[0] = 0;
        ex_close_still_open(book, close, now);
}

static void drop(struct ex_book *book, uint64_t ticket)
{
        struct ex_position *position = ex_book_position(book, ticket);

        if (position)
                ex_book_drop_position(book, position);
}

static void carry_out(struct ex_book *book, const Pb__Snapshot *snapshot,
        const struct ex_finding *finding, int64_t asked_us, struct ex_now now)
{
        switch (finding->kind) {
        case EX_FINDING_DEAL:
                ex_book_past_deal(book, snapshot->deals[finding->item], finding->ours, now);
                break;
        case EX_FINDING_POSITION:
                take_position(book, snapshot->positions[finding->item], now);
                break;
        case EX_FINDING_ADOPTED: adopt(book, snapshot->positions[finding->item]); break;
        case EX_FINDING_MISSING: ex_book_position(book, finding->ticket)->missing++; break;
        case EX_FINDING_GONE: drop(book, finding->ticket); break;
        case EX_FINDING_STILL_OPEN: still_open(book, finding->order, now); break;
        case EX_FINDING_FILLED: order_event(book, finding, EX_EVENT_FOUND, asked_us, now); break;
        case EX_FINDING_CLOSED: order_event(book, finding, EX_EVENT_CLOSED, asked_us, now); break;
        case EX_FINDING_ABSENT: order_event(book, finding, EX_EVENT_ABSENT, asked_us, now); break;
        case EX_FINDING_LEFT: order_event(book, finding, EX_EVENT_LEFT, asked_us, now); break;
        }
}

bool ex_book_snapshot(
        struct ex_book *book, const Pb__Snapshot *snapshot, int64_t asked_us, struct ex_now now)
{
        struct ex_findings findings = { 0 };

        if (ex_reconcile(book, snapshot, asked_us, &findings) != EX_VERDICT_GOOD)
                return false;
        book->in_snapshot = true;
        for (size_t i = 0; i < findings.count; i++)
                carry_out(book, snapshot, &findings.items[i], asked_us, now);
        book->in_snapshot = false;
        ex_findings_done(&findings);
        book->account.known = true;
        book->account.as_of_us = now.wall_us;
        book->account.balance_cents = snapshot->account->balance_cents;
        book->account.equity_cents = snapshot->account->equity_cents;
        book->account.margin_free_cents = snapshot->account->margin_free_cents;
        ex_book_margin(book, snapshot->account);
        book->reconciled = true;
        ex_book_touch_all(book);
        ex_book_advance(book, now);
        return true;
}
