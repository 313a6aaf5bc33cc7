#include "services/common/symbols_config.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct config_option options[] = {
        SYMBOLS_CONFIG_OPTION,
        SYMBOLS_CONFIG_ALIAS_OPTION,
        { 0 },
};

static int load(const char *text, bool with_aliases, struct symbols *symbols, char *error)
{
        const struct config_option *tables[] = { options };
        const struct config_source source = {
                .path = "t.ini", .text = text, .text_size = strlen(text)
        };
        CONFIG_AUTOFREE struct config *config = NULL;

        cr_assert_eq(
                config_load(&source, tables, 1, &config, error, CONFIG_ERROR_SIZE), 0, "%s", error);
        return symbols_config(symbols, config, with_aliases, error);
}

Test(symbols_config, an_empty_config_is_the_default_table)
{
        struct symbols symbols;
        char error[CONFIG_ERROR_SIZE] = "";

        cr_assert_eq(load("", true, &symbols, error), 0, "%s", error);
        cr_expect(symbols_find(&symbols, "XAUUSD"));
        cr_expect(!symbols_find(&symbols, "GOLD"));
        symbols_done(&symbols);
}

Test(symbols_config, a_section_changes_a_row_and_an_alias_finds_it)
{
        struct symbols symbols;
        char error[CONFIG_ERROR_SIZE] = "";
        const struct v3_symbol *gold;

        cr_assert_eq(load("[symbol.XAUUSD]\nmax_lot = 3\n[alias.ingest]\nGOLD = XAUUSD\n", true,
                             &symbols, error),
                0, "%s", error);
        gold = symbols_find(&symbols, "GOLD");
        cr_assert(gold);
        cr_expect_str_eq(gold->name, "XAUUSD");
        cr_expect_eq(gold->lot_max_e8, INT64_C(300000000));
        symbols_done(&symbols);
}

Test(symbols_config, a_fault_is_one_line_that_names_file_line_and_key)
{
        static const struct {
                const char *text, *says;
        } faults[] = {
                { "[symbol.XAUUSD]\nmax_lots = 3\n", "t.ini:2: symbol.XAUUSD.max_lots: " },
                { "[symbol.XAUUSD]\nmax_lot = many\n", "t.ini:2: symbol.XAUUSD.max_lot: " },
                { "[alias.ingest]\nGOLD = NOTHING\n", "NOTHING" },
                { "[symbol.NEW]\ndigits = 2\n", "NEW" },
        };

        for (size_t i = 0; i < BUS_COUNT(faults); i++) {
                struct symbols symbols;
                char error[CONFIG_ERROR_SIZE] = "";

                cr_expect_lt(load(faults[i].text, true, &symbols, error), 0);
                cr_expect(strstr(error, faults[i].says), "%s", error);
                cr_expect(!strchr(error, '\n'));
        }
}
