#pragma once
/*
 * Which message a process was handling when it died of its own fault, and how often that has
 * happened. The fatal-signal handler (SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL) writes it into a
 * small file that was opened before; the next start counts it. A process that is killed, also by
 * one of these signals sent from outside, writes nothing. The file need not survive a power cut,
 * only the death of the process: nothing is synced, and a damaged one counts as empty.
 *
 * One a process: signal handlers have no argument of ours. Opening arms them, closing puts back
 * what was there.
 */
#include "libbus/wire/position.h"

/* A message that has cost so many lives is set aside (docs/architecture.md, Quarantine). */
#define CRASH_DEATHS_MAX 2

struct crash_slot;

/* Counts what the last run left at PATH, and arms the handlers. STREAMs given later are borrowed. */
BUS_MUST int crash_slot_open(const char *path, struct crash_slot **ret_slot);
/* CLEAN: the process ends as it should. Takes NULL, returns NULL. */
struct crash_slot *crash_slot_close(struct crash_slot *slot, bool clean);

/* The run before this one did not end as it should: it was killed, crashed, or failed. */
bool crash_slot_was_unclean(const struct crash_slot *slot);

/* From here to leave, a death is this message's. All take NULL. */
void crash_slot_enter(struct crash_slot *slot, const char *stream, struct bus_pos position);
void crash_slot_leave(struct crash_slot *slot);
unsigned int crash_slot_deaths(
        const struct crash_slot *slot, const char *stream, struct bus_pos position);
/* The last message of STREAM that anything stands against; false: there is none. */
bool crash_slot_find(
        const struct crash_slot *slot, const char *stream, struct bus_pos *ret_position);
/* It was handled, or set aside: what was counted against it is forgotten. */
void crash_slot_forget(struct crash_slot *slot, const char *stream, struct bus_pos position);
