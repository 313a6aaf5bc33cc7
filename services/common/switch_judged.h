#pragma once
/*
 * Which switches health judges, asks strategy-v3 for in its own name, and answers, also where nothing
 * changes: whatever might put another than the incumbent in charge. The rest strategy-v3 takes and answers
 * itself. Both sides have it from here, so that each command has one answer.
 */
#include "control.pb-c.h"

#include <stdbool.h>
#include <string.h>

static inline bool switch_is_judged(const Pb__Control *control, const char *incumbent)
{
        return (control->command == PB__COMMAND__COMMAND_CUTOVER ||
                       control->command == PB__COMMAND__COMMAND_ENABLE_PLUGIN) &&
               strcmp(control->plugin, incumbent) != 0;
}
