/*
 * `umbra replay` over ten thousand alerts: profile parity decides as legacy_v3 did, to the last
 * field; profile strength differs, and by class exactly as the answers of `umbra decide` do, which
 * are classed here a second time, from their words.
 */
#include "libbus/base/bytes.h"
#include "libbus/base/require.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ALERTS = 10000 };

static char state[] = "/tmp/umbra-test-replay-XXXXXX";

/* Runs COMMAND, a format, in a shell; its exit status. */
static int run(const char *format, ...) BUS_PRINTF(1, 2);
static int run(const char *format, ...)
{
        char command[2048];
        va_list args;
        int status;

        va_start(args, format);
        vsnprintf(command, sizeof(command), format, args);
        va_end(args);
        status = system(command);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void setup(void)
{
        cr_assert(mkdtemp(state));
        cr_assert_eq(
                run("%s %s %s %d </dev/null", TEST_MAKE_JOURNAL, state, TEST_PLUGINS, ALERTS), 0);
}

static void teardown(void)
{
        run("rm -rf %s", state);
}

TestSuite(replay, .init = setup, .fini = teardown);

static int replay(const char *arguments)
{
        return run("%s replay --state %s %s >%s/out 2>%s/err </dev/null", TEST_UMBRA, state,
                arguments, state, state);
}

static FILE *open_state(const char *name)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/%s", state, name);
        FILE *file = fopen(path, "r");

        cr_assert(file, "%s", path);
        return file;
}

static json_t *next_line(FILE *file)
{
        static char *line;
        static size_t capacity;
        json_t *json;

        if (getline(&line, &capacity, file) <= 0) {
                free(line);
                line = NULL;
                capacity = 0;
                return NULL;
        }
        json = json_loads(line, 0, NULL);
        cr_assert(json, "%s", line);
        return json;
}

static const char *word(const json_t *object, const char *key)
{
        const char *value = json_string_value(json_object_get(object, key));

        return value ? value : "";
}

/* ---- classes, from the words of `umbra decide` ---- */

static const json_t *leg(const json_t *decision, const char *name)
{
        const json_t *legs = json_object_get(decision, "legs");

        for (size_t i = 0; i < json_array_size(legs); i++)
                if (!strcmp(word(json_array_get(legs, i), "leg"), name))
                        return json_array_get(legs, i);
        return NULL;
}

static size_t size_of(const json_t *decision, const char *list)
{
        return json_array_size(json_object_get(decision, list));
}

static bool differ(const json_t *a, const json_t *b, const char *key)
{
        return strcmp(word(a, key), word(b, key)) != 0;
}

static bool legs_differ(const json_t *a, const json_t *b, const char *key)
{
        return (leg(a, "A") && leg(b, "A") && differ(leg(a, "A"), leg(b, "A"), key)) ||
               (leg(a, "B") && leg(b, "B") && differ(leg(a, "B"), leg(b, "B"), key));
}

static bool any_differs(const json_t *a, const json_t *b, const char *const *keys)
{
        for (; *keys; keys++) {
                const json_t *left = json_object_get(a, *keys), *right = json_object_get(b, *keys);

                if (left != right && !json_equal(left, right))
                        return true;
        }
        return false;
}

static const char *class_of(const json_t *a, const json_t *b)
{
        static const char *const sizing[] = { "base_lot", "signal_factor", "route_multiplier",
                "total_lot", "scaled", NULL };
        static const char *const rest[] = { "verdict", "reason", "symbol", "direction", "strength",
                "route", "routing", "aggressive", "expected_loss", "legs", "closes", NULL };
        bool executes_a = !strcmp(word(a, "verdict"), "execute");
        bool executes_b = !strcmp(word(b, "verdict"), "execute");

        if (!strcmp(word(a, "verdict"), "error") || !strcmp(word(b, "verdict"), "error"))
                return "error";
        if (executes_a != executes_b || !size_of(a, "legs") != !size_of(b, "legs") ||
                !size_of(a, "closes") != !size_of(b, "closes"))
                return "one_sided";
        if (legs_differ(a, b, "side") ||
                differ(json_array_get(json_object_get(a, "closes"), 0),
                        json_array_get(json_object_get(b, "closes"), 0), "side"))
                return "side";
        if (!leg(a, "A") != !leg(b, "A") || !leg(a, "B") != !leg(b, "B") ||
                legs_differ(a, b, "volume") || any_differs(a, b, sizing))
                return "size";
        if (legs_differ(a, b, "sl") || legs_differ(a, b, "tp") || differ(a, b, "expected_loss"))
                return "stops";
        return any_differs(a, b, rest) ? "reason" : "exact";
}

static void decide(const char *plugin, const char *set, const char *out)
{
        cr_assert_eq(run("%s decide --plugins %s --plugin %s %s <%s/lines >%s/%s", TEST_UMBRA,
                             TEST_PLUGINS, plugin, set, state, state, out),
                0);
}

/* class -> how many, of the answers in the two files */
static json_t *count_decided(const char *left, const char *right)
{
        FILE *a = open_state(left), *b = open_state(right);
        json_t *counts = json_object(), *x;

        while ((x = next_line(a))) {
                json_t *y = next_line(b);
                const char *class = class_of(x, y);
                json_int_t n = json_integer_value(json_object_get(counts, class));

                json_object_set_new(counts, class, json_integer(n + 1));
                json_decref(x);
                json_decref(y);
        }
        fclose(a);
        fclose(b);
        return counts;
}

/* ---- what replay said ---- */

/* The summary; *RET_LINES: how many lines are before it, each with both its decisions. */
static json_t *read_replay(size_t *ret_lines)
{
        FILE *out = open_state("out");
        json_t *line, *summary = NULL;
        size_t lines = 0;

        while ((line = next_line(out))) {
                cr_assert_null(summary, "the summary is last");
                summary = json_incref(json_object_get(line, "summary"));
                if (!summary) {
                        const json_t *live = json_object_get(line, "live");
                        const json_t *shadow = json_object_get(line, "shadow");

                        lines++;
                        cr_assert_eq(strlen(word(line, "alert_id")), 26);
                        cr_assert_str_eq(word(line, "class"), class_of(live, shadow));
                }
                json_decref(line);
        }
        fclose(out);
        cr_assert(summary);
        *ret_lines = lines;
        return summary;
}

static json_int_t count_of(const json_t *counts, const char *class)
{
        return json_integer_value(json_object_get(counts, class));
}

static void expect_counts(const json_t *summary, const json_t *decided)
{
        static const char *const names[] = { "exact", "late", "reason", "stops", "size", "side",
                "one_sided", "error" };

        for (size_t i = 0; i < BUS_COUNT(names); i++)
                cr_expect_eq(count_of(json_object_get(summary, "classes"), names[i]),
                        count_of(decided, names[i]), "%s: %lld, not %lld", names[i],
                        (long long)count_of(json_object_get(summary, "classes"), names[i]),
                        (long long)count_of(decided, names[i]));
}

Test(replay, parity_differs_nowhere_and_strength_as_decide_says)
{
        json_t *summary, *decided;
        size_t lines;

        cr_expect_eq(replay("--plugin combined_v3"), 0);
        summary = read_replay(&lines);
        cr_expect_eq(lines, ALERTS);
        cr_expect_eq(count_of(json_object_get(summary, "classes"), "exact"), ALERTS);
        json_decref(summary);

        decide("legacy_v3", "", "legacy");
        decide("combined_v3", "--set plugin.combined_v3.profile=strength", "strength");
        decided = count_decided("legacy", "strength");
        cr_expect_eq(replay("--plugin combined_v3 --set plugin.combined_v3.profile=strength"), 1);
        summary = read_replay(&lines);
        cr_expect_eq(lines, ALERTS);
        expect_counts(summary, decided);
        cr_expect_eq(count_of(summary, "critical"), count_of(decided, "one_sided"));
        cr_expect_gt(count_of(decided, "one_sided"), 1000); /* or it proves nothing */
        cr_expect_gt(count_of(decided, "size"), 1000);
        cr_expect_gt(count_of(decided, "exact"), 1000);
        json_decref(summary);

        /* What was decided live was legacy_v3's: against the plugin itself it is the same. */
        cr_expect_eq(replay("--plugin combined_v3 --against legacy_v3"
                            " --set plugin.combined_v3.profile=strength"),
                1);
        summary = read_replay(&lines);
        expect_counts(summary, decided);
        json_decref(summary);
        json_decref(decided);
}

Test(replay, begins_at_a_time_and_says_what_is_wrong)
{
        json_t *summary;
        size_t lines;

        /* the journal's alerts are 20 ms apart and end about now */
        cr_expect_eq(replay("--plugin legacy_v3 --since 100s"), 0);
        summary = read_replay(&lines);
        cr_expect(lines > 0 && lines <= 5000, "%zu", lines);
        cr_expect_eq(count_of(summary, "missing"), 0);
        json_decref(summary);

        cr_expect_eq(replay(""), 2);
        cr_expect_eq(replay("--plugin nothing"), 2);
        cr_expect_eq(replay("--plugin legacy_v3 --since never"), 2);
        cr_expect_eq(replay("--plugin legacy_v3 --set plugin.legacy_v3.tier=7"), 2);
        cr_expect_eq(run("rm %s/alert-ingest/alert-ingest.db", state), 0);
        cr_expect_eq(replay("--plugin legacy_v3"), 1);
        cr_expect_eq(run("grep -q alert-ingest.db %s/err", state), 0);
        cr_expect_neq(run("ls -d %s/replay-* 2>/dev/null", state), 0, "the copy is removed");
}

/* A rule of the configuration covers what it says, here too. */
Test(replay, leaves_out_what_a_rule_covers)
{
        json_t *summary;
        size_t lines;

        cr_assert_eq(run("printf '[ignore.gate]\\nclass = one_sided\\nowner = ada\\n"
                         "reason = wanted\\nexpires = 2099-01-01\\n' >>%s/umbra.ini",
                             state),
                0);
        cr_expect_eq(replay("--plugin combined_v3 --set plugin.combined_v3.profile=strength"), 0);
        summary = read_replay(&lines);
        cr_expect_eq(count_of(summary, "critical"), 0);
        cr_expect_gt(count_of(json_object_get(summary, "classes"), "one_sided"), 1000);
        json_decref(summary);
}
