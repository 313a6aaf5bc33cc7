#include "services/order-executor/settings.h"

#include "libbus/base/clock.h"
#include "libbus/base/e8.h"
#include "libbus/base/io.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <stdio.h>

#define S     "order-executor"
#define R     "risk"
#define ALIAS "alias.broker"

#define SECONDS(n) ((n)*BUS_US_PER_SEC)
#define DAY_US     SECONDS(INT64_C(86400))
#define CENTS_MAX  INT64_C(100000000000000)

enum {
        SECRET_MIN = 16, /* shorter ones can be guessed */
};

const struct config_option ex_options[] = {
        { S, "broker_listen", CONFIG_STRING, "", 0, 200, NULL,
                "where the terminal dials in; empty: ipc://RUN/order-executor/broker" },
        { S, "broker_secret_file", CONFIG_SECRET_FILE, NULL,
                .help = "secret shared with the terminal, 16 characters or more" },
        { S, "broker_curve", CONFIG_BOOL, "yes",
                .help = "no: for a terminal without CURVE, behind a TLS terminator" },
        { S, "slot", CONFIG_STRING, "v3", 1, 32, NULL, "the slot whose orders are taken" },
        { S, "magic", CONFIG_INT, "730003", 1, INT64_MAX, NULL,
                "names the slot at the broker; changing it disowns open positions" },
        { S, "symbol_suffix", CONFIG_STRING, "", 0, 16, NULL,
                "behind our names at the broker: EURUSD.a; [alias.broker] goes first" },
        { S, "allow_netting", CONFIG_BOOL, "no",
                .help = "trade on a netting account: exits may then close more than their own" },
        { S, "takeover", CONFIG_BOOL, "no",
                .help = "trade again although another executor has taken the terminal over" },
        { S, "snapshot_interval", CONFIG_DURATION, "10s", BUS_US_PER_SEC, SECONDS(15), NULL,
                "the account is asked for and published at least so often" },
        { S, "report_timeout", CONFIG_DURATION, "5s", 100 * BUS_US_PER_MS, SECONDS(60), NULL,
                "no reply for so long: UNKNOWN" },
        { S, "unknown_manual_after", CONFIG_DURATION, "60s", BUS_US_PER_SEC, SECONDS(3600), NULL,
                "UNKNOWN for so long: MANUAL" },
        { S, "ask_interval", CONFIG_DURATION, "1s", 50 * BUS_US_PER_MS, SECONDS(60), NULL,
                "between two questions about one order" },
        { S, "retry_base", CONFIG_DURATION, "250ms", 10 * BUS_US_PER_MS, SECONDS(60), NULL,
                "first pause before a next attempt, doubled each time" },
        { S, "retry_max", CONFIG_DURATION, "10s", 100 * BUS_US_PER_MS, SECONDS(600), NULL,
                "longest such pause" },
        { S, "exit_patience", CONFIG_DURATION, "2s", 0, SECONDS(60), NULL,
                "an exit waits so long for entries ahead that are not at the broker" },
        { S, "absent_span", CONFIG_DURATION, "10s", BUS_US_PER_SEC, SECONDS(600), NULL,
                "good snapshots without a trace, over so long: not executed" },
        { S, "price_attempts", CONFIG_INT, "3", 1, 10, NULL, "of an entry, when the price moves" },
        { S, "max_deviation", CONFIG_DECIMAL, "0.1", 0, 10 * E8_ONE, NULL,
                "percent a fill may differ from the quote it was sent at" },
        { R, "max_age", CONFIG_DURATION, "60s", BUS_US_PER_SEC, SECONDS(3600), NULL,
                "an entry older than this is never sent" },
        { R, "context_max_age", CONFIG_DURATION, "60s", 0, SECONDS(3600), NULL,
                "of an entry's context at the alert's receipt; 0: off" },
        { R, "max_lot", CONFIG_DECIMAL, "10", 0, 10000 * E8_ONE, NULL, "of one leg; 0: off" },
        { R, "max_open_positions", CONFIG_INT, "50", 0, 100000, NULL, "of this strategy; 0: off" },
        { R, "symbols", CONFIG_STRING, "", 0, EX_LIMIT_SYMBOLS_SIZE - 1, NULL,
                "that may be entered, comma-separated; empty: all the broker offers" },
        { R, "max_price_gap", CONFIG_DECIMAL, "0.5", 0, 100 * E8_ONE, NULL,
                "percent between the alert's price and the quote; 0: off" },
        { R, "daily_cap", CONFIG_CENTS, "2000", 0, CENTS_MAX, NULL,
                "loss of a day that ends entries; 0: off" },
        { R, "lifetime_cap", CONFIG_CENTS, "10000", 0, CENTS_MAX, NULL,
                "loss since risk.since that ends entries; 0: off" },
        { R, "count_open_risk", CONFIG_BOOL, "yes",
                .help = "what positions would lose at their stops counts as lost" },
        { R, "day_start", CONFIG_STRING, "00:00", 5, 5, NULL, "HH:MM in UTC" },
        { R, "since", CONFIG_STRING, "", 0, 40, NULL,
                "lifetime losses count from here, RFC 3339; empty: from the first start" },
        { ALIAS, "*", CONFIG_STRING, "", 0, 32, NULL, "our name = the broker's: XAUUSD = GOLD" },
        { 0 },
};

static int complain(
        const struct config *config, const char *section, const char *key, const char *why)
{
        log_error("bad_config", "%s: %s.%s: %s", config_origin(config, section, key), section, key,
                why);
        return -EINVAL;
}

static int read_listen(const struct config *config, struct ex_settings *settings)
{
        const char *given = config_string(config, S, "broker_listen");
        char run_dir[BUS_ENDPOINT_SIZE];
        int n;

        n = *given ? snprintf(settings->listen, sizeof(settings->listen), "%s", given)
                   : snprintf(settings->listen, sizeof(settings->listen),
                             "ipc://%s/order-executor/broker", bus_run_dir(config, run_dir));
        if (!strstr(settings->listen, "://"))
                return complain(config, S, "broker_listen",
                        "must be such as ipc://PATH or tcp://HOST:PORT");
        if ((size_t)n >= sizeof(settings->listen) ||
                (!strncmp(settings->listen, "ipc://", strlen("ipc://")) &&
                        n - (int)strlen("ipc://") > BUS_IPC_PATH_MAX))
                return complain(config, S, "broker_listen", "is too long for a socket address");
        return 0;
}

static int read_secret(const struct config *config, struct ex_settings *settings)
{
        const char *path = config_string(config, S, "broker_secret_file");
        int r;

        r = bus_file_read_secret(path, &settings->secret);
        if (r < 0)
                return complain(config, S, "broker_secret_file", strerror(-r));
        if (strlen(settings->secret) < SECRET_MIN)
                return complain(config, S, "broker_secret_file",
                        "the secret must have 16 characters or more");
        return 0;
}

static struct ex_rules read_rules(const struct config *config)
{
        struct ex_rules rules = ex_rules_default();

        rules.max_age_us = config_int(config, R, "max_age");
        rules.report_timeout_us = config_int(config, S, "report_timeout");
        rules.unknown_manual_us = config_int(config, S, "unknown_manual_after");
        rules.ask_every_us = config_int(config, S, "ask_interval");
        rules.retry_base_us = config_int(config, S, "retry_base");
        rules.retry_max_us = config_int(config, S, "retry_max");
        rules.exit_patience_us = config_int(config, S, "exit_patience");
        rules.absent_span_us = config_int(config, S, "absent_span");
        rules.price_attempts = (uint32_t)config_int(config, S, "price_attempts");
        rules.max_deviation_e8 = config_int(config, S, "max_deviation");
        return rules;
}

static struct ex_limits read_limits(const struct config *config)
{
        struct ex_limits limits = {
                .max_lot_e8 = config_int(config, R, "max_lot"),
                .max_open_positions = config_int(config, R, "max_open_positions"),
                .context_max_age_us = config_int(config, R, "context_max_age"),
                .max_price_gap_e8 = config_int(config, R, "max_price_gap"),
                .daily_cap_cents = config_int(config, R, "daily_cap"),
                .lifetime_cap_cents = config_int(config, R, "lifetime_cap"),
                .count_open_risk = config_bool(config, R, "count_open_risk"),
        };

        snprintf(limits.symbols, sizeof(limits.symbols), "%s", config_string(config, R, "symbols"));
        return limits;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static int read_day_start(const struct config *config, int64_t *ret_us)
{
        const char *text = config_string(config, R, "day_start");
        int hours, minutes;

        if (!is_digit(text[0]) || !is_digit(text[1]) || text[2] != ':' || !is_digit(text[3]) ||
                !is_digit(text[4]))
                return complain(config, R, "day_start", "must be HH:MM");
        hours = (text[0] - '0') * 10 + (text[1] - '0');
        minutes = (text[3] - '0') * 10 + (text[4] - '0');
        if (hours > 23 || minutes > 59)
                return complain(config, R, "day_start", "must be between 00:00 and 23:59");
        *ret_us = SECONDS(INT64_C(60) * (hours * 60 + minutes));
        return 0;
}

static int read_since(const struct config *config, int64_t *ret_us)
{
        const char *text = config_string(config, R, "since");

        if (*text && bus_time_parse(text, ret_us) < 0)
                return complain(config, R, "since", "must be such as 2026-01-31T00:00:00Z");
        return 0;
}

static int read_symbols(const struct config *config, struct ex_symbols *symbols)
{
        const char *name;

        ex_symbols_init(symbols, config_string(config, S, "symbol_suffix"));
        for (size_t i = 0; (name = config_free_key(config, ALIAS, i)); i++) {
                int r;

                r = ex_symbols_alias(symbols, name, config_free_value(config, ALIAS, name));
                if (r < 0)
                        return complain(config, ALIAS, name,
                                r == -EEXIST ? "this name, or the broker's, is in another pair"
                                             : "is not a symbol's name");
        }
        return 0;
}

static int read_book(const struct config *config, struct ex_book *book)
{
        int r;

        book->rules = read_rules(config);
        book->limits = read_limits(config);
        book->allow_netting = config_bool(config, S, "allow_netting");
        r = read_symbols(config, &book->symbols);
        return r < 0 ? r : read_day_start(config, &book->risk.day_start_us);
}

int ex_settings_read(
        const struct config *config, struct ex_settings *ret_settings, struct ex_book **ret_book)
{
        struct ex_settings settings = {
                .snapshot_interval_us = config_int(config, S, "snapshot_interval"),
                .takeover = config_bool(config, S, "takeover"),
                .is_curve = config_bool(config, S, "broker_curve"),
        };
        struct ex_book *book = ex_book_new(
                config_string(config, S, "slot"), (uint64_t)config_int(config, S, "magic"));
        int r;

        r = read_book(config, book);
        if (r == 0)
                r = read_since(config, &settings.since_us);
        if (r == 0)
                r = read_listen(config, &settings);
        if (r == 0)
                r = read_secret(config, &settings);
        if (r < 0) {
                ex_book_free(book);
                ex_settings_done(&settings);
                return r;
        }
        *ret_settings = settings;
        *ret_book = book;
        return 0;
}

void ex_settings_done(struct ex_settings *settings)
{
        free(settings->secret);
        settings->secret = NULL;
}
