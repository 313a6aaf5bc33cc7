/* PORT PATH COUNT FIRST: so many alerts over 64 connections, as fast as they are answered; prints what the
 * last one was answered. */
#include "libbus/base/require.h"
#include "tests/bench/bench.h"

#include <stdio.h>
#include <string.h>

#define CONNECTIONS 64

int main(int argc, char **argv)
{
        struct load load = { .connections = CONNECTIONS, .kind = BENCH_ENTRY };
        struct target target = { .name = "umbra" };
        struct bench_alert *alerts;
        size_t count;
        int r;

        if (argc != 5)
                return 2;
        target.port = (uint16_t)strtoul(argv[1], NULL, 10);
        snprintf(target.path, sizeof(target.path), "%s", argv[2]);
        count = strtoul(argv[3], NULL, 10);
        load.first = (unsigned int)strtoul(argv[4], NULL, 10);
        if (!count)
                return 2;
        alerts = bus_new_n(struct bench_alert, count);
        r = load_run(&target, &load, alerts, count);
        if (r < 0)
                fprintf(stderr, "flood: %s\n", strerror(-r));
        else
                printf("%s\n", alerts[count - 1].answer);
        free(alerts);
        return r < 0;
}
