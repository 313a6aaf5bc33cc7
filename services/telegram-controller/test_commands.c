/* What each command asks for, and what the controller remembers. */
#include "services/health/admin.h"
#include "services/telegram-controller/commands.h"
#include "services/telegram-controller/memory.h"
#include "services/telegram-controller/render.h"

#include "libbus/base/require.h"
#include <criterion/criterion.h>

#include <errno.h>

static void expect_switch(const char *name, const char *arguments, const char *wanted)
{
        struct admin_command command;
        char error[ADMIN_ERROR_SIZE];
        json_t *params = NULL;
        char *path = NULL;

        cr_assert_eq(command_to_path(command_find(name), arguments, &path, &params), 0, "%s", name);
        cr_expect_eq(admin_parse(path, params, "telegram:1", 1, &command, error), 0, "%s", error);
        cr_expect_str_eq(command.name, wanted);
        admin_command_done(&command);
        free(path);
}

Test(commands, become_the_switches_that_health_knows)
{
        expect_switch("pause", "at lunch", "pause");
        expect_switch("resume", "", "resume");
        expect_switch("resume", "kill off", "resume");
        expect_switch("kill", "", "kill");
        expect_switch("close", "12", "close");
        expect_switch("closeall", "account", "close_all");
        expect_switch("settle", "0123456789ABCDEF filled 12", "settle");
        expect_switch("enable", "legacy_v3", "enable_plugin");
        expect_switch("disable", "combined_v3", "disable_plugin");
        expect_switch("cutover", "", "cutover");
        expect_switch("cutover", "force it must be", "cutover");
        expect_switch("rollback", "", "rollback");
        expect_switch("setrisk", "daily_cap 100", "set_risk");
}

Test(commands, with_wrong_arguments_become_nothing)
{
        static const char *const wrong[][2] = { { "resume", "kill" }, { "close", "" },
                { "close", "1 2" }, { "closeall", "now" }, { "settle", "0123456789ABCDEF" },
                { "enable", "" }, { "cutover", "now" }, { "setrisk", "daily_cap" },
                { "setrisk", "a b c d" } };

        for (size_t i = 0; i < BUS_COUNT(wrong); i++) {
                json_t *params;
                char *path;

                cr_expect_eq(
                        command_to_path(command_find(wrong[i][0]), wrong[i][1], &path, &params),
                        -EINVAL, "%s %s", wrong[i][0], wrong[i][1]);
        }
}

Test(commands, ask_back_where_money_moves)
{
        static const char *const dangerous[] = { "cutover", "rollback", "enable", "disable",
                "closeall", "close", "kill", "resume", "settle", "setrisk" };

        for (size_t i = 0; i < BUS_COUNT(dangerous); i++)
                cr_expect(command_find(dangerous[i])->asks_back, "%s", dangerous[i]);
        cr_expect_not(command_find("pause")->asks_back);
        cr_expect_null(command_find("nosuch"));
}

Test(commands, are_too_old_after_a_minute_but_for_three)
{
        const int64_t now_us = 1000 * BUS_US_PER_SEC, then_us = now_us - 61 * BUS_US_PER_SEC;

        cr_expect(command_is_stale(command_find("closeall"), then_us, now_us));
        cr_expect_not(command_is_stale(command_find("closeall"), now_us - 1, now_us));
        cr_expect_not(command_is_stale(command_find("pause"), then_us, now_us));
        cr_expect_not(command_is_stale(command_find("kill"), then_us, now_us));
        cr_expect_not(command_is_stale(command_find("rollback"), then_us, now_us));
}

Test(memory, takes_an_update_once_for_each_bot)
{
        struct memory *memory = bus_new(struct memory), *again = bus_new(struct memory);
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;
        struct memory_waiting *asked, *question;

        cr_expect(memory_take(memory, "aa", 5));
        cr_expect_not(memory_take(memory, "aa", 5));
        cr_expect(memory_take(memory, "bb", 5), "ids of another token");
        cr_expect(memory_take(memory, "aa", 3), "ids may start anew");
        for (int64_t i = 100; i < 100 + MEMORY_SEEN; i++)
                cr_expect(memory_take(memory, "aa", i));
        cr_expect(memory_take(memory, "aa", 5), "what is long past is forgotten");
        asked = memory_place(memory->asked);
        bus_id_new(asked->id);
        asked->chat_id = -7;
        question = memory_place(memory->questions);
        bus_id_new(question->id);
        snprintf(question->name, sizeof(question->name), "status");
        memory_pack(memory, &packed);
        cr_assert_eq(memory_unpack(bus_buf_bytes(&packed), again), 0);
        cr_expect_str_eq(memory_find(again->questions, question->id)->name, "status");
        cr_expect_null(memory_find(again->questions, asked->id));
        cr_expect_not(memory_take(again, "aa", 99 + MEMORY_SEEN));
        cr_expect_not(memory_take(again, "bb", 5));
        cr_expect_eq(memory_find(again->asked, asked->id)->chat_id, -7);
        cr_expect_null(memory_find(again->confirmations, asked->id));
        cr_expect_null(memory_find(again->asked, ""));
        cr_expect_eq(memory_unpack(bus_bytes_str("\xff\xff"), again), -EBADMSG);
        free(memory);
        free(again);
}

Test(render, escapes_what_comes_from_elsewhere)
{
        json_t *json =
                json_pack("{s:s, s:[s], s:{s:i}}", "why", "<b>&", "list", "a<", "in", "n", 1);
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;

        render_json(&html, "t<", json, NULL);
        cr_expect_str_eq(bus_buf_str(&html), "<b>t&lt;</b>\nwhy: &lt;b&gt;&amp;\n"
                                             "<b>list</b>: a&lt;\n<b>in</b>: \n  n: 1\n");
        json_decref(json);
}

Test(render, offers_what_a_role_may)
{
        BUS_AUTOFREE char *viewer = render_menu(TG_RIGHT_VIEWER),
                          *admin = render_menu(TG_RIGHT_ADMIN);

        cr_expect_not(strstr(viewer, "kill"));
        cr_expect(strstr(admin, "\"c:rollback\""));
        cr_expect(strstr(viewer, "\"c:status\""));
}
