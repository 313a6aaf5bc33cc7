/* What health takes from the bus. Every handler only remembers. */
#include "libbus/wire/streams.h"
#include "comparison.pb-c.h"
#include "control.pb-c.h"
#include "decision.pb-c.h"
#include "libbus/base/clock.h"
#include "libbus/base/ids.h"
#include "libbus/base/log.h"
#include "services/common/messages.h"
#include "services/health/health.h"

#include <string.h>

#define ACCOUNT_KEY "account"

static void observe(struct health *health, const struct bus_message *message, int64_t before_us,
        const struct summary *summary)
{
        int64_t processing_us = summary_processing_us(summary);

        /* Once an alert, when it gets that far; what comes from the journal is not of now. */
        if (before_us < 0 && processing_us >= 0 && !message->replayed && !summary->test) {
                bus_metric_observe_us(health->processing_seconds, processing_us);
                measure_processing(&health->measure, processing_us);
        }
}

/* Squeezes and pulses are compared too, but what a cutover rests on are entries and exits. */
static void weigh_decision(
        struct health *health, const struct bus_message *message, const Pb__Decision *decision)
{
        if (message->envelope->test || !*decision->plugin ||
                decision->verdict == PB__VERDICT__VERDICT_NOTIFY ||
                decision->verdict == PB__VERDICT__VERDICT_IGNORE)
                return;
        evidence_decision(health->evidence, message->envelope->alert_id,
                bus_id_us(message->envelope->alert_id), bus_wall_us());
}

static void weigh_comparison(
        struct health *health, const struct bus_message *message, const Pb__Comparison *comparison)
{
        if (message->envelope->test)
                return;
        evidence_comparison(
                health->evidence, message->envelope->alert_id, comparison, bus_wall_us());
        health_watch_comparison(health, message->envelope->alert_id, comparison);
}

static void take_trade(
        struct health *health, const struct bus_message *message, const Pb__Trade *trade)
{
        orders_take(health->service, message, trade);
        if (!message->replayed && !message->envelope->test)
                measure_trade(&health->measure, trade);
}

/* signal, decision, decision.shadow, order, trade, comparison: the trail of their alert. */
static int take_step(void *self, const struct bus_message *message)
{
        struct health *health = self;
        const struct bus_stream_kind *kind = bus_stream_of_topic(message->topic);
        MESSAGE_AUTOFREE ProtobufCMessage *body = NULL;
        const struct summary *summary;
        const char *why;
        int64_t before_us;
        int r;

        if (message_read(kind->name, message->body, &body, &why) < 0)
                return BUS_QUARANTINE;
        if (!*message->envelope->alert_id)
                return 0; /* a deal that belongs to no alert of ours */
        before_us = projection_processing_us(health->projection, message->envelope->alert_id);
        r = projection_take(health->projection, message, body, &summary);
        if (!r)
                observe(health, message, before_us, summary);
        if (!r)
                health_events_alert(health->events, message->envelope->alert_id);
        if (!r && !strcmp(kind->name, "decision"))
                weigh_decision(health, message, (const Pb__Decision *)body);
        else if (!r && !strcmp(kind->name, "comparison"))
                weigh_comparison(health, message, (const Pb__Comparison *)body);
        else if (!r && !strcmp(kind->name, "trade"))
                take_trade(health, message, (const Pb__Trade *)body);
        return r;
}

static void keep_account(struct health *health, Pb__Account *account)
{
        int64_t now_us = bus_mono_us();

        pb__account__free_unpacked(health->account, NULL);
        health->account = account;
        if (account->connected)
                health->broker_gone_since_us = 0;
        else if (!health->broker_gone_since_us)
                health->broker_gone_since_us = now_us;
}

static int take_account(void *self, const struct bus_message *message)
{
        struct health *health = self;
        ProtobufCMessage *body;
        const char *why;

        if (message_read("account", message->body, &body, &why) < 0)
                return BUS_QUARANTINE;
        keep_account(health, (Pb__Account *)body);
        health_curve_take(health, message->envelope->staged_us);
        health_events_account(health->events);
        bus_put(health->service, ACCOUNT_KEY, message->body, false);
        return 0;
}

static int take_result(void *self, const struct bus_message *message)
{
        struct health *health = self;
        MESSAGE_AUTOFREE ProtobufCMessage *body = NULL;
        const char *why;
        int r;

        if (message_read("control.result", message->body, &body, &why) < 0)
                return BUS_QUARANTINE;
        if (route_take_result(
                    &health->route, (const Pb__ControlResult *)body, message->envelope->staged_us))
                health_watch_route(health);
        r = audit_result(health->audit, message, (const Pb__ControlResult *)body);
        health_events_audit(health->events);
        relay_result(health->relay, (const Pb__ControlResult *)body);
        health_request_result(health, (const Pb__ControlResult *)body);
        return r;
}

static int take_alarm(void *self, const struct bus_message *message)
{
        struct health *health = self;
        MESSAGE_AUTOFREE ProtobufCMessage *body = NULL;
        const char *why, *service = strchr(message->stream, '@');

        if (message_read("alarm", message->body, &body, &why) < 0 || !service)
                return BUS_QUARANTINE;
        alarms_take(
                health->alarms, service + 1, (const Pb__Alarm *)body, message->envelope->staged_us);
        if (!*message->envelope->alert_id)
                return 0;
        return projection_take(health->projection, message, body, NULL);
}

/* Its own commands come back to it, to be remembered; the runtime carries out those that are for
 * every service. */
static int take_control(void *self, const struct bus_message *message)
{
        struct health *health = self;
        MESSAGE_AUTOFREE ProtobufCMessage *body = NULL;
        const char *why, *writer = strchr(message->stream, '@');

        if (message_read("control", message->body, &body, &why) < 0 || !writer)
                return BUS_QUARANTINE;
        return audit_command(health->audit, writer + 1, message, (const Pb__Control *)body);
}

/* The same of others, who may ask for what health alone may do. */
static int take_request(void *self, const struct bus_message *message)
{
        struct health *health = self;
        MESSAGE_AUTOFREE ProtobufCMessage *body = NULL;
        const char *why, *writer = strchr(message->stream, '@');
        int r;

        if (message_read("control", message->body, &body, &why) < 0 || !writer)
                return BUS_QUARANTINE;
        r = audit_command(health->audit, writer + 1, message, (const Pb__Control *)body);
        if (!r)
                health_request(health, message, (const Pb__Control *)body);
        return r;
}

static int take_heartbeat(void *self, const struct bus_message *message)
{
        struct health *health = self;
        struct beat *beat;
        ProtobufCMessage *body;
        const char *why;

        if (message_read("heartbeat", message->body, &body, &why) < 0) {
                log_warn("bad_heartbeat", "topic=%s why=%s", message->topic, why);
                return 0;
        }
        beat = beats_take(&health->beats, (Pb__Heartbeat *)body, bus_mono_us());
        if (!beat)
                return 0;
        route_take_beat(&health->route, beat->last);
        /* also of a switch without an answer: by a start, or answered while we were away */
        if (health->route.is_known)
                health_watch_route(health);
        measure_beat(&health->measure, (size_t)(beat - health->beats.items), beat->last);
        return 0;
}

/* What every service writes. */
#define RESULTS_OF(service)                                                             \
        {                                                                               \
                "control.result", service, BUS_START_BEGINNING, take_result, true, true \
        }
#define ALARMS_OF(service)                                                    \
        {                                                                     \
                "alarm", service, BUS_START_BEGINNING, take_alarm, true, true \
        }

/* Nothing is waited for: health answers while others are away, that is what it is for. */
const struct bus_input health_inputs[] = {
        { "signal", "alert-ingest", BUS_START_BEGINNING, take_step, true },
        { "decision", "strategy-v3", BUS_START_BEGINNING, take_step, true },
        { "decision.shadow", "strategy-v3-shadow", BUS_START_BEGINNING, take_step, true },
        { "order", "strategy-v3", BUS_START_BEGINNING, take_step, true },
        { "trade", "order-executor", BUS_START_BEGINNING, take_step, true },
        { "comparison", "telegram-analytics", BUS_START_BEGINNING, take_step, true },
        { "account", "order-executor", BUS_START_BEGINNING, take_account, true },
        { "control", "health", BUS_START_BEGINNING, take_control, true, true },
        { "control", "telegram-controller", BUS_START_BEGINNING, take_request, true, true },
        RESULTS_OF("alert-ingest"),
        ALARMS_OF("alert-ingest"),
        RESULTS_OF("strategy-v3"),
        ALARMS_OF("strategy-v3"),
        RESULTS_OF("strategy-v3-shadow"),
        ALARMS_OF("strategy-v3-shadow"),
        RESULTS_OF("order-executor"),
        ALARMS_OF("order-executor"),
        RESULTS_OF("telegram-analytics"),
        ALARMS_OF("telegram-analytics"),
        RESULTS_OF("telegram-controller"),
        ALARMS_OF("telegram-controller"),
        RESULTS_OF("telegram-notify"),
        ALARMS_OF("telegram-notify"),
        RESULTS_OF("health"),
        ALARMS_OF("health"),
        { 0 },
};

const struct bus_listen health_listens[] = {
        { "heartbeat.", "alert-ingest", take_heartbeat, true },
        { "heartbeat.", "strategy-v3", take_heartbeat, true },
        { "heartbeat.", "strategy-v3-shadow", take_heartbeat, true },
        { "heartbeat.", "order-executor", take_heartbeat, true },
        { "heartbeat.", "telegram-analytics", take_heartbeat, true },
        { "heartbeat.", "telegram-controller", take_heartbeat, true },
        { "heartbeat.", "telegram-notify", take_heartbeat, true },
        { "heartbeat.", "health", take_heartbeat, true },
        { 0 },
};

int health_load(struct health *health)
{
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
        ProtobufCMessage *body;
        const char *why;
        int r;

        r = projection_load(health->projection, bus_wall_us());
        if (!r)
                r = alarms_load(health->alarms);
        if (!r)
                r = audit_load(health->audit);
        if (!r)
                r = health_cutover_load(health);
        if (!r)
                r = health_behalf_load(health);
        if (!r)
                r = health_watch_load(health);
        if (!r)
                r = health_curve_load(health);
        if (!r)
                r = bus_get(health->service, ACCOUNT_KEY, &value);
        if (!r && !message_read("account", bus_buf_bytes(&value), &body, &why))
                keep_account(health, (Pb__Account *)body);
        return r < 0 ? r : 0;
}
