#pragma once
/*
 * A plugin's decision <-> the decision message. Pure, no allocation: struct decision_message is
 * filled in place and borrows its texts.
 */
#include "decision.pb-c.h"
#include "libbus/base/attr.h"
#include "umbra/v3.h"

struct decision_message {
        Pb__Decision pb; /* what to pack */
        Pb__DecisionLeg legs[V3_LEG_COUNT];
        Pb__DecisionLeg *leg_list[V3_LEG_COUNT];
        Pb__DecisionClose closes[1];
        Pb__DecisionClose *close_list[1];
};

/* Who decided, and on what. Texts are borrowed; NULL is "". */
struct decision_origin {
        const char *slot; /* "v3" */
        const char *plugin, *plugin_build, *config_hash;
        uint64_t epoch; /* 0 in the shadow */
        const char *symbol;
        int64_t decide_ns;
        const char *error; /* with V3_VERDICT_ERROR */
};

/* MESSAGE points into itself: do not copy it. */
void decision_fill(struct decision_message *message, const struct decision_origin *origin,
        const struct v3_decision *decision);

/* The way back. -EBADMSG: an enum value unknown, too many legs or closes, a number out of range. */
BUS_MUST int decision_read(const Pb__Decision *message, struct v3_decision *ret_decision);
