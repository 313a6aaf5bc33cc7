#pragma once
/*
 * One stream of the journal, from a moment on to its end, whoever holds it: the writer of a running
 * system, asked on the bus, or the store's file of a stopped one. Nothing is changed by reading:
 * of a file a copy is opened.
 */
#include "libbus/base/bytes.h"
#include "libbus/wire/position.h"

#include <stdbool.h>

#define JOURNAL_ERROR_SIZE 512

struct journal;
struct bus_keys;

struct journal_source {
        const char *writer; /* "alert-ingest" */
        const char *kind;   /* "signal" */
        int64_t since_us;   /* 0: from the oldest kept */
        /* running: */
        void *zmq;                   /* NULL: from the file */
        const char *replay_endpoint; /* or several, one blank between */
        const struct bus_keys *keys;
        /* stopped: */
        const char *folder;  /* where the writer's store is */
        const char *scratch; /* an empty folder for the copy; the caller removes it */
        const char *engine;  /* redis: there is no copy, it is read where it is */
};

/* -errno with one line in ERROR. -ENOENT: there is no such store. */
BUS_MUST int journal_open(const struct journal_source *source, struct journal **ret_journal,
        char error[static JOURNAL_ERROR_SIZE]);
struct journal *journal_close(struct journal *journal); /* takes NULL, returns NULL */
BUS_DEFINE_CLEANUP(journal_closep, struct journal *, journal_close);

/* 1: the next record, a packed envelope, borrowed until the next call; 0: the end; -errno: it cannot
 * be read, with a line in ERROR. */
BUS_MUST int journal_next(struct journal *journal, struct bus_bytes *ret_envelope,
        char error[static JOURNAL_ERROR_SIZE]);
