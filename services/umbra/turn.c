/*
 * Keeps: the file is there for good and holds the last one's name, which counts only while it is locked.
 */
#include "services/umbra/turn.h"

#include "libbus/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define HOLDER_MAX ((size_t)256)

static void tell_holder(const char *path, char *error, size_t error_size)
{
        BUS_AUTOBUF struct bus_buf holder = BUS_BUF_INIT;

        if (bus_file_read(path, HOLDER_MAX, &holder) < 0 || !holder.size)
                snprintf(error, error_size, "another restart or deployment is under way");
        else
                snprintf(error, error_size, "%s is under way: one at a time", bus_buf_str(&holder));
}

int turn_take(const struct layout *layout, const char *command, int *ret_fd, char *error,
        size_t error_size)
{
        BUS_AUTOFREE char *path = layout_path(layout->run, "turn", ".lock");
        BUS_AUTOCLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
                int r = -errno;

                if (r == -EWOULDBLOCK)
                        tell_holder(path, error, error_size);
                else
                        snprintf(error, error_size, "%s: %s", path, strerror(-r));
                return r;
        }
        /* a full disk is no reason not to restart what stands on it */
        if (ftruncate(fd, 0) == 0)
                (void)dprintf(fd, "%s, process %d,", command, (int)getpid());
        *ret_fd = fd;
        fd = -1;
        return 0;
}
