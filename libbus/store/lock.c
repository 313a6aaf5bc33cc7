#include "libbus/store/lock.h"

#include "libbus/base/require.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

int store_lock(const char *path, bool create, int *ret_fd, char *error, size_t error_size)
{
        BUS_AUTOFREE char *lock = bus_xasprintf("%s.lock", path);
        BUS_AUTOCLOSE int fd = open(lock, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
        char holder[16] = "";

        if (fd < 0) {
                if (errno == ENOENT && !create)
                        return 0;
                snprintf(error, error_size, "cannot open %s: %s", lock, strerror(errno));
                return -errno;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                int r = errno == EWOULDBLOCK ? -EBUSY : -errno;

                if (read(fd, holder, sizeof(holder) - 1) > 0)
                        holder[strcspn(holder, "\n")] = 0;
                snprintf(error, error_size, "%s is held by process %s", path, holder);
                return r;
        }
        /* only to tell people who holds it: no harm if it fails */
        if (ftruncate(fd, 0) == 0)
                dprintf(fd, "%d\n", (int)getpid());
        *ret_fd = fd;
        fd = -1;
        return 0;
}
