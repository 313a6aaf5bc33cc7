/*
 * Keeps: of each phase, "before" is what was there before it was first begun. Whoever begins it again
 * does not write over it; whoever has gone back from it forgets it.
 */
#include "services/umbra/deploy/record.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "services/umbra/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECORD_MAX_BYTES ((size_t)1 << 20)

static bool is_text(const json_t *record, const char *key, const char *text)
{
        return !strcmp(text_of(record, key), text);
}

int record_read(const struct layout *layout, json_t **ret_record)
{
        BUS_AUTOFREE char *path = layout_path(layout->state, "deploy", ".json");
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        int r;

        *ret_record = NULL;
        r = bus_file_read(path, RECORD_MAX_BYTES, &text);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        *ret_record = json_loadb((const char *)text.data, text.size, 0, NULL);
        return *ret_record ? 0 : -EBADMSG;
}

int record_write(const struct layout *layout, const json_t *record)
{
        BUS_AUTOFREE char *path = layout_path(layout->state, "deploy", ".json");
        BUS_AUTOFREE char *text = json_dumps(record, JSON_INDENT(1));

        bus_require(text);
        return bus_file_replace(path, 0600, bus_bytes_str(text));
}

int record_put_back(const struct layout *layout, const json_t *old)
{
        BUS_AUTOFREE char *path = layout_path(layout->state, "deploy", ".json");

        if (old)
                return record_write(layout, old);
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

bool record_allows(const json_t *record, const struct phase *phase, enum way way, int64_t now_us,
        bool now_anyway, char *why, size_t why_size)
{
        const char *other = text_of(record, "phase");
        int64_t until_us = json_integer_value(json_object_get(record, "watch_until_us"));

        if (!record || !strcmp(other, phase->name))
                return true;
        if (!is_text(record, "state", "done")) {
                snprintf(why, why_size,
                        "%s stopped half-way, at step %s of %s, %s: 'umbra deploy %s' again, or with --back",
                        other, text_of(record, "step"), text_of(record, "steps"),
                        text_of(record, "text"), other);
                return false;
        }
        if (way == WAY_FORWARD && is_text(record, "way", "forward") && until_us > now_us &&
                !now_anyway) {
                snprintf(why, why_size,
                        "%s is still watched ('umbra deploy status'); --now goes anyway", other);
                return false;
        }
        return true;
}

json_t *record_begin(const json_t *old, const struct phase *phase, enum way way, int64_t now_us)
{
        const json_t *before = json_object_get(old, "before");
        json_t *record = json_object();

        json_object_set_new(record, "phase", json_string(phase->name));
        json_object_set_new(record, "way", json_string(way == WAY_BACK ? "back" : "forward"));
        json_object_set_new(record, "state", json_string("running"));
        json_object_set_new(record, "started_us", json_integer(now_us));
        json_object_set_new(record, "before", before ? json_deep_copy(before) : json_object());
        return record;
}

void record_note_before(json_t *record, const char *path, const char *value)
{
        json_t *before = json_object_get(record, "before");
        json_t *own = json_object_get(before, text_of(record, "phase"));

        if (!own) {
                own = json_object();
                json_object_set_new(before, text_of(record, "phase"), own);
        }
        if (!json_object_get(own, path))
                json_object_set_new(own, path, value ? json_string(value) : json_null());
}

const char *record_before(const json_t *record, const char *path)
{
        const json_t *own =
                json_object_get(json_object_get(record, "before"), text_of(record, "phase"));
        const json_t *value = json_object_get(own, path);

        return value ? json_is_string(value) ? json_string_value(value) : "" : NULL;
}

void record_forget_before(json_t *record)
{
        json_object_del(json_object_get(record, "before"), text_of(record, "phase"));
}
