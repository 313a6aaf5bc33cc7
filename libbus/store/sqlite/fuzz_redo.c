/*
 * Any bytes as a redo log, and any bytes as the operations of a record with a valid seal: never a
 * crash, only operations that lie within, and records in their order.
 */
#include "libbus/base/require.h"
#include "libbus/store/sqlite/redo.h"

#include <errno.h>

#define INPUT_BYTES 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct redo_key key = { "sixteen bytes..." };

static bool within(struct bus_bytes part, struct bus_bytes whole)
{
        return !part.size ||
               (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

static void take_apart(struct bus_bytes ops, uint32_t count)
{
        struct bus_bytes rest = ops;
        struct redo_op op;

        while (count-- && redo_next(&rest, &op) == 0) {
                bus_require(op.kind <= STORE_OP_CURSOR && within(rest, ops));
                bus_require(within(op.name, ops) && within(op.body, ops));
                bus_require(within(op.key, ops) && within(op.value, ops));
        }
}

static int follow(const struct redo_record *record, void *arg)
{
        uint64_t *seq = arg;

        bus_require(record->seq == *seq + 1);
        *seq = record->seq;
        take_apart(record->ops, record->op_count);
        return 0;
}

static int scan(struct bus_bytes image)
{
        uint64_t seq = 0;

        return redo_scan(image, &key, 0, follow, &seq);
}

/* The input cut into records: what lies between them is garbage, as after a cut. */
static void sealed(struct bus_bytes input)
{
        BUS_AUTOBUF struct bus_buf image = BUS_BUF_INIT;

        for (uint64_t seq = 1; input.size > 3; seq++) {
                size_t start = image.size, size = (size_t)input.data[0] * 8 + input.data[1];
                uint8_t skip = input.data[2];

                input = bus_bytes(input.data + 3, input.size - 3);
                if (size > input.size)
                        size = input.size;
                redo_begin(&image);
                bus_buf_add(&image, input.data, size);
                redo_end(&image, start, &key, seq + (skip & 1), seq / 2, (uint32_t)skip + 1);
                if (skip & 2)
                        image.data[start + skip % (image.size - start)] ^= skip;
                input = bus_bytes(input.data + size, input.size - size);
        }
        bus_require(scan(bus_buf_bytes(&image)) <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size > INPUT_BYTES)
                return 0;
        take_apart(bus_bytes(data, size), UINT32_MAX);
        bus_require(scan(bus_bytes(data, size)) <= 0);
        sealed(bus_bytes(data, size));
        return 0;
}
