#pragma once
/*
 * Compiler attributes and scope-bound cleanup, used everywhere.
 *
 * Error convention of the whole tree: a function that can fail returns int: 0 is done, a negative
 * value is -errno and is passed up, a positive value is a result that the function's header names
 * and the caller must handle. Outputs are called ret_x and are untouched unless the result is 0 or
 * the header says otherwise.
 */
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define BUS_MUST         __attribute__((warn_unused_result))
#define BUS_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define BUS_NORETURN     __attribute__((noreturn))
#define BUS_UNUSED       __attribute__((unused))
#define BUS_EXPORT       __attribute__((visibility("default")))

/* Runs FN(&variable) when the variable goes out of scope; that is a use, which clang must be told. */
#define BUS_CLEANUP(fn) __attribute__((cleanup(fn), unused))

/* Declares cleanup_NAME for a pointer type whose free function takes NULL: bus_define_cleanup(T *, free_fn). */
#define BUS_DEFINE_CLEANUP(name, type, fn) \
        static inline void name(type *p)   \
        {                                  \
                if (*p)                    \
                        fn(*p);            \
        }                                  \
        struct bus_cleanup_swallow_semicolon

static inline void bus_cleanup_freep(void *p)
{
        free(*(void **)p);
}
#define BUS_AUTOFREE BUS_CLEANUP(bus_cleanup_freep)

static inline void bus_cleanup_closep(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}
#define BUS_AUTOCLOSE BUS_CLEANUP(bus_cleanup_closep)

/* Takes a value out of a variable that a cleanup watches: return BUS_STEAL(ptr); */
#define BUS_STEAL(ptr)                               \
        ({                                           \
                __typeof__(ptr) bus_stolen_ = (ptr); \
                (ptr) = NULL;                        \
                bus_stolen_;                         \
        })

#define BUS_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define BUS_US_PER_MS  INT64_C(1000)
#define BUS_US_PER_SEC INT64_C(1000000)
