/*
 * What the strategy holds and has lost: the figures of the caps, of the context and of the account.
 *
 * Keeps: each position and each order has in the sums exactly what it says it has counted, so that
 * a change takes that out and puts the new in; test_property.c holds the sums against a count of all.
 */
#include "services/order-executor/core/book_internal.h"

#include "libbus/base/require.h"

#include <stdio.h>

#define STATE(name) PB__ORDER_STATE__ORDER_STATE_##name

/* What POSITION loses from its opening to its stop; without a stop, what it loses already. */
static int64_t position_risk(const struct ex_book *book, const struct ex_position *position)
{
        const struct ex_symbol *symbol = ex_symbols_by_name(&book->symbols, position->symbol);
        int64_t distance = position->side == PB__SIDE__SIDE_BUY
                                   ? position->open_price_e8 - position->sl_e8
                                   : position->sl_e8 - position->open_price_e8;

        if (!position->sl_e8)
                return position->profit_cents < 0 ? -position->profit_cents : 0;
        return symbol ? ex_symbol_loss_cents(symbol, distance, ex_position_open_e8(position)) : 0;
}

static int64_t leg_risk(const struct ex_book *book, const struct ex_order *leg)
{
        const struct ex_symbol *symbol = ex_symbols_by_name(&book->symbols, leg->job->symbol);
        int64_t distance = leg->job->price_e8 - leg->sl_e8;

        if (!symbol || !leg->sl_e8)
                return 0;
        return ex_symbol_loss_cents(symbol, distance < 0 ? -distance : distance, leg->volume_e8);
}

/* ---- positions ---- */

static struct ex_held held_of(const struct ex_book *book, const struct ex_position *position)
{
        if (!position->ours || !ex_position_open_e8(position))
                return (struct ex_held){ 0 };
        return (struct ex_held){ .count = 1, .risk_cents = position_risk(book, position) };
}

static void add_held(struct ex_held *sum, const struct ex_held *held, int sign)
{
        sum->count += sign * held->count;
        sum->risk_cents += sign * held->risk_cents;
}

static struct ex_row *row_of(const struct ex_position *position)
{
        return &position->holding->sides[position->row];
}

static void count_position(struct ex_book *book, struct ex_position *position, int sign)
{
        add_held(&row_of(position)->held, &position->counted, sign);
        add_held(&book->held, &position->counted, sign);
}

struct ex_holding *ex_book_holding(const struct ex_book *book, const char *symbol)
{
        for (size_t i = 0; i < book->holding_count; i++)
                if (!strcmp(book->holdings[i]->symbol, symbol))
                        return book->holdings[i];
        return NULL;
}

static struct ex_holding *make_holding(struct ex_book *book, const char *symbol)
{
        struct ex_holding *holding = ex_book_holding(book, symbol);

        if (holding)
                return holding;
        holding = bus_new(struct ex_holding);
        snprintf(holding->symbol, sizeof(holding->symbol), "%s", symbol);
        book->holdings = bus_xrealloc(
                book->holdings, (book->holding_count + 1) * sizeof(struct ex_holding *));
        book->holdings[book->holding_count++] = holding;
        return holding;
}

static void link_position(struct ex_holding *holding, struct ex_position *position)
{
        struct ex_row *row;

        position->holding = holding;
        position->row = position->side;
        row = row_of(position);
        position->previous = row->last;
        position->next = NULL;
        if (row->last)
                row->last->next = position;
        else
                row->first = position;
        row->last = position;
}

static void unlink_position(struct ex_position *position)
{
        struct ex_row *row = row_of(position);

        if (position->previous)
                position->previous->next = position->next;
        else
                row->first = position->next;
        if (position->next)
                position->next->previous = position->previous;
        else
                row->last = position->previous;
        position->holding = NULL;
}

void ex_book_uncount_position(struct ex_book *book, struct ex_position *position)
{
        if (!position->holding)
                return;
        count_position(book, position, -1);
        unlink_position(position);
}

static bool is_in_its_row(const struct ex_position *position)
{
        return position->holding && position->row == position->side &&
               !strcmp(position->holding->symbol, position->symbol);
}

void ex_book_recount_position(struct ex_book *book, struct ex_position *position)
{
        if (is_in_its_row(position)) {
                count_position(book, position, -1);
        } else {
                ex_book_uncount_position(book, position);
                link_position(make_holding(book, position->symbol), position);
        }
        position->counted = held_of(book, position);
        count_position(book, position, 1);
}

/* ---- orders ---- */

/* A leg that may be, or become, a position that is not in the books yet. */
static bool is_under_way(const struct ex_book *book, const struct ex_order *order)
{
        if (!ex_order_is_leg(order))
                return false;
        if (order->state != STATE(INTENT) && !ex_order_in_doubt(order))
                return false;
        if (ex_leg_waits(order))
                return false;
        return !order->ticket || !ex_book_position(book, order->ticket);
}

static struct ex_counted count_of(const struct ex_book *book, const struct ex_order *order)
{
        struct ex_counted counted = { 0 };

        if (ex_order_is_final(order)) {
                counted.unplaced =
                        ex_order_is_leg(order) && ex_order_filled(order) && !order->ticket;
                return counted;
        }
        if (!order->job->queue)
                return counted;
        counted.live = 1;
        counted.unknown = order->state == STATE(UNKNOWN);
        counted.manual = order->state == STATE(MANUAL);
        counted.under_way = is_under_way(book, order);
        counted.placed = ex_order_is_leg(order) && order->ticket != 0;
        if (counted.under_way)
                counted.risk_cents = leg_risk(book, order);
        return counted;
}

void ex_book_uncount_order(struct ex_book *book, struct ex_order *order)
{
        struct ex_tally *tally = &book->tally;

        tally->live -= order->counted.live;
        tally->unknown -= order->counted.unknown;
        tally->manual -= order->counted.manual;
        tally->under_way -= order->counted.under_way;
        tally->placed -= order->counted.placed;
        tally->unplaced -= order->counted.unplaced;
        tally->risk_cents -= order->counted.risk_cents;
        order->counted = (struct ex_counted){ 0 };
}

void ex_book_recount_order(struct ex_book *book, struct ex_order *order)
{
        struct ex_tally *tally = &book->tally;

        ex_book_uncount_order(book, order);
        order->counted = count_of(book, order);
        tally->live += order->counted.live;
        tally->unknown += order->counted.unknown;
        tally->manual += order->counted.manual;
        tally->under_way += order->counted.under_way;
        tally->placed += order->counted.placed;
        tally->unplaced += order->counted.unplaced;
        tally->risk_cents += order->counted.risk_cents;
}

void ex_book_recount_job(struct ex_book *book, const struct ex_job *job)
{
        for (size_t i = 0; i < job->order_count; i++)
                ex_book_recount_order(book, job->orders[i]);
}

static void recount_queues(struct ex_book *book)
{
        for (size_t i = 0; i < book->queue_count; i++)
                for (size_t j = 0; j < book->queues[i]->count; j++)
                        ex_book_recount_job(book, book->queues[i]->jobs[j]);
}

void ex_book_recount_all(struct ex_book *book)
{
        struct ex_table_at at;

        for (struct ex_position *position = ex_table_first(&book->positions, &at); position;
                position = ex_table_next(&book->positions, &at))
                ex_book_recount_position(book, position);
        recount_queues(book);
}

/* Hardly ever is a leg under way that has a ticket already. */
void ex_book_ticket_changed(struct ex_book *book, uint64_t ticket)
{
        if (ticket && book->tally.placed)
                recount_queues(book);
}

static int64_t job_doubt_since(const struct ex_job *job, int64_t oldest_us)
{
        for (size_t i = 0; i < job->order_count; i++) {
                const struct ex_order *order = job->orders[i];

                if (ex_order_in_doubt(order) && (!oldest_us || order->received_us < oldest_us))
                        oldest_us = order->received_us;
        }
        return oldest_us;
}

int64_t ex_book_doubt_since_us(const struct ex_book *book)
{
        int64_t oldest_us = 0;

        for (size_t i = 0; i < book->queue_count; i++)
                for (size_t j = 0; j < book->queues[i]->count; j++)
                        oldest_us = job_doubt_since(book->queues[i]->jobs[j], oldest_us);
        return oldest_us;
}

/* Beyond any cap; a few more can be added to it. */
static int64_t clamp(__int128 risk_cents)
{
        return risk_cents > INT64_MAX / 8 ? INT64_MAX / 8 : (int64_t)risk_cents;
}

/* Positions that count, without those of SYMBOL and SIDES. */
static struct ex_held held_without(const struct ex_book *book, const char *symbol, uint32_t sides)
{
        const struct ex_holding *holding = symbol && sides ? ex_book_holding(book, symbol) : NULL;
        struct ex_held held = book->held;

        for (Pb__Side side = PB__SIDE__SIDE_BUY; holding && side <= PB__SIDE__SIDE_SELL; side++)
                if (sides & ex_side_bit(side))
                        add_held(&held, &holding->sides[side].held, -1);
        return held;
}

struct ex_figures ex_book_figures(
        const struct ex_book *book, const char *skip_symbol, uint32_t skip_sides)
{
        const struct ex_held held = held_without(book, skip_symbol, skip_sides);
        struct ex_figures figures = {
                .open_positions = held.count + book->tally.under_way,
                .open_risk_cents = clamp(held.risk_cents + book->tally.risk_cents),
                .live_orders = book->tally.live,
                .unknown_orders = book->tally.unknown,
                .manual_orders = book->tally.manual,
        };
        const int64_t counted = book->limits.count_open_risk ? figures.open_risk_cents : 0;

        figures.daily_loss_cents = ex_risk_day_loss_cents(&book->risk) + counted;
        figures.lifetime_loss_cents = ex_risk_lifetime_loss_cents(&book->risk) + counted;
        return figures;
}

/* ---- the service layer ---- */

static int64_t margin_under_way(const struct ex_book *book, const struct ex_job *job)
{
        const struct ex_symbol *symbol = ex_symbols_by_name(&book->symbols, job->symbol);
        int64_t sum = 0;

        for (size_t i = 0; symbol && i < job->order_count; i++) {
                const struct ex_limit_leg leg = { .volume_e8 = job->orders[i]->volume_e8 };

                if (is_under_way(book, job->orders[i]))
                        sum += ex_margin_of(symbol, &leg, 1);
        }
        return sum;
}

void ex_book_margin(struct ex_book *book, const Pb__BrokerAccount *account)
{
        book->margin.known = true;
        book->margin.equity_cents = account->equity_cents;
        book->margin.free_cents = account->margin_free_cents;
        ex_book_reserve(book);
}

void ex_book_reserve(struct ex_book *book)
{
        book->margin.reserved_cents = 0;
        for (size_t i = 0; i < book->queue_count; i++)
                for (size_t j = 0; j < book->queues[i]->count; j++)
                        book->margin.reserved_cents +=
                                margin_under_way(book, book->queues[i]->jobs[j]);
}

static void tell_hook(const struct ex_book *book, const struct ex_booking *booking)
{
        if (!book->switches.service_api_off && book->hook.fn)
                book->hook.fn(book->hook.arg, booking);
}

void ex_book_fill_booked(struct ex_book *book, const struct ex_order *leg)
{
        tell_hook(book, &(struct ex_booking){
                                .symbol = leg->job->symbol,
                                .alert_id = leg->job->alert_id,
                                .cl_ord_id = leg->id,
                                .ticket = leg->ticket,
                                .side = leg->side,
                                .volume_e8 = leg->filled_e8,
                                .price_e8 = leg->price_e8,
                        });
}

void ex_book_close_booked(
        struct ex_book *book, const Pb__Deal *deal, const struct ex_position *position)
{
        char symbol[EX_NAME_SIZE];

        ex_symbols_our_name(&book->symbols, deal->symbol, symbol);
        tell_hook(book, &(struct ex_booking){
                                .closes = true,
                                .symbol = symbol,
                                .alert_id = position ? position->alert_id : "",
                                .cl_ord_id = position ? position->cl_ord_id : "",
                                .ticket = deal->position,
                                .side = ex_side_opposite(deal->side),
                                .volume_e8 = deal->volume_e8,
                                .price_e8 = deal->price_e8,
                                .profit_cents = deal->profit_cents + deal->commission_cents +
                                                deal->swap_cents,
                        });
}
