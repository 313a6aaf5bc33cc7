/* prune STORE STREAM: forgets all but the newest message of a FULL stream, as the years would. */
#include "libbus/base/clock.h"
#include "libbus/store/store.h"

#include <stdio.h>

int main(int argc, char **argv)
{
        struct store_options options = { .engine = "sqlite", .boot_id = "" };
        struct store_stream stream;
        struct store *store;
        char error[256] = "";
        int r;

        if (argc != 3)
                return 2;
        options.path = argv[1];
        options.now_us = bus_wall_us();
        r = store_open(&options, &store, error, sizeof(error));
        if (r == 0)
                r = store_stream_open(store, argv[2], STORE_STREAM_FULL, &stream);
        if (r == 0)
                do
                        r = store_prune(store, argv[2], bus_wall_us(), 1000);
                while (r > 0);
        if (r < 0) {
                fprintf(stderr, "prune: %s: %d %s\n", argv[1], r, error);
                return 1;
        }
        store_free(store);
        return 0;
}
