#pragma once
/*
 * What load.c builds and config.c, print.c read.
 */
#include "libbus/config/config.h"

enum origin {
        ORIGIN_DEFAULT,
        ORIGIN_FILE,
        ORIGIN_ENVIRONMENT,
        ORIGIN_SET,
};

struct entry {
        char *section, *key;
        const struct config_option *option;
        char *text;
        int64_t number; /* LISTEN: the port */
        char *host;     /* LISTEN: without brackets */
        enum origin origin;
        char *origin_text; /* "umbra.ini:12", "--set", "UMBRA_HEALTH_LISTEN", "default" */
};

/* A named section ("source.tv") that the file or --set opened. */
struct instance {
        char *section;
        char *origin_text;
};

struct config {
        const struct config_option **tables; /* as handed over; the options are borrowed */
        size_t table_count;
        struct entry *entries;
        size_t entry_count;
        struct instance *instances;
        size_t instance_count;
        char **environment; /* the UMBRA_ part, NULL-terminated; free keys are asked for late */
};

/* Walks all options: option_begin, then option_next until NULL. */
struct option_cursor {
        const struct config_option *const *tables;
        size_t table_count, table;
        const struct config_option *option;
};
const struct config_option *option_next(struct option_cursor *cursor);
struct option_cursor option_begin(const struct config *config);

/* "source.*" names "source.tv"; "health" names "health". */
bool option_names_section(const struct config_option *option, const char *section);
bool option_is_named(const struct config_option *option); /* its section is PREFIX.* */
bool option_is_free(const struct config_option *option);  /* its key is "*" */
/* The option of SECTION.KEY, a free one where none has that key; NULL. */
const struct config_option *config_option_of(
        const struct config *config, const char *section, const char *key);
bool config_owns(const struct config *config, const char *section);
struct entry *config_entry(const struct config *config, const char *section, const char *key);

/* The value of UMBRA_SECTION_KEY, NULL if it is not set. */
const char *config_environment(const struct config *config, const char *section, const char *key);
/* "UMBRA_SECTION_KEY"; the caller frees. */
char *config_environment_name(const char *section, const char *key);
