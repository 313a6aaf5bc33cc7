#pragma once
/*
 * Between demo.c (start, timers, commands) and demo_link.c (the callbacks of desk and link).
 */
#include "services/mt5-demo/demo.h"
#include "services/mt5-demo/ledger.h"
#include "services/mt5-demo/link.h"

struct demo {
        const struct options *options; /* borrowed */
        void *zmq, *control_socket;
        struct bus_loop *loop;
        struct bus_source *tick_timer, *step_timer;
        struct feed *feed;
        struct ledger *ledger;
        struct bus_keys *keys; /* NULL: a link without CURVE */
        struct link *link;
        struct desk desk;
        struct bus_buf buf;
};

struct instant demo_now(void);
bool demo_is_frozen(const struct demo *demo);
/* Sets the step timer to what comes next: a job of the desk, the end of a fault. A freeze holds the
 * link. */
void demo_refresh(struct demo *demo);
/* As a desk_out has them: ARG is the demo. Ends the process where the ledger cannot be written. */
void demo_write(const struct record *records, size_t count, void *arg);
void demo_cut(void *arg);
/* A line about the process or its link. */
void demo_note(struct demo *demo, enum event event, uint64_t token, const char *words);
void demo_send_ticks(struct demo *demo);
void demo_make_desk(struct demo *demo);
void demo_make_link(struct demo *demo, struct bus_bytes secret);
