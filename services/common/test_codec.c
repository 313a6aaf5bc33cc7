/* Messages carry an alert, a context and a decision there and back, and let nothing else in. */
#include "services/common/alert_judged.h"
#include "services/common/decision_codec.h"
#include "services/common/signal_codec.h"

#include <criterion/criterion.h>
#include <errno.h>

static const struct v3_context context = { 1000050, 990000, 1234, 5678, 2, 1, 77 };

/* Packed and unpacked, as it travels; the caller frees. */
static Pb__Signal *travel(const Pb__Signal *pb)
{
        size_t size = pb__signal__get_packed_size(pb);
        uint8_t *packed = bus_xcalloc(size, 1);
        Pb__Signal *arrived;

        pb__signal__pack(pb, packed);
        arrived = pb__signal__unpack(NULL, size, packed);
        free(packed);
        return arrived;
}

static Pb__Signal *sent(const char *body, const struct v3_context *with, struct v3_alert *ret_alert)
{
        static struct signal_message message;
        struct signal_receipt receipt = { "tv", "id:x", 1000, 900 };
        struct alert *alert;
        Pb__Signal *arrived;

        judged_bytes(bus_bytes_str(body), &alert);
        cr_assert_eq(alert->errors.count, 0);
        signal_fill(&message, &receipt, alert, with);
        arrived = travel(&message.pb);
        *ret_alert = alert->v3;
        alert_free(alert);
        cr_assert_not_null(arrived);
        return arrived;
}

Test(codec, a_signal_carries_alert_context_and_receipt)
{
        static const char body[] =
                ENTRY(",\"sl_price\":2640,\"mtf_trends\":\"1,0,-1,1,1\","
                      "\"position_multiplier\":0.5,\"market_trend\":-1,\"odd\":1");
        struct v3_alert alert, read;
        struct v3_context read_context;
        bool has_context;
        Pb__Signal *pb = sent(body, &context, &alert);

        cr_expect_eq(signal_read(pb, &read, &read_context, &has_context), 0);
        cr_expect(has_context);
        cr_expect_eq(memcmp(&read_context, &context, sizeof(context)), 0);
        cr_expect_eq(read.price_e8, alert.price_e8);
        cr_expect(read.has_sl && read.sl_e8 == alert.sl_e8 && !read.has_tp1);
        cr_expect_eq(read.multiplier_e8, 50000000);
        cr_expect_eq(memcmp(&read.mtf_trends, &alert.mtf_trends, sizeof(alert.mtf_trends)), 0);
        cr_expect_str_eq(read.symbol, "XAUUSD");
        cr_expect_str_eq(pb->source, "tv");
        cr_expect_str_eq(pb->idempotency_key, "id:x");
        cr_expect(pb->received_us == 1000 && pb->born_us == 900);
        cr_expect_eq(pb->n_warnings, 1);
        cr_expect_str_eq(pb->warnings[0]->code, "unknown_field");
        cr_expect_eq(pb->raw.len, sizeof(body) - 1);
        pb__signal__free_unpacked(pb, NULL);
}

Test(codec, a_signal_may_have_no_context_and_an_exit_no_tf_or_price)
{
        struct v3_alert alert, read;
        struct v3_context read_context;
        bool has_context = true;
        Pb__Signal *pb = sent("{\"type\":\"exit_v3\",\"signal_type\":\"Bearish_Exit\",\"symbol\":"
                              "\"EURUSD\"}",
                NULL, &alert);

        cr_expect_eq(signal_read(pb, &read, &read_context, &has_context), 0);
        cr_expect_not(has_context);
        cr_expect(read.tf == V3_TF_NONE && read.price_e8 == 0);
        pb__signal__free_unpacked(pb, NULL);
}

static void expect_refused(void (*spoil)(Pb__Signal *pb), const char *name)
{
        struct v3_alert alert;
        struct v3_context read_context;
        bool has_context;
        Pb__Signal *pb =
                sent(ENTRY(",\"sl_price\":2640,\"mtf_trends\":\"1,0,-1,1,1\""), &context, &alert);

        cr_assert_eq(signal_read(pb, &alert, &read_context, &has_context), 0);
        spoil(pb);
        cr_expect_eq(signal_read(pb, &alert, &read_context, &has_context), -EBADMSG, "%s", name);
        pb__signal__free_unpacked(pb, NULL);
}

#define SPOIL(name, statement)                   \
        static void spoil_##name(Pb__Signal *pb) \
        {                                        \
                statement;                       \
        }
SPOIL(type, pb->type = 5)
SPOIL(pair, pb->signal_type = PB__SIGNAL_TYPE__SIGNAL_TYPE_BULLISH_EXIT)
SPOIL(signal, pb->signal_type = 99)
SPOIL(symbol, pb->symbol[0] = '/')
SPOIL(direction, pb->direction = 0)
SPOIL(side, pb->direction = 3)
SPOIL(tf, pb->tf = 11)
SPOIL(price, pb->price_e8 = 0)
SPOIL(score, pb->consensus_score = 10)
SPOIL(no_score, pb->has_score = 0)
SPOIL(sl, pb->sl_e8 = -1)
SPOIL(tp, pb->tp1_e8 = 5)
SPOIL(multiplier, pb->multiplier_e8 = 0)
SPOIL(trend, pb->mtf_trends[1] = 2)
SPOIL(trends, pb->n_mtf_trends = 4)
SPOIL(loss, pb->context->daily_loss_cents = -1)

Test(codec, a_signal_nobody_of_ours_would_write_is_refused)
{
        expect_refused(spoil_type, "type");
        expect_refused(spoil_pair, "pair");
        expect_refused(spoil_signal, "signal");
        expect_refused(spoil_symbol, "symbol");
        expect_refused(spoil_direction, "direction");
        expect_refused(spoil_side, "side");
        expect_refused(spoil_tf, "tf");
        expect_refused(spoil_price, "price");
        expect_refused(spoil_score, "score");
        expect_refused(spoil_no_score, "no score");
        expect_refused(spoil_sl, "sl");
        expect_refused(spoil_tp, "tp");
        expect_refused(spoil_multiplier, "multiplier");
        expect_refused(spoil_trend, "trend");
        expect_refused(spoil_trends, "trends");
        expect_refused(spoil_loss, "loss");
}

static const struct v3_decision decision = {
        .verdict = V3_VERDICT_EXECUTE,
        .reason = V3_REASON_OK,
        .direction = V3_SIDE_SELL,
        .strength = 8,
        .route = 3,
        .routing = V3_ROUTING_OVERRIDE,
        .aggressive = true,
        .base_lot_e8 = 5000000,
        .signal_factor_e8 = 80000000,
        .route_multiplier_e8 = 62500000,
        .total_lot_e8 = 2000000,
        .scaled = true,
        .expected_loss_cents = 1999,
        .leg_count = 2,
        .legs = { { V3_LEG_A, V3_SIDE_SELL, 1000000, 3, 1 },
                { V3_LEG_B, V3_SIDE_SELL, 1000000, 4, 2 } },
        .close_count = 1,
        .closes = { { V3_SIDE_BUY, V3_CLOSE_REVERSAL } },
};

Test(codec, a_decision_comes_back_whole)
{
        struct decision_origin origin = { "v3", "legacy_v3", "ab12", "cd34", 7, "XAUUSD", 1500,
                NULL };
        struct decision_message message;
        struct v3_decision read;
        Pb__Decision *arrived;
        uint8_t packed[512];
        size_t size;

        decision_fill(&message, &origin, &decision);
        size = pb__decision__pack(&message.pb, packed);
        arrived = pb__decision__unpack(NULL, size, packed);
        cr_assert_not_null(arrived);
        memset(&read, 0xff, sizeof(read));
        cr_expect_eq(decision_read(arrived, &read), 0);
        cr_expect_eq(read.strength, 8);
        cr_expect_eq(read.expected_loss_cents, 1999);
        cr_expect(read.scaled && read.aggressive);
        cr_expect_eq(memcmp(read.legs, decision.legs, sizeof(read.legs)), 0);
        cr_expect_eq(memcmp(read.closes, decision.closes, sizeof(read.closes)), 0);
        cr_expect_str_eq(arrived->plugin, "legacy_v3");
        cr_expect_str_eq(arrived->error, "");
        cr_expect(arrived->epoch == 7 && arrived->decide_ns == 1500);
        pb__decision__free_unpacked(arrived, NULL);
}

static int read_spoilt(void (*spoil)(struct decision_message *message))
{
        struct decision_origin origin = { .slot = "v3", .plugin = "x", .symbol = "XAUUSD" };
        struct decision_message message;
        struct v3_decision read;

        decision_fill(&message, &origin, &decision);
        spoil(&message);
        return decision_read(&message.pb, &read);
}

#define SPOIL_DECISION(name, statement)                               \
        static void spoil_decision_##name(struct decision_message *m) \
        {                                                             \
                statement;                                            \
        }
SPOIL_DECISION(verdict, m->pb.verdict = 0)
SPOIL_DECISION(reason, m->pb.reason = 99)
SPOIL_DECISION(side, m->legs[0].side = 0)
SPOIL_DECISION(leg, m->legs[1].leg = 3)
SPOIL_DECISION(volume, m->legs[1].volume_e8 = 0)
SPOIL_DECISION(stop, m->legs[0].sl_e8 = 0)
SPOIL_DECISION(legs, m->pb.n_legs = 3)
SPOIL_DECISION(closes, m->pb.n_closes = 2)
SPOIL_DECISION(close, m->closes[0].reason = 0)
SPOIL_DECISION(loss, m->pb.expected_loss_cents = -1)

Test(codec, a_decision_nobody_of_ours_would_write_is_refused)
{
        cr_expect_eq(read_spoilt(spoil_decision_verdict), -EBADMSG);
        cr_expect_eq(read_spoilt(spoil_decision_reason), -EBADMSG);
        cr_expect_eq(read_spoilt(spoil_decision_side), -EBADMSG);
        cr_expect_eq(read_spoilt(spoil_decision_leg), -EBADMSG);
        cr_expect_eq(read_spoilt(spoil_decision_volume), -EBADMSG);
        cr_expect_eq(read_spoilt(spoil_decision_stop), -EBADMSG);
        cr_expect_eq(read_spoilt(spoil_decision_legs), -EBADMSG);
        cr_expect_eq(read_spoilt(spoil_decision_closes), -EBADMSG);
        cr_expect_eq(read_spoilt(spoil_decision_close), -EBADMSG);
        cr_expect_eq(read_spoilt(spoil_decision_loss), -EBADMSG);
}
