#include "services/strategy/host.h"

#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "proto/unpack.h"
#include "proto/validate.h"
#include "services/common/signal_codec.h"
#include "services/common/symbols_config.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

static int apply_settings(
        struct plugin *plugin, const struct config *config, char error[static CONFIG_ERROR_SIZE])
{
        BUS_AUTOFREE char *section = bus_xasprintf("plugin.%s", plugin_name(plugin));
        char why[PLUGIN_ERROR_SIZE] = "";
        const char *key;
        int r;

        for (size_t i = 0; (key = config_free_key(config, section, i)); i++) {
                r = plugin_set(plugin, key, config_free_value(config, section, key), why);
                if (r < 0) {
                        snprintf(error, CONFIG_ERROR_SIZE, "%s: %s",
                                config_origin(config, section, key), why);
                        return r;
                }
        }
        return 0;
}

static int load_one(struct strategy_host *host, const struct config *config, const char *name,
        const struct symbols *symbols, char error[static CONFIG_ERROR_SIZE])
{
        BUS_CLEANUP(plugin_closep) struct plugin *plugin = NULL;
        char why[PLUGIN_ERROR_SIZE] = "";
        int r;

        if (strategy_host_find(host, name) || host->count == STRATEGY_PLUGINS_MAX) {
                snprintf(error, CONFIG_ERROR_SIZE, "plugin %s: %s", name,
                        host->count == STRATEGY_PLUGINS_MAX ? "one too many" : "named twice");
                return -EINVAL;
        }
        r = plugin_open(config_string(config, "plugin_system", "folder"), name, why, &plugin);
        if (r < 0) {
                snprintf(error, CONFIG_ERROR_SIZE, "%s", why);
                return r;
        }
        r = apply_settings(plugin, config, error);
        if (r < 0)
                return r;
        r = plugin_start(plugin, symbols, why);
        if (r < 0) {
                snprintf(error, CONFIG_ERROR_SIZE, "%s", why);
                return r;
        }
        log_info("plugin_loaded", "plugin=%s version=%s build=%s config=%s", name,
                plugin_version(plugin), plugin_build(plugin), plugin_config_hash(plugin));
        host->plugins[host->count++] = BUS_STEAL(plugin);
        return 0;
}

static int load_named(struct strategy_host *host, const struct config *config, const char *names,
        const struct symbols *symbols, char error[static CONFIG_ERROR_SIZE])
{
        BUS_AUTOFREE char *list = bus_xstrdup(names);
        char *rest = list, *name;
        int r = 0;

        while (!r && (name = strsep(&rest, ",")))
                r = load_one(host, config, name + strspn(name, " "), symbols, error);
        return r;
}

int strategy_host_load(struct strategy_host *host, const struct config *config, const char *names,
        const char *incumbent, char error[static CONFIG_ERROR_SIZE])
{
        bool all = config_bool(config, "plugin_system", "enabled");
        struct symbols symbols;
        int r;

        *host = (struct strategy_host){ 0 };
        r = symbols_config(&symbols, config, false, error);
        if (r < 0)
                return r;
        r = load_named(host, config, all ? names : incumbent, &symbols, error);
        symbols_done(&symbols);
        if (r < 0)
                strategy_host_done(host);
        return r;
}

void strategy_host_done(struct strategy_host *host)
{
        while (host->count)
                plugin_close(host->plugins[--host->count]);
}

struct plugin *strategy_host_find(const struct strategy_host *host, const char *name)
{
        for (size_t i = 0; i < host->count; i++)
                if (!strcmp(plugin_name(host->plugins[i]), name))
                        return host->plugins[i];
        return NULL;
}

int strategy_signal_read(const struct bus_message *message, struct strategy_signal *ret_signal)
{
        struct strategy_signal signal = { 0 };
        ProtobufCMessage *unpacked = NULL;
        const char *why = "";
        int r;

        r = message_unpack_in(
                &signal.arena, &pb__signal__descriptor, message->body, &unpacked, &why);
        signal.pb = (Pb__Signal *)unpacked;
        if (!r)
                r = validate_signal(signal.pb, &why);
        if (!r) {
                why = "not an alert that ingest accepts";
                r = signal_read(signal.pb, &signal.alert, &signal.context, &signal.has_context);
        }
        if (r < 0) {
                log_warn("bad_signal", "topic=%s alert_id=%s why=\"%s\"", message->topic,
                        message->envelope->alert_id, why);
                strategy_signal_done(&signal);
                return BUS_QUARANTINE;
        }
        *ret_signal = signal;
        return 0;
}

void strategy_signal_done(struct strategy_signal *signal)
{
        message_arena_done(&signal->arena);
        signal->pb = NULL;
}

static int64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void strategy_decide(struct plugin *plugin, const struct strategy_signal *signal,
        struct plugin_verdict *ret_verdict)
{
        plugin_decide(plugin, &signal->alert, signal->has_context ? &signal->context : NULL, now_ns,
                ret_verdict);
}
