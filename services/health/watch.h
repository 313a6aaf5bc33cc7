#pragma once
/*
 * The watch over a plugin that has just taken over: for so long, what would make a person roll back is
 * looked for, and told once each. Pure; what it counts is kept as text.
 */
#include "comparison.pb-c.h"
#include "services/health/slower.h"

#include <jansson.h>

enum watch_trigger {
        WATCH_CRITICAL_DIFFERENCE, /* to the incumbent, outside the ignore rules */
        WATCH_SLOWER,
        WATCH_ERROR_RATE,    /* over its threshold */
        WATCH_ORDER_SUCCESS, /* under its threshold */
        WATCH_PLUGIN_CRASH,
        WATCH_TRIGGERS,
};

#define WATCH_NAME_SIZE  33
#define WATCH_ALERT_SIZE 27

struct watch {
        bool is_active; /* the plugin decides */
        bool is_on;     /* and its time is not over */
        char plugin[WATCH_NAME_SIZE];
        uint64_t epoch; /* of the switch that made it active */
        int64_t since_us, until_us;
        struct slower slower;
        uint64_t critical;
        char critical_alert[WATCH_ALERT_SIZE]; /* the first of them */
        unsigned int told;                     /* a bit for each trigger */
};

/* What is not of the watch's own making. */
struct watch_input {
        int64_t now_us;
        bool error_rate, order_success; /* over, under the alert threshold */
        int64_t crashed_us; /* when a crash was told, by the clock of the watch's beginning; 0: none */
};

const char *watch_trigger_name(enum watch_trigger trigger); /* "critical_difference" */

void watch_begin(struct watch *watch, const char *plugin, uint64_t epoch, int64_t now_us,
        int64_t duration_us);
/* A comparison of INCUMBENT in the shadow with the plugin; others are left out. */
void watch_comparison(struct watch *watch, const char *incumbent, const char *alert_id,
        const Pb__Comparison *comparison);
/* Why to roll back, a bit for each trigger that was not told yet: the caller tells it. The watch ends
 * when its time is over. */
unsigned int watch_judge(struct watch *watch, const struct watch_input *input);
/* One line for people. */
#define WATCH_WHY_SIZE 200
const char *watch_why(
        const struct watch *watch, enum watch_trigger trigger, char text[static WATCH_WHY_SIZE]);

/* As it is kept, and told; the caller owns it. */
json_t *watch_json(const struct watch *watch);
void watch_read(struct watch *watch, const json_t *json); /* the way back; what is not there is 0 */
