#pragma once
/*
 * The state folder: where everything of one installation lies (docs/operations.md). What is made
 * here is made once; a second start finds it and changes nothing but what --set says.
 *
 *   umbra.ini                 the configuration all services read
 *   webhook.token admin.token the clients' copies; the configuration holds only their hashes
 *   keys/                     secrets the services read
 *   run/SERVICE.pid .port     of what runs now
 *   log/SERVICE.log
 *   SERVICE/                  each service's own store
 */
#include "libbus/base/bytes.h"
#include "libbus/base/hash.h"

#include <stddef.h>
#include <sys/types.h>

struct layout {
        char *state; /* absolute */
        char *config, *webhook_token, *admin_token, *broker_secret;
        char *keys, *run, *log;
};

/* Where it is: STATE, else $UMBRA_STATE, else umbra-state below the working folder. Makes nothing. */
BUS_MUST int layout_init(struct layout *layout, const char *state);
void layout_done(struct layout *layout);

/*
 * Makes what is missing, secrets included, and applies SETS ("section.key=value") to umbra.ini for
 * good. On an error *ERROR is one line for people. -ENAMETOOLONG if sockets would not fit below it.
 */
BUS_MUST int layout_prepare(struct layout *layout, const char *const *sets, size_t set_count,
        char *error, size_t error_size);

/* Makes the secret at PATH unless it is there. RET_SHA256: the hash of its text, in hex. */
BUS_MUST int layout_secret(const char *path, char ret_sha256[static BUS_SHA256_HEX_SIZE]);

/* Replaces umbra.ini, whose owner and mode stay. */
BUS_MUST int layout_write_config(const struct layout *layout, struct bus_bytes text);

/* One process at a time may run a state folder: -EBUSY. The caller closes the descriptor at its end. */
BUS_MUST int layout_lock(const struct layout *layout, int *ret_fd);

/* STATE/FOLDER/NAME + SUFFIX; the caller frees. */
char *layout_path(const char *folder, const char *name, const char *suffix);
/* The pid in run/SERVICE.pid, or -ENOENT. It may have ended. */
pid_t layout_pid(const struct layout *layout, const char *service);

/*
 * The executable of a service: beside this program (an installed system), or in its folder of the
 * build tree. -ENOENT if it was not built. The caller frees.
 */
BUS_MUST int layout_program(const char *service, char **ret_path);
/* The folder of the plugins that came with this program; the caller frees. */
BUS_MUST int layout_plugins(char **ret_path);
