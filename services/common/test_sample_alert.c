#include "services/common/sample_alert.h"

#include "services/common/alert_judged.h"

#include <criterion/criterion.h>

Test(sample_alert, is_one_that_ingest_accepts_without_a_warning)
{
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;

        sample_alert("01ARYZ6S410000000000000000", &body);
        cr_expect_str_eq(judged(bus_buf_str(&body)), "");
}
