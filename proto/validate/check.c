/*
 * Predicates over single values. Each takes whatever protobuf-c may leave in a field, NULL included.
 */
#include "proto/validate/check.h"

#include "libbus/base/ids.h"

#include "envelope.pb-c.h"

#include <errno.h>
#include <string.h>

int check_all(const struct check *checks, size_t count, const char **ret_why)
{
        for (size_t i = 0; i < count; i++)
                if (!checks[i].holds) {
                        *ret_why = checks[i].field;
                        return -EBADMSG;
                }
        return 0;
}

/* Bytes of the UTF-8 sequence at TEXT, 0 if it is none: no overlong form, no surrogate, no value
 * beyond U+10FFFF. */
static size_t utf8_sequence(const unsigned char *text)
{
        static const struct {
                unsigned char first_min, first_max, second_min, second_max;
                size_t size;
        } forms[] = {
                { 0xc2, 0xdf, 0x80, 0xbf, 2 },
                { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
                { 0xe1, 0xec, 0x80, 0xbf, 3 },
                { 0xed, 0xed, 0x80, 0x9f, 3 },
                { 0xee, 0xef, 0x80, 0xbf, 3 },
                { 0xf0, 0xf0, 0x90, 0xbf, 4 },
                { 0xf1, 0xf3, 0x80, 0xbf, 4 },
                { 0xf4, 0xf4, 0x80, 0x8f, 4 },
        };

        if (text[0] < 0x80)
                return 1;
        for (size_t i = 0; i < BUS_COUNT(forms); i++) {
                if (text[0] < forms[i].first_min || text[0] > forms[i].first_max)
                        continue;
                if (text[1] < forms[i].second_min || text[1] > forms[i].second_max)
                        return 0;
                /* A NUL is no continuation byte: this never reads past the end. */
                for (size_t k = 2; k < forms[i].size; k++)
                        if (text[k] < 0x80 || text[k] > 0xbf)
                                return 0;
                return forms[i].size;
        }
        return 0;
}

static bool size_between(const char *text, size_t min, size_t max)
{
        size_t size;

        if (!text)
                return false;
        size = strnlen(text, max + 1);
        return size >= min && size <= max;
}

bool check_prose(const char *text, size_t min, size_t max)
{
        if (!size_between(text, min, max))
                return false;
        for (const unsigned char *p = (const unsigned char *)text; *p;) {
                size_t size = utf8_sequence(p);

                if (!size)
                        return false;
                p += size;
        }
        return true;
}

bool check_text(const char *text, size_t min, size_t max)
{
        if (!check_prose(text, min, max))
                return false;
        for (const char *p = text; *p; p++)
                if ((*p >= 0 && *p < ' ') || *p == 0x7f)
                        return false;
        return true;
}

static bool is_lower_or_digit(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool check_chars(const char *text, size_t min, size_t max, const char *more)
{
        if (!size_between(text, min, max))
                return false;
        for (const char *p = text; *p; p++)
                if (!is_lower_or_digit(*p) && !(*p >= 'A' && *p <= 'Z') && !strchr(more, *p))
                        return false;
        return true;
}

static bool all_lower(const char *text, size_t size, const char *more)
{
        for (size_t i = 0; i < size; i++)
                if (!is_lower_or_digit(text[i]) && !strchr(more, text[i]))
                        return false;
        return true;
}

bool check_word(const char *text, size_t min, size_t max)
{
        return size_between(text, min, max) && all_lower(text, strlen(text), "_");
}

bool check_name(const char *text)
{
        return size_between(text, 1, CHECK_NAME_MAX) && all_lower(text, strlen(text), "_-");
}

bool check_name_or_empty(const char *text)
{
        return text && (!*text || check_name(text));
}

bool check_symbol(const char *text)
{
        return check_chars(text, 1, CHECK_SYMBOL_MAX, "._#-");
}

bool check_any_symbol(const char *text)
{
        return check_text(text, 1, CHECK_SYMBOL_MAX);
}

bool check_stream(const char *text)
{
        const char *at;

        if (!size_between(text, 3, CHECK_STREAM_MAX))
                return false;
        at = strchr(text, '@');
        return at && at > text && all_lower(text, (size_t)(at - text), ".") && check_name(at + 1);
}

bool check_topic(const char *text)
{
        return check_chars(text, 1, CHECK_TOPIC_MAX, "._#@-");
}

bool check_id(const char *text)
{
        return size_between(text, BUS_ID_SIZE - 1, BUS_ID_SIZE - 1) && bus_id_valid(text);
}

bool check_id_or_empty(const char *text)
{
        return text && (!*text || check_id(text));
}

bool check_cl_ord_id(const char *text)
{
        static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

        return size_between(text, CL_ORD_ID_SIZE - 1, CL_ORD_ID_SIZE - 1) &&
               strspn(text, alphabet) == CL_ORD_ID_SIZE - 1;
}

bool check_cl_ord_id_or_empty(const char *text)
{
        return text && (!*text || check_cl_ord_id(text));
}

bool check_position(const Pb__Position *position)
{
        return position && position->incarnation && position->seq &&
               check_counter(position->incarnation) && check_counter(position->seq);
}

bool check_position_or_zero(const Pb__Position *position)
{
        if (!position)
                return false;
        return check_position(position) ||
               (!position->incarnation && !position->seq && !position->part);
}

bool check_position_before(const Pb__Position *a, const Pb__Position *b)
{
        if (!a || !b)
                return false;
        if (a->incarnation != b->incarnation)
                return a->incarnation < b->incarnation;
        if (a->seq != b->seq)
                return a->seq < b->seq;
        return a->part < b->part;
}
