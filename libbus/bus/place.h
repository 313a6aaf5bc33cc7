#pragma once
/*
 * Whose place a socket lies in. Only the owner of a folder can bind in it, so the owner of the
 * folder of an ipc socket says who may be behind it. Where each service runs under a uid of its own
 * a reader connects to nobody but the writer it means, whatever keys somebody else holds.
 */
#include "libbus/config/config.h"

#include <sys/types.h>

#define BUS_PLACE_WHY_SIZE 320

/*
 * Opens the ipc socket bound at ENDPOINT to all who can reach it: the folder says who that is, not
 * the umask. Nothing for other transports. -errno.
 */
BUS_MUST int bus_place_open(const char *endpoint);

/*
 * 0 if FOLDER, an absolute path without symbolic links, belongs to UID, nobody else may make
 * anything in it, and nobody but root, UID and we ourselves could put another in its place: that
 * holds for every folder above it. -EPERM if not, -ENOENT if it is not there; WHY then says what is
 * wrong with which path. Once this holds only those three can change it: it need not be asked again.
 */
BUS_MUST int bus_place_check(
        const char *folder, uid_t uid, char ret_why[static BUS_PLACE_WHY_SIZE]);

/*
 * The same of the folder of ENDPOINT, for the writer SERVICE as [endpoint.SERVICE] uid says. 0 also
 * where nothing is said, or the transport is not ipc.
 */
BUS_MUST int bus_place_check_endpoint(const struct config *config, const char *service,
        const char *endpoint, char ret_why[static BUS_PLACE_WHY_SIZE]);
