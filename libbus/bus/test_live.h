#pragma once
/* For tests that play a writer: messages as a service that reads a stream gets them live. */
#include "libbus/bus/batch.h"
#include "libbus/wire/streams.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <zmq.h>

/* BATCH is sent whatever it holds. */
static inline void live_send(void *pub, const char *kind, struct bus_bytes batch)
{
        char topic[64];

        snprintf(topic, sizeof(topic), BUS_BATCH_TOPIC "%s", bus_stream_kind(kind)->topic_prefix);
        cr_assert_geq(zmq_send(pub, topic, strlen(topic), ZMQ_SNDMORE), 0);
        cr_assert_geq(zmq_send(pub, batch.data, batch.size, 0), 0);
}

static inline void live_add(struct bus_buf *batch, const char *topic, struct bus_bytes envelope)
{
        bus_batch_add(batch, BUS_BATCH_RECORDS, topic, envelope, bus_bytes_str(""));
}

/* One message, in a batch of its own. */
static inline void live_publish(
        void *pub, const char *kind, const char *topic, struct bus_bytes envelope)
{
        BUS_AUTOBUF struct bus_buf batch = BUS_BUF_INIT;

        live_add(&batch, topic, envelope);
        live_send(pub, kind, bus_buf_bytes(&batch));
}
