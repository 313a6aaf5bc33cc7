#pragma once
/*
 * The commands of the operator's program. Each is a main() of its own: argv[0] is the command's
 * name. Exit status: 0 done, 1 failed (a line on stderr says how), 2 wrong usage.
 */
#include "libbus/base/attr.h"

enum {
        UMBRA_DONE = 0,
        UMBRA_FAILED = 1,
        UMBRA_USAGE = 2,
};

int umbra_decide(int argc, char **argv);
int umbra_up(int argc, char **argv);
