#include "services/common/plugin_host.h"

#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "services/common/build_id.h"
#include "services/common/plugin_settings.h"
#include "services/common/v3_names.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_MAX_BYTES     32
#define KNOWN_CAPABILITIES (UMBRA_CAN_ENTER | UMBRA_CAN_EXIT)

_Static_assert(PLUGIN_BUILD_SIZE == BUILD_ID_TEXT_SIZE, "the same text");

struct plugin {
        void *object; /* of dlopen */
        const struct umbra_plugin *entry;
        char build[PLUGIN_BUILD_SIZE];
        char config_hash[PLUGIN_CONFIG_HASH_SIZE];
        union umbra_setting *options; /* as many as the entry's */
        struct v3_symbol *symbols;    /* a copy */
        size_t symbol_count;
        struct umbra_settings settings; /* what the instance holds on to */
        void *self;
        bool started;
};

static int fail(char *error, int code, const char *format, ...) BUS_PRINTF(3, 4);

static int fail(char *error, int code, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(error, PLUGIN_ERROR_SIZE, format, args);
        va_end(args);
        return code;
}

static bool name_valid(const char *name)
{
        size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

        return size > 0 && size <= NAME_MAX_BYTES && !name[size];
}

static int load(struct plugin *plugin, const char *dir, const char *name, char *error)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/%s.so", dir, name);

        if (access(path, F_OK) < 0)
                return fail(error, -ENOENT, "plugin %s: there is no %.150s", name, path);
        plugin->object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!plugin->object)
                return fail(error, -ENOEXEC, "plugin %s: %.200s", name, dlerror());
        plugin->entry = dlsym(plugin->object, UMBRA_PLUGIN_SYMBOL_NAME);
        if (!plugin->entry)
                return fail(error, -ENOEXEC, "plugin %s: exports no %s", name,
                        UMBRA_PLUGIN_SYMBOL_NAME);
        return 0;
}

/* The stamp first: behind it the rest of the entry can be read at all. */
static int check_entry(const struct umbra_plugin *entry, const char *name, char *error)
{
        if (entry->stamp != UMBRA_PLUGIN_STAMP)
                return fail(error, -ENOEXEC,
                        "plugin %s: built against ABI %u (stamp %016llx), not %u (%016llx)", name,
                        (unsigned int)(entry->stamp >> 48), (unsigned long long)entry->stamp,
                        UMBRA_PLUGIN_ABI, (unsigned long long)UMBRA_PLUGIN_STAMP);
        if (!entry->name || strcmp(entry->name, name) != 0)
                return fail(error, -EINVAL, "plugin %s: says that its name is %.40s", name,
                        entry->name ? entry->name : "nothing");
        if (entry->capabilities & ~(uint32_t)KNOWN_CAPABILITIES)
                return fail(error, -EINVAL, "plugin %s: asks for unknown capabilities %#x", name,
                        entry->capabilities);
        if (!entry->version || !entry->create || !entry->destroy || !entry->decide)
                return fail(error, -EINVAL, "plugin %s: its entry lacks a part", name);
        return plugin_options_check(entry->options, entry->option_count, name, error);
}

static void set_defaults(struct plugin *plugin)
{
        const struct umbra_plugin *entry = plugin->entry;
        char error[PLUGIN_ERROR_SIZE];

        plugin->options = bus_new_n(union umbra_setting, entry->option_count + 1);
        for (size_t i = 0; i < entry->option_count; i++) {
                const struct umbra_option *option = &entry->options[i];
                int r = plugin_option_parse(
                        option, entry->name, option->fallback, &plugin->options[i], error);

                bus_require(r == 0); /* plugin_options_check saw to it */
        }
}

int plugin_open(const char *dir, const char *name, char error[static PLUGIN_ERROR_SIZE],
        struct plugin **ret_plugin)
{
        BUS_CLEANUP(plugin_closep) struct plugin *plugin = bus_new(struct plugin);
        int r;

        if (!name_valid(name))
                return fail(error, -EINVAL, "plugin %.40s: not a plugin's name", name);
        r = load(plugin, dir, name, error);
        if (r < 0)
                return r;
        r = check_entry(plugin->entry, name, error);
        if (r < 0)
                return r;
        if (build_id_of(plugin->entry, plugin->build) < 0)
                strcpy(plugin->build, "none");
        set_defaults(plugin);
        *ret_plugin = BUS_STEAL(plugin);
        return 0;
}

struct plugin *plugin_close(struct plugin *plugin)
{
        if (!plugin)
                return NULL;
        if (plugin->started)
                plugin->entry->destroy(plugin->self);
        free(plugin->options);
        free(plugin->symbols);
        if (plugin->object)
                dlclose(plugin->object);
        free(plugin);
        return NULL;
}

int plugin_set(struct plugin *plugin, const char *key, const char *value,
        char error[static PLUGIN_ERROR_SIZE])
{
        const struct umbra_plugin *entry = plugin->entry;
        size_t i = plugin_option_find(entry->options, entry->option_count, key);

        bus_require(!plugin->started);
        if (i == entry->option_count)
                return fail(error, -ENOENT, "plugin.%s.%.40s: no such key", entry->name, key);
        return plugin_option_parse(
                &entry->options[i], entry->name, value, &plugin->options[i], error);
}

static void hash_config(struct plugin *plugin, const struct symbols *symbols)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        uint8_t hash[BUS_SHA256_SIZE];

        for (size_t i = 0; i < plugin->entry->option_count; i++)
                plugin_option_canonical(&plugin->entry->options[i], plugin->options[i], &text);
        symbols_canonical(symbols, &text);
        bus_sha256(bus_buf_bytes(&text), hash);
        bus_hex(bus_bytes(hash, (PLUGIN_CONFIG_HASH_SIZE - 1) / 2), plugin->config_hash);
}

int plugin_start(
        struct plugin *plugin, const struct symbols *symbols, char error[static PLUGIN_ERROR_SIZE])
{
        const struct umbra_plugin *entry = plugin->entry;
        char reason[128] = { 0 };
        int r;

        bus_require(!plugin->started && symbols->count > 0);
        free(plugin->symbols);
        plugin->symbols = bus_xmemdup(symbols->items, symbols->count * sizeof(*symbols->items));
        plugin->symbol_count = symbols->count;
        plugin->settings = (struct umbra_settings){
                .options = plugin->options,
                .symbols = plugin->symbols,
                .symbol_count = plugin->symbol_count,
        };
        hash_config(plugin, symbols);
        r = entry->create(&plugin->settings, reason, sizeof(reason), &plugin->self);
        if (r < 0) {
                reason[sizeof(reason) - 1] = 0;
                return fail(
                        error, r, "plugin %s: %s", entry->name, reason[0] ? reason : strerror(-r));
        }
        plugin->started = true;
        return 0;
}

const char *plugin_name(const struct plugin *plugin)
{
        return plugin->entry->name;
}

const char *plugin_version(const struct plugin *plugin)
{
        return plugin->entry->version;
}

const char *plugin_build(const struct plugin *plugin)
{
        return plugin->build;
}

const char *plugin_config_hash(const struct plugin *plugin)
{
        return plugin->config_hash;
}

uint32_t plugin_capabilities(const struct plugin *plugin)
{
        return plugin->entry->capabilities;
}

const struct umbra_option *plugin_options(const struct plugin *plugin, size_t *ret_count)
{
        *ret_count = plugin->entry->option_count;
        return plugin->entry->options;
}

static const struct v3_symbol *find_symbol(const struct plugin *plugin, const char *name)
{
        for (size_t i = 0; i < plugin->symbol_count; i++)
                if (!strcmp(plugin->symbols[i].name, name))
                        return &plugin->symbols[i];
        return NULL;
}

static void make_error(struct plugin_verdict *verdict)
{
        verdict->decision = (struct v3_decision){
                .verdict = V3_VERDICT_ERROR,
                .reason = V3_REASON_PLUGIN_ERROR,
        };
}

/* Leaves the reason in VERDICT->error where the answer will not do. */
static bool ask(struct plugin *plugin, const struct v3_alert *alert,
        const struct v3_context *context, const struct v3_symbol *symbol,
        struct plugin_verdict *verdict)
{
        int r = plugin->entry->decide(plugin->self, alert, context, &verdict->decision);

        if (r != 0) {
                fail(verdict->error, r, "plugin %s: %s", plugin->entry->name,
                        r < 0 ? strerror(-r) : "answered with a number over 0");
                return false;
        }
        return plugin_decision_sane(
                &verdict->decision, plugin->entry->capabilities, alert, symbol, verdict->error);
}

void plugin_decide(struct plugin *plugin, const struct v3_alert *alert,
        const struct v3_context *context, int64_t (*now_ns)(void),
        struct plugin_verdict *ret_verdict)
{
        const struct v3_symbol *symbol = find_symbol(plugin, alert->symbol);
        int64_t start_ns;

        bus_require(plugin->started);
        *ret_verdict = (struct plugin_verdict){ 0 };
        if (!symbol) {
                fail(ret_verdict->error, -ENOENT, "plugin %s: no symbol %s", plugin->entry->name,
                        alert->symbol);
                make_error(ret_verdict);
                return;
        }
        start_ns = now_ns ? now_ns() : 0;
        if (!ask(plugin, alert, context, symbol, ret_verdict))
                make_error(ret_verdict);
        if (now_ns)
                ret_verdict->decide_ns = now_ns() - start_ns;
}
