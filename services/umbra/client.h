#pragma once
/*
 * One HTTP request to a service of ours, waited for. For commands; a service never blocks like this.
 */
#include "libbus/base/bytes.h"
#include "services/umbra/layout.h"

#include <jansson.h>

struct client {
        char *url;   /* http://127.0.0.1:8000 */
        char *token; /* bearer; NULL: none */
};

/* Health of the system that LAYOUT holds, with its admin token where that is readable. -errno if
 * nobody can tell where it is: *ERROR says so. */
BUS_MUST int client_init(
        struct client *client, const struct layout *layout, char *error, size_t error_size);
void client_done(struct client *client);

/* The port SERVICE listens on, and its host: run/SERVICE.port, else SERVICE.listen of umbra.ini. */
BUS_MUST int client_address(const struct layout *layout, const char *service, char **ret_url);

struct client_answer {
        long status; /* of HTTP */
        struct bus_buf body;
        json_t *json; /* the body, where it is JSON; else NULL */
};

void client_answer_done(struct client_answer *answer);

/*
 * METHOD with BODY (NULL: none) to PATH, waiting at most TIMEOUT_US. -ECONNREFUSED if nobody listens,
 * -ETIMEDOUT, -EIO: ERROR says what. Any HTTP answer is a 0.
 */
BUS_MUST int client_request(const struct client *client, const char *method, const char *path,
        const char *body, int64_t timeout_us, struct client_answer *ret_answer, char *error,
        size_t error_size);
