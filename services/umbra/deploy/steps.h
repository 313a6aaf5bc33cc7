#pragma once
/*
 * Taking the steps of a phase on a running system. Blocks.
 */
#include "services/umbra/client.h"
#include "services/umbra/deploy/phases.h"

#include <jansson.h>

struct deployment {
        const struct layout *layout;
        const struct phase *phase;
        struct client health;
        json_t *record;     /* BACKUP and SET note in it what there was */
        const char *reason; /* told with switches; NULL: none */
        bool force;         /* past the gate */
        bool is_staging;    /* rehearse */
        unsigned int rehearsal;
};

/*
 * 0: done, and NOTE may hold one line about it. -errno: NOTE says why not, in one line.
 * RECORD is to be written behind the step, whatever came of it.
 */
#define STEP_NOTE_SIZE 400
BUS_MUST int step_take(
        struct deployment *deployment, const struct step *step, char note[static STEP_NOTE_SIZE]);
