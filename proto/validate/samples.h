#pragma once
/*
 * Every message of the bus, for tests and fuzzing: its descriptor, its validator, and one sample
 * that is valid. Not linked into any service.
 */
#include "libbus/base/attr.h"

#include "account.pb-c.h"
#include "alarm.pb-c.h"
#include "comparison.pb-c.h"
#include "control.pb-c.h"
#include "decision.pb-c.h"
#include "envelope.pb-c.h"
#include "heartbeat.pb-c.h"
#include "notice.pb-c.h"
#include "order.pb-c.h"
#include "replay.pb-c.h"
#include "signal.pb-c.h"
#include "tick.pb-c.h"
#include "trade.pb-c.h"
#include "turn.pb-c.h"

#include <stdbool.h>

/* Valid ones, by value; their lists and submessages are shared and must not be written to. */
Pb__Envelope sample_envelope(void);
Pb__Beacon sample_beacon(void);
Pb__ReplayRequest sample_replay_request(void);
Pb__ReplayReply sample_replay_reply(void);
Pb__Signal sample_signal(void);     /* an entry with all it can have */
Pb__Decision sample_decision(void); /* an aggressive entry: two legs and a close */
Pb__Order sample_order(void);       /* the same as an order */
Pb__Trade sample_trade(void);
Pb__Account sample_account(void);
Pb__Control sample_control(void);
Pb__ControlResult sample_control_result(void);
Pb__Comparison sample_comparison(void);
Pb__Alarm sample_alarm(void);
Pb__Heartbeat sample_heartbeat(void);
Pb__Tick sample_tick(void);
Pb__Turn sample_turn(void); /* a grant */
Pb__Notice sample_notice(void);

struct sample_kind {
        const char *name;
        const ProtobufCMessageDescriptor *descriptor;
        int (*validate)(const ProtobufCMessage *message, const char **ret_why);
        /* The sample, packed; the caller frees. */
        uint8_t *(*pack)(size_t *ret_size);
};

extern const struct sample_kind sample_kinds[];
extern const size_t sample_kind_count;
