#include "services/health/thresholds.h"

/* A bound is left again when the figure is on its good side by this part of the gap between the two
 * bounds, and of the bound itself where that is less. */
#define HYSTERESIS 0.1

static const char *const names[THRESHOLD_COUNT] = {
        [THRESHOLD_PROCESSING] = "alert_processing",
        [THRESHOLD_ORDERS] = "order_success",
        [THRESHOLD_BROKER] = "mt5_connection",
        [THRESHOLD_MEMORY] = "memory",
        [THRESHOLD_CPU] = "cpu",
        [THRESHOLD_ERRORS] = "errors",
};
static const char *const level_names[] = {
        [THRESHOLD_NORMAL] = "normal",
        [THRESHOLD_DEGRADED] = "degraded",
        [THRESHOLD_ALERT] = "alert",
};

const char *threshold_name(enum threshold_name name)
{
        return names[name];
}

const char *threshold_level_name(enum threshold_level level)
{
        return level_names[level];
}

static enum threshold_level level_of(double value, double normal, double alert)
{
        if (value > alert)
                return THRESHOLD_ALERT;
        return value > normal ? THRESHOLD_DEGRADED : THRESHOLD_NORMAL;
}

/* BOUND, a little to its good side. */
static double shifted(double bound, double gap)
{
        double size = bound < 0 ? -bound : bound;

        return bound - HYSTERESIS * (size < gap ? size : gap);
}

bool threshold_step(struct threshold *threshold, const struct threshold_rule *rule, double value)
{
        /* turned round where low is bad, so that more is worse in any case */
        double sign = rule->low_is_bad ? -1 : 1;
        double normal = sign * rule->normal, alert = sign * rule->alert;
        double gap = alert > normal ? alert - normal : 0;
        enum threshold_level before = threshold->level, up, down;

        up = level_of(sign * value, normal, alert);
        down = level_of(sign * value, shifted(normal, gap), shifted(alert, gap));
        threshold->value = value;
        threshold->is_known = true;
        if (up > before)
                threshold->level = up;
        else if (down < before)
                threshold->level = down;
        return threshold->level != before;
}

json_t *thresholds_json(const struct threshold *thresholds, const struct threshold_rule *rules)
{
        json_t *json = json_object();

        for (int i = 0; i < THRESHOLD_COUNT; i++) {
                json_t *one =
                        json_pack("{s:s, s:f, s:f}", "level", level_names[thresholds[i].level],
                                "normal", rules[i].normal, "alert", rules[i].alert);

                json_object_set_new(one, "value",
                        thresholds[i].is_known ? json_real(thresholds[i].value) : json_null());
                json_object_set_new(json, names[i], one);
        }
        return json;
}
