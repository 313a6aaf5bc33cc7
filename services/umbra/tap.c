/*
 * umbra tap: prints messages of the bus, past and then live, without a gap between the two.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/bus/keys.h"
#include "libbus/bus/policy.h"
#include "libbus/bus/reader.h"
#include "libbus/wire/streams.h"
#include "services/common/messages.h"
#include "services/umbra/ask.h"
#include "services/umbra/command.h"
#include "services/umbra/options.h"
#include "services/umbra/seek.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#define PEERS_MAX  12
#define TURN_MAX   1000 /* messages a turn of the loop: tap has nothing else to do */
#define ERROR_SIZE 256

enum {
        FLAG_FROM = OPTIONS_FIRST,
        FLAG_SINCE,
        FLAG_COUNT,
};

struct tap {
        struct seek seek;
        uint64_t count, printed; /* count 0: no end */
        struct options options;
        struct config *config;
        struct bus_loop *loop;
        void *zmq;
        struct bus_keys *keys;
        struct {
                const char *writer;
                struct bus_peer *peer;
                bool is_away; /* did not answer: not asked for its other streams */
        } peers[PEERS_MAX];
        size_t peer_count;
        int budget;
};

static const char *const everybody[] = { "alert-ingest", "strategy-v3", "strategy-v3-shadow",
        "order-executor", "health", "telegram-analytics", NULL };

/* Who writes what (docs/topics.md). NULL: everybody. */
static const struct {
        const char *kind, *writer;
} writers[] = {
        { "signal", "alert-ingest" },
        { "decision", "strategy-v3" },
        { "decision.shadow", "strategy-v3-shadow" },
        { "order", "strategy-v3" },
        { "trade", "order-executor" },
        { "account", "order-executor" },
        { "control", "health" },
        { "comparison", "telegram-analytics" },
        { "control.result", NULL },
        { "alarm", NULL },
        { "heartbeat", NULL },
        { "tick", "order-executor" },
        { "notice.signal", "alert-ingest" },
        { "notice.order", "strategy-v3" },
        { "turn.ask", "telegram-notify" },
        { "turn.ask", "telegram-analytics" },
        { "turn.grant", "telegram-controller" },
};

static const struct config_option other_options[] = {
        { "bus", "*", CONFIG_STRING, "", .maximum = 4096, .help = "the services' own" },
        { 0 },
};

static bool is_prefix(const char *prefix, const char *text)
{
        return !strncmp(prefix, text, strlen(prefix));
}

/* Whether somebody who asked for TOPIC wants to see it. */
static bool is_wanted(const struct tap *tap, const char *topic)
{
        for (int i = 0; i < tap->options.word_count; i++)
                if (is_prefix(tap->options.words[i], topic))
                        return true;
        return !tap->options.word_count;
}

/* Whether a kind can hold wanted topics. Without any asked for: all that is journaled. */
static bool is_kind_wanted(const struct tap *tap, const struct bus_stream_kind *kind)
{
        for (int i = 0; i < tap->options.word_count; i++)
                if (is_prefix(tap->options.words[i], kind->topic_prefix) ||
                        is_prefix(kind->topic_prefix, tap->options.words[i]))
                        return true;
        return !tap->options.word_count && kind->commit != BUS_COMMIT_NONE;
}

/* ---- printing ---- */

static void print(struct tap *tap, json_t *json)
{
        if (tap->count && tap->printed >= tap->count) {
                json_decref(json);
                return;
        }
        print_json(json);
        json_decref(json);
        /* Nobody reads any more: done. */
        if (fflush(stdout) < 0 || ++tap->printed == tap->count)
                bus_loop_stop(tap->loop);
}

static int on_message(void *arg, struct bus_reader *reader, const struct bus_message *message)
{
        struct tap *tap = arg;

        (void)reader;
        if (is_wanted(tap, message->topic))
                print(tap, message_json(message->topic, message->envelope));
        return 0;
}

static int on_heard(void *arg, const struct bus_message *message)
{
        struct tap *tap = arg;

        if (is_wanted(tap, message->topic))
                print(tap, message_bare_json(message->topic, message->body));
        return 0;
}

/* ---- connecting ---- */

static int peer_of(struct tap *tap, const char *writer, struct bus_peer **ret_peer, char *error)
{
        char pub[BUS_ENDPOINT_SIZE], replay[BUS_ENDPOINT_SIZE];
        int r;

        for (size_t i = 0; i < tap->peer_count; i++)
                if (!strcmp(tap->peers[i].writer, writer)) {
                        *ret_peer = tap->peers[i].peer;
                        return 0;
                }
        bus_require(tap->peer_count < PEERS_MAX);
        r = bus_endpoint(tap->config, writer, BUS_ENDPOINT_PUB, pub);
        if (!r)
                r = bus_endpoint(tap->config, writer, BUS_ENDPOINT_REPLAY, replay);
        if (!r)
                r = bus_peer_new(
                        &(struct bus_peer_options){
                                .loop = tap->loop,
                                .zmq = tap->zmq,
                                .writer = writer,
                                .pub_endpoint = pub,
                                .replay_endpoint = replay,
                                .config = tap->config,
                                .keys = tap->keys,
                                .budget = &tap->budget,
                        },
                        ret_peer, error, ERROR_SIZE);
        if (!r) {
                tap->peers[tap->peer_count].writer = writer;
                tap->peers[tap->peer_count++].peer = *ret_peer;
        }
        return r;
}

static bool *away_flag(struct tap *tap, const char *writer)
{
        size_t i = 0;

        while (strcmp(tap->peers[i].writer, writer))
                i++; /* peer_of has put it there */
        return &tap->peers[i].is_away;
}

/* Where to begin; a writer that does not run begins now, when it does. */
static bool find_start(
        struct tap *tap, const char *kind, const char *writer, struct bus_reader_options *reader)
{
        char replay[BUS_ENDPOINT_SIZE], stream[BUS_STREAM_NAME_SIZE];
        bool *is_away = away_flag(tap, writer);
        int r;

        if (*is_away)
                return false;
        bus_stream_full_name(kind, writer, stream);
        r = bus_endpoint(tap->config, writer, BUS_ENDPOINT_REPLAY, replay);
        if (!r)
                r = seek_stream(tap->zmq, &(struct seek_peer){ writer, replay, tap->keys }, stream,
                        &tap->seek, &reader->cursor);
        *is_away = r == -ETIMEDOUT;
        if (r < 0 && r != -ENOENT)
                fprintf(stderr, "umbra tap: %s: %s: only its live messages\n", writer,
                        strerror(-r));
        return !r;
}

static int add_stream(
        struct tap *tap, const struct bus_stream_kind *kind, const char *writer, char *error)
{
        struct bus_reader_options reader = {
                .stream_kind = kind->name,
                .start = BUS_START_NOW,
                .deliver = on_message,
                .arg = tap,
        };
        struct bus_peer *peer;
        int r;

        r = peer_of(tap, writer, &peer, error);
        if (r)
                return r;
        if (kind->commit == BUS_COMMIT_NONE) {
                bus_peer_listen(peer, kind->topic_prefix, false, on_heard, tap);
                return 0;
        }
        if (tap->seek.since_us || tap->seek.from_seq)
                reader.has_cursor = find_start(tap, kind->name, writer, &reader);
        bus_peer_add(peer, &reader);
        return 0;
}

static int add_streams(struct tap *tap, char *error)
{
        const char *one[2] = { NULL, NULL };
        int r = 0;

        for (size_t i = 0; i < BUS_COUNT(writers); i++) {
                const struct bus_stream_kind *kind = bus_stream_kind(writers[i].kind);
                const char *const *writer = everybody;

                if (!is_kind_wanted(tap, kind))
                        continue;
                one[0] = writers[i].writer;
                for (writer = one[0] ? one : everybody; !r && *writer; writer++)
                        r = add_stream(tap, kind, *writer, error);
        }
        if (!r && !tap->peer_count) {
                snprintf(error, ERROR_SIZE, "no stream has such a topic");
                r = -ENOENT;
        }
        return r;
}

static void on_turn_end(void *arg)
{
        struct tap *tap = arg;

        tap->budget = TURN_MAX;
}

static int load(struct tap *tap, char *error)
{
        const struct config_option *tables[] = { bus_endpoint_options, other_options };
        BUS_AUTOFREE char *keys = NULL;
        int r;

        r = config_load(&(struct config_source){ .path = tap->options.layout.config,
                                .environment = environ },
                tables, BUS_COUNT(tables), &tap->config, error, ERROR_SIZE);
        if (r < 0)
                return r;
        keys = bus_keys_folder(tap->config);
        return bus_keys_load(keys, BUS_PRINCIPAL_TOOLS, &tap->keys, error, ERROR_SIZE);
}

static int run(struct tap *tap)
{
        char error[ERROR_SIZE] = "";
        int r;

        r = load(tap, error);
        if (!r) {
                tap->zmq = zmq_ctx_new();
                tap->loop = bus_loop_new();
                tap->budget = TURN_MAX;
                bus_loop_on_turn_end(tap->loop, on_turn_end, tap);
                r = add_streams(tap, error);
        }
        if (!r)
                r = bus_loop_run(tap->loop);
        if (r < 0)
                fprintf(stderr, "umbra tap: %s\n", *error ? error : strerror(-r));
        for (size_t i = 0; i < tap->peer_count; i++)
                bus_peer_free(tap->peers[i].peer);
        bus_loop_free(tap->loop);
        if (tap->zmq)
                zmq_ctx_term(tap->zmq);
        bus_keys_free(tap->keys);
        config_free(tap->config);
        return r < 0 ? UMBRA_FAILED : UMBRA_DONE;
}

static int take(void *arg, int option, const char *value)
{
        struct tap *tap = arg;
        char *end;

        if (option == FLAG_SINCE) {
                if (!bus_moment_parse(value, bus_wall_us(), &tap->seek.since_us) &&
                        tap->seek.since_us > 0)
                        return 0;
                fprintf(stderr, "umbra tap: --since: a time, or an age such as 10m, not '%s'\n",
                        value);
                return -EINVAL;
        }
        errno = 0;
        *(option == FLAG_FROM ? &tap->seek.from_seq : &tap->count) = strtoull(value, &end, 10);
        if (!errno && *value >= '0' && *value <= '9' && !*end)
                return 0;
        fprintf(stderr, "umbra tap: --%s: a number, not '%s'\n",
                option == FLAG_FROM ? "from" : "count", value);
        return -EINVAL;
}

int umbra_tap(int argc, char **argv)
{
        static const struct option own[] = { { "from", required_argument, NULL, FLAG_FROM },
                { "since", required_argument, NULL, FLAG_SINCE },
                { "count", required_argument, NULL, FLAG_COUNT }, { 0 } };
        struct tap tap = {
                .options = { .own = own,
                        .take = take,
                        .words_max = -1,
                        .usage =
                                "usage: umbra tap [TOPIC...] [--from SEQ | --since TIME] "
                                "[--count N] [--state DIR]\n"
                                "\n"
                                "Prints the messages whose topic begins with one of TOPIC, one JSON\n"
                                "object a line: past ones from SEQ or TIME (a time, or an age such as\n"
                                "10m) on, then live ones, until Ctrl-C or N were printed. Without TOPIC\n"
                                "all that is journaled; heartbeat. and tick. are live only.\n"
                                "\n"
                                "example: umbra tap signal. --since 1m\n" }
        };
        int status;

        tap.options.arg = &tap;
        status = options_parse(&tap.options, argc, argv);
        if (status >= 0)
                return status;
        bus_log_init("umbra-tap", BUS_LOG_WARN);
        status = bus_hash_init() < 0 ? UMBRA_FAILED : run(&tap);
        options_done(&tap.options);
        return status;
}
