/* Makes every commit of this process's store take its time (see meson.build). */
#include "libbus/base/attr.h"
#include "libbus/store/store_sqlite_faults.h"

__attribute__((constructor)) static void slow_down(void)
{
        static const struct store_sqlite_faults faults = { .write_stall_ms = 40 };

        store_sqlite_set_faults(&faults);
}
