/* Each test has a server of its own; its store is of the redis engine, or of the one that it is to leave. */
#include "libbus/base/require.h"
#include "libbus/store/redis/test_redis_server.h"
#include "libbus/store/test_engines.h"

#ifndef TEST_ENGINE
#define TEST_ENGINE "redis"
#endif

const char *const test_engines[] = { TEST_ENGINE };
const size_t test_engine_count = BUS_COUNT(test_engines);

struct test_redis server;

void test_engine_begin(struct test_store *t)
{
        (void)t;
        test_redis_start(&server, NULL);
        test_redis_use(&server);
}

void test_engine_end(struct test_store *t)
{
        (void)t;
        test_redis_end(&server);
}
