#pragma once
/*
 * The system under show: `umbra up` as a child process, exactly as a person would start it.
 */
#include "services/umbra/client.h"
#include "services/umbra/layout.h"

struct demo_system {
        struct layout layout;
        pid_t pid;     /* of umbra up; 0: not running */
        char *webhook; /* with its token */
        struct client health;
};

struct demo_system_options {
        const char *state;
        const char *const *sets; /* NULL-terminated */
        int64_t ready_within_us;
};

/* Starts it and waits for its "ready" line. On an error ERROR says what, and nothing is left running. */
BUS_MUST int demo_system_start(struct demo_system *system,
        const struct demo_system_options *options, char *error, size_t error_size);
/* Starts umbra up again on the same state, once it has ended or was killed. */
BUS_MUST int demo_system_again(struct demo_system *system,
        const struct demo_system_options *options, char *error, size_t error_size);
/* SIGKILL to umbra up alone, and waits until its services have died with it: -ETIMEDOUT. */
int demo_system_kill(struct demo_system *system);
/* SIGTERM, and waits for the end. The exit status, or -errno. */
int demo_system_stop(struct demo_system *system);
void demo_system_done(struct demo_system *system); /* stops it where it still runs */
/* False once umbra up itself has ended: then the show is over. */
bool demo_system_runs(struct demo_system *system);

/* GET PATH of health; NULL where it does not answer with JSON now. The caller owns it. */
json_t *demo_system_get(const struct demo_system *system, const char *path);
/* POST PATH to health: the same. */
json_t *demo_system_post(const struct demo_system *system, const char *path);
/* The same, whatever the status is; 0: no answer at all. */
json_t *demo_system_try(const struct demo_system *system, const char *path, long *ret_status);
