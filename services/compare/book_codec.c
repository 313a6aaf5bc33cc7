/* An open alert as bytes, so that a restart goes on where the last run was. */
#include "services/compare/book_internal.h"

#include "comparison_record.pb-c.h"
#include "libbus/base/require.h"
#include "proto/pack.h"
#include "proto/unpack.h"
#include "services/common/decision_codec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct packed_side {
        Pb__OpenSide pb;
        struct decision_message decision;
};

static Pb__OpenSide *fill_side(
        struct packed_side *packed, const char *symbol, const struct compare_side *side)
{
        decision_fill(&packed->decision,
                &(struct decision_origin){ .plugin = side->plugin,
                        .plugin_build = side->build,
                        .config_hash = side->config_hash,
                        .epoch = side->epoch,
                        .symbol = symbol,
                        .decide_ns = side->decide_ns },
                &side->decision);
        pb__open_side__init(&packed->pb);
        packed->pb.decided_us = side->decided_us;
        packed->pb.decision = &packed->decision.pb;
        return &packed->pb;
}

void compare_open_pack(struct compare_open *open, struct bus_buf *buf)
{
        struct packed_side live, shadows[COMPARE_PLUGINS_MAX];
        Pb__OpenSide *shadow_list[COMPARE_PLUGINS_MAX];
        char *late_list[COMPARE_PLUGINS_MAX];
        Pb__OpenAlert record = PB__OPEN_ALERT__INIT;

        record.alert_id = open->alert.id;
        record.has_signal = open->has_signal;
        record.kind = (Pb__AlertType)open->alert.kind;
        record.symbol = open->alert.symbol;
        record.received_us = open->alert.received_us;
        if (open->live)
                record.live = fill_side(&live, open->alert.symbol, open->live);
        record.shadows = shadow_list;
        record.late = late_list;
        for (size_t i = 0; i < COMPARE_PLUGINS_MAX; i++) {
                if (open->shadow[i])
                        shadow_list[record.n_shadows++] =
                                fill_side(&shadows[i], open->alert.symbol, open->shadow[i]);
                if (open->late & 1u << i)
                        late_list[record.n_late++] = open->book->plugins[i];
        }
        message_pack(&record.base, buf);
        open->kept = true;
}

static struct compare_side *read_side(const Pb__OpenSide *record)
{
        struct compare_side side;

        if (!record || !record->decision ||
                compare_side_read(record->decision, record->decided_us, &side) < 0)
                return NULL;
        return bus_xmemdup(&side, sizeof(side));
}

static size_t plugin_of(const struct compare_book *book, const char *plugin)
{
        size_t i = 0;

        while (i < book->plugin_count && strcmp(book->plugins[i], plugin))
                i++;
        return i;
}

static void read_open(struct compare_open *open, const Pb__OpenAlert *record)
{
        snprintf(open->alert.id, sizeof(open->alert.id), "%s", record->alert_id);
        snprintf(open->alert.symbol, sizeof(open->alert.symbol), "%s", record->symbol);
        open->alert.kind = (enum v3_type)record->kind;
        open->alert.received_us = record->received_us;
        open->has_signal = record->has_signal;
        open->kept = true;
        open->live = read_side(record->live);
        for (size_t i = 0; i < record->n_shadows; i++) {
                struct compare_side *side = read_side(record->shadows[i]);
                size_t plugin =
                        side ? plugin_of(open->book, side->plugin) : open->book->plugin_count;

                if (plugin < open->book->plugin_count && !open->shadow[plugin])
                        open->shadow[plugin] = side;
                else
                        free(side); /* no longer one of the shadow's */
        }
        for (size_t i = 0; i < record->n_late; i++) {
                size_t plugin = plugin_of(open->book, record->late[i]);

                if (plugin < open->book->plugin_count)
                        open->late |= 1u << plugin;
        }
}

int compare_book_restore(struct compare_book *book, struct bus_pos position, struct bus_bytes kept)
{
        Pb__OpenAlert *record =
                (Pb__OpenAlert *)(void *)message_unpack_or_null(&pb__open_alert__descriptor, kept);
        struct compare_open *open = record ? book_open_again(book, position) : NULL;

        if (open) {
                read_open(open, record);
                book_settle_again(book, open);
        }
        pb__open_alert__free_unpacked(record, NULL);
        return open ? 0 : -EBADMSG;
}
