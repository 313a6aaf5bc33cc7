/*
 * Properties of all messages: whatever a damaged frame unpacks to, judging it does no harm, and what
 * passes once passes again after being packed.
 */
#include "proto/validate/samples.h"

#include "libbus/base/require.h"

#include "proto/unpack.h"

#include <criterion/criterion.h>
#include <string.h>

enum { MUTATIONS = 400 }; /* a kind: about a second under the sanitizers for all */

/* xorshift: the same run every time. */
static uint32_t next(uint32_t *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        return *state;
}

/* 0 or -EBADMSG, with a reason in either case of refusal. */
static int judge(const struct sample_kind *kind, const uint8_t *data, size_t size)
{
        ProtobufCMessage *message;
        const char *why = NULL;
        int r;

        r = message_unpack(kind->descriptor, bus_bytes(data, size), &message, &why);
        if (r == 0) {
                r = kind->validate(message, &why);
                protobuf_c_message_free_unpacked(message, NULL);
        }
        cr_assert((r == 0) == (why == NULL), "%s: %d with %s", kind->name, r,
                why ? why : "no reason");
        return r;
}

Test(messages, pass_as_samples)
{
        for (size_t i = 0; i < sample_kind_count; i++) {
                size_t size;
                uint8_t *data = sample_kinds[i].pack(&size);

                cr_expect(judge(&sample_kinds[i], data, size) == 0, "%s", sample_kinds[i].name);
                free(data);
        }
}

Test(messages, are_refused_when_empty)
{
        for (size_t i = 0; i < sample_kind_count; i++) {
                const ProtobufCMessageDescriptor *descriptor = sample_kinds[i].descriptor;
                ProtobufCMessage *empty;
                const char *why = NULL;

                /* An account that nobody has seen yet says just that; its frame is not empty. */
                if (descriptor == &pb__account__descriptor)
                        continue;
                empty = bus_xcalloc(1, descriptor->sizeof_message);
                protobuf_c_message_init(descriptor, empty);
                cr_expect(sample_kinds[i].validate(empty, &why) < 0, "%s", sample_kinds[i].name);
                cr_expect_not_null(why);
                free(empty);
        }
}

Test(messages, survive_truncation_at_every_byte)
{
        for (size_t i = 0; i < sample_kind_count; i++) {
                size_t size;
                uint8_t *data = sample_kinds[i].pack(&size);

                for (size_t cut = 0; cut < size; cut++) {
                        /* a copy of its own, so that the sanitizer sees a read behind the end */
                        uint8_t *copy = bus_xmemdup(data, cut ? cut : 1);

                        judge(&sample_kinds[i], copy, cut);
                        free(copy);
                }
                free(data);
        }
}

static void mutate(uint8_t *data, size_t size, uint32_t *state)
{
        for (uint32_t n = 1 + next(state) % 4; n; n--) {
                uint8_t *byte = &data[next(state) % size];

                switch (next(state) % 4) {
                case 0: *byte ^= (uint8_t)(1u << next(state) % 8); break;
                case 1: *byte = (uint8_t)next(state); break;
                case 2: *byte = 0; break;
                default: *byte = 0xff; break;
                }
        }
}

Test(messages, survive_mutation)
{
        uint32_t state = 2463534242;

        for (size_t i = 0; i < sample_kind_count; i++) {
                size_t size;
                uint8_t *data = sample_kinds[i].pack(&size);

                for (unsigned int n = 0; n < MUTATIONS; n++) {
                        uint8_t *copy = bus_xmemdup(data, size);

                        mutate(copy, size, &state);
                        judge(&sample_kinds[i], copy, size);
                        free(copy);
                }
                free(data);
        }
}
