#include "services/health/admin.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "proto/validate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* An executor answers in the turn it reads the command; this is for one that is starting. */
#define WAIT_US        (3 * BUS_US_PER_SEC)
#define WAIT_BACKUP_US (30 * BUS_US_PER_SEC)
/* A switch that nobody carried out by then is void: the person has been told "unknown". */
#define SWITCH_DEADLINE_US (10 * BUS_US_PER_SEC)

enum argument {
        ARGUMENT_NONE,
        ARGUMENT_PLUGIN,
        ARGUMENT_PLUGIN_OPTIONAL, /* DEFAULT_PLUGIN unless named */
        ARGUMENT_CL_ORD_ID,
        ARGUMENT_SYMBOL,
        ARGUMENT_RISK,
        ARGUMENT_NAME,
        ARGUMENT_TICKET,
};

static const char strategy[] = "strategy-v3", executor[] = "order-executor";
static const char incumbent[] = "legacy_v3", successor[] = "combined_v3";

static const struct command_spec {
        const char *name;
        Pb__Command command;
        enum argument argument;
        const char *service;
        const char *default_plugin;
        bool is_switch, is_urgent;
} specs[] = {
        { "enable_plugin", PB__COMMAND__COMMAND_ENABLE_PLUGIN, ARGUMENT_PLUGIN, strategy,
                .is_switch = true },
        { "disable_plugin", PB__COMMAND__COMMAND_DISABLE_PLUGIN, ARGUMENT_PLUGIN, strategy,
                .is_switch = true },
        { "enable_legacy_v3", PB__COMMAND__COMMAND_ENABLE_PLUGIN, ARGUMENT_PLUGIN_OPTIONAL,
                strategy, incumbent, .is_switch = true },
        { "disable_legacy_v3", PB__COMMAND__COMMAND_DISABLE_PLUGIN, ARGUMENT_PLUGIN_OPTIONAL,
                strategy, incumbent, .is_switch = true },
        { "cutover", PB__COMMAND__COMMAND_CUTOVER, ARGUMENT_PLUGIN_OPTIONAL, strategy, successor,
                .is_switch = true },
        { "rollback", PB__COMMAND__COMMAND_ROLLBACK, ARGUMENT_NONE, strategy, .is_urgent = true },
        { "pause", PB__COMMAND__COMMAND_PAUSE, ARGUMENT_NONE, executor, .is_urgent = true },
        { "resume", PB__COMMAND__COMMAND_RESUME, ARGUMENT_NONE, executor },
        { "kill", PB__COMMAND__COMMAND_KILL, ARGUMENT_NONE, executor, .is_urgent = true },
        { "close_all", PB__COMMAND__COMMAND_CLOSE_ALL, ARGUMENT_NONE, executor },
        { "close", PB__COMMAND__COMMAND_CLOSE, ARGUMENT_TICKET, executor },
        { "settle", PB__COMMAND__COMMAND_SETTLE, ARGUMENT_CL_ORD_ID, executor },
        { "open_symbol", PB__COMMAND__COMMAND_OPEN_SYMBOL, ARGUMENT_SYMBOL, executor },
        { "set_risk", PB__COMMAND__COMMAND_SET_RISK, ARGUMENT_RISK, executor },
        { "enable_service_api", PB__COMMAND__COMMAND_ENABLE_SERVICE_API, ARGUMENT_NONE, executor },
        { "disable_service_api", PB__COMMAND__COMMAND_DISABLE_SERVICE_API, ARGUMENT_NONE,
                executor },
        { "backup", PB__COMMAND__COMMAND_BACKUP, ARGUMENT_NAME, NULL },
};

const char *admin_name(size_t n)
{
        return n < BUS_COUNT(specs) ? specs[n].name : NULL;
}

/* ---- parameters ---- */

/* As text, whatever JSON type it came as; NULL if absent or of no use. */
static const char *param(const struct admin_command *command, const char *key)
{
        return json_string_value(json_object_get(command->params, key));
}

/* Numbers and truth values of a JSON body become the text they would be in a query. */
static void params_to_text(json_t *params)
{
        const char *key;
        json_t *value;
        void *next;
        char text[32];

        json_object_foreach_safe(params, next, key, value)
        {
                if (json_is_integer(value)) {
                        snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
                                json_integer_value(value));
                        json_object_set_new(params, key, json_string(text));
                } else if (json_is_real(value)) {
                        snprintf(text, sizeof(text), "%.15g", json_real_value(value));
                        json_object_set_new(params, key, json_string(text));
                } else if (json_is_boolean(value)) {
                        json_object_set_new(
                                params, key, json_string(json_is_true(value) ? "yes" : "no"));
                }
        }
}

static bool is_yes(const char *text)
{
        return text && (!strcmp(text, "yes") || !strcmp(text, "true") || !strcmp(text, "1") ||
                               !strcmp(text, "on"));
}

/* A text of at most SIZE - 1 bytes: what is longer would be cut into something else. */
static int copy(char *to, size_t size, const char *text, const char *what, char *error)
{
        if (snprintf(to, size, "%s", text ? text : "") < (int)size)
                return 0;
        snprintf(error, ADMIN_ERROR_SIZE, "%s: longer than %zu characters", what, size - 1);
        return -EINVAL;
}

static int number(const char *text, const char *what, uint64_t *ret_value, char *error)
{
        char *end;

        errno = 0;
        *ret_value = strtoull(text, &end, 10);
        if (!errno && *text >= '0' && *text <= '9' && !*end)
                return 0;
        snprintf(error, ADMIN_ERROR_SIZE, "%s: must be a number", what);
        return -EINVAL;
}

/* ---- arguments ---- */

static bool is_reserved(const char *key)
{
        static const char *const reserved[] = { "reason", "expected_epoch", "force", "key",
                "value" };

        for (size_t i = 0; i < BUS_COUNT(reserved); i++)
                if (!strcmp(key, reserved[i]))
                        return true;
        return false;
}

static int add_risk(struct admin_command *command, const char *key, const char *value, char *error)
{
        size_t n = command->control.n_risk;

        if (!value || n == ADMIN_RISK_MAX) {
                snprintf(error, ADMIN_ERROR_SIZE, "%.64s: must be a text or a number", key);
                return -EINVAL;
        }
        pb__risk_setting__init(&command->risk[n]);
        command->risk[n].key = (char *)key;
        command->risk[n].value = (char *)value;
        command->risk_list[n] = &command->risk[n];
        command->control.risk = command->risk_list;
        command->control.n_risk++;
        return 0;
}

static int take_risk(struct admin_command *command, char *error)
{
        const char *key = param(command, "key");
        json_t *value;
        int r = 0;

        if (key)
                r = add_risk(command, key, param(command, "value"), error);
        json_object_foreach(command->params, key, value) if (!r && !is_reserved(key)) r =
                add_risk(command, key, json_string_value(value), error);
        if (!r && !command->control.n_risk) {
                snprintf(error, ADMIN_ERROR_SIZE, "set_risk: no setting given");
                r = -EINVAL;
        }
        return r;
}

static int take_settle_as(struct admin_command *command, char *error)
{
        const char *as = param(command, "as");

        if (as && !strcmp(as, "filled"))
                command->control.settle_as = PB__SETTLE_AS__SETTLE_AS_FILLED;
        else if (as && !strcmp(as, "not_executed"))
                command->control.settle_as = PB__SETTLE_AS__SETTLE_AS_NOT_EXECUTED;
        else {
                snprintf(error, ADMIN_ERROR_SIZE, "as: must be filled or not_executed");
                return -EINVAL;
        }
        return 0;
}

static void default_backup_name(char name[static ADMIN_TEXT_SIZE], int64_t now_us)
{
        char when[BUS_TIME_TEXT_SIZE];
        size_t n = 0;

        /* 2026-11-22T18:20:00.123456Z -> 20261122T182000.123456Z */
        bus_time_format(now_us, when);
        for (const char *p = when; *p; p++)
                if (*p != '-' && *p != ':')
                        name[n++] = *p;
        name[n] = 0;
}

static int take_argument(const struct command_spec *spec, struct admin_command *command,
        const char *argument, int64_t now_us, char *error)
{
        Pb__Control *control = &command->control;
        int r;

        switch (spec->argument) {
        case ARGUMENT_PLUGIN:
        case ARGUMENT_PLUGIN_OPTIONAL:
                if (!*argument && param(command, "plugin"))
                        argument = param(command, "plugin");
                if (!*argument && spec->default_plugin)
                        argument = spec->default_plugin;
                control->plugin = command->plugin;
                return copy(command->plugin, sizeof(command->plugin), argument, "plugin", error);
        case ARGUMENT_CL_ORD_ID:
                control->cl_ord_id = command->cl_ord_id;
                r = copy(command->cl_ord_id, sizeof(command->cl_ord_id), argument, "cl_ord_id",
                        error);
                return r < 0 ? r : take_settle_as(command, error);
        case ARGUMENT_SYMBOL:
                control->symbol = command->symbol;
                return copy(command->symbol, sizeof(command->symbol), argument, "symbol", error);
        case ARGUMENT_TICKET: return number(argument, "ticket", &control->ticket, error);
        case ARGUMENT_RISK: return take_risk(command, error);
        case ARGUMENT_NAME:
                control->backup_name = command->backup_name;
                if (!*argument && param(command, "name"))
                        argument = param(command, "name");
                if (!*argument)
                        default_backup_name(command->backup_name, now_us);
                return *argument ? copy(command->backup_name, sizeof(command->backup_name),
                                           argument, "name", error)
                                 : 0;
        case ARGUMENT_NONE: break;
        }
        return 0;
}

static int take_common(struct admin_command *command, const char *actor, char *error)
{
        Pb__Control *control = &command->control;
        const char *epoch = param(command, "expected_epoch"), *ticket = param(command, "ticket");
        const char *scope = param(command, "scope"), *kill = param(command, "kill");
        int r;

        control->actor = command->actor;
        control->reason = command->reason;
        r = copy(command->actor, sizeof(command->actor), actor, "actor", error);
        if (!r)
                r = copy(command->reason, sizeof(command->reason), param(command, "reason"),
                        "reason", error);
        if (!r && epoch)
                r = number(epoch, "expected_epoch", &control->expected_epoch, error);
        if (!r && ticket)
                r = number(ticket, "ticket", &control->ticket, error);
        control->force = is_yes(param(command, "force"));
        control->scope_account = scope && !strcmp(scope, "account");
        control->kill_off = kill && !strcmp(kill, "off");
        return r;
}

/* ---- the command ---- */

static const struct command_spec *find(const char *path, const char **ret_argument)
{
        size_t length = strcspn(path, "/");

        for (size_t i = 0; i < BUS_COUNT(specs); i++)
                if (strlen(specs[i].name) == length && !strncmp(specs[i].name, path, length)) {
                        *ret_argument = path[length] ? path + length + 1 : "";
                        return &specs[i];
                }
        return NULL;
}

int admin_parse(const char *path, json_t *params, const char *actor, int64_t now_us,
        struct admin_command *ret_command, char error[static ADMIN_ERROR_SIZE])
{
        const char *argument, *why;
        const struct command_spec *spec = find(path, &argument);
        struct admin_command *command = ret_command;
        int r;

        *command = (struct admin_command){ .params = params };
        pb__control__init(&command->control);
        if (!spec) {
                snprintf(error, ADMIN_ERROR_SIZE, "no such command");
                return -ENOENT;
        }
        params_to_text(params);
        command->name = spec->name;
        command->service = spec->service;
        command->is_switch = spec->is_switch;
        command->is_urgent = spec->is_urgent;
        command->wait_us = spec->service ? WAIT_US : WAIT_BACKUP_US;
        command->control.command = spec->command;
        if (spec->is_switch)
                command->control.deadline_us = now_us + SWITCH_DEADLINE_US;
        r = take_common(command, actor, error);
        if (!r)
                r = take_argument(spec, command, argument, now_us, error);
        /* the way back is never gated */
        command->activates = (spec->command == PB__COMMAND__COMMAND_ENABLE_PLUGIN ||
                                     spec->command == PB__COMMAND__COMMAND_CUTOVER) &&
                             strcmp(command->plugin, incumbent) != 0;
        if (!r && validate_control(&command->control, &why) < 0) {
                snprintf(error, ADMIN_ERROR_SIZE, "%s: missing, or not what it must be", why);
                r = -EINVAL;
        }
        return r;
}

void admin_command_done(struct admin_command *command)
{
        json_decref(command->params);
        command->params = NULL;
}

void admin_make_rollback(
        const char *actor, const char *reason, int64_t now_us, struct admin_command *ret_command)
{
        char error[ADMIN_ERROR_SIZE];
        int r;

        r = admin_parse("rollback", json_object(), actor, now_us, ret_command, error);
        bus_require(r == 0);
        snprintf(ret_command->reason, sizeof(ret_command->reason), "%s", reason);
}
