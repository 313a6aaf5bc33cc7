#include "services/compare/rules_config.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct config_option options[] = { COMPARE_OPTIONS, { 0 } };

#define RULE                                                                 \
        "[ignore.known]\nclass = side\nowner = ada\nreason = fixed in 1.2\n" \
        "expires = 2026-12-31\n"

static int load(const char *text, struct compare_settings *settings, char error[CONFIG_ERROR_SIZE])
{
        const struct config_option *tables[] = { options };
        struct config_source source = {
                .path = "umbra.ini", .text = text, .text_size = strlen(text)
        };
        struct config *config = NULL;
        int r;

        r = config_load(&source, tables, 1, &config, error, CONFIG_ERROR_SIZE);
        if (!r)
                r = compare_config(settings, config, NULL, error);
        config_free(config);
        return r;
}

Test(rules_config, without_a_word_tolerates_nothing_and_waits_five_seconds)
{
        struct compare_settings settings;
        char error[CONFIG_ERROR_SIZE];

        cr_assert_eq(load("", &settings, error), 0, "%s", error);
        cr_expect_eq(settings.tolerance.lot_steps, 0);
        cr_expect_eq(settings.tolerance.points, 0);
        cr_expect_eq(settings.deadline_us, 5000000);
        cr_expect_eq(settings.rule_count, 0);
}

Test(rules_config, reads_a_rule_with_all_it_may_say)
{
        struct compare_settings settings;
        char error[CONFIG_ERROR_SIZE];

        cr_assert_eq(load("[ignore.a]\nclass = one_sided\nplugin = combined_v3\n"
                          "against = legacy_v3\nsymbol = XAUUSD\nkind = exit\nowner = ada\n"
                          "reason = agreed\nexpires = 2026-12-31T12:00:00Z\n",
                             &settings, error),
                0, "%s", error);
        cr_assert_eq(settings.rule_count, 1);
        cr_expect_str_eq(settings.rules[0].name, "a");
        cr_expect_eq(settings.rules[0].class, COMPARE_ONE_SIDED);
        cr_expect_eq(settings.rules[0].kind, V3_TYPE_EXIT);
        cr_expect_str_eq(settings.rules[0].symbol, "XAUUSD");
        cr_expect_str_eq(settings.rules[0].why, "agreed");
        cr_expect_eq(settings.rules[0].expires_us, INT64_C(1798718400000000));
}

Test(rules_config, a_rule_has_an_owner_a_reason_and_an_end)
{
        struct compare_settings settings;
        char error[CONFIG_ERROR_SIZE];

        cr_assert_eq(load(RULE, &settings, error), 0, "%s", error);
        cr_expect_eq(settings.rules[0].expires_us, INT64_C(1798675200000000));
        cr_expect_lt(load("[ignore.a]\nclass = side\nreason = x\nexpires = 2026-12-31\n", &settings,
                             error),
                0);
        cr_expect(strstr(error, "owner"), "%s", error);
        cr_expect_lt(load("[ignore.a]\nclass = side\nowner = x\nexpires = 2026-12-31\n", &settings,
                             error),
                0);
        cr_expect(strstr(error, "reason"), "%s", error);
        cr_expect_lt(
                load("[ignore.a]\nclass = side\nowner = x\nreason = y\n", &settings, error), 0);
        cr_expect(strstr(error, "expires"), "%s", error);
        cr_expect_lt(load("[ignore.a]\nclass = side\nowner = x\nreason = y\nexpires = for ever\n",
                             &settings, error),
                0);
        cr_expect(strstr(error, "ignore.a.expires"), "%s", error);
        cr_expect_lt(
                load("[ignore.a]\nclass = exact\nowner = x\nreason = y\nexpires = 2026-12-31\n",
                        &settings, error),
                0);
        cr_expect_lt(load("[ignore.A]\nclass = side\nowner = x\nreason = y\nexpires = 2026-12-31\n",
                             &settings, error),
                0);
}
