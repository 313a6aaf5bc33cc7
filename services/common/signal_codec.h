#pragma once
/*
 * The signal message <-> the alert and context that plugins judge. Pure, no allocation: a
 * struct signal_message is filled in place and borrows what it points to from the arguments.
 */
#include "services/common/alert.h"
#include "signal.pb-c.h"

struct signal_message {
        Pb__Signal pb; /* what to pack */
        Pb__Context context;
        int32_t mtf_trends[V3_TRENDS_MAX];
        Pb__Warning warnings[ALERT_WARNINGS_MAX];
        Pb__Warning *warning_list[ALERT_WARNINGS_MAX];
};

struct signal_receipt {
        const char *source; /* which webhook token it came by */
        const char *idempotency_key;
        int64_t received_us, born_us;
};

/* Fills MESSAGE from an accepted ALERT. CONTEXT is NULL before the first snapshot. MESSAGE borrows
 * from all arguments and points into itself: do not copy it. */
void signal_fill(struct signal_message *message, const struct signal_receipt *receipt,
        const struct alert *alert, const struct v3_context *context);

/*
 * The way back. *RET_HAS_CONTEXT tells whether *RET_CONTEXT was filled (zeroed otherwise).
 * -EBADMSG where SIGNAL is not what signal_fill could have made: an enum value unknown, a symbol
 * that is none, a number outside its range.
 */
BUS_MUST int signal_read(const Pb__Signal *signal, struct v3_alert *ret_alert,
        struct v3_context *ret_context, bool *ret_has_context);
