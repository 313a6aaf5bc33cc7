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
        { "decide", umbra_decide, "ask a plugin offline, one alert a line" },
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
