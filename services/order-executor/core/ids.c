/*
 * Keeps: every kind of id begins its hash with its own word, so that no leg can have the id of a
 * close, whatever its texts are.
 */
#include "services/order-executor/core/ids.h"

#include "libbus/base/hash.h"

#include <inttypes.h>
#include <stdio.h>

enum {
        PARTS_MAX = 5,
        NUMBER_SIZE = 24,
};

static void hash_to_id(const struct bus_bytes *parts, size_t count, char *ret_id)
{
        uint8_t hash[BUS_SHA256_SIZE];

        bus_sha256_parts(parts, count, hash);
        bus_base32(bus_bytes(hash, sizeof(hash)), CL_ORD_ID_SIZE - 1, ret_id);
}

/* Appends ticket and, for all but the first close of it, which one this is. */
static void close_id(
        struct bus_bytes *parts, size_t count, uint64_t ticket, uint32_t part, char *ret_id)
{
        char ticket_text[NUMBER_SIZE], part_text[NUMBER_SIZE];

        snprintf(ticket_text, sizeof(ticket_text), "%" PRIu64, ticket);
        parts[count++] = bus_bytes_str(ticket_text);
        if (part > 1) {
                snprintf(part_text, sizeof(part_text), "%" PRIu32, part);
                parts[count++] = bus_bytes_str(part_text);
        }
        /* NOLINTNEXTLINE(clang-analyzer-core.StackAddressEscape): the caller looks at no part again */
        hash_to_id(parts, count, ret_id);
}

void ex_id_leg(
        const char *alert_id, const char *slot, const char *leg, char ret_id[static CL_ORD_ID_SIZE])
{
        struct bus_bytes parts[] = { bus_bytes_str("leg"), bus_bytes_str(alert_id),
                bus_bytes_str(slot), bus_bytes_str(leg) };

        hash_to_id(parts, BUS_COUNT(parts), ret_id);
}

void ex_id_close(const char *alert_id, const char *slot, uint64_t ticket, uint32_t part,
        char ret_id[static CL_ORD_ID_SIZE])
{
        struct bus_bytes parts[PARTS_MAX] = { bus_bytes_str("close"), bus_bytes_str(alert_id),
                bus_bytes_str(slot) };

        close_id(parts, 3, ticket, part, ret_id);
}

void ex_id_manual(
        const char *message_id, uint64_t ticket, uint32_t part, char ret_id[static CL_ORD_ID_SIZE])
{
        struct bus_bytes parts[PARTS_MAX] = { bus_bytes_str("manual"), bus_bytes_str(message_id) };

        close_id(parts, 2, ticket, part, ret_id);
}

bool ex_id_valid(const char *text)
{
        static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

        return strlen(text) == CL_ORD_ID_SIZE - 1 && strspn(text, alphabet) == CL_ORD_ID_SIZE - 1;
}
