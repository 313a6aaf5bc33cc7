/*
 * Preloaded into the services by test_disk_errors.sh: what is written below $UMBRA_BAD_DISK_UNDER
 * fails as the file $UMBRA_BAD_DISK says, for as long as it says so: "eio-write", "eio-sync",
 * "erofs", "stall" (a sync takes two seconds). A missing file is a good disk.
 */
/* both names of each call are defined here, so neither may stand for the other */
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

/* Reads with plain system calls: nothing here may come back here. */
static bool wants(const char *what)
{
        const char *path = getenv("UMBRA_BAD_DISK");
        char text[32] = "";
        int fd = path ? (int)NEXT(open)(path, O_RDONLY | O_CLOEXEC) : -1;
        ssize_t n;

        if (fd < 0)
                return false;
        n = read(fd, text, sizeof(text) - 1);
        close(fd);
        return n > 0 && !strncmp(text, what, strlen(what));
}

static bool is_store(const char *path)
{
        const char *under = getenv("UMBRA_BAD_DISK_UNDER");

        return under && !strncmp(path, under, strlen(under)) && strstr(path, ".db");
}

static bool is_store_fd(int fd)
{
        char link[64], path[512];
        ssize_t n;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        if (n < 0)
                return false;
        path[n] = 0;
        return is_store(path);
}

static int write_fault(int fd)
{
        if (!is_store_fd(fd))
                return 0;
        return wants("eio-write") ? EIO : wants("erofs") ? EROFS : 0;
}

static int sync_fault(int fd)
{
        if (!is_store_fd(fd))
                return 0;
        if (wants("stall"))
                nanosleep(&(struct timespec){ 2, 0 }, NULL);
        return wants("eio-sync") ? EIO : 0;
}

/* What goes past the cache is synced with the write. */
static int synced_write_fault(int fd)
{
        int flags = fcntl(fd, F_GETFL);

        return flags >= 0 && flags & O_DSYNC ? sync_fault(fd) : 0;
}

#define FAIL_IF(fault)                      \
        do {                                \
                const int fault_ = (fault); \
                if (fault_) {               \
                        errno = fault_;     \
                        return -1;          \
                }                           \
        } while (0)

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
        FAIL_IF(write_fault(fd));
        FAIL_IF(synced_write_fault(fd));
        return NEXT(pwrite)(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
        FAIL_IF(write_fault(fd));
        FAIL_IF(synced_write_fault(fd));
        return NEXT(pwrite64)(fd, data, size, at);
}

int fdatasync(int fd)
{
        FAIL_IF(sync_fault(fd));
        return NEXT(fdatasync)(fd);
}

int fsync(int fd)
{
        FAIL_IF(sync_fault(fd));
        return NEXT(fsync)(fd);
}

static int open_fault(const char *path, int flags)
{
        return (flags & O_ACCMODE) != O_RDONLY && is_store(path) && wants("erofs") ? EROFS : 0;
}

static mode_t mode_of(int flags, va_list args)
{
        return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
        va_list args;
        mode_t mode;

        va_start(args, flags);
        mode = mode_of(flags, args);
        va_end(args);
        FAIL_IF(open_fault(path, flags));
        return NEXT(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
        va_list args;
        mode_t mode;

        va_start(args, flags);
        mode = mode_of(flags, args);
        va_end(args);
        FAIL_IF(open_fault(path, flags));
        return NEXT(open64)(path, flags, mode);
}
