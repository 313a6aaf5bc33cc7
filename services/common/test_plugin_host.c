/* What the host takes for a plugin, for settings and for an answer, and what it says else. */
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "services/common/plugin_host.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static char error[PLUGIN_ERROR_SIZE];
static struct symbols symbols;

static const char *dir(void)
{
        const char *path = getenv("UMBRA_TEST_MODULES");

        cr_assert(path);
        return path;
}

static void setup(void)
{
        cr_assert_eq(bus_hash_init(), 0);
        symbols_init(&symbols);
        error[0] = 0;
}

static void teardown(void)
{
        symbols_done(&symbols);
}

TestSuite(plugin_host, .init = setup, .fini = teardown);

static void expect_refused(const char *name, int code, const char *says)
{
        struct plugin *plugin = NULL;

        cr_expect(
                plugin_open(dir(), name, error, &plugin) == code && !plugin, "%s: %s", name, error);
        cr_expect(strstr(error, name) && strstr(error, says) && !strchr(error, '\n'), "%s", error);
}

Test(plugin_host, refuses_what_is_no_plugin_of_this_abi_by_name)
{
        expect_refused("no_such_plugin", -ENOENT, "there is no");
        expect_refused("bad_stamp", -ENOEXEC, "ABI");
        expect_refused("bad_name", -EINVAL, "test_plugin");
        expect_refused("bad_entry", -ENOEXEC, "exports no");
        expect_refused("bad_option", -EINVAL, "mode");
        expect_refused("../test_plugin", -EINVAL, "not a plugin's name");
        expect_refused("Test", -EINVAL, "not a plugin's name");
}

Test(plugin_host, refuses_a_file_that_is_no_object)
{
        char folder[] = "/tmp/umbra-test-XXXXXX";
        BUS_AUTOFREE char *path = NULL;
        struct plugin *plugin = NULL;
        FILE *file;

        cr_assert(mkdtemp(folder));
        path = bus_xasprintf("%s/text.so", folder);
        file = fopen(path, "w");
        cr_assert(file);
        fputs("not an object", file);
        fclose(file);
        cr_expect_eq(plugin_open(folder, "text", error, &plugin), -ENOEXEC, "%s", error);
        unlink(path);
        rmdir(folder);
}

static struct plugin *opened(void)
{
        struct plugin *plugin = NULL;

        cr_assert_eq(plugin_open(dir(), "test_plugin", error, &plugin), 0, "%s", error);
        return plugin;
}

Test(plugin_host, tells_name_version_build_and_options)
{
        struct plugin *plugin = opened();
        size_t count;

        cr_expect_str_eq(plugin_name(plugin), "test_plugin");
        cr_expect_str_eq(plugin_version(plugin), "0.1");
        cr_expect_eq(strlen(plugin_build(plugin)), 40, "a SHA-1 in hex: %s", plugin_build(plugin));
        cr_expect_eq(plugin_capabilities(plugin), UMBRA_CAN_EXIT);
        cr_expect_str_eq(plugin_options(plugin, &count)[1].key, "count");
        cr_expect_eq(count, 4);
        plugin_close(plugin);
}

Test(plugin_host, settings_are_of_their_type_and_in_their_range)
{
        static const struct {
                const char *key, *value;
                int result;
        } cases[] = {
                { "flag", "yes", 0 },
                { "flag", "0", 0 },
                { "flag", "maybe", -EINVAL },
                { "count", "0", 0 },
                { "count", "4", 0 },
                { "count", "5", -EINVAL },
                { "count", "-1", -EINVAL },
                { "count", "1.0", -EINVAL },
                { "count", "", -EINVAL },
                { "count", " 1", -EINVAL },
                { "count", "99999999999999999999", -EINVAL },
                { "factor", "0.1", 0 },
                { "factor", "2", 0 },
                { "factor", "2.00000001", -EINVAL },
                { "factor", "abc", -EINVAL },
                { "mode", "bc", 0 },
                { "mode", "b", -EINVAL },
                { "mode", "a|bc", -EINVAL },
                { "mode", "", -EINVAL },
                { "modes", "a", -ENOENT },
        };
        struct plugin *plugin = opened();

        for (size_t i = 0; i < BUS_COUNT(cases); i++) {
                error[0] = 0;
                cr_expect_eq(plugin_set(plugin, cases[i].key, cases[i].value, error),
                        cases[i].result, "%s=%s", cases[i].key, cases[i].value);
                if (cases[i].result < 0)
                        cr_expect_not_null(strstr(error, cases[i].key), "%s", error);
        }
        plugin_close(plugin);
}

static void hash_with(const char *key, const char *value, char *ret_hash)
{
        struct plugin *plugin = opened();

        if (key)
                cr_assert_eq(plugin_set(plugin, key, value, error), 0, "%s", error);
        cr_assert_eq(plugin_start(plugin, &symbols, error), 0, "%s", error);
        strcpy(ret_hash, plugin_config_hash(plugin));
        plugin_close(plugin);
}

Test(plugin_host, the_config_hash_covers_settings_and_symbols_by_value)
{
        char plain[PLUGIN_CONFIG_HASH_SIZE], same[PLUGIN_CONFIG_HASH_SIZE];
        char other[PLUGIN_CONFIG_HASH_SIZE], symbol[PLUGIN_CONFIG_HASH_SIZE];

        hash_with(NULL, NULL, plain);
        hash_with("factor", "0.50", same);
        hash_with("factor", "0.51", other);
        cr_assert_eq(symbols_set(&symbols, "XAUUSD", "max_lot", "3", error), 0);
        hash_with(NULL, NULL, symbol);
        cr_expect_eq(strlen(plain), 16);
        cr_expect_str_eq(plain, same);
        cr_expect_str_neq(plain, other);
        cr_expect_str_neq(plain, symbol);
}

Test(plugin_host, a_refusal_of_the_plugin_itself_is_passed_on)
{
        struct plugin *plugin = opened();

        cr_assert_eq(plugin_set(plugin, "count", "4", error), 0);
        cr_expect_eq(plugin_start(plugin, &symbols, error), -EINVAL);
        cr_expect_str_eq(error, "plugin test_plugin: count 4 does not go with this account");
        plugin_close(plugin);
}

static int64_t ticks(void)
{
        static int64_t now = 1000;

        return now += 7;
}

static struct plugin_verdict asked(const char *count, const char *symbol)
{
        struct v3_alert alert = { .type = V3_TYPE_PULSE, .signal_type = V3_SIGNAL_TREND_PULSE };
        struct plugin *plugin = opened();
        struct plugin_verdict verdict;

        strcpy(alert.symbol, symbol);
        cr_assert_eq(plugin_set(plugin, "count", count, error), 0);
        cr_assert_eq(plugin_start(plugin, &symbols, error), 0, "%s", error);
        plugin_decide(plugin, &alert, NULL, ticks, &verdict);
        plugin_close(plugin);
        return verdict;
}

Test(plugin_host, an_answer_is_timed_and_passed_on)
{
        struct plugin_verdict verdict = asked("3", "XAUUSD");

        cr_expect_eq(verdict.decision.verdict, V3_VERDICT_IGNORE);
        cr_expect_eq(verdict.decide_ns, 7);
        cr_expect_str_empty(verdict.error);
}

Test(plugin_host, a_failure_or_nonsense_is_a_decision_with_verdict_error)
{
        struct plugin_verdict failed = asked("1", "XAUUSD"), nonsense = asked("2", "XAUUSD");
        struct plugin_verdict nowhere = asked("3", "NOSUCH");

        cr_expect_eq(failed.decision.verdict, V3_VERDICT_ERROR);
        cr_expect_eq(failed.decision.reason, V3_REASON_PLUGIN_ERROR);
        cr_expect_not_null(strstr(failed.error, "test_plugin"));
        cr_expect_eq(nonsense.decision.verdict, V3_VERDICT_ERROR);
        cr_expect_eq(nonsense.decision.leg_count, 0);
        cr_expect_not_null(strstr(nonsense.error, "too many legs"), "%s", nonsense.error);
        cr_expect_eq(nowhere.decision.verdict, V3_VERDICT_ERROR);
        cr_expect_not_null(strstr(nowhere.error, "NOSUCH"));
}
