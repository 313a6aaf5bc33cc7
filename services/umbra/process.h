#pragma once
/*
 * The processes of services on this machine, as /proc shows them.
 */
#include "services/umbra/layout.h"

#include <stdbool.h>

/* Whether PID is SERVICE's: a pid that was told a moment ago may be somebody else's now. */
bool process_is(pid_t pid, const char *service);
/* The first process that was started as SERVICE with this installation's umbra.ini; -ESRCH: none. */
pid_t process_find(const struct layout *layout, const char *service);
/* Who it runs as; -1 if nobody can tell. */
uid_t process_uid(pid_t pid);
