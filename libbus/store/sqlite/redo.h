#pragma once
/*
 * The records of the redo log, as bytes: what one batch does, with the positions it was given, so
 * that it can be done again. Pure: no file, no clock.
 *
 * A record is sealed with a keyed hash over all of it. The key belongs to one time of a store being
 * open, and is kept in the store itself: what lies in the file from an earlier one, from another
 * store, or half written, is no record. Records begin at multiples of REDO_ALIGN_BYTES, so that
 * those behind a damaged one are found.
 */
#include "libbus/store/batch.h"

#define REDO_ALIGN_BYTES 64
#define REDO_KEY_BYTES   16
/* Above what one batch can need; bounds what is read of a file. */
#define REDO_RECORD_MAX_BYTES ((size_t)1 << 30)

struct redo_key {
        uint8_t bytes[REDO_KEY_BYTES];
};

/* One operation as it is carried out. All bytes borrowed. */
struct redo_op {
        enum store_op_kind kind;
        int64_t stream_id;           /* append */
        struct bus_pos position;     /* append, cursor */
        struct bus_pos predecessor;  /* append */
        struct bus_bytes name;       /* append: topic; cursor: stream */
        struct bus_bytes key, value; /* append: the claim (key empty: none); put, delete */
        struct bus_bytes body;       /* append */
        int64_t at_us, late_us;      /* append */
        int64_t claim_expires_us;    /* append */
};

struct redo_record {
        uint64_t seq;
        uint64_t synced; /* the last record known to be on the disk when this one was made */
        uint32_t op_count;
        struct bus_bytes ops;
        size_t size; /* of the record with its padding */
};

/* ---- making ---- */

/* An upper bound for the record of BATCH. */
size_t redo_bound(const struct store_batch *batch);
/* Begins a record at the end of BUF; its size must be a multiple of REDO_ALIGN_BYTES. */
void redo_begin(struct bus_buf *buf);
void redo_add(struct bus_buf *buf, const struct redo_op *op);
/* START: the size of BUF before redo_begin. Pads and seals. */
void redo_end(struct bus_buf *buf, size_t start, const struct redo_key *key, uint64_t seq,
        uint64_t synced, uint32_t op_count);

/* ---- reading ---- */

/* Is there a record at the front of DATA? Without KEY its seal is not looked at: it never left us. */
bool redo_parse(struct bus_bytes data, const struct redo_key *key, struct redo_record *ret_record);
/* Takes the next operation from the front of *OPS. -EUCLEAN if there is none that makes sense. */
BUS_MUST int redo_next(struct bus_bytes *ops, struct redo_op *ret_op);

typedef int (*redo_record_fn)(const struct redo_record *record, void *arg);

/*
 * Hands over the records behind APPLIED, each following on the one before. They end where one is
 * missing: a torn end, as a power cut leaves it. -EUCLEAN if a later record tells that the missing
 * one had been synced: that is damage. The last records before the end have nobody behind them to
 * tell: if they are damaged on a disk that had them, that looks like a torn end.
 */
BUS_MUST int redo_scan(struct bus_bytes image, const struct redo_key *key, uint64_t applied,
        redo_record_fn fn, void *arg);
