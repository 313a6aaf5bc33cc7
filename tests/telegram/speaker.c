/*
 * Speaks on the bus in a service's name, for tests of who listens: speaker NAME [OPTION...] says what
 * is in the file "lines" of the service's folder, as it is appended to:
 *
 *      STREAM TOPIC COUNT [alert_id=ID] [FIELD=VALUE...]
 *
 * COUNT: how often. FIELD is one of the stream's message: numbers, texts with + for a blank, enums by
 * their number. How far it came is kept in its store, with what it said.
 */
#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/service/service.h"

#include "account.pb-c.h"
#include "alarm.pb-c.h"
#include "comparison.pb-c.h"
#include "control.pb-c.h"
#include "decision.pb-c.h"
#include "trade.pb-c.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define PERIOD_US   (20 * BUS_US_PER_MS)
#define LINES_MAX   ((size_t)1 << 20)
#define BODY_SIZE   512 /* the largest of the messages */
#define SAID_KEY    "said"
#define FOLDER_SIZE 400

static const struct speech {
        const char *stream;
        const ProtobufCMessageDescriptor *descriptor;
} speeches[] = {
        { "account", &pb__account__descriptor },
        { "alarm", &pb__alarm__descriptor },
        { "comparison", &pb__comparison__descriptor },
        { "control", &pb__control__descriptor },
        { "control.result", &pb__control_result__descriptor },
        { "decision", &pb__decision__descriptor },
        { "trade", &pb__trade__descriptor },
};

struct speaker {
        struct bus_service *service;
        long said; /* bytes of the file */
};

static void set_field(ProtobufCMessage *message, const char *name, char *value)
{
        const ProtobufCFieldDescriptor *field =
                protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
        char *at;

        bus_require(field);
        at = (char *)message + field->offset;
        switch (field->type) {
        case PROTOBUF_C_TYPE_STRING:
                for (char *c = strchr(value, '+'); c; c = strchr(c, '+'))
                        *c = ' ';
                *(char **)(void *)at = value;
                break;
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_UINT64: *(int64_t *)(void *)at = strtoll(value, NULL, 10); break;
        default: *(int32_t *)(void *)at = (int32_t)strtol(value, NULL, 10);
        }
}

static void set_fields(ProtobufCMessage *message, char *words, char *alert_id, size_t size)
{
        char *rest = NULL;

        for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                char *value = strchr(word, '=');

                bus_require(value);
                *value++ = 0;
                if (!strcmp(word, "alert_id"))
                        snprintf(alert_id, size, "%s", value);
                else
                        set_field(message, word, value);
        }
}

static void say_line(struct speaker *self, char *line)
{
        uint64_t body[BODY_SIZE / 8];
        ProtobufCMessage *message = (ProtobufCMessage *)(void *)body;
        char stream[32], topic[96], alert_id[64] = "";
        int count, length = 0;

        bus_require(sscanf(line, "%31s %95s %d%n", stream, topic, &count, &length) == 3);
        for (size_t i = 0; i < BUS_COUNT(speeches); i++) {
                if (strcmp(speeches[i].stream, stream) != 0)
                        continue;
                bus_require(speeches[i].descriptor->sizeof_message <= sizeof(body));
                protobuf_c_message_init(speeches[i].descriptor, message);
                set_fields(message, line + length, alert_id, sizeof(alert_id));
                while (count-- > 0)
                        bus_emit(self->service, &(struct bus_out){ .stream = stream,
                                                        .topic = topic,
                                                        .body = message,
                                                        .alert_id = alert_id });
                return;
        }
        bus_require(!"a stream that the speaker knows");
}

static void keep(struct speaker *self)
{
        char text[32];

        snprintf(text, sizeof(text), "%ld", self->said);
        bus_put(self->service, SAID_KEY, bus_bytes_str(text), true);
}

static void read_lines(void *arg)
{
        struct speaker *self = arg;
        BUS_AUTOFREE char *path = bus_xasprintf("%s/lines", bus_service_folder(self->service));
        BUS_AUTOBUF struct bus_buf file = BUS_BUF_INIT;
        char *end;
        long said = self->said;

        if (bus_file_read(path, LINES_MAX, &file) < 0)
                return;
        bus_buf_str(&file);
        while ((size_t)self->said < file.size &&
                (end = memchr(file.data + self->said, '\n', file.size - (size_t)self->said))) {
                *end = 0;
                say_line(self, (char *)file.data + self->said);
                self->said = end + 1 - (char *)file.data;
        }
        if (self->said != said)
                keep(self);
}

static int create(struct bus_service *service, void **ret_self)
{
        struct speaker *self = bus_new(struct speaker);

        self->service = service;
        *ret_self = self;
        return 0;
}

static int start(void *arg)
{
        struct speaker *self = arg;
        BUS_AUTOBUF struct bus_buf said = BUS_BUF_INIT;
        int r = bus_get(self->service, SAID_KEY, &said);

        if (r < 0)
                return r;
        self->said = r == 0 ? strtol(bus_buf_str(&said), NULL, 10) : 0;
        bus_loop_add_timer(bus_service_loop(self->service), 0, PERIOD_US, read_lines, self);
        bus_service_ready(self->service);
        return 0;
}

static void destroy(void *self)
{
        free(self);
}

static const char *const outputs[] = { "account", "alarm", "control.result", "trade", NULL };
static const char *const health_outputs[] = { "alarm", "control", "control.result", NULL };

int main(int argc, char **argv)
{
        struct bus_service_class class = {
                .outputs = outputs, .create = create, .start = start, .destroy = destroy
        };

        if (argc < 2)
                return 2;
        class.name = argv[1];
        if (strcmp(argv[1], "order-executor") != 0)
                class.outputs = health_outputs;
        return bus_service_main(argc - 1, argv + 1, &class);
}
