/*
 * docs/topics.md says what libbus/wire/streams.c does: each stream has its row, and no row is left.
 */
#include "libbus/base/bytes.h"
#include "libbus/base/io.h"
#include "libbus/wire/streams.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define DOC_MAX_BYTES 65536
#define NAMES_MAX     128
#define ROW_MAX       512

static const char *commit_text(enum bus_commit commit)
{
        switch (commit) {
        case BUS_COMMIT_FULL: return "full";
        case BUS_COMMIT_NORMAL: return "normal";
        case BUS_COMMIT_DERIVED: return "derived";
        case BUS_COMMIT_NONE: return "not journaled";
        }
        return "?";
}

/* "a b" as "a, b". */
static void names_text(const char *names, char text[static NAMES_MAX])
{
        size_t n = 0;

        if (!strcmp(names, BUS_STREAM_EVERYONE))
                names = "every service";
        else if (!*names)
                names = "-";
        for (const char *p = names; *p && n + 2 < NAMES_MAX; p++) {
                if (*p == ' ' && strcmp(names, "every service"))
                        text[n++] = ',';
                text[n++] = *p;
        }
        text[n] = 0;
}

static void expected_row(const struct bus_stream_kind *kind, char row[static ROW_MAX])
{
        char kept[32] = "-", writers[NAMES_MAX], readers[NAMES_MAX];

        if (kind->kept_days)
                snprintf(kept, sizeof(kept), "%d days", kind->kept_days);
        names_text(kind->writers, writers);
        names_text(kind->readers, readers);
        snprintf(row, ROW_MAX, "\n| %s | `%s` | %s | %s | %s | %s | %s |\n", kind->name,
                kind->topic_prefix, commit_text(kind->commit), kept, kind->body, writers, readers);
}

/* Rows of the first table, without its head. */
static size_t count_rows(const char *text)
{
        const char *row = strstr(text, "\n|---|---|---|---|---|---|---|\n");
        size_t count = 0;

        cr_assert_not_null(row);
        for (row = strchr(row + 1, '\n'); row && row[1] == '|'; row = strchr(row + 1, '\n'))
                count++;
        return count;
}

Test(topics, are_documented_as_they_are)
{
        BUS_AUTOBUF struct bus_buf doc = BUS_BUF_INIT;

        cr_assert_eq(bus_file_read(TOPICS_MD, DOC_MAX_BYTES, &doc), 0);
        for (size_t i = 0; i < bus_stream_kind_count; i++) {
                char row[ROW_MAX];

                expected_row(&bus_stream_kinds[i], row);
                cr_expect_not_null(strstr(bus_buf_str(&doc), row), "missing:%s", row);
        }
        cr_expect_eq(count_rows(bus_buf_str(&doc)), bus_stream_kind_count);
}
