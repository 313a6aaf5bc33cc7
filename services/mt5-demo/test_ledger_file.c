#include "services/mt5-demo/ledger.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static char folder[64];

static void make_folder(void)
{
        snprintf(folder, sizeof(folder), "/tmp/mt5-ledger-XXXXXX");
        cr_assert_not_null(mkdtemp(folder));
}

static void drop_folder(void)
{
        BUS_AUTOFREE char *command = bus_xasprintf("rm -rf %s", folder);

        cr_expect_eq(system(command), 0);
}

TestSuite(ledger_file, .init = make_folder, .fini = drop_folder);

static int count(const struct record *record, void *arg)
{
        int *n = arg;

        (void)record;
        ++*n;
        return 0;
}

static struct ledger *opened(int *ret_lines, size_t *ret_cut)
{
        char error[LEDGER_ERROR_SIZE] = "";
        struct ledger *ledger = NULL;

        *ret_lines = 0;
        cr_assert_eq(
                ledger_open(folder, count, ret_lines, &ledger, ret_cut, error), 0, "%s", error);
        return ledger;
}

static void write_tokens(struct ledger *ledger, uint64_t first, size_t n)
{
        struct record records[8] = { 0 };

        for (size_t i = 0; i < n; i++)
                records[i] =
                        (struct record){ .event = EVENT_TOKEN, .at_us = 5, .token = first + i };
        cr_assert_eq(ledger_write(ledger, records, n), 0);
}

Test(ledger_file, keeps_what_was_written)
{
        size_t cut;
        int lines;
        struct ledger *ledger = opened(&lines, &cut);

        cr_expect_eq(lines, 0);
        write_tokens(ledger, 1, 3);
        write_tokens(ledger, 4, 1);
        ledger_free(ledger);
        ledger = opened(&lines, &cut);
        cr_expect_eq(lines, 4);
        cr_expect_eq(cut, 0);
        ledger_free(ledger);
}

Test(ledger_file, cuts_off_a_torn_last_line)
{
        size_t cut;
        int lines;
        struct ledger *ledger = opened(&lines, &cut);
        BUS_AUTOFREE char *path = bus_xstrdup(ledger_path(ledger));
        FILE *file;

        write_tokens(ledger, 1, 2);
        ledger_free(ledger);
        file = fopen(path, "a");
        fputs("{\"time\":\"20", file);
        fclose(file);
        ledger = opened(&lines, &cut);
        cr_expect_eq(lines, 2);
        cr_expect_eq(cut, 11);
        write_tokens(ledger, 3, 1);
        ledger_free(ledger);
        ledger = opened(&lines, &cut);
        cr_expect_eq(lines, 3);
        cr_expect_eq(cut, 0);
        ledger_free(ledger);
}

Test(ledger_file, names_the_line_that_is_wrong)
{
        char error[LEDGER_ERROR_SIZE] = "";
        struct ledger *ledger;
        size_t cut;
        int lines;
        BUS_AUTOFREE char *path = NULL;
        FILE *file;

        ledger = opened(&lines, &cut);
        path = bus_xstrdup(ledger_path(ledger));
        write_tokens(ledger, 1, 2);
        ledger_free(ledger);
        file = fopen(path, "a");
        fputs("nonsense\n", file);
        fclose(file);
        cr_expect_eq(ledger_open(folder, count, &lines, &ledger, &cut, error), -EBADMSG);
        cr_expect_not_null(strstr(error, "ledger.jsonl:3:"), "%s", error);
}

Test(ledger_file, is_open_to_one_only)
{
        char error[LEDGER_ERROR_SIZE] = "";
        size_t cut;
        int lines;
        struct ledger *ledger = opened(&lines, &cut), *second = NULL;

        cr_expect_eq(ledger_open(folder, count, &lines, &second, &cut, error), -EBUSY);
        ledger_free(ledger);
}
