#include "services/common/symbols.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct symbols table;
static char error[SYMBOLS_ERROR_SIZE];

static void setup(void)
{
        symbols_init(&table);
        error[0] = 0;
}

static void teardown(void)
{
        symbols_done(&table);
}

TestSuite(symbols, .init = setup, .fini = teardown);

Test(symbols, defaults_are_complete_and_sound)
{
        const struct v3_symbol *gold = symbols_find(&table, "XAUUSD");

        cr_expect_eq(table.count, 10);
        cr_expect_eq(symbols_check(&table, error), 0, "%s", error);
        cr_expect_eq(gold->digits, 2);
        cr_expect_eq(gold->pip_e8, 1000000);
        cr_expect_eq(gold->usd_per_pip_lot_cents, 100);
        cr_expect_eq(gold->lot_max_e8, 200000000);
        cr_expect_eq(gold->min_stop_pips, 10);
        cr_expect_eq(gold->fallback_sl_pips[1], 1500);
        cr_expect_eq(symbols_find(&table, "USDJPY")->usd_per_pip_lot_cents, 910);
        cr_expect_eq(symbols_find(&table, "GBPUSD")->fallback_sl_pips[4], 50);
        cr_expect_null(symbols_find(&table, "xauusd"));
}

Test(symbols, one_value_is_overridden)
{
        cr_expect_eq(symbols_set(&table, "XAUUSD", "max_lot", "3", error), 0);
        cr_expect_eq(symbols_set(&table, "USDJPY", "usd_per_pip", "6.5", error), 0);
        cr_expect_eq(symbols_set(&table, "EURUSD", "fallback_sl_pips", "1/2/3/4/5", error), 0);
        cr_expect_eq(symbols_find(&table, "XAUUSD")->lot_max_e8, 300000000);
        cr_expect_eq(symbols_find(&table, "USDJPY")->usd_per_pip_lot_cents, 650);
        cr_expect_eq(symbols_find(&table, "EURUSD")->fallback_sl_pips[4], 5);
        cr_expect_eq(symbols_check(&table, error), 0);
}

Test(symbols, a_bad_value_changes_nothing_and_is_named)
{
        static const char *const bad[][2] = {
                { "digits", "9" },
                { "digits", "-1" },
                { "digits", "" },
                { "pip", "0" },
                { "pip", "1x" },
                { "usd_per_pip", "0" },
                { "usd_per_pip", "9.123" },
                { "min_lot", "0.005" },
                { "lot_step", "-0.01" },
                { "max_lot", "99999999999999999999" },
                { "min_stop_pips", "5.5" },
                { "fallback_sl_pips", "1/2/3/4" },
                { "fallback_sl_pips", "1/2/3/4/5/6" },
                { "fallback_sl_pips", "1/2//4/5" },
                { "fallback_sl_pips", "1/2/0/4/5" },
        };
        BUS_AUTOBUF struct bus_buf before = BUS_BUF_INIT, after = BUS_BUF_INIT;

        symbols_canonical(&table, &before);
        for (size_t i = 0; i < BUS_COUNT(bad); i++) {
                int r = symbols_set(&table, "EURUSD", bad[i][0], bad[i][1], error);

                cr_expect_eq(r, -EINVAL, "%s=%s", bad[i][0], bad[i][1]);
                cr_expect_not_null(strstr(error, bad[i][0]), "%s", error);
                cr_expect_null(strchr(error, '\n'));
        }
        symbols_canonical(&table, &after);
        cr_expect(bus_bytes_equal(bus_buf_bytes(&before), bus_buf_bytes(&after)));
}

Test(symbols, an_unknown_key_is_named)
{
        cr_expect_eq(symbols_set(&table, "EURUSD", "maxlot", "3", error), -ENOENT);
        cr_expect_str_eq(error, "symbol.EURUSD.maxlot: no such key");
        cr_expect_eq(symbols_set(&table, "EUR USD", "max_lot", "3", error), -EINVAL);
}

Test(symbols, a_new_symbol_needs_every_key)
{
        static const char *const keys[][2] = {
                { "digits", "1" },
                { "pip", "1" },
                { "usd_per_pip", "1" },
                { "min_lot", "0.1" },
                { "lot_step", "0.1" },
                { "max_lot", "50" },
                { "min_stop_pips", "20" },
                { "fallback_sl_pips", "100/100/80/80/80" },
        };

        for (size_t i = 0; i < BUS_COUNT(keys); i++) {
                if (i > 0) {
                        cr_expect_eq(symbols_check(&table, error), -EINVAL);
                        cr_expect_not_null(strstr(error, keys[i][0]), "%s", error);
                }
                cr_expect_eq(symbols_set(&table, "GER40", keys[i][0], keys[i][1], error), 0);
        }
        cr_expect_eq(symbols_check(&table, error), 0, "%s", error);
        cr_expect_eq(symbols_find(&table, "GER40")->lot_step_e8, 10000000);
}

Test(symbols, contradictions_are_found)
{
        cr_expect_eq(symbols_set(&table, "EURUSD", "lot_step", "0.03", error), 0);
        cr_expect_eq(symbols_check(&table, error), -EINVAL);
        cr_expect_eq(symbols_set(&table, "EURUSD", "min_lot", "0.03", error), 0);
        cr_expect_eq(symbols_check(&table, error), 0);
        cr_expect_eq(symbols_set(&table, "EURUSD", "max_lot", "0.02", error), 0);
        cr_expect_eq(symbols_check(&table, error), -EINVAL);
}

Test(symbols, aliases_come_after_exact_names)
{
        cr_expect_eq(symbols_alias(&table, "GOLD", "XAUUSD", error), 0);
        cr_expect_eq(symbols_alias(&table, "EURUSD", "GBPUSD", error), 0);
        cr_expect_str_eq(symbols_find(&table, "GOLD")->name, "XAUUSD");
        cr_expect_str_eq(symbols_find(&table, "EURUSD")->name, "EURUSD");
        cr_expect_eq(symbols_check(&table, error), 0);
        cr_expect_eq(symbols_alias(&table, "GOLD", "EURUSD", error), -EINVAL, "twice");
        cr_expect_eq(symbols_alias(&table, "SILVER", "XAGUSD", error), 0);
        cr_expect_eq(symbols_check(&table, error), -EINVAL);
        cr_expect_null(symbols_find(&table, "SILVER"));
}

Test(symbols, canonical_text_tells_values_not_their_spelling)
{
        BUS_AUTOBUF struct bus_buf a = BUS_BUF_INIT, b = BUS_BUF_INIT, c = BUS_BUF_INIT;

        symbols_canonical(&table, &a);
        cr_expect_eq(symbols_set(&table, "XAUUSD", "max_lot", "2.00", error), 0);
        symbols_canonical(&table, &b);
        cr_expect(bus_bytes_equal(bus_buf_bytes(&a), bus_buf_bytes(&b)));
        cr_expect_eq(symbols_set(&table, "XAUUSD", "max_lot", "2.01", error), 0);
        symbols_canonical(&table, &c);
        cr_expect_not(bus_bytes_equal(bus_buf_bytes(&a), bus_buf_bytes(&c)));
        cr_expect_eq(
                strncmp(bus_buf_str(&a), "symbol AUDJPY digits=3 pip=0.01 usd_per_pip=9.20 ", 48),
                0);
}
