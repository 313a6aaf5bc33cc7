#include "services/umbra/options.h"

#include "libbus/base/require.h"
#include "services/umbra/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct option common[] = {
        { "state", required_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
};

static size_t append(struct option *all, size_t count, const struct option *more)
{
        for (; more && more->name; more++) {
                bus_require(count < OPTIONS_MAX + BUS_COUNT(common));
                all[count++] = *more;
        }
        return count;
}

static int usage_error(const char *command, const char *text)
{
        fprintf(stderr, "umbra %s: %s; see 'umbra %s --help'\n", command, text, command);
        return UMBRA_USAGE;
}

int options_parse(struct options *options, int argc, char **argv)
{
        struct option all[OPTIONS_MAX + BUS_COUNT(common) + 1] = { 0 };
        const char *state = NULL;
        size_t count = append(all, 0, common);
        int c;

        append(all, count, options->own);
        optind = 1;
        while ((c = getopt_long(argc, argv, "", all, NULL)) != -1) {
                if (c == 'h') {
                        fputs(options->usage, stdout);
                        return UMBRA_DONE;
                }
                if (c == '?')
                        return UMBRA_USAGE; /* getopt has said what */
                if (c == 's')
                        state = optarg;
                else if (options->take(options->arg, c, optarg) < 0)
                        return UMBRA_USAGE;
        }
        options->words = argv + optind;
        options->word_count = argc - optind;
        if (options->word_count < options->words_min)
                return usage_error(argv[0], "an argument is missing");
        if (options->words_max >= 0 && options->word_count > options->words_max)
                return usage_error(argv[0], "too many arguments");
        if (layout_init(&options->layout, state) < 0)
                return usage_error(argv[0], "--state: must name a folder");
        return -1;
}

void options_done(struct options *options)
{
        layout_done(&options->layout);
}
