#include "services/common/messages.h"

#include "alarm.pb-c.h"
#include "libbus/wire/streams.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static size_t pack_alarm(uint8_t *buffer)
{
        Pb__Alarm alarm = PB__ALARM__INIT;

        alarm.code = (char *)"order_unknown";
        alarm.subject = (char *)"0123456789ABCDEF";
        alarm.severity = PB__SEVERITY__SEVERITY_WARNING;
        alarm.raised = true;
        alarm.text = (char *)"nobody knows";
        return pb__alarm__pack(&alarm, buffer);
}

Test(messages, knows_the_body_of_every_stream_in_the_table)
{
        ProtobufCMessage *message;
        const char *why = NULL;

        for (size_t i = 0; i < bus_stream_kind_count; i++)
                cr_expect_neq(message_read(bus_stream_kinds[i].name, bus_bytes("\xff", 1), &message,
                                      &why),
                        -ENOENT, "%s", bus_stream_kinds[i].name);
}

Test(messages, refuses_a_body_that_its_validator_refuses)
{
        ProtobufCMessage *message;
        const char *why = NULL;

        cr_expect_eq(message_read("signal", bus_bytes(NULL, 0), &message, &why), -EBADMSG);
        cr_expect_not_null(why);
        cr_expect_eq(message_read("weather", bus_bytes(NULL, 0), &message, &why), -ENOENT);
}

Test(messages, shows_the_envelope_around_the_body)
{
        uint8_t buffer[256];
        Pb__Position position = PB__POSITION__INIT, before = PB__POSITION__INIT;
        Pb__Stamp stamp = PB__STAMP__INIT, *stamps[] = { &stamp };
        Pb__Envelope envelope = PB__ENVELOPE__INIT;
        json_t *json, *body;

        position.incarnation = 7;
        position.seq = 3;
        stamp.step = PB__STEP__STEP_SUBMITTED;
        stamp.at_us = 42;
        envelope.stream = (char *)"alarm@health";
        envelope.message_id = (char *)"m";
        envelope.position = &position;
        envelope.predecessor = &before;
        envelope.n_stamps = 1;
        envelope.stamps = stamps;
        envelope.body = (ProtobufCBinaryData){ pack_alarm(buffer), buffer };
        json = message_json("alarm.order_unknown", &envelope);
        body = json_object_get(json, "body");
        cr_expect_str_eq(json_string_value(json_object_get(json, "position")), "7.3");
        cr_expect_eq(
                json_integer_value(json_object_get(json_object_get(json, "stamps"), "submitted")),
                42);
        cr_expect_str_eq(json_string_value(json_object_get(body, "severity")), "warning");
        cr_expect_null(json_object_get(json, "alert_id"));
        json_decref(json);
}

Test(messages, says_what_is_wrong_with_a_body_instead_of_showing_it)
{
        json_t *json = message_bare_json("beacon.signal@alert-ingest", bus_bytes("\xff", 1));

        cr_expect_null(json_object_get(json, "body"));
        cr_expect_str_eq(
                json_string_value(json_object_get(json, "body_error")), "not a protobuf message");
        json_decref(json);
}
