/* Which engine a configuration names, and what it must not say of it. */
#include "libbus/bus/endpoint.h"
#include "libbus/bus/store_config.h"

#include <criterion/criterion.h>
#include <errno.h>

static int judge(const char *replica, char *error, size_t error_size)
{
        const struct config_option *tables[] = { bus_endpoint_options };
        const char *sets[] = { "bus.store=redis", replica };
        const struct config_source source = { .sets = sets, .set_count = 2 };
        const char *engine = NULL;
        struct config *config;
        int r;

        cr_assert_eq(config_load(&source, tables, 1, &config, error, error_size), 0, "%s", error);
        r = bus_store_engine(config, "alert-ingest", &engine, error, error_size);
        cr_expect(r < 0 || !strcmp(engine, "redis"));
        config_free(config);
        return r;
}

Test(store_config, a_replica_s_name_is_one_that_heartbeats_can_tell)
{
        static const char *const bad[] = { "bus.replica=one two", "bus.replica=a/b",
                "bus.replica=\"x\"" };
        char error[CONFIG_ERROR_SIZE] = "";

        cr_expect_eq(judge("bus.replica=Ingest-0.a_b", error, sizeof(error)), 0);
        cr_expect_eq(judge("bus.replica=", error, sizeof(error)), 0);
        for (size_t i = 0; i < BUS_COUNT(bad); i++) {
                cr_expect_eq(judge(bad[i], error, sizeof(error)), -EINVAL);
                cr_expect(strstr(error, "bus.replica"), "%s", error);
        }
}
