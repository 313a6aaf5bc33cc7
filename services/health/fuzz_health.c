/*
 * What strangers and the store hand to health: a path with parameters (a command is refused or whole),
 * headers (never let in without cause), a kept record (told, or refused).
 */
#include "libbus/base/require.h"
#include "proto/validate.h"
#include "services/health/access.h"
#include "services/health/admin.h"
#include "services/health/trail.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text up to the first line break, and what follows. */
static char *first_line(const uint8_t *data, size_t size, struct bus_bytes *ret_rest)
{
        const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
        size_t length = end ? (size_t)(end - data) : size;

        *ret_rest = end ? bus_bytes(end + 1, size - length - 1) : bus_bytes(NULL, 0);
        return bus_xasprintf("%.*s", (int)length, size ? (const char *)data : "");
}

static void fuzz_admin(const char *path, struct bus_bytes rest)
{
        json_t *params = json_loadb((const char *)rest.data, rest.size, 0, NULL);
        struct admin_command command;
        char error[ADMIN_ERROR_SIZE];
        const char *why;

        if (!json_is_object(params)) {
                json_decref(params);
                params = json_object();
        }
        if (!admin_parse(
                    path, params, "admin@127.0.0.1", INT64_C(1795371600000000), &command, error))
                bus_require(!validate_control(&command.control, &why));
        admin_command_done(&command);
}

static void fuzz_access(const char *host)
{
        static const struct access_rule closed = { .loopback = true };
        const struct access_request far = {
                .peer = "203.0.113.7", .host = host, .authorization = host
        };

        bus_require(!access_allowed(&closed, &far));
}

static void fuzz_trail(const uint8_t *data, size_t size)
{
        struct trail *trail = trail_new();

        if (!trail_add(trail, bus_bytes(data, size))) {
                json_t *json = trail_json(trail);

                bus_require(json_is_object(json));
                json_decref(json);
        }
        trail_free(trail);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bus_bytes rest;
        BUS_AUTOFREE char *line = first_line(data, size, &rest);

        if (bus_hash_init() < 0)
                return 0;
        fuzz_admin(line, rest);
        fuzz_access(line);
        fuzz_trail(data, size);
        return 0;
}
