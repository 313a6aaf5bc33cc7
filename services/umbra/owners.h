#pragma once
/*
 * Who owns what in the state folder (docs/permissions.md). Where root starts
 * the system each service runs under a uid of its own and owns its store, its place for sockets and
 * its backups; the rest is root's. Otherwise all is the one user's and closed to everybody else.
 *
 * UID_BASE is the first of the uids, each service's is its number above it (services.h); 0: all run
 * as we do.
 */
#include "services/umbra/services.h"

#include "libbus/config/config.h"

/* [up] own_uids and uid_base, and all else that is read here; ends with .section == NULL. */
extern const struct config_option owners_options[];

/*
 * Whether to use uids of their own: as configured, where we are root and each service could reach
 * what it needs under one; else 0, and one WARN line says what is in the way. No service runs yet.
 */
uid_t owners_choose(const struct layout *layout, const struct config *config);

/*
 * Makes the services' folders, and gives each folder and file below the state folder to its owner,
 * whoever had them before. The caller holds the lock of the folder. On an error *ERROR is one line.
 */
BUS_MUST int owners_settle(
        const struct layout *layout, uid_t uid_base, char *error, size_t error_size);

/*
 * Writes [endpoint.SERVICE] uid, by which readers know a writer's place (libbus/bus/place.h), where
 * it is not what it should be. Writes it empty, with one WARN line, if the state folder lies where
 * somebody else could put another in its place.
 */
BUS_MUST int owners_note(
        const struct layout *layout, uid_t uid_base, char *error, size_t error_size);

/* Who may do what with a file in keys/. Pure. */
struct owners_rule {
        uid_t uid;
        gid_t gid;
        mode_t mode;
};
struct owners_rule owners_of_key(const char *name, uid_t uid_base);
