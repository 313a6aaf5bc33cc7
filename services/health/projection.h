#pragma once
/*
 * What health remembers of the streams, in its store: every message of an alert under the alert's
 * id, a summary of each alert under its day, and the alarms that are raised. All of it can be made
 * anew from the streams. The newest summaries are in memory too.
 *
 * Keys: t/ALERT/STREAM/POSITION -> replay Record    a/DAY/ALERT -> summary as JSON
 */
#include "libbus/service/service.h"
#include "services/health/summary.h"

/* Alerts looked at without reading the store: some days of a busy trader's entries and exits, and
 * hours of pulses. */
#define PROJECTION_RECENT_MAX 8192

struct projection;

struct projection *projection_new(struct bus_service *service);
struct projection *projection_free(struct projection *projection); /* takes NULL, returns NULL */
/* Reads the newest summaries; at start. */
BUS_MUST int projection_load(struct projection *projection, int64_t now_us);

/*
 * Takes a message that belongs to an alert; BODY is its validated body. 0, or -errno of the store.
 * *RET_SUMMARY (may be NULL): how the alert stands now; borrowed until the next call.
 */
BUS_MUST int projection_take(struct projection *projection, const struct bus_message *message,
        const ProtobufCMessage *body, const struct summary **ret_summary);

/* Stages the summaries that changed since the last call: right before a commit. */
void projection_write(struct projection *projection);

/* How an alert stands; NULL: not in memory. Borrowed until the next call that takes a message. */
const struct summary *projection_summary(struct projection *projection, const char *alert_id);
/* Receipt to broker link of an alert as it stands; < 0: not that far, or not in memory. */
int64_t projection_processing_us(struct projection *projection, const char *alert_id);
/* The trail of an alert; the caller owns *RET_JSON. STORE_ABSENT if nothing is known of it. */
BUS_MUST int projection_trail(
        struct projection *projection, const char *alert_id, json_t **ret_json);
/* Summaries of alerts received since, oldest first, the newest LIMIT of them. The caller owns it. */
json_t *projection_list(struct projection *projection, int64_t since_us, size_t limit);
/* Of the alerts in memory: how many there are, and how many have not ended. */
void projection_count(const struct projection *projection, size_t *ret_known, size_t *ret_open);
/* Forgets alerts older than KEEP_DAYS, a bounded number a call; to be called once a minute. */
BUS_MUST int projection_prune(struct projection *projection, int64_t now_us, int64_t keep_days);
