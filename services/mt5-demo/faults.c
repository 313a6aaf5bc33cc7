/*
 * Keeps: no fault that is used up or past its time stays in the list once it was looked at.
 */
#include "services/mt5-demo/faults.h"

#include "libbus/base/e8.h"
#include "services/mt5-demo/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum value_type {
        VALUE_NONE,
        VALUE_MS,
        VALUE_MS_SIGNED,
        VALUE_FOR, /* a duration that limits the fault itself */
        VALUE_RETCODE,
        VALUE_FRACTION,
        VALUE_SNAPSHOT,
};

enum {
        MS_MAX = 24 * 3600 * 1000, /* a day: longer is a typing error */
        RETCODE_MIN = 10004,
        RETCODE_MAX = 10999,
        WORDS_MAX = 8,
};

static const struct {
        const char *name;
        enum value_type value;
        bool state; /* lasts until cleared unless told otherwise */
} kinds[FAULT_KINDS] = {
        [FAULT_LOSE_REQUEST] = { "lose-request", VALUE_NONE, false },
        [FAULT_DELAY] = { "delay", VALUE_MS, false },
        [FAULT_CUT_BEFORE] = { "cut-before", VALUE_NONE, false },
        [FAULT_REQUOTE] = { "requote", VALUE_NONE, false },
        [FAULT_REJECT] = { "reject", VALUE_RETCODE, false },
        [FAULT_PLACE] = { "place", VALUE_MS, false },
        [FAULT_PARTIAL] = { "partial", VALUE_FRACTION, false },
        [FAULT_LOSE_REPLY] = { "lose-reply", VALUE_NONE, false },
        [FAULT_TIMEOUT] = { "timeout", VALUE_NONE, false },
        [FAULT_CUT_AFTER] = { "cut-after", VALUE_NONE, false },
        [FAULT_DUPLICATE_REPORT] = { "duplicate-report", VALUE_NONE, false },
        [FAULT_LOSE_ANSWER] = { "lose-answer", VALUE_NONE, false },
        [FAULT_SNAPSHOT] = { "snapshot", VALUE_SNAPSHOT, false },
        [FAULT_IN_DOUBT] = { "in-doubt", VALUE_FOR, true },
        [FAULT_FREEZE] = { "freeze", VALUE_FOR, true },
        [FAULT_MARKET_CLOSED] = { "market-closed", VALUE_NONE, true },
        [FAULT_AUTOTRADING_OFF] = { "autotrading-off", VALUE_NONE, true },
        [FAULT_DISCONNECTED] = { "disconnected", VALUE_NONE, true },
        [FAULT_CLOCK_SKEW] = { "clock-skew", VALUE_MS_SIGNED, true },
};

static const char *const snapshots[] = {
        [FAULT_SNAPSHOT_PARTIAL] = "partial",
        [FAULT_SNAPSHOT_FAILED] = "failed",
        [FAULT_SNAPSHOT_MISSING_POSITION] = "wrong-missing-position",
};

const char *fault_name(enum fault_kind kind)
{
        return kinds[kind].name;
}

static int find_kind(const char *name)
{
        for (int i = 0; i < FAULT_KINDS; i++)
                if (!strcmp(kinds[i].name, name))
                        return i;
        return -EINVAL;
}

/* ---- reading commands ---- */

static int parse_int(const char *text, int64_t minimum, int64_t maximum, int64_t *ret_value)
{
        long long value;
        char *end;

        errno = 0;
        value = strtoll(text, &end, 10);
        if (errno || end == text || *end || value < minimum || value > maximum)
                return -EINVAL;
        *ret_value = value;
        return 0;
}

static int parse_ms(const char *text, int64_t minimum, int64_t *ret_us)
{
        int64_t ms;
        int r;

        r = parse_int(text, minimum, MS_MAX, &ms);
        if (!r)
                *ret_us = ms * BUS_US_PER_MS;
        return r;
}

static int parse_snapshot(const char *text, int64_t *ret_value)
{
        for (size_t i = 1; i < BUS_COUNT(snapshots); i++)
                if (!strcmp(snapshots[i], text)) {
                        *ret_value = (int64_t)i;
                        return 0;
                }
        return -EINVAL;
}

static int parse_fraction(const char *text, int64_t *ret_value)
{
        int64_t value;

        if (e8_parse(text, strlen(text), &value) < 0 || value <= 0 || value >= E8_ONE)
                return -EINVAL;
        *ret_value = value;
        return 0;
}

/* A retcode that says something was executed would be a lie the rules could not keep. */
static int parse_retcode(const char *text, int64_t *ret_value)
{
        int64_t value;

        if (parse_int(text, RETCODE_MIN, RETCODE_MAX, &value) < 0 || value == RETCODE_PLACED ||
                value == RETCODE_DONE || value == RETCODE_DONE_PARTIAL ||
                value == RETCODE_NO_CHANGES)
                return -EINVAL;
        *ret_value = value;
        return 0;
}

static int parse_value(struct fault *fault, const char *text, int64_t mono_us)
{
        int64_t us;

        switch (kinds[fault->kind].value) {
        case VALUE_NONE: return -EINVAL;
        case VALUE_MS: return parse_ms(text, 0, &fault->value);
        case VALUE_MS_SIGNED: return parse_ms(text, -MS_MAX, &fault->value);
        case VALUE_FOR:
                if (parse_ms(text, 1, &us) < 0)
                        return -EINVAL;
                fault->until_mono_us = mono_us + us;
                return 0;
        case VALUE_RETCODE: return parse_retcode(text, &fault->value);
        case VALUE_FRACTION: return parse_fraction(text, &fault->value);
        case VALUE_SNAPSHOT: return parse_snapshot(text, &fault->value);
        }
        return -EINVAL;
}

static int parse_action(const char *text, enum action *ret_action)
{
        for (enum action a = ACTION_OPEN; a <= ACTION_MODIFY; a++)
                if (!strcmp(action_name(a), text)) {
                        *ret_action = a;
                        return 0;
                }
        return -EINVAL;
}

static int parse_option(struct fault *fault, const char *word, int64_t mono_us)
{
        int64_t us;

        if (!strcmp(word, "n=all")) {
                fault->left = -1;
                return 0;
        }
        if (!strncmp(word, "n=", 2))
                return parse_int(word + 2, 1, INT32_MAX, &fault->left);
        if (!strncmp(word, "action=", 7))
                return parse_action(word + 7, &fault->action);
        if (!strncmp(word, "symbol=", 7) && strlen(word + 7) < sizeof(fault->symbol)) {
                memcpy(fault->symbol, word + 7, strlen(word + 7) + 1);
                return 0;
        }
        if (!strncmp(word, "for=", 4)) {
                if (parse_ms(word + 4, 1, &us) < 0)
                        return -EINVAL;
                fault->until_mono_us = mono_us + us;
                return 0;
        }
        return -EINVAL;
}

static int split(char *text, char *words[static WORDS_MAX], size_t *ret_count)
{
        char *rest = NULL;
        size_t n = 0;

        for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                if (n == WORDS_MAX)
                        return -EINVAL;
                words[n++] = word;
        }
        *ret_count = n;
        return n ? 0 : -EINVAL;
}

static int parse(char *text, int64_t mono_us, struct fault *ret_fault, const char **ret_culprit)
{
        struct fault fault = { 0 };
        char *words[WORDS_MAX];
        bool has_value = false;
        size_t count;
        int kind;

        *ret_culprit = "";
        if (split(text, words, &count) < 0)
                return -EINVAL;
        *ret_culprit = words[0];
        kind = find_kind(words[0]);
        if (kind < 0)
                return -EINVAL;
        fault.kind = (enum fault_kind)kind;
        fault.left = kinds[kind].state ? -1 : 1;
        for (size_t i = 1; i < count; i++) {
                bool is_value = i == 1 && !strchr(words[i], '=');

                *ret_culprit = words[i];
                if (is_value ? parse_value(&fault, words[i], mono_us)
                             : parse_option(&fault, words[i], mono_us))
                        return -EINVAL;
                has_value |= is_value;
        }
        *ret_culprit = words[0];
        if (!has_value && kinds[kind].value != VALUE_NONE && kinds[kind].value != VALUE_FOR)
                return -EINVAL;
        *ret_fault = fault;
        return 0;
}

int faults_add(struct faults *faults, const char *text, int64_t mono_us,
        char error[static FAULT_TEXT_SIZE])
{
        char copy[FAULT_TEXT_SIZE];
        const char *culprit;
        struct fault fault;

        if (strlen(text) >= sizeof(copy)) {
                snprintf(error, FAULT_TEXT_SIZE, "fault is too long");
                return -EINVAL;
        }
        memcpy(copy, text, strlen(text) + 1);
        if (parse(copy, mono_us, &fault, &culprit) < 0) {
                snprintf(error, FAULT_TEXT_SIZE, "fault: \"%.60s\" will not do", culprit);
                return -EINVAL;
        }
        if (faults->count == FAULTS_MAX) {
                snprintf(error, FAULT_TEXT_SIZE, "fault: %d are set already", FAULTS_MAX);
                return -ENOSPC;
        }
        faults->items[faults->count++] = fault;
        return 0;
}

static void drop(struct faults *faults, size_t index)
{
        faults->count--;
        memmove(&faults->items[index], &faults->items[index + 1],
                (faults->count - index) * sizeof(faults->items[0]));
}

int faults_clear(struct faults *faults, const char *kind)
{
        int wanted = *kind ? find_kind(kind) : 0;

        if (wanted < 0)
                return wanted;
        for (size_t i = faults->count; i-- > 0;)
                if (!*kind || faults->items[i].kind == (enum fault_kind)wanted)
                        drop(faults, i);
        return 0;
}

/* ---- asking ---- */

static bool is_over(const struct fault *fault, int64_t mono_us)
{
        return !fault->left || (fault->until_mono_us && mono_us >= fault->until_mono_us);
}

static bool matches(const struct fault *fault, const char *symbol, enum action action)
{
        if (*fault->symbol && (!symbol || strcmp(fault->symbol, symbol)))
                return false;
        return !fault->action || fault->action == action;
}

bool faults_strike(struct faults *faults, enum fault_kind kind, const struct order *order,
        int64_t mono_us, int64_t *ret_value)
{
        for (size_t i = 0; i < faults->count; i++) {
                struct fault *fault = &faults->items[i];

                if (fault->kind != kind || is_over(fault, mono_us))
                        continue;
                if (order && !matches(fault, order->symbol, order->action))
                        continue;
                *ret_value = fault->value;
                if (fault->left > 0 && !--fault->left)
                        drop(faults, i);
                return true;
        }
        return false;
}

bool faults_hold(const struct faults *faults, enum fault_kind kind, const char *symbol,
        int64_t mono_us, int64_t *ret_value)
{
        for (size_t i = 0; i < faults->count; i++) {
                const struct fault *fault = &faults->items[i];

                if (fault->kind != kind || is_over(fault, mono_us))
                        continue;
                if (*fault->symbol && (!symbol || strcmp(fault->symbol, symbol)))
                        continue;
                *ret_value = fault->value;
                return true;
        }
        return false;
}

int64_t faults_next_end(struct faults *faults, int64_t mono_us)
{
        int64_t next = 0;

        for (size_t i = faults->count; i-- > 0;) {
                int64_t until = faults->items[i].until_mono_us;

                if (is_over(&faults->items[i], mono_us))
                        drop(faults, i);
                else if (until && (!next || until < next))
                        next = until;
        }
        return next;
}

static int format_value(const struct fault *fault, char *text, size_t size)
{
        char number[E8_TEXT_SIZE];

        switch (kinds[fault->kind].value) {
        case VALUE_MS:
        case VALUE_MS_SIGNED:
                return snprintf(text, size, " %lld", (long long)(fault->value / BUS_US_PER_MS));
        case VALUE_RETCODE: return snprintf(text, size, " %lld", (long long)fault->value);
        case VALUE_FRACTION:
                return snprintf(text, size, " %s", e8_format_short(fault->value, number));
        case VALUE_SNAPSHOT: return snprintf(text, size, " %s", snapshots[fault->value]);
        case VALUE_NONE:
        case VALUE_FOR: break;
        }
        return 0;
}

const char *fault_format(
        const struct fault *fault, int64_t mono_us, char text[static FAULT_TEXT_SIZE])
{
        int n = snprintf(text, FAULT_TEXT_SIZE, "%s", fault_name(fault->kind));

        n += format_value(fault, text + n, FAULT_TEXT_SIZE - (size_t)n);
        if (fault->left < 0)
                n += snprintf(text + n, FAULT_TEXT_SIZE - (size_t)n, " n=all");
        else
                n += snprintf(
                        text + n, FAULT_TEXT_SIZE - (size_t)n, " n=%lld", (long long)fault->left);
        if (*fault->symbol)
                n += snprintf(text + n, FAULT_TEXT_SIZE - (size_t)n, " symbol=%s", fault->symbol);
        if (fault->action)
                n += snprintf(text + n, FAULT_TEXT_SIZE - (size_t)n, " action=%s",
                        action_name(fault->action));
        if (fault->until_mono_us)
                snprintf(text + n, FAULT_TEXT_SIZE - (size_t)n, " for=%lld",
                        (long long)((fault->until_mono_us - mono_us) / BUS_US_PER_MS));
        return text;
}
