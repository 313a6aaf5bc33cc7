#include "proto/validate.h"
#include "proto/validate/check.h"

#include "notice.pb-c.h"

int validate_notice(const Pb__Notice *notice, const char **ret_why)
{
        const struct check checks[] = {
                { check_id(notice->alert_id), "alert_id" },
                { notice->body.len && notice->body.len <= CHECK_BODY_MAX, "body" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}
