/*
 * umbra refused: the last alerts that came with a valid token and were refused, out of
 * alert-ingest's ring. Reads the file beside the running service.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "services/alert-ingest/ring.h"
#include "services/common/json_text.h"
#include "services/umbra/command.h"
#include "services/umbra/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FLAG_JSON = OPTIONS_FIRST };

static const struct option own[] = { { "json", no_argument, NULL, FLAG_JSON }, { 0 } };

static int take(void *arg, int option, const char *value)
{
        (void)option;
        (void)value;
        *(bool *)arg = true;
        return 0;
}

/* As text: a body may hold anything, also NUL. */
static void add_body(struct bus_buf *buf, struct bus_bytes body)
{
        BUS_AUTOFREE char *text = bus_xcalloc(1, body.size + 1);

        if (body.size)
                memcpy(text, body.data, body.size);
        for (char *nul = text; (nul = memchr(nul, 0, body.size - (size_t)(nul - text)));)
                *nul = '?';
        json_add_string(buf, text);
}

static void print_json(void *arg, const struct ring_entry *entry)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        char at[BUS_TIME_TEXT_SIZE];

        (void)arg;
        bus_buf_printf(&buf, "{\"number\":%" PRIu64 ",\"at\":\"%s\",\"source\":", entry->number,
                bus_time_format(entry->at_us, at));
        json_add_string(&buf, entry->source);
        bus_buf_printf(&buf, ",\"address\":\"%s\",\"code\":\"%s\",\"field\":", entry->address,
                entry->code);
        json_add_string(&buf, entry->field);
        bus_buf_printf(&buf, ",\"size\":%" PRIu64 ",\"body\":", entry->size);
        add_body(&buf, entry->body);
        printf("%s}\n", bus_buf_str(&buf));
}

static void print_text(void *arg, const struct ring_entry *entry)
{
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;
        char at[BUS_TIME_TEXT_SIZE];

        (void)arg;
        add_body(&body, entry->body);
        printf("%s %s %s %s%s%s, %" PRIu64 " bytes\n  %s\n", bus_time_format(entry->at_us, at),
                entry->source, entry->address, entry->code, *entry->field ? " in " : "",
                entry->field, entry->size, bus_buf_str(&body));
}

int umbra_refused(int argc, char **argv)
{
        bool json = false;
        struct options options = { .own = own,
                .take = take,
                .arg = &json,
                .usage = "usage: umbra refused [--json] [--state DIR]\n"
                         "\n"
                         "The last alerts that were refused although their token was right, with\n"
                         "what was wrong and how they began. A ring: old ones make room.\n"
                         "\n"
                         "example: umbra refused --state ./umbra-state\n" };
        BUS_AUTOFREE char *path = NULL;
        int status, r;

        status = options_parse(&options, argc, argv);
        if (status >= 0)
                return status;
        path = bus_xasprintf("%s/alert-ingest/refused.ring", options.layout.state);
        r = bus_hash_init();
        if (r == 0)
                r = ring_read(path, json ? print_json : print_text, NULL);
        if (r < 0)
                fprintf(stderr, "umbra: %s: %s\n", path, strerror(-r));
        options_done(&options);
        return r < 0 ? UMBRA_FAILED : UMBRA_DONE;
}
