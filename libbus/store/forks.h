#pragma once
/*
 * Where a stream forked, and what that means for a reader. Pure, and the same for every engine.
 */
#include "libbus/store/store.h"

/* Adds the newest fork; the oldest goes when there are STORE_FORKS_MAX. */
void store_fork_add(struct store_stream *stream, struct store_fork fork);
/* Where a reader that stands at AFTER really goes on: what an earlier incarnation had behind its
 * fork is void. */
struct bus_pos store_fork_resolve(const struct store_stream *stream, struct bus_pos after);
