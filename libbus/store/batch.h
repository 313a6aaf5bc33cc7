#pragma once
/*
 * Inside of a batch, for the engines: a list of operations and the results of its appends. All of
 * its memory is the batch's own and stays where it is until the batch is cleared.
 */
#include "libbus/store/store.h"

enum store_op_kind {
        STORE_OP_APPEND,
        STORE_OP_PUT,
        STORE_OP_DELETE,
        STORE_OP_CURSOR,
};

struct store_op {
        enum store_op_kind kind;
        struct store_append append;  /* append */
        size_t result;               /* append: index into results */
        struct bus_bytes key, value; /* put, delete */
        const char *stream;          /* cursor */
        struct bus_pos position;     /* cursor */
};

struct store_batch_chunk;

struct store_batch {
        struct store_op *ops;
        size_t op_count, op_capacity;
        struct store_appended *results;
        size_t *appends; /* the operation of each */
        size_t result_count, result_capacity;
        struct store_batch_chunk *chunks;
};

/* A copy that lives until the batch is cleared. */
struct bus_bytes store_batch_copy(struct store_batch *batch, struct bus_bytes data);
