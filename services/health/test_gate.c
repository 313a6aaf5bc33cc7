#include "services/health/gate.h"

#include "libbus/base/attr.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define NOW_US  INT64_C(1795371600000000)
#define HOUR_US (INT64_C(3600) * BUS_US_PER_SEC)

static const struct gate_rule rule = {
        .window_us = 72 * HOUR_US,
        .backup_max_age_us = HOUR_US,
        .decisions = 100,
};

static Pb__Account account;

/* All that a cutover asks for, and no more than that. */
static struct gate_input sound(void)
{
        pb__account__init(&account);
        return (struct gate_input){
                .now_us = NOW_US,
                .plugin = "combined_v3",
                .is_loaded = true,
                .live = { "b1", "c1" },
                .judged = { "b1", "c1" },
                .since_us = NOW_US - 72 * HOUR_US,
                .trades = 100,
                .account = &account,
                .is_connected = true,
                .backup_us = NOW_US - HOUR_US + 1,
        };
}

static void add_failed(char *text, const struct gate_verdict *verdict, enum gate_name name)
{
        cr_expect(*verdict->conditions[name].text, "%s", gate_name(name));
        if (!verdict->conditions[name].holds)
                strcat(strcat(text, gate_name(name)), " ");
}

/* The names of what does not hold, with a blank behind each. */
static const char *failed(const struct gate_input *input)
{
        static char text[256];
        struct gate_verdict verdict;

        text[0] = 0;
        gate_judge(&rule, input, &verdict);
        for (int i = 0; i < GATE_CONDITIONS; i++)
                add_failed(text, &verdict, (enum gate_name)i);
        cr_expect_eq(verdict.is_passed, !*text);
        return text;
}

Test(gate, opens_when_all_conditions_just_hold)
{
        struct gate_input input = sound();

        cr_expect_str_eq(failed(&input), "");
}

#define FAILS(change, name)                                 \
        do {                                                \
                struct gate_input input = sound();          \
                change;                                     \
                cr_expect_str_eq(failed(&input), name " "); \
        } while (0)

Test(gate, names_each_condition_that_fails_and_no_other)
{
        FAILS(input.since_us++, "window");
        FAILS(input.since_us = NOW_US + HOUR_US, "window");
        FAILS(input.trades = 99, "decisions");
        FAILS(input.unpaired = 1, "paired");
        FAILS(input.critical = 1, "no_critical");
        FAILS(input.judged.build = "b0", "edition");
        FAILS(input.judged.config_hash = "c0", "edition");
        FAILS(account.unknown_orders = 1, "no_unknown_order");
        FAILS(account.manual_orders = 1, "no_unknown_order");
        FAILS(input.is_connected = false, "broker_connected");
        FAILS(input.backup_us--, "backup");
        FAILS(input.backup_us = 0, "backup");
}

Test(gate, tells_all_that_is_missing_at_once)
{
        struct gate_input input = {
                .now_us = NOW_US,
                .plugin = "combined_v3",
                .live = { "", "" },
                .judged = { "", "" },
        };

        cr_expect_str_eq(failed(&input), "plugin_loaded window decisions no_unknown_order "
                                         "broker_connected backup ");
}

Test(gate, asks_no_window_number_or_backup_where_the_rule_asks_none)
{
        static const struct gate_rule small = { 0 };
        struct gate_input input = sound();
        struct gate_verdict verdict;

        input.since_us = 0;
        input.trades = 0;
        input.backup_us = 0;
        gate_judge(&small, &input, &verdict);
        cr_expect(verdict.is_passed);
        input.critical = 1;
        gate_judge(&small, &input, &verdict);
        cr_expect_not(verdict.is_passed);
}

Test(gate, is_told_as_json_with_every_name)
{
        struct gate_input input = sound();
        struct gate_verdict verdict;
        json_t *json;

        gate_judge(&rule, &input, &verdict);
        json = gate_json(&verdict);
        cr_assert_eq(json_array_size(json), GATE_CONDITIONS);
        cr_expect_str_eq(
                json_string_value(json_object_get(json_array_get(json, GATE_BACKUP), "name")),
                "backup");
        cr_expect(json_is_true(json_object_get(json_array_get(json, GATE_BACKUP), "holds")));
        json_decref(json);
}
