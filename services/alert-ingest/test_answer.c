#include "services/alert-ingest/answer.h"

#include <criterion/criterion.h>

Test(answer, accepted_has_warnings_only_where_there_are_any)
{
        struct alert_fault fault = { ALERT_UNKNOWN_FIELD, "col\"our", "is not a field" };
        const struct alert_faults none = { 0 }, one = { &fault, 1 };
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;

        answer_accepted(&buf, "01ABC", 7, &none);
        cr_expect_str_eq(
                bus_buf_str(&buf), "{\"status\":\"accepted\",\"alert_id\":\"01ABC\",\"seq\":7}");
        bus_buf_clear(&buf);
        answer_accepted(&buf, "01ABC", UINT64_MAX, &one);
        cr_expect_str_eq(bus_buf_str(&buf),
                "{\"status\":\"accepted\",\"alert_id\":\"01ABC\",\"seq\":18446744073709551615,"
                "\"warnings\":[{\"code\":\"unknown_field\",\"field\":\"col\\\"our\","
                "\"message\":\"is not a field\"}]}");
}

Test(answer, duplicate_and_rejected_have_their_forms)
{
        struct alert_fault faults[] = { { ALERT_MISSING_FIELD, "price", "is required" },
                { ALERT_OUT_OF_RANGE, "tf", "is none of ours" } };
        const struct alert_faults errors = { faults, 2 };
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;

        answer_duplicate(&buf, "01ABC", 7);
        cr_expect_str_eq(
                bus_buf_str(&buf), "{\"status\":\"duplicate\",\"alert_id\":\"01ABC\",\"seq\":7}");
        bus_buf_clear(&buf);
        answer_rejected(&buf, &errors);
        cr_expect_str_eq(bus_buf_str(&buf),
                "{\"status\":\"rejected\",\"errors\":["
                "{\"code\":\"missing_field\",\"field\":\"price\",\"message\":\"is required\"},"
                "{\"code\":\"out_of_range\",\"field\":\"tf\",\"message\":\"is none of ours\"}]}");
        bus_buf_clear(&buf);
        answer_error(&buf, "rejected", "id_reused", "id", "again");
        cr_expect_str_eq(bus_buf_str(&buf),
                "{\"status\":\"rejected\",\"errors\":[{\"code\":\"id_reused\",\"field\":\"id\","
                "\"message\":\"again\"}]}");
}
