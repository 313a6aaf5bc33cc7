#pragma once
/*
 * The executor's configuration.
 */
#include "libbus/bus/endpoint.h"
#include "services/order-executor/core/book.h"

extern const struct config_option ex_options[];

struct ex_settings {
        char listen[BUS_ENDPOINT_SIZE]; /* of the broker link */
        char *secret;                   /* owned; shared with the terminal */
        int64_t snapshot_interval_us;
        int64_t since_us; /* lifetime losses count from here; 0: from the first start */
        bool takeover;
        bool is_curve; /* the link, as the bus */
};

/* Fills in SETTINGS and the books' rules, limits, names and symbols. -EINVAL or -errno behind one
 * ERROR line. */
BUS_MUST int ex_settings_read(
        const struct config *config, struct ex_settings *ret_settings, struct ex_book **ret_book);
void ex_settings_done(struct ex_settings *settings);
