#pragma once
/*
 * A terminal made by hand, one message at a time: for what mt5-demo, being honest, never does.
 */
#include "tests/executor/rig.h"

#include "services/broker/broker_codec.h"

struct fake {
        struct rig *rig;
        void *socket; /* a DEALER */
        uint8_t nonce[BROKER_NONCE_BYTES], peer_nonce[BROKER_NONCE_BYTES];
        const char *terminal_id, *secret;
        Pb__BrokerMessage *last; /* the last frame that came; owned */
};

struct fake *fake_new(struct rig *rig, const char *terminal_id);
/* The same with the key of somebody else than the terminal. */
struct fake *fake_new_with_key(struct rig *rig, const char *terminal_id, const char *key);
struct fake *fake_free(struct fake *fake);

void fake_hello(struct fake *fake, uint64_t highest_token, Pb__AccountMode mode);
void fake_proof(struct fake *fake);
void fake_token_refused(struct fake *fake, uint64_t token, uint64_t highest, bool proved);
void fake_bytes(struct fake *fake, const void *data, size_t size);
/* Waits for a message of KIND; others are dropped. It is in fake->last. */
const Pb__BrokerMessage *fake_wait(struct fake *fake, Pb__BrokerKind kind);
/* Whether one of KIND comes within US. */
bool fake_hears(struct fake *fake, Pb__BrokerKind kind, int64_t us);
