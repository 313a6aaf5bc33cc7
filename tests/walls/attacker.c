/*
 * Tries to get past the walls around the order stream (docs/architecture.md, The shadow's walls):
 * libzmq and nothing of ours in the way, with whatever key it is given. Exit 0: it got through; 1:
 * it did not, and the last line says how that looked from here; 2: it was not asked rightly.
 */
#include "replay.pb-c.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <zmq.h>

#define KEY_SIZE     41 /* Z85 and NUL */
#define TEXT_MAX     256
#define FRAME_MAX    65536
#define PACKED_MAX   256
#define WAIT_MS      3000
#define MONITOR      "inproc://monitor"
#define STATUS_NO    1
#define STATUS_USAGE 2

struct attack {
        const char *act, *endpoint, *what;
        const char *as, *server; /* files; as "stranger": a pair made now; NULL: no CURVE at all */
        int wait_ms;
        void *context, *socket, *monitor;
        const char *seen; /* how the handshake went */
};

static int usage(void)
{
        fputs("usage: attacker [--as FILE|stranger] [--server FILE] [--wait MS] ACT ENDPOINT WHAT\n"
              "  hear   subscribes to the topics that begin with WHAT\n"
              "  ask    asks a replay socket for the stream WHAT\n"
              "  bind   takes ENDPOINT for itself and waits for a subscriber\n",
                stderr);
        return STATUS_USAGE;
}

static int64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* NAME = "KEY" in a certificate's file. */
static bool read_key(const char *path, const char *name, char ret_key[static KEY_SIZE])
{
        FILE *file = fopen(path, "re");
        char line[TEXT_MAX];
        bool found = false;

        if (!file) {
                printf("%s: %s\n", path, strerror(errno));
                return false;
        }
        while (!found && fgets(line, sizeof(line), file)) {
                const char *at = strstr(line, name), *quote = at ? strchr(at, '"') : NULL;

                if (!quote || strlen(quote) < KEY_SIZE + 1)
                        continue;
                memcpy(ret_key, quote + 1, KEY_SIZE - 1);
                ret_key[KEY_SIZE - 1] = 0;
                found = true;
        }
        fclose(file);
        return found;
}

static bool own_pair(const struct attack *attack, char *public_key, char *secret_key)
{
        if (!strcmp(attack->as, "stranger"))
                return zmq_curve_keypair(public_key, secret_key) == 0;
        return read_key(attack->as, "public-key", public_key) &&
               read_key(attack->as, "secret-key", secret_key);
}

static void set(void *socket, int option, const char *value)
{
        if (zmq_setsockopt(socket, option, value, strlen(value) + 1) < 0)
                abort();
}

static bool take_keys(struct attack *attack, bool is_server)
{
        char public_key[KEY_SIZE], secret_key[KEY_SIZE], server_key[KEY_SIZE];
        int yes = 1;

        if (!attack->as)
                return true;
        if (!own_pair(attack, public_key, secret_key))
                return false;
        set(attack->socket, ZMQ_CURVE_PUBLICKEY, public_key);
        set(attack->socket, ZMQ_CURVE_SECRETKEY, secret_key);
        if (is_server)
                return zmq_setsockopt(attack->socket, ZMQ_CURVE_SERVER, &yes, sizeof(yes)) == 0;
        if (!attack->server || !read_key(attack->server, "public-key", server_key))
                return false;
        set(attack->socket, ZMQ_CURVE_SERVERKEY, server_key);
        return true;
}

static bool open_socket(struct attack *attack, int type)
{
        int no_linger = 0;

        attack->context = zmq_ctx_new();
        attack->socket = zmq_socket(attack->context, type);
        attack->monitor = zmq_socket(attack->context, ZMQ_PAIR);
        attack->seen = "nobody answered";
        zmq_setsockopt(attack->socket, ZMQ_LINGER, &no_linger, sizeof(no_linger));
        return zmq_socket_monitor(attack->socket, MONITOR, ZMQ_EVENT_ALL) == 0 &&
               zmq_connect(attack->monitor, MONITOR) == 0 && take_keys(attack, type == ZMQ_XPUB);
}

static const char *name_of(int event)
{
        switch (event) {
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return "admitted";
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: return "refused by its doorkeeper";
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: return "refused: other mechanism";
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: return "refused without a word";
        default: return NULL;
        }
}

/* How the handshakes went: the last word counts, but to have been admitted once counts for good. */
static void look(struct attack *attack)
{
        uint8_t event[6];
        uint16_t number;
        char address[TEXT_MAX];

        while (zmq_recv(attack->monitor, event, sizeof(event), ZMQ_DONTWAIT) == sizeof(event)) {
                zmq_recv(attack->monitor, address, sizeof(address), ZMQ_DONTWAIT);
                memcpy(&number, event, sizeof(number));
                if (name_of(number) && strcmp(attack->seen, "admitted"))
                        attack->seen = name_of(number);
        }
}

/* One message: its first frame's size, the rest is thrown away; -1: none in time. */
static int receive(struct attack *attack, char *frame, size_t size)
{
        const int64_t until_ms = now_ms() + attack->wait_ms;
        zmq_pollitem_t items[] = { { .socket = attack->socket, .events = ZMQ_POLLIN },
                { .socket = attack->monitor, .events = ZMQ_POLLIN } };
        char rest[FRAME_MAX];
        int n, more;
        size_t more_size = sizeof(more);

        for (;;) {
                int64_t left_ms = until_ms - now_ms();

                look(attack);
                n = zmq_recv(attack->socket, frame, size, ZMQ_DONTWAIT);
                if (n >= 0 || left_ms <= 0)
                        break;
                zmq_poll(items, 2, (long)left_ms);
        }
        while (n >= 0 && !zmq_getsockopt(attack->socket, ZMQ_RCVMORE, &more, &more_size) && more)
                zmq_recv(attack->socket, rest, sizeof(rest), 0);
        return n;
}

static bool hear(struct attack *attack)
{
        char topic[FRAME_MAX];
        int n;

        if (!open_socket(attack, ZMQ_SUB) || zmq_connect(attack->socket, attack->endpoint) < 0 ||
                zmq_setsockopt(attack->socket, ZMQ_SUBSCRIBE, attack->what, strlen(attack->what)) <
                        0)
                return false;
        n = receive(attack, topic, sizeof(topic));
        if (n >= 0)
                printf("heard %.*s\n", n, topic);
        return n >= 0;
}

static bool ask(struct attack *attack)
{
        Pb__ReplayRequest request = PB__REPLAY_REQUEST__INIT;
        Pb__Position oldest = PB__POSITION__INIT;
        uint8_t packed[PACKED_MAX];
        char answer[FRAME_MAX];
        int n;

        request.request_id = 1;
        request.stream = (char *)attack->what;
        request.after = &oldest;
        request.max_messages = 256;
        if (!open_socket(attack, ZMQ_DEALER) || zmq_connect(attack->socket, attack->endpoint) < 0 ||
                pb__replay_request__get_packed_size(&request) > sizeof(packed))
                return false;
        zmq_send(attack->socket, packed, pb__replay_request__pack(&request, packed), 0);
        n = receive(attack, answer, sizeof(answer));
        if (n >= 0)
                printf("was answered with %d bytes\n", n);
        return n >= 0;
}

static bool take_place(struct attack *attack)
{
        char subscription[FRAME_MAX];
        int n;

        if (!open_socket(attack, ZMQ_XPUB))
                return false;
        umask(0); /* a thief lets everybody in */
        if (zmq_bind(attack->socket, attack->endpoint) < 0) {
                attack->seen = zmq_strerror(errno);
                return false;
        }
        attack->seen = "bound, and nobody came";
        n = receive(attack, subscription, sizeof(subscription));
        if (n > 0)
                printf("was asked for %.*s\n", n - 1, subscription + 1);
        return n > 0;
}

static int run(struct attack *attack)
{
        static const struct {
                const char *name;
                bool (*act)(struct attack *attack);
        } acts[] = { { "hear", hear }, { "ask", ask }, { "bind", take_place } };

        for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
                if (strcmp(acts[i].name, attack->act))
                        continue;
                if (acts[i].act(attack))
                        return 0;
                printf("%s\n", attack->seen ? attack->seen : "could not begin");
                return STATUS_NO;
        }
        return usage();
}

int main(int argc, char **argv)
{
        static const struct option options[] = { { "as", required_argument, NULL, 'a' },
                { "server", required_argument, NULL, 's' },
                { "wait", required_argument, NULL, 'w' }, { 0 } };
        struct attack attack = { .wait_ms = WAIT_MS };
        int c, status;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                switch (c) {
                case 'a': attack.as = optarg; break;
                case 's': attack.server = optarg; break;
                case 'w': attack.wait_ms = atoi(optarg); break;
                default: return usage();
                }
        }
        if (argc - optind != 3)
                return usage();
        attack.act = argv[optind];
        attack.endpoint = argv[optind + 1];
        attack.what = argv[optind + 2];
        status = run(&attack);
        if (attack.context) {
                zmq_socket_monitor(attack.socket, NULL, 0);
                zmq_close(attack.monitor);
                zmq_close(attack.socket);
                zmq_ctx_term(attack.context);
        }
        return status;
}
