#include "services/umbra/demo/expect.h"

#include "libbus/base/require.h"
#include "services/order-executor/core/ids.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* The body is the decision itself: these tests are about the sums, not the rules. */
static json_t *decide(void *arg, const char *plugin, const char *body, const json_t *context)
{
        (void)arg;
        (void)plugin;
        (void)context;
        return json_loads(body, 0, NULL);
}

static const char entry[] =
        "{\"verdict\":\"execute\",\"symbol\":\"EURUSD\",\"closes\":[],\"legs\":["
        "{\"leg\":\"A\",\"side\":\"buy\"},{\"leg\":\"B\",\"side\":\"buy\"}]}";
static const char leave[] = "{\"verdict\":\"execute\",\"symbol\":\"EURUSD\",\"legs\":[],"
                            "\"closes\":[{\"side\":\"buy\"}]}";

#define ENTRY_ID "01M82JE45D3KG6YD6SCCBYDGNB"
#define EXIT_ID  "01M82JE45D3KG6YD6SCCBYDGNC"

static struct expect_alert alert_of(
        const char *id, uint64_t seq, const char *body, const char *outcome)
{
        struct expect_alert alert = { .seq = seq, .body = body };

        strcpy(alert.alert_id, id);
        alert.trail = json_pack("{s:b, s:s, s:I, s:{s:s}}", "final", 1, "outcome", outcome,
                "done_us", (json_int_t)1000, "decision", "verdict", "execute");
        cr_assert_not_null(alert.trail);
        return alert;
}

struct book {
        struct demo_ledger ledger;
        struct ledger_order orders[16];
        struct ledger_position positions[16];
};

static void book_init(struct book *book)
{
        *book = (struct book){ 0 };
        book->ledger.orders = book->orders;
        book->ledger.positions = book->positions;
}

static struct ledger_order *fill(struct book *book, const char *id)
{
        struct ledger_order *order = &book->orders[book->ledger.order_count++];

        strcpy(order->cl_ord_id, id);
        order->requests = 1;
        order->deals = 1;
        order->asked_e8 = order->done_e8 = 1;
        return order;
}

static struct ledger_position *open_leg(struct book *book, const char *leg, uint64_t ticket)
{
        struct ledger_position *position = &book->positions[book->ledger.position_count++];

        ex_id_leg(ENTRY_ID, "v3", leg, position->opened_by);
        fill(book, position->opened_by)->positions = 1;
        position->ticket = ticket;
        position->is_buy = true;
        return position;
}

static void close_leg(struct book *book, struct ledger_position *position)
{
        ex_id_close(EXIT_ID, "v3", position->ticket, 1, position->closed_by);
        position->end = LEDGER_CLOSED_BY_ORDER;
        fill(book, position->closed_by)->closes = true;
}

/* What the trail tells of one order. */
static void tell(struct expect_alert *alert, const char *cl_ord_id, const char *state)
{
        json_t *trades = json_object_get(alert->trail, "trades");

        if (!trades) {
                trades = json_array();
                json_object_set_new(alert->trail, "trades", trades);
        }
        json_array_append_new(trades, json_pack("{s:s, s:s, s:s}", "event", "received", "cl_ord_id",
                                              cl_ord_id, "state", state));
}

static struct expect_sums sum_up(struct book *book, const char *entry_outcome, bool with_exit)
{
        struct expect_alert alerts[] = { alert_of(EXIT_ID, 2, leave, "filled"),
                alert_of(ENTRY_ID, 1, entry, entry_outcome) };
        struct expect_sums sums;

        expect_sum(with_exit ? alerts : alerts + 1, with_exit ? 2 : 1, &book->ledger, false, decide,
                NULL, &sums);
        json_decref(alerts[0].trail);
        json_decref(alerts[1].trail);
        return sums;
}

Test(expect, finds_nothing_wrong_where_all_was_done_once)
{
        struct expect_sums sums;
        struct book book;

        book_init(&book);
        close_leg(&book, open_leg(&book, "A", 1));
        close_leg(&book, open_leg(&book, "B", 2));
        sums = sum_up(&book, "filled", true);
        cr_expect_eq(sums.expected, 4);
        cr_expect_eq(sums.at_broker, 4);
        cr_expect_eq(sums.lost + sums.duplicated + sums.disagreed + sums.unfinished, 0);
}

Test(expect, finds_a_lost_leg_and_a_lost_close)
{
        struct expect_sums sums;
        struct book book;

        book_init(&book);
        open_leg(&book, "A", 1);
        sums = sum_up(&book, "filled", true);
        cr_expect_eq(sums.lost, 2, "leg B, and the close of ticket 1");
        cr_expect_eq(sums.duplicated, 0);
}

Test(expect, finds_what_nobody_asked_for_and_what_was_done_twice)
{
        struct expect_sums sums;
        struct book book;

        book_init(&book);
        open_leg(&book, "A", 1);
        open_leg(&book, "B", 2);
        fill(&book, "ZZZZZZZZZZZZZZZZ");
        demo_ledger_order(&book.ledger, book.positions[0].opened_by);
        book.orders[0].done_e8 = 2;
        sums = sum_up(&book, "filled", false);
        cr_expect_eq(sums.lost, 0);
        cr_expect_eq(sums.duplicated, 2);
}

Test(expect, excuses_what_was_refused_unless_the_ledger_contradicts)
{
        struct expect_sums sums;
        struct book book;

        book_init(&book);
        sums = sum_up(&book, "expired", false);
        cr_expect_eq(sums.expected, 0);
        cr_expect_eq(sums.excused, 2);
        open_leg(&book, "A", 1);
        sums = sum_up(&book, "expired", false);
        cr_expect_eq(sums.expected, 1);
        cr_expect_eq(sums.excused, 1);
        cr_expect_eq(sums.lost + sums.duplicated, 0);
}

Test(expect, wants_no_close_of_what_a_stop_had_closed)
{
        struct ledger_position *position;
        struct expect_sums sums;
        struct book book;

        book_init(&book);
        close_leg(&book, open_leg(&book, "A", 1));
        position = open_leg(&book, "B", 2);
        position->end = LEDGER_CLOSED_BY_STOP;
        position->closed_us = 999;
        cr_expect_eq(sum_up(&book, "filled", true).lost, 0);
        position->closed_us = 1001; /* the exit was through by then, and had left it open */
        sums = sum_up(&book, "filled", true);
        cr_expect_eq(sums.lost, 1);
}

/* The first close was refused and the next one went through; and REFUSED by the broker ends a leg,
 * where it was made to refuse. */
static struct expect_sums sum_with_refused_close(bool faults)
{
        struct expect_alert alerts[] = { alert_of(EXIT_ID, 2, leave, "filled"),
                alert_of(ENTRY_ID, 1, entry, "partly") };
        struct ledger_position *position;
        char id[CL_ORD_ID_SIZE];
        struct expect_sums sums;
        struct book book;

        book_init(&book);
        position = open_leg(&book, "A", 1);
        tell(&alerts[1], position->opened_by, "filled");
        ex_id_leg(ENTRY_ID, "v3", "B", id);
        tell(&alerts[1], id, "rejected");
        ex_id_close(EXIT_ID, "v3", 1, 1, id);
        tell(&alerts[0], id, "rejected");
        ex_id_close(EXIT_ID, "v3", 1, 2, position->closed_by);
        position->end = LEDGER_CLOSED_BY_ORDER;
        fill(&book, position->closed_by)->closes = true;
        tell(&alerts[0], position->closed_by, "filled");
        expect_sum(alerts, 2, &book.ledger, faults, decide, NULL, &sums);
        json_decref(alerts[0].trail);
        json_decref(alerts[1].trail);
        return sums;
}

Test(expect, takes_a_rejection_for_an_end_only_where_the_broker_was_made_to_reject)
{
        struct expect_sums sums = sum_with_refused_close(true);

        cr_expect_eq(sums.expected, 2);
        cr_expect_eq(sums.lost + sums.duplicated + sums.contradicted, 0);
        sums = sum_with_refused_close(false);
        cr_expect_eq(sums.lost, 2, "leg B, and the first close");
        cr_expect_eq(sums.duplicated, 1, "the second close");
}

Test(expect, finds_a_trail_that_the_ledger_contradicts)
{
        struct expect_alert alert = alert_of(ENTRY_ID, 1, entry, "filled");
        struct expect_sums sums;
        char id[CL_ORD_ID_SIZE];
        struct book book;

        book_init(&book);
        tell(&alert, open_leg(&book, "A", 1)->opened_by, "rejected");
        ex_id_leg(ENTRY_ID, "v3", "B", id);
        tell(&alert, id, "filled");
        expect_sum(&alert, 1, &book.ledger, true, decide, NULL, &sums);
        json_decref(alert.trail);
        cr_expect_eq(sums.contradicted, 2);
        cr_expect_eq(sums.lost, 1);
}

Test(expect, takes_a_close_that_came_too_late_for_done)
{
        struct expect_alert alerts[] = { alert_of(EXIT_ID, 2, leave, "filled"),
                alert_of(ENTRY_ID, 1, entry, "filled") };
        struct ledger_position *position;
        struct ledger_order *order;
        struct expect_sums sums;
        char id[CL_ORD_ID_SIZE];
        struct book book;

        book_init(&book);
        open_leg(&book, "A", 1);
        position = open_leg(&book, "B", 2);
        book.positions[0].end = position->end = LEDGER_CLOSED_BY_TARGET;
        ex_id_close(EXIT_ID, "v3", 2, 1, id);
        order = fill(&book, id);
        *order = (struct ledger_order){ .requests = 1, .asked_e8 = 1, .closes = true };
        strcpy(order->cl_ord_id, id);
        tell(&alerts[0], id, "filled");
        json_object_set_new(json_array_get(json_object_get(alerts[0].trail, "trades"), 0), "reason",
                json_string("already_closed"));
        expect_sum(alerts, 2, &book.ledger, false, decide, NULL, &sums);
        json_decref(alerts[0].trail);
        json_decref(alerts[1].trail);
        cr_expect_eq(sums.contradicted + sums.lost + sums.duplicated, 0);
}

#define REVERSAL_ID "01M82JE45D3KG6YD6SCCBYDGP0"

/* An exit behind a reversal has closed TICKET 1 at CLOSED_US; the reversal was through at 500. */
static struct expect_sums sum_with_overtaken_reversal(int64_t closed_us)
{
        struct expect_alert alerts[] = { alert_of(ENTRY_ID, 1, entry, "filled"),
                alert_of(REVERSAL_ID, 2, leave, "filled"), alert_of(EXIT_ID, 3, leave, "filled") };
        struct ledger_position *position;
        struct expect_sums sums;
        struct book book;

        json_object_set_new(alerts[1].trail, "done_us", json_integer(500));
        book_init(&book);
        for (uint64_t ticket = 1; ticket <= 2; ticket++) {
                position = open_leg(&book, ticket == 1 ? "A" : "B", ticket);
                close_leg(&book, position);
                position->closed_us = closed_us;
        }
        expect_sum(alerts, 3, &book.ledger, false, decide, NULL, &sums);
        for (size_t i = 0; i < 3; i++)
                json_decref(alerts[i].trail);
        return sums;
}

Test(expect, lets_an_exit_overtake_a_reversal_but_not_make_up_for_one)
{
        struct expect_sums sums = sum_with_overtaken_reversal(400);

        cr_expect_eq(sums.lost + sums.duplicated, 0);
        sums = sum_with_overtaken_reversal(600);
        cr_expect_eq(sums.lost, 2, "the reversal was through and had closed nothing");
        cr_expect_eq(sums.duplicated, 2);
}
