#include "services/broker/wire_check.h"

#include "services/broker/broker_codec.h"

#include <criterion/criterion.h>
#include <errno.h>

static int checked(const char *bytes, size_t size, size_t max_fields)
{
        const char *why = NULL;
        int r = wire_check(bus_bytes(bytes, size), &pb__submit__descriptor, max_fields, &why);

        cr_expect_eq(r < 0, why != NULL);
        return r;
}

#define CHECKED(literal) checked(literal, sizeof(literal) - 1, 100)

Test(wire_check, takes_plain_messages_and_unknown_fields)
{
        cr_expect_eq(CHECKED(""), 0);
        cr_expect_eq(CHECKED("\x0a\x03"
                             "abc"
                             "\x10\x05"),
                0);
        cr_expect_eq(CHECKED("\xf8\x07\x01"), 0, "field 127 is unknown");
        cr_expect_eq(CHECKED("\x0a\x02\xc3\xa9"), 0, "e acute");
}

Test(wire_check, refuses_what_is_cut_short)
{
        cr_expect_eq(CHECKED("\x0a"), -EBADMSG);
        cr_expect_eq(CHECKED("\x0a\x03"
                             "ab"),
                -EBADMSG);
        cr_expect_eq(CHECKED("\x10"), -EBADMSG);
        cr_expect_eq(CHECKED("\x10\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), -EBADMSG);
        cr_expect_eq(CHECKED("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                             "a"),
                -EBADMSG);
        cr_expect_eq(CHECKED("\x00\x01"), -EBADMSG, "field 0");
        cr_expect_eq(CHECKED("\x0b"), -EBADMSG, "groups are not in use");
}

Test(wire_check, refuses_text_that_is_not_plain)
{
        cr_expect_eq(CHECKED("\x0a\x01\xff"), -EBADMSG);
        cr_expect_eq(CHECKED("\x0a\x02\xc0\x80"), -EBADMSG, "overlong");
        cr_expect_eq(CHECKED("\x0a\x03\xe0\x80\x80"), -EBADMSG, "overlong");
        cr_expect_eq(CHECKED("\x0a\x03\xed\xa0\x80"), -EBADMSG, "surrogate");
        cr_expect_eq(CHECKED("\x0a\x04\xf4\x90\x80\x80"), -EBADMSG, "beyond Unicode");
        cr_expect_eq(CHECKED("\x0a\x01\xc3"), -EBADMSG, "cut inside a character");
        cr_expect_eq(CHECKED("\x0a\x03"
                             "a\0b"),
                -EBADMSG);
        cr_expect_eq(CHECKED("\x0a\x03"
                             "a\nb"),
                -EBADMSG);
}

Test(wire_check, refuses_what_does_not_fit_the_field)
{
        cr_expect_eq(CHECKED("\x08\x01"), -EBADMSG, "text as a number");
        cr_expect_eq(CHECKED("\x12\x01\x01"), -EBADMSG, "number as text");
        cr_expect_eq(CHECKED("\x10\x80\x80\x80\x80\x10"), -EBADMSG, "attempt over 32 bits");
        cr_expect_eq(CHECKED("\x20\x63"), -EBADMSG, "no such action");
        cr_expect_eq(
                CHECKED("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), -EBADMSG, "action -1");
}

Test(wire_check, refuses_a_single_field_given_twice)
{
        cr_expect_eq(CHECKED("\x10\x05\x10\x06"), -EBADMSG);
}

Test(wire_check, stops_counting_at_its_limit)
{
        static const char four[] = "\xf8\x07\x01\xf8\x07\x01\xf8\x07\x01\xf8\x07\x01";

        cr_expect_eq(checked(four, sizeof(four) - 1, 4), 0);
        cr_expect_eq(checked(four, sizeof(four) - 1, 3), -EBADMSG);
}
