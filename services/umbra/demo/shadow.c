#include "services/umbra/demo/shadow.h"

#include <stdbool.h>
#include <string.h>

static const char *text(const json_t *object, const char *key)
{
        const char *value = json_string_value(json_object_get(object, key));

        return value ? value : "";
}

static bool is_true(const json_t *object, const char *key)
{
        return json_is_true(json_object_get(object, key));
}

/* Both decided; where one came late the pair is told a second time, whole. */
static bool is_whole(const json_t *comparison)
{
        return !is_true(comparison, "live_missing") && !is_true(comparison, "shadow_missing");
}

static bool is_different(const json_t *comparison)
{
        const char *class = text(comparison, "class");

        return strcmp(class, "exact") && strcmp(class, "late");
}

void shadow_count(const json_t *trail, struct shadow_counts *counts)
{
        const json_t *comparisons = json_object_get(trail, "comparisons");

        for (size_t i = 0; i < json_array_size(comparisons); i++) {
                const json_t *comparison = json_array_get(comparisons, i);

                if (!is_whole(comparison) ||
                        !strcmp(text(comparison, "plugin"), text(comparison, "against")))
                        continue; /* itself, in the other process */
                counts->pairs++;
                counts->different += is_different(comparison);
                counts->critical +=
                        is_true(comparison, "critical") && !is_true(comparison, "ignored");
        }
}
