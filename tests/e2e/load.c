/*
 * STATE RATE [SECONDS]: a steady load on a running system, RATE alerts a second until SIGTERM (or for
 * SECONDS): pulses, an entry in five and an exit in fifty. Then waits until every alert has come to its
 * end, and holds what the plugin says must have become of them against the broker's own ledger. 0 if
 * nothing was refused, lost or sent twice to the broker, and the slowest answer took less than the
 * three seconds that TradingView would wait. Nobody else may trade at this broker.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "services/umbra/demo/expect.h"
#include "services/umbra/demo/judge.h"
#include "services/umbra/demo/sender.h"
#include "services/umbra/demo/system.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
        ALERTS_MAX = 100000,
        ENTRY_EVERY = 5,
        EXIT_EVERY = 50,
        TURN_MS = 20,
};

#define SLOWEST_US (3 * BUS_US_PER_SEC)
#define SETTLE_US  (30 * BUS_US_PER_SEC) /* of one alert */
#define ASK_US     (5 * BUS_US_PER_SEC)
#define POLL_US    50000

struct load {
        struct demo_system system;
        char *url;
        unsigned int rate, number;
        struct expect_alert alerts[ALERTS_MAX];
        char *bodies[ALERTS_MAX];
        size_t count, sent, resent, refused;
        int64_t slowest_us;
};

static volatile sig_atomic_t is_told;

static void on_term(int number)
{
        (void)number;
        is_told = 1;
}

static char *body(unsigned int n)
{
        static const struct {
                const char *symbol, *price, *stop;
        } charts[] = { { "EURUSD", "1.085", "1.0842" }, { "GBPUSD", "1.27", "1.2692" },
                { "AUDUSD", "0.66", "0.6592" } };
        unsigned int chart = n / ENTRY_EVERY % BUS_COUNT(charts);

        if (n % EXIT_EVERY == EXIT_EVERY - 1)
                return bus_xasprintf(
                        "{\"type\":\"exit_v3\",\"signal_type\":\"Bullish_Exit\","
                        "\"symbol\":\"%s\",\"tf\":\"15\",\"price\":1,\"id\":\"x%d-%u\"}",
                        charts[n / EXIT_EVERY % BUS_COUNT(charts)].symbol, (int)getpid(), n);
        if (n % ENTRY_EVERY)
                return bus_xasprintf(
                        "{\"type\":\"trend_pulse_v3\",\"signal_type\":\"Trend_Pulse\","
                        "\"symbol\":\"XAUUSD\",\"tf\":\"15\",\"price\":2650.5,\"id\":\"p%d-%u\"}",
                        (int)getpid(), n);
        return bus_xasprintf("{\"type\":\"entry_v3\",\"signal_type\":\"Momentum_Breakout\","
                             "\"symbol\":\"%s\",\"direction\":\"buy\",\"tf\":\"15\",\"price\":%s,"
                             "\"sl_price\":%s,\"consensus_score\":5,\"position_multiplier\":0.2,"
                             "\"id\":\"e%d-%u\"}",
                charts[chart].symbol, charts[chart].price, charts[chart].stop, (int)getpid(), n);
}

static void keep(struct load *load, const struct outcome *outcome, const char *text)
{
        struct expect_alert *alert = &load->alerts[load->count];

        if (outcome->fate != FATE_ACCEPTED && outcome->fate != FATE_DUPLICATE) {
                load->refused++;
                printf("refused: status %ld after %u tries\n", outcome->status, outcome->tries);
                return;
        }
        load->bodies[load->count] = bus_xstrdup(text);
        *alert = (struct expect_alert){ .seq = outcome->seq, .body = load->bodies[load->count] };
        strcpy(alert->alert_id, outcome->alert_id);
        load->count++;
}

/* A second's alerts, over connections of their own. */
static void send_some(struct load *load)
{
        struct traffic traffic = { .shots = bus_new_n(struct shot, load->rate),
                .count = load->rate };
        struct sender *sender;

        for (unsigned int i = 0; i < load->rate; i++)
                traffic.shots[i] = (struct shot){ .at_us = i * BUS_US_PER_SEC / load->rate,
                        .kind = SHOT_PULSE,
                        .body = body(load->number++) };
        sender = sender_new(load->url, &traffic);
        while (sender_turn(sender, TURN_MS)) {
        }
        load->sent += sender_counts(sender)->sent;
        load->resent += sender_counts(sender)->resent;
        if (sender_counts(sender)->resent)
                printf("sent again: %zu without an answer (%s), last refused by %ld\n",
                        sender_counts(sender)->unanswered,
                        sender_counts(sender)->why ? sender_counts(sender)->why : "-",
                        sender_counts(sender)->refused_by);
        if (sender_counts(sender)->slowest_us > load->slowest_us)
                load->slowest_us = sender_counts(sender)->slowest_us;
        for (size_t i = 0; i < traffic.count; i++)
                keep(load, sender_outcome(sender, i), traffic.shots[i].body);
        sender_free(sender);
        traffic_done(&traffic);
}

/* The alert's trail, once it has ended; what health said instead is told. */
static json_t *settle_one(const struct load *load, const char *alert_id)
{
        BUS_AUTOFREE char *path = bus_xasprintf("/api/alerts/%s", alert_id);
        int64_t until_us = bus_mono_us() + SETTLE_US;

        for (;;) {
                struct client_answer answer = { 0 };
                char error[256] = "";
                json_t *trail = NULL;
                int r = client_request(&load->system.health, "GET", path, NULL, ASK_US, &answer,
                        error, sizeof(error));

                if (!r && json_is_true(json_object_get(answer.json, "final")))
                        trail = json_incref(answer.json);
                if (!trail && bus_mono_us() > until_us)
                        printf("%s: %s %ld %s\n", alert_id, error, answer.status,
                                bus_buf_str(&answer.body));
                client_answer_done(&answer);
                if (trail || bus_mono_us() > until_us)
                        return trail;
                usleep(POLL_US);
        }
}

static void settle(struct load *load)
{
        for (size_t i = 0; i < load->count; i++)
                load->alerts[i].trail = settle_one(load, load->alerts[i].alert_id);
}

static int judge(struct load *load)
{
        BUS_AUTOFREE char *path =
                bus_xasprintf("%s/mt5-demo/ledger.jsonl", load->system.layout.state);
        BUS_AUTOFREE char *plugins = NULL;
        char error[PLUGIN_ERROR_SIZE] = "";
        struct demo_ledger ledger;
        struct expect_sums sums = { 0 };
        struct judge judge = { 0 };
        int r;

        demo_ledger_init(&ledger, path);
        r = demo_ledger_read(&ledger);
        if (r >= 0)
                r = layout_plugins(&plugins);
        if (!r)
                r = judge_init(&judge, plugins, error);
        if (r < 0)
                printf("cannot judge: %s\n", *error ? error : strerror(-r));
        else
                expect_sum(load->alerts, load->count, &ledger, false, judge_decide, &judge, &sums);
        judge_done(&judge);
        demo_ledger_done(&ledger);
        for (size_t i = 0; i < sums.problem_count; i++)
                printf("! %s\n", sums.problems[i]);
        printf("%zu alerts sent, %zu accepted, %zu refused, %zu sent again, slowest answer %.0f ms; "
               "%zu orders expected, %zu at the broker, %zu lost, %zu too many\n",
                load->sent, load->count, load->refused, load->resent,
                (double)load->slowest_us / 1000, sums.expected, sums.at_broker, sums.lost,
                sums.duplicated);
        return r < 0 || load->refused || load->resent || load->slowest_us >= SLOWEST_US ||
                               !sums.at_broker || sums.lost || sums.duplicated || sums.disagreed ||
                               sums.unfinished || sums.contradicted
                       ? 1
                       : 0;
}

static int open_system(struct load *load, const char *state)
{
        BUS_AUTOFREE char *token = NULL, *url = NULL;
        char error[256] = "";
        int r;

        r = layout_init(&load->system.layout, state);
        if (!r)
                r = client_init(&load->system.health, &load->system.layout, error, sizeof(error));
        if (!r)
                r = client_address(&load->system.layout, "alert-ingest", &url);
        if (!r)
                r = bus_file_read_secret(load->system.layout.webhook_token, &token);
        if (r < 0)
                printf("%s: %s\n", state, *error ? error : strerror(-r));
        else
                load->url = bus_xasprintf("%s/webhook/%s", url, token);
        return r;
}

int main(int argc, char **argv)
{
        static struct load load;
        int64_t until_us;
        int status;

        if (argc < 3 || bus_hash_init() < 0 || open_system(&load, argv[1]) < 0)
                return 2;
        load.rate = (unsigned int)strtoul(argv[2], NULL, 10);
        until_us =
                argc > 3 ? bus_mono_us() + strtoll(argv[3], NULL, 10) * BUS_US_PER_SEC : INT64_MAX;
        signal(SIGTERM, on_term);
        while (!is_told && bus_mono_us() < until_us && load.count + load.rate < ALERTS_MAX)
                send_some(&load);
        settle(&load);
        status = judge(&load);
        for (size_t i = 0; i < load.count; i++) {
                json_decref(load.alerts[i].trail);
                free(load.bodies[i]);
        }
        free(load.url);
        demo_system_done(&load.system);
        return status;
}
