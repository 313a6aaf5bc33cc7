#include "proto/validate.h"
#include "proto/validate/check.h"

#include "comparison.pb-c.h"

/* docs/v3.md, Comparing two decisions: the classes that count against a plugin. */
static bool is_critical(int class)
{
        return class == PB__COMPARISON_CLASS__COMPARISON_CLASS_SIDE ||
               class == PB__COMPARISON_CLASS__COMPARISON_CLASS_ONE_SIDED ||
               class == PB__COMPARISON_CLASS__COMPARISON_CLASS_ERROR;
}

int validate_comparison(const Pb__Comparison *comparison, const char **ret_why)
{
        const int class = comparison->class_;
        const struct check checks[] = {
                { check_name(comparison->plugin), "plugin" },
                { check_name_or_empty(comparison->against),
                        "against" }, /* empty: none was active */
                { check_enum(class, PB__COMPARISON_CLASS__COMPARISON_CLASS_ERROR), "class" },
                { comparison->critical == is_critical(class), "critical" },
                { check_text(comparison->plugin_build, 0, CHECK_HASH_MAX), "plugin_build" },
                { check_text(comparison->config_hash, 0, CHECK_HASH_MAX), "config_hash" },
                { check_range(comparison->live_ns, 0, INT64_MAX), "live_ns" },
                { check_range(comparison->shadow_ns, 0, INT64_MAX), "shadow_ns" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}
