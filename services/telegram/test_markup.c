#include "services/telegram/markup.h"

#include <criterion/criterion.h>
#include <string.h>

Test(telegram_markup, texts_from_outside_cannot_be_markup)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;

        tg_printf(&buf, "<b>%s</b> %d%% %u %zu %lld", "<i>&\"_*\n\xff\xc3\xa9", -3, 4u, (size_t)5,
                6LL);
        cr_expect_str_eq(bus_buf_str(&buf), "<b>&lt;i&gt;&amp;\"_* ?\xc3\xa9</b> -3% 4 5 6");
}

Test(telegram_markup, plain_is_what_the_html_shows)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;

        tg_plain(&buf, "<b>a &lt;&amp;&gt; &quot;b</b> & <a href=\"x\">c</a> <unclosed");
        cr_expect_str_eq(bus_buf_str(&buf), "a <&> \"b & c ");
}

Test(telegram_markup, length_is_in_utf16_units)
{
        cr_expect_eq(tg_units(""), 0u);
        cr_expect_eq(tg_units("a\xc3\xa9\xe2\x82\xac"), 3u);
        cr_expect_eq(tg_units("\xf0\x9f\x98\x80"), 2u);
}

Test(telegram_markup, a_cut_is_at_a_line_or_at_least_at_a_character)
{
        cr_expect_eq(tg_fit("abc", 3), 3u);
        cr_expect_eq(tg_fit("ab\ncd", 4), 3u);
        cr_expect_eq(tg_fit("abcd", 2), 2u);
        cr_expect_eq(tg_fit("a\xf0\x9f\x98\x80z", 2), 1u);
        cr_expect_eq(tg_fit("\xc3\xa9\xc3\xa9", 1), 2u);
        cr_expect_eq(tg_fit("", 1), 0u);
}
