#pragma once
/*
 * From when an alert's age counts, and by what key a resend is known (docs/v3.md, Age and key). Pure:
 * the moment of receipt is an argument.
 */
#include "libbus/base/hash.h"
#include "services/common/alert.h"

/* An alert's own time counts when it is at most this much older than receipt. */
#define ALERT_TIME_WINDOW_US (600 * BUS_US_PER_SEC)
/* Without an id or a time that counts, two equal bodies further apart than this are two alerts. */
#define ALERT_KEY_SHORT_US (60 * BUS_US_PER_SEC)

enum alert_time {
        ALERT_TIME_ABSENT,
        ALERT_TIME_COUNTS,
        ALERT_TIME_FUTURE,     /* taken as now; counts for the key up to the window ahead */
        ALERT_TIME_TOO_OLD,    /* ignored, with a warning */
        ALERT_TIME_BAR_OPENING /* ignored, with a warning */
};

/* What the alert's time is, seen from RECEIVED_US. */
enum alert_time alert_time_judge(const struct alert *alert, int64_t received_us);

/* When the age of an entry begins: time_us where it counts, else RECEIVED_US. Adds the warning to
 * ALERT where its time is ignored or in the future. Call it once an alert. */
int64_t alert_born_us(struct alert *alert, int64_t received_us);

/* "id:" and 64 characters, or "sha256:" and 64 hex digits, and NUL. */
#define ALERT_KEY_SIZE 72

struct alert_key {
        char text[ALERT_KEY_SIZE]; /* unique together with the source */
        uint8_t body_hash[BUS_SHA256_SIZE];
        /* true: lasts as long as the journal; false: ALERT_KEY_SHORT_US from receipt */
        bool lasting;
};

/* The key to look up. If it is an id that stands there with another body_hash, the id was reused:
 * refuse an entry with ALERT_ID_REUSED; for an exit, warn and go on with alert_key_of_body. */
void alert_key_of(const struct alert *alert, int64_t received_us, struct alert_key *ret_key);
/* The key as if there were no id. */
void alert_key_of_body(const struct alert *alert, int64_t received_us, struct alert_key *ret_key);
