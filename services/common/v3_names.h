#pragma once
/*
 * The words of V3, as alerts, decisions and people write them, and the enums of umbra/v3.h. One
 * table each; both directions read the same table. All pure.
 *
 * x_name(): the word, "" for NONE or a value outside the enum; static, never freed.
 * x_of(): the value of exactly that word (case counts), NONE where there is none.
 */
#include "umbra/v3.h"

#include <stddef.h>

const char *v3_type_name(enum v3_type type); /* "entry_v3" */
enum v3_type v3_type_of(const char *text);

const char *v3_signal_type_name(enum v3_signal_type type); /* "Golden_Pocket_Flip" */
enum v3_signal_type v3_signal_type_of(const char *text);
/* The one alert type that this signal type goes with. */
enum v3_type v3_type_of_signal(enum v3_signal_type type);

const char *v3_tf_name(enum v3_tf tf); /* "240", "D", "W" */
enum v3_tf v3_tf_of(const char *text); /* knows "1D" and "1W" too */
/* Minutes of a bar, 1 .. 10080; 0 for NONE. */
int64_t v3_tf_minutes(enum v3_tf tf);

const char *v3_side_name(enum v3_side side); /* "buy" */
enum v3_side v3_side_of(const char *text);
/* The other side; NONE of NONE. */
enum v3_side v3_side_opposite(enum v3_side side);

const char *v3_verdict_name(enum v3_verdict verdict); /* "execute" */
enum v3_verdict v3_verdict_of(const char *text);

const char *v3_reason_name(enum v3_reason reason); /* "daily_cap" */
enum v3_reason v3_reason_of(const char *text);

const char *v3_routing_name(enum v3_routing routing); /* "timeframe" */

const char *v3_leg_name(enum v3_leg_kind leg);      /* "A" */
const char *v3_leg_type_name(enum v3_leg_kind leg); /* "tp_trail" */

const char *v3_close_reason_name(enum v3_close_reason reason); /* "reversal" */
