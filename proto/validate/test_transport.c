/*
 * Envelopes, beacons, the replay protocol, and what is refused before a validator sees it.
 */
#include "proto/unpack.h"
#include "proto/validate/refused.h"

#define NOT_UTF8 ((char *)"\xc3\x28")

Test(envelope, names_the_field_that_is_wrong)
{
        REFUSED(envelope, "schema", m.schema = 0);
        REFUSED(envelope, "schema", m.schema = 65536);
        REFUSED(envelope, "stream", m.stream = (char *)"signal");
        REFUSED(envelope, "stream", m.stream = (char *)"@ingest");
        REFUSED(envelope, "stream", m.stream = (char *)"signal@");
        REFUSED(envelope, "stream", m.stream = (char *)"signal@alert-ingest@x");
        REFUSED(envelope, "stream", m.stream = NULL);
        REFUSED(envelope, "message_id", m.message_id = (char *)"");
        REFUSED(envelope, "message_id", m.message_id = (char *)"01kapjwm00abcdefghjkmnpqrs");
        REFUSED(envelope, "alert_id", m.alert_id = (char *)"01KAPJWM00ABCDEFGHJKMNPQRSS");
        REFUSED(envelope, "staged_us", m.staged_us = 0);
        REFUSED(envelope, "staged_us", m.staged_us = INT64_MAX);
        REFUSED(envelope, "body", m.body.len = 1 << 20);
        PASSES(envelope, m.alert_id = (char *)"");
}

Test(envelope, knows_the_steps_it_is_stamped_with)
{
        Pb__Stamp stamp = PB__STAMP__INIT;
        Pb__Stamp *many[33];

        stamp.step = PB__STEP__STEP_REPORTED;
        stamp.at_us = 1;
        for (size_t i = 0; i < BUS_COUNT(many); i++)
                many[i] = &stamp;
        PASSES(envelope, (m.stamps = many, m.n_stamps = 32));
        REFUSED(envelope, "stamps", (m.stamps = many, m.n_stamps = 33));
        stamp.step = (Pb__Step)77;
        REFUSED(envelope, "stamps", (m.stamps = many, m.n_stamps = 1));
}

Test(envelope, stands_behind_its_predecessor)
{
        Pb__Position zero = PB__POSITION__INIT, later = PB__POSITION__INIT;
        Pb__Position no_seq = PB__POSITION__INIT;

        later.incarnation = later.seq = INT64_MAX;
        no_seq.incarnation = 1;
        PASSES(envelope, m.predecessor = &zero);
        PASSES(envelope, m.position = &later);
        REFUSED(envelope, "position", m.position = &zero);
        REFUSED(envelope, "position", m.position = &no_seq);
        REFUSED(envelope, "position", m.predecessor = &later);
        REFUSED(envelope, "position", m.predecessor = m.position);
        REFUSED(envelope, "position", m.predecessor = NULL);
        REFUSED(envelope, "origin", m.origin = &no_seq);
        later.seq++;
        REFUSED(envelope, "position", m.position = &later);
}

Test(envelope, needs_a_place_only_where_it_is_journaled)
{
        Pb__Envelope m = sample_envelope();
        const char *why;

        cr_expect_eq(validate_envelope_journaled(&m, &why), 0);
        m.position = m.predecessor = NULL;
        cr_expect_eq(validate_envelope(&m, &why), 0);
        cr_expect_eq(validate_envelope_journaled(&m, &why), -EBADMSG);
        cr_expect_str_eq(why, "position");
}

Test(beacon, is_ordered)
{
        Pb__Position zero = PB__POSITION__INIT;
        Pb__Fork fork = PB__FORK__INIT;
        Pb__Fork *twice[] = { &fork, &fork };

        PASSES(beacon, m.first = m.last = &zero);
        PASSES(beacon, m.first = &zero);   /* all of it is pruned */
        PASSES(beacon, m.incarnation = 0); /* a derived stream */
        REFUSED(beacon, "last", m.last = &zero);
        REFUSED(beacon, "first", m.first = NULL);
        REFUSED(beacon, "last", m.last = NULL);
        REFUSED(beacon, "stream", m.stream = NOT_UTF8);
        REFUSED(beacon, "incarnation", m.incarnation = UINT64_MAX);
        fork.incarnation = 5;
        fork.fork = &zero;
        PASSES(beacon, m.forks[0] = &fork);
        REFUSED(beacon, "forks", (m.forks = twice, m.n_forks = 2));
        fork.fork = NULL;
        REFUSED(beacon, "forks", m.forks[0] = &fork);
}

Test(replay, asks_from_a_place_or_a_time)
{
        Pb__Position zero = PB__POSITION__INIT;

        PASSES(replay_request, m.after = &zero);
        PASSES(replay_request, (m.after = NULL, m.since_us = 1));
        REFUSED(replay_request, "after", m.after = NULL);
        REFUSED(replay_request, "since_us", m.since_us = -1);
        REFUSED(replay_request, "stream", m.stream = (char *)"");
}

Test(replay, answers_with_what_its_status_needs)
{
        REFUSED(replay_reply, "status", m.status = (Pb__ReplayStatus)0);
        REFUSED(replay_reply, "status", m.status = (Pb__ReplayStatus)6);
        REFUSED(replay_reply, "after", m.after = NULL);
        REFUSED(replay_reply, "first", m.first = NULL);
        REFUSED(replay_reply, "last", m.last = NULL);
        REFUSED(replay_reply, "records", m.status = PB__REPLAY_STATUS__REPLAY_STATUS_PRUNED);
        REFUSED(replay_reply, "records", m.n_records = 257);
        REFUSED(replay_reply, "records", m.records[0]->topic = (char *)"signal v3");
        REFUSED(replay_reply, "records", m.records[0]->envelope.len = 0);
        PASSES(replay_reply, (m.status = PB__REPLAY_STATUS__REPLAY_STATUS_UNKNOWN_STREAM,
                                     m.after = m.first = m.last = NULL, m.n_records = 0));
        REFUSED(replay_reply, "first",
                (m.status = PB__REPLAY_STATUS__REPLAY_STATUS_PRUNED, m.first = NULL,
                        m.n_records = 0));
}

static const char *unpack_why(
        const ProtobufCMessageDescriptor *descriptor, const char *data, size_t size)
{
        ProtobufCMessage *message = NULL;
        const char *why = NULL;

        if (message_unpack(descriptor, bus_bytes(data, size), &message, &why) == 0)
                protobuf_c_message_free_unpacked(message, NULL);
        return why;
}

Test(unpack, refuses_an_empty_frame)
{
        cr_expect_str_eq(unpack_why(&pb__tick__descriptor, "", 0), "empty");
}

Test(unpack, refuses_a_nul_in_any_string)
{
        cr_expect_null(unpack_why(&pb__tick__descriptor,
                "\x0a\x03"
                "ABC",
                5));
        cr_expect_str_eq(unpack_why(&pb__tick__descriptor,
                                 "\x0a\x03"
                                 "A\0C",
                                 5),
                "symbol");
        /* a warning's code within a signal */
        cr_expect_str_eq(unpack_why(&pb__signal__descriptor,
                                 "\xca\x01\x04\x0a\x02"
                                 "A\0",
                                 7),
                "code");
        /* the raw body is bytes: a NUL is none of our business */
        cr_expect_null(unpack_why(&pb__signal__descriptor,
                "\xd2\x01\x02"
                "A\0",
                5));
}

Test(unpack, refuses_what_is_no_message)
{
        static char many[2 * 70000];

        cr_expect_str_eq(unpack_why(&pb__tick__descriptor,
                                 "\x0a\x7f"
                                 "A",
                                 3),
                "not a protobuf message");
        cr_expect_str_eq(unpack_why(&pb__tick__descriptor, "\x0b", 1), "not a protobuf message");
        cr_expect_str_eq(
                unpack_why(&pb__tick__descriptor, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10),
                "not a protobuf message");
        /* cheap to send, dear to unpack */
        for (size_t i = 0; i < sizeof(many); i += 2)
                many[i] = '\x1a';
        cr_expect_str_eq(
                unpack_why(&pb__decision__descriptor, many, sizeof(many)), "too many fields");
}
