/*
 * Invariant: a value is the state's name, a blank and the envelope of the order's last event as it
 * came, so that whoever looks for a state unpacks none of the others, and JSON is made for whoever
 * asks and not for every event.
 */
#include "services/health/orders.h"

#include "libbus/base/clock.h"
#include "libbus/base/ids.h"
#include "libbus/base/require.h"
#include "libbus/bus/pack.h"
#include "libbus/pbjson/pbjson.h"
#include "proto/unpack.h"
#include "proto/validate.h"
#include "services/common/messages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define US_PER_DAY (24 * 3600 * BUS_US_PER_SEC)
#define PRUNE_MAX  500
#define KEY_SIZE   96

/* Deals and modifications change no order: they tell of a position. */
static bool is_of_an_order(const Pb__Trade *trade)
{
        return *trade->cl_ord_id && trade->state &&
               trade->event != PB__TRADE_EVENT__TRADE_EVENT_DEAL &&
               trade->event != PB__TRADE_EVENT__TRADE_EVENT_MODIFIED &&
               trade->event != PB__TRADE_EVENT__TRADE_EVENT_DONE;
}

void orders_take(
        struct bus_service *service, const struct bus_message *message, const Pb__Trade *trade)
{
        const char *alert_id = message->envelope->alert_id;
        char key[KEY_SIZE], state[PBJSON_ENUM_SIZE];
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;

        if (!is_of_an_order(trade))
                return;
        pbjson_enum(&pb__order_state__descriptor, (int)trade->state, state);
        bus_buf_printf(&value, "%s ", state);
        bus_pack(&message->envelope->base, &value);
        snprintf(key, sizeof(key), "o/%06" PRId64 "/%s/%s", bus_id_us(alert_id) / US_PER_DAY,
                alert_id, trade->cl_ord_id);
        bus_put(service, key, bus_buf_bytes(&value), false);
}

/* ---- asking ---- */

static const char *const open_states[] = { "received", "intent", "unknown", "manual" };

static bool is_state(const char *text)
{
        char state[PBJSON_ENUM_SIZE];

        if (!strcmp(text, "open"))
                return true;
        for (int i = 1; i <= PB__ORDER_STATE__ORDER_STATE_PARTLY; i++)
                if (!strcmp(text, pbjson_enum(&pb__order_state__descriptor, i, state)))
                        return true;
        return false;
}

static bool has_state(const char *value, size_t length, const char *wanted)
{
        if (!wanted)
                return true;
        if (strcmp(wanted, "open") != 0)
                return strlen(wanted) == length && !memcmp(value, wanted, length);
        for (size_t i = 0; i < BUS_COUNT(open_states); i++)
                if (strlen(open_states[i]) == length && !memcmp(value, open_states[i], length))
                        return true;
        return false;
}

struct listing {
        const struct orders_query *query;
        struct bus_buf *texts; /* a ring of the newest */
        size_t next, count;
};

static int list_one(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct listing *listing = arg;
        const char *text = (const char *)value.data, *blank;
        struct bus_buf *place;

        (void)key;
        blank = value.size ? memchr(text, ' ', value.size) : NULL;
        if (!blank || !has_state(text, (size_t)(blank - text), listing->query->state))
                return 0;
        place = &listing->texts[listing->next];
        bus_buf_done(place);
        *place = BUS_BUF_INIT;
        bus_buf_add(place, blank + 1, value.size - (size_t)(blank + 1 - text));
        listing->next = (listing->next + 1) % listing->query->limit;
        if (listing->count < listing->query->limit)
                listing->count++;
        return 0;
}

/* NULL if it cannot be read. */
static json_t *order_json(struct bus_bytes packed)
{
        Pb__Envelope *envelope = MESSAGE_UNPACK(envelope, packed);
        MESSAGE_AUTOFREE ProtobufCMessage *trade = NULL;
        char when[BUS_TIME_TEXT_SIZE];
        json_t *json = NULL;
        const char *why;

        if (envelope && validate_envelope(envelope, &why) == 0 &&
                message_read("trade", bus_bytes(envelope->body.data, envelope->body.len), &trade,
                        &why) == 0) {
                json = pbjson(trade);
                json_object_set_new(json, "alert_id", json_string(envelope->alert_id));
                json_object_set_new(
                        json, "at", json_string(bus_time_format(envelope->staged_us, when)));
                json_object_set_new(json, "test", json_boolean(envelope->test));
        }
        pb__envelope__free_unpacked(envelope, NULL);
        return json;
}

static json_t *listing_json(const struct listing *listing)
{
        size_t limit = listing->query->limit;
        json_t *list = json_array();

        for (size_t i = 0; i < listing->count; i++) {
                const struct bus_buf *text =
                        &listing->texts[(listing->next + limit - listing->count + i) % limit];

                json_t *order = order_json(bus_buf_bytes(text));

                if (order)
                        json_array_append_new(list, order);
        }
        return list;
}

int orders_list(struct bus_service *service, const struct orders_query *query, json_t **ret_json)
{
        struct listing listing = { .query = query };
        int64_t today = query->now_us / US_PER_DAY;
        char prefix[KEY_SIZE];
        int r = 0;

        if (query->state && !is_state(query->state))
                return -EINVAL;
        bus_require(query->limit && query->limit <= ORDERS_LIMIT_MAX);
        listing.texts = bus_new_n(struct bus_buf, query->limit);
        for (int64_t day = today - query->days + 1; r >= 0 && day <= today; day++) {
                snprintf(prefix, sizeof(prefix), "o/%06" PRId64 "/", day);
                r = bus_scan(service, prefix, list_one, &listing);
        }
        if (r >= 0)
                *ret_json = listing_json(&listing);
        for (size_t i = 0; i < query->limit; i++)
                bus_buf_done(&listing.texts[i]);
        free(listing.texts);
        return r < 0 ? r : 0;
}

/* ---- forgetting ---- */

struct pruning {
        struct bus_service *service;
        size_t count;
};

static int drop_one(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct pruning *pruning = arg;
        BUS_AUTOFREE char *text = bus_xasprintf("%.*s", (int)key.size, (const char *)key.data);

        (void)value;
        bus_delete(pruning->service, text);
        return ++pruning->count >= PRUNE_MAX;
}

int orders_prune_day(struct bus_service *service, int64_t day)
{
        struct pruning pruning = { .service = service };
        char prefix[KEY_SIZE];
        int r;

        snprintf(prefix, sizeof(prefix), "o/%06" PRId64 "/", day);
        r = bus_scan(service, prefix, drop_one, &pruning);
        return r < 0 ? r : 0;
}
