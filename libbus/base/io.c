#include "libbus/base/io.h"

#include "libbus/base/require.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define READ_STEP_BYTES  ((size_t)65536)
#define SECRET_MAX_BYTES ((size_t)4096)

int bus_file_read(const char *path, size_t max, struct bus_buf *buf)
{
        BUS_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        size_t start = buf->size;
        ssize_t n;

        if (fd < 0)
                return -errno;
        for (;;) {
                n = read(fd, bus_buf_reserve(buf, READ_STEP_BYTES), READ_STEP_BYTES);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (!n)
                        return 0;
                buf->size += (size_t)n;
                if (buf->size - start > max)
                        return -EFBIG;
        }
}

int bus_file_read_secret(const char *path, char **ret_text)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        int r;

        r = bus_file_read(path, SECRET_MAX_BYTES, &buf);
        if (r < 0)
                return r;
        if (buf.size && buf.data[buf.size - 1] == '\n')
                buf.size--;
        if (!buf.size || memchr(buf.data, 0, buf.size))
                return -EINVAL;
        *ret_text = bus_xstrdup(bus_buf_str(&buf));
        return 0;
}

int bus_write_all(int fd, struct bus_bytes data)
{
        ssize_t n;

        while (data.size) {
                n = write(fd, data.data, data.size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                data.data += n;
                data.size -= (size_t)n;
        }
        return 0;
}

int bus_sync_folder_of(const char *path)
{
        BUS_AUTOFREE char *folder = bus_xstrdup(path);
        char *slash = strrchr(folder, '/');
        BUS_AUTOCLOSE int fd = -1;

        if (slash)
                slash[slash == folder ? 1 : 0] = 0;
        fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}

static int sync_file(const char *path)
{
        BUS_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int bus_file_put_new(const char *part, const char *path)
{
        int r = sync_file(part);

        if (!r && link(part, path) < 0) /* which never replaces what is there */
                r = -errno;
        if (!r)
                unlink(part);
        return r < 0 ? r : bus_sync_folder_of(path);
}

/* Renaming a file over it would take it from all others on this machine. */
static bool is_to_stay(const char *path)
{
        struct stat st;

        if (lstat(path, &st) < 0)
                return false;
        if (S_ISLNK(st.st_mode))
                return !strncmp(path, "/dev/", strlen("/dev/")) ||
                       (stat(path, &st) == 0 && !S_ISREG(st.st_mode));
        return !S_ISREG(st.st_mode);
}

static int write_into(const char *path, struct bus_bytes data)
{
        BUS_AUTOCLOSE int fd = open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);

        return fd < 0 ? -errno : bus_write_all(fd, data);
}

int bus_file_replace(const char *path, unsigned int mode, struct bus_bytes data)
{
        BUS_AUTOFREE char *temporary = bus_xasprintf("%s.%d.tmp", path, (int)getpid());
        BUS_AUTOCLOSE int fd = -1;
        int r;

        if (is_to_stay(path))
                return write_into(path, data);
        fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        r = bus_write_all(fd, data);
        if (!r && fsync(fd) < 0)
                r = -errno;
        if (!r && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0) {
                unlink(temporary);
                return r;
        }
        return bus_sync_folder_of(path);
}

int bus_mkdir_all(const char *path, unsigned int mode)
{
        BUS_AUTOFREE char *copy = bus_xstrdup(path);

        for (char *p = copy + 1; *p; p++) {
                if (*p != '/')
                        continue;
                *p = 0;
                if (mkdir(copy, mode) < 0 && errno != EEXIST)
                        return -errno;
                *p = '/';
        }
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
                return -errno;
        return 0;
}
