#include "services/health/figures.h"

#include <stdlib.h>

void times_add(struct times *times, int64_t now_us, int64_t value_us)
{
        times->items[times->next].at_us = now_us;
        times->items[times->next].value_us = value_us;
        times->next = (times->next + 1) % TIMES_MAX;
        if (times->count < TIMES_MAX)
                times->count++;
}

static int compare(const void *left, const void *right)
{
        int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

        return a < b ? -1 : a > b;
}

int64_t times_p95_us(
        const struct times *times, int64_t now_us, int64_t window_us, size_t *ret_count)
{
        int64_t values[TIMES_MAX];
        size_t n = 0;

        for (size_t i = 0; i < times->count; i++)
                if (times->items[i].at_us > now_us - window_us)
                        values[n++] = times->items[i].value_us;
        *ret_count = n;
        if (!n)
                return 0;
        qsort(values, n, sizeof(*values), compare);
        return values[(n * 95 + 99) / 100 - 1];
}

static int64_t slice_at(int64_t now_us, int64_t window_us)
{
        int64_t slice_us = window_us / SHARE_SLICES;

        return now_us / (slice_us > 0 ? slice_us : 1);
}

void share_add(struct share *share, int64_t now_us, int64_t window_us, double part, double whole)
{
        int64_t slice = slice_at(now_us, window_us);
        size_t i = (size_t)(slice % SHARE_SLICES);

        if (share->items[i].slice != slice) {
                share->items[i].slice = slice;
                share->items[i].part = share->items[i].whole = 0;
        }
        share->items[i].part += part;
        share->items[i].whole += whole;
}

double share_of(const struct share *share, int64_t now_us, int64_t window_us, double *ret_whole)
{
        int64_t slice = slice_at(now_us, window_us);
        double part = 0, whole = 0;

        for (size_t i = 0; i < SHARE_SLICES; i++) {
                if (share->items[i].slice <= slice - SHARE_SLICES || share->items[i].slice > slice)
                        continue;
                part += share->items[i].part;
                whole += share->items[i].whole;
        }
        *ret_whole = whole;
        return whole > 0 ? part / whole : 0;
}
