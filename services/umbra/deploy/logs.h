#pragma once
/*
 * Whether any service has written an ERROR since some moment, by the logs that umbra up keeps. Where
 * they are elsewhere (journald, containers) there is nothing to see, and nothing is said.
 */
#include "services/umbra/layout.h"

#include <stdbool.h>

#define LOGS_MAX 16

struct logs {
        int64_t sizes[LOGS_MAX]; /* in the order of umbra_services */
};

/* How many logs are there to be looked at; 0: they are elsewhere. */
size_t logs_mark(const struct layout *layout, struct logs *ret_logs);
/* The first ERROR line written since; false: none. */
bool logs_error(const struct layout *layout, const struct logs *logs, char *line, size_t line_size);
