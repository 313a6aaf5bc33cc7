#pragma once
/*
 * The append-only file that is all the demo account remembers: one record a line. Records that
 * belong together go out in one write(2), before anything is sent, so that a process killed at any
 * instant leaves whole steps behind it; a torn last line can only be one nobody was told of, and is
 * cut off.
 */
#include "services/mt5-demo/record.h"

#define LEDGER_NAME "ledger.jsonl"

struct ledger;

enum {
        LEDGER_ERROR_SIZE = 256,
};

/* Takes one record of an opened ledger. < 0 ends the reading. */
typedef int (*ledger_fn)(const struct record *record, void *arg);

/*
 * Opens FOLDER/ledger.jsonl, making both where they are not there, and hands each record to FN.
 * Only one process may have it open. *RET_CUT is the size of a torn last line that was cut off.
 * < 0 with one line in ERROR: -EBUSY where another has it, -EBADMSG with the line's number where
 * one is wrong. The caller frees. Blocks on the disk.
 */
BUS_MUST int ledger_open(const char *folder, ledger_fn fn, void *arg, struct ledger **ret_ledger,
        size_t *ret_cut, char error[static LEDGER_ERROR_SIZE]);
struct ledger *ledger_free(struct ledger *ledger); /* takes NULL, returns NULL */
BUS_DEFINE_CLEANUP(ledger_freep, struct ledger *, ledger_free);
#define LEDGER_AUTOFREE BUS_CLEANUP(ledger_freep)

/* Kept until the next ledger_flush, which must come before anybody is told of them. */
void ledger_add(struct ledger *ledger, const struct record *records, size_t count);
/* One write for all that was added. What could not be written is given up. */
BUS_MUST int ledger_flush(struct ledger *ledger);
/* Both: one write for all of RECORDS. */
BUS_MUST int ledger_write(struct ledger *ledger, const struct record *records, size_t count);
const char *ledger_path(const struct ledger *ledger); /* absolute */

/* The records in TEXT, each handed to FN; *RET_WHOLE is the size up to the last line break. Pure. */
BUS_MUST int ledger_read(
        struct bus_bytes text, ledger_fn fn, void *arg, size_t *ret_whole, size_t *ret_line);
