#pragma once
/*
 * Configuration: one INI file that all services share, read against tables of typed options.
 *
 * A service hands over the tables of the sections it reads, its own and the common ones. Sections
 * that belong to another service (libbus/config/sections.h) are skipped; everything else must be
 * right: an unknown section, an unknown key in a section of ours, a value of the wrong form or out
 * of its range, a secret that cannot be read, a required key that is missing. The first fault ends
 * the load with exactly one line that names the culprit:
 *
 *      umbra.ini:12: alert-ingest.max_body: must be 1KiB..64KiB, not "1MiB"
 *      --set: bus.linger: is not a duration such as 250ms, 5s, 2m, 1h, 90d: "5"
 *      UMBRA_HEALTH_LISTEN: health.listen: must be host:port, not "8000"
 *
 * Precedence: --set, then environment, then file, then the option's default. The environment's name
 * of an option is UMBRA_SECTION_KEY in capitals with '-' and '.' as '_'. It overrides keys of named
 * sections ([source.tv]) that the file or --set opens, and opens none itself.
 *
 * The file: `[section]`, `key = value`, comments on lines of their own after ';' or '#' and behind
 * a value after " ;". No line continues another, a key is given once, and a line has at most
 * CONFIG_LINE_MAX bytes (inih's buffer: a longer one is refused, not cut).
 *
 * All of this is for start-up: it reads files and allocates. A loaded config never changes.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
        CONFIG_LINE_MAX = 197,           /* inih's 200 bytes less line break and NUL */
        CONFIG_FILE_MAX_BYTES = 1 << 20, /* thousands of lines; more is not a config of ours */
        CONFIG_NAME_MAX = 32,            /* the NAME in [source.NAME] */
        CONFIG_ERROR_SIZE = 512,         /* room for the longest error line */
};

enum config_type {
        CONFIG_BOOL,        /* yes no true false on off 1 0 */
        CONFIG_INT,         /* decimal digits, optional minus */
        CONFIG_DURATION,    /* 250us 250ms 5s 2m 1h 90d, or 0; the value is in microseconds */
        CONFIG_DECIMAL,     /* 0.25; the value is e8 */
        CONFIG_CENTS,       /* 100 or 100.50; the value is whole cents */
        CONFIG_SIZE,        /* 512 16KiB 4MiB 1GiB; the value is bytes */
        CONFIG_STRING,      /* minimum..maximum is its length in bytes */
        CONFIG_ENUM,        /* one of VALUES; the value is the index into them */
        CONFIG_LISTEN,      /* host:port, [v6]:port; port 0 is one the system picks */
        CONFIG_SECRET_FILE, /* path of a readable, not empty file; its content is never printed */
        CONFIG_HEX32,       /* 64 hex digits (a SHA-256), printed masked */
};

/*
 * One key. SECTION is "alert-ingest", or "source.*" for sections with a free name. KEY "*" admits
 * any key (type STRING): what only somebody else can judge, such as the section of a plugin.
 * FALLBACK is the default as it would be written in the file; NULL: the key must be given (in each
 * named section there is); "": the key may be left out or empty, see config_given.
 * MINIMUM == MAXIMUM checks no range. Both are in the value's unit. A table of them ends with
 * .section == NULL; it is borrowed as long as the config.
 */
struct config_option {
        const char *section;
        const char *key;
        enum config_type type;
        const char *fallback;
        int64_t minimum, maximum;
        const char *values; /* ENUM: a|b|c */
        const char *help;   /* one line, for people */
};

/* Where values come from. All borrowed during config_load only. */
struct config_source {
        const char *path; /* the INI file; NULL: none */
        const char *text; /* read instead of the file, PATH then only names it in errors */
        size_t text_size;
        const char *const *sets; /* "section.key=value", the arguments of --set; a later one wins */
        size_t set_count;
        char *const *environment; /* environ, or NULL: none */
};

struct config;

/*
 * Reads SOURCE against TABLES. 0, or -EINVAL, or -errno of a file that cannot be read; then ERROR
 * holds the one line. The caller frees *RET_CONFIG.
 */
BUS_MUST int config_load(const struct config_source *source,
        const struct config_option *const *tables, size_t table_count, struct config **ret_config,
        char *error, size_t error_size);
struct config *config_free(struct config *config); /* takes NULL, returns NULL */
BUS_DEFINE_CLEANUP(config_freep, struct config *, config_free);
#define CONFIG_AUTOFREE BUS_CLEANUP(config_freep)

/*
 * Values. SECTION is a full name ("source.tv"). An option that is in none of the tables, a section
 * name that is not there, or the accessor of another type is a broken invariant of ours
 * (bus_require). Borrowed texts live as long as the config. An optional key that is not given reads
 * as false, 0, "" or -1 (enum).
 */
bool config_bool(const struct config *config, const char *section, const char *key);
/* INT, DURATION (us), DECIMAL (e8), CENTS, SIZE (bytes) */
int64_t config_int(const struct config *config, const char *section, const char *key);
/* STRING, SECRET_FILE (its path), LISTEN and ENUM as written; never NULL */
const char *config_string(const struct config *config, const char *section, const char *key);
int config_enum(const struct config *config, const char *section, const char *key);
/* The host, without brackets; NULL and port 0 where it is not given. */
const char *config_listen(
        const struct config *config, const char *section, const char *key, uint16_t *ret_port);
/* False, and RET_HASH untouched, where it is not given. */
bool config_hex32(const struct config *config, const char *section, const char *key,
        uint8_t ret_hash[static 32]);
/* Whether set, environment or file gives a non-empty value, so that it is not the default. */
bool config_given(const struct config *config, const char *section, const char *key);

/* The N-th name of the sections PREFIX.* ("source" -> "tv"), as they appear; NULL: no more. */
const char *config_instance(const struct config *config, const char *prefix, size_t n);
/* "FILE:LINE", "--set" or the environment's name: where the value of a key came from, for errors
 * that only the reader of a free key can find. "default" where it is not given. */
const char *config_origin(const struct config *config, const char *section, const char *key);
/* Free keys ("*"): the N-th key given in SECTION, NULL: no more. */
const char *config_free_key(const struct config *config, const char *section, size_t n);
/* Free keys: the value of KEY, from --set, environment or file; NULL if none gives it. */
const char *config_free_value(const struct config *config, const char *section, const char *key);

/* The effective config of the tables' sections as INI, secrets masked, defaults marked. */
void config_print(const struct config *config, FILE *out);
/* Every option of TABLES as a commented INI: type, range, default and help. */
void config_describe(const struct config_option *const *tables, size_t table_count, FILE *out);
