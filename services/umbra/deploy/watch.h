#pragma once
/*
 * The watch after a phase: what health says now, held against how it was when the phase began. Pure.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What health was asked for; NULL where it did not answer. Borrowed. */
struct watch_view {
        const json_t *status; /* /api/status */
        const json_t *shadow; /* /api/shadow */
        const json_t *audit;  /* /api/audit since the phase began */
        const char *metrics;  /* /metrics */
        const json_t *record; /* of the deployment */
        unsigned int slower;  /* percent */
        int64_t now_us;
};

enum watch_line_kind {
        WATCH_FINE,
        WATCH_NOTE, /* worth a look */
        WATCH_BAD,  /* speaks against the phase */
};

#define WATCH_LINES     32
#define WATCH_TEXT_SIZE 200

struct watch_line {
        enum watch_line_kind kind;
        bool lasts; /* told from now on, even once it has gone by */
        char text[WATCH_TEXT_SIZE];
};

struct watch_report {
        struct watch_line lines[WATCH_LINES];
        size_t count;
        bool is_over; /* its time is */
        bool is_bad;  /* one line at least is */
};

void deploy_watch(const struct watch_view *view, struct watch_report *ret_report);

/* How long alerts took, from the text of /metrics: {"sum": seconds, "count": alerts}, or NULL. */
json_t *watch_latency(const char *metrics);
/* Codes and subjects of the alarms of a status, to know later which are new. */
json_t *watch_alarms(const json_t *status);
