#pragma once
/*
 * umbra deploy status: what the record and the running system say of the newest deployment.
 */
#include "services/umbra/deploy/settings.h"
#include "services/umbra/layout.h"

#include <stdbool.h>

/*
 * Prints it; with FOLLOW, goes on until the watch is over, or something speaks against the phase, with a
 * line for whatever changes. It may be broken off and begun anew: what it has seen is in the record.
 * The exit status: failed if something speaks against the phase, or if it stopped half-way.
 */
int watching(const struct layout *layout, const struct deploy_settings *settings, bool follow);
