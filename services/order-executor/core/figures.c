/*
 * What the strategy holds and has lost: the figures of the caps, of the context and of the account.
 */
#include "services/order-executor/core/book_internal.h"

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

static bool is_skipped(
        const char *symbol, Pb__Side side, const char *skip_symbol, uint32_t skip_sides)
{
        return skip_symbol && (skip_sides & ex_side_bit(side)) && !strcmp(symbol, skip_symbol);
}

static void add_positions(const struct ex_book *book, struct ex_figures *figures,
        const char *skip_symbol, uint32_t skip_sides)
{
        struct ex_table_at at;

        for (struct ex_position *position = ex_table_first(&book->positions, &at); position;
                position = ex_table_next(&book->positions, &at)) {
                if (!position->ours || !ex_position_open_e8(position) ||
                        is_skipped(position->symbol, position->side, skip_symbol, skip_sides))
                        continue;
                figures->open_positions++;
                figures->open_risk_cents += position_risk(book, position);
        }
}

/* A leg that may be, or become, a position that is not in the books yet. */
static bool is_under_way(const struct ex_book *book, const struct ex_order *order)
{
        if (!ex_order_is_leg(order))
                return false;
        if (order->state != STATE(INTENT) && !ex_order_in_doubt(order))
                return false;
        return !order->ticket || !ex_book_position(book, order->ticket);
}

static void add_job(
        const struct ex_book *book, const struct ex_job *job, struct ex_figures *figures)
{
        for (size_t i = 0; i < job->order_count; i++) {
                const struct ex_order *order = job->orders[i];

                if (ex_order_is_final(order))
                        continue;
                figures->live_orders++;
                figures->unknown_orders += order->state == STATE(UNKNOWN);
                figures->manual_orders += order->state == STATE(MANUAL);
                if (is_under_way(book, order)) {
                        figures->open_positions++;
                        figures->open_risk_cents += leg_risk(book, order);
                }
        }
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

struct ex_figures ex_book_figures(
        const struct ex_book *book, const char *skip_symbol, uint32_t skip_sides)
{
        struct ex_figures figures = { 0 };
        int64_t counted;

        add_positions(book, &figures, skip_symbol, skip_sides);
        for (size_t i = 0; i < book->queue_count; i++)
                for (size_t j = 0; j < book->queues[i]->count; j++)
                        add_job(book, book->queues[i]->jobs[j], &figures);
        counted = book->limits.count_open_risk ? figures.open_risk_cents : 0;
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
        book->margin = (struct ex_margin){
                .known = true,
                .equity_cents = account->equity_cents,
                .free_cents = account->margin_free_cents,
        };
        for (size_t i = 0; i < book->queue_count; i++)
                for (size_t j = 0; j < book->queues[i]->count; j++)
                        book->margin.reserved_cents +=
                                margin_under_way(book, book->queues[i]->jobs[j]);
}

static void tell_hook(const struct ex_book *book, const struct ex_booking *booking)
{
        if (book->service_layer && book->hook.fn)
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
