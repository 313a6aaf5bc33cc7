#include "services/umbra/deploy/settings.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/config/config.h"
#include "services/umbra/deploy/zone.h"

#include <errno.h>
#include <stdio.h>

#define SECTION   "deploy"
#define HOUR_US   (INT64_C(3600) * BUS_US_PER_SEC)
#define LENGTH    60 * BUS_US_PER_SEC, 144 * HOUR_US /* shorter than the week until the next */
#define WATCH_MAX (90 * 24 * HOUR_US)

#define PHASE(name, window, watch)                                            \
        { SECTION, name "_window", CONFIG_STRING, window, 9, 24,              \
                .help = "when it may go: a weekday and a time of day" },      \
                { SECTION, name "_length", CONFIG_DURATION, "2h", LENGTH,     \
                        .help = "how long it may begin from then on" },       \
        {                                                                     \
                SECTION, name "_watch", CONFIG_DURATION, watch, 0, WATCH_MAX, \
                        .help = "how long it is watched afterwards"           \
        }

static const struct config_option options[] = {
        { SECTION, "time_zone", CONFIG_STRING, "Asia/Kolkata", 2, 64,
                .help = "of the windows, as Europe/Berlin" },
        { SECTION, "stage", CONFIG_ENUM, "production", .values = "production|staging",
                .help = "staging: phases are rehearsed here with alerts that trade, at any hour" },
        { SECTION, "staging", CONFIG_STRING, "", .maximum = 190,
                .help = "state folder of the staging system that each phase goes to first" },
        { SECTION, "rehearsal", CONFIG_INT, "100", 1, 10000,
                .help = "simulated alerts of a rehearsal" },
        { SECTION, "slower", CONFIG_INT, "10", 1, 1000,
                .help = "percent that alerts may take longer after a phase than before" },
        PHASE("plugin_system", "Tuesday 10:00", "24h"),
        PHASE("multi_telegram", "Tuesday 10:00", "24h"),
        PHASE("service_api", "Tuesday 10:00", "48h"),
        PHASE("shadow", "Monday 09:00", "72h"),
        PHASE("cutover", "Friday 18:00", "48h"),
        { 0 },
};

static int read_times(const struct config *config, const struct phase *phase,
        struct phase_times *times, char *error, size_t error_size)
{
        BUS_AUTOFREE char *window = bus_xasprintf("%s_window", phase->option);
        BUS_AUTOFREE char *length = bus_xasprintf("%s_length", phase->option);
        BUS_AUTOFREE char *watch = bus_xasprintf("%s_watch", phase->option);
        const char *text = config_string(config, SECTION, window);

        times->window.length_s = config_int(config, SECTION, length) / BUS_US_PER_SEC;
        times->watch_s = config_int(config, SECTION, watch) / BUS_US_PER_SEC;
        if (window_parse(text, &times->window) == 0)
                return 0;
        snprintf(error, error_size,
                "%s: " SECTION
                ".%s: must be a weekday and a time such as \"Tuesday 10:00\", not \"%s\"",
                config_origin(config, SECTION, window), window, text);
        return -EINVAL;
}

static int take(const struct config *config, struct deploy_settings *settings, char *error,
        size_t error_size)
{
        int r;

        settings->zone_name = bus_xstrdup(config_string(config, SECTION, "time_zone"));
        settings->staging = bus_xstrdup(config_string(config, SECTION, "staging"));
        settings->is_staging = config_enum(config, SECTION, "stage") == 1;
        settings->rehearsal = (unsigned int)config_int(config, SECTION, "rehearsal");
        settings->slower = (unsigned int)config_int(config, SECTION, "slower");
        r = zone_open(settings->zone_name, &settings->zone);
        if (r < 0)
                snprintf(error, error_size, "%s: " SECTION ".time_zone: no such zone here: \"%s\"",
                        config_origin(config, SECTION, "time_zone"), settings->zone_name);
        for (size_t i = 0; !r && i < PHASES; i++)
                r = read_times(config, &phases[i], &settings->times[i], error, error_size);
        return r;
}

int deploy_settings_read(const struct layout *layout, struct deploy_settings *settings, char *error,
        size_t error_size)
{
        const struct config_option *tables[] = { options };
        struct config *config;
        int r;

        *settings = (struct deploy_settings){ 0 };
        r = config_load(&(struct config_source){ .path = layout->config, .environment = environ },
                tables, BUS_COUNT(tables), &config, error, error_size);
        if (r < 0)
                return r;
        r = take(config, settings, error, error_size);
        config_free(config);
        return r;
}

void deploy_settings_done(struct deploy_settings *settings)
{
        free(settings->zone_name);
        free(settings->staging);
        *settings = (struct deploy_settings){ 0 };
}
