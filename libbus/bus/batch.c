#include "libbus/bus/batch.h"

#include "libbus/bus/put.h"

#include <errno.h>

enum {
        BATCH_RECORDS = 1,
        RECORD_TOPIC = 1,
        RECORD_ENVELOPE = 2,
};

#define TAG(field) ((uint8_t)((field) << 3 | 2))

void bus_batch_add(struct bus_buf *buf, const char *topic, struct bus_bytes envelope)
{
        struct bus_bytes name = bus_bytes_str(topic);
        size_t size = put_field_size(name.size) + put_field_size(envelope.size);
        uint8_t *start = bus_buf_reserve(buf, put_field_size(size)), *at = start;

        at = put_head(at, BATCH_RECORDS, size);
        at = put_bytes(at, RECORD_TOPIC, name);
        at = put_bytes(at, RECORD_ENVELOPE, envelope);
        buf->size += (size_t)(at - start);
}

/* The field at the head of REST, which moves behind it. */
static bool take_field(struct bus_bytes *rest, uint8_t tag, struct bus_bytes *ret_bytes)
{
        const uint8_t *at = rest->data, *end = rest->data + rest->size;
        uint64_t size = 0;

        if (at == end || *at++ != tag)
                return false;
        for (unsigned int shift = 0;; shift += 7) {
                if (at == end || shift > 28)
                        return false;
                size |= (uint64_t)(*at & 0x7f) << shift;
                if (!(*at++ & 0x80))
                        break;
        }
        if (size > (uint64_t)(end - at))
                return false;
        *ret_bytes = bus_bytes(at, size);
        *rest = bus_bytes(at + size, (size_t)(end - at) - size);
        return true;
}

int bus_batch_next(
        struct bus_bytes *rest, struct bus_bytes *ret_topic, struct bus_bytes *ret_envelope)
{
        struct bus_bytes record;

        if (!rest->size)
                return 0;
        if (!take_field(rest, TAG(BATCH_RECORDS), &record) ||
                !take_field(&record, TAG(RECORD_TOPIC), ret_topic) ||
                !take_field(&record, TAG(RECORD_ENVELOPE), ret_envelope) || record.size)
                return -EBADMSG;
        return 1;
}
