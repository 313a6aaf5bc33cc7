#include "services/telegram-analytics/pictures.h"

#include "libbus/base/require.h"
#include "services/telegram-analytics/pictures_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

char *picture_spec(const char *kind, int64_t from_us, int64_t to_us)
{
        return bus_xasprintf("%s %" PRId64 " %" PRId64, kind, from_us, to_us);
}

int picture_draw(struct ledger *ledger, const char *spec, struct bus_buf *png)
{
        char kind[16];
        int64_t from_us, to_us;
        int r = -EINVAL;

        if (sscanf(spec, "%15s %" SCNd64 " %" SCNd64, kind, &from_us, &to_us) != 3)
                return -EINVAL;
        if (!strcmp(kind, "equity"))
                r = picture_equity(ledger, from_us, to_us, png);
        else if (!strcmp(kind, "parity"))
                r = picture_parity(ledger, from_us, to_us, png);
        return r;
}
