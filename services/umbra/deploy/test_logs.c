#include "services/umbra/deploy/logs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char state[] = "/tmp/umbra-logs-XXXXXX";
static struct layout layout;
static char *path;

static void setup(void)
{
        cr_assert_not_null(mkdtemp(state));
        cr_assert_eq(layout_init(&layout, state), 0);
        cr_assert_eq(mkdir(layout.log, 0700), 0);
        path = layout_path(layout.log, "health", ".log");
}

static void teardown(void)
{
        unlink(path);
        free(path);
        rmdir(layout.log);
        rmdir(state);
        layout_done(&layout);
}

TestSuite(logs, .init = setup, .fini = teardown);

static void put(const char *mode, const char *text)
{
        FILE *file = fopen(path, mode);

        cr_assert_not_null(file);
        fputs(text, file);
        fclose(file);
}

#define GOOD "2026-11-22T18:20:00.123456Z INFO health says why=\"an ERROR of others\"\n"
#define BAD  "2026-11-22T18:20:00.123456Z ERROR health commit_failed\n"

Test(logs, tell_an_error_that_was_written_since)
{
        struct logs logs;
        char line[200] = "";

        put("w", BAD GOOD);
        cr_expect_eq(logs_mark(&layout, &logs), 1);
        cr_expect_not(logs_error(&layout, &logs, line, sizeof(line)), "%s", line);
        put("a", GOOD);
        cr_expect_not(logs_error(&layout, &logs, line, sizeof(line)), "%s", line);
        put("a", BAD GOOD);
        cr_expect(logs_error(&layout, &logs, line, sizeof(line)));
        cr_expect_str_eq(line, "2026-11-22T18:20:00.123456Z ERROR health commit_failed");
}

Test(logs, are_read_from_their_beginning_where_they_were_begun_anew)
{
        struct logs logs;
        char line[200] = "";

        put("w", GOOD GOOD);
        (void)logs_mark(&layout, &logs);
        put("w", BAD);
        cr_expect(logs_error(&layout, &logs, line, sizeof(line)));
}

Test(logs, that_are_elsewhere_are_not_taken_for_logs_without_an_error)
{
        struct logs logs;
        char line[200] = "";

        cr_expect_eq(logs_mark(&layout, &logs), 0);
        cr_expect_not(logs_error(&layout, &logs, line, sizeof(line)));
}
