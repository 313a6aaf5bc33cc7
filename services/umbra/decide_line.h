#pragma once
/*
 * One line of `umbra decide`: {"alert":{...},"context":{...}|null} in, one decision out. Pure: the
 * same words give the same decision, and the alert is judged from its exact text in the line.
 */
#include "libbus/base/bytes.h"
#include "services/common/plugin_host.h"

enum decide_result {
        DECIDE_OK = 0,
        DECIDE_BAD_INPUT = 1,    /* the line is no such object */
        DECIDE_PLUGIN_ERROR = 2, /* the plugin itself failed; ERROR says how */
};

/* Appends the answer without a line break. PLUGIN was started with SYMBOLS. */
enum decide_result decide_line(struct plugin *plugin, const struct symbols *symbols,
        struct bus_bytes line, struct bus_buf *answer, char error[static PLUGIN_ERROR_SIZE]);
