#include "services/telegram/update.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static int read_text(const char *text, struct tg_update *update)
{
        json_t *json = json_loads(text, 0, NULL);
        int r;

        cr_assert_not_null(json);
        r = tg_update_read(json, update);
        json_decref(json);
        return r;
}

Test(telegram_update, a_written_command_is_a_message)
{
        struct tg_update update;

        cr_assert_eq(read_text("{\"update_id\":7,\"message\":{\"message_id\":3,\"date\":1795371600,"
                               "\"chat\":{\"id\":-42,\"type\":\"group\"},"
                               "\"from\":{\"id\":99,\"first_name\":\"Ann\"},\"text\":\"/status\"}}",
                             &update),
                0);
        cr_expect_eq(update.kind, TG_UPDATE_MESSAGE);
        cr_expect_eq(update.update_id, 7);
        cr_expect_eq(update.chat_id, -42);
        cr_expect_eq(update.user_id, 99);
        cr_expect_eq(update.date_s, 1795371600);
        cr_expect_not(update.is_private);
        cr_expect_str_eq(update.text, "/status");
        cr_expect_str_eq(update.name, "Ann");
}

Test(telegram_update, a_pressed_button_carries_its_data)
{
        struct tg_update update;

        cr_assert_eq(
                read_text("{\"update_id\":8,\"callback_query\":{\"id\":\"5\",\"data\":\"yes:1\","
                          "\"from\":{\"id\":99},\"message\":{\"message_id\":4,"
                          "\"chat\":{\"id\":99,\"type\":\"private\"}}}}",
                        &update),
                0);
        cr_expect_eq(update.kind, TG_UPDATE_BUTTON);
        cr_expect_eq(update.message_id, 4);
        cr_expect(update.is_private);
        cr_expect_str_eq(update.data, "yes:1");
        cr_expect_str_eq(update.callback_id, "5");
}

Test(telegram_update, what_is_neither_is_confirmed_and_forgotten)
{
        static const char *const texts[] = { "{\"update_id\":1}",
                "{\"update_id\":1,\"message\":{}}", "{\"update_id\":1,\"message\":7}",
                "{\"update_id\":1,\"message\":{\"text\":\"/x\",\"chat\":{\"id\":\"1\"}}}",
                "{\"update_id\":1,\"message\":{\"text\":\"/x\",\"chat\":{\"id\":1}}}",
                "{\"update_id\":1,\"callback_query\":{\"data\":\"x\",\"from\":{\"id\":1}}}" };
        struct tg_update update;

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                cr_assert_eq(read_text(texts[i], &update), 0);
                cr_expect_eq(update.kind, TG_UPDATE_OTHER, "%s", texts[i]);
        }
}

Test(telegram_update, without_an_id_it_is_none)
{
        struct tg_update update;

        cr_expect_eq(read_text("{}", &update), -EBADMSG);
        cr_expect_eq(read_text("[]", &update), -EBADMSG);
        cr_expect_eq(read_text("{\"update_id\":\"1\"}", &update), -EBADMSG);
}

Test(telegram_update, a_text_ends_at_its_first_line_and_at_its_limit)
{
        struct tg_update update;
        char text[4096] =
                "{\"update_id\":1,\"message\":{\"chat\":{\"id\":1},\"from\":{\"id\":1},\"text\":\"";

        cr_assert_eq(
                read_text("{\"update_id\":1,\"message\":{\"chat\":{\"id\":1},\"from\":{\"id\":1},"
                          "\"text\":\"/a b\\nc\"}}",
                        &update),
                0);
        cr_expect_str_eq(update.text, "/a b");
        for (size_t i = 0; i < 600; i++)
                strcat(text, "\xc3\xa9");
        strcat(text, "\"}}");
        cr_assert_eq(read_text(text, &update), 0);
        cr_expect_eq(strlen(update.text), (size_t)TG_TEXT_MAX_BYTES);
}

Test(telegram_update, a_command_is_read_with_its_arguments)
{
        static const struct {
                const char *text, *command, *arguments;
        } rows[] = { { "/status", "status", "" }, { "/Close 12 now", "close", "12 now" },
                { "/close@UmbraBot 12", "close", "12" }, { "/close@umbrabot", "close", "" },
                { "/kill  ", "kill", "" }, { "/close@OtherBot", NULL, NULL },
                { "close", NULL, NULL }, { "/", NULL, NULL }, { "/a/b", NULL, NULL },
                { "/abcdefghijklmnopqrstuvwxyzabcdefg", NULL, NULL } };
        char command[TG_COMMAND_MAX_BYTES + 1];
        const char *arguments;

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                bool is = tg_command_read(rows[i].text, "UmbraBot", command, &arguments);

                cr_assert_eq(is, rows[i].command != NULL, "%s", rows[i].text);
                if (!is)
                        continue;
                cr_expect_str_eq(command, rows[i].command);
                cr_expect_str_eq(arguments, rows[i].arguments);
        }
        cr_expect(tg_command_read("/x@Any", NULL, command, &arguments));
}
