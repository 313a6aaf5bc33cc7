#pragma once
/*
 * Several messages of one stream in one frame: pb.Batch (replay.proto), written and read by hand. Each
 * frame is encrypted, sent and received by itself, once for every reader, so under load this is most of
 * what a message costs.
 */
#include "libbus/base/bytes.h"

/* Of a batch's topic, in front of its kind's topic prefix: "batch.signal.". */
#define BUS_BATCH_TOPIC "batch."

/* Adds a message to the batch in BUF. TOPIC is its own. */
void bus_batch_add(struct bus_buf *buf, const char *topic, struct bus_bytes envelope);
/* The first message of REST, which moves behind it; what is returned lies in its bytes. 0: the end; < 0:
 * -EBADMSG, these are not messages of a batch. */
BUS_MUST int bus_batch_next(
        struct bus_bytes *rest, struct bus_bytes *ret_topic, struct bus_bytes *ret_envelope);
