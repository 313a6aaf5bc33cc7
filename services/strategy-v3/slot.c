#include "services/strategy-v3/slot.h"

#include "libbus/base/require.h"

#include <stdio.h>
#include <string.h>

/* More switches than anybody makes between a backup and its restore: the executor refuses entries
 * of an epoch below one it has seen. */
#define RESTORED_EPOCHS 1000

static const char *const seat_names[SLOT_SEATS] = {
        [SLOT_SUCCESSOR] = "combined_v3",
        [SLOT_INCUMBENT] = "legacy_v3",
};

const char *slot_seat_name(enum slot_seat seat)
{
        return seat < SLOT_SEATS ? seat_names[seat] : "";
}

enum slot_seat slot_seat_of(const char *plugin)
{
        for (size_t i = 0; i < SLOT_SEATS; i++)
                if (!strcmp(seat_names[i], plugin))
                        return (enum slot_seat)i;
        return SLOT_NOBODY;
}

bool slot_edition_equal(const struct slot_edition *a, const struct slot_edition *b)
{
        return a->loaded == b->loaded &&
               (!a->loaded ||
                       (!strcmp(a->build, b->build) && !strcmp(a->config_hash, b->config_hash)));
}

/* ---- the list ---- */

void slot_done(struct slot *slot)
{
        free(slot->records);
        *slot = (struct slot){ 0 };
}

void slot_add(struct slot *slot, const struct slot_record *record)
{
        const struct slot_record *now = slot_now(slot);

        bus_require(!now || record->epoch > now->epoch);
        bus_require(!now || bus_pos_compare(record->from, now->from) >= 0);
        bus_require(record->active == SLOT_NOBODY || record->enabled[record->active]);
        if (slot->count == slot->capacity) {
                slot->capacity = slot->capacity ? slot->capacity * 2 : 8;
                slot->records =
                        bus_xrealloc(slot->records, slot->capacity * sizeof(*slot->records));
        }
        slot->records[slot->count++] = *record;
}

const struct slot_record *slot_now(const struct slot *slot)
{
        return slot->count ? &slot->records[slot->count - 1] : NULL;
}

const struct slot_record *slot_at(const struct slot *slot, struct bus_pos position)
{
        size_t i = slot->count;

        bus_require(slot->count);
        while (i > 1 && bus_pos_compare(slot->records[i - 1].from, position) >= 0)
                i--;
        return &slot->records[i - 1];
}

uint64_t slot_prune(struct slot *slot, int64_t before_us)
{
        uint64_t epoch;

        if (slot->count < 2 || slot->records[1].at_us >= before_us)
                return 0;
        epoch = slot->records[0].epoch;
        slot->count--;
        memmove(slot->records, slot->records + 1, slot->count * sizeof(*slot->records));
        return epoch;
}

enum slot_seat slot_judge(const struct slot_record *record, enum v3_type type)
{
        if (record->active != SLOT_NOBODY || type == V3_TYPE_ENTRY)
                return record->active;
        return record->exits_by;
}

int64_t slot_hold_left_us(const struct slot *slot, int64_t hold_us, int64_t now_us)
{
        const struct slot_record *now = slot_now(slot);
        int64_t gone;

        if (!now || !now->handover_us)
                return 0;
        gone = now_us - now->handover_us;
        if (gone < 0) /* the clock went back: a full wait is the longest there is */
                return hold_us;
        return gone < hold_us ? hold_us - gone : 0;
}

/* ---- what follows from the flags ---- */

static bool can_trade(const struct slot_record *record, enum slot_seat seat)
{
        return record->enabled[seat] && record->editions[seat].loaded;
}

static enum slot_seat first_of(const struct slot_record *record)
{
        for (size_t i = 0; i < SLOT_SEATS; i++)
                if (can_trade(record, (enum slot_seat)i))
                        return (enum slot_seat)i;
        return SLOT_NOBODY;
}

/* RECORD with its flags changed, as the one that follows BEFORE. */
static void settle(struct slot_record *record, const struct slot_record *before)
{
        record->active = first_of(record);
        if (record->active != SLOT_NOBODY)
                record->exits_by = record->active;
        if (record->active != SLOT_NOBODY)
                record->handover_us = 0;
        else if (before->active != SLOT_NOBODY) /* else the wait goes on, and does not begin anew */
                record->handover_us = record->at_us;
}

static struct slot_record next_record(const struct slot_record *before, struct bus_pos from,
        int64_t now_us, const char *command_id)
{
        struct slot_record next = *before;

        next.epoch = before->epoch + 1;
        /* positions of a stream that forked may lie below a void one this slot has seen */
        if (bus_pos_compare(from, before->from) > 0)
                next.from = from;
        next.at_us = now_us;
        snprintf(next.command_id, sizeof(next.command_id), "%s", command_id);
        return next;
}

/* ---- the start of the process ---- */

static struct slot_record first_record(const struct slot_start *start)
{
        /* A store that was lost may have given out epochs, and the executor refuses entries under
         * lower ones: a time, as an incarnation is (ADR 3). */
        const uint64_t epoch = 1 + (uint64_t)(start->now_us / BUS_US_PER_MS);
        struct slot_record record = { .epoch = epoch,
                .at_us = start->now_us,
                .joined_us = start->now_us,
                .active = SLOT_NOBODY,
                .exits_by = SLOT_INCUMBENT };

        memcpy(record.editions, start->editions, sizeof(record.editions));
        record.enabled[SLOT_INCUMBENT] = true;
        record.active = first_of(&record);
        return record;
}

static bool editions_differ(const struct slot_record *record, const struct slot_start *start)
{
        for (size_t i = 0; i < SLOT_SEATS; i++)
                if (!slot_edition_equal(&record->editions[i], &start->editions[i]))
                        return true;
        return false;
}

int slot_on_start(
        const struct slot *slot, const struct slot_start *start, struct slot_record *ret_record)
{
        const struct slot_record *now = slot_now(slot);
        struct slot_record next;

        if (!now) {
                *ret_record = first_record(start);
                return SLOT_CHANGED;
        }
        if (!start->restored && !editions_differ(now, start))
                return 0;
        next = next_record(now, start->from, start->now_us, "");
        if (start->restored)
                next.epoch += RESTORED_EPOCHS;
        memcpy(next.editions, start->editions, sizeof(next.editions));
        /* a flag outlives no absence: a plugin that comes back trades when somebody enables it */
        for (size_t i = 0; i < SLOT_SEATS; i++)
                if (!next.editions[i].loaded && i != SLOT_INCUMBENT)
                        next.enabled[i] = false;
        settle(&next, now);
        if (next.exits_by == SLOT_NOBODY || !next.editions[next.exits_by].loaded)
                next.exits_by =
                        next.editions[SLOT_INCUMBENT].loaded ? SLOT_INCUMBENT : SLOT_SUCCESSOR;
        *ret_record = next;
        return SLOT_CHANGED;
}

/* ---- requests ---- */

static bool is_switch(enum slot_change change)
{
        return change == SLOT_ENABLE || change == SLOT_DISABLE || change == SLOT_CUTOVER;
}

/* The word for what keeps a switch from being looked at, or NULL. */
static const char *void_switch(const struct slot_record *now, const struct slot_request *request)
{
        if (!is_switch(request->change))
                return NULL; /* rollback and resume apply whenever they arrive */
        if (request->deadline_us && request->now_us > request->deadline_us)
                return "deadline_passed";
        if (request->expected_epoch && request->expected_epoch != now->epoch)
                return "epoch_changed";
        return NULL;
}

/* The word for what keeps a switch from making NEXT's active plugin trade, or NULL. */
static const char *gate(const struct slot_record *now, const struct slot_record *next,
        const struct slot_request *request)
{
        if (next->active == now->active || next->active == SLOT_NOBODY ||
                next->active == SLOT_INCUMBENT)
                return NULL;
        if (!request->from_health)
                return "not_from_health";
        if (request->force)
                return request->has_reason ? NULL : "force_without_reason";
        return request->gate_passed ? NULL : "gate_not_passed";
}

static int change_flags(const struct slot_record *now, const struct slot_request *request,
        struct slot_record *next, const char **ret_code)
{
        enum slot_seat seat = slot_seat_of(request->plugin);
        bool enable = request->change != SLOT_DISABLE;

        if (seat == SLOT_NOBODY) {
                *ret_code = "unknown_plugin";
                return SLOT_REFUSED;
        }
        if (enable && !next->editions[seat].loaded) {
                *ret_code = "plugin_not_loaded";
                return SLOT_REFUSED;
        }
        next->enabled[seat] = enable;
        settle(next, now);
        if (request->change == SLOT_CUTOVER && next->active != seat) {
                *ret_code = "another_goes_first";
                return SLOT_REFUSED;
        }
        return next->enabled[seat] == now->enabled[seat] ? SLOT_UNCHANGED : SLOT_CHANGED;
}

static int roll_back(const struct slot_record *now, struct slot_record *next, const char **ret_code)
{
        if (!next->editions[SLOT_INCUMBENT].loaded) {
                *ret_code = "plugin_not_loaded";
                return SLOT_REFUSED;
        }
        next->enabled[SLOT_INCUMBENT] = true;
        next->enabled[SLOT_SUCCESSOR] = false;
        settle(next, now);
        return memcmp(next->enabled, now->enabled, sizeof(now->enabled)) ||
                               next->active != now->active
                       ? SLOT_CHANGED
                       : SLOT_UNCHANGED;
}

int slot_request(const struct slot *slot, const struct slot_request *request,
        struct slot_record *ret_record, const char **ret_code)
{
        const struct slot_record *now = slot_now(slot);
        struct slot_record next =
                next_record(now, request->from, request->now_us, request->command_id);
        const char *code = void_switch(now, request);
        int r;

        if (code) {
                *ret_code = code;
                return SLOT_REFUSED;
        }
        if (request->change == SLOT_RESUME) {
                next.paused = false;
                r = now->paused ? SLOT_CHANGED : SLOT_UNCHANGED;
        } else if (request->change == SLOT_ROLLBACK) {
                r = roll_back(now, &next, ret_code);
        } else {
                r = change_flags(now, request, &next, ret_code);
        }
        if (r != SLOT_CHANGED)
                return r;
        code = gate(now, &next, request);
        if (code) {
                *ret_code = code;
                return SLOT_REFUSED;
        }
        *ret_record = next;
        return SLOT_CHANGED;
}

int slot_on_older(const struct slot *slot, struct bus_pos from, int64_t now_us,
        struct slot_record *ret_record)
{
        const struct slot_record *now = slot_now(slot);

        if (now->older)
                return 0;
        *ret_record = next_record(now, from, now_us, "");
        ret_record->older = true;
        ret_record->paused = true;
        return SLOT_CHANGED;
}
