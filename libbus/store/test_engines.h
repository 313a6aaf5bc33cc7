#pragma once
/*
 * What the conformance tests need of an engine: a place of its own for each test, opened as often
 * as the test likes. An engine joins the suite by a file such as test_engines.c or test_redis_engine.c,
 * which names it and makes what it needs around itself.
 */
#include "libbus/store/store.h"

#include <criterion/criterion.h>

struct test_store {
        char folder[64];
        char path[128];
        const char *engine;
        const char *boot_id;
        int64_t now_us;
        struct store *store;
        struct store_batch *batch;
};

extern const char *const test_engines[];
extern const size_t test_engine_count;

/* Runs the body once an engine, each time on a fresh, opened store T. */
#define EACH_ENGINE(t)                                                                     \
        for (size_t engine_ = 0; engine_ < test_engine_count; engine_++)                   \
                for (struct test_store t_ = { 0 }, *t = test_store_begin(&t_, engine_); t; \
                        t = test_store_end(t))

/* Around each test. */
void test_engine_begin(struct test_store *t);
void test_engine_end(struct test_store *t);

struct test_store *test_store_begin(struct test_store *t, size_t engine);
struct test_store *test_store_end(struct test_store *t); /* returns NULL */
void test_open(struct test_store *t);
void test_reopen_clean(struct test_store *t);
/* As after a SIGKILL. */
void test_reopen_killed(struct test_store *t);
/* As after a power cut: killed, and another boot of the machine. */
void test_reopen_power_cut(struct test_store *t);

/* Opens "signal@w" (FULL) and the like; returns how it stands. */
struct store_stream test_stream(
        struct test_store *t, const char *name, enum store_stream_kind kind);
struct store_stream test_stand(struct test_store *t, const char *name);

/* One record, committed; returns its position. */
struct bus_pos test_append(struct test_store *t, const char *stream, const char *body);
struct bus_pos test_append_at(
        struct test_store *t, const char *stream, const char *body, int64_t at_us);
struct bus_pos test_append_derived(
        struct test_store *t, const char *stream, const char *body, struct bus_pos position);
/* The bodies behind AFTER, each followed by a blank; "ahead ", "pruned " or "error " where it says so. */
const char *test_read(struct test_store *t, const char *stream, struct bus_pos after);
void test_put(struct test_store *t, const char *key, const char *value);
/* The value, or NULL. Static. */
const char *test_get(struct test_store *t, const char *key);

#define expect_pos(actual, expected) test_expect_pos((actual), (expected), __FILE__, __LINE__)
void test_expect_pos(struct bus_pos actual, struct bus_pos expected, const char *file, int line);
