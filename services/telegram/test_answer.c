#include "services/telegram/answer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static void judge(struct tg_answer *answer, long status, const char *body)
{
        const struct tg_wire_answer wire = {
                .status = status, .body = bus_bytes_str(body), .problem = ""
        };

        tg_answer_init(answer, &wire, "123:SECRET");
}

Test(telegram_answer, each_kind_of_refusal_has_its_outcome)
{
        static const struct {
                long status;
                const char *body;
                enum tg_outcome outcome;
        } rows[] = {
                { 200, "{\"ok\":true,\"result\":{}}", TG_DONE },
                { 400, "{\"ok\":false,\"description\":\"Bad Request: chat not found\"}",
                        TG_REFUSED },
                { 400, "{\"ok\":false,\"description\":\"Bad Request: can't parse entities: x\"}",
                        TG_MARKUP },
                { 403, "{\"ok\":false,\"description\":\"Forbidden: bot was blocked\"}",
                        TG_REFUSED },
                { 401, "{\"ok\":false,\"description\":\"Unauthorized\"}", TG_BAD_TOKEN },
                { 404, "{\"ok\":false,\"description\":\"Not Found\"}", TG_BAD_TOKEN },
                { 404, "<html>", TG_BAD_TOKEN },
                { 409, "{\"ok\":false,\"description\":\"Conflict\"}", TG_CONFLICT },
                { 502, "<html>", TG_UNREACHABLE },
                { 200, "", TG_UNREACHABLE },
                { 200, "[]", TG_UNREACHABLE },
                { 200, "{\"ok\":true,\"ok\":false}", TG_UNREACHABLE },
        };
        struct tg_answer answer;

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                judge(&answer, rows[i].status, rows[i].body);
                cr_expect_eq(answer.outcome, rows[i].outcome, "%s", rows[i].body);
                cr_expect_not_null(answer.problem);
                tg_answer_done(&answer);
        }
}

Test(telegram_answer, a_flood_limit_says_how_long_and_no_longer_than_an_hour)
{
        struct tg_answer answer;

        judge(&answer, 429, "{\"ok\":false,\"parameters\":{\"retry_after\":17}}");
        cr_expect_eq(answer.outcome, TG_SLOW_DOWN);
        cr_expect_eq(answer.retry_after_s, 17);
        tg_answer_done(&answer);
        judge(&answer, 429, "{\"ok\":false,\"parameters\":{\"retry_after\":9999999999}}");
        cr_expect_eq(answer.retry_after_s, TG_RETRY_AFTER_MAX_S);
        tg_answer_done(&answer);
        judge(&answer, 429, "too many");
        cr_expect_eq(answer.retry_after_s, 1);
        tg_answer_done(&answer);
}

Test(telegram_answer, the_token_is_never_passed_on)
{
        struct tg_answer answer;

        judge(&answer, 400, "{\"ok\":false,\"description\":\"no /bot123:SECRET/x\"}");
        cr_expect_null(strstr(answer.problem, "SECRET"));
        tg_answer_done(&answer);
}

Test(telegram_answer, no_answer_is_unreachable_with_its_problem)
{
        const struct tg_wire_answer wire = { .error = -ETIMEDOUT,
                .problem = "Timeout was reached" };
        struct tg_answer answer;

        tg_answer_init(&answer, &wire, NULL);
        cr_expect_eq(answer.outcome, TG_UNREACHABLE);
        cr_expect_str_eq(answer.problem, "Timeout was reached");
        tg_answer_done(&answer);
}
