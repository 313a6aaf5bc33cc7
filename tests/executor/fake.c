#include "tests/executor/fake.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/bus/keys.h"
#include "libbus/bus/socket.h"

#include <stdio.h>
#include <zmq.h>

#define KIND(name) PB__BROKER_KIND__BROKER_KIND_##name

static void show_key(struct fake *fake, const char *name)
{
        struct bus_keys *keys = NULL;
        char error[256];

        rig_require(bus_keys_load(fake->rig->keys_folder, name, &keys, error, sizeof(error)) == 0,
                "a key");
        rig_require(bus_socket_trust(fake->socket, keys, "order-executor") == 0, "a peer's key");
        bus_keys_free(keys);
}

struct fake *fake_new_with_key(struct rig *rig, const char *terminal_id, const char *key)
{
        struct fake *fake = bus_new(struct fake);
        const int linger = 0;
        char endpoint[128];

        snprintf(endpoint, sizeof(endpoint), "ipc://%s/run/order-executor/broker", rig->folder);
        fake->rig = rig;
        fake->terminal_id = terminal_id;
        fake->secret = "known to both of them";
        fake->socket = zmq_socket(rig->zmq, ZMQ_DEALER);
        zmq_setsockopt(fake->socket, ZMQ_LINGER, &linger, sizeof(linger));
        show_key(fake, key);
        rig_require(zmq_connect(fake->socket, endpoint) == 0, "an endpoint");
        return fake;
}

struct fake *fake_new(struct rig *rig, const char *terminal_id)
{
        return fake_new_with_key(rig, terminal_id, "mt5-demo");
}

struct fake *fake_free(struct fake *fake)
{
        if (!fake)
                return NULL;
        broker_message_free(fake->last);
        zmq_close(fake->socket);
        free(fake);
        return NULL;
}

void fake_bytes(struct fake *fake, const void *data, size_t size)
{
        rig_require(zmq_send(fake->socket, data, size, 0) >= 0, "a frame goes out");
}

static void say(struct fake *fake, const Pb__BrokerMessage *message)
{
        BUS_AUTOBUF struct bus_buf frame = BUS_BUF_INIT;

        broker_pack(message, &frame);
        fake_bytes(fake, frame.data, frame.size);
}

void fake_hello(struct fake *fake, uint64_t highest_token, Pb__AccountMode mode)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__BrokerAccount account = PB__BROKER_ACCOUNT__INIT;
        Pb__Hello hello = PB__HELLO__INIT;

        bus_random(fake->nonce, sizeof(fake->nonce));
        account.login = 5;
        account.server = (char *)(uintptr_t) "fake";
        account.currency = (char *)(uintptr_t) "USD";
        account.mode = mode;
        hello.terminal_id = (char *)(uintptr_t)fake->terminal_id;
        hello.nonce.data = fake->nonce;
        hello.nonce.len = sizeof(fake->nonce);
        hello.highest_token = highest_token;
        hello.account = &account;
        hello.protocol = BROKER_PROTOCOL;
        message.kind = KIND(HELLO);
        message.hello = &hello;
        say(fake, &message);
}

static void prove(const struct fake *fake, uint8_t ret_mac[static BUS_SHA256_SIZE])
{
        broker_proof(BROKER_ROLE_TERMINAL, bus_bytes_str(fake->secret), fake->nonce,
                fake->peer_nonce, fake->terminal_id, ret_mac);
}

void fake_proof(struct fake *fake)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Proof proof = PB__PROOF__INIT;
        uint8_t mac[BUS_SHA256_SIZE];

        prove(fake, mac);
        proof.proof.data = mac;
        proof.proof.len = sizeof(mac);
        message.kind = KIND(PROOF);
        message.proof = &proof;
        say(fake, &message);
}

void fake_token_refused(struct fake *fake, uint64_t token, uint64_t highest, bool proved)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__TokenRefused refused = PB__TOKEN_REFUSED__INIT;
        uint8_t mac[BUS_SHA256_SIZE] = { 0 };

        if (proved)
                prove(fake, mac);
        refused.token = token;
        refused.highest = highest;
        refused.proof.data = mac;
        refused.proof.len = sizeof(mac);
        message.kind = KIND(TOKEN_REFUSED);
        message.token_refused = &refused;
        say(fake, &message);
}

/* False if there is none now. */
static bool take(struct fake *fake)
{
        const char *why;
        zmq_msg_t frame;
        bool taken;

        zmq_msg_init(&frame);
        taken = zmq_msg_recv(&frame, fake->socket, ZMQ_DONTWAIT) >= 0;
        if (taken) {
                broker_message_free(fake->last);
                fake->last = NULL;
                rig_require(broker_unpack(bus_bytes(zmq_msg_data(&frame), zmq_msg_size(&frame)),
                                    BROKER_FRAME_MAX_BYTES, &fake->last, &why) == 0,
                        "a frame of good form");
        }
        zmq_msg_close(&frame);
        if (taken && fake->last->kind == KIND(WELCOME) && fake->last->welcome->accepted)
                memcpy(fake->peer_nonce, fake->last->welcome->nonce.data, BROKER_NONCE_BYTES);
        return taken;
}

bool fake_hears(struct fake *fake, Pb__BrokerKind kind, int64_t us)
{
        int64_t deadline_us = bus_mono_us() + us;

        while (bus_mono_us() < deadline_us) {
                while (take(fake))
                        if (fake->last->kind == kind)
                                return true;
                rig_turn(fake->rig);
        }
        return false;
}

const Pb__BrokerMessage *fake_wait(struct fake *fake, Pb__BrokerKind kind)
{
        rig_require(fake_hears(fake, kind, RIG_WAIT_US), broker_kind_name(kind));
        return fake->last;
}
