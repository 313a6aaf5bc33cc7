#include "services/health/admin.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NOW_US 1795371600123456

static int parse(struct admin_command *command, const char *path, const char *params)
{
        char error[ADMIN_ERROR_SIZE] = "";
        json_t *json = json_loads(params, 0, NULL);

        cr_assert_not_null(json, "%s", params);
        return admin_parse(path, json, "admin@127.0.0.1", NOW_US, command, error);
}

Test(admin, makes_a_switch_with_a_deadline_for_the_strategy)
{
        struct admin_command command;

        cr_assert_eq(parse(&command, "enable_plugin/combined_v3", "{\"expected_epoch\":7}"), 0);
        cr_expect_eq(command.control.command, PB__COMMAND__COMMAND_ENABLE_PLUGIN);
        cr_expect_str_eq(command.control.plugin, "combined_v3");
        cr_expect_str_eq(command.control.actor, "admin@127.0.0.1");
        cr_expect_eq(command.control.expected_epoch, 7);
        cr_expect_gt(command.control.deadline_us, NOW_US);
        cr_expect_str_eq(command.service, "strategy-v3");
        cr_expect(command.activates);
        admin_command_done(&command);
}

Test(admin, gates_no_way_back)
{
        static const char *const ways[] = { "rollback", "enable_legacy_v3",
                "enable_plugin/legacy_v3", "disable_plugin/combined_v3", "disable_legacy_v3" };
        struct admin_command command;

        for (size_t i = 0; i < BUS_COUNT(ways); i++) {
                cr_assert_eq(parse(&command, ways[i], "{}"), 0, "%s", ways[i]);
                cr_expect_not(command.activates, "%s", ways[i]);
                admin_command_done(&command);
        }
}

/* By whatever name: what it puts in charge counts. */
Test(admin, gates_the_successor_under_the_incumbents_name)
{
        struct admin_command command;

        cr_assert_eq(parse(&command, "enable_legacy_v3/combined_v3", "{}"), 0);
        cr_expect(command.activates);
        admin_command_done(&command);
}

Test(admin, sends_what_is_urgent_whoever_is_down_and_nothing_else)
{
        static const char *const urgent[] = { "rollback", "pause", "kill" };
        struct admin_command command;

        for (size_t i = 0; i < BUS_COUNT(urgent); i++) {
                cr_assert_eq(parse(&command, urgent[i], "{}"), 0, "%s", urgent[i]);
                cr_expect(command.is_urgent, "%s", urgent[i]);
                cr_expect_eq(command.control.deadline_us, 0, "%s", urgent[i]);
                admin_command_done(&command);
        }
        cr_assert_eq(parse(&command, "cutover", "{}"), 0);
        cr_expect_str_eq(command.control.plugin, "combined_v3");
        cr_expect_not(command.is_urgent);
        cr_expect(command.is_switch);
        admin_command_done(&command);
}

Test(admin, takes_force_from_the_query_or_the_body)
{
        struct admin_command command;

        cr_assert_eq(parse(&command, "cutover", "{\"force\":\"yes\",\"reason\":\"drill\"}"), 0);
        cr_expect(command.control.force);
        cr_expect_str_eq(command.control.reason, "drill");
        cr_expect_not(command.control.gate_passed);
        admin_command_done(&command);
        cr_assert_eq(parse(&command, "cutover", "{\"force\":true}"), 0);
        cr_expect(command.control.force);
        admin_command_done(&command);
}

Test(admin, makes_a_rollback_of_its_own)
{
        struct admin_command command;

        admin_make_rollback("health:watch", "error_rate: 6 %", NOW_US, &command);
        cr_expect_eq(command.control.command, PB__COMMAND__COMMAND_ROLLBACK);
        cr_expect_str_eq(command.control.actor, "health:watch");
        cr_expect_str_eq(command.control.reason, "error_rate: 6 %");
        admin_command_done(&command);
}

Test(admin, settles_only_with_an_order_and_an_outcome)
{
        struct admin_command command;

        cr_assert_eq(parse(&command, "settle/0123456789ABCDEF", "{\"as\":\"filled\"}"), 0);
        cr_expect_str_eq(command.control.cl_ord_id, "0123456789ABCDEF");
        cr_expect_eq(command.control.settle_as, PB__SETTLE_AS__SETTLE_AS_FILLED);
        admin_command_done(&command);
        cr_expect_eq(parse(&command, "settle/0123456789ABCDEF", "{}"), -EINVAL);
        admin_command_done(&command);
        cr_expect_eq(parse(&command, "settle", "{\"as\":\"filled\"}"), -EINVAL);
        admin_command_done(&command);
        cr_expect_eq(parse(&command, "settle/../etc", "{\"as\":\"filled\"}"), -EINVAL);
        admin_command_done(&command);
}

Test(admin, takes_risk_settings_as_text_or_numbers)
{
        struct admin_command command;

        cr_assert_eq(
                parse(&command, "set_risk",
                        "{\"daily_cap\":\"200.00\",\"max_open_positions\":5,\"max_lot\":0.15,\"reason\":\"calm\"}"),
                0);
        cr_assert_eq(command.control.n_risk, 3);
        cr_expect_str_eq(command.control.risk[0]->key, "daily_cap");
        cr_expect_str_eq(command.control.risk[0]->value, "200.00");
        cr_expect_str_eq(command.control.risk[1]->value, "5");
        cr_expect_str_eq(command.control.risk[2]->value, "0.15");
        cr_expect_str_eq(command.control.reason, "calm");
        admin_command_done(&command);
        cr_expect_eq(parse(&command, "set_risk", "{}"), -EINVAL);
        admin_command_done(&command);
        cr_expect_eq(parse(&command, "set_risk", "{\"daily_cap\":[1]}"), -EINVAL);
        admin_command_done(&command);
}

Test(admin, names_a_backup_by_the_time_unless_told)
{
        struct admin_command command;

        cr_assert_eq(parse(&command, "backup", "{}"), 0);
        cr_expect_str_eq(command.control.backup_name, "20261122T182000.123456Z");
        cr_expect_null(command.service);
        admin_command_done(&command);
        cr_assert_eq(parse(&command, "backup", "{\"name\":\"friday\"}"), 0);
        cr_expect_str_eq(command.control.backup_name, "friday");
        admin_command_done(&command);
        cr_expect_eq(parse(&command, "backup", "{\"name\":\"../x\"}"), -EINVAL);
        admin_command_done(&command);
}

Test(admin, reads_scope_and_the_end_of_a_kill)
{
        struct admin_command command;

        cr_assert_eq(parse(&command, "close_all", "{\"scope\":\"account\"}"), 0);
        cr_expect(command.control.scope_account);
        admin_command_done(&command);
        cr_assert_eq(parse(&command, "resume", "{\"kill\":\"off\"}"), 0);
        cr_expect(command.control.kill_off);
        admin_command_done(&command);
}

Test(admin, knows_no_other_command)
{
        struct admin_command command;

        cr_expect_eq(parse(&command, "shutdown", "{}"), -ENOENT);
        admin_command_done(&command);
        cr_expect_eq(parse(&command, "pausex", "{}"), -ENOENT);
        admin_command_done(&command);
        cr_expect_eq(parse(&command, "", "{}"), -ENOENT);
        admin_command_done(&command);
}
