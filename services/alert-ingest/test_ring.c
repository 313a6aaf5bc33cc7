#include "services/alert-ingest/ring.h"

#include "libbus/base/hash.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static char folder[] = "/tmp/test-ring-XXXXXX";
static char path[64];

static void init(void)
{
        cr_assert_eq(bus_hash_init(), 0);
        cr_assert(mkdtemp(folder));
        snprintf(path, sizeof(path), "%s/refused.ring", folder);
}

static void fini(void)
{
        unlink(path);
        rmdir(folder);
}

TestSuite(ring, .init = init, .fini = fini);

static void add(struct ring *ring, const char *code, struct bus_bytes body)
{
        struct ring_entry entry = { .at_us = 42, .size = body.size, .body = body };

        strcpy(entry.source, "tv");
        strcpy(entry.address, "127.0.0.1");
        strcpy(entry.field, "price");
        snprintf(entry.code, sizeof(entry.code), "%s", code);
        cr_assert_eq(ring_add(ring, &entry), 0);
}

struct seen {
        char text[1024];
        uint64_t last_size;
        size_t last_stored;
};

static void see(void *arg, const struct ring_entry *entry)
{
        struct seen *seen = arg;

        sprintf(seen->text + strlen(seen->text), "%lu:%s ", (unsigned long)entry->number,
                entry->code);
        seen->last_size = entry->size;
        seen->last_stored = entry->body.size;
        cr_expect_str_eq(entry->source, "tv");
        cr_expect_str_eq(entry->address, "127.0.0.1");
        cr_expect_str_eq(entry->field, "price");
        cr_expect_eq(entry->at_us, 42);
}

static void expect(const char *text)
{
        struct seen seen = { 0 };

        cr_assert_eq(ring_read(path, see, &seen), 0);
        cr_expect_str_eq(seen.text, text);
}

Test(ring, the_newest_stay_and_the_file_never_grows)
{
        struct ring *ring;
        struct stat before, after;

        cr_assert_eq(ring_open(path, 3, &ring), 0);
        cr_assert_eq(stat(path, &before), 0);
        expect("");
        for (int i = 1; i <= 2; i++)
                add(ring, i == 1 ? "a" : "b", bus_bytes_str("{}"));
        expect("1:a 2:b ");
        for (int i = 3; i <= 7; i++)
                add(ring, "c", bus_bytes_str("{}"));
        expect("5:c 6:c 7:c ");
        cr_assert_eq(stat(path, &after), 0);
        cr_expect_eq(before.st_size, after.st_size);
        cr_expect_eq(after.st_mode & 0777, 0600);
        ring_free(ring);
}

Test(ring, of_a_long_body_the_beginning_is_kept)
{
        static uint8_t body[16384];
        struct ring *ring;
        struct seen seen = { 0 };

        cr_assert_eq(ring_open(path, 3, &ring), 0);
        add(ring, "a", bus_bytes(body, sizeof(body)));
        cr_assert_eq(ring_read(path, see, &seen), 0);
        cr_expect_eq(seen.last_size, sizeof(body));
        cr_expect_eq(seen.last_stored, RING_BODY_MAX_BYTES);
        ring_free(ring);
}

Test(ring, a_restart_goes_on_behind_the_newest)
{
        struct ring *ring;

        for (int start = 0; start < 3; start++) {
                cr_assert_eq(ring_open(path, 4, &ring), 0);
                add(ring, "a", bus_bytes_str("{}"));
                add(ring, "b", bus_bytes_str("{}"));
                ring_free(ring);
        }
        expect("3:a 4:b 5:a 6:b ");
}

Test(ring, a_torn_slot_is_left_out_and_another_size_begins_anew)
{
        struct ring *ring;
        int fd;

        cr_assert_eq(ring_open(path, 3, &ring), 0);
        add(ring, "a", bus_bytes_str("{}"));
        add(ring, "b", bus_bytes_str("{}"));
        ring_free(ring);
        fd = open(path, O_RDWR);
        cr_assert_eq(pwrite(fd, "X", 1, 100), 1);
        close(fd);
        expect("2:b ");

        cr_assert_eq(ring_open(path, 5, &ring), 0);
        expect("");
        add(ring, "c", bus_bytes_str("{}"));
        expect("1:c ");
        ring_free(ring);
}

Test(ring, what_is_no_ring_is_refused_by_the_reader)
{
        struct seen seen = { 0 };
        FILE *file = fopen(path, "w");

        fputs("not a ring", file);
        fclose(file);
        cr_expect_lt(ring_read(path, see, &seen), 0);
        unlink(path);
        cr_expect_lt(ring_read(path, see, &seen), 0);
}
