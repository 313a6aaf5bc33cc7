/* The process that draws, as services in the background have it. */
#include "services/telegram-analytics/sheet.h"

#include "libbus/base/require.h"
#include "libbus/base/spare.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <sys/resource.h>

static int tell_place(const void *arg, struct bus_buf *png)
{
        (void)arg;
        bus_buf_printf(png, "%d %d", sched_getscheduler(0), getpriority(PRIO_PROCESS, 0));
        return 0;
}

Test(sheet, is_drawn_with_a_share_of_the_processor)
{
        const struct sched_param none = { 0 };
        BUS_AUTOFREE char *wanted = bus_xasprintf("%d %d", SCHED_BATCH, BUS_SPARE_NICE);
        BUS_AUTOBUF struct bus_buf told = BUS_BUF_INIT;

        if (setpriority(PRIO_PROCESS, 0, BUS_SPARE_NICE - 1) ||
                setpriority(PRIO_PROCESS, 0, BUS_SPARE_NICE) ||
                setpriority(PRIO_PROCESS, 0, BUS_SPARE_NICE - 1))
                cr_skip("the system lets nobody come back");
        cr_assert_eq(setpriority(PRIO_PROCESS, 0, 19), 0);
        cr_assert_eq(sched_setscheduler(0, SCHED_IDLE, &none), 0);
        cr_assert_eq(sheet_apart(tell_place, NULL, &told), 0);
        cr_expect_str_eq(bus_buf_str(&told), wanted);
        cr_expect_eq(sched_getscheduler(0), SCHED_IDLE);
}
