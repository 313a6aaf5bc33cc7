#pragma once
/*
 * The newest alerts by id and by age: a ring with an index. The oldest makes room for the newest.
 * Pure.
 */
#include "services/health/summary.h"

struct recent;

/* SIZE: how many are kept; a power of two. */
struct recent *recent_new(size_t size);
struct recent *recent_free(struct recent *recent); /* takes NULL, returns NULL */
struct summary *recent_find(struct recent *recent, const char *alert_id); /* NULL: not here */
/* A copy of SUMMARY, whose alert must not be here. Borrowed until the next call. */
struct summary *recent_add(struct recent *recent, const struct summary *summary);
/* Whether the ring is full of alerts that came later: it is not for this one. Ids sort by time. */
bool recent_is_past(const struct recent *recent, const char *alert_id);
size_t recent_count(const struct recent *recent);
/* The N-th, oldest first as they were added. */
const struct summary *recent_at(const struct recent *recent, size_t n);
