#pragma once
/*
 * The executor's core with a store, a wire and a broker around it, all in memory and all under a
 * test's control: time only passes when told to, the wire can be cut, the executor can die before
 * or behind its commit and come back from the store.
 */
#include "services/order-executor/core/book.h"
#include "services/order-executor/core/test_broker.h"

enum {
        WORLD_ROWS_MAX = 32768,
        WORLD_TOLD_MAX = 65536,
};

struct world_row {
        char key[128];
        struct bus_buf value;
        bool gone;
};

struct world_told {
        Pb__TradeEvent event;
        Pb__OrderState state;
        uint32_t attempt;
        char alert_id[BUS_ID_SIZE], cl_ord_id[CL_ORD_ID_SIZE], reason[EX_WORD_SIZE];
};

struct world {
        struct ex_book *book;
        bool plain_passes; /* of every book from the next start on */
        struct tb *tb;
        struct ex_now now;
        struct world_row rows[WORLD_ROWS_MAX]; /* what is synced */
        size_t row_count;
        struct ex_table index;            /* of the rows, by key */
        struct bus_buf in[TB_FRAMES_MAX]; /* frames on their way to the terminal */
        size_t in_first, in_count;
        bool link;
        bool snapshot_wanted, snapshot_out;
        int64_t snapshot_asked_us;
        uint64_t snapshot_id;

        struct world_told told[WORLD_TOLD_MAX]; /* trade events that were committed */
        size_t told_count;
        char alarms[64][96]; /* "code subject", raised now */
        size_t alarm_count;
};

struct world *world_new(uint32_t seed);
void world_free(struct world *world);

/* Starts the executor from what is in the store; the link is down. */
void world_start(struct world *world);
/* Dies, with nothing of the effects at hand carried out. */
void world_crash(struct world *world);
void world_connect(struct world *world);
void world_cut(struct world *world); /* drops everything under way */
/* Carries out the effects at hand: commit, then the wire. */
void world_commit(struct world *world);
/* Commits, and dies before anything goes out. */
void world_commit_and_crash(struct world *world);
/* One frame to the terminal, one back. False if there was none. */
bool world_to_terminal(struct world *world);
bool world_to_executor(struct world *world);
void world_pass_us(struct world *world, int64_t us); /* one step of time, and what is due */
/* Frames to and fro until nothing moves. */
void world_settle(struct world *world);
/* Time in steps of 50 ms, settling each. */
void world_run_us(struct world *world, int64_t us);

/* Orders as a strategy would write them. ALERT is a number that becomes the alert id. */
void world_entry(struct world *world, unsigned int alert, Pb__Side side, bool reversal);
void world_exit(struct world *world, unsigned int alert, Pb__Side side);
void world_order(struct world *world, unsigned int alert, const Pb__Order *order, bool test);
/* Word of an order, and the commit of what it leads to. True: it is promised. */
bool world_notice(struct world *world, unsigned int alert, const Pb__Order *order);
/* The message they send, to be changed before world_order. Borrowed; valid until the next. */
Pb__Order *world_make_entry(struct world *world, Pb__Side side, bool reversal);
Pb__Order *world_make_exit(struct world *world, Pb__Side side);
struct ex_answer world_control(struct world *world, unsigned int id, const Pb__Control *control);
struct ex_answer world_command(struct world *world, unsigned int id, Pb__Command command);

void world_alert_id(unsigned int alert, char ret_id[static BUS_ID_SIZE]);
struct ex_job *world_job(struct world *world, unsigned int alert);
struct ex_order *world_leg(struct world *world, unsigned int alert, char leg);   /* 'A' or 'B' */
struct ex_order *world_close(struct world *world, unsigned int alert, size_t n); /* n-th, from 0 */
/* How often EVENT was told of this alert, with this reason (NULL: any). */
size_t world_told(
        struct world *world, unsigned int alert, Pb__TradeEvent event, const char *reason);
bool world_alarm(const struct world *world, const char *code); /* raised now, whoever it is about */
