#pragma once
/*
 * The section [mt5-demo] of the configuration, and what it means.
 */
#include "libbus/bus/endpoint.h"
#include "libbus/bus/keys.h"
#include "libbus/config/config.h"
#include "services/mt5-demo/desk.h"
#include "services/mt5-demo/feed.h"
#include "services/mt5-demo/specs.h"
#include "services/mt5-demo/translate.h"

#define OPTIONS_SECTION    "mt5-demo"
#define OPTIONS_ERROR_SIZE 256

extern const struct config_option demo_options[];

struct options {
        char connect[BUS_ENDPOINT_SIZE], control[BUS_ENDPOINT_SIZE];
        char state[BUS_ENDPOINT_SIZE];
        char *keys_folder;           /* owned; of the link's key, NULL: a link without CURVE */
        const struct config *config; /* borrowed */
        const char *csv, *faults, *secret_file; /* borrowed from the config */
        struct identity identity;
        int64_t balance_cents;
        int64_t tick_interval_us, redial_us, cut_us;
        struct specs specs; /* owned */
        struct desk_options desk;
        struct feed_options feed;
};

/* -EINVAL with one line in ERROR. */
BUS_MUST int options_read(const struct config *config, struct options *ret_options,
        char error[static OPTIONS_ERROR_SIZE]);
void options_done(struct options *options);
