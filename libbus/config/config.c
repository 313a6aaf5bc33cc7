/*
 * Keeps: whoever asks for an option that no table has, or by the accessor of another type, is wrong
 * and hears of it at the first start, not when the value is needed.
 */
#include "libbus/config/config.h"

#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "libbus/config/internal.h"
#include "libbus/config/value.h"

#include <string.h>

struct option_cursor option_begin(const struct config *config)
{
        return (struct option_cursor){ .tables = config->tables,
                .table_count = config->table_count };
}

const struct config_option *option_next(struct option_cursor *c)
{
        while (c->table < c->table_count) {
                c->option = c->option ? c->option + 1 : c->tables[c->table];
                if (c->option->section)
                        return c->option;
                c->option = NULL;
                c->table++;
        }
        return NULL;
}

bool option_is_named(const struct config_option *option)
{
        size_t n = strlen(option->section);

        return n > 2 && !strcmp(option->section + n - 2, ".*");
}

bool option_is_free(const struct config_option *option)
{
        return !strcmp(option->key, "*");
}

bool option_names_section(const struct config_option *option, const char *section)
{
        if (option_is_named(option))
                return !strncmp(section, option->section, strlen(option->section) - 1);
        return !strcmp(section, option->section);
}

bool config_owns(const struct config *config, const char *section)
{
        struct option_cursor c = option_begin(config);
        const struct config_option *option;

        while ((option = option_next(&c)))
                if (option_names_section(option, section))
                        return true;
        return false;
}

const struct config_option *config_option_of(
        const struct config *config, const char *section, const char *key)
{
        struct option_cursor c = option_begin(config);
        const struct config_option *option, *any = NULL;

        while ((option = option_next(&c))) {
                if (!option_names_section(option, section))
                        continue;
                if (!strcmp(option->key, key))
                        return option;
                if (option_is_free(option))
                        any = option;
        }
        return any;
}

struct entry *config_entry(const struct config *config, const char *section, const char *key)
{
        for (size_t i = 0; i < config->entry_count; i++) {
                struct entry *entry = &config->entries[i];

                if (!strcmp(entry->section, section) && !strcmp(entry->key, key))
                        return entry;
        }
        return NULL;
}

/* bus_require: an option of a table, in a section that is there. */
static const struct entry *must_entry(
        const struct config *config, const char *section, const char *key)
{
        const struct entry *entry = config_entry(config, section, key);

        bus_require(entry && "the option is in a table and its section is there");
        return entry;
}

bool config_bool(const struct config *config, const char *section, const char *key)
{
        const struct entry *entry = must_entry(config, section, key);

        bus_require(entry->option->type == CONFIG_BOOL);
        return entry->number != 0;
}

int64_t config_int(const struct config *config, const char *section, const char *key)
{
        const struct entry *entry = must_entry(config, section, key);

        switch (entry->option->type) {
        case CONFIG_INT:
        case CONFIG_DURATION:
        case CONFIG_DECIMAL:
        case CONFIG_CENTS:
        case CONFIG_SIZE: break;
        default: bus_require(!"the option is a number");
        }
        return entry->number;
}

const char *config_string(const struct config *config, const char *section, const char *key)
{
        const struct entry *entry = must_entry(config, section, key);

        switch (entry->option->type) {
        case CONFIG_STRING:
        case CONFIG_SECRET_FILE:
        case CONFIG_LISTEN:
        case CONFIG_ENUM: break;
        default: bus_require(!"the option is a text");
        }
        return entry->text;
}

int config_enum(const struct config *config, const char *section, const char *key)
{
        const struct entry *entry = must_entry(config, section, key);

        bus_require(entry->option->type == CONFIG_ENUM);
        return (int)entry->number;
}

const char *config_listen(
        const struct config *config, const char *section, const char *key, uint16_t *ret_port)
{
        const struct entry *entry = must_entry(config, section, key);

        bus_require(entry->option->type == CONFIG_LISTEN);
        *ret_port = (uint16_t)entry->number;
        return entry->host;
}

bool config_hex32(const struct config *config, const char *section, const char *key,
        uint8_t ret_hash[static 32])
{
        const struct entry *entry = must_entry(config, section, key);

        bus_require(entry->option->type == CONFIG_HEX32);
        if (!entry->text[0])
                return false;
        bus_require(bus_unhex(entry->text, ret_hash, BUS_SHA256_SIZE) == 0);
        return true;
}

bool config_given(const struct config *config, const char *section, const char *key)
{
        const struct entry *entry = must_entry(config, section, key);

        return entry->origin != ORIGIN_DEFAULT && entry->text[0];
}

const char *config_instance(const struct config *config, const char *prefix, size_t n)
{
        size_t size = strlen(prefix);

        for (size_t i = 0; i < config->instance_count; i++) {
                const char *section = config->instances[i].section;

                if (!strncmp(section, prefix, size) && section[size] == '.' && n-- == 0)
                        return section + size + 1;
        }
        return NULL;
}

const char *config_origin(const struct config *config, const char *section, const char *key)
{
        const struct entry *entry = config_entry(config, section, key);

        bus_require(config_option_of(config, section, key));
        return entry ? entry->origin_text : "default";
}

const char *config_free_key(const struct config *config, const char *section, size_t n)
{
        bus_require(config_owns(config, section));
        for (size_t i = 0; i < config->entry_count; i++) {
                const struct entry *entry = &config->entries[i];

                if (option_is_free(entry->option) && !strcmp(entry->section, section) && n-- == 0)
                        return entry->key;
        }
        return NULL;
}

const char *config_free_value(const struct config *config, const char *section, const char *key)
{
        const struct config_option *option = config_option_of(config, section, key);
        const struct entry *entry = config_entry(config, section, key);

        bus_require(option && option_is_free(option));
        return entry ? entry->text : config_environment(config, section, key);
}

struct config *config_free(struct config *config)
{
        if (!config)
                return NULL;
        for (size_t i = 0; i < config->entry_count; i++) {
                free(config->entries[i].section);
                free(config->entries[i].key);
                free(config->entries[i].text);
                free(config->entries[i].host);
                free(config->entries[i].origin_text);
        }
        for (size_t i = 0; i < config->instance_count; i++) {
                free(config->instances[i].section);
                free(config->instances[i].origin_text);
        }
        for (char **e = config->environment; e && *e; e++)
                free(*e);
        free(config->environment);
        free(config->entries);
        free(config->instances);
        free(config->tables);
        free(config);
        return NULL;
}
