#pragma once
/*
 * The processes of a target. All die with the benchmark, whatever ends it.
 */
#include "libbus/base/attr.h"

#include <sys/types.h>

/* Runs ARGV (with ENVIRONMENT, "NAME=VALUE", NULL: nothing added) with its output in LOG, and its
 * stdout in OUT where that is not negative. KEEP_FD stays open in it (negative: none). The pid, or
 * -errno. */
BUS_MUST pid_t process_start(
        const char *const *argv, const char *environment, const char *log, int out, int keep_fd);
/* As fork(2), but the child is as mortal as the others. */
BUS_MUST pid_t process_fork(void);
/* SIGTERM, and SIGKILL for one that is still there after 30 s. Takes 0. */
void process_stop(pid_t pid);
