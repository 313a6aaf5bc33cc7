#pragma once
/*
 * The slot "v3": who trades, from which signal on. Pure.
 *
 * The slot is a list of records, oldest first. Each holds for the signals behind its position, up
 * to the next one's: a signal derived again finds the record it was derived under. A change is one
 * record more, made durable before any signal is judged under it. A record has one active plugin or
 * none, so no order of switching can make two trade (docs/architecture.md, Who trades).
 */
#include "libbus/base/ids.h"
#include "libbus/wire/position.h"
#include "umbra/v3.h"

#define SLOT_NAME "v3"

/* The successor goes first wherever both are enabled; the incumbent is never gated. */
enum slot_seat {
        SLOT_SUCCESSOR,
        SLOT_INCUMBENT,
        SLOT_SEATS,
        SLOT_NOBODY = SLOT_SEATS,
};

#define SLOT_NAME_SIZE  33
#define SLOT_BUILD_SIZE 65
#define SLOT_HASH_SIZE  17

const char *slot_seat_name(enum slot_seat seat); /* "combined_v3"; "" for nobody */
enum slot_seat slot_seat_of(const char *plugin); /* SLOT_NOBODY if it has none */

/* What is loaded under a seat's name. */
struct slot_edition {
        bool loaded;
        char build[SLOT_BUILD_SIZE];
        char config_hash[SLOT_HASH_SIZE];
};
bool slot_edition_equal(const struct slot_edition *a, const struct slot_edition *b);

struct slot_record {
        uint64_t epoch;      /* counts up with each record; the first is 1 */
        struct bus_pos from; /* holds for the signals behind it */
        int64_t at_us;
        bool enabled[SLOT_SEATS];
        enum slot_seat active;   /* or SLOT_NOBODY: entries are refused */
        enum slot_seat exits_by; /* judges exits (and all but entries) while nobody is active */
        struct slot_edition editions[SLOT_SEATS];
        int64_t handover_us; /* when the active one went without a successor; 0: not so */
        int64_t joined_us;   /* when this installation's strategy began to exist */
        bool older;  /* the signal stream was there before it: exits from then stay unsent */
        bool paused; /* no entries: since it joined an older stream, until `resume` */
        char command_id[BUS_ID_SIZE]; /* what asked for it; "" where nobody did */
};

struct slot {
        struct slot_record *records; /* owned; never empty once slot_start has run */
        size_t count, capacity;
};

void slot_done(struct slot *slot);
/* RECORD's epoch must be above and its position not below the newest one's. */
void slot_add(struct slot *slot, const struct slot_record *record);
const struct slot_record *slot_now(const struct slot *slot); /* NULL while empty */
/* The record that holds for a signal at POSITION; the oldest where all that held there are gone. */
const struct slot_record *slot_at(const struct slot *slot, struct bus_pos position);
/* Drops the oldest record if its successor is from before BEFORE_US; returns its epoch, or 0. */
uint64_t slot_prune(struct slot *slot, int64_t before_us);

/* Who judges an alert of TYPE under RECORD: the active plugin, exits_by, or nobody. */
enum slot_seat slot_judge(const struct slot_record *record, enum v3_type type);
/* For how long signals must still wait for a successor: HOLD_US from when the last active one went,
 * 0 where it is no handover. Never more than HOLD_US, whatever the clock did. */
int64_t slot_hold_left_us(const struct slot *slot, int64_t hold_us, int64_t now_us);

/* ---- changes: each makes the record that would follow, and adds nothing ---- */

#define SLOT_CHANGED 1 /* *RET_RECORD is to be added */

struct slot_start {
        struct slot_edition editions[SLOT_SEATS]; /* as loaded now */
        struct bus_pos from;
        int64_t now_us;
        bool restored; /* from a backup: epochs given out since it was made are not known */
};
/* At the start of the process: the first record, or one for plugins that are other or gone now.
 * 0 if the newest record still holds, or SLOT_CHANGED. */
int slot_on_start(
        const struct slot *slot, const struct slot_start *start, struct slot_record *ret_record);

enum slot_change {
        SLOT_ENABLE,
        SLOT_DISABLE,
        SLOT_CUTOVER,
        SLOT_ROLLBACK,
        SLOT_RESUME,
};

struct slot_request {
        enum slot_change change;
        const char *plugin;      /* not for rollback and resume */
        uint64_t expected_epoch; /* 0: not checked */
        int64_t deadline_us;     /* 0: none */
        bool from_health;
        bool gate_passed, force, has_reason;
        const char *command_id;
        struct bus_pos from;
        int64_t now_us;
};

#define SLOT_UNCHANGED 2 /* it holds already */
#define SLOT_REFUSED   3 /* *RET_CODE, one static word, says why */
/* SLOT_CHANGED, SLOT_UNCHANGED or SLOT_REFUSED. */
int slot_request(const struct slot *slot, const struct slot_request *request,
        struct slot_record *ret_record, const char **ret_code);

/* The stream of signals turned out to be older than this strategy: no entries until `resume`. */
int slot_on_older(const struct slot *slot, struct bus_pos from, int64_t now_us,
        struct slot_record *ret_record);
