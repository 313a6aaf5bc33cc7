#include "services/common/messages.h"

#include "account.pb-c.h"
#include "alarm.pb-c.h"
#include "comparison.pb-c.h"
#include "control.pb-c.h"
#include "decision.pb-c.h"
#include "heartbeat.pb-c.h"
#include "libbus/base/require.h"
#include "libbus/pbjson/pbjson.h"
#include "libbus/wire/position.h"
#include "libbus/wire/streams.h"
#include "notice.pb-c.h"
#include "order.pb-c.h"
#include "proto/unpack.h"
#include "proto/validate.h"
#include "replay.pb-c.h"
#include "signal.pb-c.h"
#include "tick.pb-c.h"
#include "trade.pb-c.h"
#include "turn.pb-c.h"

#include <errno.h>
#include <string.h>

/* A validator takes its own type: each gets a door that takes any. */
#define DEFINE_VALIDATE(name, type)                                        \
        static int check_##name(const void *message, const char **ret_why) \
        {                                                                  \
                return validate_##name((const type *)message, ret_why);    \
        }

DEFINE_VALIDATE(signal, Pb__Signal)
DEFINE_VALIDATE(decision, Pb__Decision)
DEFINE_VALIDATE(order, Pb__Order)
DEFINE_VALIDATE(trade, Pb__Trade)
DEFINE_VALIDATE(account, Pb__Account)
DEFINE_VALIDATE(control, Pb__Control)
DEFINE_VALIDATE(control_result, Pb__ControlResult)
DEFINE_VALIDATE(comparison, Pb__Comparison)
DEFINE_VALIDATE(alarm, Pb__Alarm)
DEFINE_VALIDATE(heartbeat, Pb__Heartbeat)
DEFINE_VALIDATE(beacon, Pb__Beacon)
DEFINE_VALIDATE(tick, Pb__Tick)
DEFINE_VALIDATE(notice, Pb__Notice)
DEFINE_VALIDATE(turn, Pb__Turn)

static const struct {
        const char *kind;
        const ProtobufCMessageDescriptor *descriptor;
        int (*validate)(const void *message, const char **ret_why);
} kinds[] = {
        { "signal", &pb__signal__descriptor, check_signal },
        { "decision", &pb__decision__descriptor, check_decision },
        { "decision.shadow", &pb__decision__descriptor, check_decision },
        { "order", &pb__order__descriptor, check_order },
        { "trade", &pb__trade__descriptor, check_trade },
        { "account", &pb__account__descriptor, check_account },
        { "control", &pb__control__descriptor, check_control },
        { "control.result", &pb__control_result__descriptor, check_control_result },
        { "comparison", &pb__comparison__descriptor, check_comparison },
        { "alarm", &pb__alarm__descriptor, check_alarm },
        { "heartbeat", &pb__heartbeat__descriptor, check_heartbeat },
        { "beacon", &pb__beacon__descriptor, check_beacon },
        { "tick", &pb__tick__descriptor, check_tick },
        { "notice.signal", &pb__notice__descriptor, check_notice },
        { "notice.order", &pb__notice__descriptor, check_notice },
        { "turn.ask", &pb__turn__descriptor, check_turn },
        { "turn.grant", &pb__turn__descriptor, check_turn },
};

int message_read(const char *kind, struct bus_bytes body, ProtobufCMessage **ret_message,
        const char **ret_why)
{
        ProtobufCMessage *message;
        int r;

        for (size_t i = 0; i < BUS_COUNT(kinds); i++) {
                if (strcmp(kinds[i].kind, kind))
                        continue;
                r = message_unpack(kinds[i].descriptor, body, &message, ret_why);
                if (r < 0)
                        return r;
                r = kinds[i].validate(message, ret_why);
                if (r < 0)
                        message_free(message);
                else
                        *ret_message = message;
                return r;
        }
        *ret_why = "unknown stream";
        return -ENOENT;
}

void message_free(ProtobufCMessage *message)
{
        if (message)
                protobuf_c_message_free_unpacked(message, NULL);
}

static void set(json_t *object, const char *key, json_t *value)
{
        bus_require(!json_object_set_new(object, key, value));
}

static void set_position(json_t *object, const char *key, const Pb__Position *position)
{
        char text[BUS_POS_TEXT_SIZE];

        if (!position)
                return;
        bus_pos_format(
                (struct bus_pos){ position->incarnation, position->seq, position->part }, text);
        set(object, key, json_string(text));
}

json_t *message_stamps_json(const Pb__Envelope *envelope)
{
        json_t *stamps = json_object();
        char name[PBJSON_ENUM_SIZE];

        for (size_t i = 0; i < envelope->n_stamps; i++) {
                pbjson_enum(&pb__step__descriptor, (int)envelope->stamps[i]->step, name);
                set(stamps, name, json_integer(envelope->stamps[i]->at_us));
        }
        return stamps;
}

static void set_body(json_t *object, const char *topic, struct bus_bytes body)
{
        const struct bus_stream_kind *kind = bus_stream_of_topic(topic);
        MESSAGE_AUTOFREE ProtobufCMessage *message = NULL;
        const char *why = "unknown topic";

        if (kind && !message_read(kind->name, body, &message, &why))
                set(object, "body", pbjson(message));
        else
                set(object, "body_error", json_string(why));
}

json_t *message_json(const char *topic, const Pb__Envelope *envelope)
{
        json_t *object = json_object();

        bus_require(object);
        set(object, "topic", json_string(topic));
        set(object, "stream", json_string(envelope->stream));
        set_position(object, "position", envelope->position);
        set_position(object, "predecessor", envelope->predecessor);
        set(object, "message_id", json_string(envelope->message_id));
        if (*envelope->alert_id)
                set(object, "alert_id", json_string(envelope->alert_id));
        if (envelope->test)
                set(object, "test", json_true());
        set(object, "staged_us", json_integer(envelope->staged_us));
        set(object, "stamps", message_stamps_json(envelope));
        set_body(object, topic, bus_bytes(envelope->body.data, envelope->body.len));
        return object;
}

json_t *message_bare_json(const char *topic, struct bus_bytes body)
{
        json_t *object = json_object();

        bus_require(object);
        set(object, "topic", json_string(topic));
        set_body(object, topic, body);
        return object;
}
