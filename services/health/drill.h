#pragma once
/*
 * Test alerts: posted to the webhook under the test source's token, so that they take the way every
 * alert takes, and answered when the executor has ended them as TEST.
 */
#include "services/health/post.h"
#include "services/health/projection.h"
#include "services/health/relay.h"

struct drill;

struct drill_options {
        struct bus_service *service;
        struct projection *projection;
        relay_state_fn state; /* what holds, told in the answers */
        void *state_arg;
};

struct drill *drill_new(const struct drill_options *options);
/* Answers what is still held as unknown. Takes NULL, returns NULL. */
struct drill *drill_free(struct drill *drill);
void drill_drain(struct drill *drill);

/* Sends the request's body as a test alert, or one of its own where it has none; answers it later. */
void drill_send(struct drill *drill, struct http_request *request);

/* Options for the service's table: where the token is, and where ingest listens. */
#define DRILL_OPTIONS                                                                           \
        { "health", "test_token_file", CONFIG_SECRET_FILE, "",                                  \
                .help = "token of a source with test = yes; empty: no test alerts from here" }, \
                { "alert-ingest", "listen", CONFIG_LISTEN, "127.0.0.1:8080",                    \
                        .help = "where test alerts are posted" },                               \
        {                                                                                       \
                "alert-ingest", "*", CONFIG_STRING, "", .maximum = 4096,                        \
                                                        .help = "alert-ingest's own"            \
        }
