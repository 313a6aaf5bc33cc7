#include "libbus/base/bytes.h"

#include "libbus/base/require.h"

#include <stdarg.h>
#include <stdio.h>

void bus_buf_done(struct bus_buf *buf)
{
        free(buf->data);
        *buf = BUS_BUF_INIT;
}

void bus_buf_clear(struct bus_buf *buf)
{
        buf->size = 0;
}

uint8_t *bus_buf_grow(struct bus_buf *buf, size_t more)
{
        size_t need, capacity = buf->capacity ? buf->capacity : 64;

        bus_require(!__builtin_add_overflow(buf->size, more, &need));
        while (capacity < need)
                bus_require(!__builtin_mul_overflow(capacity, 2, &capacity));
        if (capacity != buf->capacity) {
                buf->data = bus_xrealloc(buf->data, capacity);
                buf->capacity = capacity;
        }
        return buf->data + buf->size;
}

void bus_buf_printf(struct bus_buf *buf, const char *format, ...)
{
        va_list args;
        int size;

        va_start(args, format);
        size = vsnprintf(NULL, 0, format, args);
        va_end(args);
        bus_require(size >= 0);

        bus_buf_reserve(buf, (size_t)size + 1);
        va_start(args, format);
        vsnprintf((char *)buf->data + buf->size, (size_t)size + 1, format, args);
        va_end(args);
        buf->size += (size_t)size;
}

const char *bus_buf_str(struct bus_buf *buf)
{
        *bus_buf_reserve(buf, 1) = 0;
        return (const char *)buf->data;
}
