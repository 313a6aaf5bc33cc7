/*
 * Keeps: the first fault ends the load with one line "ORIGIN: section.key: what is wrong", and a
 * config that loaded has a checked value for every option of its tables.
 */
#include "libbus/base/bytes.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/config/internal.h"
#include "libbus/config/lines.h"
#include "libbus/config/sections.h"
#include "libbus/config/value.h"

#include <errno.h>
#include <string.h>

enum { WHY_SIZE = 320 }; /* a form, a value's first 80 bytes, and words around */

struct load {
        struct config *config;
        const char *path;
        char *error;
        size_t error_size;
};

/* One value on its way into the config. */
struct offer {
        const char *section, *key, *text;
        enum origin origin;
        const char *origin_text;
};

static int fail(
        struct load *l, const char *origin, const char *section, const char *key, const char *why)
{
        if (key)
                snprintf(l->error, l->error_size, "%s: %.64s.%.64s: %s", origin, section, key, why);
        else
                snprintf(l->error, l->error_size, "%s: %.64s: %s", origin, section, why);
        return -EINVAL;
}

static struct entry *add_entry(
        struct config *config, const struct offer *offer, const struct config_option *option)
{
        struct entry *entry;

        config->entries =
                bus_xrealloc(config->entries, (config->entry_count + 1) * sizeof(*config->entries));
        entry = &config->entries[config->entry_count++];
        *entry = (struct entry){
                .section = bus_xstrdup(offer->section),
                .key = bus_xstrdup(offer->key),
                .option = option,
        };
        return entry;
}

static void fill_entry(struct entry *entry, const struct offer *offer, int64_t number)
{
        const char *host;
        size_t host_size;
        uint16_t port;

        free(entry->text);
        free(entry->host);
        free(entry->origin_text);
        entry->text = bus_xstrdup(offer->text);
        entry->host = NULL;
        entry->number = number;
        entry->origin = offer->origin;
        entry->origin_text = bus_xstrdup(offer->origin_text);
        if (entry->option->type == CONFIG_LISTEN && offer->text[0]) {
                bus_require(config_listen_parse(offer->text, &host, &host_size, &port) == 0);
                entry->host = bus_xasprintf("%.*s", (int)host_size, host);
                entry->number = port;
        }
}

static void open_instance(struct config *config, const char *section, const char *origin_text)
{
        if (!config_section_prefix(section))
                return;
        for (size_t i = 0; i < config->instance_count; i++)
                if (!strcmp(config->instances[i].section, section))
                        return;
        config->instances = bus_xrealloc(
                config->instances, (config->instance_count + 1) * sizeof(*config->instances));
        config->instances[config->instance_count++] =
                (struct instance){ .section = bus_xstrdup(section),
                        .origin_text = bus_xstrdup(origin_text) };
}

/* Takes a value for a section of ours. */
static int take(struct load *l, const struct offer *offer)
{
        const struct config_option *option =
                config_option_of(l->config, offer->section, offer->key);
        struct entry *entry = config_entry(l->config, offer->section, offer->key);
        char why[WHY_SIZE];
        int64_t number;

        if (!option || !strcmp(offer->key, "*"))
                return fail(l, offer->origin_text, offer->section, offer->key, "unknown key");
        if (entry && entry->origin == ORIGIN_FILE && offer->origin == ORIGIN_FILE) {
                snprintf(why, sizeof(why), "given twice, first at %s", entry->origin_text);
                return fail(l, offer->origin_text, offer->section, offer->key, why);
        }
        if (config_value_parse(option, offer->text, &number, why, sizeof(why)) < 0)
                return fail(l, offer->origin_text, offer->section, offer->key, why);
        if (!entry)
                entry = add_entry(l->config, offer, option);
        if (entry->origin <= offer->origin)
                fill_entry(entry, offer, number);
        return 0;
}

/* ---- the file ---- */

static char *file_origin(const struct load *l, unsigned int line)
{
        return bus_xasprintf("%s:%u", l->path, line);
}

static int on_section(void *context, const char *section, unsigned int line, char *why, size_t size)
{
        struct load *l = context;
        BUS_AUTOFREE char *origin = file_origin(l, line);

        (void)why, (void)size;
        if (!config_section_known(section))
                return fail(l, origin, section[0] ? section : "[]", NULL, "unknown section");
        if (config_owns(l->config, section))
                open_instance(l->config, section, origin);
        return 0;
}

static int on_entry(void *context, const char *section, const char *key, const char *value,
        unsigned int line, char *why, size_t size)
{
        struct load *l = context;
        BUS_AUTOFREE char *origin = NULL;
        struct offer offer = { section, key, value, ORIGIN_FILE, NULL };

        (void)why, (void)size;
        if (!config_owns(l->config, section))
                return 0;
        offer.origin_text = origin = file_origin(l, line);
        return take(l, &offer);
}

static int load_text(struct load *l, struct bus_bytes text)
{
        struct line_visitor visitor = { l, on_section, on_entry };
        char why[WHY_SIZE] = "";
        unsigned int line = 0;
        int r;

        r = lines_walk(text, &visitor, &line, why, sizeof(why));
        if (r < 0 && why[0]) /* a fault of form; ours wrote their line themselves */
                snprintf(l->error, l->error_size, "%s:%u: %s", l->path, line, why);
        return r;
}

static int load_file(struct load *l, const struct config_source *source)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        int r;

        if (source->text)
                return load_text(l, bus_bytes(source->text, source->text_size));
        if (!source->path)
                return 0;
        r = bus_file_read(source->path, CONFIG_FILE_MAX_BYTES, &buf);
        if (r < 0) {
                snprintf(l->error, l->error_size, "%s: cannot be read: %s", l->path, strerror(-r));
                return r;
        }
        return load_text(l, bus_buf_bytes(&buf));
}

/* ---- --set ---- */

static int load_set(struct load *l, const char *set)
{
        const char *equals = strchr(set, '=');
        size_t path_size = equals ? (size_t)(equals - set) : 0;
        size_t section_size = config_section_of_path(set, path_size);
        BUS_AUTOFREE char *section = bus_xasprintf("%.*s", (int)section_size, set);
        BUS_AUTOFREE char *key = NULL;

        if (!equals) {
                snprintf(l->error, l->error_size, "--set: must be section.key=value");
                return -EINVAL;
        }
        if (!section_size || section_size + 1 == path_size || !config_section_known(section)) {
                snprintf(l->error, l->error_size, "--set: %.*s: no known section and a key",
                        (int)(path_size < 128 ? path_size : 128), set);
                return -EINVAL;
        }
        key = bus_xasprintf("%.*s", (int)(path_size - section_size - 1), set + section_size + 1);
        if (!config_owns(l->config, section))
                return 0;
        open_instance(l->config, section, "--set");
        return take(l, &(struct offer){ section, key, equals + 1, ORIGIN_SET, "--set" });
}

/* ---- environment ---- */

static void keep_environment(struct config *config, char *const *environment)
{
        size_t count = 0;

        for (char *const *e = environment; e && *e; e++)
                count += !strncmp(*e, "UMBRA_", 6);
        config->environment = bus_new_n(char *, count + 1);
        count = 0;
        for (char *const *e = environment; e && *e; e++)
                if (!strncmp(*e, "UMBRA_", 6))
                        config->environment[count++] = bus_xstrdup(*e);
}

static int take_environment(struct load *l, const char *section, const char *key)
{
        const char *text = config_environment(l->config, section, key);
        BUS_AUTOFREE char *name = NULL;

        if (!text)
                return 0;
        name = config_environment_name(section, key);
        return take(l, &(struct offer){ section, key, text, ORIGIN_ENVIRONMENT, name });
}

/* Kubernetes gives every pod UMBRA_HEALTH_PORT, _SERVICE_HOST and more for such a Service. */
static bool is_service_link(const char *rest)
{
        return !strncmp(rest, "PORT", 4) || !strncmp(rest, "SERVICE_", 8);
}

/* The known section whose environment name is the longest start of NAME; *RET_REST is behind it. */
static const char *section_of_environment(const char *name, const char **ret_rest)
{
        const char *section, *best = NULL;
        size_t best_size = 0;

        for (size_t i = 0; (section = config_section_name(i)); i++) {
                BUS_AUTOFREE char *start = config_environment_name(section, "");
                size_t n = strlen(start);

                if (n <= best_size || strncmp(name, start, n))
                        continue;
                best = section;
                best_size = n;
                *ret_rest = name + n;
        }
        return best;
}

static bool has_environment_name(const struct config *config, const char *variable)
{
        struct option_cursor c = option_begin(config);
        const struct config_option *option;

        while ((option = option_next(&c))) {
                BUS_AUTOFREE char *name = config_environment_name(option->section, option->key);
                size_t n = strlen(name);

                if (!strncmp(variable, name, n) && variable[n] == '=')
                        return true;
        }
        return false;
}

static bool has_free_keys(const struct config *config, const char *section)
{
        const struct config_option *option = config_option_of(config, section, "*");

        return option && option_is_free(option);
}

/* A misspelt variable of a section of ours would otherwise be passed over in silence. */
static int refuse_unknown_environment(struct load *l)
{
        for (char **e = l->config->environment; *e; e++) {
                const char *rest = NULL;
                const char *section = section_of_environment(*e, &rest);
                int name_size = (int)strcspn(*e, "=");

                if (!section || config_section_prefix(section) || !config_owns(l->config, section))
                        continue;
                if (has_free_keys(l->config, section) || is_service_link(rest) ||
                        has_environment_name(l->config, *e))
                        continue;
                snprintf(l->error, l->error_size, "%.*s: %s: no key of that name", name_size, *e,
                        section);
                return -EINVAL;
        }
        return 0;
}

/* ---- every option of every section that is there ---- */

/* FN for each option with a key of its own: of our plain sections, and of each named one. */
static int each_option(
        struct load *l, int (*fn)(struct load *, const char *, const struct config_option *))
{
        struct option_cursor c = option_begin(l->config);
        const struct config_option *option;
        int r = 0;

        while (r == 0 && (option = option_next(&c))) {
                if (option_is_free(option))
                        continue;
                if (!option_is_named(option))
                        r = fn(l, option->section, option);
                for (size_t i = 0;
                        option_is_named(option) && r == 0 && i < l->config->instance_count; i++)
                        if (option_names_section(option, l->config->instances[i].section))
                                r = fn(l, l->config->instances[i].section, option);
        }
        return r;
}

static int override_by_environment(
        struct load *l, const char *section, const struct config_option *option)
{
        return take_environment(l, section, option->key);
}

static int override_free_keys(struct load *l)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < l->config->entry_count; i++)
                if (option_is_free(l->config->entries[i].option))
                        r = take_environment(
                                l, l->config->entries[i].section, l->config->entries[i].key);
        return r;
}

static const char *section_origin(const struct load *l, const char *section)
{
        for (size_t i = 0; i < l->config->instance_count; i++)
                if (!strcmp(l->config->instances[i].section, section))
                        return l->config->instances[i].origin_text;
        return l->path;
}

static int fill_default(struct load *l, const char *section, const struct config_option *option)
{
        struct offer offer = { section, option->key, option->fallback, ORIGIN_DEFAULT, "default" };
        char why[WHY_SIZE];

        if (config_entry(l->config, section, option->key))
                return 0;
        if (!option->fallback) {
                char form[CONFIG_FORM_SIZE];

                snprintf(why, sizeof(why), "must be given: %s",
                        config_form(option, form, sizeof(form)));
                return fail(l, section_origin(l, section), section, option->key, why);
        }
        return take(l, &offer);
}

static int load_all(struct load *l, const struct config_source *source)
{
        int r;

        r = load_file(l, source);
        for (size_t i = 0; r == 0 && i < source->set_count; i++)
                r = load_set(l, source->sets[i]);
        if (r == 0)
                r = each_option(l, override_by_environment);
        if (r == 0)
                r = override_free_keys(l);
        if (r == 0)
                r = refuse_unknown_environment(l);
        if (r == 0)
                r = each_option(l, fill_default);
        return r;
}

int config_load(const struct config_source *source, const struct config_option *const *tables,
        size_t table_count, struct config **ret_config, char *error, size_t error_size)
{
        CONFIG_AUTOFREE struct config *config = bus_new(struct config);
        struct load l = { config, source->path ? source->path : "config", error, error_size };
        int r;

        config->tables = bus_xmemdup(tables, table_count * sizeof(*tables));
        config->table_count = table_count;
        keep_environment(config, source->environment);
        r = load_all(&l, source);
        if (r < 0)
                return r;
        *ret_config = BUS_STEAL(config);
        return 0;
}
