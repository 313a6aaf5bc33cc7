#include "services/order-executor/core/test_figures.h"

#define STATE(name) PB__ORDER_STATE__ORDER_STATE_##name

static int64_t loss(
        const struct ex_book *book, const char *name, int64_t distance_e8, int64_t volume_e8)
{
        const struct ex_symbol *symbol = ex_symbols_by_name(&book->symbols, name);

        return symbol ? ex_symbol_loss_cents(symbol, distance_e8, volume_e8) : 0;
}

static void add_position(
        struct ex_figures *figures, const struct ex_book *book, const struct ex_position *position)
{
        const int64_t sign = position->side == PB__SIDE__SIDE_BUY ? 1 : -1;

        figures->open_positions++;
        if (position->sl_e8)
                figures->open_risk_cents += loss(book, position->symbol,
                        sign * (position->open_price_e8 - position->sl_e8),
                        ex_position_open_e8(position));
        else if (position->profit_cents < 0)
                figures->open_risk_cents -= position->profit_cents;
}

static void add_order(
        struct ex_figures *figures, const struct ex_book *book, const struct ex_order *order)
{
        const bool doubt = order->state == STATE(UNKNOWN) || order->state == STATE(MANUAL);
        int64_t distance_e8 = order->job->price_e8 - order->sl_e8;

        if (ex_order_is_final(order))
                return;
        figures->live_orders++;
        figures->unknown_orders += order->state == STATE(UNKNOWN);
        figures->manual_orders += order->state == STATE(MANUAL);
        /* asked for and never seen: it has not begun */
        if (order->state == STATE(INTENT) && order->job->phase != EX_JOB_OPENING)
                return;
        if (!ex_order_is_leg(order) || !(doubt || order->state == STATE(INTENT)) ||
                (order->ticket && ex_book_position(book, order->ticket)))
                return;
        figures->open_positions++;
        if (order->sl_e8)
                figures->open_risk_cents += loss(book, order->job->symbol,
                        distance_e8 < 0 ? -distance_e8 : distance_e8, order->volume_e8);
}

struct ex_figures test_figures_of(
        const struct ex_book *book, const char *skip_symbol, uint32_t skip_sides)
{
        struct ex_figures figures = { 0 };
        struct ex_table_at at;
        int64_t counted;

        for (struct ex_position *position = ex_table_first(&book->positions, &at); position;
                position = ex_table_next(&book->positions, &at))
                if (position->ours && ex_position_open_e8(position) &&
                        !(skip_symbol && (skip_sides & ex_side_bit(position->side)) &&
                                !strcmp(skip_symbol, position->symbol)))
                        add_position(&figures, book, position);
        for (size_t i = 0; i < book->queue_count; i++)
                for (size_t j = 0; j < book->queues[i]->count; j++)
                        for (size_t k = 0; k < book->queues[i]->jobs[j]->order_count; k++)
                                add_order(&figures, book, book->queues[i]->jobs[j]->orders[k]);
        counted = book->limits.count_open_risk ? figures.open_risk_cents : 0;
        figures.daily_loss_cents = ex_risk_day_loss_cents(&book->risk) + counted;
        figures.lifetime_loss_cents = ex_risk_lifetime_loss_cents(&book->risk) + counted;
        return figures;
}

/* Filled legs that no exit may forget because nobody knows their position. */
static uint32_t unplaced(const struct ex_book *book)
{
        struct ex_table_at at;
        uint32_t count = 0;

        for (struct ex_order *order = ex_table_first(&book->orders, &at); order;
                order = ex_table_next(&book->orders, &at))
                count += ex_order_is_leg(order) && ex_order_filled(order) && !order->ticket;
        return count;
}

/* Each position stands once, in the row of its symbol and side. */
static bool rows_hold(const struct ex_book *book)
{
        size_t count = 0;

        for (size_t i = 0; i < book->holding_count; i++)
                for (Pb__Side side = PB__SIDE__SIDE_BUY; side <= PB__SIDE__SIDE_SELL; side++)
                        for (const struct ex_position *position =
                                        book->holdings[i]->sides[side].first;
                                position; position = position->next, count++)
                                if (position->side != side ||
                                        strcmp(position->symbol, book->holdings[i]->symbol) != 0 ||
                                        ex_book_position(book, position->ticket) != position)
                                        return false;
        return count == book->positions.count;
}

bool test_figures_hold(const struct ex_book *book, const char *skip_symbol, uint32_t skip_sides)
{
        const struct ex_figures kept = ex_book_figures(book, skip_symbol, skip_sides);
        const struct ex_figures counted = test_figures_of(book, skip_symbol, skip_sides);

        return kept.open_positions == counted.open_positions &&
               kept.open_risk_cents == counted.open_risk_cents &&
               kept.daily_loss_cents == counted.daily_loss_cents &&
               kept.lifetime_loss_cents == counted.lifetime_loss_cents &&
               kept.live_orders == counted.live_orders &&
               kept.unknown_orders == counted.unknown_orders &&
               kept.manual_orders == counted.manual_orders &&
               book->tally.unplaced == unplaced(book) && rows_hold(book);
}
