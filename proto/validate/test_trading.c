/*
 * Signals, decisions, orders and trades: nothing that costs money passes half right.
 */
#include "proto/validate/refused.h"

#define E8 INT64_C(100000000)

Test(signal, names_the_field_that_is_wrong)
{
        REFUSED(signal, "type", m.type = (Pb__AlertType)0);
        REFUSED(signal, "type", m.type = (Pb__AlertType)5);
        REFUSED(signal, "signal_type", m.signal_type = PB__SIGNAL_TYPE__SIGNAL_TYPE_BULLISH_EXIT);
        REFUSED(signal, "symbol", m.symbol = (char *)"");
        REFUSED(signal, "symbol", m.symbol = (char *)"XAU/USD");
        REFUSED(signal, "symbol", m.symbol = (char *)"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456");
        REFUSED(signal, "direction", m.direction = PB__SIDE__SIDE_UNSPECIFIED);
        REFUSED(signal, "direction", m.direction = (Pb__Side)3);
        REFUSED(signal, "direction",
                m.signal_type = PB__SIGNAL_TYPE__SIGNAL_TYPE_SCREENER_FULL_BEARISH);
        REFUSED(signal, "tf", m.tf = PB__TIMEFRAME__TIMEFRAME_UNSPECIFIED);
        REFUSED(signal, "tf", m.tf = (Pb__Timeframe)11);
        REFUSED(signal, "price_e8", m.price_e8 = 0);
        REFUSED(signal, "price_e8", m.price_e8 = 10000000 * E8 + 1);
        REFUSED(signal, "source", m.source = (char *)"");
        REFUSED(signal, "source", m.source = (char *)"tv\n");
        REFUSED(signal, "received_us", m.received_us = 0);
        REFUSED(signal, "born_us", m.born_us = m.received_us + 1);
        REFUSED(signal, "idempotency_key", m.idempotency_key = (char *)"");
        REFUSED(signal, "raw", m.raw.len = 0);
        REFUSED(signal, "raw", m.raw.len = 16385);
        REFUSED(signal, "warnings", m.warnings[0]->message = (char *)"\xed\xa0\x80");
        REFUSED(signal, "warnings", m.n_warnings = 129);
}

Test(signal, judges_optional_values_only_where_they_are_given)
{
        REFUSED(signal, "consensus_score", m.consensus_score = 10);
        REFUSED(signal, "consensus_score", m.consensus_score = -1);
        REFUSED(signal, "consensus_score", (m.has_score = false, m.consensus_score = 0));
        REFUSED(signal, "sl_e8", m.sl_e8 = 0);
        REFUSED(signal, "sl_e8", m.has_sl = false);
        PASSES(signal, (m.has_sl = false, m.sl_e8 = 0));
        REFUSED(signal, "multiplier_e8", m.multiplier_e8 = E8 / 10 - 1);
        REFUSED(signal, "multiplier_e8", m.multiplier_e8 = 2 * E8 + 100000);
        REFUSED(signal, "multiplier_e8", m.multiplier_e8 = E8 + 1);
        REFUSED(signal, "multiplier_e8", m.has_multiplier = false);
        PASSES(signal, (m.has_multiplier = false, m.multiplier_e8 = E8));
        REFUSED(signal, "market_trend", m.market_trend = 2);
        REFUSED(signal, "market_trend", m.has_market_trend = false);
        REFUSED(signal, "mtf_trends", m.n_mtf_trends = 4);
        PASSES(signal, m.n_mtf_trends = 0);
}

Test(signal, holds_the_stops_of_an_entry_to_their_sides)
{
        REFUSED(signal, "stops", m.sl_e8 = m.price_e8);
        REFUSED(signal, "stops", m.tp1_e8 = m.price_e8);
        REFUSED(signal, "stops", m.tp2_e8 = m.price_e8 - 1);
        REFUSED(signal, "stops", m.tp1_e8 = m.tp2_e8 + 1);
        REFUSED(signal, "stops", m.direction = PB__SIDE__SIDE_SELL);
        PASSES(signal, (m.direction = PB__SIDE__SIDE_SELL, m.sl_e8 = m.price_e8 + 1,
                               m.tp1_e8 = m.tp2_e8 = m.price_e8 - 1));
}

static void make_exit(Pb__Signal *m)
{
        m->type = PB__ALERT_TYPE__ALERT_TYPE_EXIT;
        m->signal_type = PB__SIGNAL_TYPE__SIGNAL_TYPE_BEARISH_EXIT;
}

Test(signal, lets_an_exit_through_without_its_decoration)
{
        PASSES(signal, (make_exit(&m), m.tf = PB__TIMEFRAME__TIMEFRAME_UNSPECIFIED));
        PASSES(signal, (make_exit(&m), m.price_e8 = 0));
        PASSES(signal, (make_exit(&m), m.direction = PB__SIDE__SIDE_SELL));
        PASSES(signal, (make_exit(&m), m.has_score = false, m.consensus_score = 0));
        REFUSED(signal, "symbol", (make_exit(&m), m.symbol = (char *)"?"));
        REFUSED(signal, "price_e8", (make_exit(&m), m.price_e8 = -1));
}

Test(signal, needs_no_context_but_a_sane_one)
{
        Pb__Context context = PB__CONTEXT__INIT;

        PASSES(signal, m.context = NULL);
        PASSES(signal, m.context = &context);
        context.balance_cents = -500;
        PASSES(signal, m.context = &context);
        context.daily_loss_cents = -1;
        REFUSED(signal, "context", m.context = &context);
}

Test(decision, names_the_field_that_is_wrong)
{
        REFUSED(decision, "slot", m.slot = (char *)"");
        REFUSED(decision, "plugin", m.plugin = (char *)"../evil");
        REFUSED(decision, "plugin", m.plugin = (char *)"");
        REFUSED(decision, "epoch", m.epoch = UINT64_MAX);
        REFUSED(decision, "symbol", m.symbol = NULL);
        REFUSED(decision, "verdict", m.verdict = (Pb__Verdict)6);
        REFUSED(decision, "verdict", m.verdict = PB__VERDICT__VERDICT_REJECT);
        REFUSED(decision, "verdict", m.n_legs = m.n_closes = 0);
        REFUSED(decision, "reason", m.reason = PB__REASON__REASON_DAILY_CAP);
        REFUSED(decision, "reason", m.reason = (Pb__Reason)15);
        REFUSED(decision, "strength", m.strength = 10);
        REFUSED(decision, "route", m.route = 4);
        REFUSED(decision, "routing", m.routing = (Pb__Routing)4);
        REFUSED(decision, "total_lot_e8", m.total_lot_e8 = -1);
        REFUSED(decision, "expected_loss_cents", m.expected_loss_cents = -1);
        REFUSED(decision, "decide_ns", m.decide_ns = -1);
        REFUSED(decision, "error", m.error = (char *)"\xff");
}

Test(decision, may_do_nothing_without_a_plugin)
{
        PASSES(decision,
                (m.plugin = (char *)"", m.verdict = PB__VERDICT__VERDICT_REJECT,
                        m.reason = PB__REASON__REASON_NO_ACTIVE_PLUGIN, m.n_legs = m.n_closes = 0));
        REFUSED(decision, "reason",
                (m.verdict = PB__VERDICT__VERDICT_REJECT,
                        m.reason = PB__REASON__REASON_PLUGIN_ERROR, m.n_legs = m.n_closes = 0));
}

Test(order, names_the_field_that_is_wrong)
{
        REFUSED(order, "slot", m.slot = (char *)"V3");
        REFUSED(order, "plugin", m.plugin = (char *)"");
        REFUSED(order, "symbol", m.symbol = (char *)"");
        REFUSED(order, "verdict", m.verdict = (Pb__Verdict)0);
        REFUSED(order, "kind", m.kind = (Pb__OrderKind)0);
        REFUSED(order, "kind", m.kind = (Pb__OrderKind)3);
        REFUSED(order, "kind", m.kind = PB__ORDER_KIND__ORDER_KIND_EXIT);
        REFUSED(order, "price_e8", m.price_e8 = 0);
        REFUSED(order, "received_us", m.received_us = 0);
        REFUSED(order, "born_us", m.born_us = 0);
        REFUSED(order, "born_us", m.born_us = m.received_us + 1);
        REFUSED(order, "context_as_of_us", m.context_as_of_us = -1);
}

Test(order, has_each_leg_once_and_all_on_one_side)
{
        REFUSED(order, "legs", m.n_legs = 3);
        REFUSED(order, "legs", m.legs[1]->leg = PB__LEG__LEG_A);
        REFUSED(order, "legs", m.legs[1]->leg = (Pb__Leg)3);
        REFUSED(order, "legs", m.legs[1]->side = PB__SIDE__SIDE_SELL);
        REFUSED(order, "legs", m.legs[1]->side = PB__SIDE__SIDE_UNSPECIFIED);
        REFUSED(order, "legs", m.legs[0]->volume_e8 = 0);
        REFUSED(order, "legs", m.legs[0]->volume_e8 = INT64_MAX);
        REFUSED(order, "legs", m.legs[0]->sl_e8 = 0);
        REFUSED(order, "legs", m.legs[0]->tp_e8 = m.legs[0]->sl_e8);
        PASSES(order, m.n_legs = 1);
}

Test(order, closes_the_other_side_or_exits)
{
        REFUSED(order, "closes", m.n_closes = 2);
        REFUSED(order, "closes", m.closes[0]->side = PB__SIDE__SIDE_BUY);
        REFUSED(order, "closes", m.closes[0]->reason = PB__CLOSE_REASON__CLOSE_REASON_EXIT);
        REFUSED(order, "closes", m.closes[0]->reason = (Pb__CloseReason)3);
        PASSES(order, m.n_closes = 0);
        REFUSED(order, "kind", m.n_legs = m.n_closes = 0);
        PASSES(order, (m.kind = PB__ORDER_KIND__ORDER_KIND_EXIT, m.n_legs = 0, m.price_e8 = 0,
                              m.closes[0]->reason = PB__CLOSE_REASON__CLOSE_REASON_EXIT));
        REFUSED(order, "kind",
                (m.n_legs = 0, m.closes[0]->reason = PB__CLOSE_REASON__CLOSE_REASON_EXIT));
}

Test(order, of_a_test_alert_goes_on_whatever_the_verdict)
{
        PASSES(order, (m.verdict = PB__VERDICT__VERDICT_REJECT, m.n_legs = m.n_closes = 0));
        PASSES(order, (m.verdict = PB__VERDICT__VERDICT_IGNORE, m.n_legs = m.n_closes = 0,
                              m.kind = (Pb__OrderKind)0, m.plugin = (char *)""));
        REFUSED(order, "legs", (m.verdict = PB__VERDICT__VERDICT_REJECT, m.legs[0]->sl_e8 = -1));
}

Test(trade, names_the_field_that_is_wrong)
{
        REFUSED(trade, "event", m.event = (Pb__TradeEvent)0);
        REFUSED(trade, "event", m.event = (Pb__TradeEvent)18);
        REFUSED(trade, "symbol", m.symbol = (char *)"");
        REFUSED(trade, "role", m.role = (Pb__OrderRole)6);
        REFUSED(trade, "state", m.state = (Pb__OrderState)13);
        REFUSED(trade, "cl_ord_id", m.cl_ord_id = (char *)"0123456789ABCDE");
        REFUSED(trade, "cl_ord_id", m.cl_ord_id = (char *)"0123456789ABCDEI");
        REFUSED(trade, "cl_ord_id", m.cl_ord_id = (char *)"");
        REFUSED(trade, "attempt", m.attempt = 1000001);
        REFUSED(trade, "side", m.side = (Pb__Side)3);
        REFUSED(trade, "reason", m.reason = (char *)"max age");
        REFUSED(trade, "filled_e8", m.filled_e8 = -1);
        REFUSED(trade, "retcode", m.retcode = 65536);
        REFUSED(trade, "ticket", m.ticket = UINT64_MAX);
        REFUSED(trade, "profit_cents", m.profit_cents = INT64_MIN);
        REFUSED(trade, "deal_reason", m.deal_reason = (Pb__DealReason)6);
}

Test(trade, names_one_order_unless_it_is_of_the_whole_alert)
{
        PASSES(trade, (m.event = PB__TRADE_EVENT__TRADE_EVENT_DONE, m.cl_ord_id = (char *)"",
                              m.role = (Pb__OrderRole)0, m.state = (Pb__OrderState)0));
        REFUSED(trade, "role", m.role = (Pb__OrderRole)0);
        REFUSED(trade, "state", m.state = (Pb__OrderState)0);
        REFUSED(trade, "reason", m.event = PB__TRADE_EVENT__TRADE_EVENT_REFUSED);
        PASSES(trade,
                (m.event = PB__TRADE_EVENT__TRADE_EVENT_REFUSED, m.reason = (char *)"killed"));
}
