/*
 * The sums as they are kept: a snapshot, and the position up to which it counts. Both are written
 * behind a commit, when all that was told is in the journal and nothing else is under way.
 */
#include "libbus/base/log.h"
#include "libbus/bus/envelope.h"
#include "proto/unpack.h"
#include "proto/validate.h"
#include "services/telegram-analytics/comparator.h"

#include <errno.h>

#define STREAM   "comparison@telegram-analytics"
#define SUMS_KEY "sums"
#define AT_KEY   "sums/at"
/* Read back at a start, a bounded number at a time. */
#define READ_MAX 4096

struct reading {
        struct comparator *comparator;
        struct bus_pos at;
        size_t count;
        struct bus_buf packed; /* the record as it would come off the bus */
};

static int add_record(const struct store_record *record, void *arg)
{
        struct reading *reading = arg;
        BUS_AUTOENVELOPE Pb__Envelope *envelope = NULL;
        Pb__Comparison *message = NULL;
        const char *why = "is no comparison";

        reading->at = record->position;
        reading->count++;
        bus_buf_clear(&reading->packed);
        bus_buf_add(&reading->packed, record->body.data, record->body.size);
        bus_envelope_place(&reading->packed, record->position, record->predecessor,
                PB__STEP__STEP_UNSPECIFIED, 0);
        if (bus_envelope_unpack(bus_buf_bytes(&reading->packed), &envelope, &why) == 0)
                message = MESSAGE_UNPACK(
                        comparison, bus_bytes(envelope->body.data, envelope->body.len));
        if (message && validate_comparison(message, &why) == 0)
                compare_sums_add(&reading->comparator->sums, message);
        else
                log_warn("comparison_unreadable", "why=\"%s\"", why);
        pb__comparison__free_unpacked(message, NULL);
        return 0;
}

/* What was published behind the snapshot. */
static int read_rest(struct comparator *comparator, struct bus_pos after)
{
        struct store *store = bus_service_store(comparator->service);
        struct reading reading = { .comparator = comparator, .at = after };
        struct bus_pos started;
        int r;

        do {
                reading.count = 0;
                r = store_read(store, STREAM, reading.at, READ_MAX, add_record, &reading, &started);
                if (r == STORE_PRUNED) { /* it counts from what there still is */
                        reading.at = BUS_POS_ZERO;
                        r = 0;
                        reading.count = READ_MAX;
                }
        } while (!r && reading.count == READ_MAX);
        bus_buf_done(&reading.packed);
        return r < 0 ? r : 0;
}

int sums_load(struct comparator *comparator)
{
        BUS_AUTOBUF struct bus_buf sums = BUS_BUF_INIT, at = BUS_BUF_INIT;
        struct bus_pos after = BUS_POS_ZERO;
        int r;

        r = bus_get(comparator->service, SUMS_KEY, &sums);
        if (!r)
                r = bus_get(comparator->service, AT_KEY, &at);
        if (!r)
                r = bus_pos_parse(bus_buf_str(&at), &after);
        if (!r)
                r = compare_sums_unpack(&comparator->sums, bus_buf_bytes(&sums));
        return r < 0 ? r : read_rest(comparator, after);
}

static void write_snapshot(void *self, void *arg, int result)
{
        struct comparator *comparator = arg;
        BUS_AUTOBUF struct bus_buf sums = BUS_BUF_INIT;
        struct store *store = bus_service_store(comparator->service);
        char at[BUS_POS_TEXT_SIZE];
        struct store_stream stream;

        (void)self;
        if (result < 0 || !store || store_stream_get(store, STREAM, &stream) < 0)
                return;
        compare_sums_pack(&comparator->sums, &sums);
        bus_put(comparator->service, SUMS_KEY, bus_buf_bytes(&sums), false);
        bus_put(comparator->service, AT_KEY, bus_bytes_str(bus_pos_format(stream.last, at)), false);
        comparator->sums_changed = false;
}

void sums_keep(struct comparator *comparator)
{
        if (comparator->sums_changed)
                bus_after_commit(comparator->service, write_snapshot, comparator);
}
