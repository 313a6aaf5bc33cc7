/* The engines that need nothing around them. */
#include "libbus/store/test_engines.h"

const char *const test_engines[] = { "sqlite" };
const size_t test_engine_count = BUS_COUNT(test_engines);

void test_engine_begin(struct test_store *t)
{
        (void)t;
}

void test_engine_end(struct test_store *t)
{
        (void)t;
}
