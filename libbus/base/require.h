#pragma once
/*
 * bus_require: an invariant of our own that must hold in release builds too.
 *
 * Bad input is never fatal; a broken invariant is, because trading on would be worse. The process
 * says what broke and where, and aborts: the supervisor starts it again from its last commit.
 */
#include "libbus/base/attr.h"

#define bus_require(condition)                                                        \
        do {                                                                          \
                if (__builtin_expect(!(condition), 0))                                \
                        bus_require_failed(#condition, __FILE__, __LINE__, __func__); \
        } while (0)

BUS_NORETURN void bus_require_failed(
        const char *condition, const char *file, int line, const char *function);

/* Allocation that cannot fail in a way a caller could mend: out of memory is fatal. */
void *bus_xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *bus_xrealloc(void *ptr, size_t size) __attribute__((returns_nonnull));
void *bus_xmemdup(const void *data, size_t size) __attribute__((malloc, returns_nonnull));
char *bus_xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
/* The caller frees. */
char *bus_xasprintf(const char *format, ...) BUS_PRINTF(1, 2)
        __attribute__((malloc, returns_nonnull));

#define bus_new(type)          ((type *)bus_xcalloc(1, sizeof(type)))
#define bus_new_n(type, count) ((type *)bus_xcalloc((count), sizeof(type)))
