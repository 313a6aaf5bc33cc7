#include "services/umbra/demo/shadow.h"

#include <string.h>

static const char *text(const json_t *object, const char *key)
{
        const char *value = json_string_value(json_object_get(object, key));

        return value ? value : "";
}

static bool is(const json_t *object, const char *key, const char *value)
{
        return !strcmp(text(object, key), value);
}

/* Whether the members' SIDEs are the same, one by one. */
static bool same_sides(const json_t *a, const json_t *b, const char *key)
{
        const json_t *left = json_object_get(a, key), *right = json_object_get(b, key);

        if (json_array_size(left) != json_array_size(right))
                return false;
        for (size_t i = 0; i < json_array_size(left); i++)
                if (strcmp(text(json_array_get(left, i), "side"),
                            text(json_array_get(right, i), "side")))
                        return false;
        return true;
}

static bool closes_anything(const json_t *decision)
{
        return json_array_size(json_object_get(decision, "closes"));
}

static bool is_critical(const json_t *live, const json_t *shadow)
{
        if (is(live, "verdict", "error") || is(shadow, "verdict", "error"))
                return true;
        if (is(live, "verdict", "execute") != is(shadow, "verdict", "execute") ||
                closes_anything(live) != closes_anything(shadow))
                return true;
        return !same_sides(live, shadow, "legs") || !same_sides(live, shadow, "closes");
}

static bool is_different(const json_t *live, const json_t *shadow)
{
        static const char *const keys[] = { "verdict", "reason", "symbol", "direction", "strength",
                "route", "routing", "aggressive", "base_lot", "signal_factor", "route_multiplier",
                "total_lot", "scaled", "expected_loss", "legs", "closes" };

        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
                const json_t *a = json_object_get(live, keys[i]);
                const json_t *b = json_object_get(shadow, keys[i]);

                if (a != b && !json_equal(a, b))
                        return true;
        }
        return false;
}

void shadow_count(const json_t *trail, struct shadow_counts *counts)
{
        const json_t *live = json_object_get(trail, "decision");
        const json_t *shadows = json_object_get(trail, "shadow");

        for (size_t i = 0; live && i < json_array_size(shadows); i++) {
                const json_t *shadow = json_array_get(shadows, i);

                if (is(shadow, "plugin", text(live, "plugin")))
                        continue; /* itself, in the other process */
                counts->pairs++;
                counts->different += is_different(live, shadow);
                counts->critical += is_critical(live, shadow);
        }
}
