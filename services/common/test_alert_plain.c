/* A plain body is judged without the JSON library, and as that would have it judged. */
#include "libbus/base/io.h"
#include "services/common/alert_judged.h"
#include "services/common/plain_json.h"

#include <criterion/criterion.h>
#include <dirent.h>

#define FILE_MAX_BYTES (4u << 20)

static struct symbols symbols;
static unsigned int count, plain;

static void set_up(void)
{
        char error[SYMBOLS_ERROR_SIZE];

        symbols_init(&symbols);
        cr_assert_eq(symbols_alias(&symbols, "GOLD", "XAUUSD", error), 0);
}

static void tear_down(void)
{
        symbols_done(&symbols);
}

TestSuite(alert_plain, .init = set_up, .fini = tear_down);

static void expect_the_same(struct bus_bytes body)
{
        struct plain_object object;
        /* a block of exactly its size, so that the sanitizer sees a read behind the end */
        uint8_t *exact = body.size ? bus_xmemdup(body.data, body.size) : NULL;

        count++;
        plain += plain_json_read(bus_bytes(exact, body.size), &object);
        if (!judged_the_same(bus_bytes(exact, body.size), &symbols))
                cr_expect_fail("%.*s", (int)body.size, body.data);
        free(exact);
}

static const char entry[] = ENTRY(",\"sl_price\":2640,\"tp1_price\":2660.5,\"tp2_price\":2670e0,"
                                  "\"mtf_trends\":\"1,1,0,-1,1\",\"position_multiplier\":0.8,"
                                  "\"price_in_ob\":true,\"message\":\"as {[,:]} it is\","
                                  "\"extra\":null,\"id\":\"a-1\",\"time\":1795371600000");

static const char *const values[] = {
        "\"entry_v3\"",
        "\"exit_v3\"",
        "\"squeeze_v3\"",
        "\"trend_pulse_v3\"",
        "\"Momentum_Breakout\"",
        "\"Bullish_Exit\"",
        "\"Volatility_Squeeze\"",
        "\"Trend_Pulse\"",
        "\"Screener_Full_Bullish\"",
        "\"XAUUSD\"",
        "\"GOLD\"",
        "\"EURUSD\"",
        "\"XPTUSD\"",
        "\"X Y\"",
        "\"buy\"",
        "\"sell\"",
        "\"15\"",
        "\"D\"",
        "\"1W\"",
        "\"16\"",
        "\"1,1,0,-1,1\"",
        "\"1,1,0,-1,1,0\"",
        "\"1,1\"",
        "\"1,1,0,-1,1,0,\"",
        "\"\"",
        "\" \"",
        "\"an id, a message\"",
        "\"1795371600000\"",
        "\"17953716000000\"",
        "\"2026-11-22T18:19:59Z\"",
        "\"2026-11-22T18:19:59\"",
        "\"{{x}}\"",
        "\"{{\"",
        "\"a\\u0062c\"",
        "\"buy\\u0000\"",
        "\"bu\\u0079\"",
        "\"{\\u007bx}}\"",
        "\"\xc3\xa9\"",
        "\"\xff\"",
        "\"\x7f\"",
        "\"a\tb\"",
        "\"",
        "\"0123456789012345678901234567890123456789012345678901234567890123\"",
        "\"01234567890123456789012345678901234567890123456789012345678901234\"",
        "0",
        "-0",
        "1",
        "-1",
        "2",
        "7",
        "9",
        "10",
        "15",
        "240",
        "1795371600000",
        "1795371600",
        "999999999999999999",
        "-999999999999999999",
        "1000000000000000000",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551623",
        "4294967303",
        "0.0",
        "-0.0",
        "0.2",
        "2.0",
        "2.0004",
        "0.0999",
        "7.0",
        "7e0",
        "1E+2",
        "2650.12",
        "2650.125",
        "2640.004999",
        "10000000",
        "10000000.000000001",
        "1e-9",
        "1e999",
        "1e-999",
        "-5.5",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "0x1",
        "NaN",
        "true",
        "false",
        "null",
        "True",
        "tru",
        "nulll",
        "{}",
        "[]",
        "{\"a\":1}",
        "[\"{{x}}\"]",
        "{\"a\":1,\"a\":2}",
        "[[[[]]]]",
        "{{x}}",
        "",
        "1 1",
};

/* An alert of TYPE in which FIELD has VALUE; NULL: has none. */
static void make_body(struct bus_buf *body, const char *type, const char *field, const char *value)
{
        const char *const members[][2] = {
                { "type", type },
                { "signal_type", !strcmp(type, "\"exit_v3\"") ? "\"Bullish_Exit\""
                                                              : "\"Momentum_Breakout\"" },
                { "symbol", "\"XAUUSD\"" },
                { "direction", "\"buy\"" },
                { "tf", "\"15\"" },
                { "price", "2650.12" },
                { "consensus_score", "7" },
        };

        bus_buf_clear(body);
        bus_buf_add_str(body, "{");
        for (size_t i = 0; i < BUS_COUNT(members); i++)
                if (strcmp(members[i][0], field))
                        bus_buf_printf(body, "\"%s\":%s,", members[i][0], members[i][1]);
        if (value)
                bus_buf_printf(body, "\"%s\":%s,", field, value);
        bus_buf_add_str(body, "\"an unknown one\":1}");
}

static void expect_the_same_of_field(const char *type, const char *field)
{
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;

        make_body(&body, type, field, NULL);
        expect_the_same(bus_buf_bytes(&body));
        for (size_t i = 0; i < BUS_COUNT(values); i++) {
                make_body(&body, type, field, values[i]);
                expect_the_same(bus_buf_bytes(&body));
        }
}

Test(alert_plain, any_value_of_any_field_is_judged_the_same)
{
        static const char *const types[] = { "\"entry_v3\"", "\"exit_v3\"", "\"squeeze_v3\"",
                "\"trend_pulse_v3\"" };

        for (size_t i = 0; i < BUS_COUNT(types); i++) {
                for (enum alert_field field = 0; field < FIELD_COUNT; field++)
                        expect_the_same_of_field(types[i], alert_field_name(field));
                expect_the_same_of_field(types[i], "unknown");
                expect_the_same_of_field(types[i], "");
        }
        cr_expect_gt(plain, count / 2);
        cr_expect_lt(plain, count);
}

Test(alert_plain, any_byte_and_any_end_is_judged_the_same)
{
        static const char bytes[] = "\"\\{}[],: \t0e.-t\x01\x7f\x80"; /* its NUL, too */
        char body[sizeof(entry)];

        cr_assert_str_eq(judged(entry), "| unknown_field:extra");
        for (size_t i = 0; i < sizeof(entry); i++) {
                expect_the_same(bus_bytes(entry, i));
                for (size_t k = 0; k < sizeof(bytes) && i < sizeof(entry) - 1; k++) {
                        memcpy(body, entry, sizeof(entry));
                        body[i] = bytes[k];
                        expect_the_same(bus_bytes(body, sizeof(entry) - 1));
                }
        }
        cr_expect_gt(plain, 100);
        cr_expect_lt(plain, count);
}

Test(alert_plain, names_are_judged_the_same)
{
        static const char *const bodies[] = {
                ENTRY(",\"price\":1"),
                ENTRY(",\"Price\":1"),
                ENTRY(",\"pri\\u0063e\":1"),
                ENTRY(",\"sl_pri\\u0063e\":1"),
                ENTRY(",\"a\":1,\"b\":2,\"a\":1"),
                ENTRY(",\"\":1,\"\":2"),
                ENTRY(",\"axb\":1,\"ayb\":2,\"axb\":3"),
                ENTRY(",\"{{x}}\":1"),
                ENTRY(",\"{{x}}\":\"{{y}}\""),
                ENTRY(",\"\xc3\xa9\":1"),
                ENTRY(",\"a name far longer than what is told of one, which is sixty-four\":1"),
        };

        for (size_t i = 0; i < BUS_COUNT(bodies); i++)
                expect_the_same(bus_bytes_str(bodies[i]));
        cr_expect_eq(plain, 4);
}

/* Around what the reader takes at most, and what is warned of. */
Test(alert_plain, any_number_of_members_is_judged_the_same)
{
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;

        for (unsigned int n = 0; n < 2 * PLAIN_MEMBERS_MAX; n++) {
                bus_buf_clear(&body);
                bus_buf_add_str(&body, "{\"type\":\"trend_pulse_v3\"");
                for (unsigned int i = 0; i < n; i++)
                        bus_buf_printf(&body, ",\"n%u\":\"%u\"", i, i);
                bus_buf_add_str(&body, "}");
                expect_the_same(bus_buf_bytes(&body));
        }
        cr_expect_eq(plain, PLAIN_MEMBERS_MAX);
}

static void expect_the_same_of_size(size_t size)
{
        static char body[ALERT_BODY_MAX_BYTES + 1];

        memset(body, 'x', size);
        memcpy(body, "{\"", 2);
        memcpy(body + size / 2, "\":\"", 3);
        memcpy(body + size - 2, "\"}", 2);
        expect_the_same(bus_bytes(body, size));
}

/* The strings of a plain body have room in a block on the stack, which those of a longer one have
 * not. */
Test(alert_plain, any_size_is_judged_the_same)
{
        for (size_t size = 16; size < 4200; size++)
                expect_the_same_of_size(size);
        expect_the_same_of_size(ALERT_BODY_MAX_BYTES);
        expect_the_same_of_size(ALERT_BODY_MAX_BYTES + 1);
        cr_expect_eq(plain, count);
}

Test(alert_plain, the_corpus_is_judged_the_same)
{
        DIR *dir = opendir(ALERT_CORPUS);
        struct dirent *file;

        cr_assert_not_null(dir);
        while ((file = readdir(dir))) {
                BUS_AUTOFREE char *path = bus_xasprintf("%s/%s", ALERT_CORPUS, file->d_name);
                BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;

                if (file->d_name[0] == '.')
                        continue;
                cr_assert_eq(bus_file_read(path, FILE_MAX_BYTES, &body), 0, "%s", path);
                expect_the_same(bus_buf_bytes(&body));
        }
        closedir(dir);
        cr_expect_gt(plain, 10);
        cr_expect_lt(plain, count);
}

static void expect_the_same_of_vector(struct bus_bytes vector)
{
        struct json_scan scan;
        struct bus_bytes name, value;

        json_scan_init(&scan, vector);
        while (json_scan_next(&scan, &name, &value))
                if (bus_bytes_equal(name, bus_bytes_str("alert")))
                        expect_the_same(value);
}

Test(alert_plain, the_vectors_are_judged_the_same)
{
        BUS_AUTOFREE char *line = NULL;
        size_t capacity = 0;
        ssize_t size;
        FILE *file = fopen(VECTORS, "re");

        cr_assert_not_null(file);
        while ((size = getline(&line, &capacity, file)) > 0)
                expect_the_same_of_vector(bus_bytes(line, (size_t)size));
        fclose(file);
        cr_expect_gt(count, 50);
        cr_expect_eq(plain, count);
}
