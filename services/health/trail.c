#include "services/health/trail.h"

#include "alarm.pb-c.h"
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/pbjson/pbjson.h"
#include "libbus/wire/position.h"
#include "libbus/wire/streams.h"
#include "proto/validate.h"
#include "replay.pb-c.h"
#include "services/common/messages.h"
#include "services/health/summary.h"
#include "trade.pb-c.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct item {
        char *topic;
        const char *kind; /* static */
        Pb__Envelope *envelope;
        ProtobufCMessage *message;
        size_t order; /* as added: breaks ties */
};

struct step {
        char text[PBJSON_ENUM_SIZE + 8];
        int64_t at_us;
        const struct item *item; /* of an event: the trade; NULL for a stamp */
        size_t order;
};

struct trail {
        struct item *items;
        size_t count, capacity;
};

struct trail *trail_new(void)
{
        return bus_new(struct trail);
}

struct trail *trail_free(struct trail *trail)
{
        if (!trail)
                return NULL;
        for (size_t i = 0; i < trail->count; i++) {
                free(trail->items[i].topic);
                message_free(trail->items[i].message);
                pb__envelope__free_unpacked(trail->items[i].envelope, NULL);
        }
        free(trail->items);
        free(trail);
        return NULL;
}

size_t trail_count(const struct trail *trail)
{
        return trail->count;
}

static void add_item(struct trail *trail, const struct item *item)
{
        if (trail->count == trail->capacity) {
                trail->capacity = trail->capacity ? trail->capacity * 2 : 16;
                trail->items = bus_xrealloc(trail->items, trail->capacity * sizeof(*trail->items));
        }
        trail->items[trail->count] = *item;
        trail->items[trail->count].order = trail->count;
        trail->count++;
}

static int item_of(const Pb__Record *record, struct item *ret_item)
{
        const struct bus_stream_kind *kind = bus_stream_of_topic(record->topic);
        Pb__Envelope *envelope =
                pb__envelope__unpack(NULL, record->envelope.len, record->envelope.data);
        ProtobufCMessage *message;
        const char *why;

        if (!kind || !envelope || validate_envelope(envelope, &why) < 0 ||
                message_read(kind->name, bus_bytes(envelope->body.data, envelope->body.len),
                        &message, &why) < 0) {
                pb__envelope__free_unpacked(envelope, NULL);
                return -EBADMSG;
        }
        *ret_item = (struct item){
                .topic = bus_xstrdup(record->topic),
                .kind = kind->name,
                .envelope = envelope,
                .message = message,
        };
        return 0;
}

int trail_add(struct trail *trail, struct bus_bytes bytes)
{
        Pb__Record *record = pb__record__unpack(NULL, bytes.size, bytes.data);
        struct item item;
        int r;

        if (!record)
                return -EBADMSG;
        r = item_of(record, &item);
        pb__record__free_unpacked(record, NULL);
        if (!r)
                add_item(trail, &item);
        return r;
}

/* ---- order ---- */

/* Where clocks give the same microsecond, the way an alert goes decides. */
static int rank_of(const char *kind)
{
        static const char *const way[] = { "signal", "decision", "decision.shadow", "order" };

        for (size_t i = 0; i < BUS_COUNT(way); i++)
                if (!strcmp(kind, way[i]))
                        return (int)i;
        return BUS_COUNT(way);
}

static int compare_items(const void *left, const void *right)
{
        const struct item *a = left, *b = right;

        if (a->envelope->staged_us != b->envelope->staged_us)
                return a->envelope->staged_us < b->envelope->staged_us ? -1 : 1;
        if (rank_of(a->kind) != rank_of(b->kind))
                return rank_of(a->kind) - rank_of(b->kind);
        return a->order < b->order ? -1 : a->order > b->order;
}

static int compare_steps(const void *left, const void *right)
{
        const struct step *a = left, *b = right;

        if (a->at_us != b->at_us)
                return a->at_us < b->at_us ? -1 : 1;
        return a->order < b->order ? -1 : a->order > b->order;
}

/* ---- steps ---- */

struct steps {
        struct step *items;
        size_t count;
};

static void add_step(struct steps *steps, const struct step *step)
{
        for (size_t i = 0; !step->item && i < steps->count; i++)
                if (!steps->items[i].item && steps->items[i].at_us == step->at_us &&
                        !strcmp(steps->items[i].text, step->text))
                        return; /* the stamp was handed on from message to message */
        steps->items[steps->count] = *step;
        steps->items[steps->count].order = steps->count;
        steps->count++;
}

static void add_stamps(struct steps *steps, const Pb__Envelope *envelope)
{
        for (size_t i = 0; i < envelope->n_stamps; i++) {
                struct step step = { .at_us = envelope->stamps[i]->at_us };

                pbjson_enum(&pb__step__descriptor, (int)envelope->stamps[i]->step, step.text);
                add_step(steps, &step);
        }
}

static void add_event(struct steps *steps, const struct item *item)
{
        const Pb__Trade *trade = (const Pb__Trade *)item->message;
        struct step step = { .at_us = item->envelope->staged_us, .item = item };

        pbjson_enum(&pb__trade_event__descriptor, (int)trade->event, step.text);
        add_step(steps, &step);
}

/* A message that is a step by itself. The shadow judges beside the way: its stamps are none of the
 * alert's, only that it has judged. */
static void add_message(struct steps *steps, const struct item *item, const char *name)
{
        struct step step = { .at_us = item->envelope->staged_us, .item = item };

        strcpy(step.text, name);
        add_step(steps, &step);
}

static void add_alarm(struct steps *steps, const struct item *item)
{
        const Pb__Alarm *alarm = (const Pb__Alarm *)item->message;
        struct step step = { .at_us = item->envelope->staged_us, .item = item };

        snprintf(step.text, sizeof(step.text), "%s", alarm->code);
        add_step(steps, &step);
}

static size_t steps_max(const struct trail *trail)
{
        size_t n = 0;

        for (size_t i = 0; i < trail->count; i++)
                n += trail->items[i].envelope->n_stamps + 1;
        return n;
}

static void set(json_t *json, const char *key, json_t *value)
{
        json_object_set_new(json, key, value ? value : json_null());
}

/* What tells one leg's step from another's. */
static void copy_keys(json_t *to, const json_t *from)
{
        static const char *const keys[] = {
                "cl_ord_id",
                "role",
                "state",
                "reason",
                "attempt",
                "ticket",
                "retcode",
                "filled",
                "price",
                "plugin",
                "verdict",
                "code",
                "severity",
                "text",
        };

        for (size_t i = 0; i < BUS_COUNT(keys); i++) {
                json_t *value = json_object_get(from, keys[i]);

                if (value && !(json_is_integer(value) && !json_integer_value(value)) &&
                        !(json_is_string(value) && !strcmp(json_string_value(value), "0")))
                        json_object_set(to, keys[i], value);
        }
}

static json_t *step_json(const struct step *step, int64_t received_us)
{
        json_t *json = json_object(), *body;
        char when[BUS_TIME_TEXT_SIZE];

        set(json, "step", json_string(step->text));
        set(json, "at", json_string(bus_time_format(step->at_us, when)));
        set(json, "at_us", json_integer(step->at_us));
        if (received_us)
                set(json, "since_us", json_integer(step->at_us - received_us));
        if (step->item) {
                body = pbjson(step->item->message);
                copy_keys(json, body);
                json_decref(body);
        }
        return json;
}

static json_t *steps_json(const struct trail *trail, int64_t received_us)
{
        struct steps steps = { .items = bus_new_n(struct step, steps_max(trail) + 1) };
        json_t *json = json_array();

        for (size_t i = 0; i < trail->count; i++) {
                const struct item *item = &trail->items[i];

                if (!strcmp(item->kind, "decision.shadow")) {
                        add_message(&steps, item, "shadow_decided");
                        continue;
                }
                add_stamps(&steps, item->envelope);
                if (!strcmp(item->kind, "decision"))
                        add_message(&steps, item, "decided");
                else if (!strcmp(item->kind, "order"))
                        add_message(&steps, item, "ordered");
                else if (!strcmp(item->kind, "trade"))
                        add_event(&steps, item);
                else if (!strcmp(item->kind, "alarm"))
                        add_alarm(&steps, item);
        }
        qsort(steps.items, steps.count, sizeof(*steps.items), compare_steps);
        for (size_t i = 0; i < steps.count; i++)
                json_array_append_new(json, step_json(&steps.items[i], received_us));
        free(steps.items);
        return json;
}

/* ---- the whole ---- */

static json_t *body_json(const struct item *item)
{
        json_t *json = pbjson(item->message);
        const Pb__Position *position = item->envelope->position;
        char text[BUS_POS_TEXT_SIZE];

        if (position)
                set(json, "position",
                        json_string(bus_pos_format((struct bus_pos){ position->incarnation,
                                                           position->seq, position->part },
                                text)));
        set(json, "message_id", json_string(item->envelope->message_id));
        set(json, "staged_us", json_integer(item->envelope->staged_us));
        return json;
}

static void add_body(json_t *json, const struct item *item)
{
        static const char *const lists[][2] = {
                { "decision.shadow", "shadow" },
                { "trade", "trades" },
                { "comparison", "comparisons" },
                { "alarm", "alarms" },
        };

        for (size_t i = 0; i < BUS_COUNT(lists); i++)
                if (!strcmp(item->kind, lists[i][0])) {
                        json_array_append_new(json_object_get(json, lists[i][1]), body_json(item));
                        return;
                }
        set(json, item->kind, body_json(item));
}

static int64_t stamp_of(const struct trail *trail, Pb__Step step)
{
        for (size_t i = 0; i < trail->count; i++)
                for (size_t k = 0; k < trail->items[i].envelope->n_stamps; k++)
                        if (trail->items[i].envelope->stamps[k]->step == step)
                                return trail->items[i].envelope->stamps[k]->at_us;
        return 0;
}

static void set_latency(json_t *json, const char *key, int64_t at_us, int64_t received_us)
{
        if (at_us && received_us)
                set(json, key, json_integer(at_us - received_us));
}

static json_t *latency_json(const struct trail *trail, const struct summary *summary)
{
        json_t *json = json_object();
        int64_t received_us = summary->received_us;

        set_latency(json, "durable", stamp_of(trail, PB__STEP__STEP_SIGNAL_PUBLISHED), received_us);
        set_latency(json, "decided", summary->decided_us, received_us);
        set_latency(json, "submitted", summary->submitted_us, received_us);
        set_latency(json, "done", summary->done_us, received_us);
        return json;
}

json_t *trail_json(struct trail *trail)
{
        struct summary summary = { 0 };
        json_t *json;

        qsort(trail->items, trail->count, sizeof(*trail->items), compare_items);
        for (size_t i = 0; i < trail->count; i++)
                summary_apply(&summary, trail->items[i].kind, trail->items[i].envelope,
                        trail->items[i].message);
        json = summary_json(&summary);
        set(json, "latency_us", latency_json(trail, &summary));
        set(json, "steps", steps_json(trail, summary.received_us));
        set(json, "shadow", json_array());
        set(json, "trades", json_array());
        set(json, "comparisons", json_array());
        set(json, "alarms", json_array());
        for (size_t i = 0; i < trail->count; i++)
                add_body(json, &trail->items[i]);
        return json;
}
