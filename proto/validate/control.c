/*
 * Commands and their results. A command that lacks what it needs must not reach the service that
 * would have to guess.
 */
#include "proto/validate.h"
#include "proto/validate/check.h"

#include "control.pb-c.h"

#include <string.h>

enum {
        ACTOR_MAX = 128,
        KEY_MAX = 64,
        VALUE_MAX = 1024,
        RISKS_MAX = 32, /* as many as there are caps and limits, with room */
        FACTS_MAX = 64,
        BACKUP_NAME_MAX = 64,
        CONDITIONS_MAX = 32, /* more than the gate has */
};

/* One path component: no separator, no leading dot, so it cannot leave the backup folder. */
static bool is_backup_name(const char *text)
{
        return check_chars(text, 1, BACKUP_NAME_MAX, "._-") && *text != '.';
}

static bool is_setting(const Pb__RiskSetting *setting)
{
        return check_chars(setting->key, 1, KEY_MAX, "._-") &&
               check_text(setting->value, 0, VALUE_MAX);
}

static bool risk_holds(const Pb__Control *control)
{
        if (control->n_risk > RISKS_MAX)
                return false;
        for (size_t i = 0; i < control->n_risk; i++)
                if (!is_setting(control->risk[i]))
                        return false;
        return true;
}

static bool conditions_hold(const Pb__Control *control)
{
        if (control->n_gate_failed > CONDITIONS_MAX)
                return false;
        for (size_t i = 0; i < control->n_gate_failed; i++)
                if (!check_word(control->gate_failed[i], true, CHECK_WORD_MAX))
                        return false;
        return true;
}

static bool telegram_holds(const Pb__TelegramCommand *telegram)
{
        return !telegram || (telegram->chat_id && check_word(telegram->name, 1, CHECK_WORD_MAX) &&
                                    check_prose(telegram->arguments, 0, CHECK_TEXT_MAX) &&
                                    check_word(telegram->role, 1, CHECK_WORD_MAX));
}

/* What the command cannot do without. */
static const char *missing_field(const Pb__Control *control)
{
        switch (control->command) {
        case PB__COMMAND__COMMAND_ENABLE_PLUGIN:
        case PB__COMMAND__COMMAND_DISABLE_PLUGIN:
        case PB__COMMAND__COMMAND_CUTOVER: return *control->plugin ? NULL : "plugin";
        case PB__COMMAND__COMMAND_SETTLE:
                if (!*control->cl_ord_id)
                        return "cl_ord_id";
                return control->settle_as ? NULL : "settle_as";
        case PB__COMMAND__COMMAND_CLOSE: return control->ticket ? NULL : "ticket";
        case PB__COMMAND__COMMAND_OPEN_SYMBOL: return *control->symbol ? NULL : "symbol";
        case PB__COMMAND__COMMAND_SET_RISK: return control->n_risk ? NULL : "risk";
        case PB__COMMAND__COMMAND_BACKUP: return *control->backup_name ? NULL : "backup_name";
        case PB__COMMAND__COMMAND_TELEGRAM: return control->telegram ? NULL : "telegram";
        default: return NULL;
        }
}

int validate_control(const Pb__Control *control, const char **ret_why)
{
        const char *symbol = control->symbol;
        const char *backup = control->backup_name;
        const struct check checks[] = {
                { check_enum(control->command, PB__COMMAND__COMMAND_TELEGRAM), "command" },
                { check_text(control->actor, 1, ACTOR_MAX), "actor" },
                { check_prose(control->reason, 0, CHECK_TEXT_MAX), "reason" },
                { check_name_or_empty(control->plugin), "plugin" },
                { check_counter(control->expected_epoch), "expected_epoch" },
                { check_time_or_none(control->deadline_us), "deadline_us" },
                { check_cl_ord_id_or_empty(control->cl_ord_id), "cl_ord_id" },
                { check_enum_or_none(control->settle_as, PB__SETTLE_AS__SETTLE_AS_NOT_EXECUTED),
                        "settle_as" },
                { check_counter(control->ticket), "ticket" },
                { symbol && (!*symbol || check_symbol(symbol)), "symbol" },
                { risk_holds(control), "risk" },
                { backup && (!*backup || is_backup_name(backup)), "backup_name" },
                { conditions_hold(control), "gate_failed" },
                { telegram_holds(control->telegram), "telegram" },
        };
        const char *missing;
        int r;

        r = check_all(checks, BUS_COUNT(checks), ret_why);
        if (r < 0)
                return r;
        missing = missing_field(control);
        return check_all(&(struct check){ !missing, missing }, 1, ret_why);
}

static bool facts_hold(const Pb__ControlResult *result)
{
        if (result->n_facts > FACTS_MAX)
                return false;
        for (size_t i = 0; i < result->n_facts; i++)
                if (!check_chars(result->facts[i]->key, 1, KEY_MAX, "._-") ||
                        !check_prose(result->facts[i]->value, 0, VALUE_MAX))
                        return false;
        return true;
}

int validate_control_result(const Pb__ControlResult *result, const char **ret_why)
{
        const bool failed = result->status == PB__RESULT_STATUS__RESULT_STATUS_REFUSED ||
                            result->status == PB__RESULT_STATUS__RESULT_STATUS_FAILED;
        const struct check checks[] = {
                { check_id(result->command_id), "command_id" },
                { check_enum(result->command, PB__COMMAND__COMMAND_TELEGRAM), "command" },
                { check_name(result->service), "service" },
                { check_enum(result->status, PB__RESULT_STATUS__RESULT_STATUS_FAILED), "status" },
                { check_word(result->code, failed, CHECK_WORD_MAX), "code" },
                { check_prose(result->text, 0, CHECK_TEXT_MAX), "text" },
                { facts_hold(result), "facts" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}
