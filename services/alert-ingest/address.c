#include "services/alert-ingest/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#define V4_PREFIX_BITS 96
static const uint8_t v4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

int address_parse(const char *text, size_t size, struct address *ret_address)
{
        char copy[ADDRESS_TEXT_SIZE];
        struct address address;

        if (size >= sizeof(copy) || memchr(text, 0, size))
                return -EINVAL;
        memcpy(copy, text, size);
        copy[size] = 0;
        if (inet_pton(AF_INET6, copy, address.bytes) != 1) {
                memcpy(address.bytes, v4_prefix, sizeof(v4_prefix));
                if (inet_pton(AF_INET, copy, address.bytes + sizeof(v4_prefix)) != 1)
                        return -EINVAL;
        }
        *ret_address = address;
        return 0;
}

const char *address_format(const struct address *address, char text[static ADDRESS_TEXT_SIZE])
{
        bool v4 = !memcmp(address->bytes, v4_prefix, sizeof(v4_prefix));

        text[0] = 0;
        inet_ntop(v4 ? AF_INET : AF_INET6, address->bytes + (v4 ? sizeof(v4_prefix) : 0), text,
                ADDRESS_TEXT_SIZE);
        return text;
}

/* ---- ranges ---- */

static bool bit_of(const struct address *address, unsigned int bit)
{
        return address->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

static bool range_has(const struct address_range *range, const struct address *address)
{
        for (unsigned int bit = 0; bit < range->prefix; bit++)
                if (bit_of(&range->base, bit) != bit_of(address, bit))
                        return false;
        return true;
}

bool address_list_has(const struct address_list *list, const struct address *address)
{
        for (size_t i = 0; i < list->count; i++)
                if (range_has(&list->items[i], address))
                        return true;
        return false;
}

/* 1 to 3 digits; -EINVAL. */
static int parse_prefix(const char *text, size_t size, unsigned int *ret_prefix)
{
        unsigned int value = 0;

        if (size < 1 || size > 3)
                return -EINVAL;
        for (size_t i = 0; i < size; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return -EINVAL;
                value = value * 10 + (unsigned int)(text[i] - '0');
        }
        *ret_prefix = value;
        return 0;
}

static int parse_range(const char *text, size_t size, struct address_range *ret_range)
{
        const char *slash = memchr(text, '/', size);
        size_t length = slash ? (size_t)(slash - text) : size;
        bool v4 = !memchr(text, ':', length);
        struct address_range range = { .prefix = 128 };

        if (address_parse(text, length, &range.base) < 0)
                return -EINVAL;
        if (slash && parse_prefix(slash + 1, size - length - 1, &range.prefix) < 0)
                return -EINVAL;
        if (slash && v4)
                range.prefix += V4_PREFIX_BITS;
        if (range.prefix > 128)
                return -EINVAL;
        /* 10.0.0.1/8 is a mistake: the host or the network was meant, and nobody knows which. */
        for (unsigned int bit = range.prefix; bit < 128; bit++)
                if (bit_of(&range.base, bit))
                        return -EINVAL;
        *ret_range = range;
        return 0;
}

/* The next item of a comma-separated list without the blanks around it; false: no more. */
static bool next_item(const char **text, const char **ret_item, size_t *ret_size)
{
        const char *start = *text, *end;

        if (!*start)
                return false;
        end = strchrnul(start, ',');
        *text = *end ? end + 1 : end;
        while (start < end && *start == ' ')
                start++;
        while (end > start && end[-1] == ' ')
                end--;
        *ret_item = start;
        *ret_size = (size_t)(end - start);
        return true;
}

int address_list_parse(
        const char *text, struct address_list *ret_list, char error[static ADDRESS_ERROR_SIZE])
{
        struct address_list list = { .count = 0 };
        const char *item;
        size_t size;

        while (next_item(&text, &item, &size)) {
                if (list.count == ADDRESS_RANGES_MAX) {
                        snprintf(error, ADDRESS_ERROR_SIZE, "has more than %d ranges",
                                ADDRESS_RANGES_MAX);
                        return -EINVAL;
                }
                if (parse_range(item, size, &list.items[list.count]) < 0) {
                        snprintf(error, ADDRESS_ERROR_SIZE,
                                "\"%.*s\" is not an address or a range such as 10.0.0.0/8",
                                (int)(size < 64 ? size : 64), item);
                        return -EINVAL;
                }
                list.count++;
        }
        *ret_list = list;
        return 0;
}

/* ---- behind proxies ---- */

/* The last item of FORWARDED[0..*size), cutting *SIZE to what stands before its comma. */
static struct bus_bytes take_last(const char *forwarded, size_t *size)
{
        size_t end = *size, start = end;

        while (start > 0 && forwarded[start - 1] != ',')
                start--;
        *size = start > 0 ? start - 1 : 0;
        while (start < end && (forwarded[start] == ' ' || forwarded[start] == '\t'))
                start++;
        while (end > start && (forwarded[end - 1] == ' ' || forwarded[end - 1] == '\t'))
                end--;
        return bus_bytes(forwarded + start, end - start);
}

bool address_client(const char *peer, const char *forwarded, const struct address_list *trusted,
        struct address *ret_address)
{
        struct address address;
        size_t left = forwarded ? strlen(forwarded) : 0;

        *ret_address = (struct address){ { 0 } };
        if (address_parse(peer, strlen(peer), &address) < 0)
                return false;
        *ret_address = address;
        while (address_list_has(trusted, &address)) {
                struct bus_bytes item;

                if (!left)
                        return false;
                item = take_last(forwarded, &left);
                if (address_parse((const char *)item.data, item.size, &address) < 0)
                        return false;
        }
        *ret_address = address;
        return true;
}
