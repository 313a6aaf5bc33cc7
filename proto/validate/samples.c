#include "proto/validate/samples.h"

#include "libbus/base/require.h"

#include "proto/validate.h"

#define E8     INT64_C(100000000)
#define NOW_US INT64_C(1795372800000000) /* 2026-11-22 18:40 */
#define ID     "01KAPJWM00ABCDEFGHJKMNPQRS"
#define ID_2   "01KAPJWM01ABCDEFGHJKMNPQRS"
#define ORD_ID "0123456789ABCDEF"

static Pb__Position position(uint64_t seq)
{
        Pb__Position p = PB__POSITION__INIT;

        p.incarnation = seq ? 1795372000000 : 0;
        p.seq = seq;
        return p;
}

Pb__Envelope sample_envelope(void)
{
        static Pb__Stamp stamp;
        static Pb__Stamp *stamps[] = { &stamp };
        static Pb__Position at, before, origin;
        static uint8_t body[] = { 0x0a, 0x02, 't', 'v' };
        Pb__Envelope m = PB__ENVELOPE__INIT;

        stamp = (Pb__Stamp)PB__STAMP__INIT;
        stamp.step = PB__STEP__STEP_HTTP_RECEIVED;
        stamp.at_us = NOW_US;
        at = position(8);
        before = position(7);
        origin = position(8);
        m.schema = 1;
        m.stream = (char *)"decision@strategy-v3";
        m.message_id = (char *)ID;
        m.alert_id = (char *)ID_2;
        m.n_stamps = 1;
        m.stamps = stamps;
        m.body.data = body;
        m.body.len = sizeof(body);
        m.staged_us = NOW_US;
        m.origin = &origin;
        m.position = &at;
        m.predecessor = &before;
        return m;
}

Pb__Beacon sample_beacon(void)
{
        static Pb__Position first, last, forked;
        static Pb__Fork fork;
        static Pb__Fork *forks[] = { &fork };
        Pb__Beacon m = PB__BEACON__INIT;

        first = position(1);
        last = position(9);
        forked = position(5);
        forked.incarnation--;
        fork = (Pb__Fork)PB__FORK__INIT;
        fork.incarnation = last.incarnation;
        fork.fork = &forked;
        m.stream = (char *)"signal@alert-ingest";
        m.incarnation = last.incarnation;
        m.first = &first;
        m.last = &last;
        m.n_forks = 1;
        m.forks = forks;
        return m;
}

Pb__ReplayRequest sample_replay_request(void)
{
        static Pb__Position after;
        Pb__ReplayRequest m = PB__REPLAY_REQUEST__INIT;

        after = position(3);
        m.request_id = 7;
        m.stream = (char *)"signal@alert-ingest";
        m.after = &after;
        m.max_messages = 256;
        return m;
}

Pb__ReplayReply sample_replay_reply(void)
{
        static Pb__Position after, first, last;
        static uint8_t envelope[] = { 0x08, 0x01 };
        static Pb__Record record;
        static Pb__Record *records[] = { &record };
        Pb__ReplayReply m = PB__REPLAY_REPLY__INIT;

        after = position(3);
        first = position(1);
        last = position(4);
        record = (Pb__Record)PB__RECORD__INIT;
        record.topic = (char *)"signal.v3.XAUUSD";
        record.envelope.data = envelope;
        record.envelope.len = sizeof(envelope);
        m.request_id = 7;
        m.stream = (char *)"signal@alert-ingest";
        m.status = PB__REPLAY_STATUS__REPLAY_STATUS_OK;
        m.after = &after;
        m.first = &first;
        m.last = &last;
        m.n_records = 1;
        m.records = records;
        m.end = true;
        return m;
}

static Pb__Context *sample_context(void)
{
        static Pb__Context context;

        context = (Pb__Context)PB__CONTEXT__INIT;
        context.balance_cents = 1000000;
        context.equity_cents = 999000;
        context.daily_loss_cents = 1000;
        context.lifetime_loss_cents = 2000;
        context.open_buy = 1;
        context.as_of_us = NOW_US - 1000000;
        return &context;
}

Pb__Signal sample_signal(void)
{
        static int32_t trends[] = { 1, 1, 0, -1, 1 };
        static Pb__Warning warning;
        static Pb__Warning *warnings[] = { &warning };
        static uint8_t raw[] = "{\"type\":\"entry_v3\"}";
        Pb__Signal m = PB__SIGNAL__INIT;

        warning = (Pb__Warning)PB__WARNING__INIT;
        warning.code = (char *)"unknown_field";
        warning.field = (char *)"colour";
        warning.message = (char *)"not used";
        m.source = (char *)"tradingview";
        m.received_us = NOW_US;
        m.born_us = NOW_US - 2000000;
        m.type = PB__ALERT_TYPE__ALERT_TYPE_ENTRY;
        m.signal_type = PB__SIGNAL_TYPE__SIGNAL_TYPE_MOMENTUM_BREAKOUT;
        m.symbol = (char *)"XAUUSD";
        m.direction = PB__SIDE__SIDE_BUY;
        m.tf = PB__TIMEFRAME__TIMEFRAME_15;
        m.price_e8 = 2650 * E8;
        m.has_score = m.has_sl = m.has_tp1 = m.has_tp2 = true;
        m.has_multiplier = m.has_market_trend = true;
        m.consensus_score = 8;
        m.sl_e8 = 2644 * E8;
        m.tp1_e8 = 2659 * E8;
        m.tp2_e8 = 2668 * E8;
        m.multiplier_e8 = E8 * 8 / 10;
        m.market_trend = -1;
        m.n_mtf_trends = BUS_COUNT(trends);
        m.mtf_trends = trends;
        m.context = sample_context();
        m.idempotency_key = (char *)"tv-4711";
        m.n_warnings = 1;
        m.warnings = warnings;
        m.raw.data = raw;
        m.raw.len = sizeof(raw) - 1;
        return m;
}

static Pb__DecisionLeg **sample_legs(void)
{
        static Pb__DecisionLeg a, b;
        static Pb__DecisionLeg *legs[] = { &a, &b };

        a = (Pb__DecisionLeg)PB__DECISION_LEG__INIT;
        a.leg = PB__LEG__LEG_A;
        a.side = PB__SIDE__SIDE_BUY;
        a.volume_e8 = E8 / 50;
        a.sl_e8 = 2644 * E8;
        a.tp_e8 = 2668 * E8;
        b = a;
        b.leg = PB__LEG__LEG_B;
        b.tp_e8 = 2659 * E8;
        return legs;
}

static Pb__DecisionClose **sample_closes(void)
{
        static Pb__DecisionClose close;
        static Pb__DecisionClose *closes[] = { &close };

        close = (Pb__DecisionClose)PB__DECISION_CLOSE__INIT;
        close.side = PB__SIDE__SIDE_SELL;
        close.reason = PB__CLOSE_REASON__CLOSE_REASON_REVERSAL;
        return closes;
}

Pb__Decision sample_decision(void)
{
        Pb__Decision m = PB__DECISION__INIT;

        m.slot = (char *)"v3";
        m.plugin = (char *)"legacy_v3";
        m.plugin_build = (char *)"9f86d081884c7d65";
        m.config_hash = (char *)"60303ae22b998861";
        m.epoch = 3;
        m.symbol = (char *)"XAUUSD";
        m.verdict = PB__VERDICT__VERDICT_EXECUTE;
        m.reason = PB__REASON__REASON_OK;
        m.direction = PB__SIDE__SIDE_BUY;
        m.strength = 8;
        m.route = 2;
        m.routing = PB__ROUTING__ROUTING_TIMEFRAME;
        m.aggressive = true;
        m.base_lot_e8 = E8 / 20;
        m.signal_factor_e8 = E8 * 8 / 10;
        m.route_multiplier_e8 = E8;
        m.total_lot_e8 = E8 / 25;
        m.expected_loss_cents = 2200;
        m.n_legs = 2;
        m.legs = sample_legs();
        m.n_closes = 1;
        m.closes = sample_closes();
        m.decide_ns = 1200;
        return m;
}

Pb__Order sample_order(void)
{
        Pb__Order m = PB__ORDER__INIT;

        m.slot = (char *)"v3";
        m.epoch = 3;
        m.plugin = (char *)"legacy_v3";
        m.kind = PB__ORDER_KIND__ORDER_KIND_ENTRY;
        m.symbol = (char *)"XAUUSD";
        m.n_legs = 2;
        m.legs = sample_legs();
        m.n_closes = 1;
        m.closes = sample_closes();
        m.price_e8 = 2650 * E8;
        m.received_us = NOW_US;
        m.born_us = NOW_US - 1;
        m.context_as_of_us = NOW_US - 1000000;
        m.verdict = PB__VERDICT__VERDICT_EXECUTE;
        return m;
}

Pb__Trade sample_trade(void)
{
        Pb__Trade m = PB__TRADE__INIT;

        m.event = PB__TRADE_EVENT__TRADE_EVENT_FILLED;
        m.slot = (char *)"v3";
        m.epoch = 3;
        m.plugin = (char *)"legacy_v3";
        m.symbol = (char *)"XAUUSD";
        m.role = PB__ORDER_ROLE__ORDER_ROLE_LEG_A;
        m.state = PB__ORDER_STATE__ORDER_STATE_FILLED;
        m.cl_ord_id = (char *)ORD_ID;
        m.attempt = 1;
        m.side = PB__SIDE__SIDE_BUY;
        m.volume_e8 = m.filled_e8 = E8 / 50;
        m.price_e8 = 2650 * E8;
        m.sl_e8 = 2644 * E8;
        m.tp_e8 = 2668 * E8;
        m.ticket = 1001;
        m.deal = 2001;
        m.retcode = 10009;
        m.commission_cents = -7;
        m.deal_reason = PB__DEAL_REASON__DEAL_REASON_EXPERT;
        m.alert_price_e8 = 2650 * E8;
        return m;
}

Pb__Account sample_account(void)
{
        static Pb__AccountPosition open;
        static Pb__AccountPosition *positions[] = { &open };
        Pb__Account m = PB__ACCOUNT__INIT;

        open = (Pb__AccountPosition)PB__ACCOUNT_POSITION__INIT;
        open.ticket = 1001;
        open.symbol = (char *)"XAUUSD";
        open.side = PB__SIDE__SIDE_BUY;
        open.volume_e8 = E8 / 50;
        open.open_price_e8 = 2650 * E8;
        open.sl_e8 = 2644 * E8;
        open.profit_cents = -120;
        open.cl_ord_id = (char *)ORD_ID;
        open.ours = true;
        m.as_of_us = NOW_US;
        m.connected = true;
        m.balance_cents = 1000000;
        m.equity_cents = 999880;
        m.margin_free_cents = 990000;
        m.daily_loss_cents = 1000;
        m.lifetime_loss_cents = 2000;
        m.open_risk_cents = 1200;
        m.n_positions = 1;
        m.positions = positions;
        return m;
}

Pb__Control sample_control(void)
{
        Pb__Control m = PB__CONTROL__INIT;

        m.command = PB__COMMAND__COMMAND_ENABLE_PLUGIN;
        m.actor = (char *)"admin@127.0.0.1";
        m.reason = (char *)"rehearsal";
        m.plugin = (char *)"combined_v3";
        m.expected_epoch = 3;
        m.deadline_us = NOW_US + 5000000;
        m.gate_passed = true;
        return m;
}

Pb__ControlResult sample_control_result(void)
{
        static Pb__ResultFact fact;
        static Pb__ResultFact *facts[] = { &fact };
        Pb__ControlResult m = PB__CONTROL_RESULT__INIT;

        fact = (Pb__ResultFact)PB__RESULT_FACT__INIT;
        fact.key = (char *)"active";
        fact.value = (char *)"combined_v3";
        m.command_id = (char *)ID;
        m.command = PB__COMMAND__COMMAND_ENABLE_PLUGIN;
        m.service = (char *)"strategy-v3";
        m.status = PB__RESULT_STATUS__RESULT_STATUS_DONE;
        m.text = (char *)"combined_v3 decides from the next signal on";
        m.n_facts = 1;
        m.facts = facts;
        return m;
}

Pb__Comparison sample_comparison(void)
{
        static Pb__Position signal;
        Pb__Comparison m = PB__COMPARISON__INIT;

        signal = position(17);
        m.plugin = (char *)"combined_v3";
        m.against = (char *)"legacy_v3";
        m.class_ = PB__COMPARISON_CLASS__COMPARISON_CLASS_ONE_SIDED;
        m.critical = true;
        m.plugin_build = (char *)"9f86d081884c7d65";
        m.config_hash = (char *)"60303ae22b998861";
        m.live_ns = 1200;
        m.shadow_ns = 1300;
        m.against_build = (char *)"4355a46b19d348dc";
        m.against_config = (char *)"53c234e5e8472b6a";
        m.kind = PB__ALERT_TYPE__ALERT_TYPE_ENTRY;
        m.source = PB__COMPARISON_SOURCE__COMPARISON_SOURCE_LIVE;
        m.live_latency_us = 310;
        m.shadow_latency_us = 290;
        m.symbol = (char *)"XAUUSD";
        m.live_verdict = PB__VERDICT__VERDICT_EXECUTE;
        m.live_reason = PB__REASON__REASON_OK;
        m.shadow_verdict = PB__VERDICT__VERDICT_REJECT;
        m.shadow_reason = PB__REASON__REASON_LOW_STRENGTH;
        m.epoch = 3;
        m.signal = &signal;
        m.received_us = NOW_US;
        return m;
}

Pb__Alarm sample_alarm(void)
{
        Pb__Alarm m = PB__ALARM__INIT;

        m.code = (char *)"order_unknown";
        m.subject = (char *)ORD_ID;
        m.severity = PB__SEVERITY__SEVERITY_CRITICAL;
        m.raised = true;
        m.text = (char *)"no answer from the terminal for 60 s";
        return m;
}

Pb__Heartbeat sample_heartbeat(void)
{
        static Pb__StreamLag lag;
        static Pb__StreamLag *lags[] = { &lag };
        static uint64_t buckets[] = { 1, 1, 4 };
        static Pb__Metric metric;
        static Pb__Metric *metrics[] = { &metric };
        static char *facts[] = { (char *)"active=legacy_v3" };
        Pb__Heartbeat m = PB__HEARTBEAT__INIT;

        lag = (Pb__StreamLag)PB__STREAM_LAG__INIT;
        lag.stream = (char *)"signal@alert-ingest";
        metric = (Pb__Metric)PB__METRIC__INIT;
        metric.name = (char *)"umbra_decide_seconds";
        metric.labels = (char *)"plugin=\"legacy_v3\"";
        metric.kind = PB__METRIC_KIND__METRIC_KIND_HISTOGRAM;
        metric.value = 0.25;
        metric.n_buckets = BUS_COUNT(buckets);
        metric.buckets = buckets;
        metric.help = (char *)"time of one decide()";
        m.service = (char *)"strategy-v3";
        m.pid = 42;
        m.started_us = NOW_US;
        m.state = PB__SERVICE_STATE__SERVICE_STATE_READY;
        m.version = (char *)"0.1.0";
        m.memory_bytes = 9000000;
        m.n_lags = m.n_metrics = m.n_facts = 1;
        m.lags = lags;
        m.metrics = metrics;
        m.facts = facts;
        m.store_ok = true;
        return m;
}

Pb__Tick sample_tick(void)
{
        Pb__Tick m = PB__TICK__INIT;

        m.symbol = (char *)"XAUUSD";
        m.bid_e8 = 2650 * E8;
        m.ask_e8 = 2651 * E8;
        m.at_us = NOW_US;
        return m;
}

Pb__Turn sample_turn(void)
{
        Pb__Turn m = PB__TURN__INIT;

        m.kind = PB__TURN_KIND__TURN_KIND_GRANT;
        m.service = (char *)"telegram-notify";
        m.bot = (char *)"0123456789abcdef";
        m.number = 7;
        m.chat_id = -1001234567;
        m.until_us = NOW_US;
        return m;
}

Pb__Notice sample_notice(void)
{
        static uint8_t body[] = { 8, 1 };
        Pb__Notice m = PB__NOTICE__INIT;

        m.alert_id = (char *)ID_2;
        m.body.data = body;
        m.body.len = sizeof(body);
        return m;
}

/* Validators take their own types; the table takes any message. */
#define SAMPLE_KIND(lower, Type)                                                             \
        static int any_##lower(const ProtobufCMessage *message, const char **ret_why)        \
        {                                                                                    \
                return validate_##lower((const Type *)(const void *)message, ret_why);       \
        }                                                                                    \
        static uint8_t *pack_##lower(size_t *ret_size)                                       \
        {                                                                                    \
                Type sample = sample_##lower();                                              \
                uint8_t *data = bus_xcalloc(1, pb__##lower##__get_packed_size(&sample) + 1); \
                                                                                             \
                *ret_size = pb__##lower##__pack(&sample, data);                              \
                return data;                                                                 \
        }

SAMPLE_KIND(envelope, Pb__Envelope)
SAMPLE_KIND(beacon, Pb__Beacon)
SAMPLE_KIND(replay_request, Pb__ReplayRequest)
SAMPLE_KIND(replay_reply, Pb__ReplayReply)
SAMPLE_KIND(signal, Pb__Signal)
SAMPLE_KIND(decision, Pb__Decision)
SAMPLE_KIND(order, Pb__Order)
SAMPLE_KIND(trade, Pb__Trade)
SAMPLE_KIND(account, Pb__Account)
SAMPLE_KIND(control, Pb__Control)
SAMPLE_KIND(control_result, Pb__ControlResult)
SAMPLE_KIND(comparison, Pb__Comparison)
SAMPLE_KIND(alarm, Pb__Alarm)
SAMPLE_KIND(heartbeat, Pb__Heartbeat)
SAMPLE_KIND(tick, Pb__Tick)
SAMPLE_KIND(turn, Pb__Turn)
SAMPLE_KIND(notice, Pb__Notice)

#define ROW(lower)                                                            \
        {                                                                     \
#lower, &pb__##lower##__descriptor, any_##lower, pack_##lower \
        }

/* The order is the fuzz target's: new ones go to the end, or the corpus changes its meaning. */
const struct sample_kind sample_kinds[] = {
        ROW(envelope),
        ROW(beacon),
        ROW(replay_request),
        ROW(replay_reply),
        ROW(signal),
        ROW(decision),
        ROW(order),
        ROW(trade),
        ROW(account),
        ROW(control),
        ROW(control_result),
        ROW(comparison),
        ROW(alarm),
        ROW(heartbeat),
        ROW(tick),
        ROW(turn),
        ROW(notice),
};

const size_t sample_kind_count = BUS_COUNT(sample_kinds);
