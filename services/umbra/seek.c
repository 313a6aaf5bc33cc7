#include "services/umbra/seek.h"

#include "libbus/base/require.h"
#include "libbus/bus/pack.h"
#include "libbus/bus/socket.h"
#include "proto/unpack.h"
#include "proto/validate.h"
#include "replay.pb-c.h"

#include <errno.h>
#include <zmq.h>

#define WAIT_MS    500
#define REQUEST_ID 1

static int send_request(void *dealer, const char *stream, const struct seek *seek)
{
        Pb__ReplayRequest request = PB__REPLAY_REQUEST__INIT;
        Pb__Position zero = PB__POSITION__INIT;
        BUS_AUTOBUF struct bus_buf frame = BUS_BUF_INIT;

        request.request_id = REQUEST_ID;
        request.stream = (char *)stream;
        request.since_us = seek->since_us;
        request.after = seek->since_us ? NULL : &zero;
        bus_pack(&request.base, &frame);
        return zmq_send(dealer, frame.data, frame.size, 0) < 0 ? -ETIMEDOUT : 0;
}

static struct bus_pos pos_of(const Pb__Position *position)
{
        return (struct bus_pos){ position->incarnation, position->seq, position->part };
}

static int position_of(
        const Pb__ReplayReply *reply, const struct seek *seek, struct bus_pos *ret_after)
{
        if (reply->status == PB__REPLAY_STATUS__REPLAY_STATUS_UNKNOWN_STREAM)
                return -ENOENT;
        if (reply->status != PB__REPLAY_STATUS__REPLAY_STATUS_OK)
                return -EIO;
        *ret_after = BUS_POS_ZERO;
        if (seek->since_us)
                *ret_after = pos_of(reply->after);
        else if (seek->from_seq > 1 && reply->last->seq)
                *ret_after = (struct bus_pos){ reply->last->incarnation, seek->from_seq - 1, 0 };
        return 0;
}

static int take_reply(void *dealer, const struct seek *seek, struct bus_pos *ret_after)
{
        Pb__ReplayReply *reply = NULL;
        const char *why;
        zmq_msg_t frame;
        int r = -ETIMEDOUT;

        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, dealer, 0) >= 0) {
                reply = MESSAGE_UNPACK(
                        replay_reply, bus_bytes(zmq_msg_data(&frame), zmq_msg_size(&frame)));
                r = reply && !validate_replay_reply(reply, &why)
                            ? position_of(reply, seek, ret_after)
                            : -EIO;
        }
        pb__replay_reply__free_unpacked(reply, NULL);
        zmq_msg_close(&frame);
        return r;
}

static int seek_at(void *zmq, const struct seek_peer *peer, const char *endpoint,
        const char *stream, const struct seek *seek, struct bus_pos *ret_after)
{
        void *dealer = bus_socket_new(zmq, ZMQ_DEALER);
        const int wait_ms = WAIT_MS;
        int r;

        bus_require(dealer);
        bus_require(!zmq_setsockopt(dealer, ZMQ_SNDTIMEO, &wait_ms, sizeof(wait_ms)) &&
                    !zmq_setsockopt(dealer, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms)));
        r = bus_socket_trust(dealer, peer->keys, peer->name);
        if (!r)
                r = bus_socket_connect(dealer, endpoint) < 0 ? -EIO : 0;
        if (!r)
                r = send_request(dealer, stream, seek);
        if (!r)
                r = take_reply(dealer, seek, ret_after);
        bus_socket_close(dealer, 0);
        return r;
}

int seek_stream(void *zmq, const struct seek_peer *peer, const char *stream,
        const struct seek *seek, struct bus_pos *ret_after)
{
        int r = -EINVAL;

        /* of several replicas, the first that answers */
        for (const char *at = peer->replay_endpoint; *at && r < 0 && r != -ENOENT;
                at += strcspn(at, " "), at += *at == ' ') {
                BUS_AUTOFREE char *endpoint = bus_xasprintf("%.*s", (int)strcspn(at, " "), at);

                r = seek_at(zmq, peer, endpoint, stream, seek, ret_after);
        }
        return r;
}
