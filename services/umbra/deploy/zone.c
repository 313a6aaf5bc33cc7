#include "services/umbra/deploy/zone.h"

#include "libbus/base/require.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ZONES "/usr/share/zoneinfo"

static int32_t offset(void *arg, int64_t at_s)
{
        time_t at = (time_t)at_s;
        struct tm tm;

        (void)arg;
        return localtime_r(&at, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

int zone_open(const char *name, struct window_zone *ret_zone)
{
        BUS_AUTOFREE char *path = bus_xasprintf(ZONES "/%s", name);

        /* libc takes a name it does not know for UTC, silently */
        if (strcmp(name, "UTC") != 0 && (!*name || strstr(name, "..") || access(path, R_OK) < 0))
                return -EINVAL;
        setenv("TZ", name, 1);
        tzset();
        *ret_zone = (struct window_zone){ .offset = offset };
        return 0;
}
