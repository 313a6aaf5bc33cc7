/* Who may connect where: derived from the table of streams, or as [policy] says, name by name. */
#include "libbus/bus/endpoint.h"
#include "libbus/bus/policy.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static struct config *load(const char *text)
{
        const struct config_option *tables[] = { bus_endpoint_options };
        const struct config_source source = {
                .path = "umbra.ini", .text = text, .text_size = strlen(text)
        };
        struct config *config;
        char error[CONFIG_ERROR_SIZE];

        cr_assert_eq(
                config_load(&source, tables, 1, &config, error, sizeof(error)), 0, "%s", error);
        return config;
}

static bool is_admitted(bus_principals_set set, const char *name)
{
        return set & bus_principal_bit(bus_principal(name));
}

static void expect_fault(const char *text, const char *want)
{
        struct config *config = load(text);
        char error[CONFIG_ERROR_SIZE] = "";

        cr_expect_eq(bus_policy_check(config, error, sizeof(error)), -EINVAL, "%s", text);
        cr_expect_str_eq(error, want);
        config_free(config);
}

Test(policy, admits_who_reads_a_stream_of_the_service_and_the_tools)
{
        bus_principals_set live = bus_policy_default("strategy-v3");
        bus_principals_set ingest = bus_policy_default("alert-ingest");
        bus_principals_set executor = bus_policy_default("order-executor");

        cr_expect(is_admitted(live, "order-executor"));
        cr_expect(is_admitted(live, "health"));
        cr_expect(is_admitted(live, BUS_PRINCIPAL_TOOLS));
        cr_expect_not(is_admitted(live, "alert-ingest"));
        cr_expect_not(is_admitted(live, "mt5-demo"));
        cr_expect(is_admitted(ingest, "strategy-v3"));
        cr_expect(is_admitted(ingest, "strategy-v3-shadow"));
        cr_expect(is_admitted(executor, "alert-ingest"));
        cr_expect_not(is_admitted(executor, "strategy-v3"));
}

Test(policy, lets_the_shadow_to_signals_and_commands_and_nowhere_else)
{
        const char *open[] = { "alert-ingest", "health", "telegram-controller",
                "strategy-v3-shadow" };

        for (size_t i = 0; i < bus_principal_count; i++) {
                bool may = false;

                for (size_t j = 0; j < BUS_COUNT(open); j++)
                        may |= !strcmp(bus_principals[i], open[j]);
                cr_expect_eq(
                        is_admitted(bus_policy_default(bus_principals[i]), "strategy-v3-shadow"),
                        may, "%s", bus_principals[i]);
        }
}

Test(policy, line_takes_the_place_of_what_is_derived)
{
        struct config *config = load("[policy]\nhealth = tools  order-executor\n");
        bus_principals_set set = 0;
        char error[CONFIG_ERROR_SIZE];

        cr_assert_eq(bus_policy_check(config, error, sizeof(error)), 0);
        cr_assert_eq(bus_policy(config, "health", &set, error, sizeof(error)), 0);
        cr_expect_eq(set, bus_principal_bit(bus_principal("tools")) |
                                  bus_principal_bit(bus_principal("order-executor")) |
                                  bus_principal_bit(bus_principal("health")));
        cr_assert_eq(bus_policy(config, "strategy-v3", &set, error, sizeof(error)), 0);
        cr_expect_eq(set, bus_policy_default("strategy-v3"));
        config_free(config);
}

Test(policy, faults_are_told_by_line_and_name)
{
        expect_fault("[policy]\nhealth = tools\nstrategy-v3 = heath tools\n",
                "umbra.ini:3: policy.strategy-v3: \"heath\" is nobody's name");
        expect_fault("[policy]\nhealth = tools tools\n",
                "umbra.ini:2: policy.health: \"tools\" stands there twice");
        expect_fault("[policy]\nstrategy-v3 = health strategy-v3-shadow\n",
                "umbra.ini:2: policy.strategy-v3: \"strategy-v3-shadow\" is never admitted where "
                "orders are written");
}

Test(policy, of_somebody_who_is_no_service_is_an_unknown_key)
{
        const struct config_option *tables[] = { bus_endpoint_options };
        const char text[] = "[policy]\nstrategy = health\n";
        const struct config_source source = {
                .path = "umbra.ini", .text = text, .text_size = sizeof(text) - 1
        };
        struct config *config = NULL;
        char error[CONFIG_ERROR_SIZE] = "";

        cr_expect_eq(config_load(&source, tables, 1, &config, error, sizeof(error)), -EINVAL);
        cr_expect(strstr(error, "umbra.ini:2: policy.strategy"), "%s", error);
}
