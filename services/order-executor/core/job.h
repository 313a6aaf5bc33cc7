#pragma once
/*
 * What one alert asks for: legs, closes, or closes and then legs. One place in its symbol's queue.
 * (alert id, slot) makes one job, ever: whatever comes again under it expands nothing.
 */
#include "services/order-executor/core/order.h"

#include "libbus/base/hash.h"

enum ex_job_kind {
        EX_JOB_ENTRY = 1,
        EX_JOB_EXIT = 2,
        EX_JOB_MANUAL = 3, /* closes by hand */
};

enum ex_job_phase {
        EX_JOB_WAITING = 1, /* its turn has not come */
        EX_JOB_CLOSING = 2,
        EX_JOB_OPENING = 3,
        EX_JOB_DONE = 4,
};

struct ex_queue;

struct ex_job {
        char key[EX_KEY_SIZE];      /* ALERT/SLOT, by hand MESSAGE/SYMBOL */
        char alert_id[BUS_ID_SIZE]; /* by hand: the control message's id */
        char slot[EX_NAME_SIZE];    /* by hand: "" */
        char plugin[EX_NAME_SIZE];
        char symbol[EX_NAME_SIZE]; /* our name */
        uint64_t epoch;
        enum ex_job_kind kind;
        uint32_t close_sides; /* bits 1 << Pb__Side: the positions it closes */
        int64_t price_e8;     /* the alert's */
        int64_t received_us;  /* the order message, wall clock */
        int64_t expires_wall_us;
        uint8_t content[BUS_SHA256_SIZE]; /* what a repeat must equal */
        bool test;
        bool ask_first; /* the terminal may know it already (older than this store, or promised), and
                         * was not asked yet */
        char fault
                [EX_WORD_SIZE]; /* why it is not sent if the terminal has never seen it; "": it may be */
        uint64_t only_ticket; /* by hand: this one; 0: all */
        bool whole_account;   /* by hand: foreign positions too */
        enum ex_job_phase phase;
        Pb__OrderState state; /* once DONE */
        char reason[EX_WORD_SIZE];
        int64_t done_wall_us;
        bool expanded;

        struct ex_order **orders; /* owned, legs first, then closes in the order they were made */
        size_t order_count, order_capacity;

        /* of this run */
        struct ex_queue *queue; /* NULL when DONE */
        int64_t arrived_us;     /* monotonic */
        int64_t expires_us;     /* monotonic; EX_NEVER without a deadline */
        bool promised;          /* what it asks for is on the disk already, as a promise */
        bool unsaved;           /* a save of it is in the list of effects */
        uint64_t number;        /* its place in the queue, rising */
        bool opened;            /* it is one of the queue's opened, */
        uint32_t ahead;         /* which have counted these bits of it */
};

struct ex_job *ex_job_new(void);
struct ex_job *ex_job_free(struct ex_job *job); /* takes NULL, returns NULL; frees its orders too */
/* A zeroed order at the end of JOB; the job owns it. */
struct ex_order *ex_job_add(struct ex_job *job);
void ex_job_key(const char *alert_id, const char *part, char ret_key[static EX_KEY_SIZE]);

/* A leg that the terminal was asked for before it was ever sent, and has never seen: nothing of it has
 * begun, and it goes out when the turn of its job has come. */
static inline bool ex_leg_waits(const struct ex_order *leg)
{
        return leg->state == PB__ORDER_STATE__ORDER_STATE_INTENT &&
               leg->job->phase != EX_JOB_OPENING;
}

static inline uint32_t ex_side_bit(Pb__Side side)
{
        return 1U << side;
}
static inline Pb__Side ex_side_opposite(Pb__Side side)
{
        return side == PB__SIDE__SIDE_BUY ? PB__SIDE__SIDE_SELL : PB__SIDE__SIDE_BUY;
}

/* Whether all of its legs, or all of its closes, are final. True where there are none. */
bool ex_job_legs_final(const struct ex_job *job);
bool ex_job_closes_final(const struct ex_job *job);
/* The side its legs open; SIDE_UNSPECIFIED where it has none. */
Pb__Side ex_job_leg_side(const struct ex_job *job);
/* The one state all its orders ended in, PARTLY where they differ, UNSPECIFIED where it has none. */
Pb__OrderState ex_job_outcome(const struct ex_job *job);
/* The last close of TICKET by JOB; NULL if there is none. */
struct ex_order *ex_job_close_of(const struct ex_job *job, uint64_t ticket);
