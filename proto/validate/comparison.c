/*
 * The comparison: what the cutover gate counts, so every part of it must fit the others.
 */
#include "proto/validate.h"
#include "proto/validate/check.h"

#include "comparison.pb-c.h"

/* docs/shadow.md, Classes: those that count against a plugin. */
static bool is_critical(int class)
{
        return class == PB__COMPARISON_CLASS__COMPARISON_CLASS_SIDE ||
               class == PB__COMPARISON_CLASS__COMPARISON_CLASS_ONE_SIDED ||
               class == PB__COMPARISON_CLASS__COMPARISON_CLASS_ERROR;
}

/* A side is there with its verdict, or missing without. */
static bool side_holds(bool missing, int verdict, int reason)
{
        if (missing)
                return !verdict && !reason;
        return check_enum(verdict, PB__VERDICT__VERDICT_ERROR) &&
               check_enum(reason, PB__REASON__REASON_VERDICT_LOST);
}

/* Only a late pair misses a side, and never both; what replaces such a pair is whole. */
static bool missing_holds(const Pb__Comparison *comparison)
{
        const bool missing = comparison->live_missing || comparison->shadow_missing;

        if (comparison->live_missing && comparison->shadow_missing)
                return false;
        return !missing || (comparison->class_ == PB__COMPARISON_CLASS__COMPARISON_CLASS_LATE &&
                                   !comparison->revises);
}

static bool is_empty(const char *text)
{
        return !text || !*text;
}

static bool ignored_holds(const Pb__Comparison *comparison)
{
        return check_name_or_empty(comparison->ignored_by) &&
               comparison->ignored == !is_empty(comparison->ignored_by);
}

static int validate_sides(const Pb__Comparison *comparison, const char **ret_why)
{
        const struct check checks[] = {
                { missing_holds(comparison), "missing" },
                { check_name_or_empty(comparison->against), "against" },
                { comparison->live_missing == is_empty(comparison->against), "against" },
                { check_text(comparison->against_build, 0, CHECK_HASH_MAX), "against_build" },
                { check_text(comparison->against_config, 0, CHECK_HASH_MAX), "against_config" },
                { side_holds(comparison->live_missing, comparison->live_verdict,
                          comparison->live_reason),
                        "live_verdict" },
                { side_holds(comparison->shadow_missing, comparison->shadow_verdict,
                          comparison->shadow_reason),
                        "shadow_verdict" },
                { check_range(comparison->live_latency_us, 0, INT64_MAX), "live_latency_us" },
                { check_range(comparison->shadow_latency_us, 0, INT64_MAX), "shadow_latency_us" },
                { check_counter(comparison->epoch), "epoch" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}

int validate_comparison(const Pb__Comparison *comparison, const char **ret_why)
{
        const int class = comparison->class_;
        const struct check checks[] = {
                { check_name(comparison->plugin), "plugin" },
                { check_name_or_empty(comparison->against), "against" },
                { check_enum(class, PB__COMPARISON_CLASS__COMPARISON_CLASS_ERROR), "class" },
                { comparison->critical == is_critical(class), "critical" },
                { ignored_holds(comparison), "ignored_by" },
                { check_text(comparison->plugin_build, 0, CHECK_HASH_MAX), "plugin_build" },
                { check_text(comparison->config_hash, 0, CHECK_HASH_MAX), "config_hash" },
                { check_range(comparison->live_ns, 0, INT64_MAX), "live_ns" },
                { check_range(comparison->shadow_ns, 0, INT64_MAX), "shadow_ns" },
                { check_enum(comparison->kind, PB__ALERT_TYPE__ALERT_TYPE_PULSE), "kind" },
                { check_enum(comparison->source, PB__COMPARISON_SOURCE__COMPARISON_SOURCE_REPLAY),
                        "source" },
                { check_symbol(comparison->symbol), "symbol" },
                { check_position(comparison->signal), "signal" },
                { check_time(comparison->received_us), "received_us" },
        };
        int r;

        r = check_all(checks, BUS_COUNT(checks), ret_why);
        return r < 0 ? r : validate_sides(comparison, ret_why);
}
