#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/wire/streams.h"
#include "services/strategy-v3/service.h"
#include "services/strategy-v3/slot_codec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define DAY_US (INT64_C(86400) * BUS_US_PER_SEC)

static int load_one(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct sv3 *self = arg;
        const struct slot_record *now = slot_now(&self->slot);
        struct slot_record record;
        int r = slot_record_unpack(value, &record);

        if (!r && now &&
                (record.epoch <= now->epoch || bus_pos_compare(record.from, now->from) < 0))
                r = -EBADMSG;
        if (r < 0) {
                log_error("slot_record_damaged", "key=%.*s", (int)key.size, (const char *)key.data);
                return r;
        }
        slot_add(&self->slot, &record);
        return 0;
}

int sv3_slot_load(struct sv3 *self)
{
        return bus_scan(self->service, SLOT_KEY_PREFIX, load_one, self);
}

struct bus_pos sv3_position(const struct sv3 *self)
{
        return bus_input_position(self->service, "signal", "alert-ingest");
}

struct slot_edition sv3_edition(const struct sv3 *self, enum slot_seat seat)
{
        struct plugin *plugin = strategy_host_find(&self->host, slot_seat_name(seat));
        struct slot_edition edition = { .loaded = plugin };

        if (plugin) {
                snprintf(edition.build, sizeof(edition.build), "%s", plugin_build(plugin));
                snprintf(edition.config_hash, sizeof(edition.config_hash), "%s",
                        plugin_config_hash(plugin));
        }
        return edition;
}

static void handover_is_over(void *arg)
{
        struct sv3 *self = arg;

        bus_input_hold(self->service, "signal", false);
}

void sv3_slot_hold(struct sv3 *self)
{
        int64_t left_us = slot_hold_left_us(&self->slot, self->hold_us, bus_wall_us());

        if (!self->hold_timer)
                self->hold_timer = bus_loop_add_timer(
                        bus_service_loop(self->service), -1, 0, handover_is_over, self);
        bus_input_hold(self->service, "signal", left_us > 0);
        bus_loop_set_timer(self->hold_timer, left_us > 0 ? left_us : -1);
}

static void tell(struct sv3 *self, const struct slot_record *record)
{
        char from[BUS_POS_TEXT_SIZE];

        log_info("slot_changed", "epoch=%" PRIu64 " active=%s exits_by=%s from=%s command=%s",
                record->epoch, record->active == SLOT_NOBODY ? "-" : slot_seat_name(record->active),
                slot_seat_name(record->exits_by), bus_pos_format(record->from, from),
                *record->command_id ? record->command_id : "-");
        if (record->active != SLOT_NOBODY)
                bus_alarm_end(self->service, "no_active_plugin", SLOT_NAME);
        if (record->paused)
                bus_alarm(self->service, "joined_older_system", SLOT_NAME,
                        PB__SEVERITY__SEVERITY_CRITICAL,
                        "strategy-v3 started without a memory of its own in a system that has one: "
                        "entries are paused until resume, exits from before are not sent");
        else
                bus_alarm_end(self->service, "joined_older_system", SLOT_NAME);
}

static void drop_old_records(struct sv3 *self)
{
        int64_t before_us = bus_wall_us() - bus_stream_kind("signal")->kept_days * DAY_US;
        char key[SLOT_KEY_SIZE];
        uint64_t epoch;

        while ((epoch = slot_prune(&self->slot, before_us)))
                bus_delete(self->service, slot_record_key(epoch, key));
}

void sv3_slot_adopt(struct sv3 *self, const struct slot_record *record)
{
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;
        char key[SLOT_KEY_SIZE];

        slot_record_pack(record, &packed);
        bus_put(self->service, slot_record_key(record->epoch, key), bus_buf_bytes(&packed), true);
        slot_add(&self->slot, record);
        drop_old_records(self);
        tell(self, record);
        sv3_slot_hold(self);
}

static void restore_is_settled(void *arg, void *unused, int result)
{
        struct sv3 *self = arg;
        struct store *store = bus_service_store(self->service);

        (void)unused;
        if (!result && store && store_restored_done(store) < 0)
                log_warn(
                        "restore_mark_stays", "the next start counts as one after a restore again");
}

void sv3_slot_adapt(struct sv3 *self)
{
        struct store *store = bus_service_store(self->service);
        struct slot_start start = { .from = sv3_position(self),
                .now_us = bus_wall_us(),
                .restored = store_was_restored(store) };
        struct slot_record record;

        for (size_t i = 0; i < SLOT_SEATS; i++)
                start.editions[i] = sv3_edition(self, (enum slot_seat)i);
        if (slot_on_start(&self->slot, &start, &record) == SLOT_CHANGED)
                sv3_slot_adopt(self, &record);
        if (start.restored)
                bus_after_commit(self->service, restore_is_settled, NULL);
}
