#include "libbus/bus/batch.h"

#include "libbus/bus/put.h"
#include "libbus/bus/take.h"

#include <errno.h>

enum {
        RECORD_TOPIC = 1,
        RECORD_ENVELOPE = 2,
};

void bus_batch_add(struct bus_buf *buf, unsigned int field, const char *topic,
        struct bus_bytes staged, struct bus_bytes place)
{
        struct bus_bytes name = bus_bytes_str(topic);
        size_t envelope = staged.size + place.size;
        size_t size = put_field_size(name.size) + put_field_size(envelope);
        uint8_t *start = bus_buf_reserve(buf, put_field_size(size)), *at = start;

        at = put_head(at, field, size);
        at = put_bytes(at, RECORD_TOPIC, name);
        at = put_head(at, RECORD_ENVELOPE, envelope);
        memcpy(at, staged.data, staged.size);
        memcpy(at + staged.size, place.data, place.size);
        buf->size += (size_t)(at - start) + envelope;
}

static bool take_this(struct take *take, unsigned int field)
{
        return take_field(take) && take->field == field && take->type == TAKE_BYTES;
}

int bus_batch_next(
        struct bus_bytes *rest, struct bus_bytes *ret_topic, struct bus_bytes *ret_envelope)
{
        struct take batch = { .at = rest->data, .end = rest->data + rest->size }, record;

        if (!rest->size)
                return 0;
        if (!take_this(&batch, BUS_BATCH_RECORDS))
                return -EBADMSG;
        record = take_inner(&batch);
        if (!take_this(&record, RECORD_TOPIC))
                return -EBADMSG;
        *ret_topic = record.bytes;
        if (!take_this(&record, RECORD_ENVELOPE) || record.at != record.end)
                return -EBADMSG;
        *ret_envelope = record.bytes;
        *rest = bus_bytes(batch.at, (size_t)(batch.end - batch.at));
        return 1;
}
