#include "libbus/store/redis/test_redis_server.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"

#include <fcntl.h>
#include <hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define ARGS_MAX 40
#define START_US (30 * BUS_US_PER_SEC)
#define LOOK_US  ((useconds_t)5000)

static BUS_NORETURN void become_server(const struct test_redis *redis, const char *const *more)
{
        const char *argv[ARGS_MAX] = { "redis-server", "--port", "0", "--unixsocket", redis->socket,
                "--dir", redis->folder, "--save", "", "--appendonly", "yes", "--appendfsync",
                "always", "--loglevel", "warning" };
        BUS_AUTOFREE char *log = bus_xasprintf("%s/log", redis->folder);
        size_t count = 15;
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        while (more && *more && count < ARGS_MAX - 1)
                argv[count++] = *more++;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (fd >= 0) {
                dup2(fd, STDOUT_FILENO);
                dup2(fd, STDERR_FILENO);
        }
        /* what preloads itself into the tests has no business in there */
        unsetenv("LD_PRELOAD");
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
}

static bool answers(const struct test_redis *redis)
{
        redisContext *context = redisConnectUnix(redis->socket);
        redisReply *reply = context && !context->err ? redisCommand(context, "PING") : NULL;
        bool good = reply && reply->type == REDIS_REPLY_STATUS;

        if (reply)
                freeReplyObject(reply);
        redisFree(context);
        return good;
}

void test_redis_restart(struct test_redis *redis, const char *const *more)
{
        int64_t deadline_us = bus_mono_us() + START_US;

        unlink(redis->socket);
        redis->pid = fork();
        bus_require(redis->pid >= 0);
        if (!redis->pid)
                become_server(redis, more);
        while (!answers(redis)) {
                bus_require(waitpid(redis->pid, NULL, WNOHANG) == 0);
                bus_require(bus_mono_us() < deadline_us);
                usleep(LOOK_US);
        }
}

void test_redis_start(struct test_redis *redis, const char *const *more)
{
        signal(SIGPIPE, SIG_IGN); /* as in every service */
        *redis = (struct test_redis){ .folder = "/tmp/umbra-redis-XXXXXX" };
        bus_require(mkdtemp(redis->folder));
        snprintf(redis->socket, sizeof(redis->socket), "%s/redis.sock", redis->folder);
        test_redis_restart(redis, more);
}

void test_redis_signal(const struct test_redis *redis, int signal)
{
        bus_require(kill(redis->pid, signal) == 0);
}

void test_redis_kill(struct test_redis *redis)
{
        test_redis_signal(redis, SIGKILL);
        bus_require(waitpid(redis->pid, NULL, 0) == redis->pid);
        redis->pid = 0;
}

void test_redis_end(struct test_redis *redis)
{
        BUS_AUTOFREE char *line = bus_xasprintf("rm -rf %s", redis->folder);

        if (redis->pid)
                test_redis_kill(redis);
        bus_require(system(line) == 0);
}

struct store_redis_options test_redis_options(const struct test_redis *redis)
{
        return (struct store_redis_options){ .host = "",
                .socket = redis->socket,
                .user = "",
                .password = "",
                .wait_us = BUS_US_PER_SEC,
                .timeout_us = 20 * BUS_US_PER_SEC,
                .lease_us = 10 * BUS_US_PER_SEC,
                .replica = "one" };
}

void test_redis_use(const struct test_redis *redis)
{
        struct store_redis_options options = test_redis_options(redis);

        store_redis_use(&options);
}

void test_redis_ask(const struct test_redis *redis, const char *command, char *text, size_t size)
{
        redisContext *context = redisConnectUnix(redis->socket);
        redisReply *reply = redisCommand(context, command);

        bus_require(reply && reply->type != REDIS_REPLY_ERROR);
        if (text)
                snprintf(text, size, "%s", reply->str ? reply->str : "");
        freeReplyObject(reply);
        redisFree(context);
}

int test_redis_calls(const struct test_redis *redis, const char *command)
{
        BUS_AUTOFREE char *key = bus_xasprintf("cmdstat_%s:calls=", command);
        char text[16384], *at;

        test_redis_ask(redis, "INFO commandstats", text, sizeof(text));
        at = strstr(text, key);
        return at ? atoi(at + strlen(key)) : 0;
}
