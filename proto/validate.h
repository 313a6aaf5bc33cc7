#pragma once
/*
 * What a message must be before anybody acts on it.
 *
 * protobuf-c takes an empty frame for a message, lets unknown enumeration values through and does
 * not look at the bytes of a string. So every message that comes off a socket or out of a journal
 * passes its validator between unpacking and use. A validator answers for the shape: enumerations
 * are known, texts are UTF-8 and within their caps, ids have their form, numbers are in range,
 * counts are capped, and what the message's meaning needs is there. It does not answer for the
 * context: whether an order is late or a symbol is traded is the service's to judge.
 *
 * Each returns 0, or -EBADMSG with the field that is wrong in *RET_WHY: static text for logs and
 * alarms ("legs.volume_e8"). A message that passed has no NULL string and no NULL element in a
 * list; which submessages may be NULL stands at the function. Pure; nothing is changed or kept.
 *
 * One object file a family: a program links the validators it names and no others, so this header
 * puts no order code into the shadow. The broker link has its own validators.
 */
#include "libbus/base/attr.h"

typedef struct Pb__Envelope Pb__Envelope;
typedef struct Pb__Beacon Pb__Beacon;
typedef struct Pb__ReplayRequest Pb__ReplayRequest;
typedef struct Pb__ReplayReply Pb__ReplayReply;
typedef struct Pb__Signal Pb__Signal;
typedef struct Pb__Decision Pb__Decision;
typedef struct Pb__Order Pb__Order;
typedef struct Pb__Trade Pb__Trade;
typedef struct Pb__Account Pb__Account;
typedef struct Pb__Control Pb__Control;
typedef struct Pb__ControlResult Pb__ControlResult;
typedef struct Pb__Comparison Pb__Comparison;
typedef struct Pb__Alarm Pb__Alarm;
typedef struct Pb__Heartbeat Pb__Heartbeat;
typedef struct Pb__Tick Pb__Tick;
typedef struct Pb__Notice Pb__Notice;
typedef struct Pb__Turn Pb__Turn;

/*
 * Any envelope. position and predecessor are both there or both NULL (what is not journaled has no
 * place in a stream); origin may be NULL. The body is the stream's own message: not looked at.
 */
BUS_MUST int validate_envelope(const Pb__Envelope *envelope, const char **ret_why);
/* An envelope of a journaled stream: position and predecessor are there, the one behind the other. */
BUS_MUST int validate_envelope_journaled(const Pb__Envelope *envelope, const char **ret_why);

/* first and last are not NULL; either may be all zero. Forks are in the order of their incarnations. */
BUS_MUST int validate_beacon(const Pb__Beacon *beacon, const char **ret_why);
/* after is not NULL unless since_us says where to start. */
BUS_MUST int validate_replay_request(const Pb__ReplayRequest *request, const char **ret_why);
/* after, first and last are not NULL with REPLAY_STATUS_OK; first with PRUNED; last with AHEAD. */
BUS_MUST int validate_replay_reply(const Pb__ReplayReply *reply, const char **ret_why);

/* context may be NULL: no snapshot of the account yet. */
BUS_MUST int validate_signal(const Pb__Signal *signal, const char **ret_why);
BUS_MUST int validate_decision(const Pb__Decision *decision, const char **ret_why);
/* legs and closes fit the kind; without VERDICT_EXECUTE (a test alert) both may be missing. */
BUS_MUST int validate_order(const Pb__Order *order, const char **ret_why);
BUS_MUST int validate_trade(const Pb__Trade *trade, const char **ret_why);
BUS_MUST int validate_account(const Pb__Account *account, const char **ret_why);
/* What the command needs is there; backup_name is one path component without tricks. */
BUS_MUST int validate_control(const Pb__Control *control, const char **ret_why);
BUS_MUST int validate_control_result(const Pb__ControlResult *result, const char **ret_why);
BUS_MUST int validate_comparison(const Pb__Comparison *comparison, const char **ret_why);
BUS_MUST int validate_alarm(const Pb__Alarm *alarm, const char **ret_why);
BUS_MUST int validate_heartbeat(const Pb__Heartbeat *heartbeat, const char **ret_why);
BUS_MUST int validate_tick(const Pb__Tick *tick, const char **ret_why);
/* The body is judged by its own validator. */
BUS_MUST int validate_notice(const Pb__Notice *notice, const char **ret_why);
BUS_MUST int validate_turn(const Pb__Turn *turn, const char **ret_why);
