#pragma once
/*
 * Between the desk's words and the messages of the broker link. What these functions build borrows
 * from its arguments unless it says otherwise. Pure, but for allocation.
 */
#include "services/mt5-demo/desk.h"

/* The texts and numbers of the account that only Hello and Snapshot show. */
struct identity {
        const char *terminal_id, *server, *currency;
        uint64_t login;
        bool netting;
};

struct order order_of_submit(const Pb__Submit *submit);

Pb__Report message_of_report(
        const char *cl_ord_id, uint32_t attempt, const struct report *report, int64_t skew_us);
Pb__Deal message_of_deal(const struct deal *deal, const struct symbol_spec *specs, int64_t skew_us);
Pb__BrokerAccount message_of_account(
        const struct identity *identity, const struct worth *worth, bool trade_allowed);

/* Packs a Hello with NONCE. */
void pack_hello(const struct identity *identity, const struct desk *desk,
        const uint8_t nonce[static BROKER_NONCE_BYTES], bool trade_allowed, struct bus_buf *buf);
/* Packs quotes of all symbols. */
void pack_ticks(const struct desk *desk, int64_t at_us, struct bus_buf *buf);

struct snapshot_request {
        uint64_t request_id;
        int64_t deals_since_us;
        Pb__SnapshotQuality quality;
        bool hide_first_position; /* the wrong answer of a fault */
        bool trade_allowed;
        int64_t at_us, skew_us;
};
/* Packs a snapshot; one that would pass the link's limits leaves out the newest deals and is PARTIAL. */
void pack_snapshot(const struct identity *identity, const struct desk *desk,
        const struct snapshot_request *request, struct bus_buf *buf);
