#pragma once
/*
 * The gate before a cutover: every condition by name, each with what was found. health alone judges
 * it, whichever command would make a plugin active (docs/architecture.md, Who trades). Pure.
 */
#include "account.pb-c.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct gate_rule {
        int64_t window_us;         /* so long the evidence must reach back; 0: not asked */
        int64_t backup_max_age_us; /* 0: no backup is asked for */
        uint64_t decisions;        /* so many entries and exits must have been compared */
};

/* What a plugin is, down to its settings; "" where nobody knows. */
struct gate_edition {
        const char *build, *config_hash;
};

struct gate_input {
        int64_t now_us;             /* wall clock, as all times here */
        const char *plugin;         /* which would decide */
        bool is_loaded;             /* in strategy-v3, as it last said */
        struct gate_edition live;   /* as loaded there */
        struct gate_edition judged; /* as the evidence is of */
        int64_t since_us;           /* the oldest of the evidence; 0: there is none */
        uint64_t trades;            /* entries and exits compared */
        uint64_t critical;          /* of them outside the ignore rules */
        uint64_t unpaired;          /* live decisions the shadow has no answer to */
        const Pb__Account *account; /* NULL: none seen */
        bool is_connected;          /* executor there, and the broker behind it */
        int64_t backup_us;          /* of the last whole one, checked; 0: none */
};

enum gate_name {
        GATE_PLUGIN_LOADED,
        GATE_WINDOW,
        GATE_DECISIONS,
        GATE_PAIRED,
        GATE_NO_CRITICAL,
        GATE_EDITION,
        GATE_NO_UNKNOWN_ORDER,
        GATE_BROKER_CONNECTED,
        GATE_BACKUP,
        GATE_CONDITIONS,
};

#define GATE_TEXT_SIZE 160

struct gate_condition {
        bool holds;
        char text[GATE_TEXT_SIZE]; /* what was found, for people */
};

struct gate_verdict {
        struct gate_condition conditions[GATE_CONDITIONS];
        bool is_passed; /* all of them hold */
};

const char *gate_name(enum gate_name name); /* "no_critical" */
void gate_judge(const struct gate_rule *rule, const struct gate_input *input,
        struct gate_verdict *ret_verdict);
/* [{"name","holds","text"}]; the caller owns it. */
json_t *gate_json(const struct gate_verdict *verdict);
