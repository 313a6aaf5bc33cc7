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
/* The same for who reads the journal, of which BEFORE_FIRST is the predecessor of the oldest record:
 * 0, STORE_AHEAD or STORE_PRUNED, as store_read says. */
BUS_MUST int store_fork_start(const struct store_stream *stream, struct bus_pos before_first,
        struct bus_pos after, struct bus_pos *ret_start);
