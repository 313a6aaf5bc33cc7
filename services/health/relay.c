/*
 * Invariant: a slot with a request is answered exactly once, by its last result, its deadline, or
 * the drain.
 */
#include "services/health/relay.h"

#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/pbjson/pbjson.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TICK_US      (50 * BUS_US_PER_MS)
#define SERVICES_MAX 12

struct pending {
        struct http_request *request; /* NULL: the slot is free */
        char id[BUS_ID_SIZE];
        const char *command;
        const char *waiting[SERVICES_MAX]; /* who has not answered; NULL where one has */
        size_t service_count;
        int64_t sent_us, deadline_us; /* monotonic */
        const char *gate;
        bool is_switch;
        json_t *results;
};

struct relay {
        struct bus_service *service;
        struct bus_source *timer;
        relay_state_fn state;
        void *state_arg;
        struct pending pending[RELAY_MAX];
};

/* ---- the answer ---- */

static void set(json_t *json, const char *key, json_t *value)
{
        json_object_set_new(json, key, value ? value : json_null());
}

/* Worst first: what names the whole where several have answered. */
static const char *const statuses[] = { "failed", "refused", "unknown", "done", "unchanged" };

static const char *status_of(const struct pending *pending, bool complete)
{
        size_t worst = complete ? BUS_COUNT(statuses) - 1 : 2, index;
        const char *status;
        json_t *result;

        json_array_foreach(pending->results, index, result)
        {
                status = json_string_value(json_object_get(result, "status"));
                for (size_t i = 0; i < worst; i++)
                        if (!strcmp(statuses[i], status))
                                worst = i;
        }
        return statuses[worst];
}

static unsigned int http_status_of(const char *status)
{
        if (!strcmp(status, "refused"))
                return 409;
        if (!strcmp(status, "failed"))
                return 500;
        return strcmp(status, "unknown") ? 200 : 504;
}

static json_t *waiting_json(const struct pending *pending)
{
        json_t *json = json_array();

        for (size_t i = 0; i < pending->service_count; i++)
                if (pending->waiting[i])
                        json_array_append_new(json, json_string(pending->waiting[i]));
        return json;
}

static const char unknown_text[] =
        "no answer in time: it may still happen. Look: GET /api/status, umbra status";

/* One error for scripts, whoever of several it was. */
static json_t *error_json(const struct pending *pending, const char *status)
{
        size_t index;
        json_t *result;

        json_array_foreach(pending->results, index, result)
        {
                const char *code = json_string_value(json_object_get(result, "code"));
                const char *text = json_string_value(json_object_get(result, "text"));

                if (code && !strcmp(json_string_value(json_object_get(result, "status")), status))
                        return json_pack(
                                "{s:s, s:s}", "code", code, "message", text && *text ? text : code);
        }
        return json_pack("{s:s, s:s}", "code", status, "message", unknown_text);
}

static json_t *answer_json(const struct relay *relay, const struct pending *pending, bool complete)
{
        json_t *json = json_object(), *first = json_array_get(pending->results, 0), *value;
        const char *status = status_of(pending, complete), *key;

        if (http_status_of(status) != 200)
                set(json, "error", error_json(pending, status));
        set(json, "status", json_string(status));
        set(json, "command", json_string(pending->command));
        set(json, "command_id", json_string(pending->id));
        set(json, "ms", json_integer((bus_mono_us() - pending->sent_us) / BUS_US_PER_MS));
        if (pending->gate)
                set(json, "gate", json_string(pending->gate));
        if (pending->service_count == 1)
                json_object_foreach(first, key, value) if (strcmp(key, "status"))
                        json_object_set(json, key, value);
        if (!complete) {
                set(json, "waiting_for", waiting_json(pending));
                set(json, "text", json_string(unknown_text));
        }
        set(json, "state", relay->state(relay->state_arg));
        json_object_set(json, "results", pending->results);
        return json;
}

static void answer(const struct relay *relay, struct pending *pending, bool complete)
{
        json_t *json = answer_json(relay, pending, complete);
        BUS_AUTOFREE char *text = json_dumps(json, JSON_COMPACT);
        const char *status = json_string_value(json_object_get(json, "status"));
        struct http_response response = { .status = http_status_of(status) };

        bus_require(text);
        response.body = bus_bytes_str(text);
        log_info("command_answered", "command=%s id=%s status=%s", pending->command, pending->id,
                status);
        http_respond(pending->request, &response);
        json_decref(json);
        json_decref(pending->results);
        *pending = (struct pending){ 0 };
}

/* ---- results ---- */

static json_t *result_json(const Pb__ControlResult *result)
{
        json_t *json = json_object(), *now = json_object();
        char status[PBJSON_ENUM_SIZE];

        set(json, "service", json_string(result->service));
        set(json, "status",
                json_string(
                        pbjson_enum(&pb__result_status__descriptor, (int)result->status, status)));
        if (*result->code)
                set(json, "code", json_string(result->code));
        if (*result->text)
                set(json, "text", json_string(result->text));
        for (size_t i = 0; i < result->n_facts; i++)
                set(!strcmp(result->facts[i]->key, "position") ? json : now, result->facts[i]->key,
                        json_string(result->facts[i]->value));
        set(json, "now", now);
        return json;
}

static bool is_complete(const struct pending *pending)
{
        for (size_t i = 0; i < pending->service_count; i++)
                if (pending->waiting[i])
                        return false;
        return true;
}

static void take_result(
        const struct relay *relay, struct pending *pending, const Pb__ControlResult *result)
{
        for (size_t i = 0; i < pending->service_count; i++) {
                if (!pending->waiting[i] || strcmp(pending->waiting[i], result->service))
                        continue;
                pending->waiting[i] = NULL;
                json_array_append_new(pending->results, result_json(result));
        }
        if (is_complete(pending))
                answer(relay, pending, true);
}

void relay_result(struct relay *relay, const Pb__ControlResult *result)
{
        for (size_t i = 0; i < RELAY_MAX; i++)
                if (relay->pending[i].request && !strcmp(relay->pending[i].id, result->command_id))
                        take_result(relay, &relay->pending[i], result);
}

static void on_tick(void *arg)
{
        struct relay *relay = arg;
        int64_t now_us = bus_mono_us();

        for (size_t i = 0; i < RELAY_MAX; i++)
                if (relay->pending[i].request && now_us >= relay->pending[i].deadline_us)
                        answer(relay, &relay->pending[i], false);
}

/* ---- sending ---- */

static struct pending *free_slot(struct relay *relay)
{
        for (size_t i = 0; i < RELAY_MAX; i++)
                if (!relay->pending[i].request)
                        return &relay->pending[i];
        return NULL;
}

static void emit(struct relay *relay, const struct admin_command *command, const char *id)
{
        BUS_AUTOFREE char *topic = bus_xasprintf("control.cmd.%s", command->name);

        bus_emit(relay->service, &(struct bus_out){
                                         .stream = "control",
                                         .topic = topic,
                                         .body = &command->control.base,
                                         .message_id = id,
                                 });
        log_info("command", "command=%s id=%s actor=%s plugin=%s cl_ord_id=%s reason=\"%s\"",
                command->name, id, command->actor, command->plugin, command->cl_ord_id,
                command->reason);
}

int relay_send(struct relay *relay, struct http_request *request,
        const struct admin_command *command, const char *const *services, const char *gate)
{
        struct pending *pending = free_slot(relay);

        if (!pending)
                return -EBUSY;
        *pending = (struct pending){
                .request = request,
                .command = command->name,
                .sent_us = bus_mono_us(),
                .is_switch = command->is_switch,
                .gate = gate,
                .results = json_array(),
        };
        pending->deadline_us = pending->sent_us + command->wait_us;
        for (; *services; services++) {
                bus_require(pending->service_count < SERVICES_MAX);
                pending->waiting[pending->service_count++] = *services;
        }
        bus_id_new(pending->id);
        emit(relay, command, pending->id);
        return 0;
}

void relay_publish(struct relay *relay, const struct admin_command *command)
{
        char id[BUS_ID_SIZE];

        bus_id_new(id);
        emit(relay, command, id);
}

const char *relay_switching(const struct relay *relay)
{
        for (size_t i = 0; i < RELAY_MAX; i++)
                if (relay->pending[i].request && relay->pending[i].is_switch)
                        return relay->pending[i].command;
        return NULL;
}

struct relay *relay_new(struct bus_service *service, relay_state_fn state, void *arg)
{
        struct relay *relay = bus_new(struct relay);

        relay->service = service;
        relay->state = state;
        relay->state_arg = arg;
        relay->timer =
                bus_loop_add_timer(bus_service_loop(service), TICK_US, TICK_US, on_tick, relay);
        return relay;
}

void relay_drain(struct relay *relay)
{
        for (size_t i = 0; i < RELAY_MAX; i++)
                if (relay->pending[i].request)
                        answer(relay, &relay->pending[i], false);
}

struct relay *relay_free(struct relay *relay)
{
        if (!relay)
                return NULL;
        relay_drain(relay);
        bus_loop_remove(bus_service_loop(relay->service), relay->timer);
        free(relay);
        return NULL;
}
