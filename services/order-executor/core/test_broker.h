#pragma once
/*
 * A broker and its terminal in memory, for tests: idempotent on (id, attempt), durable over
 * restarts of the executor, with answers that a test scripts or a seed chooses.
 *
 * It is also the judge: it counts what was really executed, and refuses to be talked into a second
 * execution of the same id.
 */
#include "libbus/base/bytes.h"
#include "services/broker/broker_codec.h"

#include <stdbool.h>

enum {
        TB_ORDERS_MAX = 8192,
        TB_POSITIONS_MAX = 4096,
        TB_DEALS_MAX = 8192,
        TB_SCRIPT_MAX = 32,
        TB_FRAMES_MAX = 4096,
        TB_ATTEMPTS_MAX = 64,
};

/* What happens to one Submit. */
enum tb_outcome {
        TB_FILL,
        TB_FILL_LOST,     /* executed, and neither report nor deal is told */
        TB_PARTIAL,       /* half of it */
        TB_PLACED,        /* 10008, executed when the test says so (tb_work) */
        TB_NEVER_ARRIVED, /* the terminal did not see it */
        TB_DOUBT_FILLED,  /* executed, but the terminal does not know and never learns */
        TB_DOUBT_LOST,    /* not executed, but the terminal does not know and never learns */
        TB_RETCODE,       /* + retcode: not executed */
};
#define TB_CODE(retcode) (TB_RETCODE + (retcode))

struct tb_order {
        char id[32];
        uint32_t attempt; /* highest seen */
        bool tombstoned[TB_ATTEMPTS_MAX];
        bool doubt;        /* of the highest attempt */
        bool definite;     /* the highest attempt was definitely not executed */
        Pb__Report report; /* result of the highest attempt; id and comment not set */
        Pb__Submit submit; /* texts not set */
        char symbol[32];
        int executions; /* must never pass 1 */
        bool working;
        int64_t executed_e8;
};

struct tb_position {
        uint64_t ticket;
        char symbol[32], comment[32];
        Pb__Side side;
        int64_t volume_e8, sl_e8, tp_e8, price_e8;
        uint64_t magic;
};

struct tb {
        uint32_t seed;
        bool random;               /* no script: the seed chooses */
        bool kind;                 /* and all goes well */
        int script[TB_SCRIPT_MAX]; /* one outcome a Submit, then TB_FILL */
        size_t script_at, script_count;
        Pb__SnapshotQuality quality; /* of the next snapshots */
        bool quiet_deals;            /* deals are made, not told */

        struct tb_order orders[TB_ORDERS_MAX];
        size_t order_count;
        struct tb_position positions[TB_POSITIONS_MAX];
        size_t position_count;
        struct {
                Pb__Deal deal;
                char symbol[32], comment[32];
        } deals[TB_DEALS_MAX];
        size_t deal_count;
        uint64_t next_ticket, next_deal;
        int64_t bid_e8, ask_e8;
        uint64_t login;
        int64_t margin_free_cents; /* does not change by itself */
        int64_t wall_us;
        size_t submits; /* all that arrived, repeats counted */
        bool violated;  /* somebody was about to be executed twice */

        struct bus_buf out[TB_FRAMES_MAX]; /* frames on their way to the executor */
        size_t out_first, out_count;
};

struct tb *tb_new(uint32_t seed);
void tb_free(struct tb *tb);
uint32_t tb_random(struct tb *tb, uint32_t below);
void tb_script(struct tb *tb, int outcome); /* appends */

/* What the terminal has to say first. Borrowed; valid until the next call. */
const Pb__Hello *tb_hello(struct tb *tb);
void tb_take(struct tb *tb, struct bus_bytes frame); /* a frame of the executor */
/* The next frame to the executor; false if there is none. The caller frees it. */
bool tb_next(struct tb *tb, struct bus_buf *ret_frame);
void tb_cut(struct tb *tb);                         /* forgets the frames under way */
void tb_work(struct tb *tb);                        /* fills all working orders */
void tb_hand_close(struct tb *tb, uint64_t ticket); /* somebody closes it at the terminal */

struct tb_order *tb_find(struct tb *tb, const char *id);
struct tb_position *tb_position(struct tb *tb, uint64_t ticket);
struct tb_position *tb_position_of(struct tb *tb, const char *comment);
