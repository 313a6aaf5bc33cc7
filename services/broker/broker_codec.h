#pragma once
/*
 * The broker link's frames (proto/broker.proto): packing, unpacking with full validation, and the
 * proofs of the handshake. Used by both ends, order-executor and the terminal.
 *
 * A message that broker_unpack returns is safe to read without further care: exactly the field that
 * its kind names is set, enumerations are known and specified, texts are UTF-8 without control
 * characters, ids and symbols are not empty, counts and sizes are within the limits here, prices,
 * volumes, times and distances are within 0 and their maximum. It is not yet sensible: a volume of
 * 0, or a stop on the wrong side, is for the rules of the terminal.
 *
 * Pure, but for the allocation by protobuf-c.
 */
#include "libbus/base/bytes.h"
#include "libbus/base/hash.h"

#include "broker.pb-c.h"

enum {
        BROKER_PROTOCOL = 1,
        BROKER_NONCE_BYTES = 32,

        /* A snapshot with all its deals and positions at about 130 bytes each; also MAXMSGSIZE. */
        BROKER_FRAME_MAX_BYTES = 4 << 20,
        /* A Hello with all its symbols. Nothing longer is read from who has not proved itself. */
        BROKER_GREETING_MAX_BYTES = 64 << 10,
        /* All deals and positions with all their fields; bounds what unpacking allocates. */
        BROKER_FIELDS_MAX = 400000,

        BROKER_SYMBOLS_MAX = 256,
        BROKER_TICKS_MAX = 256,
        BROKER_POSITIONS_MAX = 4096,
        BROKER_ORDERS_MAX = 4096,
        BROKER_DEALS_MAX = 16384, /* a snapshot that would hold more is PARTIAL */

        BROKER_ID_MAX_BYTES = 31,      /* cl_ord_id: an order comment of MT5 holds no more */
        BROKER_COMMENT_MAX_BYTES = 31, /* what the terminal accepts as an order comment */
        BROKER_SYMBOL_MAX_BYTES = 31,  /* the longest name MT5 has */
        BROKER_TEXT_MAX_BYTES = 128,   /* refusals, server names, comments of any origin */
        BROKER_DIGITS_MAX = 8,
};

#define BROKER_PRICE_MAX_E8    INT64_C(1000000000000000) /* 10 million: any quote there is */
#define BROKER_VOLUME_MAX_E8   INT64_C(1000000000000000) /* 10 million lots */
#define BROKER_MONEY_MAX_CENTS INT64_C(1000000000000000000)
#define BROKER_TIME_MAX_US     INT64_C(253402300800000000) /* the year 10000 */

/* Packs MESSAGE behind what BUF holds. Its kind must name the one field that is set (bus_require). */
void broker_pack(const Pb__BrokerMessage *message, struct bus_buf *buf);

/*
 * FRAME as a message; free it with broker_message_free. MAX_BYTES: BROKER_FRAME_MAX_BYTES, or
 * BROKER_GREETING_MAX_BYTES from a peer that has not proved itself. -EBADMSG, with *RET_WHY a
 * constant text for the log, if it is not valid.
 */
BUS_MUST int broker_unpack(struct bus_bytes frame, size_t max_bytes,
        Pb__BrokerMessage **ret_message, const char **ret_why);
void broker_message_free(Pb__BrokerMessage *message); /* takes NULL */
BUS_DEFINE_CLEANUP(broker_message_freep, Pb__BrokerMessage *, broker_message_free);
#define BROKER_AUTOFREE BUS_CLEANUP(broker_message_freep)

const char *broker_kind_name(Pb__BrokerKind kind); /* "SUBMIT"; "?" for what is none */

enum broker_role {
        BROKER_ROLE_EXECUTOR, /* proves itself in Welcome */
        BROKER_ROLE_TERMINAL, /* proves itself in Proof */
};

/*
 * What ROLE answers to show that it knows SECRET: HMAC-SHA256, keyed by it, over four parts, each
 * preceded by its length as 8 bytes, lowest first: "executor" or "terminal", the terminal's nonce,
 * the executor's nonce, the terminal id.
 */
void broker_proof(enum broker_role role, struct bus_bytes secret,
        const uint8_t terminal_nonce[static BROKER_NONCE_BYTES],
        const uint8_t executor_nonce[static BROKER_NONCE_BYTES], const char *terminal_id,
        uint8_t ret_proof[static BUS_SHA256_SIZE]);
/* In constant time. PROOF may have any size. */
bool broker_proof_holds(struct bus_bytes proof, enum broker_role role, struct bus_bytes secret,
        const uint8_t terminal_nonce[static BROKER_NONCE_BYTES],
        const uint8_t executor_nonce[static BROKER_NONCE_BYTES], const char *terminal_id);
