#pragma once
/*
 * The plugins, loaded into the demo itself and asked again: what `umbra decide` does.
 */
#include "services/common/plugin_host.h"
#include "services/umbra/demo/expect.h"

#define JUDGE_PLUGINS 2

struct judge {
        struct symbols symbols;
        struct plugin *plugins[JUDGE_PLUGINS];
};

/* DIR: where the plugins are. -errno; ERROR says what. judge_done in any case. */
BUS_MUST int judge_init(struct judge *judge, const char *dir, char error[static PLUGIN_ERROR_SIZE]);
void judge_done(struct judge *judge);
/* An expect_decide_fn; ARG is the judge. */
json_t *judge_decide(void *arg, const char *plugin, const char *body, const json_t *context);
