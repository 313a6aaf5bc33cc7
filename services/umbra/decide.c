/*
 * umbra decide: a plugin, asked offline. The same parser, host and plugin as in the services.
 */
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "services/umbra/command.h"
#include "services/umbra/decide_line.h"
#include "services/umbra/layout.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

static const char usage[] =
        "usage: umbra decide --plugin NAME [--set KEY=VALUE]... [--plugins DIR] < LINES\n"
        "\n"
        "Reads one JSON object a line, {\"alert\":{...},\"context\":{...}} (or context null), and\n"
        "writes the plugin's decision on each, one a line.\n"
        "\n"
        "  --plugin NAME                   legacy_v3, combined_v3, ...\n"
        "  --set plugin.NAME.KEY=VALUE     a setting of the plugin\n"
        "  --set symbol.SYMBOL.KEY=VALUE   of the symbol table, e.g. symbol.XAUUSD.max_lot=3\n"
        "  --set alias.ingest.WORD=SYMBOL  what alerts may say for a symbol\n"
        "  --plugins DIR                   where they are (default: those of this program)\n"
        "\n"
        "Exit status: 0; 1 if a line was no such object, or the plugin failed; 2 for wrong usage.\n"
        "\n"
        "example:\n"
        "  echo '{\"alert\":{\"type\":\"exit_v3\",\"signal_type\":\"Bullish_Exit\",'\\\n"
        "       '\"symbol\":\"XAUUSD\",\"tf\":\"15\",\"price\":2650.1},\"context\":null}' |\\\n"
        "       umbra decide --plugin legacy_v3\n";

struct arguments {
        const char *plugin, *plugins;
        const char **sets;
        size_t set_count;
        bool help;
};

static int read_arguments(int argc, char **argv, struct arguments *arguments)
{
        static const struct option options[] = {
                { "plugin", required_argument, NULL, 'p' },
                { "plugins", required_argument, NULL, 'd' },
                { "set", required_argument, NULL, 's' },
                { "help", no_argument, NULL, 'h' },
                { 0 },
        };
        int c;

        arguments->sets = bus_new_n(const char *, (size_t)argc);
        optind = 1;
        while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
                switch (c) {
                case 'p': arguments->plugin = optarg; break;
                case 'd': arguments->plugins = optarg; break;
                case 's': arguments->sets[arguments->set_count++] = optarg; break;
                case 'h': arguments->help = true; return 0;
                default: return -EINVAL; /* getopt has said what */
                }
        }
        if (optind < argc) {
                fprintf(stderr, "umbra decide: what is '%s'?\n", argv[optind]);
                return -EINVAL;
        }
        if (!arguments->plugin) {
                fputs("umbra decide: --plugin NAME is missing; see 'umbra decide --help'\n",
                        stderr);
                return -EINVAL;
        }
        return 0;
}

/* Cuts the word before SEPARATOR off *TEXT, in place. NULL if there is none. */
static char *cut(char **text, char separator)
{
        char *word = *text, *end = strchr(word, separator);

        if (!end)
                return NULL;
        *end = 0;
        *text = end + 1;
        return word;
}

static int apply_one(struct plugin *plugin, struct symbols *symbols, const char *set,
        char error[static PLUGIN_ERROR_SIZE])
{
        BUS_AUTOFREE char *copy = bus_xstrdup(set);
        char *value = copy, *path = cut(&value, '='), *section = NULL, *name, *key;

        if (path)
                section = cut(&path, '.');
        /* Symbols may have dots of their own: the key is what follows the last one. */
        key = section ? strrchr(path, '.') : NULL;
        name = path;
        if (section && !strcmp(section, "alias") && !strncmp(path, "ingest.", 7))
                return symbols_alias(symbols, path + 7, value, error);
        if (!key) {
                snprintf(error, PLUGIN_ERROR_SIZE,
                        "--set: plugin.NAME.KEY=VALUE or symbol.NAME.KEY=VALUE, not \"%.60s\"",
                        set);
                return -EINVAL;
        }
        *key++ = 0;
        if (!strcmp(section, "symbol"))
                return symbols_set(symbols, name, key, value, error);
        if (!strcmp(section, "plugin") && !strcmp(name, plugin_name(plugin)))
                return plugin_set(plugin, key, value, error);
        snprintf(error, PLUGIN_ERROR_SIZE, "--set %.60s: neither a symbol nor plugin %s", set,
                plugin_name(plugin));
        return -EINVAL;
}

/* Loads and starts what ARGUMENTS ask for. */
static int start(const struct arguments *arguments, struct symbols *symbols,
        struct plugin **ret_plugin, char error[static PLUGIN_ERROR_SIZE])
{
        BUS_CLEANUP(plugin_closep) struct plugin *plugin = NULL;
        BUS_AUTOFREE char *dir = NULL;
        int r = 0;

        if (arguments->plugins)
                dir = bus_xstrdup(arguments->plugins);
        else
                r = layout_plugins(&dir);
        if (r < 0) {
                snprintf(error, PLUGIN_ERROR_SIZE, "no folder of plugins beside this program");
                return r;
        }
        r = plugin_open(dir, arguments->plugin, error, &plugin);
        for (size_t i = 0; r == 0 && i < arguments->set_count; i++)
                r = apply_one(plugin, symbols, arguments->sets[i], error);
        if (r == 0)
                r = symbols_check(symbols, error);
        if (r == 0)
                r = plugin_start(plugin, symbols, error);
        if (r == 0)
                *ret_plugin = BUS_STEAL(plugin);
        return r;
}

static int decide_all(struct plugin *plugin, const struct symbols *symbols)
{
        BUS_AUTOBUF struct bus_buf answer = BUS_BUF_INIT;
        BUS_AUTOFREE char *line = NULL;
        char error[PLUGIN_ERROR_SIZE];
        size_t capacity = 0;
        ssize_t size;
        int status = UMBRA_DONE;

        /* Whoever asks line by line waits for each answer. */
        setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
        while ((size = getline(&line, &capacity, stdin)) > 0) {
                enum decide_result result;

                if (line[size - 1] == '\n')
                        size--;
                bus_buf_clear(&answer);
                result =
                        decide_line(plugin, symbols, bus_bytes(line, (size_t)size), &answer, error);
                puts(bus_buf_str(&answer));
                if (result != DECIDE_OK)
                        status = UMBRA_FAILED;
                if (result == DECIDE_PLUGIN_ERROR)
                        fprintf(stderr, "umbra decide: %s\n", error);
        }
        if (ferror(stdin) || fflush(stdout) || ferror(stdout)) {
                perror("umbra decide");
                status = UMBRA_FAILED;
        }
        return status;
}

int umbra_decide(int argc, char **argv)
{
        struct arguments arguments = { 0 };
        BUS_CLEANUP(plugin_closep) struct plugin *plugin = NULL;
        struct symbols symbols;
        char error[PLUGIN_ERROR_SIZE] = { 0 };
        int r, status = UMBRA_USAGE;

        symbols_init(&symbols);
        r = read_arguments(argc, argv, &arguments);
        if (r == 0 && arguments.help) {
                fputs(usage, stdout);
                status = UMBRA_DONE;
        } else if (r == 0 && bus_hash_init() < 0) {
                fputs("umbra decide: no randomness from the system\n", stderr);
                status = UMBRA_FAILED;
        } else if (r == 0) {
                r = start(&arguments, &symbols, &plugin, error);
                if (r < 0)
                        fprintf(stderr, "umbra decide: %s\n", error);
                status = r < 0 ? UMBRA_USAGE : decide_all(plugin, &symbols);
        }
        symbols_done(&symbols);
        free(arguments.sets);
        return status;
}
