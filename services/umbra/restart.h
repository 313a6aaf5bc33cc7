#pragma once
/*
 * Replacing the process of one running service by a new one: SIGTERM, its end, and the next one ready.
 * Whoever keeps it running (umbra up, systemd) starts the next; this only asks and waits, so that it
 * works with either. Blocks.
 */
#include "services/umbra/client.h"

#include <sys/types.h>

#define RESTART_VERSION_SIZE 32

struct restarted {
        pid_t old_pid, new_pid;
        int64_t ended_us, ready_us; /* after the SIGTERM */
        char version[RESTART_VERSION_SIZE];
};

/*
 * One at a time: nothing is touched unless all services are ready and this one takes the configuration
 * as it is now (what it has against it goes to stderr); 0 means that all are ready again. -errno: *ERROR is one line that says where it stopped.
 */
BUS_MUST int restart_service(const struct layout *layout, const struct client *health,
        const char *service, struct restarted *ret, char *error, size_t error_size);

/* 1: SERVICE is heard. 0: it does not run here, nor has to. -ENOLINK: it runs, or has to, and health does
 * not hear it; *ERROR is one line. Health, just started, may not have heard of it yet: that is waited for. */
BUS_MUST int restart_is_there(const struct layout *layout, const struct client *health,
        const char *service, char *error, size_t error_size);

/* The services that `--all` means, ends with NULL: whoever is not in an alert's way first, so that a
 * bad build shows where it harms least. mt5-demo, which stands for the broker, is none of them. */
extern const char *const restart_order[];

/* Whether all is ready now; if not, ERROR says who is not. */
bool restart_all_ready(const struct client *health, char *error, size_t error_size);
/* What health says of SERVICE (borrowed from STATUS, the answer of /api/status); NULL: nothing. */
const json_t *restart_service_of(const json_t *status, const char *service);
/* GET PATH as JSON; NULL if that was not to be had. The caller owns it. */
json_t *restart_get(const struct client *health, const char *path);
