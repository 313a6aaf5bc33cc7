#include "services/mt5-demo/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define S OPTIONS_SECTION

#define SECONDS(n) ((n)*BUS_US_PER_SEC)

const struct config_option demo_options[] = {
        { S, "connect", CONFIG_STRING, "", 0, 200, NULL,
                "order-executor's broker link; empty: ipc://RUN/order-executor/broker" },
        { S, "secret_file", CONFIG_SECRET_FILE, NULL, 0, 0, NULL,
                "secret shared with order-executor" },
        { S, "curve", CONFIG_BOOL, "yes", .help = "as order-executor.broker_curve" },
        { S, "state", CONFIG_STRING, "", 0, 200, NULL,
                "folder of ledger.jsonl; empty: mt5-demo/ below bus.state_dir" },
        { S, "control", CONFIG_STRING, "", 0, 200, NULL,
                "where commands come in; empty: ipc://RUN/mt5-demo/control" },
        { S, "terminal_id", CONFIG_STRING, "mt5-demo", 1, 64, NULL, "name in the handshake" },
        { S, "login", CONFIG_INT, "1000001", 1, INT64_MAX, NULL, "account number" },
        { S, "server", CONFIG_STRING, "Umbra-Demo", 1, 64, NULL, "name of the trade server" },
        { S, "currency", CONFIG_STRING, "USD", 3, 8, NULL, "account currency" },
        { S, "mode", CONFIG_ENUM, "hedging", 0, 0, "hedging|netting", "kind of account" },
        { S, "balance", CONFIG_CENTS, "10000.00", 1, INT64_C(1000000000000), NULL,
                "what a new account starts with" },
        { S, "leverage", CONFIG_INT, "100", 1, 3000, NULL,
                "margin is the worth of a lot over this" },
        { S, "stop_out", CONFIG_INT, "50", 0, 100, NULL,
                "percent of the margin under which it closes" },
        { S, "symbols", CONFIG_STRING,
                "EURUSD GBPUSD AUDUSD NZDUSD USDCAD USDJPY EURJPY GBPJPY AUDJPY XAUUSD:GOLD", 1,
                180, NULL, "names, with a colon and the broker's name where it is another" },
        { S, "suffix", CONFIG_STRING, "", 0, 8, NULL, "behind the broker's names without a colon" },
        { S, "prices", CONFIG_STRING, "", 0, 180, NULL, "starting bids: EURUSD:1.08500 ..." },
        { S, "spread", CONFIG_INT, "10", 0, 10000, NULL, "ticks between bid and ask" },
        { S, "stops_level", CONFIG_INT, "10", 0, 100000, NULL, "ticks a stop must be away" },
        { S, "filling", CONFIG_STRING, "fok ioc", 1, 32, NULL, "filling modes: fok ioc return" },
        { S, "slippage", CONFIG_INT, "0", 0, 10000, NULL,
                "most ticks a fill is worse than the quote" },
        { S, "seed", CONFIG_INT, "1", 0, INT64_MAX, NULL, "of the prices and the slippage" },
        { S, "volatility", CONFIG_INT, "3", 0, 10000, NULL, "most ticks a price moves at a time" },
        { S, "tick_interval", CONFIG_DURATION, "250ms", 1000, SECONDS(3600), NULL,
                "time between two prices" },
        { S, "csv", CONFIG_STRING, "", 0, 255, NULL, "file of ticks instead of the random walk" },
        { S, "hours", CONFIG_STRING, "", 0, 180, NULL,
                "mon-fri 00:05-23:55 (UTC), ...; empty: always" },
        { S, "redial", CONFIG_DURATION, "100ms", 1000, SECONDS(60), NULL,
                "pause after a lost link" },
        { S, "cut_pause", CONFIG_DURATION, "500ms", 1000, SECONDS(600), NULL,
                "pause after a link dropped on command" },
        { S, "recovery", CONFIG_DURATION, "2s", 0, SECONDS(600), NULL,
                "how long after a start open requests are in doubt" },
        { S, "faults", CONFIG_STRING, "", 0, 180, NULL,
                "faults from the start, separated by commas" },
        /* [bus] is shared: what the services' runtime reads there is not this program's. */
        { "bus", "*", CONFIG_STRING, "", 0, 4096, NULL, "the services' own" },
        { NULL },
};

static const char *text_of(const struct config *config, const char *key)
{
        return config_string(config, S, key);
}

static int64_t number_of(const struct config *config, const char *key)
{
        return config_int(config, S, key);
}

static bool is_ascii(const char *text)
{
        for (; *text; text++)
                if (*text < ' ' || *text > '~')
                        return false;
        return true;
}

static int complain(char error[static OPTIONS_ERROR_SIZE], const struct config *config,
        const char *key, const char *why)
{
        snprintf(error, OPTIONS_ERROR_SIZE, "%s: %s.%s: %s", config_origin(config, S, key), S, key,
                why);
        return -EINVAL;
}

/* What goes into the ledger or on the link as text. */
static int check_texts(const struct config *config, char error[static OPTIONS_ERROR_SIZE])
{
        static const char *const names[] = { "terminal_id", "currency" };
        static const char *const texts[] = { "server", "suffix", "symbols" };

        for (size_t i = 0; i < BUS_COUNT(names); i++)
                if (!is_ascii(text_of(config, names[i])) || strchr(text_of(config, names[i]), ' '))
                        return complain(
                                error, config, names[i], "must be printable, without blanks");
        for (size_t i = 0; i < BUS_COUNT(texts); i++)
                if (!is_ascii(text_of(config, texts[i])))
                        return complain(error, config, texts[i], "must be printable ASCII");
        return 0;
}

static int read_specs(
        const struct config *config, struct options *options, char error[static OPTIONS_ERROR_SIZE])
{
        struct specs_options specs = {
                .symbols = text_of(config, "symbols"),
                .suffix = text_of(config, "suffix"),
                .prices = text_of(config, "prices"),
                .spread_ticks = number_of(config, "spread"),
                .stops_level_ticks = number_of(config, "stops_level"),
                .leverage = number_of(config, "leverage"),
        };
        char why[SPECS_ERROR_SIZE];

        if (specs_filling(text_of(config, "filling"), &specs.filling_modes) < 0)
                return complain(error, config, "filling", "must be some of: fok ioc return");
        if (specs_make(&specs, &options->specs, why) < 0)
                return complain(error, config, "symbols", why);
        return 0;
}

static struct identity read_identity(const struct config *config)
{
        return (struct identity){
                .terminal_id = text_of(config, "terminal_id"),
                .server = text_of(config, "server"),
                .currency = text_of(config, "currency"),
                .login = (uint64_t)number_of(config, "login"),
                .netting = config_enum(config, S, "mode") == 1,
        };
}

/* An endpoint as given, or RUN/BELOW. */
static int read_endpoint(const struct config *config, const char *key, const char *below,
        char ret_endpoint[static BUS_ENDPOINT_SIZE], char error[static OPTIONS_ERROR_SIZE])
{
        const char *given = text_of(config, key);
        char run_dir[BUS_ENDPOINT_SIZE];
        int n;

        n = *given ? snprintf(ret_endpoint, BUS_ENDPOINT_SIZE, "%s", given)
                   : snprintf(ret_endpoint, BUS_ENDPOINT_SIZE, "ipc://%s/%s",
                             bus_run_dir(config, run_dir), below);
        if (n >= BUS_ENDPOINT_SIZE ||
                (!strncmp(ret_endpoint, "ipc://", 6) && n - 6 > BUS_IPC_PATH_MAX))
                return complain(error, config, key, "is too long for a socket address");
        if (!strstr(ret_endpoint, "://"))
                return complain(
                        error, config, key, "must be such as ipc://PATH or tcp://HOST:PORT");
        return 0;
}

static int read_places(
        const struct config *config, struct options *options, char error[static OPTIONS_ERROR_SIZE])
{
        const char *state = text_of(config, "state");
        int n, r;

        n = *state ? snprintf(options->state, sizeof(options->state), "%s", state)
                   : snprintf(options->state, sizeof(options->state), "%s/mt5-demo",
                             config_string(config, "bus", "state_dir"));
        if ((size_t)n >= sizeof(options->state))
                return complain(error, config, "state", "is too long");
        r = read_endpoint(config, "connect", "order-executor/broker", options->connect, error);
        if (r < 0)
                return r;
        return read_endpoint(config, "control", "mt5-demo/control", options->control, error);
}

int options_read(const struct config *config, struct options *ret_options,
        char error[static OPTIONS_ERROR_SIZE])
{
        struct options options = {
                .config = config,
                .secret_file = text_of(config, "secret_file"),
                .csv = text_of(config, "csv"),
                .faults = text_of(config, "faults"),
                .identity = read_identity(config),
                .balance_cents = number_of(config, "balance"),
                .tick_interval_us = number_of(config, "tick_interval"),
                .redial_us = number_of(config, "redial"),
                .cut_us = number_of(config, "cut_pause"),
                .feed = { .seed = (uint64_t)number_of(config, "seed"),
                        .step_ticks = number_of(config, "volatility") },
                .desk = { .slippage_ticks = number_of(config, "slippage"),
                        .stop_out_percent = number_of(config, "stop_out"),
                        .recovery_us = number_of(config, "recovery"),
                        .seed = (uint64_t)number_of(config, "seed") },
        };
        int r;

        r = read_places(config, &options, error);
        if (r < 0)
                return r;
        options.desk.rules.netting = options.identity.netting;
        if (hours_parse(text_of(config, "hours"), &options.desk.rules.hours) < 0)
                return complain(error, config, "hours", "must be such as mon-fri 00:05-23:55, ...");
        r = check_texts(config, error);
        if (!r)
                r = read_specs(config, &options, error);
        if (!r && config_bool(config, S, "curve"))
                options.keys_folder = bus_keys_folder(config);
        if (!r)
                *ret_options = options;
        return r;
}

void options_done(struct options *options)
{
        specs_done(&options->specs);
        free(options->keys_folder);
}
