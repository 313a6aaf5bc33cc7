#include "services/common/json_text.h"

#include "libbus/base/require.h"

static bool is_digit(uint8_t c)
{
        return c >= '0' && c <= '9';
}

static bool is_hex(const char *p, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (!p[i] || !strchr("0123456789abcdefABCDEF", p[i]))
                        return false;
        return true;
}

static bool is_blank(uint8_t c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The byte behind the string that opens at P, or END where it does not close. */
static const uint8_t *skip_string(const uint8_t *p, const uint8_t *end)
{
        for (p++; p < end; p++) {
                if (*p == '"')
                        return p + 1;
                if (*p == '\\' && p + 1 < end)
                        p++;
        }
        return end;
}

static const uint8_t *skip_digits(const uint8_t *p, const uint8_t *end)
{
        while (p < end && is_digit(*p))
                p++;
        return p;
}

/* The run of bytes that a number may consist of. */
static const uint8_t *skip_number_run(const uint8_t *p, const uint8_t *end)
{
        while (p < end && (is_digit(*p) || (*p && memchr("+-.eE", *p, 5))))
                p++;
        return p;
}

/* Is P..END wholly a number in JSON's grammar? *RET_REAL: it has a fraction or an exponent. */
static bool number_well_formed(const uint8_t *p, const uint8_t *end, bool *ret_real)
{
        const uint8_t *digits;

        *ret_real = false;
        if (p < end && *p == '-')
                p++;
        digits = p;
        p = skip_digits(p, end);
        if (p == digits || (*digits == '0' && p - digits > 1))
                return false;
        if (p < end && *p == '.') {
                *ret_real = true;
                digits = ++p;
                p = skip_digits(p, end);
                if (p == digits)
                        return false;
        }
        if (p < end && (*p == 'e' || *p == 'E')) {
                *ret_real = true;
                p++;
                if (p < end && (*p == '+' || *p == '-'))
                        p++;
                digits = p;
                p = skip_digits(p, end);
                if (p == digits)
                        return false;
        }
        return p == end;
}

static void mask_number(char *out, const uint8_t *from, const uint8_t *to, enum json_mask mask)
{
        bool real;

        if (!number_well_formed(from, to, &real) || (!real && mask == JSON_MASK_REALS))
                return;
        memset(out, ' ', (size_t)(to - from));
        out[0] = '0';
        if (real) /* a real has at least three bytes, and stays a real */
                memcpy(out, "0.0", 3);
}

/* OUT holds a string with its quotes: makes every \uXXXX in it \u0020. */
static void mask_escapes(char *out, size_t size)
{
        for (size_t i = 0; i + 1 < size; i++) {
                if (out[i] != '\\')
                        continue;
                i++;
                if (out[i] == 'u' && i + 4 < size && is_hex(out + i + 1, 4))
                        memcpy(out + i + 1, "0020", 4);
        }
}

char *json_masked(struct bus_bytes text, enum json_mask mask)
{
        char *copy = bus_xcalloc(text.size + 1, 1);
        const uint8_t *p = text.data, *end = text.data + text.size, *start;

        if (text.size)
                memcpy(copy, text.data, text.size);
        while (p < end) {
                start = p;
                if (*p == '"') {
                        p = skip_string(p, end);
                        if (mask == JSON_MASK_ALL)
                                mask_escapes(copy + (start - text.data), (size_t)(p - start));
                } else if (is_digit(*p) || *p == '-') {
                        p = skip_number_run(p, end);
                        mask_number(copy + (start - text.data), start, p, mask);
                } else {
                        p++;
                }
        }
        return copy;
}

unsigned int json_depth(struct bus_bytes text)
{
        const uint8_t *p = text.data, *end = text.data + text.size;
        unsigned int depth = 0, deepest = 0;

        while (p < end) {
                if (*p == '"') {
                        p = skip_string(p, end);
                        continue;
                }
                if (*p == '{' || *p == '[') {
                        depth++;
                        deepest = depth > deepest ? depth : deepest;
                } else if ((*p == '}' || *p == ']') && depth > 0) {
                        depth--;
                }
                p++;
        }
        return deepest;
}

static const uint8_t *skip_blanks(const uint8_t *p, const uint8_t *end)
{
        while (p < end && is_blank(*p))
                p++;
        return p;
}

static const uint8_t *skip_nested(const uint8_t *p, const uint8_t *end)
{
        unsigned int depth = 0;

        while (p < end) {
                if (*p == '"') {
                        p = skip_string(p, end);
                        continue;
                }
                if (*p == '{' || *p == '[')
                        depth++;
                else if ((*p == '}' || *p == ']') && --depth == 0)
                        return p + 1;
                p++;
        }
        return end;
}

static const uint8_t *skip_value(const uint8_t *p, const uint8_t *end)
{
        if (p < end && *p == '"')
                return skip_string(p, end);
        if (p < end && (*p == '{' || *p == '['))
                return skip_nested(p, end);
        while (p < end && !is_blank(*p) && *p != ',' && *p != '}')
                p++;
        return p;
}

void json_scan_init(struct json_scan *scan, struct bus_bytes object)
{
        scan->end = object.data + object.size;
        scan->next = skip_blanks(object.data, scan->end);
        if (scan->next < scan->end && *scan->next == '{')
                scan->next++;
        else
                scan->next = scan->end;
}

bool json_scan_next(struct json_scan *scan, struct bus_bytes *ret_name, struct bus_bytes *ret_value)
{
        const uint8_t *end = scan->end, *name, *name_end, *value, *p;

        p = skip_blanks(scan->next, end);
        if (p < end && *p == ',')
                p = skip_blanks(p + 1, end);
        if (p >= end || *p != '"')
                return false;
        name = p;
        name_end = skip_string(p, end);
        p = skip_blanks(name_end, end);
        if (p >= end || *p != ':')
                return false;
        value = skip_blanks(p + 1, end);
        scan->next = skip_value(value, end);
        *ret_name = bus_bytes(name + 1, (size_t)(name_end - name) - 2);
        *ret_value = bus_bytes(value, (size_t)(scan->next - value));
        return true;
}

/* Length of the valid UTF-8 character at P, 0 if there is none (RFC 3629's table). */
static size_t utf8_length(const uint8_t *p, const uint8_t *end)
{
        uint8_t low = 0x80, high = 0xbf;
        size_t length;

        if (*p < 0x80)
                return 1;
        if (*p >= 0xc2 && *p <= 0xdf) {
                length = 2;
        } else if ((*p & 0xf0) == 0xe0) {
                length = 3;
                low = *p == 0xe0 ? 0xa0 : low;   /* overlong */
                high = *p == 0xed ? 0x9f : high; /* surrogates */
        } else if (*p >= 0xf0 && *p <= 0xf4) {
                length = 4;
                low = *p == 0xf0 ? 0x90 : low;
                high = *p == 0xf4 ? 0x8f : high;
        } else {
                return 0;
        }
        if ((size_t)(end - p) < length || p[1] < low || p[1] > high)
                return 0;
        for (size_t i = 2; i < length; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        return length;
}

size_t json_clean_prefix(const char *text, size_t size, size_t max)
{
        const uint8_t *start = (const uint8_t *)text, *p = start, *end = start + size;

        while (p < end && *p >= 0x20 && *p != 0x7f) {
                size_t length = utf8_length(p, end);

                if (!length || (size_t)(p - start) + length > max)
                        break;
                p += length;
        }
        return (size_t)(p - start);
}

void json_add_string(struct bus_buf *buf, const char *text)
{
        const char *end = text + strlen(text);

        bus_buf_add_str(buf, "\"");
        while (text < end) {
                size_t clean = json_clean_prefix(text, (size_t)(end - text), SIZE_MAX);
                size_t plain = strcspn(text, "\"\\");

                plain = plain < clean ? plain : clean;
                bus_buf_add(buf, text, plain);
                text += plain;
                if (text == end)
                        break;
                if (*text == '"' || *text == '\\')
                        bus_buf_printf(buf, "\\%c", *text);
                else if ((unsigned char)*text < 0x20 || *text == 0x7f)
                        bus_buf_printf(buf, "\\u%04x", (unsigned int)*text);
                else
                        bus_buf_add_str(buf, "?");
                text++;
        }
        bus_buf_add_str(buf, "\"");
}
