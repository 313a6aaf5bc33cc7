/*
 * Invariant: recent holds the newest entries as they are in the store or about to be; whoever changes
 * an entry changes it there first.
 */
#include "services/health/audit.h"

#include "libbus/base/clock.h"
#include "libbus/base/ids.h"
#include "libbus/base/require.h"
#include "libbus/pbjson/pbjson.h"
#include "libbus/wire/streams.h"

#include <errno.h>
#include <string.h>

#define PREFIX    "u/"
#define DAY_US    (INT64_C(86400) * BUS_US_PER_SEC)
#define PRUNE_MAX 100 /* keys a call */

struct audit {
        struct bus_service *service;
        json_t *recent; /* command id -> entry, in the order they came */
};

struct audit *audit_new(struct bus_service *service)
{
        struct audit *audit = bus_new(struct audit);

        audit->service = service;
        audit->recent = json_object();
        return audit;
}

struct audit *audit_free(struct audit *audit)
{
        if (audit)
                json_decref(audit->recent);
        free(audit);
        return NULL;
}

static void remember(struct audit *audit, const char *id, json_t *entry)
{
        json_object_set_new(audit->recent, id, entry);
        if (json_object_size(audit->recent) > AUDIT_RECENT_MAX)
                json_object_del(
                        audit->recent, json_object_iter_key(json_object_iter(audit->recent)));
}

static int load_one(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct audit *audit = arg;
        json_t *entry = json_loadb((const char *)value.data, value.size, 0, NULL);
        const char *id = json_string_value(json_object_get(entry, "command_id"));

        (void)key;
        if (id)
                remember(audit, id, json_incref(entry));
        json_decref(entry);
        return 0;
}

int audit_load(struct audit *audit)
{
        int r = bus_scan(audit->service, PREFIX, load_one, audit);

        return r < 0 ? r : 0;
}

/* ---- entries ---- */

static void set(json_t *json, const char *key, json_t *value)
{
        json_object_set_new(json, key, value ? value : json_null());
}

static void set_time(json_t *json, int64_t at_us)
{
        char when[BUS_TIME_TEXT_SIZE];

        set(json, "at", json_string(bus_time_format(at_us, when)));
        set(json, "at_us", json_integer(at_us));
}

/* The entry of a command: from memory, the store, or new. */
static int entry_of(struct audit *audit, const char *id, json_t **ret_entry)
{
        BUS_AUTOFREE char *key = bus_xasprintf(PREFIX "%s", id);
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
        json_t *entry = json_object_get(audit->recent, id);
        int r;

        if (entry) {
                *ret_entry = entry;
                return 0;
        }
        r = bus_get(audit->service, key, &value);
        if (r < 0)
                return r;
        if (!r)
                entry = json_loadb((const char *)value.data, value.size, 0, NULL);
        if (!json_is_object(entry)) {
                json_decref(entry);
                entry = json_pack("{s:s, s:[]}", "command_id", id, "results");
        }
        bus_require(entry);
        remember(audit, id, entry);
        *ret_entry = entry;
        return 0;
}

static void keep(struct audit *audit, const char *id, const json_t *entry)
{
        BUS_AUTOFREE char *key = bus_xasprintf(PREFIX "%s", id);
        BUS_AUTOFREE char *text = json_dumps(entry, JSON_COMPACT);

        bus_require(text);
        bus_put(audit->service, key, bus_bytes_str(text), false);
}

int audit_command(struct audit *audit, const char *writer, const struct bus_message *message,
        const Pb__Control *control)
{
        const char *id = message->envelope->message_id;
        json_t *entry, *asked;
        int r;

        r = entry_of(audit, id, &entry);
        if (r < 0)
                return r;
        asked = pbjson(&control->base);
        json_object_update(entry, asked);
        json_decref(asked);
        set(entry, "by", json_string(writer));
        set_time(entry, message->envelope->staged_us);
        keep(audit, id, entry);
        return 0;
}

static json_t *result_json(const struct bus_message *message, const Pb__ControlResult *result)
{
        json_t *json = pbjson(&result->base), *now = json_object();

        for (size_t i = 0; i < result->n_facts; i++)
                set(now, result->facts[i]->key, json_string(result->facts[i]->value));
        set(json, "facts", now);
        json_object_del(json, "command_id");
        json_object_del(json, "command");
        set_time(json, message->envelope->staged_us);
        return json;
}

/* A result seen again takes the first one's place. */
static void put_result(json_t *results, json_t *result)
{
        const char *service = json_string_value(json_object_get(result, "service"));

        for (size_t i = 0; i < json_array_size(results); i++) {
                const char *other =
                        json_string_value(json_object_get(json_array_get(results, i), "service"));

                if (other && service && !strcmp(other, service)) {
                        json_array_set_new(results, i, result);
                        return;
                }
        }
        json_array_append_new(results, result);
}

int audit_result(
        struct audit *audit, const struct bus_message *message, const Pb__ControlResult *result)
{
        json_t *entry;
        char command[PBJSON_ENUM_SIZE];
        int r;

        r = entry_of(audit, result->command_id, &entry);
        if (r < 0)
                return r;
        if (!json_object_get(entry, "command")) {
                /* ahead of its command, or by a service on its own account */
                pbjson_enum(&pb__command__descriptor, (int)result->command, command);
                set(entry, "command", json_string(command));
                set(entry, "by", json_string(result->service));
                set_time(entry, message->envelope->staged_us);
        }
        put_result(json_object_get(entry, "results"), result_json(message, result));
        keep(audit, result->command_id, entry);
        return 0;
}

/* ---- asking ---- */

static int64_t at_of(const json_t *entry)
{
        return json_integer_value(json_object_get(entry, "at_us"));
}

json_t *audit_list(const struct audit *audit, int64_t since_us, size_t limit)
{
        size_t count = json_object_size(audit->recent), at = 0;
        json_t *list = json_array(), *entry;
        const char *id;

        json_object_foreach(audit->recent, id, entry)
        {
                (void)id;
                if (at++ + limit >= count && at_of(entry) >= since_us)
                        json_array_append(list, entry);
        }
        return list;
}

/* When SERVICE was done with the backup of ENTRY; 0: it was not. */
static int64_t done_us(const json_t *entry, const char *service)
{
        size_t index;
        json_t *result;

        json_array_foreach(json_object_get(entry, "results"), index, result)
        {
                const char *name = json_string_value(json_object_get(result, "service"));
                const char *status = json_string_value(json_object_get(result, "status"));

                if (name && status && !strcmp(name, service) && !strcmp(status, "done"))
                        return at_of(result);
        }
        return 0;
}

int64_t audit_backup_us(const struct audit *audit, const char *const *services)
{
        int64_t newest_us = 0;
        json_t *entry;
        const char *id;

        json_object_foreach(audit->recent, id, entry)
        {
                const char *command = json_string_value(json_object_get(entry, "command"));
                /* a copy is as old as its oldest part */
                int64_t oldest_us = command && !strcmp(command, "backup") ? INT64_MAX : 0;

                (void)id;
                for (size_t i = 0; oldest_us && services[i]; i++) {
                        int64_t at_us = done_us(entry, services[i]);

                        oldest_us = at_us < oldest_us ? at_us : oldest_us;
                }
                if (oldest_us != INT64_MAX && oldest_us > newest_us)
                        newest_us = oldest_us;
        }
        return newest_us;
}

struct old_keys {
        struct bus_service *service;
        int64_t before_us;
        size_t count;
};

static int drop_old(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct old_keys *old = arg;
        BUS_AUTOFREE char *text = bus_xasprintf("%.*s", (int)key.size, (const char *)key.data);

        (void)value;
        if (bus_id_us(text + strlen(PREFIX)) >= old->before_us)
                return 1; /* the rest is younger */
        bus_delete(old->service, text);
        return ++old->count >= PRUNE_MAX;
}

int audit_prune(struct audit *audit, int64_t now_us)
{
        struct old_keys old = { .service = audit->service,
                .before_us = now_us - bus_stream_kind("control")->kept_days * DAY_US };
        int r = bus_scan(audit->service, PREFIX, drop_old, &old);

        return r < 0 ? r : 0;
}
