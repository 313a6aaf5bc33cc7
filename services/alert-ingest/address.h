#pragma once
/*
 * Client addresses: ranges that may post, and whom to believe about an address behind a proxy.
 * An address list is no authentication (every user of TradingView posts from its addresses); it
 * stands on top of the token. IPv4 and IPv4 written in IPv6 are the same address. Pure.
 */
#include "libbus/base/bytes.h"

#define ADDRESS_TEXT_SIZE  46 /* INET6_ADDRSTRLEN */
#define ADDRESS_ERROR_SIZE 128
/* TradingView has four addresses, a proxy network some dozens of ranges. */
#define ADDRESS_RANGES_MAX 64

struct address {
        uint8_t bytes[16]; /* IPv6; IPv4 as ::ffff:a.b.c.d */
};

struct address_range {
        struct address base;
        unsigned int prefix; /* bits of BASE that count, 0..128 */
};

struct address_list {
        struct address_range items[ADDRESS_RANGES_MAX];
        size_t count;
};

/* -EINVAL if TEXT[0..size) is not wholly an IPv4 or IPv6 address. */
BUS_MUST int address_parse(const char *text, size_t size, struct address *ret_address);

/* "52.89.214.238, 10.0.0.0/8, 2001:db8::/32"; "" is an empty list. -EINVAL with a line in ERROR: not
 * an address, a prefix out of range, bits set behind the prefix, too many. */
BUS_MUST int address_list_parse(
        const char *text, struct address_list *ret_list, char error[static ADDRESS_ERROR_SIZE]);
bool address_list_has(const struct address_list *list, const struct address *address);

/*
 * Who really asks: PEER, or, where PEER is a trusted proxy, the last address in FORWARDED (the
 * X-Forwarded-For header, may be NULL) that is not a trusted proxy itself. What stands to the left of
 * that one the client may have written. False if this cannot be told (a trusted proxy that gives no
 * address): *RET_ADDRESS is then the peer, as far as it is an address at all.
 */
bool address_client(const char *peer, const char *forwarded, const struct address_list *trusted,
        struct address *ret_address);

const char *address_format(const struct address *address, char text[static ADDRESS_TEXT_SIZE]);
