/*
 * combined_v3 as it is, but for four symbols: on NZDUSD it takes no entry, on EURJPY it takes its
 * time, on AUDJPY it fails, of GBPJPY it dies. What the watch looks for, for test_watch.sh.
 */
#include "umbra/plugin.h"

/* The real one, under another name. */
extern const struct umbra_plugin real_combined_v3;
#define umbra_plugin_entry real_combined_v3
#include "plugins/combined_v3/combined_v3.c" /* NOLINT(bugprone-suspicious-include): all of it */
#undef umbra_plugin_entry

#include <signal.h>
#include <time.h>

#define SLOW_NS 600000

static int64_t thread_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void take_time(void)
{
        int64_t until_ns = thread_ns() + SLOW_NS;

        while (thread_ns() < until_ns) {
        }
}

static int decide_otherwise(void *self, const struct v3_alert *alert,
        const struct v3_context *context, struct v3_decision *ret_decision)
{
        if (!strcmp(alert->symbol, "GBPJPY"))
                raise(SIGSEGV);
        if (!strcmp(alert->symbol, "AUDJPY"))
                return -EIO;
        if (!strcmp(alert->symbol, "EURJPY"))
                take_time();
        if (strcmp(alert->symbol, "NZDUSD") != 0 || alert->type != V3_TYPE_ENTRY)
                return decide(self, alert, context, ret_decision);
        reject(ret_decision, alert, V3_REASON_LOW_STRENGTH);
        return 0;
}

extern const struct umbra_plugin umbra_plugin_entry;
UMBRA_PLUGIN_EXPORT const struct umbra_plugin umbra_plugin_entry = {
        .stamp = UMBRA_PLUGIN_STAMP,
        .name = "combined_v3",
        .version = "0.1-watched",
        .capabilities = UMBRA_CAN_ENTER | UMBRA_CAN_EXIT,
        .options = options,
        .option_count = BUS_COUNT(options),
        .create = create,
        .destroy = destroy,
        .decide = decide_otherwise,
};
