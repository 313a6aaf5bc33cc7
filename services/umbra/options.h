#pragma once
/*
 * What the commands have in common: --state and --help, their own options, and the words behind.
 */
#include "services/umbra/layout.h"

#include <getopt.h>

#define OPTIONS_MAX 8 /* of a command's own */

struct options {
        const char *usage; /* what --help prints, with an example */
        /* The command's own: getopt_long's, ending with an empty one; NULL: none. Their values lie
         * from OPTIONS_FIRST on. TAKE: 0, or -EINVAL after a line on stderr. */
        const struct option *own;
        int (*take)(void *arg, int option, const char *value);
        void *arg;
        int words_min, words_max; /* arguments behind the options; words_max < 0: any number */

        /* filled in */
        struct layout layout;
        char **words;
        int word_count;
};

#define OPTIONS_FIRST 256

/* -1: go on, and options_done in the end; else the exit status. */
BUS_MUST int options_parse(struct options *options, int argc, char **argv);
void options_done(struct options *options);
