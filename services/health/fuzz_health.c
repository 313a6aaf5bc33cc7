/*
 * What strangers and the store hand to health: a path with parameters (a command is refused or whole),
 * headers (never let in without cause), a kept record (told, or refused), kept evidence, an answer.
 */
#include "libbus/base/require.h"
#include "proto/validate.h"
#include "services/health/access.h"
#include "services/health/admin.h"
#include "services/health/evidence.h"
#include "services/health/post.h"
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

static void keep(void *arg, const char *key, const char *value)
{
        (void)arg;
        bus_require(*key && *value);
}

static void drop(void *arg, const char *key)
{
        (void)arg;
        bus_require(*key);
}

/* What the store holds: taken, or refused; and the sum of it can be told. */
static void fuzz_evidence(const char *key, struct bus_bytes rest)
{
        BUS_AUTOFREE char *value =
                bus_xasprintf("%.*s", (int)rest.size, rest.size ? (const char *)rest.data : "");
        struct evidence *evidence = evidence_new(&(struct evidence_options){
                .plugin = "combined_v3", .incumbent = "legacy_v3", .sink = { keep, drop, NULL } });

        if (!evidence_load(evidence, key, value))
                json_decref(evidence_json(evidence, INT64_C(1795371600000000), 10));
        evidence_free(evidence);
}

static void fuzz_answer(const uint8_t *data, size_t size)
{
        /* as it is after reading: with a NUL behind it */
        BUS_AUTOBUF struct bus_buf answer = BUS_BUF_INIT;
        struct bus_bytes body;
        unsigned int status;

        bus_buf_add(&answer, data, size);
        bus_buf_str(&answer);
        if (!post_parse(bus_buf_bytes(&answer), &status, &body))
                bus_require(status >= 100 && status <= 999 && body.size <= size);
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
        fuzz_evidence(line, rest);
        fuzz_answer(data, size);
        return 0;
}
