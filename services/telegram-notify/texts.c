#include "services/telegram-notify/texts.h"

#include "libbus/base/require.h"
#include "services/telegram/markup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define NAME_SIZE 32
#define TAGS_DEEP 4 /* in one line */

void texts_init(struct texts *texts, const struct texts_rule *rules)
{
        *texts = (struct texts){ .rules = rules };
}

void texts_done(struct texts *texts)
{
        for (size_t i = 0; i < texts->count; i++) {
                free(texts->items[i].key);
                free(texts->items[i].value);
        }
        free(texts->items);
        *texts = (struct texts){ 0 };
}

static struct text *find(const struct texts *texts, const char *key)
{
        for (size_t i = 0; i < texts->count; i++)
                if (!strcmp(texts->items[i].key, key))
                        return &texts->items[i];
        return NULL;
}

const char *texts_find(const struct texts *texts, const char *section, const char *key)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s.%s", section, key);
        const struct text *text = find(texts, path);

        return text ? text->value : NULL;
}

const char *texts_word(const struct texts *texts, const char *section, const char *key,
        char *buffer, size_t buffer_size)
{
        const char *word = texts_find(texts, section, key);

        if (word)
                return word;
        snprintf(buffer, buffer_size, "%s", key);
        for (char *c = buffer; *c; c++)
                if (*c == '_')
                        *c = ' ';
        return buffer;
}

/* ---- a text's parts ---- */

enum part {
        PART_END,
        PART_PLAIN, /* one character, or a doubled bracket or brace */
        PART_VALUE, /* {name} */
        PART_OPEN,
        PART_CLOSE,
        PART_LINE,
        PART_BAD,
};

struct scan {
        const char *next;
        const char *plain; /* PART_PLAIN: one byte */
        char name[NAME_SIZE];
};

static enum part scan_value(struct scan *scan)
{
        size_t length = strspn(scan->next, "abcdefghijklmnopqrstuvwxyz_");

        if (!length || length >= NAME_SIZE || scan->next[length] != '}')
                return PART_BAD;
        memcpy(scan->name, scan->next, length);
        scan->name[length] = 0;
        scan->next += length + 1;
        return PART_VALUE;
}

static enum part scan_next(struct scan *scan)
{
        const char *at = scan->next;

        if (!*at)
                return PART_END;
        scan->next++;
        scan->plain = at;
        if ((*at == '[' || *at == ']' || *at == '{') && at[1] == *at) {
                scan->next++;
                return PART_PLAIN;
        }
        switch (*at) {
        case '{': return scan_value(scan);
        case '[': return PART_OPEN;
        case ']': return PART_CLOSE;
        case '\n': return PART_LINE;
        default: return PART_PLAIN;
        }
}

/* ---- checking ---- */

static const char *names_of(const struct texts *texts, const char *section, size_t length)
{
        for (const struct texts_rule *rule = texts->rules; rule->section; rule++)
                if (strlen(rule->section) == length && !strncmp(rule->section, section, length))
                        return rule->names;
        return "";
}

static bool is_among(const char *names, const char *name)
{
        size_t length = strlen(name);

        for (const char *at = names; (at = strstr(at, name)); at += length)
                if ((at == names || at[-1] == ' ') && (!at[length] || at[length] == ' '))
                        return true;
        return false;
}

static const char *check_values(const char *names, const char *value, char *name)
{
        struct scan scan = { .next = value };
        bool inside = false;

        for (;;) {
                switch (scan_next(&scan)) {
                case PART_END: return inside ? "a bracket is left open" : NULL;
                case PART_LINE:
                        if (inside)
                                return "a bracket is left open";
                        break;
                case PART_OPEN:
                        if (inside)
                                return "a bracket within brackets";
                        inside = true;
                        break;
                case PART_CLOSE:
                        if (!inside)
                                return "a bracket that was not opened";
                        inside = false;
                        break;
                case PART_VALUE:
                        if (is_among(names, scan.name))
                                break;
                        memcpy(name, scan.name, NAME_SIZE);
                        return "is no value that this text has";
                case PART_BAD: return "a brace without a name and its end";
                case PART_PLAIN: break;
                }
        }
}

struct tag {
        const char *name;
        size_t length;
};

/* AT stands behind a '<'; *RET_END behind its '>'. */
static const char *check_tag(const char *at, struct tag *open, size_t *depth, const char **ret_end)
{
        static const char *const known[] = { "b", "i", "u", "s", "code" };
        bool closes = *at == '/';
        struct tag tag = { at + closes, strcspn(at + closes, ">\n<") };

        if (tag.name[tag.length] != '>')
                return "a tag without its end";
        *ret_end = tag.name + tag.length + 1;
        if (closes) {
                if (!*depth || open[*depth - 1].length != tag.length ||
                        strncmp(open[*depth - 1].name, tag.name, tag.length) != 0)
                        return "a tag is closed that is not the last one opened in its line";
                --*depth;
                return NULL;
        }
        for (size_t i = 0; i < BUS_COUNT(known); i++)
                if (strlen(known[i]) == tag.length && !strncmp(known[i], tag.name, tag.length)) {
                        if (*depth == TAGS_DEEP)
                                return "too many tags within each other";
                        open[(*depth)++] = tag;
                        return NULL;
                }
        return "a tag other than b, i, u, s and code";
}

static const char *check_entity(const char *at)
{
        static const char *const known[] = { "&lt;", "&gt;", "&amp;", "&quot;" };

        for (size_t i = 0; i < BUS_COUNT(known); i++)
                if (!strncmp(at, known[i], strlen(known[i])))
                        return NULL;
        return "& must be written &amp;";
}

static const char *check_markup(const char *value)
{
        struct tag open[TAGS_DEEP];
        const char *fault = NULL;
        size_t depth = 0;

        while (!fault) {
                switch (*value) {
                case '\0':
                case '\n':
                        if (depth)
                                return "a tag is not closed in its line";
                        if (!*value++)
                                return NULL;
                        break;
                case '<': fault = check_tag(value + 1, open, &depth, &value); break;
                case '&': fault = check_entity(value++); break;
                default: value++;
                }
        }
        return fault;
}

/* ---- reading ---- */

struct reading {
        struct texts *texts;
        const char *file;
        unsigned int line, key_line; /* the line at hand; where the value at hand began */
        char section[NAME_SIZE];
        char *key; /* NULL: none at hand */
        struct bus_buf value;
        char *error;
};

static int fault(struct reading *reading, unsigned int line, const char *what, const char *why)
{
        snprintf(reading->error, TEXTS_ERROR_SIZE, "%s:%u: %s%s%s", reading->file, line, what,
                *what ? " " : "", why);
        return -EINVAL;
}

static void add(struct texts *texts, char *key, char *value)
{
        if (texts->count == texts->capacity) {
                texts->capacity = texts->capacity ? 2 * texts->capacity : 64;
                texts->items = bus_xrealloc(texts->items, texts->capacity * sizeof(*texts->items));
        }
        texts->items[texts->count++] = (struct text){ key, value };
}

/* The key at hand has all its lines. */
static int finish(struct reading *reading)
{
        BUS_AUTOFREE char *key = reading->key;
        struct texts *texts = reading->texts;
        struct text *known;
        char name[NAME_SIZE] = "";
        const char *value, *why;

        if (!key)
                return 0;
        reading->key = NULL;
        value = bus_buf_str(&reading->value);
        known = find(texts, key);
        if (!known && texts->complete)
                return fault(reading, reading->key_line, key, "is no text of ours");
        why = check_values(names_of(texts, key, strcspn(key, ".")), value, name);
        if (why)
                return fault(reading, reading->key_line, name, why);
        why = check_markup(value);
        if (why)
                return fault(reading, reading->key_line, key, why);
        if (known) {
                free(known->value);
                known->value = bus_xstrdup(value);
        } else {
                add(texts, bus_xstrdup(key), bus_xstrdup(value));
        }
        return 0;
}

static int read_section(struct reading *reading, const char *line, size_t length)
{
        if (length < 3 || line[length - 1] != ']' || length - 2 >= sizeof(reading->section))
                return fault(reading, reading->line, "", "is no [section]");
        memcpy(reading->section, line + 1, length - 2);
        reading->section[length - 2] = 0;
        return 0;
}

static int read_key(struct reading *reading, const char *line, size_t length)
{
        size_t name = 0, value;

        while (name < length && line[name] != ' ' && line[name] != '=')
                name++;
        value = name;
        while (value < length && line[value] == ' ')
                value++;
        if (!name || value == length || line[value] != '=' || !*reading->section)
                return fault(reading, reading->line, "", "is no key = text in a [section]");
        for (value++; value < length && line[value] == ' ';)
                value++;
        reading->key = bus_xasprintf("%s.%.*s", reading->section, (int)name, line);
        reading->key_line = reading->line;
        bus_buf_clear(&reading->value);
        bus_buf_add(&reading->value, line + value, length - value);
        return 0;
}

static int read_line(struct reading *reading, const char *line, size_t length)
{
        size_t blanks = 0;
        int r;

        while (length && (line[length - 1] == ' ' || line[length - 1] == '\r'))
                length--;
        while (blanks < length && (line[blanks] == ' ' || line[blanks] == '\t'))
                blanks++;
        if (blanks == length || line[0] == '#' || line[0] == ';')
                return 0;
        if (blanks) {
                if (!reading->key)
                        return fault(reading, reading->line, "", "goes on with no text");
                bus_buf_add_str(&reading->value, "\n");
                bus_buf_add(&reading->value, line + blanks, length - blanks);
                return 0;
        }
        r = finish(reading);
        if (r < 0)
                return r;
        return line[0] == '[' ? read_section(reading, line, length)
                              : read_key(reading, line, length);
}

int texts_read(struct texts *texts, const char *file, struct bus_bytes content,
        char error[static TEXTS_ERROR_SIZE])
{
        struct reading reading = { .texts = texts, .file = file, .error = error };
        const char *at = (const char *)content.data, *end = at + content.size;
        int r = 0;

        if (content.size > TEXTS_FILE_MAX_BYTES || (content.size && memchr(at, 0, content.size)))
                r = fault(&reading, 1, "", "is too long, or no text");
        while (r == 0 && at < end) {
                const char *line_end = memchr(at, '\n', (size_t)(end - at));

                line_end = line_end ? line_end : end;
                reading.line++;
                r = read_line(&reading, at, (size_t)(line_end - at));
                at = line_end + 1;
        }
        if (r == 0)
                r = finish(&reading);
        free(reading.key);
        bus_buf_done(&reading.value);
        if (r == 0)
                texts->complete = true;
        return r;
}

/* ---- filling in ---- */

void texts_set(struct texts_values *values, const char *name, const char *format, ...)
{
        va_list args;
        int n;

        bus_require(values->count < TEXTS_VALUES_MAX);
        va_start(args, format);
        n = vasprintf(&values->items[values->count].value, format, args);
        va_end(args);
        bus_require(n >= 0);
        values->items[values->count++].name = name;
}

void texts_values_done(struct texts_values *values)
{
        for (size_t i = 0; i < values->count; i++)
                free(values->items[i].value);
        values->count = 0;
}

static const char *value_of(const struct texts_values *values, const char *name)
{
        for (size_t i = 0; i < values->count; i++)
                if (!strcmp(values->items[i].name, name))
                        return values->items[i].value;
        return "";
}

/* A line, or what is in brackets, with how many values it has and how many of them are empty. */
struct piece {
        struct bus_buf html;
        unsigned int values, empty;
};

static void add_value(struct piece *piece, const char *value)
{
        piece->values++;
        piece->empty += !*value;
        tg_escape(&piece->html, value);
}

static void end_brackets(struct piece *line, struct piece *inside)
{
        line->values += inside->values;
        line->empty += inside->empty;
        if (!inside->empty)
                bus_buf_add(&line->html, inside->html.data, inside->html.size);
        bus_buf_clear(&inside->html);
        inside->values = inside->empty = 0;
}

static void end_line(struct piece *line, size_t begin, struct bus_buf *buf)
{
        if (!line->values || line->empty < line->values) {
                bus_buf_add_str(buf, buf->size > begin ? "\n" : "");
                bus_buf_add(buf, line->html.data, line->html.size);
        }
        bus_buf_clear(&line->html);
        line->values = line->empty = 0;
}

void texts_fill(const struct texts *texts, const char *section, const char *key,
        const struct texts_values *values, struct bus_buf *buf)
{
        const char *text = texts_find(texts, section, key);
        struct scan scan = { .next = text };
        struct piece line = { 0 }, inside = { 0 }, *at = &line;
        size_t begin = buf->size;
        enum part part;

        bus_require(text);
        while ((part = scan_next(&scan)) != PART_END) {
                switch (part) {
                case PART_VALUE: add_value(at, value_of(values, scan.name)); break;
                case PART_OPEN: at = &inside; break;
                case PART_CLOSE:
                        end_brackets(&line, &inside);
                        at = &line;
                        break;
                case PART_LINE: end_line(&line, begin, buf); break;
                default: bus_buf_add(&at->html, scan.plain, 1);
                }
        }
        end_line(&line, begin, buf);
        bus_buf_done(&line.html);
        bus_buf_done(&inside.html);
}
