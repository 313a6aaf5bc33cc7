/*
 * Carries out what the books want done.
 *
 * Keeps: nothing goes to the broker before the commit that holds its intent, or the promise of it, has
 * returned; a record is packed after the whole call, so that the store never holds half a step.
 */
#include "services/order-executor/glue.h"

#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/service/schedule.h"
#include "services/order-executor/core/ids.h"

#include <ctype.h>
#include <stdio.h>

enum {
        TOPIC_SIZE = 96, /* trade.nothing_to_close. and a symbol */
};

/* Jitter must differ between processes, not be secret: splitmix64, no question to the system. */
static uint32_t draw(uint64_t *dice)
{
        uint64_t z = (*dice += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return (uint32_t)(z >> 32);
}

struct ex_now ex_now(struct ex_service *self)
{
        return (struct ex_now){
                .wall_us = bus_wall_us(),
                .mono_us = bus_mono_us(),
                .random = draw(&self->dice),
        };
}

void ex_need_order(struct ex_service *self, const char *cl_ord_id)
{
        int r;

        r = ex_keep_need_order(self->book, &self->store, cl_ord_id);
        if (r < 0)
                bus_service_fail(self->service, "bad_record", "cl_ord_id=%s why=\"%s\"", cl_ord_id,
                        strerror(-r));
}

/* ---- behind the commit ---- */

struct submission {
        char id[CL_ORD_ID_SIZE];
        uint32_t attempt;
};

static void after_commit(void *self, void *arg, int result)
{
        struct submission *submission = arg;

        if (result == 0)
                ex_submit(self, submission->id, submission->attempt);
        free(submission);
}

static void submit_after_commit(struct ex_service *self, const struct ex_fx *item)
{
        struct submission *submission = bus_new(struct submission);

        memcpy(submission->id, item->order->id, sizeof(submission->id));
        submission->attempt = item->attempt;
        bus_after_commit_first(self->service, after_commit, submission);
}

/*
 * The promise is on the disk in place of the intent, and the commit of this turn puts the intent in its
 * place: whatever happens in between, the next start asks the terminal. Only in the call that took the
 * order in: later the promise is gone.
 */
bool ex_submit_promised(struct ex_service *self)
{
        const struct ex_fx_list *fx = &self->book->fx;
        size_t sent = 0, left = 0;

        for (size_t i = 0; i < fx->count; i++) {
                const struct ex_order *order = fx->items[i].order;

                if (fx->items[i].kind != EX_FX_SUBMIT)
                        continue;
                if (!order->job->promised || !ex_order_is_leg(order)) {
                        left++;
                        continue;
                }
                ex_submit(self, order->id, fx->items[i].attempt);
                bus_metric_inc(self->promised);
                sent++;
        }
        if (sent) /* to the wire before our own commit begins */
                schedule_let_others();
        return sent && !left;
}

/* ---- trade events ---- */

/* trade.filled.EURUSD */
static void topic_of(const Pb__Trade *trade, char *text, size_t size)
{
        const ProtobufCEnumValue *value =
                protobuf_c_enum_descriptor_get_value(&pb__trade_event__descriptor, trade->event);
        int n = snprintf(
                text, size, "trade.%s.%s", value->name + strlen("TRADE_EVENT_"), trade->symbol);

        bus_require(n > 0 && (size_t)n < size);
        for (char *c = text + strlen("trade."); *c != '.'; c++)
                *c = (char)tolower(*c);
}

static void add_stamps(struct bus_out *out, const struct ex_fx *item)
{
        const struct ex_order *order = item->order;

        if (!order) {
                if (item->job)
                        out->stamps[0].step = PB__STEP__STEP_ORDER_RECEIVED,
                        out->stamps[0].at_us = item->job->received_us;
                return;
        }
        const int64_t at[] = { order->received_us, order->intent_us, order->submitted_us,
                order->reported_us };
        const Pb__Step steps[] = { PB__STEP__STEP_ORDER_RECEIVED, PB__STEP__STEP_INTENT_STAGED,
                PB__STEP__STEP_SUBMITTED, PB__STEP__STEP_REPORTED };

        for (size_t i = 0; i < BUS_COUNT(at); i++) {
                if (!at[i])
                        continue;
                out->stamps[i].step = steps[i];
                out->stamps[i].at_us = at[i];
        }
}

static void count_end(struct ex_service *self, const struct ex_fx *item)
{
        const struct ex_order *order = item->order;

        if (!order || !ex_order_is_final(order) || item->trade.state != order->state ||
                item->trade.event == PB__TRADE_EVENT__TRADE_EVENT_ADOPTED)
                return;
        bus_metric_inc(self->ended[order->state]);
        if (order->reported_us && order->submitted_us)
                bus_metric_observe_us(
                        self->roundtrip_seconds, order->reported_us - order->submitted_us);
}

/* The stages of every order are many and in the trail; the log has what came of it. */
static enum bus_log_level level_of(Pb__TradeEvent event)
{
        switch (event) {
        case PB__TRADE_EVENT__TRADE_EVENT_RECEIVED:
        case PB__TRADE_EVENT__TRADE_EVENT_INTENT:
        case PB__TRADE_EVENT__TRADE_EVENT_DONE: return BUS_LOG_DEBUG;
        default: return BUS_LOG_INFO;
        }
}

static void log_event(const struct ex_fx *item, const Pb__Trade *trade)
{
        const ProtobufCEnumValue *value =
                protobuf_c_enum_descriptor_get_value(&pb__trade_event__descriptor, trade->event);

        bus_log(level_of(trade->event), "trade",
                "event=%s alert_id=%s cl_ord_id=%s symbol=%s attempt=%u ticket=%llu "
                "retcode=%u reason=%s",
                value->name + strlen("TRADE_EVENT_"), item->alert_id, trade->cl_ord_id,
                trade->symbol, trade->attempt, (unsigned long long)trade->ticket, trade->retcode,
                trade->reason);
}

static void emit_trade(struct ex_service *self, struct ex_fx *item, const struct bus_message *cause)
{
        const Pb__Trade *trade = ex_fx_trade_message(item);
        char topic[TOPIC_SIZE];
        struct bus_out out = {
                .stream = "trade",
                .topic = topic,
                .body = &trade->base,
                .alert_id = item->alert_id,
                .test = item->job && item->job->test,
        };

        if (cause && !strcmp(cause->envelope->alert_id, item->alert_id))
                out.cause = cause;
        add_stamps(&out, item);
        topic_of(trade, topic, sizeof(topic));
        bus_emit(self->service, &out);
        count_end(self, item);
        log_event(item, trade);
}

/* ---- alarms ---- */

static void raise_alarm(struct ex_service *self, const struct ex_fx *item)
{
        bus_alarm(self->service, item->code, item->subject, item->severity, "%s", item->text);
        if (item->severity == PB__SEVERITY__SEVERITY_CRITICAL)
                log_error(item->code, "subject=%s text=\"%s\"", item->subject, item->text);
        else
                log_warn(item->code, "subject=%s text=\"%s\"", item->subject, item->text);
}

/* ---- all of it ---- */

static void change_store(struct ex_service *self, const struct ex_fx *item, struct bus_buf *value)
{
        char key[EX_STORE_KEY_SIZE];

        switch (ex_keep_change(self->book, item, key, value)) {
        case EX_CHANGE_PUT: bus_put(self->service, key, bus_buf_bytes(value), true); break;
        case EX_CHANGE_DELETE: bus_delete(self->service, key); break;
        case EX_CHANGE_NONE: break;
        }
}

static void carry_out_one(struct ex_service *self, struct ex_fx *item,
        const struct bus_message *cause, struct bus_buf *value)
{
        switch (item->kind) {
        case EX_FX_SUBMIT: submit_after_commit(self, item); break;
        case EX_FX_QUERY: ex_query(self, item->order->id, item->attempt); break;
        case EX_FX_SNAPSHOT: self->snapshot_wanted = true; break;
        case EX_FX_TRADE: emit_trade(self, item, cause); break;
        case EX_FX_ALARM: raise_alarm(self, item); break;
        case EX_FX_ALARM_END: bus_alarm_end(self->service, item->code, item->subject); break;
        default: change_store(self, item, value); break;
        }
}

void ex_carry_out(struct ex_service *self, const struct bus_message *cause)
{
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;

        for (size_t i = 0; i < self->book->fx.count; i++)
                carry_out_one(self, &self->book->fx.items[i], cause, &value);
        ex_fx_clear(&self->book->fx);
        ex_fx_trim(&self->book->fx);
        ex_ask_snapshot_when_due(self);
        ex_update_readiness(self);
}
