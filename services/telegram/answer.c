#include "services/telegram/answer.h"

#include <string.h>

#define HTTP_CLIENT_ERROR 400
#define HTTP_SERVER_ERROR 500
#define HTTP_STATUS_MAX   599

static enum tg_outcome outcome_of(long status, const char *description)
{
        switch (status) {
        case 401:
        case 404: return TG_BAD_TOKEN;
        case 409: return TG_CONFLICT;
        case 429: return TG_SLOW_DOWN;
        case 400: return strstr(description, "can't parse entities") ? TG_MARKUP : TG_REFUSED;
        default:
                return status >= HTTP_SERVER_ERROR || status < HTTP_CLIENT_ERROR ? TG_UNREACHABLE
                                                                                 : TG_REFUSED;
        }
}

static int retry_after(const json_t *document)
{
        json_int_t seconds = json_integer_value(
                json_object_get(json_object_get(document, "parameters"), "retry_after"));

        if (seconds < 1)
                return 1;
        return seconds > TG_RETRY_AFTER_MAX_S ? TG_RETRY_AFTER_MAX_S : (int)seconds;
}

/* A gateway in between may have made another status of it; what the Bot API says itself counts more. */
static void read_code(struct tg_answer *answer)
{
        json_int_t code = json_integer_value(json_object_get(answer->document, "error_code"));

        if (json_is_false(json_object_get(answer->document, "ok")) && code >= HTTP_CLIENT_ERROR &&
                code <= HTTP_STATUS_MAX)
                answer->status = (long)code;
}

/* A proxy in between may answer in its own words; the status still says what it is. */
static void judge(struct tg_answer *answer, const char *token)
{
        const char *description =
                json_string_value(json_object_get(answer->document, "description"));

        if (answer->document && json_is_true(json_object_get(answer->document, "ok"))) {
                answer->outcome = TG_DONE;
                answer->problem = "";
                answer->result = json_object_get(answer->document, "result");
                return;
        }
        if (!description || (token && *token && strstr(description, token)))
                description =
                        answer->document ? "no description" : "the answer is not the Bot API's";
        answer->problem = description;
        read_code(answer);
        answer->outcome = outcome_of(answer->status, description);
        if (answer->outcome == TG_SLOW_DOWN)
                answer->retry_after_s = retry_after(answer->document);
}

void tg_answer_init(struct tg_answer *answer, const struct tg_wire_answer *wire, const char *token)
{
        *answer = (struct tg_answer){
                .outcome = TG_UNREACHABLE, .status = wire->status, .problem = wire->problem
        };
        if (wire->error)
                return;
        answer->document = json_loadb(
                (const char *)wire->body.data, wire->body.size, JSON_REJECT_DUPLICATES, NULL);
        if (answer->document && !json_is_object(answer->document)) {
                json_decref(answer->document);
                answer->document = NULL;
        }
        judge(answer, token);
}

void tg_answer_done(struct tg_answer *answer)
{
        json_decref(answer->document);
        *answer = (struct tg_answer){ 0 };
}

const char *tg_outcome_name(enum tg_outcome outcome)
{
        static const char *const names[] = { "done", "refused", "markup", "slow_down", "conflict",
                "bad_token", "unreachable" };

        return names[outcome];
}
