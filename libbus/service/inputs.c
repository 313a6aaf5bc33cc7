/* Inputs: which writers a service reads, and what is done with a message before its handler sees it. */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/bus/pack.h"
#include "libbus/service/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define SINGLY_MAX_US (1 * BUS_US_PER_SEC)

static void quarantine(
        struct bus_service *service, const struct bus_message *message, const char *why)
{
        char position[BUS_POS_TEXT_SIZE];
        BUS_AUTOFREE char *subject = bus_xasprintf(
                "%s/%s", message->stream, bus_pos_format(message->position, position));
        BUS_AUTOFREE char *key = bus_xasprintf("quarantine/%s", subject);
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;

        bus_pack(&message->envelope->base, &packed);
        bus_put(service, key, bus_buf_bytes(&packed), true);
        bus_metric_inc(service->quarantined);
        log_error("message_quarantined", "stream=%s position=%s topic=%s alert_id=%s why=\"%s\"",
                message->stream, position, message->topic, message->envelope->alert_id, why);
        service_alarm_quarantined(service, message, subject, why);
}

static int handle(struct bus_service *service, const struct bus_input *spec,
        const struct bus_message *message)
{
        const char *why = "it is not valid";
        int r = 0;

        if (crash_slot_deaths(service->slot, message->stream, message->position) >=
                CRASH_DEATHS_MAX) {
                why = "its handling made the process crash twice";
                r = BUS_QUARANTINE;
        } else if (!strcmp(spec->stream, "control") && service_control(service, message)) {
                return 0;
        } else if (spec->handler) {
                r = spec->handler(service->self, message);
        }
        if (r == BUS_QUARANTINE) {
                quarantine(service, message, why);
                r = 0;
        }
        return r;
}

/*
 * After an unclean start messages are committed one by one: whatever makes the process die then,
 * also behind its handler, is the fault of one of them. On a slow disk the time ends it: every start
 * gets some messages further, so the one that kills is met alone in the end.
 */
static void commit_singly(struct bus_service *service, const struct bus_message *message)
{
        int64_t now_us = bus_mono_us();

        if (!service->singly_until_us)
                service->singly_until_us = now_us + SINGLY_MAX_US;
        if (!--service->singly || now_us > service->singly_until_us)
                service->singly = 0;
        bus_commit_now(service);
        if (!service->failed)
                crash_slot_forget(service->slot, message->stream, message->position);
}

static int deliver(void *arg, struct bus_reader *reader, const struct bus_message *message)
{
        struct input *input = arg;
        struct bus_service *service = input->service;
        char position[BUS_POS_TEXT_SIZE];
        int r;

        (void)reader;
        if (service->failed)
                return -ECANCELED;
        if (!input->dirty)
                input->from = message->predecessor;
        input->dirty = true;
        service->turn.taken++;
        bus_metric_inc(service->messages_in);
        if (message->more_follow)
                bus_writer_gather(service->writer);
        crash_slot_enter(service->slot, message->stream, message->position);
        r = handle(service, input->spec, message);
        if (r < 0 && !service->failed)
                bus_service_fail(service, "handler_failed", "stream=%s position=%s error=\"%s\"",
                        message->stream, bus_pos_format(message->position, position), strerror(-r));
        if (service->singly > 0 && !service->failed)
                commit_singly(service, message);
        crash_slot_leave(service->slot);
        if (!message->more_follow)
                bus_writer_flush(service->writer);
        return service->failed ? -ECANCELED : 0;
}

/* An alarm as long as it lasts, also over restarts: found again and ended by the first good answer. */
static void stuck(void *arg, struct bus_reader *reader, const char *code, const char *settle)
{
        static const char *const codes[] = { "reader_below_oldest", "reader_ahead_of_writer",
                "journal_unreadable" };
        struct bus_service *service = ((struct input *)arg)->service;

        for (size_t i = 0; !code && i < BUS_COUNT(codes); i++)
                bus_alarm_end(service, codes[i], bus_reader_stream(reader));
        if (code)
                bus_alarm(service, code, bus_reader_stream(reader), PB__SEVERITY__SEVERITY_CRITICAL,
                        "%s takes nothing from %s until: %s", service->class->name,
                        bus_reader_stream(reader), settle);
}

/* ---- the newest lease a writer was heard under: who has an older one is not heard any more ---- */

static void keep_token(void *arg, const char *writer, uint64_t token)
{
        BUS_AUTOFREE char *key = bus_xasprintf("writer-token/%s", writer);
        char text[24];

        snprintf(text, sizeof(text), "%" PRIu64, token);
        bus_put(arg, key, bus_bytes_str(text), false);
}

static uint64_t kept_token(struct bus_service *service, const char *writer)
{
        BUS_AUTOFREE char *key = bus_xasprintf("writer-token/%s", writer);
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;

        if (bus_get(service, key, &text) != 0)
                return 0;
        return strtoull(bus_buf_str(&text), NULL, 10);
}

/* One connection to who has nothing but what comes first, or nothing of it. */
static enum bus_lanes lanes_of(const struct bus_service *service, const char *writer)
{
        bool first = false, bulk = false;

        for (const struct bus_input *in = service->class->inputs; in && in->stream; in++)
                if (!strcmp(in->writer, writer)) {
                        first |= in->first;
                        bulk |= !in->first;
                }
        for (const struct bus_listen *l = service->class->listens; l && l->topic_prefix; l++)
                if (!strcmp(l->writer, writer)) {
                        first |= l->first;
                        bulk |= !l->first;
                }
        if (first && bulk)
                return BUS_LANES_BOTH;
        return bulk ? BUS_LANE_BULK : BUS_LANE_FIRST;
}

static int peer_of(struct bus_service *service, const char *writer, struct bus_peer **ret_peer,
        char *error, size_t error_size)
{
        char pub[BUS_ENDPOINT_SIZE], replay[BUS_ENDPOINT_SIZE];
        struct bus_peer_options options = { .loop = service->loop,
                .zmq = service->zmq,
                .writer = writer,
                .pub_endpoint = pub,
                .replay_endpoint = replay,
                .lanes = lanes_of(service, writer),
                .config = service->config,
                .keys = service->keys,
                .background = service->class->background,
                .budget = &service->budget,
                .fetched_max = (unsigned int)service->class->turn_max,
                .token_raised = keep_token,
                .token_arg = service };
        int r;

        for (size_t i = 0; i < service->peer_count; i++) {
                if (!strcmp(service->peers[i].writer, writer)) {
                        *ret_peer = service->peers[i].peer;
                        return 0;
                }
        }
        bus_require(service->peer_count < PEERS_MAX);
        if (bus_endpoint(service->config, writer, BUS_ENDPOINT_PUB, pub) < 0 ||
                bus_endpoint(service->config, writer, BUS_ENDPOINT_REPLAY, replay) < 0) {
                snprintf(error, error_size, "bus.run_dir: is too long for a socket's address");
                return -ENAMETOOLONG;
        }
        options.token = kept_token(service, writer);
        r = bus_peer_new(&options, ret_peer, error, error_size);
        if (r == 0)
                service->peers[service->peer_count++] = (struct peer_slot){ writer, *ret_peer };
        return r;
}

static int open_input(
        struct bus_service *service, const struct bus_input *spec, char *error, size_t error_size)
{
        struct input *input = &service->inputs[service->input_count];
        char stream[BUS_STREAM_NAME_SIZE];
        struct bus_reader_options options = {
                .stream_kind = spec->stream,
                .first = spec->first,
                .start = spec->start,
                .deliver = deliver,
                .stuck = stuck,
                .arg = input,
                .service = service->class->name,
        };
        struct bus_peer *peer;
        int r;

        bus_require(service->input_count < INPUTS_MAX);
        r = peer_of(service, spec->writer, &peer, error, error_size);
        if (r < 0)
                return r;
        bus_stream_full_name(spec->stream, spec->writer, stream);
        r = store_cursor(service->store, stream, &options.cursor);
        if (r < 0) {
                snprintf(error, error_size, "cannot read the cursor of %s: %s", stream,
                        strerror(-r));
                return r;
        }
        options.has_cursor = r == 0;
        input->kept = r == 0 || spec->start == BUS_START_BEGINNING;
        input->service = service;
        input->spec = spec;
        input->reader = bus_peer_add(peer, &options);
        service->input_count++;
        return 0;
}

static bool has_input(const struct bus_service *service, const char *stream, const char *writer)
{
        for (const struct bus_input *in = service->class->inputs; in && in->stream; in++)
                if (!strcmp(in->stream, stream) && !strcmp(in->writer, writer))
                        return true;
        return false;
}

int service_inputs_open(struct bus_service *service, char *error, size_t error_size)
{
        struct bus_peer *peer;
        int r = 0;

        for (const struct bus_input *in = service->class->inputs; r == 0 && in && in->stream; in++)
                r = open_input(service, in, error, error_size);
        /* every service takes the commands that are for all, whether it has others or not */
        if (r == 0 && strcmp(service->class->name, "health") &&
                !has_input(service, "control", "health")) {
                service->implicit_inputs[0] = (struct bus_input){ .stream = "control",
                        .writer = "health",
                        .start = BUS_START_NOW,
                        .optional = true,
                        .first = true };
                r = open_input(service, &service->implicit_inputs[0], error, error_size);
        }
        for (const struct bus_listen *l = service->class->listens; r == 0 && l && l->topic_prefix;
                l++) {
                r = peer_of(service, l->writer, &peer, error, error_size);
                if (r == 0)
                        bus_peer_listen(peer, l->topic_prefix, l->first, l->handler, service->self);
        }
        return r;
}

void service_inputs_close(struct bus_service *service)
{
        for (size_t i = 0; i < service->peer_count; i++)
                bus_peer_free(service->peers[i].peer);
        service->peer_count = 0;
        service->input_count = 0;
}

bool bus_service_caught_up(const struct bus_service *service)
{
        for (size_t i = 0; i < service->input_count; i++)
                if (!service->inputs[i].spec->optional &&
                        !bus_reader_caught_up(service->inputs[i].reader))
                        return false;
        return true;
}

bool bus_input_caught_up(const struct bus_service *service, const char *stream_kind)
{
        for (size_t i = 0; i < service->input_count; i++)
                if (!strcmp(service->inputs[i].spec->stream, stream_kind) &&
                        !bus_reader_caught_up(service->inputs[i].reader))
                        return false;
        return true;
}

void bus_input_hold(struct bus_service *service, const char *stream_kind, bool hold)
{
        for (size_t i = 0; i < service->input_count; i++)
                if (!strcmp(service->inputs[i].spec->stream, stream_kind))
                        bus_reader_hold(service->inputs[i].reader, hold);
}

struct bus_pos bus_input_position(
        struct bus_service *service, const char *stream_kind, const char *writer)
{
        for (size_t i = 0; i < service->input_count; i++)
                if (!strcmp(service->inputs[i].spec->stream, stream_kind) &&
                        !strcmp(service->inputs[i].spec->writer, writer))
                        return bus_reader_position(service->inputs[i].reader);
        return BUS_POS_ZERO;
}

bool bus_crashed_on(struct bus_service *service, const char *stream_kind, const char *writer,
        struct bus_pos *ret_position)
{
        char stream[BUS_STREAM_NAME_SIZE];

        return crash_slot_find(
                service->slot, bus_stream_full_name(stream_kind, writer, stream), ret_position);
}
