#include "services/health/watch.h"

#include "libbus/base/attr.h"
#include "libbus/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const names[WATCH_TRIGGERS] = {
        [WATCH_CRITICAL_DIFFERENCE] = "critical_difference",
        [WATCH_SLOWER] = "slower",
        [WATCH_ERROR_RATE] = "error_rate",
        [WATCH_ORDER_SUCCESS] = "order_success",
        [WATCH_PLUGIN_CRASH] = "plugin_crash",
};

const char *watch_trigger_name(enum watch_trigger trigger)
{
        return names[trigger];
}

void watch_begin(struct watch *watch, const char *plugin, uint64_t epoch, int64_t now_us,
        int64_t duration_us)
{
        *watch = (struct watch){ .is_active = true,
                .is_on = duration_us > 0,
                .epoch = epoch,
                .since_us = now_us,
                .until_us = now_us + duration_us };
        snprintf(watch->plugin, sizeof(watch->plugin), "%s", plugin);
}

void watch_comparison(struct watch *watch, const char *incumbent, const char *alert_id,
        const Pb__Comparison *comparison)
{
        if (!watch->is_on || strcmp(comparison->plugin, incumbent) != 0 ||
                strcmp(comparison->against, watch->plugin) != 0 ||
                comparison->epoch < watch->epoch || comparison->shadow_missing ||
                comparison->source == PB__COMPARISON_SOURCE__COMPARISON_SOURCE_REPLAY)
                return;
        if (comparison->live_ns && comparison->shadow_ns)
                slower_add(&watch->slower, comparison->live_ns, comparison->shadow_ns);
        if (!comparison->critical || comparison->ignored)
                return;
        if (!watch->critical++)
                snprintf(watch->critical_alert, sizeof(watch->critical_alert), "%s", alert_id);
}

unsigned int watch_judge(struct watch *watch, const struct watch_input *input)
{
        const bool holds[WATCH_TRIGGERS] = {
                [WATCH_CRITICAL_DIFFERENCE] = watch->critical > 0,
                [WATCH_SLOWER] = slower_holds(&watch->slower),
                [WATCH_ERROR_RATE] = input->error_rate,
                [WATCH_ORDER_SUCCESS] = input->order_success,
                /* one of before is told until somebody has heard that the slot has changed */
                [WATCH_PLUGIN_CRASH] = input->crashed_us > watch->since_us,
        };
        unsigned int found = 0;

        if (watch->is_on && input->now_us >= watch->until_us)
                watch->is_on = false;
        for (unsigned int i = 0; watch->is_on && i < WATCH_TRIGGERS; i++)
                if (holds[i])
                        found |= 1u << i;
        found &= ~watch->told;
        watch->told |= found;
        return found;
}

const char *watch_why(
        const struct watch *watch, enum watch_trigger trigger, char text[static WATCH_WHY_SIZE])
{
        switch (trigger) {
        case WATCH_CRITICAL_DIFFERENCE:
                snprintf(text, WATCH_WHY_SIZE,
                        "%s decided critically otherwise than legacy_v3 on alert %s", watch->plugin,
                        watch->critical_alert);
                break;
        case WATCH_SLOWER:
                snprintf(text, WATCH_WHY_SIZE,
                        "%s takes %.0f us longer to decide, over %" PRIu64 " pairs", watch->plugin,
                        slower_mean_ns(&watch->slower) / 1000, watch->slower.pairs);
                break;
        case WATCH_ERROR_RATE:
                snprintf(text, WATCH_WHY_SIZE, "the error rate is over its threshold");
                break;
        case WATCH_ORDER_SUCCESS:
                snprintf(text, WATCH_WHY_SIZE, "the order success is under its threshold");
                break;
        case WATCH_PLUGIN_CRASH:
        default: snprintf(text, WATCH_WHY_SIZE, "%s has crashed", watch->plugin); break;
        }
        return text;
}

json_t *watch_json(const struct watch *watch)
{
        char since[BUS_TIME_TEXT_SIZE], until[BUS_TIME_TEXT_SIZE];
        json_t *told = json_array(), *json;

        for (unsigned int i = 0; i < WATCH_TRIGGERS; i++)
                if (watch->told & 1u << i)
                        json_array_append_new(told, json_string(names[i]));
        json = json_pack("{s:b, s:b, s:s, s:I, s:I, s:I, s:I, s:s, s:o, s:I, s:f, s:f, s:f, s:f}",
                "on", (int)watch->is_on, "active", (int)watch->is_active, "plugin", watch->plugin,
                "epoch", (json_int_t)watch->epoch, "since_us", (json_int_t)watch->since_us,
                "until_us", (json_int_t)watch->until_us, "critical", (json_int_t)watch->critical,
                "critical_alert", watch->critical_alert, "triggers", told, "pairs",
                (json_int_t)watch->slower.pairs, "sum_new_ns", watch->slower.sum_new, "sum_old_ns",
                watch->slower.sum_old, "sum_excess_ns", watch->slower.sum_excess,
                "sum_excess_squared", watch->slower.sum_excess_squared);
        if (watch->since_us) {
                json_object_set_new(
                        json, "since", json_string(bus_time_format(watch->since_us, since)));
                json_object_set_new(
                        json, "until", json_string(bus_time_format(watch->until_us, until)));
        }
        return json;
}

static int64_t integer(const json_t *json, const char *key)
{
        return json_integer_value(json_object_get(json, key));
}

static void read_text(char *to, size_t size, const json_t *json, const char *key)
{
        const char *text = json_string_value(json_object_get(json, key));

        snprintf(to, size, "%s", text ? text : "");
}

static unsigned int read_told(const json_t *list)
{
        unsigned int told = 0;

        for (size_t i = 0; i < json_array_size(list); i++)
                for (unsigned int k = 0; k < WATCH_TRIGGERS; k++) {
                        const char *name = json_string_value(json_array_get(list, i));

                        if (name && !strcmp(name, names[k]))
                                told |= 1u << k;
                }
        return told;
}

void watch_read(struct watch *watch, const json_t *json)
{
        *watch = (struct watch){ .is_active = json_is_true(json_object_get(json, "active")),
                .is_on = json_is_true(json_object_get(json, "on")),
                .epoch = (uint64_t)integer(json, "epoch"),
                .since_us = integer(json, "since_us"),
                .until_us = integer(json, "until_us"),
                .critical = (uint64_t)integer(json, "critical"),
                .told = read_told(json_object_get(json, "triggers")),
                .slower = {
                        .pairs = (uint64_t)integer(json, "pairs"),
                        .sum_new = json_number_value(json_object_get(json, "sum_new_ns")),
                        .sum_old = json_number_value(json_object_get(json, "sum_old_ns")),
                        .sum_excess = json_number_value(json_object_get(json, "sum_excess_ns")),
                        .sum_excess_squared =
                                json_number_value(json_object_get(json, "sum_excess_squared")),
                } };
        read_text(watch->plugin, sizeof(watch->plugin), json, "plugin");
        read_text(watch->critical_alert, sizeof(watch->critical_alert), json, "critical_alert");
}
