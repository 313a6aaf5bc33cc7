/*
 * Keeps: a value is taken whole or refused; nothing is guessed from a prefix ("12abc"), no unit is
 * implied, no number wraps.
 */
#include "libbus/config/value.h"

#include "libbus/base/e8.h"
#include "libbus/base/hash.h"
#include "libbus/base/io.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct unit {
        const char *name;
        int64_t factor;
};

/* Largest first: so a number is shown in the largest unit that divides it. */
static const struct unit duration_units[] = {
        { "d", 86400 * BUS_US_PER_SEC },
        { "h", 3600 * BUS_US_PER_SEC },
        { "m", 60 * BUS_US_PER_SEC },
        { "s", BUS_US_PER_SEC },
        { "ms", BUS_US_PER_MS },
        { "us", 1 },
        { NULL, 0 },
};
static const struct unit size_units[] = {
        { "GiB", 1 << 30 },
        { "MiB", 1 << 20 },
        { "KiB", 1 << 10 },
        { "", 1 },
        { NULL, 0 },
};

/* Digits from TEXT on; *RET_END is behind them. -EINVAL for none, -ERANGE beyond int64_t. */
static int parse_digits(const char *text, int64_t *ret_value, const char **ret_end)
{
        int64_t value = 0;
        const char *p = text;

        for (; *p >= '0' && *p <= '9'; p++)
                if (__builtin_mul_overflow(value, 10, &value) ||
                        __builtin_add_overflow(value, *p - '0', &value))
                        return -ERANGE;
        if (p == text)
                return -EINVAL;
        *ret_value = value;
        *ret_end = p;
        return 0;
}

static int parse_int(const char *text, int64_t *ret_value)
{
        bool negative = text[0] == '-';
        const char *end;
        int64_t value;
        int r;

        r = parse_digits(text + negative, &value, &end);
        if (r < 0)
                return r;
        if (*end)
                return -EINVAL;
        *ret_value = negative ? -value : value;
        return 0;
}

static int parse_with_unit(const char *text, const struct unit *units, int64_t *ret_value)
{
        const char *end;
        int64_t value;
        int r;

        r = parse_digits(text, &value, &end);
        if (r < 0)
                return r;
        if (!value && !*end) {
                *ret_value = 0;
                return 0;
        }
        for (; units->name; units++) {
                if (strcmp(end, units->name))
                        continue;
                return __builtin_mul_overflow(value, units->factor, ret_value) ? -ERANGE : 0;
        }
        return -EINVAL;
}

static int parse_bool(const char *text, int64_t *ret_value)
{
        static const char *const yes[] = { "yes", "true", "on", "1" };
        static const char *const no[] = { "no", "false", "off", "0" };

        for (size_t i = 0; i < BUS_COUNT(yes); i++) {
                if (strcmp(text, yes[i]) && strcmp(text, no[i]))
                        continue;
                *ret_value = !strcmp(text, yes[i]);
                return 0;
        }
        return -EINVAL;
}

static int parse_enum(const char *values, const char *text, int64_t *ret_value)
{
        size_t size = strlen(text);

        for (int64_t i = 0; *values; i++) {
                size_t n = strcspn(values, "|");

                if (n == size && !strncmp(values, text, n)) {
                        *ret_value = i;
                        return 0;
                }
                values += n + (values[n] == '|');
        }
        return -EINVAL;
}

static bool is_host_character(char c, bool bracketed)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-' || (bracketed && (c == ':' || c == '%'));
}

int config_listen_parse(
        const char *text, const char **ret_host, size_t *ret_host_size, uint16_t *ret_port)
{
        bool bracketed = text[0] == '[';
        const char *host = text + bracketed, *end;
        size_t n = 0;
        int64_t port;
        int r;

        while (is_host_character(host[n], bracketed))
                n++;
        if (!n || (bracketed && host[n] != ']') || host[n + bracketed] != ':')
                return -EINVAL;
        r = parse_digits(host + n + bracketed + 1, &port, &end);
        if (r < 0 || *end || port > UINT16_MAX)
                return -EINVAL;
        *ret_host = host;
        *ret_host_size = n;
        *ret_port = (uint16_t)port;
        return 0;
}

static int check_hex32(const char *text)
{
        uint8_t hash[BUS_SHA256_SIZE];

        return bus_unhex(text, hash, sizeof(hash));
}

/* Only whether it can be read: the one who uses the secret reads it itself, and keeps it short. */
static int check_secret(const char *path)
{
        struct stat st;
        char *secret;
        int r;

        if (stat(path, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode)) /* a fifo would block the start */
                return -EINVAL;
        r = bus_file_read_secret(path, &secret);
        if (r < 0)
                return r;
        explicit_bzero(secret, strlen(secret));
        free(secret);
        return 0;
}

static bool has_control(const char *text)
{
        for (; *text; text++)
                if ((unsigned char)*text < 0x20 || *text == 0x7f)
                        return true;
        return false;
}

static int parse_by_type(const struct config_option *option, const char *text, int64_t *ret_number)
{
        const char *host;
        size_t host_size;
        uint16_t port;

        *ret_number = 0;
        switch (option->type) {
        case CONFIG_BOOL: return parse_bool(text, ret_number);
        case CONFIG_INT: return parse_int(text, ret_number);
        case CONFIG_DURATION: return parse_with_unit(text, duration_units, ret_number);
        case CONFIG_DECIMAL: return e8_parse(text, strlen(text), ret_number);
        case CONFIG_CENTS: return cents_parse(text, strlen(text), ret_number);
        case CONFIG_SIZE: return parse_with_unit(text, size_units, ret_number);
        case CONFIG_STRING: return 0;
        case CONFIG_ENUM: return parse_enum(option->values, text, ret_number);
        case CONFIG_LISTEN: return config_listen_parse(text, &host, &host_size, &port);
        case CONFIG_SECRET_FILE: return check_secret(text);
        case CONFIG_HEX32: return check_hex32(text);
        }
        return -EINVAL;
}

static bool in_range(const struct config_option *option, const char *text, int64_t number)
{
        int64_t measure = option->type == CONFIG_STRING ? (int64_t)strlen(text) : number;

        switch (option->type) {
        case CONFIG_INT:
        case CONFIG_DURATION:
        case CONFIG_DECIMAL:
        case CONFIG_CENTS:
        case CONFIG_SIZE:
        case CONFIG_STRING:
                return option->minimum == option->maximum ||
                       (measure >= option->minimum && measure <= option->maximum);
        default: return true;
        }
}

static const char *format_number(
        const struct config_option *option, int64_t value, char *text, size_t size)
{
        const struct unit *unit = option->type == CONFIG_DURATION ? duration_units : size_units;
        char number[E8_TEXT_SIZE];

        if (option->type == CONFIG_DECIMAL) {
                snprintf(text, size, "%s", e8_format_short(value, number));
        } else if (option->type == CONFIG_CENTS) {
                snprintf(text, size, "%s", cents_format(value, number));
        } else if (!value || option->type == CONFIG_INT || option->type == CONFIG_STRING) {
                snprintf(text, size, "%lld", (long long)value);
        } else {
                while (value % unit->factor)
                        unit++;
                snprintf(text, size, "%lld%s", (long long)(value / unit->factor), unit->name);
        }
        return text;
}

/* " 1s..1h", " 0 or more", or nothing. */
static const char *format_range(const struct config_option *option, char *text, size_t size)
{
        char minimum[48], maximum[48];

        text[0] = 0;
        if (option->minimum == option->maximum)
                return text;
        format_number(option, option->minimum, minimum, sizeof(minimum));
        format_number(option, option->maximum, maximum, sizeof(maximum));
        if (option->maximum == INT64_MAX)
                snprintf(text, size, " %s or more", minimum);
        else
                snprintf(text, size, " %s..%s", minimum, maximum);
        return text;
}

const char *config_form(const struct config_option *option, char *form, size_t size)
{
        char range[100];

        format_range(option, range, sizeof(range));
        switch (option->type) {
        case CONFIG_BOOL: snprintf(form, size, "yes or no"); break;
        case CONFIG_INT: snprintf(form, size, "a whole number%s", range); break;
        case CONFIG_DURATION:
                snprintf(form, size, "a duration (250ms, 5s, 2m, 1h, 90d)%s", range);
                break;
        case CONFIG_DECIMAL: snprintf(form, size, "a decimal number%s", range); break;
        case CONFIG_CENTS: snprintf(form, size, "an amount with up to 2 decimals%s", range); break;
        case CONFIG_SIZE: snprintf(form, size, "a size (512, 16KiB, 4MiB, 1GiB)%s", range); break;
        case CONFIG_STRING:
                snprintf(form, size, range[0] ? "a text of%s bytes" : "a text%s", range);
                break;
        case CONFIG_ENUM: snprintf(form, size, "one of %s", option->values); break;
        case CONFIG_LISTEN: snprintf(form, size, "host:port"); break;
        case CONFIG_SECRET_FILE: snprintf(form, size, "the path of a file that can be read"); break;
        case CONFIG_HEX32: snprintf(form, size, "64 hex digits"); break;
        }
        return form;
}

/* A value that may be a secret put in the wrong place is not repeated. */
static void complain(
        const struct config_option *option, const char *text, int error, char *why, size_t size)
{
        char form[CONFIG_FORM_SIZE];

        config_form(option, form, sizeof(form));
        if (has_control(text))
                snprintf(why, size, "holds a control character");
        else if (option->type == CONFIG_SECRET_FILE)
                snprintf(why, size, "must be %s, not empty: %s", form, strerror(-error));
        else if (option->type == CONFIG_HEX32)
                snprintf(why, size, "must be %s", form);
        else
                snprintf(why, size, "must be %s, not \"%.80s\"", form, text);
}

static bool may_be_empty(const struct config_option *option)
{
        return option->fallback && !option->fallback[0];
}

int config_value_parse(const struct config_option *option, const char *text, int64_t *ret_number,
        char *why, size_t why_size)
{
        int64_t number;
        int r;

        if (!text[0] && may_be_empty(option)) {
                *ret_number = option->type == CONFIG_ENUM ? -1 : 0;
                return 0;
        }
        r = has_control(text) ? -EINVAL : parse_by_type(option, text, &number);
        if (r < 0 || !in_range(option, text, number)) {
                complain(option, text, r < 0 ? r : -ERANGE, why, why_size);
                return -EINVAL;
        }
        *ret_number = number;
        return 0;
}
