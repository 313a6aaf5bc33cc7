#include "services/mt5-demo/control.h"

#include "libbus/base/e8.h"
#include "services/mt5-demo/view.h"

#include <errno.h>
#include <stdio.h>

enum {
        COMMAND_MAX_BYTES = 255,
};

static void fail(struct bus_buf *reply, const char *why)
{
        bus_buf_printf(reply, "error: %s", why);
}

/* Anything but printable ASCII would only hurt the ledger and the log. */
static bool is_plain(const char *text)
{
        for (; *text; text++)
                if (*text < ' ' || *text > '~')
                        return false;
        return true;
}

/* Whether COMMAND's first word is WORD; *RET_REST is then what follows. */
static bool is_word(const char *command, const char *word, const char **ret_rest)
{
        size_t size = strlen(word);

        if (strncmp(command, word, size) || (command[size] && command[size] != ' '))
                return false;
        *ret_rest = command + size + strspn(command + size, " ");
        return true;
}

static bool show(const struct control *control, const char *command, struct instant at,
        struct bus_buf *reply)
{
        static const struct {
                const char *word;
                void (*view)(const struct desk *desk, struct bus_buf *buf);
        } views[] = {
                { "account", view_account },
                { "positions", view_positions },
                { "deals", view_deals },
                { "quotes", view_quotes },
                { "attempts", view_attempts },
        };

        for (size_t i = 0; i < BUS_COUNT(views); i++)
                if (!strcmp(command, views[i].word)) {
                        views[i].view(control->desk, reply);
                        return true;
                }
        if (!strcmp(command, "faults"))
                view_faults(&control->desk->faults, at.mono_us, reply);
        else if (!strcmp(command, "ledger-path"))
                bus_buf_printf(reply, "{\"path\":\"%s\"}", control->ledger_path);
        else if (!strcmp(command, "link"))
                bus_buf_printf(
                        reply, "{\"up\":%s}", control->link_up(control->arg) ? "true" : "false");
        else if (!strcmp(command, "ping"))
                bus_buf_add_str(reply, "ok");
        else
                return false;
        return true;
}

static void note(const struct control *control, const char *text, struct instant at)
{
        struct record record = { .event = EVENT_FAULT, .at_us = at.wall_us };

        snprintf(record.comment, sizeof(record.comment), "%s", text);
        control->desk->out.write(&record, 1, control->desk->out.arg);
}

static void move_price(const struct control *control, const char *arguments, struct instant at,
        struct bus_buf *reply)
{
        char symbol[SYMBOL_SIZE], price[E8_TEXT_SIZE];
        int64_t bid_e8;
        int index;

        if (sscanf(arguments, "%31s %23s", symbol, price) != 2 ||
                e8_parse(price, strlen(price), &bid_e8) < 0 || bid_e8 <= 0 ||
                bid_e8 > BROKER_PRICE_MAX_E8) {
                fail(reply, "move-price SYMBOL BID");
                return;
        }
        index = account_symbol(&control->desk->account, symbol);
        if (index < 0) {
                fail(reply, "no such symbol");
                return;
        }
        feed_move(control->feed, (size_t)index, bid_e8);
        desk_prices_changed(control->desk, at);
        control->prices_moved(control->arg);
        bus_buf_add_str(reply, "ok");
}

static void close_position(const struct control *control, const char *arguments, struct instant at,
        struct bus_buf *reply)
{
        unsigned long long ticket;
        char *end;

        ticket = strtoull(arguments, &end, 10);
        if (end == arguments || *end)
                fail(reply, "close-position TICKET");
        else if (desk_close_by_hand(control->desk, ticket, at) < 0)
                fail(reply, "no such position");
        else
                bus_buf_add_str(reply, "ok");
}

static void clear(
        const struct control *control, const char *kind, struct instant at, struct bus_buf *reply)
{
        if (faults_clear(&control->desk->faults, kind) < 0) {
                fail(reply, "no such fault");
                return;
        }
        note(control, *kind ? kind : "clear", at);
        bus_buf_add_str(reply, "ok");
}

static void add_fault(const struct control *control, const char *command, struct instant at,
        struct bus_buf *reply)
{
        char error[FAULT_TEXT_SIZE];

        if (faults_add(&control->desk->faults, command, at.mono_us, error) < 0) {
                fail(reply, error);
                return;
        }
        note(control, command, at);
        bus_buf_add_str(reply, "ok");
}

void control_run(const struct control *control, const char *command, struct instant at,
        struct bus_buf *reply)
{
        const char *rest;

        if (strlen(command) > COMMAND_MAX_BYTES || !is_plain(command)) {
                fail(reply, "not a command");
                return;
        }
        if (show(control, command, at, reply))
                return;
        if (is_word(command, "move-price", &rest))
                move_price(control, rest, at, reply);
        else if (is_word(command, "close-position", &rest))
                close_position(control, rest, at, reply);
        else if (is_word(command, "clear", &rest))
                clear(control, rest, at, reply);
        else if (!strcmp(command, "cut")) {
                control->cut(control->arg);
                bus_buf_add_str(reply, "ok");
        } else {
                add_fault(control, command, at, reply);
        }
}
