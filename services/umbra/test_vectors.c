/*
 * Worked cases, one JSON object a line: {"name","plugin","set","alert",
 * "context","decision"}. Each is put through umbra decide's own path and compared as JSON. The file
 * is named by UMBRA_VECTORS or the first argument; without it the test is skipped (status 77).
 */
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "services/common/json_text.h"
#include "services/umbra/decide_line.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#define SKIPPED 77
/* Fewer cases than this is a truncated file, not a pass. */
#define CASES_LEAST 50

BUS_DEFINE_CLEANUP(json_freep, json_t *, json_decref);

static const char *setting_text(const json_t *value, char *number, size_t size)
{
        if (json_is_string(value))
                return json_string_value(value);
        if (json_is_boolean(value))
                return json_is_true(value) ? "yes" : "no";
        snprintf(number, size, "%lld", (long long)json_integer_value(value));
        return number;
}

static int open_plugin(const char *dir, json_t *vector, const struct symbols *symbols,
        struct plugin **ret_plugin, char error[static PLUGIN_ERROR_SIZE])
{
        BUS_CLEANUP(plugin_closep) struct plugin *plugin = NULL;
        const char *key;
        json_t *value;
        char number[24];
        int r;

        r = plugin_open(dir, json_string_value(json_object_get(vector, "plugin")), error, &plugin);
        if (r < 0)
                return r;
        json_object_foreach(json_object_get(vector, "set"), key, value)
        {
                r = plugin_set(plugin, key, setting_text(value, number, sizeof(number)), error);
                if (r < 0)
                        return r;
        }
        r = plugin_start(plugin, symbols, error);
        if (r == 0)
                *ret_plugin = BUS_STEAL(plugin);
        return r;
}

/* The alert goes in as it is written in the file: its numbers are read from their text. */
static void make_line(struct bus_bytes vector, struct bus_buf *line)
{
        struct json_scan scan;
        struct bus_bytes name, value;

        json_scan_init(&scan, vector);
        while (json_scan_next(&scan, &name, &value)) {
                if (!bus_bytes_equal(name, bus_bytes_str("alert")) &&
                        !bus_bytes_equal(name, bus_bytes_str("context")))
                        continue;
                bus_buf_printf(line, "%s\"", line->size ? "," : "{");
                bus_buf_add(line, name.data, name.size);
                bus_buf_add_str(line, "\":");
                bus_buf_add(line, value.data, value.size);
        }
        bus_buf_add_str(line, "}");
}

static bool agrees(const char *dir, struct bus_bytes text, json_t *vector)
{
        BUS_CLEANUP(plugin_closep) struct plugin *plugin = NULL;
        BUS_AUTOBUF struct bus_buf line = BUS_BUF_INIT, answer = BUS_BUF_INIT;
        BUS_CLEANUP(json_freep) json_t *got = NULL;
        const char *name = json_string_value(json_object_get(vector, "name"));
        struct symbols symbols;
        char error[PLUGIN_ERROR_SIZE] = { 0 };
        bool same;

        symbols_init(&symbols);
        if (open_plugin(dir, vector, &symbols, &plugin, error) < 0) {
                printf("%s: %s\n", name, error);
                symbols_done(&symbols);
                return false;
        }
        make_line(text, &line);
        (void)decide_line(plugin, &symbols, bus_buf_bytes(&line), &answer, error);
        symbols_done(&symbols);
        got = json_loads(bus_buf_str(&answer), 0, NULL);
        same = json_equal(got, json_object_get(vector, "decision"));
        if (!same)
                printf("%s: %s %s\n", name, bus_buf_str(&answer), error);
        return same;
}

static int run(FILE *file, const char *dir)
{
        BUS_AUTOFREE char *line = NULL;
        size_t capacity = 0;
        ssize_t size;
        unsigned int cases = 0, failed = 0;

        while ((size = getline(&line, &capacity, file)) > 0) {
                BUS_CLEANUP(json_freep) json_t *vector = json_loadb(line, (size_t)size, 0, NULL);

                cases++;
                if (!json_is_object(vector) ||
                        !agrees(dir, bus_bytes(line, (size_t)size), vector)) {
                        failed++;
                        printf("case %u fails\n", cases);
                }
        }
        printf("%u cases, %u failed\n", cases, failed);
        return failed || cases < CASES_LEAST ? 1 : 0;
}

int main(int argc, char **argv)
{
        const char *path = getenv("UMBRA_VECTORS"), *dir = getenv("UMBRA_TEST_PLUGINS");
        FILE *file;
        int status;

        if (!path || !*path)
                path = argc > 1 ? argv[1] : "";
        file = fopen(path, "re");
        if (!file) {
                printf("skipped: no vectors at %s: %s\n", path, strerror(errno));
                return SKIPPED;
        }
        bus_require(dir && bus_hash_init() == 0);
        status = run(file, dir);
        fclose(file);
        return status;
}
