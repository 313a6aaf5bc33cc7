#pragma once
/*
 * What is told of an event, in the trader's words. Pure: the event, what went before it and the
 * words are arguments.
 *
 * Invariant: whatever comes from outside is a value of a text (texts.h), so it is escaped.
 */
#include "services/common/symbols.h"
#include "services/telegram-notify/texts.h"
#include "services/telegram/queue.h"

#include "account.pb-c.h"
#include "alarm.pb-c.h"
#include "comparison.pb-c.h"
#include "control.pb-c.h"
#include "decision.pb-c.h"
#include "envelope.pb-c.h"
#include "trade.pb-c.h"

/* What can be muted, by its name. */
enum tell_kind {
        TELL_ENTRY,
        TELL_EXIT,
        TELL_REVERSAL,
        TELL_STOP,
        TELL_TARGET,
        TELL_HAND,
        TELL_REJECTION,
        TELL_EXPIRY,
        TELL_UNKNOWN,
        TELL_SETTLEMENT,
        TELL_POSITION,
        TELL_SQUEEZE,
        TELL_CAP,
        TELL_SWITCH,
        TELL_SHADOW,
        TELL_ALARM,
        TELL_SERVICE,
        TELL_SUMMARY,
        TELL_KINDS,
};

const char *tell_kind_name(enum tell_kind kind);
/* TELL_KINDS if there is none of that name. */
enum tell_kind tell_kind_of(const char *name);

extern const struct texts_rule tell_rules[]; /* of the language files */

struct teller {
        const struct texts *texts;
        const struct symbols *symbols;
};

/* One event, told. Zero-initialised; its buffers are done by tell_done. */
struct told {
        enum tell_kind kind;
        enum tg_priority priority;
        bool critical; /* cannot be muted */
        struct bus_buf html, line;
};
void tell_done(struct told *told);
#define TELL_AUTO BUS_CLEANUP(tell_done)

/* The event's frame. */
struct tell_frame {
        const char *id;       /* of the message, for people to tell a repeat by */
        const char *alert_id; /* "": none */
        const char *writer;   /* service */
        int64_t at_us;        /* when it happened, wall clock */
        int64_t reported_us;  /* the terminal's answer; 0: none */
};
void tell_frame(const Pb__Envelope *envelope, struct tell_frame *ret_frame);

/* What is remembered from before a trade event; what is not is NULL or 0. */
struct tell_past {
        const Pb__Decision *decision; /* on the same alert */
        int64_t opened_us;            /* the position it is about */
        int64_t open_price_e8;
};

/* Each: true if there is something to tell; then RET_TOLD is filled in. */
bool tell_trade(const struct teller *teller, const struct tell_frame *frame, const Pb__Trade *trade,
        const struct tell_past *past, struct told *ret_told);
bool tell_decision(const struct teller *teller, const struct tell_frame *frame,
        const Pb__Decision *decision, struct told *ret_told);
bool tell_comparison(const struct teller *teller, const struct tell_frame *frame,
        const Pb__Comparison *comparison, struct told *ret_told);
/* COMMAND: what it answers; NULL: not known any more. */
bool tell_result(const struct teller *teller, const struct tell_frame *frame,
        const Pb__ControlResult *result, const Pb__Control *command, int64_t asked_us,
        struct told *ret_told);

/* ALARM as it was raised, for its end: NULL and 0 if not known. */
bool tell_alarm(const struct teller *teller, const struct tell_frame *frame, const Pb__Alarm *alarm,
        Pb__Severity raised_severity, int64_t raised_us, struct told *ret_told);

/* A risk cap (caps.h) that is near, or hit. CAP: "daily", "lifetime". */
void tell_cap(const struct teller *teller, const struct tell_frame *frame, const char *cap,
        bool is_hit, int64_t loss_cents, int64_t cap_cents, struct told *ret_told);

/* ---- for the files that tell ---- */

/* Text SECTION with VALUES; section.line and section.text. */
void tell_fill(const struct teller *teller, const char *section, const struct texts_values *values,
        struct told *told);
const char *tell_symbol_price(
        const struct teller *teller, const char *symbol, int64_t price_e8, char *text);
/* A price, or "" for none. */
void tell_set_price(const struct teller *teller, struct texts_values *values, const char *name,
        const char *symbol, int64_t price_e8);
void tell_set_lots(struct texts_values *values, const char *name, int64_t volume_e8);
void tell_set_cents(struct texts_values *values, const char *name, int64_t cents);
/* "" for 0 and less. */
void tell_set_span(const struct teller *teller, struct texts_values *values, const char *name,
        int64_t span_us);
void tell_set_word(const struct teller *teller, struct texts_values *values, const char *name,
        const char *section, const char *word);
/* The short name of an enum's value, as a word of SECTION. */
void tell_set_enum(const struct teller *teller, struct texts_values *values, const char *name,
        const char *section, const ProtobufCEnumDescriptor *descriptor, int value);
/* Strength, route and the like: why the plugin wants it. DECISION may be NULL. */
void tell_set_why(
        const struct teller *teller, struct texts_values *values, const Pb__Decision *decision);
