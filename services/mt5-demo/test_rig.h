#pragma once
/*
 * For tests of the real binary: a fake order-executor in the test process (a ROUTER), a mt5-demo as
 * its child in a folder of its own, and its ledger. Every wait has a deadline and fails the test.
 */
#include "libbus/base/bytes.h"
#include "services/broker/broker_codec.h"
#include "services/broker/retcode.h"

#include <jansson.h>
#include <sys/types.h>

#define RIG_WAIT_US (INT64_C(20) * 1000000)

enum {
        RIG_KEPT_MAX = 4096,
};

struct rig {
        char folder[64];
        char endpoint[128], control[128];
        const char *secret;   /* the executor's; the terminal's is "between us" */
        const char *sets[16]; /* more --set arguments, ended by NULL */
        pid_t pid;
        void *zmq, *router;
        uint8_t peer[256];
        size_t peer_size;
        uint64_t token;
        bool proved; /* the link is up, as far as the executor knows */
        bool silent; /* sends no heartbeats */
        int64_t beat_us;
        uint8_t terminal_nonce[BROKER_NONCE_BYTES], nonce[BROKER_NONCE_BYTES];
        char terminal_id[64];
        uint64_t hello_token;                  /* highest_token of the last Hello */
        Pb__BrokerMessage *kept[RIG_KEPT_MAX]; /* read, not asked for yet */
        size_t kept_count;
};

struct rig *rig_new(void); /* folder, secret and ROUTER; nothing started */
struct rig *rig_free(struct rig *rig);
BUS_DEFINE_CLEANUP(rig_freep, struct rig *, rig_free);
#define RIG_AUTOFREE BUS_CLEANUP(rig_freep)

void rig_start(struct rig *rig);
void rig_kill(struct rig *rig, int signal); /* and waits */
int rig_wait_exit(struct rig *rig);         /* its exit status */
void rig_bind(struct rig *rig);
void rig_unbind(struct rig *rig);

/* Waits for Hello, answers, waits for the proof: the link is up. */
void rig_handshake(struct rig *rig);
void rig_answer_hello(struct rig *rig); /* the same for a Hello that was read */
Pb__BrokerMessage *rig_wait_hello(struct rig *rig);
void rig_welcome(struct rig *rig, bool accepted);
struct rig *rig_up(void); /* new, started, shaken hands with token 1 */

void rig_send(struct rig *rig, Pb__BrokerMessage *message);
void rig_send_bytes(struct rig *rig, struct bus_bytes frame);
/* The next message of KIND, read or kept; fails the test at its deadline. The caller frees. */
Pb__BrokerMessage *rig_wait(struct rig *rig, Pb__BrokerKind kind);
/* The same; NULL if there is none within WAIT_US. */
Pb__BrokerMessage *rig_poll(struct rig *rig, Pb__BrokerKind kind, int64_t wait_us);
void rig_forget(struct rig *rig); /* what was kept */

/* An opening order for 0.10 EURUSD at the market, to change before it is sent. */
Pb__Submit rig_order(const char *cl_ord_id, uint32_t attempt);
void rig_submit(struct rig *rig, const Pb__Submit *submit);
/* Submits and waits for this attempt's report. The caller frees. */
Pb__BrokerMessage *rig_trade(struct rig *rig, const Pb__Submit *submit);
/* Opens a position; its ticket. */
uint64_t rig_open(struct rig *rig, const char *cl_ord_id);
void rig_query(struct rig *rig, const char *cl_ord_id, uint32_t attempt);
Pb__BrokerMessage *rig_ask(struct rig *rig, const char *cl_ord_id, uint32_t attempt);
Pb__BrokerMessage *rig_snapshot(struct rig *rig, int64_t since_us);

/* One command; fails the test unless it is answered "ok" or with JSON. */
void rig_command(struct rig *rig, const char *format, ...) BUS_PRINTF(2, 3);
json_t *rig_show(struct rig *rig, const char *command); /* its JSON; the caller owns it */
/* Lines of the ledger with this event, and this id where it is not NULL. */
size_t rig_count(struct rig *rig, const char *event, const char *cl_ord_id);
void rig_ledger(struct rig *rig, struct bus_buf *ret_text);
