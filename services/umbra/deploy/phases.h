#pragma once
/*
 * The phases of a move, and what each is made of, there and back. Constant tables: how a step is taken
 * is steps.h's business.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stddef.h>

enum way {
        WAY_FORWARD,
        WAY_BACK,
        WAYS,
};

enum step_kind {
        STEP_READY,   /* all services are ready, and nothing is unhealthy */
        STEP_EXPECT,  /* A: an expectation of verify.h; waited for */
        STEP_BACKUP,  /* a checked backup of all stores, and umbra.ini beside it */
        STEP_TOKENS,  /* each bot has a token that can be read */
        STEP_SET,     /* A: section.key of umbra.ini, B: its value */
        STEP_RESTORE, /* A: back to what it was before this phase, B: where nobody knows */
        STEP_RESTART, /* SERVICES, one after the other */
        STEP_SWITCH,  /* A: a command of /admin/ */
        STEP_PROVE,   /* a test alert goes all the way */
        STEP_REHEARSE /* simulated alerts, on a staging system only */
};

struct step {
        enum step_kind kind;
        const char *a, *b;
        const char *const *services; /* ends with NULL */
};

struct phase {
        const char *name;   /* "plugin-system" */
        const char *option; /* of [deploy], as a prefix: "plugin_system" */
        const char *goal;
        const struct step *steps[WAYS];
        size_t step_counts[WAYS];
};

#define PHASES 5
extern const struct phase phases[PHASES]; /* in the order of the plan */

/* By name or number ("1"); NULL: there is none. */
const struct phase *phase_find(const char *name);
/* From this step on something is not as it was, unless it is gone back. */
bool step_changes(const struct step *step);

#define STEP_TEXT_SIZE 160
/* One line for people. Returns TEXT. */
const char *step_text(const struct step *step, char text[static STEP_TEXT_SIZE]);
