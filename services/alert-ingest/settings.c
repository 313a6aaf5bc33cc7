#include "services/alert-ingest/settings.h"

#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/common/symbols_config.h"

#include <errno.h>

#define SECTION "alert-ingest"

const struct config_option ingest_options[] = {
        { SECTION, "listen", CONFIG_LISTEN, "127.0.0.1:8080",
                .help = "where alerts come in; not used where the service manager gives a socket" },
        { SECTION, "allow", CONFIG_STRING, "", .maximum = 4096,
                .help = "addresses and ranges that may post, comma-separated; empty: all" },
        { SECTION, "trusted_proxies", CONFIG_STRING, "", .maximum = 4096,
                .help = "addresses whose X-Forwarded-For is believed" },
        { SECTION, "connections_max", CONFIG_INT, "512", 1, 16384,
                .help = "open connections; more wait in the kernel's queue" },
        { SECTION, "connections_per_address_max", CONFIG_INT, "256", 0, 16384,
                .help = "of one address; 0: no cap, for behind a proxy" },
        { SECTION, "header_max", CONFIG_SIZE, "8KiB", 2048, 65536,
                .help = "request line and headers" },
        { SECTION, "request_timeout", CONFIG_DURATION, "10s", 100 * BUS_US_PER_MS,
                300 * BUS_US_PER_SEC, .help = "for a whole request; idle connections too" },
        { SECTION, "drain_grace", CONFIG_DURATION, "1s", 0, 10 * BUS_US_PER_SEC,
                .help = "at the stop, for connections on which a request may be under way" },
        { SECTION, "notice", CONFIG_BOOL, "yes",
                .help = "an entry that comes alone is told ahead of its commit, so that the executor's "
                        "sync falls into alert-ingest's" },
        { SECTION, "refused_kept", CONFIG_INT, "256", 1, 65536,
                .help = "refused alerts kept in refused.ring, 4.3 KiB each" },
        { "source.*", "token_sha256", CONFIG_HEX32, NULL,
                .help = "SHA-256 of the token in the webhook's path" },
        { "source.*", "test", CONFIG_BOOL, "no",
                .help = "its alerts end as TEST before the broker" },
        { "source.*", "max_silence", CONFIG_DURATION, "0", 0, 90 * 86400 * BUS_US_PER_SEC,
                .help = "alarm when the source, or a symbol of it, is silent for longer; 0: never" },
        SYMBOLS_CONFIG_OPTION,
        SYMBOLS_CONFIG_ALIAS_OPTION,
        { 0 },
};

static int read_list(const struct config *config, const char *key, struct address_list *ret_list)
{
        char error[ADDRESS_ERROR_SIZE];

        if (address_list_parse(config_string(config, SECTION, key), ret_list, error) < 0) {
                log_error("bad_config", "%s: " SECTION ".%s: %s",
                        config_origin(config, SECTION, key), key, error);
                return -EINVAL;
        }
        return 0;
}

static const struct auth_source *same_token(const struct ingest *ingest, const uint8_t *hash)
{
        for (size_t i = 0; i < ingest->source_count; i++)
                if (!memcmp(ingest->sources[i].token_hash, hash, BUS_SHA256_SIZE))
                        return &ingest->sources[i];
        return NULL;
}

static int read_source(struct ingest *ingest, const struct config *config, const char *name)
{
        struct auth_source *source = &ingest->sources[ingest->source_count];
        BUS_AUTOFREE char *section = bus_xasprintf("source.%s", name);
        const struct auth_source *other;

        source->name = name;
        source->test = config_bool(config, section, "test");
        bus_require(config_hex32(config, section, "token_sha256", source->token_hash));
        other = same_token(ingest, source->token_hash);
        if (other) {
                log_error("bad_config", "%s: %s.token_sha256: is source.%s's already",
                        config_origin(config, section, "token_sha256"), section, other->name);
                return -EINVAL;
        }
        ingest->max_silence_us[ingest->source_count] = config_int(config, section, "max_silence");
        ingest->source_count++;
        return 0;
}

static int read_sources(struct ingest *ingest, const struct config *config)
{
        size_t count = 0;
        int r = 0;

        while (config_instance(config, "source", count))
                count++;
        ingest->sources = bus_new_n(struct auth_source, count + 1);
        ingest->source_states = bus_new_n(struct ingest_source, count + 1);
        ingest->max_silence_us = bus_new_n(int64_t, count + 1);
        for (size_t i = 0; r == 0 && i < count; i++)
                r = read_source(ingest, config, config_instance(config, "source", i));
        return r;
}

int settings_read(struct ingest *ingest, const struct config *config)
{
        char error[CONFIG_ERROR_SIZE];
        int r;

        r = symbols_config(&ingest->symbols, config, true, error);
        if (r < 0) {
                log_error("bad_config", "%s", error);
                return r;
        }
        ingest->notice = config_bool(config, SECTION, "notice");
        r = read_sources(ingest, config);
        if (r == 0)
                r = read_list(config, "allow", &ingest->allow);
        if (r == 0)
                r = read_list(config, "trusted_proxies", &ingest->trusted);
        if (r < 0)
                settings_done(ingest);
        return r;
}

void settings_done(struct ingest *ingest)
{
        symbols_done(&ingest->symbols);
        free(ingest->sources);
        free(ingest->source_states);
        free(ingest->max_silence_us);
}

struct http_options settings_http(const struct config *config)
{
        return (struct http_options){
                .listen = config_string(config, SECTION, "listen"),
                .listen_fd = http_listen_fd_from_environment(),
                .limits = {
                        .body_max_bytes = ALERT_BODY_MAX_BYTES,
                        .header_max_bytes = (size_t)config_int(config, SECTION, "header_max"),
                        .connections_max =
                                (unsigned int)config_int(config, SECTION, "connections_max"),
                        .connections_per_address_max = (unsigned int)config_int(
                                config, SECTION, "connections_per_address_max"),
                        .request_timeout_us = config_int(config, SECTION, "request_timeout"),
                },
        };
}
