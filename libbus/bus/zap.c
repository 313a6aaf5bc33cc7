/*
 * Keeps: every request gets exactly one answer, and it is 200 only for a CURVE key that belongs to
 * somebody who is admitted in the domain asked for.
 */
#include "libbus/bus/zap.h"

#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/keys.h"
#include "libbus/bus/socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#define ENDPOINT    "inproc://zeromq.zap.01" /* fixed by RFC 27 */
#define VERSION     "1.0"
#define DOMAINS_MAX 4 /* a service's own, the executor's link, and what a test plays */
/* Handshakes a turn of the loop: a crowd at the door does not keep the work waiting. */
#define REQUESTS_MAX 16
#define FRAME_MAX    256 /* RFC 27: no text is longer than 255 */
#define TELL_US      BUS_US_PER_SEC
#define KEY_TEXT     41

enum {
        FRAME_VERSION,
        FRAME_REQUEST_ID,
        FRAME_DOMAIN,
        FRAME_ADDRESS,
        FRAME_IDENTITY,
        FRAME_MECHANISM,
        FRAME_CREDENTIALS,
        FRAME_COUNT,
};

struct request {
        char frames[FRAME_COUNT][FRAME_MAX + 1];
        size_t sizes[FRAME_COUNT];
        int count;
};

struct bus_zap {
        struct bus_loop *loop;
        struct bus_source *source;
        void *socket;
        struct bus_metric *refused;
        struct {
                uint8_t key[BUS_KEY_BYTES];
                bool is_known;
        } known[32]; /* as bus_principals */
        struct {
                const char *name;
                bus_principals_set admitted;
        } domains[DOMAINS_MAX];
        size_t domain_count;
        const uint8_t *stranger;
        int64_t told_us;
        unsigned int untold;
};

/* ---- judging ---- */

static int owner_of(const struct bus_zap *zap, const uint8_t key[BUS_KEY_BYTES])
{
        for (size_t i = 0; i < bus_principal_count; i++)
                if (zap->known[i].is_known && !memcmp(zap->known[i].key, key, BUS_KEY_BYTES))
                        return (int)i;
        return -1;
}

static bus_principals_set admitted_in(const struct bus_zap *zap, const char *domain)
{
        for (size_t i = 0; i < zap->domain_count; i++)
                if (!strcmp(zap->domains[i].name, domain))
                        return zap->domains[i].admitted;
        return 0;
}

static bool has_good_form(const struct request *request)
{
        return request->count == FRAME_COUNT && !strcmp(request->frames[FRAME_VERSION], VERSION) &&
               !strcmp(request->frames[FRAME_MECHANISM], "CURVE") &&
               request->sizes[FRAME_CREDENTIALS] == BUS_KEY_BYTES;
}

/* At most a line a second: who knocks a thousand times fills no disk. */
static void tell(struct bus_zap *zap, const struct request *request, int owner)
{
        const uint8_t *key = (const uint8_t *)request->frames[FRAME_CREDENTIALS];
        int64_t now_us = bus_mono_us();
        char text[KEY_TEXT] = "none";

        if (zap->refused)
                bus_metric_inc(zap->refused);
        if (zap->told_us && now_us - zap->told_us < TELL_US) {
                zap->untold++;
                return;
        }
        if (request->sizes[FRAME_CREDENTIALS] == BUS_KEY_BYTES)
                zmq_z85_encode(text, key, BUS_KEY_BYTES);
        log_warn("bus_peer_refused", "who=%s where=%s from=%s key=\"%s\" others_since=%u",
                owner < 0 ? "unknown" : bus_principals[owner], request->frames[FRAME_DOMAIN],
                request->frames[FRAME_ADDRESS], text, zap->untold);
        zap->told_us = now_us;
        zap->untold = 0;
}

static bool is_expected_stranger(const struct bus_zap *zap, const struct request *request)
{
        return zap->stranger &&
               !memcmp(zap->stranger, request->frames[FRAME_CREDENTIALS], BUS_KEY_BYTES);
}

/* The name of who is admitted, NULL for anybody else. */
static const char *judge(struct bus_zap *zap, const struct request *request)
{
        int owner = -1;

        if (has_good_form(request))
                owner = owner_of(zap, (const uint8_t *)request->frames[FRAME_CREDENTIALS]);
        if (admitted_in(zap, request->frames[FRAME_DOMAIN]) & bus_principal_bit(owner)) {
                log_debug("bus_peer_admitted", "who=%s where=%s", bus_principals[owner],
                        request->frames[FRAME_DOMAIN]);
                return bus_principals[owner];
        }
        if (!is_expected_stranger(zap, request))
                tell(zap, request, owner);
        return NULL;
}

/* ---- the socket ---- */

/* False if none waits. Frames beyond ours, or longer than may be, make it one of bad form. */
static bool take(struct bus_zap *zap, struct request *request)
{
        char rest[1];
        int more = 1, n;
        size_t size = sizeof(more);

        *request = (struct request){ 0 };
        for (; more; request->count++) {
                bool fits = request->count < FRAME_COUNT;

                n = zmq_recv(zap->socket, fits ? request->frames[request->count] : rest,
                        fits ? FRAME_MAX : sizeof(rest), ZMQ_DONTWAIT);
                if (n < 0)
                        return false;
                if (fits)
                        request->sizes[request->count] = n <= FRAME_MAX ? (size_t)n : 0;
                bus_require(zmq_getsockopt(zap->socket, ZMQ_RCVMORE, &more, &size) == 0);
        }
        return true;
}

static void say(struct bus_zap *zap, const char *text, size_t size, bool more)
{
        /* the asker is a thread of this process, and waits for it */
        (void)zmq_send(zap->socket, text, size, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
}

static void answer(struct bus_zap *zap, const struct request *request, const char *who)
{
        const char *status = who ? "200" : "400", *text = who ? "OK" : "Not admitted";

        say(zap, VERSION, strlen(VERSION), true);
        say(zap, request->frames[FRAME_REQUEST_ID], request->sizes[FRAME_REQUEST_ID], true);
        say(zap, status, strlen(status), true);
        say(zap, text, strlen(text), true);
        say(zap, who ? who : "", who ? strlen(who) : 0, true);
        say(zap, "", 0, false);
}

void bus_zap_serve(void *arg)
{
        struct bus_zap *zap = arg;
        struct request request;

        for (int i = 0; i < REQUESTS_MAX && take(zap, &request); i++)
                answer(zap, &request, judge(zap, &request));
        bus_loop_touch(zap->source); /* the canary calls from outside the loop */
}

int bus_zap_new(struct bus_loop *loop, void *zmq, const char *keys_folder,
        struct bus_metric *refused, struct bus_zap **ret_zap)
{
        struct bus_zap *zap = bus_new(struct bus_zap);

        bus_require(bus_principal_count <= BUS_COUNT(zap->known));
        zap->loop = loop;
        zap->refused = refused;
        for (size_t i = 0; i < bus_principal_count; i++)
                zap->known[i].is_known =
                        bus_keys_public(keys_folder, bus_principals[i], zap->known[i].key) == 0;
        zap->socket = bus_socket_new(zmq, ZMQ_REP);
        if (!zap->socket || zmq_bind(zap->socket, ENDPOINT) < 0) {
                int r = -errno;

                bus_zap_free(zap);
                return r;
        }
        zap->source = bus_loop_add_touched_socket(loop, zap->socket, bus_zap_serve, zap);
        *ret_zap = zap;
        return 0;
}

struct bus_zap *bus_zap_free(struct bus_zap *zap)
{
        if (!zap)
                return NULL;
        bus_loop_remove(zap->loop, zap->source);
        bus_socket_close(zap->socket, 0);
        free(zap);
        return NULL;
}

void bus_zap_admit(struct bus_zap *zap, const char *domain, bus_principals_set admitted)
{
        bus_require(zap->domain_count < DOMAINS_MAX);
        zap->domains[zap->domain_count].name = domain;
        zap->domains[zap->domain_count++].admitted = admitted;
}

void *bus_zap_socket(struct bus_zap *zap)
{
        return zap->socket;
}

void bus_zap_expect_stranger(struct bus_zap *zap, const uint8_t *public_key)
{
        zap->stranger = public_key;
}
