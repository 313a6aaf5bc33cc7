/*
 * Each take_x() moves TEXT's start behind what it took. False, wherever it comes from, is the answer
 * for the whole text: nobody looks at what was left.
 */
#include "services/common/plain_json.h"

struct cursor {
        const uint8_t *next, *end;
};

static bool is_at(const struct cursor *text, uint8_t c)
{
        return text->next < text->end && *text->next == c;
}

static bool take(struct cursor *text, uint8_t c)
{
        if (!is_at(text, c))
                return false;
        text->next++;
        return true;
}

static void skip_blanks(struct cursor *text)
{
        while (is_at(text, ' ') || is_at(text, '\t') || is_at(text, '\n') || is_at(text, '\r'))
                text->next++;
}

static bool stands_for_itself(uint8_t c)
{
        return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
}

static bool take_string(struct cursor *text, struct bus_bytes *ret_between_quotes)
{
        const uint8_t *start;

        if (!take(text, '"'))
                return false;
        start = text->next;
        while (text->next < text->end && stands_for_itself(*text->next))
                text->next++;
        *ret_between_quotes = bus_bytes(start, (size_t)(text->next - start));
        return take(text, '"');
}

static bool take_word(struct cursor *text, struct bus_bytes word)
{
        if (!bus_bytes_begin(bus_bytes(text->next, (size_t)(text->end - text->next)), word))
                return false;
        text->next += word.size;
        return true;
}

/* *RET_VALUE wraps where there are too many, which the caller sees by their count. */
static size_t take_digits(struct cursor *text, uint64_t *ret_value)
{
        const uint8_t *start = text->next;
        uint64_t value = 0;

        for (; text->next < text->end && *text->next >= '0' && *text->next <= '9'; text->next++)
                value = value * 10 + (uint64_t)(*text->next - '0');
        *ret_value = value;
        return (size_t)(text->next - start);
}

/* What makes a number a real, if it stands here. */
static bool take_fraction_and_exponent(struct cursor *text)
{
        uint64_t unused;

        if (take(text, '.') && !take_digits(text, &unused))
                return false;
        if (!take(text, 'e') && !take(text, 'E'))
                return true;
        if (!take(text, '+'))
                (void)take(text, '-');
        return take_digits(text, &unused);
}

static bool take_number(struct cursor *text, struct plain_member *member)
{
        bool negative = take(text, '-'), zero = is_at(text, '0');
        uint64_t value;
        size_t digits = take_digits(text, &value);

        if (!digits || (zero && digits > 1))
                return false;
        if (is_at(text, '.') || is_at(text, 'e') || is_at(text, 'E')) {
                member->kind = JSON_KIND_REAL;
                return take_fraction_and_exponent(text);
        }
        if (digits > PLAIN_DIGITS_MAX || (negative && zero))
                return false;
        member->kind = JSON_KIND_INTEGER;
        member->integer = negative ? -(int64_t)value : (int64_t)value;
        return true;
}

static bool take_value(struct cursor *text, struct plain_member *member)
{
        struct bus_bytes unused;

        if (text->next == text->end)
                return false;
        switch (*text->next) {
        case '"': member->kind = JSON_KIND_STRING; return take_string(text, &unused);
        case 't': member->kind = JSON_KIND_BOOLEAN; return take_word(text, bus_bytes_str("true"));
        case 'f': member->kind = JSON_KIND_BOOLEAN; return take_word(text, bus_bytes_str("false"));
        case 'n': member->kind = JSON_KIND_NULL; return take_word(text, bus_bytes_str("null"));
        default: return take_number(text, member);
        }
}

/* Is NAME none of those before it? Most are told apart by a bit; only two of one bit are compared,
 * and then with all: what is sent on purpose costs no more than 64 * 63 / 2 comparisons. */
static bool is_new(struct plain_object *object, struct bus_bytes name)
{
        unsigned int sum = (unsigned int)name.size;
        uint64_t bit;

        if (name.size)
                sum += 5U * name.data[0] + 11U * name.data[name.size - 1];
        bit = UINT64_C(1) << sum % 64;
        if (!(object->seen & bit)) {
                object->seen |= bit;
                return true;
        }
        for (size_t i = 0; i < object->count; i++)
                if (bus_bytes_equal(object->members[i].name, name))
                        return false;
        return true;
}

static bool take_member(struct cursor *text, struct plain_object *object)
{
        struct plain_member *member = &object->members[object->count];
        const uint8_t *start;

        if (object->count == PLAIN_MEMBERS_MAX || !take_string(text, &member->name) ||
                !is_new(object, member->name))
                return false;
        skip_blanks(text);
        if (!take(text, ':'))
                return false;
        skip_blanks(text);
        start = text->next;
        if (!take_value(text, member))
                return false;
        member->literal = bus_bytes(start, (size_t)(text->next - start));
        object->count++;
        skip_blanks(text);
        return true;
}

static bool take_object(struct cursor *text, struct plain_object *object)
{
        if (!take(text, '{'))
                return false;
        skip_blanks(text);
        if (take(text, '}'))
                return true;
        while (take_member(text, object)) {
                if (take(text, '}'))
                        return true;
                if (!take(text, ','))
                        return false;
                skip_blanks(text);
        }
        return false;
}

bool plain_json_read(struct bus_bytes text, struct plain_object *ret_object)
{
        struct cursor cursor;

        if (!text.size)
                return false;
        cursor = (struct cursor){ text.data, text.data + text.size };
        ret_object->count = 0;
        ret_object->seen = 0;
        skip_blanks(&cursor);
        if (!take_object(&cursor, ret_object))
                return false;
        skip_blanks(&cursor);
        return cursor.next == cursor.end;
}
