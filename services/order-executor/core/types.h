#pragma once
/*
 * What every part of the executor's core shares: time as an argument, the sizes of names, and the
 * rules' numbers. The core includes no socket, clock or file header; tests/lint/layers.table holds it to that.
 */
#include "libbus/base/attr.h"
#include "libbus/base/ids.h"

#include <stdbool.h>
#include <stdint.h>

enum {
        EX_NAME_SIZE = 33, /* slots, plugins, symbols: 32 characters, as the validators allow */
        EX_WORD_SIZE = 33, /* reasons: one snake_case word of ours */
        EX_KEY_SIZE = BUS_ID_SIZE + EX_NAME_SIZE, /* alert id, '/', slot or symbol */
};

/*
 * The moment something happens. The wall clock is for stamps and for ages people see; whatever is
 * waited for runs on the monotonic one, so that a jump of the wall clock moves no deadline.
 */
struct ex_now {
        int64_t wall_us;
        int64_t mono_us;
        uint32_t random; /* fresh with every call: jitter of the back-off */
};

/* The pace of the core. Defaults stand in ex_rules_default. */
struct ex_rules {
        int64_t max_age_us;        /* an entry older than this is never sent */
        int64_t report_timeout_us; /* no reply for this long: UNKNOWN */
        int64_t unknown_manual_us; /* UNKNOWN for this long: MANUAL */
        int64_t ask_every_us;      /* between two queries of one order */
        int64_t retry_base_us;     /* first pause of a back-off, doubled each time */
        int64_t retry_max_us;      /* longest pause of a back-off */
        int64_t exit_patience_us; /* an exit waits this long for entries that are not on the wire */
        int64_t absent_span_us;   /* absent_count good snapshots over this long: not executed */
        uint32_t absent_count;
        uint32_t price_attempts;   /* of an entry, when the price moves away */
        uint32_t exit_alarm_after; /* failures of an exit before a person hears of it */
        int64_t max_deviation_e8;  /* of price, in percent: what a fill may differ from the quote */
};

static inline struct ex_rules ex_rules_default(void)
{
        return (struct ex_rules){
                .max_age_us = 60 * BUS_US_PER_SEC,
                .report_timeout_us = 5 * BUS_US_PER_SEC,
                .unknown_manual_us = 60 * BUS_US_PER_SEC,
                .ask_every_us = BUS_US_PER_SEC,
                .retry_base_us = 250 * BUS_US_PER_MS,
                .retry_max_us = 10 * BUS_US_PER_SEC,
                .exit_patience_us = 2 * BUS_US_PER_SEC,
                .absent_span_us = 10 * BUS_US_PER_SEC,
                .absent_count = 3,
                .price_attempts = 3,
                .exit_alarm_after = 3,
                .max_deviation_e8 = INT64_C(10000000), /* 0.1 % */
        };
}

#define EX_NEVER INT64_MAX /* a moment that does not come */
