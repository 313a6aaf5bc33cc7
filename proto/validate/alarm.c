#include "proto/validate.h"
#include "proto/validate/check.h"

#include "alarm.pb-c.h"

enum {
        SUBJECT_MAX = 160, /* a topic, a stream, an id */
};

int validate_alarm(const Pb__Alarm *alarm, const char **ret_why)
{
        const struct check checks[] = {
                { check_word(alarm->code, 1, CHECK_WORD_MAX), "code" },
                { check_text(alarm->subject, 0, SUBJECT_MAX), "subject" },
                { check_enum_or_none(alarm->severity, PB__SEVERITY__SEVERITY_CRITICAL),
                        "severity" },
                { alarm->severity || !alarm->raised, "severity" }, /* an end needs none */
                { check_prose(alarm->text, 0, CHECK_TEXT_MAX), "text" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}
