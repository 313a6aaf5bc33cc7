#pragma once
/*
 * Messages in one frame, each with its topic: pb.Record (replay.proto), written and read by hand, in a
 * batch of what was published together and in the answer to a replay request. Each frame is encrypted,
 * sent and received by itself, once for every reader, so under load this is most of what a message costs.
 */
#include "libbus/base/bytes.h"

/* Of a batch's topic, in front of its kind's topic prefix: "batch.signal.". */
#define BUS_BATCH_TOPIC "batch."
/* pb.Batch.records */
#define BUS_BATCH_RECORDS 1

/* Adds a record to BUF, as FIELD of a message: its own TOPIC, and an envelope of which what was staged
 * is followed by PLACE, which says where it stands. */
void bus_batch_add(struct bus_buf *buf, unsigned int field, const char *topic,
        struct bus_bytes staged, struct bus_bytes place);
/* The first record of the batch REST, which moves behind it; what is returned lies in its bytes. 1; 0: the
 * end; -EBADMSG: these are no records. */
BUS_MUST int bus_batch_next(
        struct bus_bytes *rest, struct bus_bytes *ret_topic, struct bus_bytes *ret_envelope);
