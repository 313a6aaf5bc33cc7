/* POST /admin/: from the request to the command on the bus, or the reason why not. */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/health/admin.h"
#include "services/health/health.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What may stand in the query; a body may have any key, for set_risk. */
static const char *const query_keys[] = {
        "reason",
        "force",
        "expected_epoch",
        "scope",
        "as",
        "kill",
        "ticket",
        "key",
        "value",
        "name",
        "plugin",
};

/* The body's object with the query's parameters over it; NULL if the body is not an object. */
static json_t *params_of(const struct http_request *request)
{
        struct bus_bytes body = http_body(request);
        json_t *params = body.size ? json_loadb((const char *)body.data, body.size,
                                             JSON_REJECT_DUPLICATES, NULL)
                                   : json_object();

        if (!json_is_object(params)) {
                json_decref(params);
                return NULL;
        }
        for (size_t i = 0; i < BUS_COUNT(query_keys); i++) {
                const char *value = http_query(request, query_keys[i]);

                if (value)
                        json_object_set_new(params, query_keys[i], json_string(value));
        }
        return params;
}

/* ---- what holds, told with every refusal ---- */

json_t *health_state_json(void *arg)
{
        const struct health *health = arg;
        const Pb__Account *account = health->account;
        json_t *json = route_json(&health->route);

        if (account)
                json_object_set_new(json, "executor",
                        json_pack("{s:b, s:b, s:b}", "paused", (int)account->paused, "halted",
                                (int)account->halted, "killed", (int)account->killed));
        return json;
}

static void refuse(struct health *health, struct http_request *request, unsigned int status,
        const char *code, const char *message, json_t *more)
{
        json_t *json = json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", message);

        if (!json) /* a piece of somebody's bytes in it that is not UTF-8 */
                json = json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", code);
        json_object_set_new(json, "status", json_string("refused"));
        json_object_set_new(json, "code", json_string(code));
        json_object_set_new(json, "state", health_state_json(health));
        if (more)
                json_object_update(json, more);
        json_decref(more);
        log_info("command_refused", "code=%s peer=%s", code, http_peer(request));
        health_reply_json(request, status, json);
}

/* ---- who must be there ---- */

static bool is_there(const struct health *health, const struct beat *beat)
{
        /* health itself may just have been started: nobody has beaten yet */
        if (!beat->last)
                return bus_mono_us() - health->started_us < BEATS_GONE_US;
        return beat_is_alive(beat, bus_mono_us());
}

/* The first of SERVICES that is down, or NULL. */
static const char *who_is_down(struct health *health, const char *const *services)
{
        for (; *services; services++) {
                const struct beat *beat = beats_find(&health->beats, *services);

                if (!beat || !is_there(health, beat))
                        return *services;
        }
        return NULL;
}

/* ---- the gate ---- */

/* The names of what does not hold, into the command (which keeps them) and TEXT. */
static json_t *note_failed(
        const struct gate_verdict *verdict, struct admin_command *command, struct bus_buf *text)
{
        Pb__Control *control = &command->control;
        json_t *failed = json_array();

        control->gate_failed = command->gate_failed;
        for (int i = 0; i < GATE_CONDITIONS; i++) {
                const char *name = gate_name((enum gate_name)i);

                if (verdict->conditions[i].holds)
                        continue;
                command->gate_failed[control->n_gate_failed++] = (char *)(uintptr_t)name;
                json_array_append_new(failed, json_string(name));
                bus_buf_printf(text, "%s%s (%s)", text->size ? "; " : "", name,
                        verdict->conditions[i].text);
        }
        return failed;
}

_Static_assert(ADMIN_GATE_MAX >= GATE_CONDITIONS, "a command has room for every condition");

/* What is told of the gate in the answer, static; NULL: refused, and answered so. */
static const char *pass_gate(
        struct health *health, struct http_request *request, struct admin_command *command)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        struct gate_verdict verdict;
        json_t *failed;

        if (command->control.force && !*command->reason) {
                refuse(health, request, 422, "force_without_reason", "force needs a reason", NULL);
                return NULL;
        }
        health_gate(health, &verdict);
        failed = note_failed(&verdict, command, &text);
        command->control.gate_passed = verdict.is_passed || !health->gate_on;
        if (verdict.is_passed || !health->gate_on || command->control.force) {
                json_decref(failed);
                return verdict.is_passed ? "passed" : health->gate_on ? "forced" : "off";
        }
        refuse(health, request, 409, "gate_not_passed", bus_buf_str(&text),
                json_pack("{s:o, s:o}", "failed", failed, "gate", gate_json(&verdict)));
        return NULL;
}

/* ---- sending ---- */

static void send(struct health *health, struct http_request *request, struct admin_command *command,
        const char *const *services)
{
        const char *gate = NULL;

        if (command->activates && strcmp(health->route.active, command->plugin) != 0) {
                gate = pass_gate(health, request, command);
                if (!gate)
                        return;
        }
        if (command->is_switch && !command->control.expected_epoch && health->route.is_known)
                command->control.expected_epoch = health->route.epoch;
        if (relay_send(health->relay, request, command, services, gate) < 0)
                refuse(health, request, 503, "busy", "too many commands are in hand", NULL);
}

static bool is_unknown_plugin(const struct health *health, const struct admin_command *command)
{
        return command->is_switch && health->route.is_known &&
               !route_plugin(&health->route, command->plugin);
}

static void check_and_send(
        struct health *health, struct http_request *request, struct admin_command *command)
{
        const char *services[BEATS_SERVICES_MAX + 1] = { command->service, NULL };
        const char *down, *switching = relay_switching(health->relay);
        BUS_AUTOFREE char *text = NULL;

        if (!command->service)
                health_everybody(health, services);
        down = command->is_urgent ? NULL : who_is_down(health, services);
        if (is_unknown_plugin(health, command)) {
                refuse(health, request, 404, "unknown_plugin", "the slot has no such plugin", NULL);
        } else if (down) {
                text = bus_xasprintf("%s is down: nothing was asked of it", down);
                refuse(health, request, 503, "service_down", text,
                        json_pack("{s:s}", "service", down));
        } else if (command->is_switch && switching) {
                text = bus_xasprintf("another switch is under way: %s", switching);
                refuse(health, request, 409, "switch_in_progress", text, NULL);
        } else {
                send(health, request, command, services);
        }
}

/* The webhook must be there, and all whose word it waits for. */
static void send_test(struct health *health, struct http_request *request)
{
        static const char *const services[] = { "alert-ingest", "strategy-v3", "order-executor",
                NULL };
        const char *down = who_is_down(health, services);
        BUS_AUTOFREE char *text = NULL;

        if (down) {
                text = bus_xasprintf("%s is down: no test alert was sent", down);
                refuse(health, request, 503, "service_down", text,
                        json_pack("{s:s}", "service", down));
        } else {
                drill_send(health->drill, request);
        }
}

static void send_command(struct health *health, struct http_request *request, const char *path)
{
        json_t *params = params_of(request);
        struct admin_command command;
        char error[ADMIN_ERROR_SIZE], actor[ADMIN_TEXT_SIZE];
        int r;

        if (!params) {
                refuse(health, request, 400, "invalid_json", "the body must be a JSON object",
                        NULL);
                return;
        }
        snprintf(actor, sizeof(actor), "admin@%s", http_peer(request));
        r = admin_parse(path, params, actor, bus_wall_us(), &command, error);
        if (!r)
                check_and_send(health, request, &command);
        else if (r == -ENOENT)
                refuse(health, request, 404, "not_found", error, NULL);
        else
                refuse(health, request, 422, "bad_parameter", error, NULL);
        admin_command_done(&command);
}

void health_admin(struct health *health, struct http_request *request, const char *path)
{
        if (!strcmp(path, "test_alert"))
                send_test(health, request);
        else
                send_command(health, request, path);
}
