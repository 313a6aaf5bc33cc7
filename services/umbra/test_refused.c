/* umbra refused, run as people run it, over a ring as alert-ingest writes it. */
#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "services/alert-ingest/ring.h"

#include <criterion/criterion.h>
#include <stdio.h>

static int run(const char *arguments, char *text, size_t size)
{
        BUS_AUTOFREE char *command = bus_xasprintf("%s refused %s 2>&1", UMBRA_BINARY, arguments);
        FILE *pipe = popen(command, "r");
        int status;

        cr_assert(pipe);
        text[fread(text, 1, size - 1, pipe)] = 0;
        status = pclose(pipe);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(refused, the_ring_is_shown_with_bodies_that_cannot_break_a_line)
{
        char folder[] = "/tmp/umbra-refused-XXXXXX", text[4096], arguments[64];
        BUS_AUTOFREE char *ingest = NULL, *path = NULL;
        struct ring_entry entry = { .source = "tv",
                .address = "1.2.3.4",
                .code = "out_of_range",
                .field = "price",
                .size = 7,
                .body = bus_bytes("{\"a\0\n\"}", 7) };
        struct ring *ring;

        cr_assert_eq(bus_hash_init(), 0);
        cr_assert(mkdtemp(folder));
        ingest = bus_xasprintf("%s/alert-ingest", folder);
        path = bus_xasprintf("%s/refused.ring", ingest);
        cr_assert_eq(bus_mkdir_all(ingest, 0700), 0);
        snprintf(arguments, sizeof(arguments), "--json --state %s", folder);
        cr_expect_eq(run(arguments, text, sizeof(text)), 1, "there is no ring yet");

        cr_assert_eq(ring_open(path, 4, &ring), 0);
        cr_assert_eq(ring_add(ring, &entry), 0);
        ring_free(ring);
        cr_expect_eq(run(arguments, text, sizeof(text)), 0);
        cr_expect_str_eq(text,
                "{\"number\":1,\"at\":\"1970-01-01T00:00:00.000000Z\",\"source\":\"tv\","
                "\"address\":\"1.2.3.4\",\"code\":\"out_of_range\",\"field\":\"price\",\"size\":7,"
                "\"body\":\"{\\\"a?\\u000a\\\"}\"}\n");
        cr_expect_eq(run(arguments + strlen("--json "), text, sizeof(text)), 0);
        cr_expect(strstr(text, "tv 1.2.3.4 out_of_range in price, 7 bytes\n"), "%s", text);
        unlink(path);
        rmdir(ingest);
        rmdir(folder);
}
