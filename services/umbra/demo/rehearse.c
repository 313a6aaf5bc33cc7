/*
 * umbra rehearse: simulated alerts to a system that runs already, and then the sums of the demo: what
 * the plugins say now of each body held against the demo broker's ledger.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/ids.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "services/umbra/ask.h"
#include "services/umbra/command.h"
#include "services/umbra/demo/demo.h"
#include "services/umbra/options.h"
#include "services/umbra/restart.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ALERTS_MAX 100000
#define RATE_MAX   1000
#define TURN_MS    10
#define FLAT_US    (60 * BUS_US_PER_SEC)
#define SETTLE_US  (90 * BUS_US_PER_SEC)
#define STALL_US   (1 * BUS_US_PER_SEC)
#define QUIET_US   (1500 * BUS_US_PER_MS)
#define ERROR_SIZE 256
/* What mt5-demo calls itself, unless [mt5-demo] terminal_id says otherwise. */
#define DEMO_TERMINAL "mt5-demo"

enum {
        FLAG_WEBHOOK = OPTIONS_FIRST,
        FLAG_CA,
        FLAG_LEDGER,
        FLAG_ALERTS,
        FLAG_RATE,
        FLAG_ORDERS_MIN,
        FLAG_JSON,
};

struct rehearsal {
        const char *webhook, *ca_file, *ledger_path, *json_path;
        size_t alerts, rate, orders_min;
        struct layout *layout;
        struct demo_system system; /* nobody's child: only its layout and its health are used */
        struct traffic traffic;
        struct sender *sender;
        struct switches switches; /* none */
        struct demo_ledger ledger;
        struct demo_results results;
        int64_t ledger_moved_us;
        int64_t stall_us; /* longest this program itself did not run while alerts were due */
};

static int take_number(const char *name, const char *value, size_t most, size_t *ret)
{
        char *end;
        unsigned long number = strtoul(value, &end, 10);

        if (*end || end == value || *value == '-' || number > most) {
                fprintf(stderr, "umbra rehearse: --%s: a number up to %zu, not \"%s\"\n", name,
                        most, value);
                return -EINVAL;
        }
        *ret = number;
        return 0;
}

static int take(void *arg, int option, const char *value)
{
        struct rehearsal *r = arg;

        switch (option) {
        case FLAG_WEBHOOK: r->webhook = value; return 0;
        case FLAG_CA: r->ca_file = value; return 0;
        case FLAG_LEDGER: r->ledger_path = value; return 0;
        case FLAG_JSON: r->json_path = value; return 0;
        case FLAG_ALERTS: return take_number("alerts", value, ALERTS_MAX, &r->alerts);
        case FLAG_RATE: return take_number("rate", value, RATE_MAX, &r->rate);
        default: return take_number("orders-min", value, ALERTS_MAX, &r->orders_min);
        }
}

static int read_ledger(struct rehearsal *rehearsal)
{
        int r = demo_ledger_read(&rehearsal->ledger);

        if (r == 1)
                rehearsal->ledger_moved_us = bus_mono_us();
        if (r < 0)
                fprintf(stderr, "umbra rehearse: %s: %s\n", rehearsal->ledger_path, strerror(-r));
        return r;
}

/* An account without positions, so that each close of the run is of a position of the run. */
static int flatten(struct rehearsal *rehearsal)
{
        int64_t deadline_us = bus_mono_us() + FLAT_US, asked_us = 0;
        int r;

        for (;;) {
                r = read_ledger(rehearsal);
                if (r < 0)
                        return r;
                if (!demo_ledger_open(&rehearsal->ledger) &&
                        bus_mono_us() - rehearsal->ledger_moved_us > QUIET_US)
                        break;
                if (bus_mono_us() > deadline_us) {
                        fputs("umbra rehearse: the account does not become flat\n", stderr);
                        return -ETIMEDOUT;
                }
                if (demo_ledger_open(&rehearsal->ledger) &&
                        bus_mono_us() - asked_us > 5 * BUS_US_PER_SEC) {
                        json_decref(demo_system_post(
                                &rehearsal->system, "/admin/close_all?scope=account"));
                        asked_us = bus_mono_us();
                }
                usleep(100 * 1000);
        }
        demo_ledger_forget(&rehearsal->ledger);
        return 0;
}

/* A ledger may lie there from before; the account that is closed must be the demo broker's all the same. */
static int see_demo(const struct rehearsal *rehearsal)
{
        json_t *status = demo_system_get(&rehearsal->system, "/api/status");
        const json_t *facts =
                json_object_get(restart_service_of(status, "order-executor"), "facts");
        const char *terminal = text_of(facts, "terminal");
        bool is_demo = !strcmp(terminal, DEMO_TERMINAL);

        if (!is_demo)
                fprintf(stderr,
                        "umbra rehearse: the executor's terminal is \"%s\", not \"" DEMO_TERMINAL
                        "\": nothing was sent\n",
                        terminal);
        json_decref(status);
        return is_demo ? 0 : -EPERM;
}

/* The webhook with its token, which no argument holds. */
static char *webhook_url(struct rehearsal *rehearsal)
{
        BUS_AUTOFREE char *token = NULL, *base = NULL;

        if (bus_file_read_secret(rehearsal->layout->webhook_token, &token) < 0)
                return NULL;
        if (rehearsal->webhook)
                base = bus_xstrdup(rehearsal->webhook);
        else if (client_address(rehearsal->layout, "alert-ingest", &base) < 0)
                return NULL;
        return bus_xasprintf("%s/webhook/%s", base, token);
}

static int begin(struct rehearsal *rehearsal)
{
        BUS_AUTOFREE char *url = webhook_url(rehearsal);
        char tag[BUS_ID_SIZE], error[ERROR_SIZE];
        int r;

        if (!url) {
                fprintf(stderr, "umbra rehearse: %s: no token, or no address of the webhook\n",
                        rehearsal->layout->state);
                return -ENOENT;
        }
        r = client_init(&rehearsal->system.health, rehearsal->layout, error, sizeof(error));
        if (r < 0) {
                fprintf(stderr, "umbra rehearse: %s\n", error);
                return r;
        }
        demo_ledger_init(&rehearsal->ledger, rehearsal->ledger_path);
        r = see_demo(rehearsal);
        if (!r)
                r = flatten(rehearsal);
        if (r < 0)
                return r;
        bus_id_new(tag);
        traffic_init(&rehearsal->traffic,
                &(struct traffic_options){
                        .seed = (uint64_t)bus_wall_us(),
                        .count = rehearsal->alerts,
                        .duration_us =
                                (int64_t)(rehearsal->alerts * BUS_US_PER_SEC / rehearsal->rate),
                        .tag = tag + strlen(tag) - 8,
                });
        rehearsal->sender = sender_new(url, &rehearsal->traffic);
        if (rehearsal->ca_file)
                sender_trust(rehearsal->sender, rehearsal->ca_file);
        return 0;
}

static bool none_open(const struct rehearsal *rehearsal)
{
        json_t *status = demo_system_get(&rehearsal->system, "/api/status");
        const json_t *open = json_object_get(json_object_get(status, "alerts"), "open");
        bool none = json_is_integer(open) && !json_integer_value(open);

        json_decref(status);
        return none;
}

/* Whether health knows the end of each alert of which there was an answer. */
static bool all_known(const struct rehearsal *rehearsal)
{
        const struct outcome *last = NULL;
        BUS_AUTOFREE char *path = NULL;
        json_t *trail;
        bool ended;

        for (size_t i = 0; i < rehearsal->traffic.count; i++) {
                const struct outcome *outcome = sender_outcome(rehearsal->sender, i);

                if (outcome->fate == FATE_ACCEPTED && (!last || outcome->seq > last->seq))
                        last = outcome;
        }
        if (!last)
                return true;
        path = bus_xasprintf("/api/alerts/%s", last->alert_id);
        trail = demo_system_get(&rehearsal->system, path);
        ended = json_is_true(json_object_get(trail, "final"));
        json_decref(trail);
        return ended;
}

static int settle(struct rehearsal *rehearsal)
{
        int64_t deadline_us = bus_mono_us() + SETTLE_US;

        while (bus_mono_us() < deadline_us) {
                if (read_ledger(rehearsal) < 0)
                        return -EIO;
                if (bus_mono_us() - rehearsal->ledger_moved_us >= QUIET_US &&
                        none_open(rehearsal) && all_known(rehearsal)) {
                        rehearsal->results.settled = true;
                        break;
                }
                usleep(200 * 1000);
        }
        return 0;
}

static bool check(bool holds, const char *what)
{
        if (!holds)
                printf("  NOT %s\n", what);
        return holds;
}

static bool judge(const struct rehearsal *rehearsal)
{
        const struct demo_results *r = &rehearsal->results;
        bool good = true;

        printf("%zu alerts sent: %zu accepted, %zu seen before, %zu refused as they must be, %zu sent\n"
               "again; the slowest answer took %.0f ms. %zu orders expected, %zu executed by the broker's\n"
               "own ledger: %zu lost, %zu too many (%zu more were stopped by a limit).\n",
                r->sent.sent, r->sent.accepted, r->sent.duplicates, r->sent.rejected,
                r->sent.resent, (double)r->sent.slowest_us / 1000, r->sums.expected,
                r->sums.at_broker, r->sums.lost, r->sums.duplicated, r->sums.excused);
        if (rehearsal->stall_us > STALL_US)
                printf("This machine did not let the sender run for %.1f s: answers may be late by that.\n",
                        (double)rehearsal->stall_us / (double)BUS_US_PER_SEC);
        if (r->sent.why)
                printf("%zu times there was no answer, at last: %s.\n", r->sent.unanswered,
                        r->sent.why);
        if (r->sent.refused_by)
                printf("The newest answer that made it come again was a %ld.\n",
                        r->sent.refused_by);
        good &= check(!r->sent.unknown, "every alert got an answer that settles it");
        good &= check(r->settled, "every accepted alert came to its end");
        good &= check(!r->sums.unfinished, "every trail has its end");
        good &= check(!r->ledger_bad_lines, "the ledger could be read to the last line");
        good &= check(!r->sums.lost, "no order was lost");
        good &= check(!r->sums.duplicated, "no order was executed twice or unasked");
        good &= check(!r->sums.disagreed, "the live decisions are the plugin's own");
        good &= check(!r->sums.contradicted, "trails and ledger tell the same ends");
        good &= check(
                r->sums.at_broker >= rehearsal->orders_min, "enough orders reached the broker");
        for (size_t i = 0; i < r->sums.problem_count; i++)
                printf("  ! %s\n", r->sums.problems[i]);
        puts(good ? "The sums are right." : "The sums are NOT right.");
        return good;
}

static int write_json(const struct rehearsal *rehearsal, bool good)
{
        const struct demo_results *r = &rehearsal->results;
        json_t *json = json_pack(
                "{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:I}", "good", good,
                "alerts_sent", (json_int_t)r->sent.sent, "accepted", (json_int_t)r->sent.accepted,
                "duplicates", (json_int_t)r->sent.duplicates, "rejected",
                (json_int_t)r->sent.rejected, "unknown", (json_int_t)r->sent.unknown, "sent_again",
                (json_int_t)r->sent.resent, "slowest_ms", (double)r->sent.slowest_us / 1000,
                "stalled_ms", (double)rehearsal->stall_us / 1000, "orders_expected",
                (json_int_t)r->sums.expected, "orders_at_broker", (json_int_t)r->sums.at_broker,
                "orders_lost", (json_int_t)r->sums.lost, "orders_duplicated",
                (json_int_t)r->sums.duplicated);
        BUS_AUTOFREE char *text =
                json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
        BUS_AUTOBUF struct bus_buf line = BUS_BUF_INIT;

        json_decref(json);
        bus_require(text);
        if (!strcmp(rehearsal->json_path, "-"))
                return puts(text) < 0 ? -EIO : 0;
        bus_buf_printf(&line, "%s\n", text);
        return bus_file_replace(rehearsal->json_path, 0644, bus_buf_bytes(&line));
}

static int send_all(struct rehearsal *rehearsal)
{
        int64_t before_us = bus_mono_us(), now_us;

        while (sender_turn(rehearsal->sender, TURN_MS)) {
                if (read_ledger(rehearsal) < 0)
                        return -EIO;
                now_us = bus_mono_us();
                if (now_us - before_us > rehearsal->stall_us)
                        rehearsal->stall_us = now_us - before_us;
                before_us = now_us;
        }
        return 0;
}

static int play(struct rehearsal *rehearsal)
{
        bool good;
        int r;

        r = send_all(rehearsal);
        if (!r)
                r = settle(rehearsal);
        if (r < 0)
                return r;
        r = demo_sums(
                &(struct demo_evidence){
                        .system = &rehearsal->system,
                        .traffic = &rehearsal->traffic,
                        .sender = rehearsal->sender,
                        .ledger = &rehearsal->ledger,
                        .switches = &rehearsal->switches,
                },
                &rehearsal->results);
        if (r < 0)
                return r;
        good = judge(rehearsal);
        if (rehearsal->json_path)
                r = write_json(rehearsal, good);
        return r < 0 ? r : good ? 0 : -EBADMSG;
}

int umbra_rehearse(int argc, char **argv)
{
        static const struct option own[] = { { "webhook", required_argument, NULL, FLAG_WEBHOOK },
                { "ca", required_argument, NULL, FLAG_CA },
                { "ledger", required_argument, NULL, FLAG_LEDGER },
                { "alerts", required_argument, NULL, FLAG_ALERTS },
                { "rate", required_argument, NULL, FLAG_RATE },
                { "orders-min", required_argument, NULL, FLAG_ORDERS_MIN },
                { "json", required_argument, NULL, FLAG_JSON }, { 0 } };
        struct rehearsal rehearsal = { .alerts = 100, .rate = 10, .orders_min = 10 };
        struct options options = {
                .own = own,
                .take = take,
                .arg = &rehearsal,
                .usage =
                        "usage: umbra rehearse [--alerts N] [--rate N] [--webhook URL [--ca FILE]]\n"
                        "                      [--ledger FILE] [--orders-min N] [--json FILE] [--state DIR]\n"
                        "\n"
                        "Sends N simulated alerts (100), --rate a second (10), to a system that trades\n"
                        "with mt5-demo and no other terminal, waits until all have ended, and holds what\n"
                        "the plugins say of each against the demo broker's ledger. Closes the account's\n"
                        "positions first.\n"
                        "Exit 0 only if all was processed, nothing lost and nothing done twice, and the\n"
                        "broker has executed --orders-min (10).\n"
                        "\n"
                        "example: umbra rehearse --webhook https://127.0.0.1:8443 --ca edge.crt\n"
        };
        BUS_AUTOFREE char *ledger = NULL;
        int status, r;

        status = options_parse(&options, argc, argv);
        if (status >= 0)
                return status;
        rehearsal.layout = &options.layout;
        if (!rehearsal.ledger_path)
                rehearsal.ledger_path = ledger =
                        layout_path(options.layout.state, "mt5-demo/ledger", ".jsonl");
        if (!rehearsal.rate || bus_hash_init() < 0) {
                options_done(&options);
                return UMBRA_USAGE;
        }
        r = begin(&rehearsal);
        if (!r)
                r = play(&rehearsal);
        sender_free(rehearsal.sender);
        traffic_done(&rehearsal.traffic);
        demo_ledger_done(&rehearsal.ledger);
        client_done(&rehearsal.system.health);
        options_done(&options);
        return r < 0 ? UMBRA_FAILED : UMBRA_DONE;
}
