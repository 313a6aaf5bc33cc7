#include "services/strategy-v3/slot_codec.h"

#include "proto/unpack.h"
#include "slot.pb-c.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

const char *slot_record_key(uint64_t epoch, char key[static SLOT_KEY_SIZE])
{
        snprintf(key, SLOT_KEY_SIZE, SLOT_KEY_PREFIX "%020" PRIu64, epoch);
        return key;
}

static void fill_seats(const struct slot_record *record, Pb__SlotSeat seats[static SLOT_SEATS],
        Pb__SlotSeat *list[static SLOT_SEATS])
{
        for (size_t i = 0; i < SLOT_SEATS; i++) {
                pb__slot_seat__init(&seats[i]);
                seats[i].plugin = (char *)slot_seat_name((enum slot_seat)i);
                seats[i].enabled = record->enabled[i];
                seats[i].loaded = record->editions[i].loaded;
                seats[i].plugin_build = (char *)record->editions[i].build;
                seats[i].config_hash = (char *)record->editions[i].config_hash;
                list[i] = &seats[i];
        }
}

void slot_record_pack(const struct slot_record *record, struct bus_buf *buf)
{
        Pb__SlotRecord pb = PB__SLOT_RECORD__INIT;
        Pb__Position from = PB__POSITION__INIT;
        Pb__SlotSeat seats[SLOT_SEATS], *list[SLOT_SEATS];
        size_t size;

        fill_seats(record, seats, list);
        from.incarnation = record->from.incarnation;
        from.seq = record->from.seq;
        from.part = record->from.part;
        pb.slot = (char *)SLOT_NAME;
        pb.epoch = record->epoch;
        pb.from = &from;
        pb.at_us = record->at_us;
        pb.n_seats = SLOT_SEATS;
        pb.seats = list;
        pb.active = (char *)slot_seat_name(record->active);
        pb.exits_by = (char *)slot_seat_name(record->exits_by);
        pb.handover_us = record->handover_us;
        pb.joined_us = record->joined_us;
        pb.older = record->older;
        pb.paused = record->paused;
        pb.command_id = (char *)record->command_id;
        size = pb__slot_record__get_packed_size(&pb);
        pb__slot_record__pack(&pb, bus_buf_reserve(buf, size));
        buf->size += size;
}

static int copy_text(const char *text, char *ret_text, size_t size)
{
        if (strlen(text) >= size)
                return -EBADMSG;
        strcpy(ret_text, text);
        return 0;
}

static int read_seat(const Pb__SlotSeat *pb, struct slot_record *record)
{
        enum slot_seat seat = slot_seat_of(pb->plugin);
        struct slot_edition *edition;

        if (seat == SLOT_NOBODY)
                return -EBADMSG;
        edition = &record->editions[seat];
        record->enabled[seat] = pb->enabled;
        edition->loaded = pb->loaded;
        if (copy_text(pb->plugin_build, edition->build, sizeof(edition->build)) < 0)
                return -EBADMSG;
        return copy_text(pb->config_hash, edition->config_hash, sizeof(edition->config_hash));
}

static int read_record(const Pb__SlotRecord *pb, struct slot_record *ret_record)
{
        struct slot_record record = { .epoch = pb->epoch,
                .at_us = pb->at_us,
                .active = slot_seat_of(pb->active),
                .exits_by = slot_seat_of(pb->exits_by),
                .handover_us = pb->handover_us,
                .joined_us = pb->joined_us,
                .older = pb->older,
                .paused = pb->paused };
        int r = 0;

        if (!pb->epoch || !pb->from || strcmp(pb->slot, SLOT_NAME))
                return -EBADMSG;
        record.from = (struct bus_pos){ pb->from->incarnation, pb->from->seq, pb->from->part };
        for (size_t i = 0; !r && i < pb->n_seats; i++)
                r = read_seat(pb->seats[i], &record);
        if (!r)
                r = copy_text(pb->command_id, record.command_id, sizeof(record.command_id));
        if (r < 0 || (record.active == SLOT_NOBODY && *pb->active) ||
                (record.active != SLOT_NOBODY && !record.enabled[record.active]))
                return -EBADMSG;
        *ret_record = record;
        return 0;
}

int slot_record_unpack(struct bus_bytes bytes, struct slot_record *ret_record)
{
        ProtobufCMessage *pb = NULL;
        const char *why;
        int r;

        r = message_unpack(&pb__slot_record__descriptor, bytes, &pb, &why);
        if (r < 0)
                return r;
        r = read_record((const Pb__SlotRecord *)pb, ret_record);
        protobuf_c_message_free_unpacked(pb, NULL);
        return r;
}
