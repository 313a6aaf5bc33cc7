#include "services/telegram/markup.h"

#include "libbus/base/require.h"
#include "services/common/json_text.h"

#include <stdarg.h>
#include <stdio.h>

#define NUMBER_SIZE 32

static const struct entity {
        const char *text;
        char character;
} entities[] = { { "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' }, { "&quot;", '"' } };

static void escape_byte(struct bus_buf *buf, char byte)
{
        for (size_t i = 0; i < BUS_COUNT(entities) - 1;
                i++) /* a quote needs it in attributes only */
                if (entities[i].character == byte) {
                        bus_buf_add_str(buf, entities[i].text);
                        return;
                }
        bus_buf_add(buf, &byte, 1);
}

void tg_escape(struct bus_buf *buf, const char *text)
{
        size_t left = strlen(text);

        while (left) {
                size_t clean = json_clean_prefix(text, left, left);

                for (size_t i = 0; i < clean; i++)
                        escape_byte(buf, text[i]);
                text += clean;
                left -= clean;
                if (left) {
                        bus_buf_add_str(buf, (unsigned char)*text < ' ' ? " " : "?");
                        text++;
                        left--;
                }
        }
}

/* One conversion of tg_printf; FORMAT stands behind the '%'. What of FORMAT it took. */
static size_t convert(struct bus_buf *buf, const char *format, va_list *args)
{
        static const char *const numbers[] = { "d", "u", "lld", "zu" };

        if (*format == '%' || *format == 's') {
                if (*format == '%')
                        bus_buf_add_str(buf, "%");
                else
                        tg_escape(buf, va_arg(*args, const char *));
                return 1;
        }
        for (size_t i = 0; i < BUS_COUNT(numbers); i++) {
                if (strncmp(format, numbers[i], strlen(numbers[i])) != 0)
                        continue;
                switch (i) {
                case 0: bus_buf_printf(buf, "%d", va_arg(*args, int)); break;
                case 1: bus_buf_printf(buf, "%u", va_arg(*args, unsigned int)); break;
                case 2: bus_buf_printf(buf, "%lld", va_arg(*args, long long)); break;
                default: bus_buf_printf(buf, "%zu", va_arg(*args, size_t)); break;
                }
                return strlen(numbers[i]);
        }
        bus_require(!"a conversion that tg_printf knows");
        return 0;
}

void tg_printf(struct bus_buf *buf, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        while (*format) {
                size_t size = strcspn(format, "%");

                bus_buf_add(buf, format, size);
                format += size;
                if (*format)
                        format += 1 + convert(buf, format + 1, &args);
        }
        va_end(args);
}

void tg_plain(struct bus_buf *buf, const char *html)
{
        while (*html) {
                size_t i;

                if (*html == '<') {
                        html += strcspn(html, ">");
                        html += *html == '>';
                        continue;
                }
                for (i = 0; i < BUS_COUNT(entities); i++)
                        if (!strncmp(html, entities[i].text, strlen(entities[i].text)))
                                break;
                if (i < BUS_COUNT(entities)) {
                        bus_buf_add(buf, &entities[i].character, 1);
                        html += strlen(entities[i].text);
                } else {
                        bus_buf_add(buf, html, 1);
                        html++;
                }
        }
}

/* Code units that the character beginning with BYTE has; 0 for the bytes behind the first. */
static size_t units_of(unsigned char byte)
{
        if ((byte & 0xc0) == 0x80)
                return 0;
        return byte >= 0xf0 ? 2 : 1;
}

size_t tg_units(const char *html)
{
        size_t units = 0;

        for (; *html; html++)
                units += units_of((unsigned char)*html);
        return units;
}

size_t tg_fit(const char *html, size_t max_units)
{
        size_t at = 0, line_end = 0, units = 0;

        for (; html[at]; at++) {
                units += units_of((unsigned char)html[at]);
                if (units > max_units)
                        break;
                if (html[at] == '\n')
                        line_end = at + 1;
        }
        if (!html[at])
                return at;
        while (at && ((unsigned char)html[at] & 0xc0) == 0x80)
                at--;
        if (line_end)
                return line_end;
        return at ? at : 1;
}
