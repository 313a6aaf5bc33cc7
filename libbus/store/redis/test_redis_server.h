#pragma once
/* A redis-server for a test: in a folder of its own, on a unix socket there, gone with the test. */
#include "libbus/store/store_redis.h"

#include <sys/types.h>

struct test_redis {
        char folder[64];
        char socket[96];
        pid_t pid;
};

/* The server of the running test, where the engine is redis (test_redis_engine.c). */
extern struct test_redis server;

/* MORE: further arguments, NULL-terminated, or NULL. Waits until it answers. */
void test_redis_start(struct test_redis *redis, const char *const *more);
/* Starts it again on what it left. */
void test_redis_restart(struct test_redis *redis, const char *const *more);
void test_redis_signal(const struct test_redis *redis, int signal);
void test_redis_kill(struct test_redis *redis); /* SIGKILL, and waits for its end */
void test_redis_end(struct test_redis *redis);
/* The engine finds it, as replica "one", with a lease of 10 s. */
void test_redis_use(const struct test_redis *redis);
/* Carries COMMAND out as the default user; TEXT, or NULL, gets what it answers. */
void test_redis_ask(const struct test_redis *redis, const char *command, char *text, size_t size);
/* How often it has carried out COMMAND. */
int test_redis_calls(const struct test_redis *redis, const char *command);
struct store_redis_options test_redis_options(const struct test_redis *redis);
