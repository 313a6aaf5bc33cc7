#include "services/umbra/deploy/rehearse.h"

#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "services/umbra/ask.h"
#include "services/umbra/demo/ledger.h"
#include "services/umbra/demo/sender.h"
#include "services/umbra/deploy/logs.h"
#include "services/umbra/restart.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TURN_MS       20
#define ALERTS_A_S    20                    /* brisk, and nobody's limit */
#define END_WITHIN_US (60 * BUS_US_PER_SEC) /* what is UNKNOWN is MANUAL by then */
#define POLL_US       (50 * BUS_US_PER_MS)
#define ORDERS_MAX    512 /* of one alert: an exit closes each position */

struct play {
        const struct layout *layout;
        const struct client *health;
        struct demo_ledger ledger;
        struct rehearsal *sums;
        char *error;
        size_t error_size;
};

static int webhook_of(const struct layout *layout, char **ret_url)
{
        BUS_AUTOFREE char *url = NULL, *token = NULL;
        int r;

        r = client_address(layout, "alert-ingest", &url);
        if (!r)
                r = bus_file_read_secret(layout->webhook_token, &token);
        if (!r)
                *ret_url = bus_xasprintf("%s/webhook/%s", url, token);
        return r;
}

/* The trail of an alert that has ended; NULL: not in time. The caller owns it. */
static json_t *trail_of(const struct play *play, const char *alert_id, int64_t until_us)
{
        BUS_AUTOFREE char *path = bus_xasprintf("/api/alerts/%s", alert_id);

        for (;;) {
                json_t *trail = restart_get(play->health, path);

                if (json_is_true(json_object_get(trail, "final")))
                        return trail;
                json_decref(trail);
                if (bus_mono_us() > until_us)
                        return NULL;
                usleep(POLL_US);
        }
}

/* The newest state that the trail tells of an order. */
static const char *state_of(const json_t *trades, const char *cl_ord_id)
{
        const char *state = "";

        for (size_t i = 0; i < json_array_size(trades); i++) {
                const json_t *trade = json_array_get(trades, i);
                const json_t *value = json_object_get(trade, "state");

                if (json_is_string(value) && !strcmp(text_of(trade, "cl_ord_id"), cl_ord_id))
                        state = json_string_value(value);
        }
        return state;
}

static bool is_first_of(const json_t *trades, size_t n)
{
        const char *id = text_of(json_array_get(trades, n), "cl_ord_id");

        for (size_t i = 0; i < n; i++) {
                const json_t *other = json_object_get(json_array_get(trades, i), "cl_ord_id");

                if (json_is_string(other) && !strcmp(json_string_value(other), id))
                        return false;
        }
        return true;
}

/* An order as our books tell it, held against the broker's. */
static int hold_order(struct play *play, const char *alert_id, const char *id, const char *state)
{
        const struct ledger_order *order = demo_ledger_order(&play->ledger, id);
        bool is_executed = !strcmp(state, "filled") || !strcmp(state, "partial");
        bool has_deal = order && order->deals;

        play->sums->orders++;
        play->sums->executed += has_deal;
        if (!play->sums->has_ledger ||
                (is_executed == has_deal && (!order || order->positions <= 1)))
                return 0;
        snprintf(play->error, play->error_size,
                "alert %s: order %s is %s here, and the broker has %u deals and %u positions of it",
                alert_id, id, *state ? state : "nowhere", order ? order->deals : 0,
                order ? order->positions : 0);
        return -EBADMSG;
}

static int hold_alert(struct play *play, const char *alert_id, int64_t until_us)
{
        json_t *trail = trail_of(play, alert_id, until_us);
        const json_t *trades = json_object_get(trail, "trades");
        int r = trail ? 0 : -ETIMEDOUT;

        if (!trail)
                snprintf(play->error, play->error_size, "alert %s has not come to its end",
                        alert_id);
        for (size_t i = 0; !r && i < json_array_size(trades) && i < ORDERS_MAX; i++) {
                const json_t *id = json_object_get(json_array_get(trades, i), "cl_ord_id");

                if (json_is_string(id) && *json_string_value(id) && is_first_of(trades, i))
                        r = hold_order(play, alert_id, json_string_value(id),
                                state_of(trades, json_string_value(id)));
        }
        json_decref(trail);
        return r;
}

/* Every alert was answered as it must be; what was taken has ended, and the ledger agrees. */
static int judge(struct play *play, const struct traffic *traffic, const struct sender *sender)
{
        int64_t until_us = bus_mono_us() + END_WITHIN_US;
        int r = 0;

        for (size_t i = 0; !r && i < traffic->count; i++) {
                const struct outcome *outcome = sender_outcome(sender, i);
                bool is_bad = traffic->shots[i].kind == SHOT_BAD ||
                              traffic->shots[i].kind == SHOT_STRANGER;

                if ((outcome->fate == FATE_REJECTED) != is_bad || outcome->fate == FATE_UNKNOWN) {
                        snprintf(play->error, play->error_size,
                                "alert %zu of the rehearsal was answered %ld", i + 1,
                                outcome->status);
                        return -EBADMSG;
                }
                if (outcome->fate == FATE_ACCEPTED)
                        r = hold_alert(play, outcome->alert_id, until_us);
        }
        return r;
}

static void count(struct rehearsal *sums, const struct sender_counts *counts)
{
        sums->sent = counts->sent;
        sums->accepted = counts->accepted;
        sums->duplicates = counts->duplicates;
        sums->rejected = counts->rejected;
        sums->slowest_us = counts->slowest_us;
}

/* The first pass waits for the ends, so that the ledger that is then read has all of them. */
static int play_through(struct play *play, const char *url, const struct traffic *traffic)
{
        struct sender *sender = sender_new(url, traffic);
        bool has_ledger;
        int r;

        while (sender_turn(sender, TURN_MS))
                continue;
        r = judge(play, traffic, sender);
        if (!r) {
                has_ledger = demo_ledger_read(&play->ledger) >= 0;
                *play->sums = (struct rehearsal){ .has_ledger = has_ledger };
                r = judge(play, traffic, sender);
        }
        count(play->sums, sender_counts(sender));
        sender_free(sender);
        return r;
}

int rehearse(const struct layout *layout, const struct client *health, unsigned int alerts,
        struct rehearsal *ret, char *error, size_t error_size)
{
        BUS_AUTOFREE char *ledger = bus_xasprintf("%s/mt5-demo/ledger.jsonl", layout->state);
        BUS_AUTOFREE char *url = NULL, *tag = NULL;
        struct play play = { .layout = layout,
                .health = health,
                .sums = ret,
                .error = error,
                .error_size = error_size };
        int64_t now_us = bus_wall_us();
        struct traffic traffic;
        struct logs logs;
        int r;

        *ret = (struct rehearsal){ 0 };
        r = webhook_of(layout, &url);
        if (r < 0) {
                snprintf(error, error_size, "the webhook: %s", strerror(-r));
                return r;
        }
        tag = bus_xasprintf("rehearsal-%lld", (long long)now_us);
        demo_ledger_init(&play.ledger, ledger);
        logs_mark(layout, &logs);
        traffic_init(&traffic, &(struct traffic_options){ .seed = (uint64_t)now_us,
                                       .count = alerts,
                                       .duration_us = (int64_t)alerts * BUS_US_PER_SEC / ALERTS_A_S,
                                       .tag = tag });
        r = play_through(&play, url, &traffic);
        traffic_done(&traffic);
        demo_ledger_done(&play.ledger);
        if (!r && logs_error(layout, &logs, error, error_size))
                r = -EBADMSG;
        if (!r && !ret->executed && ret->has_ledger) {
                snprintf(error, error_size,
                        "of %zu alerts no order was executed: that proves nothing; look at the caps",
                        ret->accepted);
                r = -EBADMSG;
        }
        return r;
}
