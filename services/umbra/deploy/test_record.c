#include "services/umbra/deploy/record.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOUR INT64_C(3600000000)

static const struct phase *one, *two;

static void names(void)
{
        one = phase_find("plugin-system");
        two = phase_find("shadow");
}
TestSuite(record, .init = names);

static json_t *done(json_t *record, int64_t watch_until_us)
{
        json_object_set_new(record, "state", json_string("done"));
        json_object_set_new(record, "watch_until_us", json_integer(watch_until_us));
        return record;
}

static bool allows(const json_t *record, const struct phase *phase, enum way way, bool now)
{
        char why[300] = "";
        bool allowed = record_allows(record, phase, way, 10 * HOUR, now, why, sizeof(why));

        cr_expect_eq(allowed, !*why, "%s", why);
        return allowed;
}

Test(record, of_nothing_allows_everything)
{
        cr_expect(allows(NULL, one, WAY_FORWARD, false));
        cr_expect(allows(NULL, two, WAY_BACK, false));
}

Test(record, of_a_phase_cut_off_lets_only_that_one_go_on)
{
        json_t *record = record_begin(NULL, one, WAY_FORWARD, HOUR);

        cr_expect(allows(record, one, WAY_FORWARD, false));
        cr_expect(allows(record, one, WAY_BACK, false));
        cr_expect_not(allows(record, two, WAY_FORWARD, false));
        cr_expect_not(allows(record, two, WAY_FORWARD, true), "--now is about hours");
        cr_expect_not(allows(record, two, WAY_BACK, false));
        json_decref(record);
}

Test(record, of_a_phase_that_is_watched_keeps_the_next_one_back)
{
        json_t *record = done(record_begin(NULL, one, WAY_FORWARD, HOUR), 11 * HOUR);

        cr_expect_not(allows(record, two, WAY_FORWARD, false));
        cr_expect(allows(record, two, WAY_FORWARD, true));
        cr_expect(allows(record, two, WAY_BACK, false), "the way back waits for nobody");
        done(record, 9 * HOUR);
        cr_expect(allows(record, two, WAY_FORWARD, false));
        json_decref(record);
}

Test(record, knows_what_was_before_until_it_is_gone_back)
{
        json_t *first = record_begin(NULL, one, WAY_FORWARD, HOUR), *again, *other, *back;

        cr_expect_null(record_before(first, "a.b"));
        record_note_before(first, "a.b", "yes");
        record_note_before(first, "a.c", NULL);
        again = record_begin(done(first, 0), one, WAY_FORWARD, HOUR);
        record_note_before(again, "a.b", "no");
        cr_expect_str_eq(record_before(again, "a.b"), "yes", "of the first beginning");
        cr_expect_str_eq(record_before(again, "a.c"), "");
        other = record_begin(done(again, 0), two, WAY_FORWARD, HOUR);
        cr_expect_null(record_before(other, "a.b"), "each phase has its own");
        back = record_begin(done(other, 0), one, WAY_BACK, HOUR);
        cr_expect_str_eq(record_before(back, "a.b"), "yes", "kept over another phase");
        record_forget_before(back);
        cr_expect_null(record_before(back, "a.b"));
        json_decref(first);
        json_decref(again);
        json_decref(other);
        json_decref(back);
}

Test(record, comes_back_as_it_was_written)
{
        char state[] = "/tmp/umbra-record-XXXXXX";
        struct layout layout;
        json_t *record, *read;
        BUS_AUTOFREE char *path = NULL;
        FILE *file;

        cr_assert_not_null(mkdtemp(state));
        cr_assert_eq(layout_init(&layout, state), 0);
        cr_expect_eq(record_read(&layout, &read), 0);
        cr_expect_null(read);
        record = record_begin(NULL, two, WAY_BACK, HOUR);
        record_note_before(record, "a.b", "yes");
        cr_assert_eq(record_write(&layout, record), 0);
        cr_assert_eq(record_read(&layout, &read), 0);
        cr_expect(json_equal(record, read));
        json_decref(read);
        path = layout_path(state, "deploy", ".json");
        cr_assert_eq(record_put_back(&layout, NULL), 0);
        cr_expect_eq(access(path, F_OK), -1, "nothing was deployed here yet");
        cr_assert_eq(record_put_back(&layout, NULL), 0);
        cr_assert_eq(record_put_back(&layout, record), 0);
        cr_assert_eq(record_read(&layout, &read), 0);
        cr_expect(json_equal(record, read));
        json_decref(read);
        file = fopen(path, "w");
        fputs("{\"phase\": ", file);
        fclose(file);
        cr_expect_eq(record_read(&layout, &read), -EBADMSG);
        cr_expect_null(read);
        json_decref(record);
        unlink(path);
        rmdir(state);
        layout_done(&layout);
}
