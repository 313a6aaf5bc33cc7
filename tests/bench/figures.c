#include "tests/bench/figures.h"

#include "libbus/base/require.h"

#include <math.h>

void series_add(struct series *series, double value)
{
        if (series->count == series->capacity) {
                series->capacity = series->capacity ? 2 * series->capacity : 64;
                series->values =
                        bus_xrealloc(series->values, series->capacity * sizeof(*series->values));
        }
        series->values[series->count++] = value;
}

void series_done(struct series *series)
{
        free(series->values);
        *series = (struct series){ 0 };
}

static int by_value(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

double series_percentile(struct series *series, double percent)
{
        size_t at;

        if (!series->count)
                return 0;
        qsort(series->values, series->count, sizeof(*series->values), by_value);
        at = (size_t)((double)series->count * percent / 100);
        return series->values[at < series->count ? at : series->count - 1];
}

double series_median(struct series *series)
{
        return series_percentile(series, 50);
}

/* Four digits are more than a shared machine means. */
static json_t *number(double value)
{
        double scale = value != 0 ? pow(10, 3 - floor(log10(fabs(value)))) : 1;

        return json_real(round(value * scale) / scale);
}

json_t *series_json(struct series *series)
{
        if (!series->count)
                return json_null();
        return json_pack("{s:o,s:o,s:o}", "min", number(series_percentile(series, 0)), "median",
                number(series_median(series)), "max", number(series_percentile(series, 100)));
}

json_t *series_ratio(struct series *above, struct series *below)
{
        if (!above->count || !below->count || series_median(below) <= 0)
                return json_null();
        return number(series_median(above) / series_median(below));
}
