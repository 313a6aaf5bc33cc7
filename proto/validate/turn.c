#include "proto/validate.h"
#include "proto/validate/check.h"

#include "turn.pb-c.h"

enum {
        BOT_MAX = 16, /* hex digits: services/telegram/answer.h, TG_MARK_SIZE */
        PRIORITY_MAX = 15,
        RETRY_MAX_S = 86400,
};

int validate_turn(const Pb__Turn *turn, const char **ret_why)
{
        bool is_grant = turn->kind == PB__TURN_KIND__TURN_KIND_GRANT;
        const struct check checks[] = {
                { check_enum(turn->kind, PB__TURN_KIND__TURN_KIND_DONE), "kind" },
                { check_name(turn->service), "service" },
                { check_chars(turn->bot, 1, BOT_MAX, ""), "bot" },
                { turn->number, "number" },
                { turn->chat_id, "chat_id" },
                { turn->priority <= PRIORITY_MAX, "priority" },
                { is_grant ? check_time(turn->until_us) : check_time_or_none(turn->until_us),
                        "until_us" },
                { turn->retry_after_s <= RETRY_MAX_S, "retry_after_s" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}
