/*
 * The commands that change something: plugin, cutover, rollback, pause, resume, kill, close, settle,
 * risk, backup. Each is a POST to health, and prints what then holds.
 */
#include "libbus/base/require.h"
#include "services/umbra/ask.h"
#include "services/umbra/command.h"
#include "services/umbra/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct flags {
        json_t *body;
        bool json;
};

enum {
        FLAG_REASON = OPTIONS_FIRST,
        FLAG_FORCE,
        FLAG_SCOPE,
        FLAG_AS,
        FLAG_KILL_OFF,
        FLAG_TICKET,
        FLAG_NAME,
        FLAG_JSON,
};

#define COMMON_FLAGS                                        \
        { "reason", required_argument, NULL, FLAG_REASON }, \
        {                                                   \
                "json", no_argument, NULL, FLAG_JSON        \
        }

static int take(void *arg, int option, const char *value)
{
        static const char *const keys[] = {
                [FLAG_REASON - OPTIONS_FIRST] = "reason",
                [FLAG_FORCE - OPTIONS_FIRST] = "force",
                [FLAG_SCOPE - OPTIONS_FIRST] = "scope",
                [FLAG_AS - OPTIONS_FIRST] = "as",
                [FLAG_KILL_OFF - OPTIONS_FIRST] = "kill",
                [FLAG_TICKET - OPTIONS_FIRST] = "ticket",
                [FLAG_NAME - OPTIONS_FIRST] = "name",
        };
        struct flags *flags = arg;
        json_t *text;

        if (option == FLAG_JSON) {
                flags->json = true;
                return 0;
        }
        text = json_string(option == FLAG_FORCE ? "yes" : option == FLAG_KILL_OFF ? "off" : value);
        if (!text || json_object_set_new(flags->body, keys[option - OPTIONS_FIRST], text) < 0) {
                fprintf(stderr, "umbra: --%s: is not UTF-8\n", keys[option - OPTIONS_FIRST]);
                return -EINVAL;
        }
        return 0;
}

static void print_result(const json_t *result)
{
        const json_t *now = json_object_get(result, "now"), *value;
        const char *key;

        printf("%s: %s", text_of(result, "service"), text_of(result, "status"));
        if (*text_of(result, "text"))
                printf(" (%s)", text_of(result, "text"));
        json_object_foreach((json_t *)now, key, value)
                printf(" %s=%s", key, json_is_string(value) ? json_string_value(value) : "?");
        if (*text_of(result, "position"))
                printf(" position=%s", text_of(result, "position"));
        putchar('\n');
}

static void print_answer(const json_t *answer, bool json)
{
        const json_t *results = json_object_get(answer, "results");

        if (json) {
                print_json(answer);
                return;
        }
        for (size_t i = 0; i < json_array_size(results); i++)
                print_result(json_array_get(results, i));
        printf("%s in %s ms\n", text_of(answer, "status"), text_of(answer, "ms"));
}

static int post(const struct layout *layout, const char *command, const char *admin_path,
        const struct flags *flags)
{
        BUS_AUTOFREE char *path = bus_xasprintf("/admin/%s", admin_path);
        json_t *answer;
        int status;

        status = ask(layout, command, "POST", path, flags->body, &answer);
        if (status == UMBRA_DONE)
                print_answer(answer, flags->json);
        json_decref(answer);
        return status;
}

/* A command without words of its own: the path is the name, or ADMIN_PATH. */
static int plain(
        int argc, char **argv, const char *admin_path, const char *usage, const struct option *own)
{
        struct flags flags = { .body = json_object() };
        struct options options = { .usage = usage, .own = own, .take = take, .arg = &flags };
        int status;

        status = options_parse(&options, argc, argv);
        if (status < 0) {
                status = post(&options.layout, argv[0], admin_path, &flags);
                options_done(&options);
        }
        json_decref(flags.body);
        return status;
}

int umbra_pause(int argc, char **argv)
{
        static const struct option own[] = { COMMON_FLAGS, { 0 } };

        return plain(argc, argv, "pause",
                "usage: umbra pause [--reason TEXT] [--json] [--state DIR]\n"
                "\n"
                "No entry is sent any more; exits go on. Survives restarts, until 'umbra resume'.\n"
                "\n"
                "example: umbra pause --reason 'news at two'\n",
                own);
}

int umbra_resume(int argc, char **argv)
{
        static const struct option own[] = { COMMON_FLAGS,
                { "kill-off", no_argument, NULL, FLAG_KILL_OFF }, { 0 } };

        return plain(argc, argv, "resume",
                "usage: umbra resume [--kill-off] [--reason TEXT] [--json] [--state DIR]\n"
                "\n"
                "Lifts a pause and a halt; with --kill-off a kill too.\n"
                "\n"
                "example: umbra resume --kill-off --reason 'looked at all positions'\n",
                own);
}

int umbra_kill(int argc, char **argv)
{
        static const struct option own[] = { COMMON_FLAGS, { 0 } };

        return plain(argc, argv, "kill",
                "usage: umbra kill [--reason TEXT] [--json] [--state DIR]\n"
                "\n"
                "Nothing is sent to the broker any more but closes by hand. Survives restarts,\n"
                "until 'umbra resume --kill-off'.\n"
                "\n"
                "example: umbra kill --reason 'wrong account'\n",
                own);
}

int umbra_rollback(int argc, char **argv)
{
        static const struct option own[] = { COMMON_FLAGS, { 0 } };

        return plain(argc, argv, "rollback",
                "usage: umbra rollback [--reason TEXT] [--json] [--state DIR]\n"
                "\n"
                "Back to legacy_v3, at once. Where that already holds nothing changes.\n"
                "\n"
                "example: umbra rollback --reason 'fills look odd'\n",
                own);
}

int umbra_cutover(int argc, char **argv)
{
        static const struct option own[] = { COMMON_FLAGS,
                { "force", no_argument, NULL, FLAG_FORCE }, { 0 } };

        return plain(argc, argv, "cutover",
                "usage: umbra cutover [--force --reason TEXT] [--json] [--state DIR]\n"
                "\n"
                "combined_v3 decides from the next signal on, if the gate lets it.\n"
                "\n"
                "example: umbra cutover\n",
                own);
}

int umbra_backup(int argc, char **argv)
{
        static const struct option own[] = { COMMON_FLAGS,
                { "name", required_argument, NULL, FLAG_NAME }, { 0 } };

        return plain(argc, argv, "backup",
                "usage: umbra backup [--name NAME] [--json] [--state DIR]\n"
                "\n"
                "Each service copies its store while it runs, checks the copy and syncs it:\n"
                "DIR/backup/SERVICE/NAME.db. The name is the time unless given.\n"
                "\n"
                "example: umbra backup --name friday\n",
                own);
}

int umbra_close(int argc, char **argv)
{
        static const struct option own[] = { COMMON_FLAGS,
                { "scope", required_argument, NULL, FLAG_SCOPE }, { 0 } };

        return plain(argc, argv, "close_all",
                "usage: umbra close [--scope account] [--reason TEXT] [--json] [--state DIR]\n"
                "\n"
                "Closes every position of this strategy by hand; with --scope account all of\n"
                "the account's.\n"
                "\n"
                "example: umbra close --reason 'flat over the weekend'\n",
                own);
}

int umbra_plugin(int argc, char **argv)
{
        static const struct option own[] = { COMMON_FLAGS,
                { "force", no_argument, NULL, FLAG_FORCE }, { 0 } };
        struct flags flags = { .body = json_object() };
        struct options options = { .own = own,
                .take = take,
                .arg = &flags,
                .words_min = 2,
                .words_max = 2,
                .usage = "usage: umbra plugin enable|disable NAME [--force --reason TEXT] [--json] "
                         "[--state DIR]\n"
                         "\n"
                         "Of the slot v3: combined_v3 decides if it is enabled, else legacy_v3 if\n"
                         "that is. Enabling one that then decides is a cutover, and gated.\n"
                         "\n"
                         "example: umbra plugin disable combined_v3 --reason 'as planned'\n" };
        BUS_AUTOFREE char *path = NULL;
        int status;

        status = options_parse(&options, argc, argv);
        if (status < 0 && strcmp(options.words[0], "enable") &&
                strcmp(options.words[0], "disable")) {
                fprintf(stderr, "umbra plugin: enable or disable, not '%s'\n", options.words[0]);
                options_done(&options);
                status = UMBRA_USAGE;
        }
        if (status < 0) {
                path = bus_xasprintf("%s_plugin/%s", options.words[0], options.words[1]);
                status = post(&options.layout, argv[0], path, &flags);
                options_done(&options);
        }
        json_decref(flags.body);
        return status;
}

int umbra_settle(int argc, char **argv)
{
        static const struct option own[] = { COMMON_FLAGS,
                { "as", required_argument, NULL, FLAG_AS },
                { "ticket", required_argument, NULL, FLAG_TICKET }, { 0 } };
        struct flags flags = { .body = json_object() };
        struct options options = { .own = own,
                .take = take,
                .arg = &flags,
                .words_min = 1,
                .words_max = 1,
                .usage = "usage: umbra settle CL_ORD_ID --as filled|not_executed [--ticket N]\n"
                         "                    [--reason TEXT] [--json] [--state DIR]\n"
                         "\n"
                         "Ends an order that waits for a person (MANUAL), after a look at the\n"
                         "broker's terminal.\n"
                         "\n"
                         "example: umbra settle 7Q2M9T4X0B8C1D5E --as not_executed\n" };
        BUS_AUTOFREE char *path = NULL;
        int status;

        status = options_parse(&options, argc, argv);
        if (status < 0) {
                path = bus_xasprintf("settle/%s", options.words[0]);
                status = post(&options.layout, argv[0], path, &flags);
                options_done(&options);
        }
        json_decref(flags.body);
        return status;
}

static int take_settings(const struct options *options, json_t *body)
{
        for (int i = 0; i < options->word_count; i++) {
                const char *equals = strchr(options->words[i], '=');
                BUS_AUTOFREE char *key = NULL;

                if (!equals || equals == options->words[i]) {
                        fprintf(stderr, "umbra risk: must be KEY=VALUE, not '%s'\n",
                                options->words[i]);
                        return -EINVAL;
                }
                key = bus_xasprintf("%.*s", (int)(equals - options->words[i]), options->words[i]);
                json_object_set_new(body, key, json_string(equals + 1));
        }
        return 0;
}

int umbra_risk(int argc, char **argv)
{
        static const struct option own[] = { COMMON_FLAGS, { 0 } };
        struct flags flags = { .body = json_object() };
        struct options options = { .own = own,
                .take = take,
                .arg = &flags,
                .words_min = 1,
                .words_max = -1,
                .usage =
                        "usage: umbra risk KEY=VALUE... [--reason TEXT] [--json] [--state DIR]\n"
                        "\n"
                        "Changes the executor's caps and limits at once and for good: daily_cap,\n"
                        "lifetime_cap, max_lot, max_open_positions, max_price_gap, count_open_risk,\n"
                        "symbols. All that are named, or none.\n"
                        "\n"
                        "example: umbra risk daily_cap=200 max_open_positions=4 --reason calm\n" };
        int status;

        status = options_parse(&options, argc, argv);
        if (status < 0) {
                status = UMBRA_USAGE;
                if (!take_settings(&options, flags.body))
                        status = post(&options.layout, argv[0], "set_risk", &flags);
                options_done(&options);
        }
        json_decref(flags.body);
        return status;
}
