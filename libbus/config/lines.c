/*
 * Keeps: inih sees one line at a time, each whole, without leading blanks, and never one that
 * follows a fault.
 */
#include "libbus/config/lines.h"

#include "libbus/config/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct walk {
        struct bus_bytes rest;
        unsigned int line;
        const struct line_visitor *visitor;
        unsigned int fault_line; /* 0: none yet */
        char *why;
        size_t why_size;
};

static void fault(struct walk *w, const char *why)
{
        snprintf(w->why, w->why_size, "%s", why);
        w->fault_line = w->line;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static struct bus_bytes trim(struct bus_bytes line)
{
        while (line.size && is_blank((char)line.data[0]))
                line = bus_bytes(line.data + 1, line.size - 1);
        while (line.size &&
                (is_blank((char)line.data[line.size - 1]) || line.data[line.size - 1] == '\r'))
                line.size--;
        return line;
}

static struct bus_bytes take_line(struct walk *w)
{
        const uint8_t *start = w->rest.data, *end;
        size_t size, taken;

        end = memchr(start, '\n', w->rest.size);
        size = end ? (size_t)(end - start) : w->rest.size;
        taken = size + (end != NULL);
        w->rest = bus_bytes(start + taken, w->rest.size - taken);
        w->line++;
        return bus_bytes(start, size);
}

static void skip_byte_order_mark(struct walk *w)
{
        size_t size = strlen(BYTE_ORDER_MARK);

        if (w->rest.size >= size && !memcmp(w->rest.data, BYTE_ORDER_MARK, size))
                w->rest = bus_bytes(w->rest.data + size, w->rest.size - size);
}

static bool has_control(struct bus_bytes line)
{
        for (size_t i = 0; i < line.size; i++)
                if ((line.data[i] < 0x20 && line.data[i] != '\t') || line.data[i] == 0x7f)
                        return true;
        return false;
}

/* inih takes what stands behind ']' for nothing, and does not tell of a header at all. */
static void visit_header(struct walk *w, const char *line)
{
        const char *end = strchr(line, ']');
        char section[CONFIG_LINE_MAX + 1];

        if (!end) {
                fault(w, "the section's ']' is missing");
                return;
        }
        if (end[1 + strspn(end + 1, " \t")] && !strchr(";#", end[1 + strspn(end + 1, " \t")])) {
                fault(w, "something stands behind the section's ']'");
                return;
        }
        snprintf(section, sizeof(section), "%.*s", (int)(end - line - 1), line + 1);
        if (w->visitor->section(w->visitor->context, section, w->line, w->why, w->why_size) < 0)
                w->fault_line = w->line;
}

/* The ini_reader: fgets for inih, and the one place that knows the line's number. */
static char *read_line(char *buffer, int size, void *stream)
{
        struct walk *w = stream;
        struct bus_bytes line;

        if (w->fault_line || !w->rest.size)
                return NULL;
        line = trim(take_line(w));
        if (line.size > CONFIG_LINE_MAX || line.size + 2 > (size_t)size) {
                snprintf(w->why, w->why_size, "the line is longer than %d bytes", CONFIG_LINE_MAX);
                w->fault_line = w->line;
                return NULL;
        }
        if (has_control(line)) {
                fault(w, "the line holds a control character");
                return NULL;
        }
        memcpy(buffer, line.data, line.size);
        buffer[line.size] = 0;
        if (buffer[0] == '[')
                visit_header(w, buffer);
        if (w->fault_line)
                return NULL;
        memcpy(buffer + line.size, "\n", 2);
        return buffer;
}

static int on_entry(void *user, const char *section, const char *key, const char *value)
{
        struct walk *w = user;

        if (w->fault_line)
                return 1;
        if (!section[0])
                fault(w, "a key before the first [section]");
        else if (!key[0])
                fault(w, "no key before the '='");
        else if (w->visitor->entry(w->visitor->context, section, key, value, w->line, w->why,
                         w->why_size) < 0)
                w->fault_line = w->line;
        return 1;
}

int lines_walk(struct bus_bytes text, const struct line_visitor *visitor, unsigned int *ret_line,
        char *why, size_t size)
{
        struct walk w = { .rest = text, .visitor = visitor, .why = why, .why_size = size };
        int broken_line;

        if (!text.size)
                return 0;
        skip_byte_order_mark(&w);
        broken_line = ini_parse_stream(read_line, &w, on_entry, &w);
        /* inih goes on behind a line it cannot read, so a later fault may already be there. */
        if (broken_line > 0 && (!w.fault_line || (unsigned int)broken_line < w.fault_line)) {
                w.fault_line = (unsigned int)broken_line;
                snprintf(why, size, "neither [section], key = value nor a comment");
        } else if (broken_line < 0) {
                fault(&w, "cannot be parsed: out of memory");
        }
        if (!w.fault_line)
                return 0;
        *ret_line = w.fault_line;
        return -EINVAL;
}
