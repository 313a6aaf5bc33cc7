#include "libbus/base/require.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void bus_require_failed(const char *condition, const char *file, int line, const char *function)
{
        fprintf(stderr, "FATAL invariant broken: %s at %s:%d in %s\n", condition, file, line,
                function);
        abort();
}

void *bus_xcalloc(size_t count, size_t size)
{
        void *p = calloc(count ? count : 1, size ? size : 1);

        bus_require(p);
        return p;
}

void *bus_xrealloc(void *ptr, size_t size)
{
        void *p = realloc(ptr, size ? size : 1);

        bus_require(p);
        return p;
}

void *bus_xmemdup(const void *data, size_t size)
{
        void *p = bus_xcalloc(1, size);

        if (size)
                memcpy(p, data, size);
        return p;
}

char *bus_xstrdup(const char *text)
{
        return bus_xmemdup(text, strlen(text) + 1);
}

char *bus_xasprintf(const char *format, ...)
{
        char *text = NULL;
        va_list args;

        va_start(args, format);
        bus_require(vasprintf(&text, format, args) >= 0);
        va_end(args);
        return text;
}
