#include "services/umbra/replay/evidence.h"

#include "comparison_record.pb-c.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/bus/envelope.h"
#include "libbus/bus/pack.h"
#include "proto/unpack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct evidence {
        FILE *file;
        char *part, *path;
        size_t count;
        char (*known)[BUS_ID_SIZE]; /* alert ids, sorted once all are read */
        size_t known_count, known_capacity;
};

/* The service must be able to remove what it has taken up: the place is its own, whoever makes it. */
static int make_place(const char *folder, const char *place)
{
        struct stat owner;
        int r;

        if (stat(folder, &owner) < 0)
                return -errno;
        r = bus_mkdir_all(place, 0755); /* below a folder that is the service's alone */
        if (!r && !geteuid() && lchown(place, owner.st_uid, owner.st_gid) < 0)
                r = -errno;
        return r;
}

int evidence_open(const char *folder, struct evidence **ret_evidence)
{
        BUS_AUTOFREE char *place = bus_xasprintf("%s/replay", folder);
        struct evidence *evidence;
        char id[BUS_ID_SIZE];
        int r;

        r = make_place(folder, place);
        if (r < 0)
                return r;
        bus_id_new(id);
        evidence = bus_new(struct evidence);
        evidence->part = bus_xasprintf("%s/%s.part", place, id);
        evidence->path = bus_xasprintf("%s/%s.pairs", place, id);
        evidence->file = fopen(evidence->part, "wex");
        if (!evidence->file) {
                r = -errno;
                evidence_close(evidence);
                return r;
        }
        *ret_evidence = evidence;
        return 0;
}

struct evidence *evidence_close(struct evidence *evidence)
{
        if (!evidence)
                return NULL;
        if (evidence->file) {
                fclose(evidence->file);
                unlink(evidence->part);
        }
        free(evidence->part);
        free(evidence->path);
        free(evidence->known);
        free(evidence);
        return NULL;
}

static int by_id(const void *a, const void *b)
{
        return strcmp(a, b);
}

static void add_known(struct evidence *evidence, const char *alert_id)
{
        if (evidence->known_count == evidence->known_capacity) {
                evidence->known_capacity =
                        evidence->known_capacity ? evidence->known_capacity * 2 : 1024;
                evidence->known = bus_xrealloc(
                        evidence->known, evidence->known_capacity * sizeof(*evidence->known));
        }
        snprintf(evidence->known[evidence->known_count++], BUS_ID_SIZE, "%s", alert_id);
}

int evidence_known(struct evidence *evidence, struct journal *comparisons, const char *plugin,
        const char *build, const char *config_hash, char error[static JOURNAL_ERROR_SIZE])
{
        struct bus_bytes packed;
        int r;

        while ((r = journal_next(comparisons, &packed, error)) == 1) {
                BUS_AUTOENVELOPE Pb__Envelope *envelope = NULL;
                Pb__Comparison *pb;
                const char *why;

                if (bus_envelope_unpack(packed, &envelope, &why) < 0)
                        continue;
                pb = MESSAGE_UNPACK(comparison, bus_bytes(envelope->body.data, envelope->body.len));
                if (pb && !pb->live_missing && !strcmp(pb->plugin, plugin) &&
                        !strcmp(pb->plugin_build, build) && !strcmp(pb->config_hash, config_hash))
                        add_known(evidence, envelope->alert_id);
                pb__comparison__free_unpacked(pb, NULL);
        }
        if (evidence->known_count)
                qsort(evidence->known, evidence->known_count, sizeof(*evidence->known), by_id);
        return r;
}

void evidence_add(struct evidence *evidence, const struct compare_pair *pair,
        const struct compare_message *message)
{
        Pb__ReplayedPair record = PB__REPLAYED_PAIR__INIT;
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;
        char id[BUS_ID_SIZE];
        uint8_t size[4];

        if (!pair->live || (evidence->known_count &&
                                   bsearch(pair->alert->id, evidence->known, evidence->known_count,
                                           sizeof(*evidence->known), by_id)))
                return;
        compare_pair_id(pair, id);
        record.alert_id = (char *)pair->alert->id;
        record.message_id = id;
        record.comparison = (Pb__Comparison *)&message->pb;
        bus_pack(&record.base, &packed);
        for (size_t i = 0; i < sizeof(size); i++)
                size[i] = (uint8_t)(packed.size >> (8 * i));
        (void)fwrite(size, 1, sizeof(size), evidence->file); /* ferror is asked at the end */
        (void)fwrite(packed.data, 1, packed.size, evidence->file);
        evidence->count++;
}

int evidence_finish(struct evidence *evidence, size_t *ret_count)
{
        bool good = !fflush(evidence->file) && !ferror(evidence->file) &&
                    !fchmod(fileno(evidence->file), 0644);

        if (!good || (evidence->count && rename(evidence->part, evidence->path)))
                return -EIO;
        if (evidence->count) { /* else closing removes it */
                fclose(evidence->file);
                evidence->file = NULL;
        }
        *ret_count = evidence->count;
        return 0;
}
