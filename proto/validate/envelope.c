/*
 * The envelope: what the bus itself relies on before it looks at any body.
 */
#include "proto/validate.h"
#include "proto/validate/check.h"

#include "envelope.pb-c.h"

enum {
        SCHEMA_MAX = 65535, /* a version, not a hash */
        STAMPS_MAX = 32,    /* 9 steps today; a step may repeat where an order is tried again */
};

static bool stamps_hold(const Pb__Envelope *envelope)
{
        if (envelope->n_stamps > STAMPS_MAX)
                return false;
        for (size_t i = 0; i < envelope->n_stamps; i++) {
                const Pb__Stamp *stamp = envelope->stamps[i];

                if (!check_enum(stamp->step, PB__STEP__STEP_REPORTED) || !check_time(stamp->at_us))
                        return false;
        }
        return true;
}

/* The predecessor is all zero for the first message, and never behind what it precedes. */
static bool place_holds(const Pb__Envelope *envelope)
{
        return check_position(envelope->position) &&
               check_position_or_zero(envelope->predecessor) &&
               check_position_before(envelope->predecessor, envelope->position);
}

int validate_envelope(const Pb__Envelope *envelope, const char **ret_why)
{
        const bool unplaced = !envelope->position && !envelope->predecessor;
        const struct check checks[] = {
                { check_range(envelope->schema, 1, SCHEMA_MAX), "schema" },
                { check_stream(envelope->stream), "stream" },
                { check_id(envelope->message_id), "message_id" },
                { check_id_or_empty(envelope->alert_id), "alert_id" },
                { stamps_hold(envelope), "stamps" },
                { envelope->body.len <= CHECK_BODY_MAX, "body" },
                { check_time(envelope->staged_us), "staged_us" },
                { !envelope->origin || check_position_or_zero(envelope->origin), "origin" },
                { unplaced || place_holds(envelope), "position" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}

int validate_envelope_journaled(const Pb__Envelope *envelope, const char **ret_why)
{
        const struct check checks[] = {
                { envelope->position != NULL, "position" },
                { envelope->predecessor != NULL, "predecessor" },
        };
        int r;

        r = check_all(checks, BUS_COUNT(checks), ret_why);
        return r < 0 ? r : validate_envelope(envelope, ret_why);
}
