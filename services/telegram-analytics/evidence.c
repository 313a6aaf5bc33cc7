/*
 * What `umbra replay --evidence` left: its pairs are published as they stand, marked as replayed. How
 * far a file is taken up commits with the pairs, so each is published once.
 */
#include "comparison_record.pb-c.h"
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "proto/unpack.h"
#include "proto/validate.h"
#include "services/telegram-analytics/comparator.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define SUFFIX     ".pairs"
#define KEY_PREFIX "evidence/"
#define LOOK_US    (1 * BUS_US_PER_SEC)
#define GO_ON_US   (10 * BUS_US_PER_MS)
#define BATCH      256
#define RECORD_MAX ((size_t)16384) /* a pair has a few hundred bytes */

BUS_DEFINE_CLEANUP(dir_closep, DIR *, closedir);
BUS_DEFINE_CLEANUP(file_closep, FILE *, fclose);

/* The next record; false at the end, or where the file is not what it should be. */
static bool read_record(FILE *file, Pb__ReplayedPair **ret_record)
{
        uint8_t size[4], packed[RECORD_MAX];
        size_t n = 0;

        if (fread(size, 1, sizeof(size), file) != sizeof(size))
                return false;
        for (size_t i = 0; i < sizeof(size); i++)
                n |= (size_t)size[i] << (8 * i);
        if (n > sizeof(packed) || fread(packed, 1, n, file) != n)
                return false;
        *ret_record = (Pb__ReplayedPair *)(void *)message_unpack_or_null(
                &pb__replayed_pair__descriptor, bus_bytes(packed, n));
        return *ret_record;
}

static bool is_good(const Pb__ReplayedPair *record)
{
        const char *why;

        return record->comparison && !validate_comparison(record->comparison, &why) &&
               record->comparison->source == PB__COMPARISON_SOURCE__COMPARISON_SOURCE_REPLAY &&
               bus_id_valid(record->alert_id) && bus_id_valid(record->message_id);
}

/* Whether there is more in it. */
static bool take_some(struct comparator *self, FILE *file)
{
        Pb__ReplayedPair *record;

        for (int i = 0; i < BATCH; i++) {
                bool good;

                if (!read_record(file, &record))
                        return false;
                good = is_good(record);
                if (good)
                        comparator_publish(
                                self, record->comparison, record->alert_id, record->message_id);
                pb__replayed_pair__free_unpacked(record, NULL);
                if (!good)
                        return false;
        }
        return true;
}

static void remove_file(void *service, void *arg, int result)
{
        char *path = arg;

        (void)service;
        if (!result && unlink(path) < 0)
                log_warn("evidence_not_removed", "file=%s error=\"%s\"", path, strerror(errno));
        free(path);
}

static void take_file(struct comparator *self, const char *name)
{
        BUS_AUTOFREE char *key = bus_xasprintf(KEY_PREFIX "%s", name);
        BUS_AUTOFREE char *path =
                bus_xasprintf("%s/replay/%s", bus_service_folder(self->service), name);
        BUS_CLEANUP(file_closep) FILE *file = fopen(path, "re");
        BUS_AUTOBUF struct bus_buf at = BUS_BUF_INIT;
        char text[32];
        bool more;

        if (!file || bus_get(self->service, key, &at) < 0)
                return;
        if (at.size && fseek(file, strtol(bus_buf_str(&at), NULL, 10), SEEK_SET))
                return;
        more = take_some(self, file);
        snprintf(text, sizeof(text), "%ld", ftell(file));
        bus_put(self->service, key, bus_bytes_str(text), false);
        if (more) {
                bus_loop_set_timer(self->evidence_timer, GO_ON_US);
                return;
        }
        log_info("evidence_taken_up", "file=%s", path);
        bus_after_commit(self->service, remove_file, bus_xstrdup(path));
}

static bool is_pairs(const char *name)
{
        size_t size = strlen(name);

        return size > strlen(SUFFIX) && !strcmp(name + size - strlen(SUFFIX), SUFFIX);
}

static void look(void *arg)
{
        struct comparator *self = arg;
        BUS_AUTOFREE char *folder = bus_xasprintf("%s/replay", bus_service_folder(self->service));
        BUS_CLEANUP(dir_closep) DIR *dir = opendir(folder);
        const struct dirent *entry;

        bus_loop_set_timer(self->evidence_timer, LOOK_US);
        while (dir && (entry = readdir(dir)))
                if (is_pairs(entry->d_name)) {
                        take_file(self, entry->d_name);
                        return; /* one at a time */
                }
}

/* The key outlives the file, or a kill between commit and removal would publish it again. */
static int forget_one(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct comparator *self = arg;
        BUS_AUTOFREE char *text = bus_xasprintf("%.*s", (int)key.size, (const char *)key.data);
        BUS_AUTOFREE char *path = bus_xasprintf(
                "%s/replay/%s", bus_service_folder(self->service), text + strlen(KEY_PREFIX));

        (void)value;
        if (access(path, F_OK) < 0 && errno == ENOENT)
                bus_delete(self->service, text);
        return 0;
}

int evidence_start(struct comparator *self)
{
        self->evidence_timer =
                bus_loop_add_timer(bus_service_loop(self->service), LOOK_US, LOOK_US, look, self);
        return bus_scan(self->service, KEY_PREFIX, forget_one, self);
}
