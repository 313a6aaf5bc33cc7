#pragma once
/*
 * Every message of the bus, by its stream: for those who look at all of them (health, umbra). A
 * service that acts on messages names the ones it knows; above all, no strategy links this.
 */
#include "libbus/base/bytes.h"

#include "envelope.pb-c.h"

#include <jansson.h>

/*
 * The body of a message of stream kind KIND ("signal"; heartbeat, beacon and tick too), unpacked and
 * validated. The caller frees by message_free. -ENOENT for a kind this program does not know,
 * -EBADMSG for a bad body; *RET_WHY is static text.
 */
BUS_MUST int message_read(const char *kind, struct bus_bytes body, ProtobufCMessage **ret_message,
        const char **ret_why);
void message_free(ProtobufCMessage *message); /* takes NULL */
static inline void message_freep(ProtobufCMessage **message)
{
        message_free(*message);
}
#define MESSAGE_AUTOFREE BUS_CLEANUP(message_freep)

/*
 * {"topic","stream","position","predecessor","message_id","alert_id","test","stamps":{step: us},
 * "body"}; "body_error" where the body is bad. ENVELOPE has passed its validator. The caller owns it.
 */
json_t *message_json(const char *topic, const Pb__Envelope *envelope);
/* A body that is a message by itself: beacons have no envelope. */
json_t *message_bare_json(const char *topic, struct bus_bytes body);

/* {"http_received":1763..., ...} in the order they were made; the last of a step counts. */
json_t *message_stamps_json(const Pb__Envelope *envelope);
