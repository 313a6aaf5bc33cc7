#include "libbus/base/require.h"
#include "libbus/config/config.h"
#include "libbus/config/sections.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

static const struct config_option bus_options[] = {
        { "bus", "linger", CONFIG_DURATION, "5s", 0, 60 * BUS_US_PER_SEC, NULL, "How long" },
        { 0 },
};
static const struct config_option own_options[] = {
        { "alert-ingest", "listen", CONFIG_LISTEN, "127.0.0.1:8080" },
        { "alert-ingest", "max_body", CONFIG_SIZE, "16KiB", 1024, 65536 },
        { "alert-ingest", "peers", CONFIG_STRING, "", 0, 40 },
        { "alert-ingest", "strict", CONFIG_BOOL, "no" },
        { "alert-ingest", "mode", CONFIG_ENUM, "two", 0, 0, "one|two|three" },
        { "alert-ingest", "gap", CONFIG_DECIMAL, "0.5", 1, 100 * 100000000LL },
        { "risk", "daily", CONFIG_CENTS, "100.00", 0, 1000000 },
        { "risk", "count", CONFIG_INT, "10", -1, 100 },
        { "source.*", "token", CONFIG_HEX32, NULL },
        { "source.*", "rate", CONFIG_INT, "7", 1, 9 },
        { "plugin.*", "*", CONFIG_STRING, "" },
        { "alias.broker", "*", CONFIG_STRING, "", 1, 32 },
        { 0 },
};
static const struct config_option *const tables[] = { bus_options, own_options };

#define LINGER_MUST_BE \
        "umbra.ini:2: bus.linger: must be a duration (250ms, 5s, 2m, 1h, 90d) 0..1m, "
#define HASH "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

struct given {
        const char *text;
        const char *const *sets;
        size_t set_count;
        const char *const *environment;
};

static int load(struct given given, struct config **ret_config, char error[CONFIG_ERROR_SIZE])
{
        struct config_source source = {
                .path = "umbra.ini",
                .text = given.text ? given.text : "",
                .text_size = given.text ? strlen(given.text) : 0,
                .sets = given.sets,
                .set_count = given.set_count,
                .environment = (char *const *)given.environment,
        };

        strcpy(error, "");
        return config_load(
                &source, tables, BUS_COUNT(tables), ret_config, error, CONFIG_ERROR_SIZE);
}

static struct config *must_load(struct given given)
{
        struct config *config = NULL;
        char error[CONFIG_ERROR_SIZE];

        cr_assert_eq(load(given, &config, error), 0, "%s", error);
        return config;
}

static void expect_error(struct given given, const char *expected)
{
        struct config *config = NULL;
        char error[CONFIG_ERROR_SIZE];

        cr_expect_eq(load(given, &config, error), -EINVAL);
        cr_expect_null(config);
        cr_expect_str_eq(error, expected);
        config_free(config);
}

static void expect_file_error(const char *text, const char *expected)
{
        expect_error((struct given){ .text = text }, expected);
}

Test(config, defaults_fill_what_nobody_gives)
{
        CONFIG_AUTOFREE struct config *config = must_load((struct given){ 0 });
        uint16_t port;

        cr_expect_eq(config_int(config, "bus", "linger"), 5000000);
        cr_expect_eq(config_int(config, "alert-ingest", "max_body"), 16384);
        cr_expect_eq(config_int(config, "alert-ingest", "gap"), 50000000);
        cr_expect_eq(config_int(config, "risk", "daily"), 10000);
        cr_expect_eq(config_enum(config, "alert-ingest", "mode"), 1);
        cr_expect_str_eq(config_string(config, "alert-ingest", "peers"), "");
        cr_expect_not(config_bool(config, "alert-ingest", "strict"));
        cr_expect_str_eq(config_listen(config, "alert-ingest", "listen", &port), "127.0.0.1");
        cr_expect_eq(port, 8080);
        cr_expect_not(config_given(config, "bus", "linger"));
        cr_expect_null(config_instance(config, "source", 0));
}

Test(config, set_beats_environment_beats_file)
{
        static const char text[] = "[bus]\nlinger = 1s\n[risk]\ncount = 1\ndaily=1\n";
        static const char *const sets[] = { "bus.linger=3s", "bus.linger=4s" };
        static const char *const environment[] = { "PATH=/bin", "UMBRA_BUS_LINGER=2s",
                "UMBRA_RISK_COUNT=2", "UMBRA_ALERT_INGEST_MAX_BODY=2KiB", NULL };
        CONFIG_AUTOFREE struct config *config =
                must_load((struct given){ text, sets, 2, environment });

        cr_expect_eq(config_int(config, "bus", "linger"), 4000000);
        cr_expect_eq(config_int(config, "risk", "count"), 2);
        cr_expect_eq(config_int(config, "risk", "daily"), 100);
        cr_expect_eq(config_int(config, "alert-ingest", "max_body"), 2048);
        cr_expect_str_eq(config_origin(config, "bus", "linger"), "--set");
        cr_expect_str_eq(config_origin(config, "risk", "count"), "UMBRA_RISK_COUNT");
        cr_expect_str_eq(config_origin(config, "risk", "daily"), "umbra.ini:5");
        cr_expect_str_eq(config_origin(config, "alert-ingest", "mode"), "default");
}

Test(config, reads_every_spelling)
{
        static const struct {
                const char *set, *section, *key;
                int64_t value;
        } cases[] = {
                { "bus.linger=0", "bus", "linger", 0 },
                { "bus.linger=250us", "bus", "linger", 250 },
                { "bus.linger=250ms", "bus", "linger", 250000 },
                { "bus.linger=1m", "bus", "linger", 60000000 },
                { "alert-ingest.max_body=1024", "alert-ingest", "max_body", 1024 },
                { "alert-ingest.max_body=64KiB", "alert-ingest", "max_body", 65536 },
                { "alert-ingest.gap=0.00000001", "alert-ingest", "gap", 1 },
                { "risk.daily=12.34", "risk", "daily", 1234 },
                { "risk.daily=12", "risk", "daily", 1200 },
                { "risk.count=-1", "risk", "count", -1 },
        };
        static const char *const yes[] = { "yes", "true", "on", "1" };
        static const char *const no[] = { "no", "false", "off", "0" };

        for (size_t i = 0; i < BUS_COUNT(cases); i++) {
                CONFIG_AUTOFREE struct config *config =
                        must_load((struct given){ .sets = &cases[i].set, .set_count = 1 });

                cr_expect_eq(config_int(config, cases[i].section, cases[i].key), cases[i].value,
                        "%s", cases[i].set);
        }
        for (size_t i = 0; i < 8; i++) {
                BUS_AUTOFREE char *set =
                        bus_xasprintf("alert-ingest.strict=%s", i < 4 ? yes[i] : no[i - 4]);
                const char *sets[] = { set };
                CONFIG_AUTOFREE struct config *config =
                        must_load((struct given){ .sets = sets, .set_count = 1 });

                cr_expect_eq(config_bool(config, "alert-ingest", "strict"), i < 4, "%s", set);
        }
}

Test(config, listens_on_names_and_v6)
{
        static const char *const sets[] = { "alert-ingest.listen=[::1]:0" };
        CONFIG_AUTOFREE struct config *config =
                must_load((struct given){ .sets = sets, .set_count = 1 });
        uint16_t port = 1;

        cr_expect_str_eq(config_listen(config, "alert-ingest", "listen", &port), "::1");
        cr_expect_eq(port, 0);
        cr_expect_str_eq(config_string(config, "alert-ingest", "listen"), "[::1]:0");
}

Test(config, named_sections_are_listed_and_have_defaults)
{
        static const char text[] = "[source.tv]\ntoken = " HASH "\n"
                                   "[source.desk-2]\nrate = 3\ntoken = " HASH "\n";
        static const char *const environment[] = { "UMBRA_SOURCE_DESK_2_RATE=4", NULL };
        CONFIG_AUTOFREE struct config *config =
                must_load((struct given){ .text = text, .environment = environment });
        uint8_t hash[32] = { 0 };

        cr_expect_str_eq(config_instance(config, "source", 0), "tv");
        cr_expect_str_eq(config_instance(config, "source", 1), "desk-2");
        cr_expect_null(config_instance(config, "source", 2));
        cr_expect_eq(config_int(config, "source.tv", "rate"), 7);
        cr_expect_eq(config_int(config, "source.desk-2", "rate"), 4);
        cr_expect(config_hex32(config, "source.tv", "token", hash));
        cr_expect_eq(hash[0], 0xba);
        cr_expect_eq(hash[31], 0xad);
}

Test(config, free_keys_are_kept_for_their_reader)
{
        static const char text[] = "[plugin.combined_v3]\nprofile = strength\n"
                                   "[alias.broker]\nXAUUSD = GOLD\nEURUSD = EURUSD.a\n";
        static const char *const sets[] = { "alias.broker.US30.x=DJ30", "plugin.new.tier=5000" };
        static const char *const environment[] = { "UMBRA_PLUGIN_COMBINED_V3_TIER=10000", NULL };
        CONFIG_AUTOFREE struct config *config =
                must_load((struct given){ text, sets, 2, environment });

        cr_expect_str_eq(config_free_key(config, "plugin.combined_v3", 0), "profile");
        cr_expect_null(config_free_key(config, "plugin.combined_v3", 1));
        cr_expect_str_eq(config_free_value(config, "plugin.combined_v3", "profile"), "strength");
        cr_expect_str_eq(config_free_value(config, "plugin.combined_v3", "tier"), "10000");
        cr_expect_null(config_free_value(config, "plugin.combined_v3", "other"));
        cr_expect_null(config_free_value(config, "plugin.legacy_v3", "tier"));
        cr_expect_str_eq(config_free_value(config, "alias.broker", "EURUSD"), "EURUSD.a");
        cr_expect_str_eq(config_free_value(config, "alias.broker", "US30.x"), "DJ30");
        cr_expect_str_eq(config_instance(config, "plugin", 1), "new");
        cr_expect_null(config_free_key(config, "plugin.legacy_v3", 0));
}

Test(config, form_of_the_file)
{
        static const char text[] = "\xef\xbb\xbf; note\n# note\n\n  [bus]  ; note\r\n"
                                   "   linger = 2s ; note\r\n\t[health]\nwhatever = 1\n"
                                   "[alert-ingest]\npeers = a;b # c\nmode: three";
        CONFIG_AUTOFREE struct config *config = must_load((struct given){ .text = text });

        cr_expect_eq(config_int(config, "bus", "linger"), 2000000);
        cr_expect_str_eq(config_string(config, "alert-ingest", "peers"), "a;b # c");
        cr_expect_eq(config_enum(config, "alert-ingest", "mode"), 2);
}

Test(config, optional_values_may_be_left_empty)
{
        CONFIG_AUTOFREE struct config *config =
                must_load((struct given){ .text = "[alert-ingest]\npeers =\n" });

        cr_expect_not(config_given(config, "alert-ingest", "peers"));
}

Test(config, the_longest_line_is_whole_and_one_more_is_refused)
{
        char text[300], value[CONFIG_LINE_MAX];
        CONFIG_AUTOFREE struct config *config = NULL;

        memset(value, 'x', sizeof(value));
        snprintf(text, sizeof(text), "[plugin.p]\nk = %.*s\n", CONFIG_LINE_MAX - 4, value);
        config = must_load((struct given){ .text = text });
        cr_expect_eq(strlen(config_free_value(config, "plugin.p", "k")), CONFIG_LINE_MAX - 4);
        snprintf(text, sizeof(text), "[plugin.p]\nk = %.*s\n", CONFIG_LINE_MAX - 3, value);
        expect_file_error(text, "umbra.ini:2: the line is longer than 197 bytes");
}

Test(config, each_bad_line_is_named)
{
        static const struct {
                const char *text, *error;
        } cases[] = {
                { "[bus]\nlingr = 5s\n", "umbra.ini:2: bus.lingr: unknown key" },
                { "[buss]\nlinger = 5s\n", "umbra.ini:1: buss: unknown section" },
                { "[buss]\n", "umbra.ini:1: buss: unknown section" },
                { "[]\n", "umbra.ini:1: []: unknown section" },
                { "[source.]\n", "umbra.ini:1: source.: unknown section" },
                { "[source.a b]\n", "umbra.ini:1: source.a b: unknown section" },
                { "[source.abcdefghabcdefghabcdefghabcdefgh0]\n",
                        "umbra.ini:1: source.abcdefghabcdefghabcdefghabcdefgh0: unknown section" },
                { "[bus\n", "umbra.ini:1: the section's ']' is missing" },
                { "[bus] x\n", "umbra.ini:1: something stands behind the section's ']'" },
                { "linger = 5s\n", "umbra.ini:1: a key before the first [section]" },
                { "[bus]\n= 5s\n", "umbra.ini:2: no key before the '='" },
                { "[bus]\nlinger\n", "umbra.ini:2: neither [section], key = value nor a comment" },
                { "[bus]\nlinger\nbad = 1\n",
                        "umbra.ini:2: neither [section], key = value nor a comment" },
                { "[bus]\nlinger = 1s\n  2s\n",
                        "umbra.ini:3: neither [section], key = value nor a comment" },
                { "[bus]\nlinger = 1s\n\nlinger = 2s\n",
                        "umbra.ini:4: bus.linger: given twice, first at umbra.ini:2" },
                { "[bus]\nlinger = 1\x01s\n", "umbra.ini:2: the line holds a control character" },
                { "[bus]\nlinger = 5\n", LINGER_MUST_BE "not \"5\"" },
                { "[bus]\nlinger = 61s\n", LINGER_MUST_BE "not \"61s\"" },
                { "[bus]\nlinger = 1.5s\n", LINGER_MUST_BE "not \"1.5s\"" },
                { "[bus]\nlinger = 99999999999999d\n", LINGER_MUST_BE "not \"99999999999999d\"" },
                { "[bus]\nlinger =\n", LINGER_MUST_BE "not \"\"" },
                { "[alert-ingest]\nmax_body = 1MiB\n",
                        "umbra.ini:2: alert-ingest.max_body: must be "
                        "a size (512, 16KiB, 4MiB, 1GiB) "
                        ""
                        "1KiB..64KiB, not \"1MiB\"" },
                { "[alert-ingest]\nstrict = maybe\n",
                        "umbra.ini:2: alert-ingest.strict: must be yes or no, not \"maybe\"" },
                { "[alert-ingest]\nmode = four\n", "umbra.ini:2: alert-ingest.mode: must be one of "
                                                   "one|two|three, not \"four\"" },
                { "[alert-ingest]\nmode = on\n", "umbra.ini:2: alert-ingest.mode: must be one of "
                                                 "one|two|three, not \"on\"" },
                { "[alert-ingest]\ngap = 0\n",
                        "umbra.ini:2: alert-ingest.gap: must be a decimal number "
                        "0.00000001..100, not "
                        "\"0\"" },
                { "[alert-ingest]\nlisten = 8000\n",
                        "umbra.ini:2: alert-ingest.listen: must be host:port, not \"8000\"" },
                { "[alert-ingest]\nlisten = h:65536\n",
                        "umbra.ini:2: alert-ingest.listen: must be host:port, not \"h:65536\"" },
                { "[alert-ingest]\nlisten = [::1\n",
                        "umbra.ini:2: alert-ingest.listen: must be host:port, not \"[::1\"" },
                { "[risk]\ndaily = 1.234\n",
                        "umbra.ini:2: risk.daily: must be an amount with up to 2 decimals "
                        "0.00..10000.00, not \"1.234\"" },
                { "[risk]\ncount = 12abc\n",
                        "umbra.ini:2: risk.count: must be a whole number -1..100, not \"12abc\"" },
                { "[risk]\ncount = 99999999999999999999\n",
                        "umbra.ini:2: risk.count: must be a whole number -1..100, not "
                        "\"99999999999999999999\"" },
                { "[risk]\ncount = 101\n",
                        "umbra.ini:2: risk.count: must be a whole number -1..100, not \"101\"" },
                { "[source.tv]\nrate = 3\n",
                        "umbra.ini:1: source.tv.token: must be given: 64 hex digits" },
                { "[source.tv]\ntoken = hunter2\n",
                        "umbra.ini:2: source.tv.token: must be 64 hex digits" },
                { "[alias.broker]\nXAUUSD =\n; a dash means default\n", NULL },
                { "[alias.broker]\nXAUUSD = GOLDGOLDGOLDGOLDGOLDGOLDGOLDGOLD0\n",
                        "umbra.ini:2: alias.broker.XAUUSD: must be a text of 1..32 bytes, not "
                        "\"GOLDGOLDGOLDGOLDGOLDGOLDGOLDGOLD0\"" },
                { "[alias.broker]\n* = GOLD\n", "umbra.ini:2: alias.broker.*: unknown key" },
        };

        for (size_t i = 0; i < BUS_COUNT(cases); i++) {
                if (cases[i].error)
                        expect_file_error(cases[i].text, cases[i].error);
                else
                        config_free(must_load((struct given){ .text = cases[i].text }));
        }
}

static void expect_set_error(const char *set, const char *expected)
{
        expect_error((struct given){ .sets = &set, .set_count = 1 }, expected);
}

Test(config, each_bad_set_is_named)
{
        expect_set_error("nonsense", "--set: must be section.key=value");
        expect_set_error("buss.linger=1s", "--set: buss.linger: no known section and a key");
        expect_set_error("bus=1s", "--set: bus: no known section and a key");
        expect_set_error("bus.=1s", "--set: bus.: no known section and a key");
        expect_set_error("source.tv=1", "--set: source.tv: no known section and a key");
        expect_set_error("bus.lingr=1s", "--set: bus.lingr: unknown key");
        expect_set_error(
                "alert-ingest.strict=", "--set: alert-ingest.strict: must be yes or no, not \"\"");
        expect_set_error("plugin.x.y=a\nb", "--set: plugin.x.y: holds a control character");
        expect_set_error(
                "source.tv.rate=3", "--set: source.tv.token: must be given: 64 hex digits");
        config_free(must_load(
                (struct given){ .sets = (const char *[]){ "health.listen=x" }, .set_count = 1 }));
}

static void expect_environment_error(const char *variable, const char *expected)
{
        const char *const environment[] = { variable, NULL };

        expect_error((struct given){ .environment = environment }, expected);
}

Test(config, each_bad_variable_is_named)
{
        static const char *const harmless[] = { "UMBRA_STATE=/x", "UMBRA_HEALTH_ODD=1",
                "UMBRA_ALERT_INGEST_PORT=tcp://10.0.0.1:80", "UMBRA_ALERT_INGEST_SERVICE_HOST=h",
                "UMBRA_", "UMBRA_SOURCE_TV_RATE=x", NULL };

        expect_environment_error("UMBRA_BUS_LINGR=1s", "UMBRA_BUS_LINGR: bus: no key of that name");
        expect_environment_error("UMBRA_RISK_COUNT=many",
                "UMBRA_RISK_COUNT: risk.count: must be a whole number "
                "-1..100, not \"many\"");
        config_free(must_load((struct given){ .environment = harmless }));
}

Test(config, a_file_that_cannot_be_read_is_named)
{
        struct config_source source = { .path = "/nonexistent/umbra.ini" };
        struct config *config = NULL;
        char error[CONFIG_ERROR_SIZE];

        cr_expect_eq(config_load(&source, tables, 2, &config, error, sizeof(error)), -ENOENT);
        cr_expect_str_eq(
                error, "/nonexistent/umbra.ini: cannot be read: No such file or directory");
}

Test(config, printed_config_loads_again_and_masks)
{
        static const char text[] =
                "[source.tv]\ntoken = " HASH "\n[alert-ingest]\nmode = one\npeers = 10.0.0.0/8\n";
        CONFIG_AUTOFREE struct config *config = must_load((struct given){ .text = text });
        BUS_AUTOFREE char *printed = NULL;
        size_t size;
        FILE *out = open_memstream(&printed, &size);

        config_print(config, out);
        fclose(out);
        cr_expect_null(strstr(printed, HASH));
        cr_expect(strstr(printed, "[source.tv]\ntoken = ****\nrate = 7 ; default\n"));
        cr_expect(strstr(printed, "mode = one\n"));
        cr_expect(strstr(printed, "linger = 5s ; default\n"));
        *strstr(printed, "****") = 0;
        BUS_AUTOFREE char *again = bus_xasprintf("%s" HASH "\n", printed);
        config_free(must_load((struct given){ .text = again }));
}

Test(config, describe_names_every_option)
{
        BUS_AUTOFREE char *described = NULL;
        size_t size;
        FILE *out = open_memstream(&described, &size);

        config_describe(tables, 2, out);
        fclose(out);
        cr_expect(strstr(described,
                "[bus]\n; How long\n; a duration (250ms, 5s, 2m, 1h, 90d) 0..1m\nlinger = 5s\n"));
        cr_expect(strstr(described, "[source.*]\n; 64 hex digits; must be given\n; token = ...\n"));
        cr_expect(strstr(described, "; a text of 0..40 bytes; may be left out\n; peers = \n"));
}

Test(config, an_option_nobody_declared_is_fatal, .signal = SIGABRT)
{
        CONFIG_AUTOFREE struct config *config = must_load((struct given){ 0 });

        config_int(config, "bus", "lingr");
}

Test(config, the_wrong_accessor_is_fatal, .signal = SIGABRT)
{
        CONFIG_AUTOFREE struct config *config = must_load((struct given){ 0 });

        config_bool(config, "bus", "linger");
}

Test(sections, paths_split_where_the_section_ends)
{
        cr_expect_eq(config_section_of_path("bus.linger", 10), 3);
        cr_expect_eq(config_section_of_path("strategy-v3-shadow.x", 20), 18);
        cr_expect_eq(config_section_of_path("alias.broker.EURUSD.a", 21), 12);
        cr_expect_eq(config_section_of_path("symbol.EURUSD.a.digits", 22), 15);
        cr_expect_eq(config_section_of_path("telegrams.x", 11), 0);
        cr_expect(config_section_known("symbol.#A.b-c"));
        cr_expect_not(config_section_known("symbol."));
        cr_expect_not(config_section_known("symbol"));
        cr_expect_not(config_section_known(""));
}
