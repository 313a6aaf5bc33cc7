/* POST /admin/: from the request to the command on the bus. */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "services/health/admin.h"
#include "services/health/health.h"

#include <errno.h>
#include <stdio.h>

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

/* Everybody that is there answers what is for all. */
static void everybody(const struct health *health, const char **ret_services)
{
        size_t n = 0;

        for (size_t i = 0; i < health->beats.count; i++)
                if (health->beats.items[i].expected)
                        ret_services[n++] = health->beats.items[i].service;
        ret_services[n] = NULL;
}

static void send(struct health *health, struct http_request *request, struct admin_command *command)
{
        const char *services[BEATS_SERVICES_MAX + 1] = { command->service, NULL };
        char error[ADMIN_ERROR_SIZE];

        if (!command->service)
                everybody(health, services);
        if (admin_gate_judge(command, health->gate_on, error) < 0)
                health_reply_error(request, 409, "gate_not_passed", "%s", error);
        else if (relay_send(health->relay, request, command, services, health->gate_on) < 0)
                health_reply_error(request, 503, "busy", "too many commands are in hand");
}

void health_admin(struct health *health, struct http_request *request, const char *path)
{
        json_t *params = params_of(request);
        struct admin_command command;
        char error[ADMIN_ERROR_SIZE], actor[ADMIN_TEXT_SIZE];
        int r;

        if (!params) {
                health_reply_error(request, 400, "invalid_json", "the body must be a JSON object");
                return;
        }
        snprintf(actor, sizeof(actor), "admin@%s", http_peer(request));
        r = admin_parse(path, params, actor, bus_wall_us(), &command, error);
        if (!r)
                send(health, request, &command);
        else if (r == -ENOENT)
                health_reply_error(request, 404, "not_found", "%s", error);
        else
                health_reply_error(request, 422, "bad_parameter", "%s", error);
        admin_command_done(&command);
}
