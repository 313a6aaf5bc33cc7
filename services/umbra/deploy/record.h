#pragma once
/*
 * What is known of the newest deployment: STATE/deploy.json. Written before and behind each step, so
 * that whoever comes after a crash sees how far it came, and going back knows what was there before.
 *
 *   phase way state step steps text why   where it is: state is running, done or failed
 *   started_us ended_us watch_until_us    wall clock
 *   backup                                 its name
 *   before {phase: {"section.key": value or null}}  as umbra.ini had it, of each phase that is in force
 *   alarms [...] latency {sum, count}      when it began, for the watch to compare with
 *   found [{at_us, text}]                  what the watch has seen so far
 *   reason                                 what --reason said
 */
#include "services/umbra/deploy/phases.h"
#include "services/umbra/layout.h"

#include <jansson.h>

/* The record, the caller owns it; NULL: nothing was deployed here yet. -errno, -EBADMSG: not JSON. */
BUS_MUST int record_read(const struct layout *layout, json_t **ret_record);
BUS_MUST int record_write(const struct layout *layout, const json_t *record);
/* What was there before a deployment that has touched nothing; OLD NULL: nothing was. */
BUS_MUST int record_put_back(const struct layout *layout, const json_t *old);

/* Whether PHASE may go WAY after that. If not, WHY says in one line what stands in the way. Pure. */
bool record_allows(const json_t *record, const struct phase *phase, enum way way, int64_t now_us,
        bool now_anyway, char *why, size_t why_size);
/* A new one for PHASE, with what has to be kept of OLD (may be NULL). Pure; the caller owns it. */
json_t *record_begin(const json_t *old, const struct phase *phase, enum way way, int64_t now_us);
/* PATH was VALUE (NULL: not given) before this phase, unless that is known already. */
void record_note_before(json_t *record, const char *path, const char *value);
/* Gone back from this phase: all is as it was before. */
void record_forget_before(json_t *record);
/* What PATH was before: its value; "" where it was not given; NULL where nobody knows. Borrowed. */
const char *record_before(const json_t *record, const char *path);
