/*
 * The Python bot (bot.py) as a target: its answer says when its orders were in its database. Twice:
 * as python3-fastapi and python3-uvicorn come from Debian, and on the faster loop and parser that
 * uvicorn takes where they are installed too.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "services/umbra/listen.h"
#include "tests/bench/bench.h"
#include "tests/bench/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Its listening socket is open before it is: the first alert waits until it takes it. */
#define WARM_NUMBER 999999999u

static int settle(
        struct target *target, struct bench_alert *alerts, size_t count, unsigned int first)
{
        (void)target;
        (void)first;
        for (size_t i = 0; i < count; i++) {
                const char *at = strstr(alerts[i].answer, "\"order_us\":");

                if (!at)
                        return -EBADMSG;
                alerts[i].done_us = strtoll(at + strlen("\"order_us\":"), NULL, 10);
        }
        return 0;
}

static void stop(struct target *target)
{
        pid_t *pid = target->state;

        process_stop(*pid);
        free(pid);
        target->state = NULL;
}

/* LOOP and HTTP: uvicorn's names of its event loop and parser. */
static int start(struct target *target, const char *name, const char *folder, const char *loop,
        const char *http)
{
        BUS_AUTOFREE char *log = bus_xasprintf("%s/bot.log", folder);
        BUS_AUTOFREE char *database = bus_xasprintf("BENCH_DB=%s/bot.db", folder);
        const struct load warm = { .connections = 1, .first = WARM_NUMBER };
        struct bench_alert alert;
        char fd_text[16];
        pid_t *pid = bus_new(pid_t);
        int fd, r;

        *target = (struct target){
                .name = name, .path = "/webhook", .state = pid, .settle = settle, .stop = stop
        };
        r = listen_open("127.0.0.1", 0, &fd, &target->port);
        if (!r) {
                const char *argv[] = { "/usr/bin/python3", "-m", "uvicorn", "--app-dir",
                        BENCH_SOURCES, "--fd", fd_text, "--loop", loop, "--http", http,
                        "--no-access-log", "--log-level", "warning", "bot:app", NULL };

                snprintf(fd_text, sizeof(fd_text), "%d", fd);
                *pid = process_start(argv, database, log, -1, fd);
                close(fd);
                r = *pid < 0 ? *pid : load_run(target, &warm, &alert, 1);
        }
        if (r < 0)
                stop(target);
        return r;
}

int bot_start(struct target *target, const char *folder)
{
        return start(target, "python_bot", folder, "asyncio", "h11");
}

int fast_bot_start(struct target *target, const char *folder)
{
        return start(target, "fast_bot", folder, "uvloop", "httptools");
}
