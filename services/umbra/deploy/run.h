#pragma once
/*
 * A phase from its first step to its last, there or back, on one running system. Blocks.
 */
#include "services/umbra/deploy/settings.h"
#include "services/umbra/layout.h"

#include <stdbool.h>

struct run_options {
        const struct layout *layout;
        const struct deploy_settings *settings;
        const struct phase *phase;
        enum way way;
        bool now;           /* outside the window, or while another phase is watched */
        bool force;         /* past the gate of a cutover */
        const char *reason; /* NULL: none */
};

/*
 * 0: done, and the watch has begun. Else -errno, after a line on stderr: nothing was touched, or what a
 * step that failed had changed was gone back from; the line says which. Each step is a line on stdout.
 */
BUS_MUST int run_phase(const struct run_options *options);
/* Whether it may begin now, by the clock alone: an operator's hours are no matter for staging, and
 * going back waits for nobody. If not, WHY says in one line when. */
bool run_in_window(const struct run_options *options, int64_t now_us, char *why, size_t why_size);
/* What would be done, a line a step. */
void run_print(const struct run_options *options);
