/*
 * umbra demo: the whole system on a state folder of its own, under a stream of alerts and kills, and
 * then the sums, made from the broker's ledger.
 */
#include "services/umbra/demo/demo.h"

#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "services/umbra/command.h"
#include "services/umbra/demo/latest.h"
#include "services/umbra/listen.h"
#include "services/umbra/options.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define ALERTS      630
#define DURATION_US (42 * BUS_US_PER_SEC)  /* 42 bursts, one at the beginning of each second */
#define SETTLE_US   (90 * BUS_US_PER_SEC)  /* longest wait until all alerts have ended */
#define QUIET_US    (1500 * BUS_US_PER_MS) /* the ledger must have stood still so long */
#define READY_US    (60 * BUS_US_PER_SEC)
/* Twenty of them, in all phases of the bursts. */
#define SWITCHES_FROM_US  (12 * BUS_US_PER_SEC)
#define SWITCHES_EVERY_US (1150 * BUS_US_PER_MS)
#define SWITCHES_UNTIL_US (60 * BUS_US_PER_SEC)
#define TURN_MS           10
#define ERROR_SIZE        512
#define SETS_MAX          32
#define CHAOS_FROM_US     (2 * BUS_US_PER_SEC)
#define CHAOS_TO_US       (38 * BUS_US_PER_SEC)
/* All is well so long without a pause: then the sums may be made. */
#define READY_AFTER_CHAOS_US (30 * BUS_US_PER_SEC)

/* Room for a hundred orders: an account, limits and caps that a real trader would set lower. */
static const char *const sets[] = {
        "alert-ingest.listen=127.0.0.1:0",
        "health.listen=127.0.0.1:0",
        "health.gate_window=5s", /* a real one takes days */
        "health.gate_decisions=20",
        "mt5-demo.balance=250000",
        "risk.max_open_positions=400",
        "risk.daily_cap=20000",
        "risk.lifetime_cap=40000",
        "mt5-demo.volatility=4",
        NULL,
};

/* Each in the middle of a burst. */
#define IN_BURST(second) ((second)*BUS_US_PER_SEC + 150 * BUS_US_PER_MS)
static const struct kill_plan kill_plan[] = {
        { IN_BURST(4), "strategy-v3" },
        { IN_BURST(7), "order-executor" },
        { IN_BURST(11), "alert-ingest" },
        { IN_BURST(15), "mt5-demo" },
        { IN_BURST(18), "order-executor" },
        { IN_BURST(22), "health" },
        { IN_BURST(25), "strategy-v3-shadow" },
        { IN_BURST(28), "telegram-analytics" },
        { IN_BURST(30), "alert-ingest" },
        { IN_BURST(32), "telegram-notify" },
        { IN_BURST(34), "strategy-v3" },
        { IN_BURST(36), "telegram-controller" },
        { IN_BURST(38), "mt5-demo" },
        { 0 },
};

struct demo {
        bool once, keep, is_chaos;
        const char *json_path, *bots_path;
        uint64_t seed;
        char state[64], bots_folder[80];
        struct demo_system system;
        struct traffic traffic;
        struct sender *sender;
        struct kills kills;
        struct switches switches;
        struct chaos_play chaos;
        struct bots bots;
        char listen[2][64]; /* chaos: addresses that outlive umbra up */
        const char *sets[SETS_MAX];
        struct demo_ledger ledger;
        struct report report;
        struct demo_results results;
        int64_t started_us, ledger_moved_us;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
        (void)number;
        interrupted = 1;
}

/* ---- while it runs ---- */

static void show(struct demo *demo)
{
        const struct sender_counts *counts = sender_counts(demo->sender);

        if (demo_ledger_read(&demo->ledger) == 1)
                demo->ledger_moved_us = bus_mono_us();
        latest_turn(&demo->system, &demo->report);
        report_figures(&demo->report, &(struct report_figures){
                                              .alerts_total = demo->traffic.count,
                                              .sent = counts->sent,
                                              .accepted = counts->accepted,
                                              .duplicates = counts->duplicates,
                                              .rejected = counts->rejected,
                                              .resent = counts->resent,
                                              .slowest_us = counts->slowest_us,
                                              .at_broker = demo_ledger_executed(&demo->ledger),
                                              .open_positions = demo_ledger_open(&demo->ledger),
                                              .balance_cents = demo->ledger.balance_cents,
                                              .kills = demo->kills.count,
                                      });
}

static void tell_kill(struct demo *demo, const struct kill_done *kill)
{
        if (!kill)
                return;
        if (kill->back_us)
                report_event(&demo->report, "%s is back at work after %lld ms", kill->service,
                        (long long)((kill->back_us - kill->at_us) / BUS_US_PER_MS));
        else
                report_event(&demo->report, "kill -9 %s (pid %d)", kill->service, (int)kill->pid);
}

static void switch_when_due(struct demo *demo)
{
        int64_t now_us = bus_mono_us() - demo->started_us;
        bool quiet = !demo->kills.count || demo->kills.done[demo->kills.count - 1].back_us;

        /* A switch asked of a service that is just being started would time the start. */
        if (quiet)
                switches_turn(&demo->switches, &demo->system, &demo->report, now_us);
}

/* They are done while alerts come in, but for the last of them at most. */
static bool switches_wait(const struct demo *demo)
{
        return !switches_over(&demo->switches) &&
               bus_mono_us() - demo->started_us < SWITCHES_UNTIL_US;
}

static int play(struct demo *demo)
{
        bool sending = true;

        demo->report.phase = "alerts come in, services are killed";
        while (!interrupted && (sending || !kills_over(&demo->kills) || switches_wait(demo) ||
                                       !bots_over(&demo->bots))) {
                if (!demo_system_runs(&demo->system))
                        return -ESRCH;
                sending = sender_turn(demo->sender, TURN_MS);
                if (!sending)
                        usleep(TURN_MS * 1000);
                tell_kill(demo, kills_turn(&demo->kills, &demo->system, &demo->ledger));
                switch_when_due(demo);
                bots_turn(&demo->bots, &demo->report, bus_mono_us() - demo->started_us);
                show(demo);
        }
        return interrupted ? -EINTR : 0;
}

/* ---- chaos ---- */

static struct demo_system_options system_options(const struct demo *demo)
{
        return (struct demo_system_options){
                .state = demo->state, .sets = demo->sets, .ready_within_us = READY_US
        };
}

static int restart(struct demo *demo)
{
        struct demo_system_options options = system_options(demo);
        int64_t before_us = bus_mono_us();
        char error[ERROR_SIZE];
        int r;

        r = demo_system_again(&demo->system, &options, error, sizeof(error));
        demo->chaos.restart = false;
        if (r < 0)
                fprintf(stderr, "umbra demo: %s\n", error);
        else
                report_event(&demo->report, "all is up again after %lld ms",
                        (long long)((bus_mono_us() - before_us) / BUS_US_PER_MS));
        return r;
}

static int play_chaos(struct demo *demo)
{
        const struct chaos_event *event;
        bool sending = true;
        char text[128];
        int r;

        demo->report.phase = "alerts come in, everything goes wrong";
        while (!interrupted && (sending || !chaos_play_over(&demo->chaos))) {
                if (!demo_system_runs(&demo->system))
                        return -ESRCH;
                sending = sender_turn(demo->sender, TURN_MS);
                if (!sending)
                        usleep(TURN_MS * 1000);
                event = chaos_play_turn(&demo->chaos, &demo->system);
                if (event)
                        report_event(&demo->report, "%s", chaos_describe(event, text));
                r = demo->chaos.restart ? restart(demo) : 0;
                if (r < 0)
                        return r;
                show(demo);
        }
        return interrupted ? -EINTR : 0;
}

static bool is_ready(const struct demo *demo)
{
        json_t *answer = demo_system_get(&demo->system, "/readyz");

        json_decref(answer);
        return answer;
}

/* No more faults, and every service is back. */
static int rest(struct demo *demo)
{
        int64_t deadline_us = bus_mono_us() + READY_AFTER_CHAOS_US;

        demo->report.phase = "waiting until all services are back";
        while (chaos_play_clear(&demo->system) < 0 || !is_ready(demo)) {
                if (bus_mono_us() > deadline_us) {
                        fputs("umbra demo: not all services came back\n", stderr);
                        return -ETIMEDOUT;
                }
                usleep(100 * 1000);
        }
        demo->results.broken += (size_t)demo->chaos.broken;
        return interrupted ? -EINTR : 0;
}

/* ---- the end ---- */

static bool all_ended(const struct demo *demo)
{
        json_t *status = demo_system_get(&demo->system, "/api/status");
        const json_t *alerts = json_object_get(status, "alerts");
        bool ended = status && !json_integer_value(json_object_get(alerts, "open")) &&
                     (size_t)json_integer_value(json_object_get(alerts, "known")) >=
                             sender_counts(demo->sender)->accepted;

        json_decref(status);
        return ended;
}

static int settle(struct demo *demo)
{
        int64_t deadline_us = bus_mono_us() + SETTLE_US;

        demo->report.phase = "waiting until every alert has come to its end";
        while (!interrupted && bus_mono_us() < deadline_us) {
                show(demo);
                if (bus_mono_us() - demo->ledger_moved_us >= QUIET_US && all_ended(demo)) {
                        demo->results.settled = true;
                        return 0;
                }
                usleep(50 * 1000);
        }
        return interrupted ? -EINTR : 0;
}

static int sum_up(struct demo *demo)
{
        struct demo_results *results = &demo->results;
        double slowest[2];

        results->kills = demo->is_chaos ? demo->chaos.kills : demo->kills.count;
        bots_count(&demo->bots, &results->bots);
        results->switches = demo->switches.count;
        results->cutover_ms = switches_ms(&demo->switches, true, &slowest[0]);
        results->rollback_ms = switches_ms(&demo->switches, false, &slowest[1]);
        results->slowest_switch_ms = slowest[0] > slowest[1] ? slowest[0] : slowest[1];
        results->catch_up_us = demo->is_chaos ? -1 : kills_longest_us(&demo->kills);
        return demo_sums(
                &(struct demo_evidence){
                        .system = &demo->system,
                        .traffic = &demo->traffic,
                        .sender = demo->sender,
                        .ledger = &demo->ledger,
                        .switches = &demo->switches,
                        .is_chaos = demo->is_chaos,
                },
                results);
}

static int write_json(const struct demo *demo)
{
        json_t *json = demo_json(&demo->results);
        BUS_AUTOFREE char *text =
                json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
        BUS_AUTOBUF struct bus_buf line = BUS_BUF_INIT;
        int r;

        json_decref(json);
        bus_require(text);
        bus_buf_printf(&line, "%s\n", text);
        r = bus_file_replace(demo->json_path, 0644, bus_buf_bytes(&line));
        if (r < 0)
                fprintf(stderr, "umbra demo: %s: %s\n", demo->json_path, strerror(-r));
        return r;
}

/* ---- the show ---- */

/* A port nobody has now: umbra up takes it again each time it is started. */
static void choose_listen(const char *section, char *ret_set, size_t size)
{
        uint16_t port = 0;
        int fd;

        if (listen_open("127.0.0.1", 0, &fd, &port) == 0)
                close(fd);
        snprintf(ret_set, size, "%s.listen=127.0.0.1:%u", section, (unsigned int)port);
}

static void choose_sets(struct demo *demo)
{
        size_t count = 0;

        for (; sets[count]; count++)
                demo->sets[count] = sets[count];
        demo->sets[count++] = demo->is_chaos ? "health.gate=off" : "health.gate=on";
        for (size_t i = 0; demo->bots.sets[i]; i++)
                demo->sets[count++] = demo->bots.sets[i];
        if (!demo->is_chaos)
                return;
        choose_listen("alert-ingest", demo->listen[0], sizeof(demo->listen[0]));
        choose_listen("health", demo->listen[1], sizeof(demo->listen[1]));
        demo->sets[count++] = demo->listen[0];
        demo->sets[count++] = demo->listen[1];
}

static int begin(struct demo *demo)
{
        char error[ERROR_SIZE] = "";
        BUS_AUTOFREE char *path = NULL;
        struct demo_system_options options;
        int r;

        demo->report.phase = "starting the system";
        report_event(&demo->report, "the whole system starts in %s", demo->state);
        r = bots_start(&demo->bots, demo->is_chaos ? NULL : demo->bots_path, demo->bots_folder);
        if (r < 0)
                return r;
        choose_sets(demo);
        options = system_options(demo);
        r = demo_system_start(&demo->system, &options, error, sizeof(error));
        if (r < 0) {
                fprintf(stderr, "umbra demo: %s\n", error);
                return r;
        }
        report_event(&demo->report, "all services are ready: %s", demo->system.health.url);
        if (!demo->is_chaos)
                report_event(&demo->report,
                        "the gate asks for 5 s and 20 decisions here, else 72 h and 100");
        path = bus_xasprintf("%s/mt5-demo/ledger.jsonl", demo->state);
        demo_ledger_init(&demo->ledger, path);
        traffic_init(&demo->traffic, &(struct traffic_options){
                                             .seed = demo->seed,
                                             .count = ALERTS,
                                             .duration_us = DURATION_US,
                                             .tag = strrchr(demo->state, '-') + 1,
                                     });
        demo->sender = sender_new(demo->system.webhook, &demo->traffic);
        demo->started_us = demo->ledger_moved_us = bus_mono_us();
        kills_init(&demo->kills, kill_plan);
        chaos_play_init(&demo->chaos, demo->seed, CHAOS_FROM_US, CHAOS_TO_US);
        switches_init(&demo->switches, SWITCHES_FROM_US, SWITCHES_EVERY_US);
        return 0;
}

static void stay(struct demo *demo)
{
        printf("\nIt stays up until Ctrl-C.\n  health   %s/health\n  status   umbra status --state %s\n"
               "  alerts   %s/api/alerts?since=10m\n  webhook  %s\n",
                demo->system.health.url, demo->state, demo->system.health.url,
                demo->system.webhook);
        if (bots_url(&demo->bots))
                printf("  Telegram %s/ (what the bots said, in the place of a phone)\n",
                        bots_url(&demo->bots));
        fflush(stdout);
        while (!interrupted && demo_system_runs(&demo->system))
                usleep(100 * 1000);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

static void remove_state(const char *state)
{
        if (nftw(state, remove_one, 16, FTW_DEPTH | FTW_PHYS))
                fprintf(stderr, "umbra demo: %s: cannot be removed\n", state);
}

static int run(struct demo *demo)
{
        bool good = false;
        int r;

        r = begin(demo);
        if (!r)
                r = demo->is_chaos ? play_chaos(demo) : play(demo);
        if (!r && demo->is_chaos)
                r = rest(demo);
        if (!r)
                r = settle(demo);
        if (!r)
                r = sum_up(demo);
        report_end(&demo->report);
        if (!r)
                good = demo_verdict(&demo->results);
        if (!r && demo->json_path)
                r = write_json(demo);
        if (r == -ESRCH)
                fputs("umbra demo: the system has ended by itself\n", stderr);
        if (!r && !demo->once)
                stay(demo);
        return !r && good ? UMBRA_DONE : UMBRA_FAILED;
}

static void done(struct demo *demo, bool keep)
{
        if (demo->system.pid && demo_system_stop(&demo->system) != 0) {
                fputs("umbra demo: the system did not stop as it should\n", stderr);
                keep = true;
        }
        demo_system_done(&demo->system);
        bots_stop(&demo->bots);
        demo->sender = sender_free(demo->sender);
        traffic_done(&demo->traffic);
        demo_ledger_done(&demo->ledger);
        if (keep)
                printf("  Everything is left in %s\n", demo->state);
        else
                remove_state(demo->state);
}

enum {
        FLAG_ONCE = OPTIONS_FIRST,
        FLAG_KEEP,
        FLAG_CHAOS,
        FLAG_JSON,
        FLAG_SEED,
        FLAG_BOTS,
};

static int take(void *arg, int option, const char *value)
{
        struct demo *demo = arg;

        if (option == FLAG_ONCE)
                demo->once = true;
        else if (option == FLAG_KEEP)
                demo->keep = true;
        else if (option == FLAG_CHAOS)
                demo->is_chaos = true;
        else if (option == FLAG_JSON)
                demo->json_path = value;
        else if (option == FLAG_BOTS)
                demo->bots_path = value;
        else
                demo->seed = strtoull(value, NULL, 0);
        return 0;
}

int umbra_demo(int argc, char **argv)
{
        static const struct option own[] = { { "once", no_argument, NULL, FLAG_ONCE },
                { "keep", no_argument, NULL, FLAG_KEEP },
                { "chaos", no_argument, NULL, FLAG_CHAOS },
                { "json", required_argument, NULL, FLAG_JSON },
                { "seed", required_argument, NULL, FLAG_SEED },
                { "bots", required_argument, NULL, FLAG_BOTS }, { 0 } };
        static struct demo demo = { .seed = 20261122, .state = "/tmp/umbra-demo-XXXXXX" };
        struct options options = { .own = own,
                .take = take,
                .arg = &demo,
                .usage =
                        "usage: umbra demo [--once] [--chaos] [--keep] [--json FILE] [--seed N]\n"
                        "                  [--bots PROGRAM]\n"
                        "\n"
                        "Starts the whole system with a demo account, sends alerts as seen in\n"
                        "practice, kills services under that load, cuts over and rolls back, and\n"
                        "then counts, by the broker's own ledger, what was lost or done twice. Then\n"
                        "it stays up until Ctrl-C; with --once, or no terminal, it ends, with 0 only\n"
                        "if the sums are right. The state folder is removed if all was well, unless\n"
                        "with --keep.\n"
                        "\n"
                        "--chaos deals out, from the seed, what else can go wrong: several killed at\n"
                        "once, umbra itself killed, services frozen or killed again and again as\n"
                        "they start, switches in between, and a broker that loses, delays, refuses\n"
                        "and half fills orders.\n"
                        "\n"
                        "--bots shows the Telegram bots at work, before a stand-in for Telegram, a\n"
                        "Python program (tests/telegram/bot_api.py; ./run demo names it).\n"
                        "\n"
                        "example: umbra demo --once --json demo.json\n" };
        int status;

        status = options_parse(&options, argc, argv);
        if (status >= 0)
                return status;
        options_done(&options);
        if (!isatty(STDOUT_FILENO))
                demo.once = true;
        signal(SIGINT, on_interrupt);
        signal(SIGTERM, on_interrupt);
        signal(SIGPIPE, SIG_IGN);
        if (bus_hash_init() < 0 || !mkdtemp(demo.state)) {
                fprintf(stderr, "umbra demo: %s: %s\n", demo.state, strerror(errno));
                return UMBRA_FAILED;
        }
        snprintf(demo.bots_folder, sizeof(demo.bots_folder), "%s/telegram", demo.state);
        report_init(&demo.report);
        status = run(&demo);
        done(&demo, demo.keep || status != UMBRA_DONE);
        return status;
}
