#pragma once
/*
 * bus_bytes: a borrowed run of bytes; bus_buf: a growable one that owns them.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct bus_bytes {
        const uint8_t *data; /* borrowed; NULL only if size is 0 */
        size_t size;
};

struct bus_buf {
        uint8_t *data;
        size_t size;
        size_t capacity;
};

#define BUS_BUF_INIT ((struct bus_buf){ 0 })

static inline struct bus_bytes bus_bytes(const void *data, size_t size)
{
        return (struct bus_bytes){ data, size };
}

static inline struct bus_bytes bus_bytes_str(const char *text)
{
        return (struct bus_bytes){ (const uint8_t *)text, strlen(text) };
}

static inline bool bus_bytes_equal(struct bus_bytes a, struct bus_bytes b)
{
        return a.size == b.size && (!a.size || !memcmp(a.data, b.data, a.size));
}

static inline bool bus_bytes_begin(struct bus_bytes bytes, struct bus_bytes prefix)
{
        return bytes.size >= prefix.size &&
               bus_bytes_equal((struct bus_bytes){ bytes.data, prefix.size }, prefix);
}

void bus_buf_done(struct bus_buf *buf); /* frees what it owns; leaves it empty and usable */
void bus_buf_clear(struct bus_buf *buf);
/* What bus_buf_reserve does where there is no room yet. */
uint8_t *bus_buf_grow(struct bus_buf *buf, size_t more);

/* Makes room for MORE bytes behind size and returns where they start; size is not changed. */
static inline uint8_t *bus_buf_reserve(struct bus_buf *buf, size_t more)
{
        return buf->data && more <= buf->capacity - buf->size ? buf->data + buf->size
                                                              : bus_buf_grow(buf, more);
}

static inline void bus_buf_add(struct bus_buf *buf, const void *data, size_t size)
{
        if (!size)
                return;
        memcpy(bus_buf_reserve(buf, size), data, size);
        buf->size += size;
}

static inline void bus_buf_add_str(struct bus_buf *buf, const char *text)
{
        bus_buf_add(buf, text, strlen(text));
}

void bus_buf_printf(struct bus_buf *buf, const char *format, ...) BUS_PRINTF(2, 3);
/* The text with a NUL behind it (not counted in size); borrowed until the next change. */
const char *bus_buf_str(struct bus_buf *buf);

static inline struct bus_bytes bus_buf_bytes(const struct bus_buf *buf)
{
        return bus_bytes(buf->data, buf->size);
}

#define BUS_AUTOBUF BUS_CLEANUP(bus_buf_done)
