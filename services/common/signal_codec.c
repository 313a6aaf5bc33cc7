#include "services/common/signal_codec.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"
#include "services/common/v3_names.h"

#include <errno.h>

/* The enums of umbra/v3.h and of the messages are the same numbers, so a cast is a translation. */
_Static_assert((int)V3_TYPE_PULSE == PB__ALERT_TYPE__ALERT_TYPE_PULSE, "types");
_Static_assert((int)V3_SIGNAL_TREND_PULSE == PB__SIGNAL_TYPE__SIGNAL_TYPE_TREND_PULSE, "signals");
_Static_assert((int)V3_SIGNAL_BULLISH_EXIT == PB__SIGNAL_TYPE__SIGNAL_TYPE_BULLISH_EXIT, "signals");
_Static_assert((int)V3_SIDE_SELL == PB__SIDE__SIDE_SELL, "sides");
_Static_assert((int)V3_TF_240 == PB__TIMEFRAME__TIMEFRAME_240, "timeframes");
_Static_assert((int)V3_TF_W == PB__TIMEFRAME__TIMEFRAME_W, "timeframes");

static void fill_context(Pb__Context *pb, const struct v3_context *context)
{
        pb__context__init(pb);
        pb->balance_cents = context->balance_cents;
        pb->equity_cents = context->equity_cents;
        pb->daily_loss_cents = context->daily_loss_cents;
        pb->lifetime_loss_cents = context->lifetime_loss_cents;
        pb->open_buy = context->open_buy;
        pb->open_sell = context->open_sell;
        pb->as_of_us = context->as_of_us;
}

static void fill_alert(struct signal_message *message, const struct v3_alert *v3)
{
        Pb__Signal *pb = &message->pb;

        pb->type = (Pb__AlertType)v3->type;
        pb->signal_type = (Pb__SignalType)v3->signal_type;
        pb->symbol = (char *)v3->symbol;
        pb->direction = (Pb__Side)v3->direction;
        pb->tf = (Pb__Timeframe)v3->tf;
        pb->price_e8 = v3->price_e8;
        pb->has_score = v3->has_score;
        pb->consensus_score = v3->consensus_score;
        pb->has_sl = v3->has_sl;
        pb->sl_e8 = v3->sl_e8;
        pb->has_tp1 = v3->has_tp1;
        pb->tp1_e8 = v3->tp1_e8;
        pb->has_tp2 = v3->has_tp2;
        pb->tp2_e8 = v3->tp2_e8;
        pb->has_multiplier = v3->has_multiplier;
        pb->multiplier_e8 = v3->multiplier_e8;
        pb->has_market_trend = v3->has_market_trend;
        pb->market_trend = v3->market_trend;
        for (unsigned int i = 0; i < v3->mtf_trends.count; i++)
                message->mtf_trends[i] = v3->mtf_trends.value[i];
        pb->n_mtf_trends = v3->mtf_trends.count;
        pb->mtf_trends = message->mtf_trends;
}

static void fill_warnings(struct signal_message *message, const struct alert_faults *warnings)
{
        bus_require(warnings->count <= ALERT_WARNINGS_MAX);
        for (size_t i = 0; i < warnings->count; i++) {
                Pb__Warning *pb = &message->warnings[i];

                pb__warning__init(pb);
                pb->code = (char *)alert_code_name(warnings->items[i].code);
                pb->field = warnings->items[i].field;
                pb->message = warnings->items[i].message;
                message->warning_list[i] = pb;
        }
        message->pb.n_warnings = warnings->count;
        message->pb.warnings = message->warning_list;
}

void signal_fill(struct signal_message *message, const struct signal_receipt *receipt,
        const struct alert *alert, const struct v3_context *context)
{
        Pb__Signal *pb = &message->pb;

        bus_require(!alert->errors.count);
        pb__signal__init(pb);
        pb->source = (char *)receipt->source;
        pb->idempotency_key = (char *)receipt->idempotency_key;
        pb->received_us = receipt->received_us;
        pb->born_us = receipt->born_us;
        fill_alert(message, &alert->v3);
        if (context) {
                fill_context(&message->context, context);
                pb->context = &message->context;
        }
        fill_warnings(message, &alert->warnings);
        pb->raw.data = (uint8_t *)alert->raw.data;
        pb->raw.len = alert->raw.size;
}

static bool price_ok(bool present, int64_t price_e8)
{
        return present ? price_e8 > 0 : price_e8 == 0;
}

/* Whether the parts that an entry needs are there, and those of an exit that may be missing are. */
static bool head_ok(const Pb__Signal *pb)
{
        bool entry = pb->type == PB__ALERT_TYPE__ALERT_TYPE_ENTRY;
        bool exit = pb->type == PB__ALERT_TYPE__ALERT_TYPE_EXIT;

        if (pb->signal_type <= 0 || (int)pb->signal_type >= V3_SIGNAL_COUNT)
                return false;
        if ((int)v3_type_of_signal((enum v3_signal_type)pb->signal_type) != (int)pb->type)
                return false;
        if (!pb->symbol || !symbols_name_valid(pb->symbol, strlen(pb->symbol)))
                return false;
        if ((int)pb->direction < 0 || pb->direction > PB__SIDE__SIDE_SELL ||
                (entry && !pb->direction))
                return false;
        if ((int)pb->tf < 0 || (int)pb->tf >= V3_TF_COUNT || (!exit && !pb->tf))
                return false;
        return pb->price_e8 > 0 || (exit && pb->price_e8 == 0);
}

static bool rest_ok(const Pb__Signal *pb)
{
        if (pb->type == PB__ALERT_TYPE__ALERT_TYPE_ENTRY && !pb->has_score)
                return false;
        if (pb->consensus_score < 0 || pb->consensus_score > 9)
                return false;
        if (!price_ok(pb->has_sl, pb->sl_e8) || !price_ok(pb->has_tp1, pb->tp1_e8) ||
                !price_ok(pb->has_tp2, pb->tp2_e8))
                return false;
        if (pb->multiplier_e8 < E8_ONE / 10 || pb->multiplier_e8 > 2 * E8_ONE)
                return false;
        if (pb->market_trend < -1 || pb->market_trend > 1)
                return false;
        if (pb->n_mtf_trends != 0 && pb->n_mtf_trends != 5 && pb->n_mtf_trends != 6)
                return false;
        for (size_t i = 0; i < pb->n_mtf_trends; i++)
                if (pb->mtf_trends[i] < -1 || pb->mtf_trends[i] > 1)
                        return false;
        return true;
}

static bool context_ok(const Pb__Context *pb)
{
        return pb->daily_loss_cents >= 0 && pb->lifetime_loss_cents >= 0 && pb->open_buy >= 0 &&
               pb->open_sell >= 0;
}

static void read_alert(const Pb__Signal *pb, struct v3_alert *v3)
{
        *v3 = (struct v3_alert){
                .type = (enum v3_type)pb->type,
                .signal_type = (enum v3_signal_type)pb->signal_type,
                .direction = (enum v3_side)pb->direction,
                .tf = (enum v3_tf)pb->tf,
                .price_e8 = pb->price_e8,
                .has_score = pb->has_score,
                .has_sl = pb->has_sl,
                .has_tp1 = pb->has_tp1,
                .has_tp2 = pb->has_tp2,
                .has_multiplier = pb->has_multiplier,
                .has_market_trend = pb->has_market_trend,
                .consensus_score = pb->consensus_score,
                .sl_e8 = pb->sl_e8,
                .tp1_e8 = pb->tp1_e8,
                .tp2_e8 = pb->tp2_e8,
                .multiplier_e8 = pb->multiplier_e8,
                .market_trend = pb->market_trend,
                .mtf_trends.count = (uint8_t)pb->n_mtf_trends,
        };
        strcpy(v3->symbol, pb->symbol);
        for (size_t i = 0; i < v3->mtf_trends.count && i < V3_TRENDS_MAX; i++)
                v3->mtf_trends.value[i] = (int8_t)pb->mtf_trends[i];
}

static void read_context(const Pb__Context *pb, struct v3_context *context)
{
        *context = (struct v3_context){
                .balance_cents = pb->balance_cents,
                .equity_cents = pb->equity_cents,
                .daily_loss_cents = pb->daily_loss_cents,
                .lifetime_loss_cents = pb->lifetime_loss_cents,
                .open_buy = pb->open_buy,
                .open_sell = pb->open_sell,
                .as_of_us = pb->as_of_us,
        };
}

int signal_read(const Pb__Signal *signal, struct v3_alert *ret_alert,
        struct v3_context *ret_context, bool *ret_has_context)
{
        if (!head_ok(signal) || !rest_ok(signal))
                return -EBADMSG;
        if (signal->context && !context_ok(signal->context))
                return -EBADMSG;

        read_alert(signal, ret_alert);
        *ret_context = (struct v3_context){ 0 };
        *ret_has_context = signal->context;
        if (signal->context)
                read_context(signal->context, ret_context);
        return 0;
}
