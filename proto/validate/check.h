#pragma once
/*
 * The words validators are written in: predicates over single values, and a table of what must hold.
 *
 * A validator is a table of {holds, field}; all of it is evaluated, so every predicate takes any
 * value, NULL included, without harm.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Pb__Position Pb__Position;

struct check {
        bool holds;
        const char *field; /* static text */
};

/* 0 if all hold, else -EBADMSG and the first that does not in *RET_WHY. */
BUS_MUST int check_all(const struct check *checks, size_t count, const char **ret_why);

/* Caps: far above anything honest, far below what would hurt a reader that keeps the message. */
enum {
        CHECK_SYMBOL_MAX = 32, /* docs/v3.md: [A-Za-z0-9._#-]{1,32} */
        CHECK_NAME_MAX = 32,   /* plugins, slots, services, sources: names of config sections */
        CHECK_STREAM_MAX = 95, /* libbus/wire/streams.h, BUS_STREAM_NAME_SIZE less NUL */
        CHECK_TOPIC_MAX = 160, /* kind + two names + a symbol, with room */
        CHECK_WORD_MAX = 64,   /* codes and reasons: one snake_case word */
        CHECK_TEXT_MAX = 1024, /* sentences for people */
        CHECK_HASH_MAX = 64,   /* SHA-256 in hex; build ids are shorter */
        CHECK_ENVELOPE_MAX = 1 << 20, /* one frame; the sockets' ZMQ_MAXMSGSIZE is no smaller */
        CHECK_BODY_MAX =
                CHECK_ENVELOPE_MAX - 4096, /* leaves the envelope's own fields their room */
};

#define CHECK_PRICE_MAX_E8 \
        (INT64_C(1000000000) * 100000000) /* alerts end at 1e7, targets lie beyond */
#define CHECK_VOLUME_MAX_E8   (INT64_C(1000000) * 100000000)  /* lots: no broker takes a million */
#define CHECK_MONEY_MAX_CENTS (INT64_C(1000000000000) * 100)  /* sums of a few still fit int64_t */
#define CHECK_TIME_MAX_US     (INT64_C(4102444800) * 1000000) /* the year 2100 */

/* MIN..MAX bytes of valid UTF-8: what people, or strangers, wrote. */
bool check_prose(const char *text, size_t min, size_t max);
/* The same without control characters. */
bool check_text(const char *text, size_t min, size_t max);
/* MIN..MAX bytes, all of them letters, digits or in MORE. */
bool check_chars(const char *text, size_t min, size_t max, const char *more);
/* MIN..MAX bytes of [a-z0-9_]. */
bool check_word(const char *text, size_t min, size_t max);

bool check_name(const char *text); /* [a-z0-9_-]{1,32} */
bool check_name_or_empty(const char *text);
bool check_symbol(const char *text);     /* our name of a symbol */
bool check_any_symbol(const char *text); /* a broker may have names we do not trade */
bool check_stream(const char *text);     /* kind@writer */
bool check_topic(const char *text);
bool check_id(const char *text); /* 26 characters of base32 */
bool check_id_or_empty(const char *text);
bool check_cl_ord_id(const char *text); /* 16 characters of base32 */
bool check_cl_ord_id_or_empty(const char *text);

static inline bool check_range(int64_t value, int64_t min, int64_t max)
{
        return value >= min && value <= max;
}
/* An enumeration whose values are 0..LAST without a hole; 0 is UNSPECIFIED. */
static inline bool check_enum(int value, int last)
{
        return value > 0 && value <= last;
}
static inline bool check_enum_or_none(int value, int last)
{
        return value >= 0 && value <= last;
}
static inline bool check_price(int64_t price_e8)
{
        return check_range(price_e8, 1, CHECK_PRICE_MAX_E8);
}
static inline bool check_price_or_none(int64_t price_e8)
{
        return check_range(price_e8, 0, CHECK_PRICE_MAX_E8);
}
static inline bool check_volume(int64_t volume_e8)
{
        return check_range(volume_e8, 1, CHECK_VOLUME_MAX_E8);
}
static inline bool check_volume_or_none(int64_t volume_e8)
{
        return check_range(volume_e8, 0, CHECK_VOLUME_MAX_E8);
}
static inline bool check_money(int64_t cents)
{
        return check_range(cents, -CHECK_MONEY_MAX_CENTS, CHECK_MONEY_MAX_CENTS);
}
static inline bool check_loss(int64_t cents)
{
        return check_range(cents, 0, CHECK_MONEY_MAX_CENTS);
}
static inline bool check_time(int64_t at_us)
{
        return check_range(at_us, 1, CHECK_TIME_MAX_US);
}
static inline bool check_time_or_none(int64_t at_us)
{
        return check_range(at_us, 0, CHECK_TIME_MAX_US);
}
/* Numbers that stores keep as signed 64-bit integers. */
static inline bool check_counter(uint64_t value)
{
        return value <= INT64_MAX;
}

/* A place in a stream: incarnation and seq count from 1. NULL is not one. */
bool check_position(const Pb__Position *position);
/* The same, or all zero: before the first message. NULL is not one. */
bool check_position_or_zero(const Pb__Position *position);
/* Whether A stands before B; false if either is NULL. */
bool check_position_before(const Pb__Position *a, const Pb__Position *b);
