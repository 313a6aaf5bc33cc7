/*
 * The same three hops over Redis Streams with appendfsync always: each stage adds to its own
 * stream, all that waits in one pipeline, and Redis syncs once for it before it answers. Cursors
 * stay in memory, which is in Redis's favour.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "tests/bench/chain.h"
#include "tests/bench/process.h"

#include <errno.h>
#include <hiredis.h>
#include <stdio.h>
#include <string.h>

#define START_US (10 * BUS_US_PER_SEC)
#define LOOK_US  ((useconds_t)20000)
#define ID_SIZE  48

static const char *const streams[] = { "signal", "order", "intent" };

struct redis {
        redisContext *context;
        enum stage stage;
        char last_id[ID_SIZE];
};

/* One server, and a chain whose end has to end it too. */
static struct {
        pid_t pid;
        void (*stop_chain)(struct target *target);
} server;

static redisContext *connect_to(const char *folder)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/redis.sock", folder);
        redisContext *context = redisConnectUnix(path);

        if (context && !context->err)
                return context;
        redisFree(context);
        return NULL;
}

static void *redis_open(const char *folder, enum stage stage)
{
        struct redis *redis = bus_new(struct redis);

        *redis = (struct redis){ .context = connect_to(folder), .stage = stage, .last_id = "0" };
        if (!redis->context)
                chain_die("redis.sock");
        return redis;
}

static void redis_put(void *wire, const struct note *notes, size_t count)
{
        struct redis *redis = wire;
        redisReply *reply;

        for (size_t i = 0; i < count; i++)
                redisAppendCommand(redis->context, "XADD %s * n %b", streams[redis->stage],
                        &notes[i], sizeof(*notes));
        for (size_t i = 0; i < count; i++) {
                if (redisGetReply(redis->context, (void **)&reply) != REDIS_OK ||
                        reply->type != REDIS_REPLY_STRING)
                        chain_die("XADD");
                freeReplyObject(reply);
        }
}

/* Of [[stream, [[id, [field, value]], ...]]]. */
static size_t read_entries(struct redis *redis, const redisReply *reply, struct note *notes)
{
        const redisReply *entries;

        if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 1)
                chain_die("XREAD");
        entries = reply->element[0]->element[1];
        for (size_t i = 0; i < entries->elements; i++) {
                const redisReply *entry = entries->element[i];

                snprintf(redis->last_id, ID_SIZE, "%s", entry->element[0]->str);
                memcpy(&notes[i], entry->element[1]->element[1]->str, sizeof(*notes));
        }
        return entries->elements;
}

static size_t redis_take(void *wire, struct note *notes)
{
        struct redis *redis = wire;
        redisReply *reply = redisCommand(redis->context, "XREAD COUNT %d BLOCK 0 STREAMS %s %s",
                NOTES_MAX, streams[redis->stage - 1], redis->last_id);
        size_t count = read_entries(redis, reply, notes);

        freeReplyObject(reply);
        return count;
}

const struct wire wire_redis = {
        .name = "redis", .open = redis_open, .put = redis_put, .take = redis_take
};

static void stop(struct target *target)
{
        server.stop_chain(target);
        process_stop(server.pid);
        server.pid = 0;
}

int redis_server_start(const char *folder, pid_t *ret_pid)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/redis.sock", folder);
        BUS_AUTOFREE char *log = bus_xasprintf("%s/redis.log", folder);
        const char *argv[] = { "/usr/bin/redis-server", "--port", "0", "--unixsocket", path,
                "--unixsocketperm", "777", "--dir", folder, "--save", "", "--appendonly", "yes",
                "--appendfsync", "always", NULL };
        int64_t deadline_us = bus_mono_us() + START_US;
        redisContext *context;

        *ret_pid = process_start(argv, NULL, log, -1, -1);
        if (*ret_pid < 0)
                return *ret_pid;
        while (!(context = connect_to(folder))) {
                if (bus_mono_us() > deadline_us)
                        return -ETIMEDOUT;
                usleep(LOOK_US);
        }
        redisFree(context);
        return 0;
}

int redis_start(struct target *target, const char *folder)
{
        int r = redis_server_start(folder, &server.pid);

        if (!r)
                r = chain_start(target, folder, &wire_redis);
        if (r < 0) {
                process_stop(server.pid);
                return r;
        }
        server.stop_chain = target->stop;
        target->stop = stop;
        return 0;
}
