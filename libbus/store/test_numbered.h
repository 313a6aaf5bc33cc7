#pragma once
/*
 * For the crash tests: numbered batches, each of which writes its number in every way there is, so
 * that any half of one is seen, and any one that is missing.
 */
#include "libbus/store/test_engines.h"

#define NUMBERED_STREAM "signal@w"

/* Batch NUMBER (from 1 on, without a gap), with a record of about SIZE bytes. */
int numbered_commit(struct test_store *t, uint64_t number, size_t size, enum store_sync sync);
/* The store has all batches up to some number and nothing of another; which number. */
uint64_t numbered_check(struct test_store *t, const char *file, int line);
