#pragma once
/*
 * Commands for whoever rehearses: one line of text in, one out.
 *
 *      ping | account | positions | deals | quotes | attempts | faults | link | ledger-path
 *      FAULT...              (faults.h)
 *      clear [KIND]
 *      move-price SYMBOL BID
 *      close-position TICKET
 *      cut                   (drops the link now)
 *
 * The answer is "ok", or JSON, or "error: " and why.
 */
#include "services/mt5-demo/desk.h"
#include "services/mt5-demo/feed.h"

struct control {
        struct desk *desk;
        struct feed *feed;
        const char *ledger_path;
        bool (*link_up)(void *arg);
        void (*cut)(void *arg);
        void (*prices_moved)(void *arg); /* tell the executor at once */
        void *arg;
};

void control_run(const struct control *control, const char *command, struct instant at,
        struct bus_buf *reply);
