#pragma once
/*
 * [deploy] of umbra.ini: when each phase may go, how long it is watched, and whether this system is
 * where phases are rehearsed.
 */
#include "services/umbra/deploy/phases.h"
#include "services/umbra/deploy/window.h"
#include "services/umbra/layout.h"

struct phase_times {
        struct window window;
        int64_t watch_s;
};

struct deploy_settings {
        char *zone_name, *staging; /* STAGING: the state folder of the staging system; "": none */
        struct window_zone zone;
        bool is_staging;
        unsigned int rehearsal; /* alerts */
        unsigned int slower;    /* percent that alerts may take longer than before */
        struct phase_times times[PHASES];
};

/* -EINVAL or -errno: ERROR is one line. deploy_settings_done in any case. */
BUS_MUST int deploy_settings_read(const struct layout *layout, struct deploy_settings *settings,
        char *error, size_t error_size);
void deploy_settings_done(struct deploy_settings *settings);
