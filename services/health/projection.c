#include "services/health/projection.h"

#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/pack.h"
#include "libbus/wire/streams.h"
#include "replay.pb-c.h"
#include "services/health/orders.h"
#include "services/health/recent.h"
#include "services/health/trail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define US_PER_DAY    (24 * 3600 * BUS_US_PER_SEC)
#define US_PER_MINUTE (60 * BUS_US_PER_SEC)
#define PRUNE_DAYS    14
#define KEY_SIZE      192
/* As many as may be heard of between two commits: what is staged is not read back before. */
#define PAST_MAX       1024
#define LOAD_DAYS      2
#define PRUNE_KEYS_MAX 200 /* of alerts a call: a few thousand keys in one transaction */

struct projection {
        struct bus_service *service;
        struct recent *recent;
        struct recent *past;        /* older than these, of whom something is heard late */
        struct summary **unwritten; /* in one of the two; staged by projection_write */
        size_t unwritten_count, unwritten_capacity;
};

struct projection *projection_new(struct bus_service *service)
{
        struct projection *projection = bus_new(struct projection);

        projection->service = service;
        projection->recent = recent_new(PROJECTION_RECENT_MAX);
        projection->past = recent_new(PAST_MAX);
        return projection;
}

struct projection *projection_free(struct projection *projection)
{
        if (projection) {
                recent_free(projection->recent);
                recent_free(projection->past);
                free(projection->unwritten);
        }
        free(projection);
        return NULL;
}

static json_t *json_of(struct bus_bytes text)
{
        return json_loadb((const char *)text.data, text.size, 0, NULL);
}

/* ---- keys ---- */

/* The day an alert's id was made. */
static int64_t day_of(const char *alert_id)
{
        return bus_id_us(alert_id) / US_PER_DAY;
}

static const char *summary_key(const char *alert_id, char key[static KEY_SIZE])
{
        snprintf(key, KEY_SIZE, "a/%06" PRId64 "/%s", day_of(alert_id), alert_id);
        return key;
}

/* ---- loading ---- */

static int load_one(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct projection *projection = arg;
        json_t *json = json_of(value);
        struct summary summary;

        (void)key;
        /* A summary that cannot be read is made again by the alert's next message. */
        if (json && !summary_read(json, &summary) &&
                !recent_find(projection->recent, summary.alert_id))
                recent_add(projection->recent, &summary);
        json_decref(json);
        return 0;
}

int projection_load(struct projection *projection, int64_t now_us)
{
        int64_t today = now_us / US_PER_DAY;
        char prefix[KEY_SIZE];
        int r = 0;

        for (int64_t day = today - LOAD_DAYS + 1; !r && day <= today; day++) {
                snprintf(prefix, sizeof(prefix), "a/%06" PRId64 "/", day);
                r = bus_scan(projection->service, prefix, load_one, projection);
        }
        return r;
}

/* ---- taking ---- */

static void keep_record(struct projection *projection, const struct bus_message *message)
{
        Pb__Record record = PB__RECORD__INIT;
        BUS_AUTOBUF struct bus_buf envelope = BUS_BUF_INIT, packed = BUS_BUF_INIT;
        char key[KEY_SIZE], position[BUS_POS_TEXT_SIZE];

        bus_pack(&message->envelope->base, &envelope);
        record.topic = (char *)message->topic;
        record.envelope = (ProtobufCBinaryData){ envelope.size, envelope.data };
        bus_pack(&record.base, &packed);
        snprintf(key, sizeof(key), "t/%s/%s/%s", message->envelope->alert_id, message->stream,
                bus_pos_format(message->position, position));
        bus_put(projection->service, key, bus_buf_bytes(&packed), false);
}

static void write_summary(struct projection *projection, const struct summary *summary)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        char key[KEY_SIZE];

        summary_write(summary, &text);
        bus_put(projection->service, summary_key(summary->alert_id, key), bus_buf_bytes(&text),
                false);
}

void projection_write(struct projection *projection)
{
        for (size_t i = 0; i < projection->unwritten_count; i++) {
                write_summary(projection, projection->unwritten[i]);
                projection->unwritten[i]->unwritten = false;
        }
        projection->unwritten_count = 0;
}

/* An alert has a dozen messages within milliseconds: its summary is written once for all of them. */
static void write_later(struct projection *projection, struct summary *summary)
{
        if (summary->unwritten)
                return;
        summary->unwritten = true;
        if (projection->unwritten_count == projection->unwritten_capacity) {
                projection->unwritten_capacity =
                        projection->unwritten_capacity ? 2 * projection->unwritten_capacity : 64;
                projection->unwritten = bus_xrealloc(projection->unwritten,
                        projection->unwritten_capacity * sizeof(struct summary *));
        }
        projection->unwritten[projection->unwritten_count++] = summary;
}

/* Late news of an old alert must not push a new one out of the newest: it has a ring of its own. */
static struct summary *add(struct projection *projection, const struct summary *summary)
{
        bool is_past = recent_is_past(projection->recent, summary->alert_id);
        struct recent *ring = is_past ? projection->past : projection->recent;

        /* the oldest goes, written or not */
        if (recent_count(ring) == (is_past ? PAST_MAX : PROJECTION_RECENT_MAX) &&
                recent_at(ring, 0)->unwritten)
                projection_write(projection);
        return recent_add(ring, summary);
}

static struct summary *find(struct projection *projection, const char *alert_id)
{
        struct summary *summary = recent_find(projection->recent, alert_id);

        return summary ? summary : recent_find(projection->past, alert_id);
}

/* The alert's summary, from memory, the store, or empty. */
static int summary_of(
        struct projection *projection, const char *alert_id, struct summary **ret_summary)
{
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
        struct summary summary = { 0 };
        char key[KEY_SIZE];
        json_t *json;
        int r;

        *ret_summary = find(projection, alert_id);
        if (*ret_summary)
                return 0;
        r = bus_get(projection->service, summary_key(alert_id, key), &value);
        if (r < 0)
                return r;
        if (!r) {
                json = json_of(bus_buf_bytes(&value));
                if (json && summary_read(json, &summary) < 0)
                        summary = (struct summary){ 0 };
                json_decref(json);
        }
        snprintf(summary.alert_id, sizeof(summary.alert_id), "%s", alert_id);
        *ret_summary = add(projection, &summary);
        return 0;
}

int projection_take(struct projection *projection, const struct bus_message *message,
        const ProtobufCMessage *body, const struct summary **ret_summary)
{
        const struct bus_stream_kind *kind = bus_stream_of_topic(message->topic);
        struct summary *summary;
        int r;

        bus_require(kind && *message->envelope->alert_id);
        r = summary_of(projection, message->envelope->alert_id, &summary);
        if (r < 0)
                return r;
        keep_record(projection, message);
        summary_apply(summary, kind->name, message->envelope, body);
        write_later(projection, summary);
        if (ret_summary)
                *ret_summary = summary;
        return 0;
}

/* ---- asking ---- */

const struct summary *projection_summary(struct projection *projection, const char *alert_id)
{
        return find(projection, alert_id);
}

int64_t projection_processing_us(struct projection *projection, const char *alert_id)
{
        const struct summary *summary = find(projection, alert_id);

        return summary ? summary_processing_us(summary) : -1;
}

static int add_to_trail(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        if (trail_add(arg, value) < 0)
                log_warn("trail_record_unreadable", "key=%.*s", (int)key.size,
                        (const char *)key.data);
        return 0;
}

int projection_trail(struct projection *projection, const char *alert_id, json_t **ret_json)
{
        BUS_AUTOFREE char *prefix = bus_xasprintf("t/%s/", alert_id);
        struct trail *trail = trail_new();
        int r;

        r = bus_scan(projection->service, prefix, add_to_trail, trail);
        if (!r && !trail_count(trail))
                r = STORE_ABSENT;
        if (!r)
                *ret_json = trail_json(trail);
        trail_free(trail);
        return r;
}

json_t *projection_list(struct projection *projection, int64_t since_us, size_t limit)
{
        size_t count = recent_count(projection->recent), first = count, taken = 0;
        json_t *json = json_array();

        while (first && taken < limit) {
                const struct summary *summary = recent_at(projection->recent, first - 1);

                if (summary->received_us && summary->received_us < since_us)
                        break;
                first--;
                taken++;
        }
        for (size_t i = first; i < count; i++)
                json_array_append_new(json, summary_json(recent_at(projection->recent, i)));
        return json;
}

void projection_count(const struct projection *projection, size_t *ret_known, size_t *ret_open)
{
        size_t count = recent_count(projection->recent), open = 0;

        for (size_t i = 0; i < count; i++)
                open += !summary_is_final(recent_at(projection->recent, i));
        *ret_known = count;
        *ret_open = open;
}

/* ---- forgetting ---- */

struct keys {
        struct bus_buf text; /* each with its NUL */
        size_t count, max;
};

static int note_key(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct keys *keys = arg;

        (void)value;
        bus_buf_add(&keys->text, key.data, key.size);
        bus_buf_add(&keys->text, "", 1);
        return ++keys->count >= keys->max;
}

static int delete_keys(
        struct projection *projection, const char *prefix, size_t max, struct keys *ret_keys)
{
        const char *key;
        int r;

        *ret_keys = (struct keys){ .max = max };
        r = bus_scan(projection->service, prefix, note_key, ret_keys);
        key = (const char *)ret_keys->text.data;
        for (size_t i = 0; r >= 0 && i < ret_keys->count; i++, key += strlen(key) + 1)
                bus_delete(projection->service, key);
        return r < 0 ? r : 0;
}

static int forget_trail(struct projection *projection, const char *alert_id)
{
        BUS_AUTOFREE char *prefix = bus_xasprintf("t/%s/", alert_id);
        struct keys keys;
        int r;

        r = delete_keys(projection, prefix, SIZE_MAX, &keys);
        bus_buf_done(&keys.text);
        return r;
}

int projection_prune(struct projection *projection, int64_t now_us, int64_t keep_days)
{
        char prefix[KEY_SIZE];
        struct keys keys;
        const char *key;
        int64_t day;
        int r;

        /* One of the days behind the last one kept, in turn: health may have been away for some. */
        day = now_us / US_PER_DAY - keep_days - 1 - now_us / US_PER_MINUTE % PRUNE_DAYS;
        snprintf(prefix, sizeof(prefix), "a/%06" PRId64 "/", day);
        r = delete_keys(projection, prefix, PRUNE_KEYS_MAX, &keys);
        key = (const char *)keys.text.data;
        for (size_t i = 0; !r && i < keys.count; i++, key += strlen(key) + 1)
                r = forget_trail(projection, key + strlen(prefix));
        bus_buf_done(&keys.text);
        return r < 0 ? r : orders_prune_day(projection->service, day);
}
