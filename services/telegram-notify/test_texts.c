#include "services/telegram-notify/texts.h"

#include <criterion/criterion.h>

static const struct texts_rule rules[] = { { "entry", "id symbol price" }, { 0 } };

static const char base[] = "# comment\n"
                           "[entry]\n"
                           "line = {symbol} at {price}\n"
                           "text = <b>{symbol}</b>[ at {price}], {{literal}} [[x]]\n"
                           "        risk {price}\n"
                           "\tid <code>{id}</code>\n"
                           "[side]\n"
                           "buy = BUY\n";

static void read_base(struct texts *texts)
{
        char error[TEXTS_ERROR_SIZE] = "";

        texts_init(texts, rules);
        cr_assert_eq(texts_read(texts, "base", bus_bytes_str(base), error), 0, "%s", error);
}

Test(texts, values_are_filled_in_and_escaped_and_empty_parts_left_out)
{
        TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        struct texts texts;

        texts_init(&texts, rules);
        texts_done(&texts);
        read_base(&texts);
        texts_set(&values, "symbol", "%s", "A<B");
        texts_set(&values, "id", "%d", 7);
        texts_fill(&texts, "entry", "text", &values, &buf);
        cr_expect_str_eq(bus_buf_str(&buf), "<b>A&lt;B</b>, {literal}} [x]\nid <code>7</code>");
        bus_buf_clear(&buf);
        texts_set(&values, "price", "%s", "1.5");
        texts_fill(&texts, "entry", "text", &values, &buf);
        cr_expect_str_eq(bus_buf_str(&buf),
                "<b>A&lt;B</b> at 1.5, {literal}} [x]\nrisk 1.5\nid <code>7</code>");
        texts_done(&texts);
}

Test(texts, another_language_takes_the_place_of_the_first_where_it_speaks)
{
        TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        char error[TEXTS_ERROR_SIZE] = "", buffer[32];
        struct texts texts;

        read_base(&texts);
        cr_assert_eq(texts_read(&texts, "de", bus_bytes_str("[side]\nbuy = KAUF\n"), error), 0);
        cr_expect_str_eq(texts_word(&texts, "side", "buy", buffer, sizeof(buffer)), "KAUF");
        cr_expect_str_eq(
                texts_word(&texts, "side", "to_the_side", buffer, sizeof(buffer)), "to the side");
        texts_set(&values, "symbol", "%s", "X");
        texts_fill(&texts, "entry", "line", &values, &buf);
        cr_expect_str_eq(bus_buf_str(&buf), "X at ");
        texts_done(&texts);
}

Test(texts, a_fault_is_named_with_its_line)
{
        static const struct {
                const char *content, *error;
        } cases[] = {
                { "[entry]\nlines = x\n", "f:2: entry.lines is no text of ours" },
                { "[entry]\nline = {profit}\n", "f:2: profit is no value that this text has" },
                { "[side]\n\nbuy = {symbol}\n", "f:3: symbol is no value that this text has" },
                { "[entry]\nline = {price\n", "f:2: a brace without a name and its end" },
                { "[entry]\nline = [{price}\n", "f:2: a bracket is left open" },
                { "[entry]\nline = a]\n", "f:2: a bracket that was not opened" },
                { "[entry]\nline = [a[{price}] ]\n", "f:2: a bracket within brackets" },
                { "[entry]\ntext = <b>a\n\tb</b>\n",
                        "f:2: entry.text a tag is not closed in its line" },
                { "[entry]\ntext = <script>\n",
                        "f:2: entry.text a tag other than b, i, u, s and code" },
                { "[entry]\ntext = <b><i></b></i>\n",
                        "f:2: entry.text a tag is closed that is not the last one opened in its line" },
                { "[entry]\ntext = a & b\n", "f:2: entry.text & must be written &amp;" },
                { "[entry]\ntext = a < b\n", "f:2: entry.text a tag without its end" },
                { "line = x\n", "f:1: is no key = text in a [section]" },
                { "[entry]\nline\n", "f:2: is no key = text in a [section]" },
                { "[entry]\n  more\n", "f:2: goes on with no text" },
                { "[entry\n", "f:1: is no [section]" },
        };

        for (size_t i = 0; i < BUS_COUNT(cases); i++) {
                char error[TEXTS_ERROR_SIZE] = "";
                struct texts texts;

                read_base(&texts);
                cr_expect_lt(texts_read(&texts, "f", bus_bytes_str(cases[i].content), error), 0);
                cr_expect_str_eq(error, cases[i].error);
                texts_done(&texts);
        }
}
