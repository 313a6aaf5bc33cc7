/*
 * docs/topics.md says what libbus/wire/streams.c does: each stream has its row, and no row is left.
 */
#include "libbus/base/bytes.h"
#include "libbus/base/io.h"
#include "libbus/wire/streams.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define DOC_MAX_BYTES 65536
#define ROW_MAX       256

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

static void expected_row(const struct bus_stream_kind *kind, char row[static ROW_MAX])
{
        char kept[32] = "-";

        if (kind->kept_days)
                snprintf(kept, sizeof(kept), "%d days", kind->kept_days);
        snprintf(row, ROW_MAX, "\n| %s | `%s` | %s | %s | %s | ", kind->name, kind->topic_prefix,
                commit_text(kind->commit), kept, kind->body);
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
