/*
 * What others hear of the account, and of the executor itself.
 *
 * Keeps: the figures are those of the last good snapshot, with its time; whether the broker is there
 * is of now.
 */
#include "services/order-executor/glue.h"

#include "libbus/base/require.h"

#include "account.pb-c.h"

#include <inttypes.h>
#include <stdio.h>

enum {
        POSITIONS_TOLD_MAX = 4096, /* as many as a validator lets pass */
};

static void fill_position(const struct ex_position *from, Pb__AccountPosition *position)
{
        pb__account_position__init(position);
        position->ticket = from->ticket;
        position->symbol = (char *)(uintptr_t)from->symbol;
        position->side = from->side;
        position->volume_e8 = ex_position_open_e8(from);
        position->open_price_e8 = from->open_price_e8;
        position->sl_e8 = from->sl_e8;
        position->tp_e8 = from->tp_e8;
        position->profit_cents = from->profit_cents;
        position->cl_ord_id = (char *)(uintptr_t)from->cl_ord_id;
        position->ours = from->ours;
}

static size_t fill_positions(const struct ex_book *book, size_t max, Pb__AccountPosition *items,
        Pb__AccountPosition **list)
{
        struct ex_table_at at;
        size_t count = 0;

        for (struct ex_position *position = ex_table_first(&book->positions, &at);
                position && count < max; position = ex_table_next(&book->positions, &at)) {
                if (!ex_position_open_e8(position))
                        continue;
                fill_position(position, &items[count]);
                list[count] = &items[count];
                count++;
        }
        return count;
}

static void fill_figures(const struct ex_service *self, Pb__Account *account)
{
        const struct ex_book *book = self->book;
        const struct ex_figures figures = ex_book_figures(book, NULL, 0);

        account->as_of_us = book->account.known ? book->account.as_of_us : 0;
        account->connected = book->link_up && book->server_up;
        account->balance_cents = book->account.balance_cents;
        account->equity_cents = book->account.equity_cents;
        account->margin_free_cents = book->account.margin_free_cents;
        account->daily_loss_cents = figures.daily_loss_cents;
        account->lifetime_loss_cents = figures.lifetime_loss_cents;
        account->open_risk_cents = figures.open_risk_cents;
        account->daily_cap_cents = book->limits.daily_cap_cents;
        account->lifetime_cap_cents = book->limits.lifetime_cap_cents;
        account->paused = book->switches.paused;
        account->killed = book->switches.killed;
        account->halted = book->switches.halted;
        account->unknown_orders = figures.unknown_orders;
        account->manual_orders = figures.manual_orders;
}

void ex_publish_account(struct ex_service *self)
{
        const size_t known = self->book->positions.count;
        const size_t max = known < POSITIONS_TOLD_MAX ? known : POSITIONS_TOLD_MAX;
        BUS_AUTOFREE Pb__AccountPosition *items = bus_new_n(Pb__AccountPosition, max + 1);
        BUS_AUTOFREE Pb__AccountPosition **list = bus_new_n(Pb__AccountPosition *, max + 1);
        Pb__Account account = PB__ACCOUNT__INIT;

        if (!self->book->account.known)
                return; /* nothing to say yet: whoever decides without context must know it */
        fill_figures(self, &account);
        account.positions = list;
        account.n_positions = fill_positions(self->book, max, items, list);
        bus_emit(self->service, &(struct bus_out){ .stream = "account",
                                        .topic = "account.order-executor",
                                        .body = &account.base,
                                        .alert_id = "" });
}

static const char *why_not_ready(const struct ex_service *self)
{
        if (!ex_link_is_up(self->link))
                return "no terminal is connected";
        if (!self->book->server_up)
                return "the terminal has no connection to its trade server";
        if (!self->book->reconciled)
                return "reconciling with the broker";
        if (self->book->market_shut)
                return "the broker does not trade now: market closed or autotrading off";
        return NULL;
}

/* Not ready before the first reconciliation; what goes away later is degraded. */
void ex_update_readiness(struct ex_service *self)
{
        const char *why = why_not_ready(self);

        if (why == self->why || self->draining)
                return;
        self->why = why;
        if (!why) {
                self->was_ready = true;
                bus_service_ready(self->service);
        } else if (self->was_ready) {
                bus_service_degraded(self->service, why);
        }
}

static void fact_number(struct ex_service *self, const char *key, uint64_t value)
{
        char text[24];

        snprintf(text, sizeof(text), "%" PRIu64, value);
        bus_service_fact(self->service, key, text);
}

static void fact_bool(struct ex_service *self, const char *key, bool value)
{
        bus_service_fact(self->service, key, value ? "yes" : "no");
}

void ex_report(void *arg)
{
        struct ex_service *self = arg;
        const struct ex_book *book = self->book;
        const struct ex_figures figures = ex_book_figures(book, NULL, 0);

        bus_service_fact(self->service, "broker",
                self->why ? (ex_link_is_up(self->link) ? "not_ready" : "disconnected")
                          : "connected");
        bus_service_fact(self->service, "terminal", ex_link_terminal(self->link));
        fact_bool(self, "paused", book->switches.paused);
        fact_bool(self, "killed", book->switches.killed);
        fact_bool(self, "halted", book->switches.halted);
        bus_service_fact(
                self->service, "service_api", book->switches.service_api_off ? "off" : "on");
        fact_number(self, "closed_symbols", book->switches.closed_count);
        fact_number(self, "token", self->token);
        fact_number(self, "open_positions", (uint64_t)figures.open_positions);
        fact_number(self, "live_orders", figures.live_orders);
        fact_number(self, "unknown_orders", figures.unknown_orders);
        fact_number(self, "manual_orders", figures.manual_orders);
}
