#include "services/common/alert_age.h"

#include "services/common/v3_names.h"

#include <stdio.h>

#define US_PER_MINUTE (60 * BUS_US_PER_SEC)
/* Weeks open on Monday, and the epoch was a Thursday. */
#define WEEK_SHIFT_US (4 * 24 * 60 * US_PER_MINUTE)

/* The moment a bar opened and that bar is over: the sender gave the bar's time, not the alert's. */
static bool is_bar_opening(enum v3_tf tf, int64_t time_us, int64_t age_us)
{
        /* Only an exit can lack its tf; the shortest bar is then the careful guess. */
        int64_t bar_us = (tf == V3_TF_NONE ? 1 : v3_tf_minutes(tf)) * US_PER_MINUTE;
        int64_t shift_us = tf == V3_TF_W ? WEEK_SHIFT_US : 0;

        return age_us >= bar_us && (time_us - shift_us) % bar_us == 0;
}

enum alert_time alert_time_judge(const struct alert *alert, int64_t received_us)
{
        int64_t age_us = received_us - alert->time_us;

        if (!alert->has_time)
                return ALERT_TIME_ABSENT;
        if (age_us < 0)
                return ALERT_TIME_FUTURE;
        if (age_us > ALERT_TIME_WINDOW_US)
                return ALERT_TIME_TOO_OLD;
        if (is_bar_opening(alert->v3.tf, alert->time_us, age_us))
                return ALERT_TIME_BAR_OPENING;
        return ALERT_TIME_COUNTS;
}

int64_t alert_born_us(struct alert *alert, int64_t received_us)
{
        switch (alert_time_judge(alert, received_us)) {
        case ALERT_TIME_ABSENT: break;
        case ALERT_TIME_COUNTS: return alert->time_us;
        case ALERT_TIME_FUTURE:
                alert_warn(alert, ALERT_TIME_IN_FUTURE, "time",
                        "is later than receipt: the age counts from receipt");
                break;
        case ALERT_TIME_TOO_OLD:
                alert_warn(alert, ALERT_TIME_IGNORED, "time",
                        "is more than 10 minutes old: the age counts from receipt");
                break;
        case ALERT_TIME_BAR_OPENING:
                alert_warn(alert, ALERT_TIME_IGNORED, "time",
                        "is when a bar opened: the age counts from receipt");
                break;
        }
        return received_us;
}

/* Does the alert's time tell it from another alert with the same words? */
static bool time_makes_lasting(const struct alert *alert, int64_t received_us)
{
        switch (alert_time_judge(alert, received_us)) {
        case ALERT_TIME_COUNTS: return true;
        case ALERT_TIME_FUTURE:
                /* A clock that is a little ahead, not one constant date in every alert. */
                return alert->time_us - received_us <= ALERT_TIME_WINDOW_US;
        default: return false;
        }
}

void alert_key_of_body(const struct alert *alert, int64_t received_us, struct alert_key *ret_key)
{
        char hex[BUS_SHA256_HEX_SIZE];

        bus_sha256(alert->raw, ret_key->body_hash);
        bus_hex(bus_bytes(ret_key->body_hash, sizeof(ret_key->body_hash)), hex);
        snprintf(ret_key->text, sizeof(ret_key->text), "sha256:%s", hex);
        ret_key->lasting = time_makes_lasting(alert, received_us);
}

void alert_key_of(const struct alert *alert, int64_t received_us, struct alert_key *ret_key)
{
        alert_key_of_body(alert, received_us, ret_key);
        if (!alert->has_id)
                return;
        snprintf(ret_key->text, sizeof(ret_key->text), "id:%s", alert->id);
        ret_key->lasting = true;
}
