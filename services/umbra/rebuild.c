/*
 * umbra rebuild analytics: has the ledger of telegram-analytics begun anew. Leaves a mark in the
 * service's folder; the service obeys it within a second, or when it is started the next time.
 */
#include "libbus/base/require.h"
#include "services/umbra/command.h"
#include "services/umbra/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERVICE "telegram-analytics"
#define MARK    "rebuild" /* PROJECTION_REBUILD_FILE there */

/* The mark belongs to whoever owns the folder; one that is there already will do. */
static int leave_mark(const char *folder)
{
        BUS_AUTOCLOSE int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        BUS_AUTOCLOSE int fd = -1;
        struct stat owner;

        if (dir < 0 || fstat(dir, &owner) < 0)
                return -errno;
        fd = openat(dir, MARK, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return errno == EEXIST ? 0 : -errno;
        if (owner.st_uid != geteuid() && fchown(fd, owner.st_uid, owner.st_gid) < 0)
                return -errno;
        return 0;
}

int umbra_rebuild(int argc, char **argv)
{
        struct options options = { .words_min = 1,
                .words_max = 1,
                .usage =
                        "usage: umbra rebuild analytics [--state DIR]\n"
                        "\n"
                        "Has telegram-analytics delete its ledger and read the streams again, from\n"
                        "the oldest message that is kept. While it runs it does so within a second,\n"
                        "else at its next start. Nothing else is touched, and nothing is compared or\n"
                        "told twice.\n"
                        "\n"
                        "example: umbra rebuild analytics --state /var/lib/umbra\n" };
        BUS_AUTOFREE char *folder = NULL;
        int status, r;

        status = options_parse(&options, argc, argv);
        if (status >= 0)
                return status;
        if (strcmp(options.words[0], "analytics") != 0) {
                fprintf(stderr, "umbra rebuild: only analytics can be built again, not '%s'\n",
                        options.words[0]);
                options_done(&options);
                return UMBRA_USAGE;
        }
        folder = layout_path(options.layout.state, SERVICE, "");
        r = leave_mark(folder);
        if (r < 0)
                fprintf(stderr, "umbra rebuild: %s: %s\n", folder, strerror(-r));
        else
                puts("the ledger will be read again; 'umbra status' shows how far it is");
        options_done(&options);
        return r < 0 ? UMBRA_FAILED : UMBRA_DONE;
}
