/*
 * Keeps: a line this file does not set is handed on byte for byte.
 */
#include "services/umbra/ini_edit.h"

#include <string.h>

struct line {
        const char *start;
        size_t size; /* without the line break */
};

/* Takes the next line off TEXT; false at the end. */
static bool next_line(struct bus_bytes *text, struct line *ret_line)
{
        const char *start = (const char *)text->data;
        const char *end;

        if (!text->size)
                return false;
        end = memchr(start, '\n', text->size);
        ret_line->start = start;
        ret_line->size = end ? (size_t)(end - start) : text->size;
        text->size -= ret_line->size + (end ? 1 : 0);
        text->data += ret_line->size + (end ? 1 : 0);
        return true;
}

static struct line trimmed(struct line line)
{
        while (line.size && strchr(" \t\r", line.start[0])) {
                line.start++;
                line.size--;
        }
        while (line.size && strchr(" \t\r", line.start[line.size - 1]))
                line.size--;
        return line;
}

static bool line_is(struct line line, const char *text)
{
        return line.size == strlen(text) && !memcmp(line.start, text, line.size);
}

/* Whether LINE is a section's head; *RET_OURS tells if it is SECTION's. */
static bool is_head(struct line line, const char *section, bool *ret_ours)
{
        line = trimmed(line);
        if (line.size < 2 || line.start[0] != '[' || line.start[line.size - 1] != ']')
                return false;
        *ret_ours = line_is((struct line){ line.start + 1, line.size - 2 }, section);
        return true;
}

/* Whether LINE gives KEY; RET_VALUE is what stands behind the '='. */
static bool gives_key(struct line line, const char *key, struct line *ret_value)
{
        const char *equals;
        struct line name;

        line = trimmed(line);
        equals = memchr(line.start, '=', line.size);
        if (!equals)
                return false;
        name = trimmed((struct line){ line.start, (size_t)(equals - line.start) });
        if (!line_is(name, key))
                return false;
        *ret_value =
                trimmed((struct line){ equals + 1, line.size - (size_t)(equals + 1 - line.start) });
        return true;
}

static void put_line(struct bus_buf *ret, struct line line)
{
        bus_buf_add(ret, line.start, line.size);
        bus_buf_add(ret, "\n", 1);
}

/* How many lines precede the place where a new key of SECTION belongs; 0: there is no section. */
static size_t place_in_section(struct bus_bytes text, const char *section)
{
        struct line line;
        size_t number = 0, place = 0;
        bool ours = false;

        while (next_line(&text, &line)) {
                number++;
                is_head(line, section, &ours);
                if (ours && trimmed(line).size)
                        place = number;
        }
        return place;
}

void ini_set(struct bus_bytes text, const char *section, const char *key, const char *value,
        struct bus_buf *ret)
{
        size_t place = place_in_section(text, section), number = 0;
        BUS_AUTOBUF struct bus_buf old = BUS_BUF_INIT;
        bool given = ini_get(text, section, key, &old), ours = false;
        struct line line, unused;

        while (next_line(&text, &line)) {
                number++;
                is_head(line, section, &ours);
                if (given && ours && gives_key(line, key, &unused))
                        bus_buf_printf(ret, "%s = %s\n", key, value);
                else
                        put_line(ret, line);
                if (!given && number == place)
                        bus_buf_printf(ret, "%s = %s\n", key, value);
        }
        if (!place)
                bus_buf_printf(ret, "\n[%s]\n%s = %s\n", section, key, value);
}

bool ini_get(struct bus_bytes text, const char *section, const char *key, struct bus_buf *ret)
{
        struct line line, value;
        bool ours = false;

        while (next_line(&text, &line)) {
                if (is_head(line, section, &ours) || !ours || !gives_key(line, key, &value))
                        continue;
                bus_buf_add(ret, value.start, value.size);
                return true;
        }
        return false;
}
