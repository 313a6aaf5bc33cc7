/*
 * umbra: the operator's one command. Wiring only: a table of commands, each in its own file.
 */
#include "services/umbra/command.h"

#include <stdio.h>
#include <string.h>

static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
        const char *summary;
} commands[] = {
        { "up", umbra_up, "run the whole system in the foreground" },
        { "demo", umbra_demo, "see it all: alerts, orders, kills, and the sums" },
        { "rehearse", umbra_rehearse, "simulated alerts to a running system, and the sums" },
        { "status", umbra_status, "how it is, service by service" },
        { "alert", umbra_alert, "post an alert as TradingView would" },
        { "trace", umbra_trace, "every step of one alert" },
        { "tap", umbra_tap, "print the messages of the bus" },
        { "refused", umbra_refused, "alerts that were refused lately, and why" },
        { "plugin", umbra_plugin, "enable or disable a strategy plugin" },
        { "cutover", umbra_cutover, "let combined_v3 decide" },
        { "rollback", umbra_rollback, "back to legacy_v3, at once" },
        { "pause", umbra_pause, "send no entries" },
        { "resume", umbra_resume, "lift a pause, a halt, or a kill" },
        { "kill", umbra_kill, "send nothing but closes by hand" },
        { "close", umbra_close, "close positions by hand" },
        { "settle", umbra_settle, "end an order that waits for a person" },
        { "risk", umbra_risk, "change caps and limits" },
        { "deploy", umbra_deploy,
                "a phase of the move: in its window, step by step, with a way back" },
        { "restart", umbra_restart, "replace running services, one after the other" },
        { "backup", umbra_backup, "copy all stores while they run" },
        { "restore", umbra_restore, "put a backup in place of a stopped system" },
        { "migrate", umbra_migrate, "move the stores between sqlite and redis" },
        { "redis", umbra_redis, "the functions that Redis needs" },
        { "keygen", umbra_keygen, "make keys and tokens" },
        { "reader", umbra_reader, "where readers stand, and moving one that is stuck" },
        { "rebuild", umbra_rebuild, "read the ledger of the reports from the streams again" },
        { "check-config", umbra_check_config, "have every service check the configuration" },
        { "decide", umbra_decide, "ask a plugin offline, one alert a line" },
        { "replay", umbra_replay, "put the journal before a plugin again, and compare" },
};

static void print_commands(FILE *out)
{
        fputs("usage: umbra COMMAND [OPTION...]\n\n", out);
        for (size_t i = 0; i < BUS_COUNT(commands); i++)
                fprintf(out, "  %-14s %s\n", commands[i].name, commands[i].summary);
        fputs("\n'umbra COMMAND --help' tells more, with an example.\n", out);
}

int main(int argc, char **argv)
{
        if (argc < 2) {
                print_commands(stderr);
                return UMBRA_USAGE;
        }
        if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
                print_commands(stdout);
                return UMBRA_DONE;
        }
        if (!strcmp(argv[1], "--version")) {
                puts("umbra " UMBRA_VERSION);
                return UMBRA_DONE;
        }
        for (size_t i = 0; i < BUS_COUNT(commands); i++)
                if (!strcmp(argv[1], commands[i].name))
                        return commands[i].run(argc - 1, argv + 1);
        fprintf(stderr, "umbra: there is no command '%s'; see 'umbra --help'\n", argv[1]);
        return UMBRA_USAGE;
}
