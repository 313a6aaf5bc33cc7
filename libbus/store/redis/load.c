/* A whole store, put in the place of what is there: in bites, under a mark that no open gets past. */
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "libbus/store/redis/redis.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* What goes in one call: Redis serves nobody else meanwhile. */
#define BITE_BYTES  ((size_t)1 << 20)
#define BITE_PIECES 500
/* Longer than any bite takes, so that nobody opens the store in between. */
#define LOAD_LEASE_US (60 * BUS_US_PER_SEC)
#define ID_BYTES      8

static void begin_bite(struct redis_loader *loader)
{
        redis_call(loader->s, "load_put");
        redis_add_str(&loader->s->command, loader->token);
        redis_add_int(&loader->s->command, LOAD_LEASE_US / BUS_US_PER_MS);
        loader->pieces = 0;
}

static int send_bite(struct redis_loader *loader)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int r;

        if (!loader->pieces)
                return 0;
        r = redis_do(loader->s, &reply);
        begin_bite(loader);
        return r;
}

static int added(struct redis_loader *loader)
{
        loader->pieces++;
        if (loader->pieces < BITE_PIECES && loader->s->command.args.size < BITE_BYTES)
                return 0;
        return send_bite(loader);
}

static int is_derived(const struct redis_loader *loader, const char *name, bool *ret_derived)
{
        for (size_t i = 0; i < loader->count; i++)
                if (!strcmp(loader->names[i], name)) {
                        *ret_derived = loader->derived[i];
                        return 0;
                }
        return -EUCLEAN; /* it was not told of before */
}

static void know(struct redis_loader *loader, const struct store_dump_stream *stream)
{
        loader->names = bus_xrealloc(loader->names, (loader->count + 1) * sizeof(*loader->names));
        loader->derived =
                bus_xrealloc(loader->derived, (loader->count + 1) * sizeof(*loader->derived));
        snprintf(loader->names[loader->count], sizeof(loader->names[0]), "%s", stream->name);
        loader->derived[loader->count++] = stream->kind == STORE_STREAM_DERIVED;
}

static void add_id(struct redis_loader *loader, struct bus_pos pos, bool derived)
{
        char id[REDIS_ID_SIZE];

        redis_add_str(&loader->s->command, redis_id(pos, derived, id));
}

static int load_stream(void *arg, const struct store_dump_stream *stream)
{
        struct redis_loader *loader = arg;
        struct redis_command *command = &loader->s->command;
        bool derived = stream->kind == STORE_STREAM_DERIVED;
        char id[REDIS_ID_SIZE];

        if (strlen(stream->name) >= sizeof(loader->names[0]) ||
                !redis_pos_fits(stream->last, derived))
                return -EUCLEAN;
        know(loader, stream);
        redis_add_str(command, "S");
        redis_add_str(command, stream->name);
        redis_add_int(command, stream->kind);
        redis_add_int(command, (int64_t)stream->incarnation);
        redis_add_str(command, stream->lost ? stream->lost : "");
        add_id(loader, stream->first, derived);
        add_id(loader, stream->last, derived);
        add_id(loader, stream->before_first, derived);
        redis_add_int(command, stream->top_us);
        bus_buf_clear(&loader->full_forks);
        for (size_t i = 0; i < stream->fork_count; i++)
                bus_buf_printf(&loader->full_forks, "%" PRIu64 " %s,", stream->forks[i].incarnation,
                        redis_id(stream->forks[i].fork, false, id));
        redis_add(command, bus_buf_bytes(&loader->full_forks));
        return added(loader);
}

static int load_record(void *arg, const struct store_dump_record *dumped)
{
        struct redis_loader *loader = arg;
        struct redis_command *command = &loader->s->command;
        char id[REDIS_ID_SIZE];
        bool derived;

        if (is_derived(loader, dumped->stream, &derived) < 0 ||
                !redis_pos_fits(dumped->record.position, derived))
                return -EUCLEAN;
        redis_add_str(command, "R");
        redis_add_str(command, dumped->stream);
        add_id(loader, dumped->record.position, derived);
        bus_buf_clear(&loader->s->records);
        redis_record_add(&loader->s->records, &dumped->record,
                derived ? redis_id(dumped->record.position, true, id) : "");
        redis_add(command, bus_buf_bytes(&loader->s->records));
        redis_add_int(command, dumped->top_us);
        add_id(loader, dumped->record.predecessor, derived);
        return added(loader);
}

static int load_claim(void *arg, const struct store_dump_claim *claim)
{
        struct redis_loader *loader = arg;
        struct redis_command *command = &loader->s->command;
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        char id[REDIS_ID_SIZE];
        bool derived;

        if (is_derived(loader, claim->stream, &derived) < 0)
                return -EUCLEAN;
        bus_buf_printf(&text, "%" PRId64 " %s ", claim->expires_us,
                redis_id(claim->position, derived, id));
        bus_buf_add(&text, claim->value.data, claim->value.size);
        redis_add_str(command, "C");
        redis_add_str(command, claim->stream);
        redis_add(command, claim->key);
        redis_add(command, bus_buf_bytes(&text));
        redis_add_int(command, claim->until_us);
        return added(loader);
}

static int load_state(void *arg, struct bus_bytes key, struct bus_bytes value)
{
        struct redis_loader *loader = arg;

        redis_add_str(&loader->s->command, "P");
        redis_add(&loader->s->command, key);
        redis_add(&loader->s->command, value);
        return added(loader);
}

static int load_cursor(void *arg, const char *stream, struct bus_pos position)
{
        struct redis_loader *loader = arg;
        char text[BUS_POS_TEXT_SIZE];

        redis_add_str(&loader->s->command, "U");
        redis_add_str(&loader->s->command, stream);
        redis_add_str(&loader->s->command, bus_pos_format(position, text));
        return added(loader);
}

static int ask_to_begin(
        struct redis_store *s, redisReply **ret_reply, char *error, size_t error_size)
{
        uint8_t random[ID_BYTES];
        char fresh_id[2 * ID_BYTES + 1];

        bus_random(random, sizeof(random));
        bus_hex(bus_bytes(random, sizeof(random)), fresh_id);
        redis_call(s, "load_begin");
        redis_add_str(&s->command, s->owner);
        redis_add_int(&s->command, LOAD_LEASE_US / BUS_US_PER_MS);
        redis_add_str(&s->command, fresh_id);
        return redis_ask(s->context, &s->command, ret_reply, error, error_size);
}

int redis_load_begin(struct redis_loader *loader, struct redis_store *s,
        struct store_sink *ret_sink, char *error, size_t error_size)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int r;

        *loader = (struct redis_loader){ .s = s };
        r = ask_to_begin(s, &reply, error, error_size);
        if (r == -ENOSYS) {
                r = store_redis_load_library(error, error_size);
                if (!r)
                        r = ask_to_begin(s, &reply, error, error_size);
        }
        if (r == -EBUSY)
                redis_say_who(error, error_size);
        if (r == -EACCES)
                redis_say_right(error, error_size);
        if (!r && !redis_is_text(reply))
                r = -EBADMSG;
        if (r < 0)
                return r;
        snprintf(loader->token, sizeof(loader->token), "%s", reply->str);
        begin_bite(loader);
        *ret_sink = (struct store_sink){ load_stream, load_record, load_claim, load_state,
                load_cursor, loader };
        return 0;
}

int redis_load_end(
        struct redis_loader *loader, int r, bool restored, char *error, size_t error_size)
{
        struct redis_store *s = loader->s;
        REDIS_AUTOREPLY redisReply *reply = NULL;

        if (!r)
                r = send_bite(loader);
        if (!r) {
                redis_call(s, "load_end");
                redis_add_str(&s->command, loader->token);
                redis_add_int(&s->command, restored);
                r = redis_do(s, &reply);
        }
        if (r < 0 && !*error)
                snprintf(error, error_size, "cannot load into redis: %s", strerror(-r));
        free(loader->names);
        free(loader->derived);
        bus_buf_done(&loader->full_forks);
        return r;
}
