#pragma once
/*
 * Whose turn it is: umbra restart and umbra deploy replace the processes of a state folder, and what one
 * is about to wait for another must not end. The lock is the system's, so it ends with whoever holds it.
 */
#include "services/umbra/layout.h"

/*
 * COMMAND is what the next one is told, "umbra restart --all". -EWOULDBLOCK: somebody else is at it; then, and on
 * any other error, *ERROR is one line. The caller closes the descriptor at its end. Does not block.
 */
BUS_MUST int turn_take(const struct layout *layout, const char *command, int *ret_fd, char *error,
        size_t error_size);
