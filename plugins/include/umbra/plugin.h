#pragma once
/*
 * The strategy plugin ABI.
 *
 * A plugin is a shared object that exports one symbol, UMBRA_PLUGIN_SYMBOL, a constant
 * struct umbra_plugin. The host (strategy-v3, strategy-v3-shadow, umbra decide, umbra replay) checks
 * the stamp before anything else and refuses a plugin built against another ABI, by name.
 *
 * decide() is a pure function of (settings, alert, context): no clock, no socket, no file, no
 * global that changes. The host may call it for any alert, in any order, again, in several
 * processes: the answers must be the same, for live, shadow and replay are held against each other.
 * All calls come from one thread. docs/plugins.md walks through a first plugin.
 */
#include "umbra/v3.h"

#include <stddef.h>

/* Raised by any change of a struct or a meaning in this header or in v3.h. */
#define UMBRA_PLUGIN_ABI         1u
#define UMBRA_PLUGIN_SYMBOL      umbra_plugin_entry
#define UMBRA_PLUGIN_SYMBOL_NAME "umbra_plugin_entry"
#define UMBRA_PLUGIN_EXPORT      __attribute__((visibility("default")))

/* The stamp covers the layout too: a forgotten raise of the number still shows. */
#define UMBRA_PLUGIN_STAMP                                                                        \
        ((uint64_t)UMBRA_PLUGIN_ABI << 48 ^ (uint64_t)sizeof(struct v3_alert) << 32 ^             \
                (uint64_t)sizeof(struct v3_decision) << 16 ^ (uint64_t)sizeof(struct v3_symbol) ^ \
                (uint64_t)sizeof(struct v3_context) << 8)

enum umbra_capability {
        UMBRA_CAN_ENTER = 1 << 0, /* may return legs */
        UMBRA_CAN_EXIT = 1 << 1,  /* may return closes */
};

enum umbra_option_type {
        UMBRA_OPTION_BOOL,    /* yes, no, true, false, 1, 0 */
        UMBRA_OPTION_INT,     /* MINIMUM..MAXIMUM */
        UMBRA_OPTION_DECIMAL, /* e8; MINIMUM..MAXIMUM in e8 */
        UMBRA_OPTION_ENUM,    /* one of VALUES, separated by '|' */
};

/* One key of the section [plugin.NAME]. The host parses, checks the range and prints the errors. */
struct umbra_option {
        const char *key;
        enum umbra_option_type type;
        const char *fallback; /* the default, as it would be written in the file */
        int64_t minimum, maximum;
        const char *values;
        const char *help;
};

union umbra_setting {
        bool boolean;
        int64_t integer; /* INT, DECIMAL, and for ENUM the index into its values */
};

struct umbra_settings {
        const union umbra_setting *options; /* as many, in the order of the plugin's option table */
        const struct v3_symbol *symbols;
        size_t symbol_count;
};

struct umbra_plugin {
        uint64_t stamp;      /* UMBRA_PLUGIN_STAMP */
        const char *name;    /* [a-z0-9_]{1,32}, also the file's name */
        const char *version; /* for people */
        uint32_t capabilities;
        const struct umbra_option *options;
        size_t option_count;

        /*
         * Makes an instance from SETTINGS, which live as long as the instance. 0, or -errno with a
         * line in ERROR that says what is wrong with the settings.
         */
        int (*create)(const struct umbra_settings *settings, char *error, size_t error_size,
                void **ret_self);
        /* Takes NULL. */
        void (*destroy)(void *self);
        /*
         * Judges ALERT. CONTEXT is NULL where no snapshot was there. *RET_DECISION is zeroed by the
         * host before the call. 0, or -errno where the plugin cannot say: the host makes that a
         * decision with verdict "error". Must not block.
         */
        int (*decide)(void *self, const struct v3_alert *alert, const struct v3_context *context,
                struct v3_decision *ret_decision);
};

extern const struct umbra_plugin UMBRA_PLUGIN_SYMBOL;
