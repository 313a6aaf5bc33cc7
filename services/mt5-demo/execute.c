/*
 * What is done with a request that may run. Keeps: a request ends in exactly one of a refusal, a
 * deal or a change of stops with its result in the same write, a working order, or (link dropped,
 * no connection) nothing but its request line.
 */
#include "services/mt5-demo/desk_internal.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"
#include "services/mt5-demo/feed.h"

#include <stdio.h>

static struct record result_of(const struct order *order, unsigned int digits, uint32_t retcode,
        const char *words, struct instant at)
{
        struct record record = {
                .event = EVENT_RESULT,
                .at_us = at.wall_us,
                .attempt = order->attempt,
                .digits = digits,
                .retcode = retcode,
        };

        memcpy(record.cl_ord_id, order->cl_ord_id, sizeof(record.cl_ord_id));
        memcpy(record.symbol, order->symbol, sizeof(record.symbol));
        snprintf(record.comment, sizeof(record.comment), "%s", words);
        return record;
}

static void refuse_at(struct desk *desk, const struct order *order, struct verdict verdict,
        int64_t price_e8, struct instant at)
{
        const struct symbol_spec *spec = desk_spec(desk, order->symbol);
        struct record result =
                result_of(order, spec ? spec->digits : 0, verdict.retcode, verdict.words, at);

        result.price_e8 = price_e8;
        desk_commit(desk, &result, 1);
        desk_send_report(desk, order->cl_ord_id, order->attempt);
}

void desk_refuse(
        struct desk *desk, const struct order *order, struct verdict verdict, struct instant at)
{
        refuse_at(desk, order, verdict, 0, at);
}

/* ---- execution ---- */

/* The reply to something executed, and all the ways it can go wrong. */
static void reply_executed(struct desk *desk, const struct order *order, struct instant at)
{
        struct report timeout = { .retcode = RETCODE_TIMEOUT, .at_us = at.wall_us };
        size_t first = desk->told;
        int64_t value;

        if (faults_strike(&desk->faults, FAULT_LOSE_REPLY, order, at.mono_us, &value)) {
                desk->told = desk->account.deal_count;
                return;
        }
        if (faults_strike(&desk->faults, FAULT_TIMEOUT, order, at.mono_us, &value)) {
                desk->told = desk->account.deal_count;
                desk->out.report(order->cl_ord_id, order->attempt, &timeout, desk->out.arg);
                return;
        }
        if (faults_strike(&desk->faults, FAULT_CUT_AFTER, order, at.mono_us, &value)) {
                desk->told = desk->account.deal_count;
                desk->out.cut(desk->out.arg);
                return;
        }
        desk_tell_deals(desk, at);
        desk_send_report(desk, order->cl_ord_id, order->attempt);
        if (!faults_strike(&desk->faults, FAULT_DUPLICATE_REPORT, order, at.mono_us, &value))
                return;
        for (size_t i = first; i < desk->told; i++)
                desk->out.deal(&desk->account.deals[i], desk->out.arg);
        desk_send_report(desk, order->cl_ord_id, order->attempt);
}

static int64_t slip(struct desk *desk, const struct symbol_spec *spec)
{
        int64_t most = desk->options.slippage_ticks;

        if (!most)
                return 0;
        return (int64_t)(feed_random(&desk->random) % (uint64_t)(most + 1)) * spec->tick_size_e8;
}

/* What a partial fill leaves of VOLUME: at least one step, and less than all where that can be. */
static int64_t partial_volume(
        const struct symbol_spec *spec, int64_t volume_e8, int64_t fraction_e8)
{
        int64_t part = 0;

        bus_require(e8_muldiv(volume_e8, fraction_e8, E8_ONE, E8_FLOOR, &part) == 0);
        bus_require(e8_round_to(part, spec->lot_step_e8, E8_FLOOR, &part) == 0);
        return part ? part : spec->lot_step_e8;
}

/* On a netting account an order against the position takes from it. */
static const struct position *reduced_position(
        const struct desk *desk, const struct order *order, size_t symbol)
{
        const struct position *held;

        if (order->action == ACTION_CLOSE)
                return account_position(&desk->account, order->position);
        held = desk->options.rules.netting ? account_net_position(&desk->account, symbol) : NULL;
        return held && held->side != order->side ? held : NULL;
}

static struct record opening_deal(
        const struct desk *desk, const struct order *order, size_t symbol, uint64_t ticket)
{
        const struct position *held =
                desk->options.rules.netting ? account_net_position(&desk->account, symbol) : NULL;

        return (struct record){
                .event = EVENT_DEAL,
                .digits = desk->account.specs[symbol].digits,
                .entry = ENTRY_IN,
                .sl_e8 = order->sl_e8,
                .tp_e8 = order->tp_e8,
                .position = held ? held->ticket : ticket,
                .reason = REASON_EXPERT,
                .magic = order->magic,
                .balance_cents = desk->account.balance_cents,
        };
}

/* The deal of ORDER: VOLUME at PRICE under the order number TICKET. */
static struct record deal_of(struct desk *desk, const struct order *order, uint64_t ticket,
        int64_t volume_e8, int64_t price_e8, struct instant at)
{
        size_t symbol = (size_t)account_symbol(&desk->account, order->symbol);
        const struct position *position = reduced_position(desk, order, symbol);
        const struct quote at_price = { price_e8, price_e8 };
        struct record deal;

        if (position)
                deal = account_close_record(
                        &desk->account, position, volume_e8, at_price, REASON_EXPERT, at.wall_us);
        else
                deal = opening_deal(desk, order, symbol, ticket);
        deal.at_us = at.wall_us;
        deal.attempt = order->attempt;
        deal.side = order->side;
        deal.volume_e8 = volume_e8;
        deal.price_e8 = price_e8;
        deal.order = ticket;
        deal.ticket = desk->account.next_ticket > ticket ? desk->account.next_ticket : ticket + 1;
        memcpy(deal.cl_ord_id, order->cl_ord_id, sizeof(deal.cl_ord_id));
        memcpy(deal.symbol, order->symbol, sizeof(deal.symbol));
        memcpy(deal.comment, order->comment, sizeof(deal.comment));
        return deal;
}

static void fill(struct desk *desk, const struct order *order, uint64_t ticket, int64_t price_e8,
        struct instant at)
{
        const struct symbol_spec *spec = desk_spec(desk, order->symbol);
        int64_t volume_e8 = order->volume_e8, fraction;
        struct record records[2];

        if (faults_strike(&desk->faults, FAULT_PARTIAL, order, at.mono_us, &fraction))
                volume_e8 = partial_volume(spec, volume_e8, fraction);
        records[0] = deal_of(desk, order, ticket, volume_e8, price_e8, at);
        records[0].retcode = volume_e8 < order->volume_e8 ? RETCODE_DONE_PARTIAL : RETCODE_DONE;
        records[1] = result_of(order, spec->digits, records[0].retcode, "", at);
        records[1].volume_e8 = volume_e8;
        records[1].price_e8 = price_e8;
        records[1].ticket = records[0].ticket;
        records[1].order = ticket;
        records[1].position = records[0].position;
        desk_commit(desk, records, 2);
        reply_executed(desk, order, at);
}

static void modify(struct desk *desk, const struct order *order, struct instant at)
{
        const struct symbol_spec *spec = desk_spec(desk, order->symbol);
        struct record records[2];

        records[1] = result_of(order, spec->digits, RETCODE_DONE, "", at);
        records[1].order = desk->account.next_ticket;
        records[1].position = order->position;
        records[0] = records[1];
        records[0].event = EVENT_MODIFY;
        records[0].sl_e8 = order->sl_e8;
        records[0].tp_e8 = order->tp_e8;
        desk_commit(desk, records, 2);
        reply_executed(desk, order, at);
}

/* ---- what comes before it ---- */

static bool holds(
        const struct desk *desk, enum fault_kind kind, const struct order *order, struct instant at)
{
        int64_t value;

        return faults_hold(&desk->faults, kind, order->symbol, at.mono_us, &value);
}

/* What keeps the terminal from sending at all. Its own clock judges the deadline. */
static struct verdict check_terminal(
        const struct desk *desk, const struct order *order, struct instant at)
{
        int64_t skew_us = 0;

        (void)faults_hold(&desk->faults, FAULT_CLOCK_SKEW, NULL, at.mono_us, &skew_us);
        if (order->deadline_us && at.wall_us + skew_us > order->deadline_us)
                return (struct verdict){ RETCODE_REJECT, "expired" };
        if (holds(desk, FAULT_AUTOTRADING_OFF, order, at))
                return (struct verdict){ RETCODE_CLIENT_DISABLES_AT, "autotrading is off" };
        if (holds(desk, FAULT_DISCONNECTED, order, at))
                return (struct verdict){ RETCODE_CONNECTION, "no connection to the trade server" };
        if (holds(desk, FAULT_MARKET_CLOSED, order, at))
                return (struct verdict){ RETCODE_MARKET_CLOSED, "market is closed" };
        return (struct verdict){ 0 };
}

static struct verdict check_refusals(
        struct desk *desk, const struct order *order, struct instant at)
{
        int64_t value;

        if (faults_strike(&desk->faults, FAULT_REQUOTE, order, at.mono_us, &value))
                return (struct verdict){ RETCODE_REQUOTE, "requote" };
        if (faults_strike(&desk->faults, FAULT_REJECT, order, at.mono_us, &value))
                return (struct verdict){ (uint32_t)value, "rejected on command" };
        return rules_check(&desk->options.rules, &desk->account, desk->quotes, order, at.wall_us);
}

/* The price a refusal may be retried at. */
static int64_t current_price(const struct desk *desk, const struct order *order)
{
        int symbol = account_symbol(&desk->account, order->symbol);

        return symbol < 0 ? 0 : quote_for(desk->quotes[symbol], order->side);
}

static void place(struct desk *desk, const struct order *order, int64_t delay_us, struct instant at)
{
        struct record result = result_of(
                order, desk_spec(desk, order->symbol)->digits, RETCODE_PLACED, "placed", at);

        result.order = desk->account.next_ticket;
        result.volume_e8 = 0;
        desk_commit(desk, &result, 1);
        desk_add_job(desk, order, result.order, at.mono_us + delay_us);
        desk_send_report(desk, order->cl_ord_id, order->attempt);
}

static void trade(struct desk *desk, const struct order *order, struct instant at)
{
        const struct symbol_spec *spec = desk_spec(desk, order->symbol);
        size_t symbol = (size_t)account_symbol(&desk->account, order->symbol);
        struct verdict verdict;
        int64_t price_e8, delay_us;

        if (faults_strike(&desk->faults, FAULT_PLACE, order, at.mono_us, &delay_us)) {
                place(desk, order, delay_us, at);
                return;
        }
        verdict = rules_fill(order, order->side, desk->quotes[symbol], slip(desk, spec), &price_e8);
        if (verdict.retcode)
                refuse_at(desk, order, verdict, current_price(desk, order), at);
        else
                fill(desk, order, desk->account.next_ticket, price_e8, at);
}

void desk_execute(struct desk *desk, const struct order *order, struct instant at)
{
        struct verdict verdict = check_terminal(desk, order, at);
        int64_t value;

        if (!verdict.retcode &&
                faults_strike(&desk->faults, FAULT_CUT_BEFORE, order, at.mono_us, &value)) {
                desk->out.cut(desk->out.arg);
                return;
        }
        if (!verdict.retcode)
                verdict = check_refusals(desk, order, at);
        if (verdict.retcode)
                refuse_at(desk, order, verdict, current_price(desk, order), at);
        else if (order->action == ACTION_MODIFY)
                modify(desk, order, at);
        else
                trade(desk, order, at);
}

void desk_fill_placed(
        struct desk *desk, const struct order *order, uint64_t ticket, struct instant at)
{
        struct verdict verdict =
                rules_check(&desk->options.rules, &desk->account, desk->quotes, order, at.wall_us);

        if (verdict.retcode)
                refuse_at(desk, order, verdict, 0, at);
        else
                fill(desk, order, ticket, current_price(desk, order), at);
}
