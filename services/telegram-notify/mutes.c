#include "services/telegram-notify/mutes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ALL_KINDS ((UINT32_C(1) << TELL_KINDS) - 1)

static uint32_t kind_bits(const char *word, size_t length)
{
        char name[TG_KIND_SIZE];
        enum tell_kind kind;

        if (length >= sizeof(name))
                return 0;
        memcpy(name, word, length);
        name[length] = 0;
        if (!strcmp(name, "all"))
                return ALL_KINDS;
        kind = tell_kind_of(name);
        return kind < TELL_KINDS ? UINT32_C(1) << kind : 0;
}

int mutes_kinds(const char *text, uint32_t *ret_kinds, const char **ret_bad, size_t *ret_bad_length)
{
        uint32_t kinds = 0;

        while (*(text += strspn(text, " "))) {
                size_t length = strcspn(text, " ");
                uint32_t bits = kind_bits(text, length);

                if (!bits) {
                        *ret_bad = text;
                        *ret_bad_length = length;
                        return -EINVAL;
                }
                kinds |= bits;
                text += length;
        }
        *ret_kinds = kinds;
        return 0;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

int mutes_minute(const char *text, size_t length, int *ret_minute)
{
        int hour, minute;

        if (length != 5 || !is_digit(text[0]) || !is_digit(text[1]) || text[2] != ':' ||
                !is_digit(text[3]) || !is_digit(text[4]))
                return -EINVAL;
        hour = (text[0] - '0') * 10 + text[1] - '0';
        minute = (text[3] - '0') * 10 + text[4] - '0';
        if (hour > 23 || minute > 59)
                return -EINVAL;
        *ret_minute = hour * 60 + minute;
        return 0;
}

int mutes_hours(const char *text, int *ret_from_min, int *ret_to_min)
{
        size_t from_length = strcspn(text, "-");
        int from, to;

        if (!strcmp(text, "off")) {
                *ret_from_min = *ret_to_min = 0;
                return 0;
        }
        if (!text[from_length] || mutes_minute(text, from_length, &from) < 0 ||
                mutes_minute(text + from_length + 1, strlen(text + from_length + 1), &to) < 0)
                return -EINVAL;
        *ret_from_min = from;
        *ret_to_min = to;
        return 0;
}

void mutes_set(struct mutes *mutes, uint32_t kinds, int64_t until_us)
{
        for (int i = 0; i < TELL_KINDS; i++)
                if (kinds & UINT32_C(1) << i)
                        mutes->until_us[i] = until_us;
}

bool mutes_quiet(const struct mutes *mutes, int minute)
{
        if (mutes->quiet_from_min <= mutes->quiet_to_min)
                return minute >= mutes->quiet_from_min && minute < mutes->quiet_to_min;
        return minute >= mutes->quiet_from_min || minute < mutes->quiet_to_min; /* over midnight */
}

enum mutes_verdict mutes_judge(
        const struct mutes *mutes, const struct told *told, int64_t now_us, int minute)
{
        if (told->critical)
                return MUTES_TELL;
        if (now_us < mutes->until_us[told->kind])
                return MUTES_DROP;
        if (mutes->quiet_kinds & UINT32_C(1) << told->kind && mutes_quiet(mutes, minute))
                return MUTES_QUIET;
        return MUTES_TELL;
}

/* ---- kept ---- */

void mutes_write(const struct mutes *mutes, struct bus_buf *buf)
{
        bus_buf_printf(buf, "%d %d", mutes->quiet_from_min, mutes->quiet_to_min);
        for (int i = 0; i < TELL_KINDS; i++)
                if (mutes->until_us[i])
                        bus_buf_printf(buf, " %s=%" PRId64, tell_kind_name((enum tell_kind)i),
                                mutes->until_us[i]);
}

int mutes_read(struct mutes *mutes, const char *text)
{
        struct mutes read = { .quiet_kinds = mutes->quiet_kinds };
        int length = 0;

        if (sscanf(text, "%d %d%n", &read.quiet_from_min, &read.quiet_to_min, &length) != 2)
                return -EINVAL;
        text += length;
        while (*(text += strspn(text, " "))) {
                size_t name = strcspn(text, "=");
                uint32_t bits = kind_bits(text, name);

                if (!text[name])
                        return -EINVAL;
                /* a kind of another version is nothing to stop for */
                mutes_set(&read, bits, strtoll(text + name + 1, NULL, 10));
                text += strcspn(text, " ");
        }
        *mutes = read;
        return 0;
}
