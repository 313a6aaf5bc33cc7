#pragma once
/*
 * From a signal, the slot record that holds for it and a plugin's verdict to what is published: a
 * decision always, an order where there is something to do. Pure: deriving again gives the same
 * messages (but for decide_ns, a measurement).
 */
#include "order.pb-c.h"
#include "services/common/decision_codec.h"
#include "services/common/plugin_host.h"
#include "services/strategy-v3/slot.h"
#include "signal.pb-c.h"

/* Exits this much older than the strategy itself show that the stream was there before it; what is
 * younger came in while the whole system was started. */
#define DERIVE_JOIN_GRACE_US (60 * BUS_US_PER_SEC)

struct derive_input {
        const struct slot_record *record;
        const Pb__Signal *signal; /* has passed its validator */
        const struct v3_alert *alert;
        bool test;           /* a test alert: its order goes on whatever the verdict */
        enum slot_seat seat; /* who judged it: slot_judge */
        const struct slot_edition *edition; /* what is loaded for that seat now; NULL for nobody */
        const struct plugin_verdict *verdict; /* NULL: it was not asked, see derive_must_ask */
};

struct derived {
        struct plugin_verdict own; /* the host's, where no plugin was asked */
        struct decision_message decision;
        Pb__Order order;
        bool has_order;
        /* what a person must hear of; static texts, or NULL */
        const char *alarm;  /* "no_active_plugin", "verdict_lost", "plugin_error" */
        const char *unsent; /* why an executed decision has no order */
};

/* Whether the plugin of SEAT may be asked: it is loaded as the record knew it. */
bool derive_must_ask(
        const struct slot_record *record, enum slot_seat seat, const struct slot_edition *edition);

/* RET points into itself and borrows from INPUT: do not copy it, and pack it while INPUT lives. */
void derive(const struct derive_input *input, struct derived *ret);

/* Whether SIGNAL came in before the strategy existed, by more than a common start explains. */
bool derive_is_older(const struct slot_record *record, const Pb__Signal *signal);
