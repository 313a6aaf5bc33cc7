#pragma once
/*
 * The real order-executor and the real mt5-demo as children, in a folder of their own; between
 * them and this process the bus: here sit a writer of orders in the name of strategy-v3, a writer
 * of commands in the name of health, and a reader of all that the executor says. The judge is the
 * demo account's ledger. Every wait has a deadline and fails the test.
 */
#include "libbus/base/attr.h"
#include "libbus/base/ids.h"

#include "alarm.pb-c.h"
#include "control.pb-c.h"
#include "order.pb-c.h"
#include "trade.pb-c.h"

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

enum {
        RIG_TOLD_MAX = 4096,
        RIG_SETS_MAX = 16,
};

#define RIG_WAIT_US  (INT64_C(40) * BUS_US_PER_SEC)
#define RIG_PRICE_E8 INT64_C(108500000) /* where the demo's EURUSD is held */

struct rig_told {
        char alert_id[BUS_ID_SIZE];
        Pb__Trade *trade; /* owned */
};

struct rig_writer {
        const char *service;
        struct store *store;
        struct bus_writer *writer;
        struct bus_keys *keys;
};

struct rig {
        char folder[64];
        char demo_control[128];
        const char *sets[RIG_SETS_MAX]; /* more --set arguments of the executor */
        pid_t executor, demo;
        struct bus_loop *loop;
        void *zmq;
        char keys_folder[80];
        struct bus_zap *zap;
        struct rig_writer strategy, health;
        struct bus_peer *peer;
        int budget;
        uint64_t next_seq;
        struct rig_told told[RIG_TOLD_MAX];
        size_t told_count;
        Pb__ControlResult *result; /* the last one; owned */
        Pb__Alarm *alarms[256];    /* all changes; owned */
        size_t alarm_count;
        bool connected, known_account;
        size_t positions;
        int64_t daily_loss_cents;
};

/* Folder, writers and reader. SETS: more of the executor's --set arguments, NULL-terminated. */
struct rig *rig_new(const char *const *sets);
struct rig *rig_free(struct rig *rig);
/* The same, both children started, connected and reconciled. */
struct rig *rig_up(const char *const *sets);

void rig_start_executor(struct rig *rig);
void rig_start_demo(struct rig *rig);
void rig_kill(struct rig *rig, pid_t *pid, int signal); /* and waits */
int rig_wait_exit(struct rig *rig, pid_t *pid);         /* its exit status */
/* A command to the demo account (services/mt5-demo/control.h); fails the test if refused. */
void rig_demo(struct rig *rig, const char *command);

void rig_turn(struct rig *rig); /* lets time pass: the bus goes on */
/* The same while waiting for WHAT; fails the test behind DEADLINE_US (monotonic). */
void rig_wait(struct rig *rig, int64_t deadline_us, const char *what);
int64_t rig_deadline(void);
#define rig_wait_until(rig, condition)                               \
        for (int64_t rig_deadline_us = rig_deadline(); !(condition); \
                rig_wait(rig, rig_deadline_us, #condition)) {        \
        }
void rig_require(bool holds, const char *what); /* fails the test, saying what */

/* ---- what is sent ---- */

/* An order message as strategy-v3 would write it; borrowed, valid until the next. One leg A. */
Pb__Order *rig_entry(Pb__Side side);
Pb__Order *rig_reversal(Pb__Side side);
Pb__Order *rig_exit(Pb__Side side);
void rig_order(struct rig *rig, const char *alert_id, const Pb__Order *order, bool test);
/* Word of it ahead, as strategy-v3 would give it. */
void rig_notice(struct rig *rig, const char *alert_id, const Pb__Order *order);
/* Names for alerts: 26 characters with N in them. Borrowed from a few rotating buffers. */
const char *rig_alert(unsigned int n);
/* Sends and waits for the answer, which is in rig->result. */
void rig_command(struct rig *rig, const Pb__Control *control);

/* ---- what was told ---- */

size_t rig_count(const struct rig *rig, const char *alert_id, Pb__TradeEvent event);
/* The last such event of that alert, NULL if there was none. REASON NULL: any. */
const Pb__Trade *rig_last(
        const struct rig *rig, const char *alert_id, Pb__TradeEvent event, const char *reason);
#define rig_wait_event(rig, alert, event) \
        rig_wait_for(rig, alert, PB__TRADE_EVENT__TRADE_EVENT_##event, #event)
void rig_wait_for(struct rig *rig, const char *alert_id, Pb__TradeEvent event, const char *what);
bool rig_alarmed(const struct rig *rig, const char *code); /* raised and not ended */

/* ---- the ledger ---- */

/* Lines with this event ("request", "deal"), and this cl_ord_id (NULL: any). */
size_t rig_ledger(const struct rig *rig, const char *event, const char *cl_ord_id);
