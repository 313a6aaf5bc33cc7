#include "libbus/bus/place.h"

#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IPC_SCHEME "ipc://"
/* Of a socket: to connect is to write. */
#define SOCKET_MODE 0666

/* Names in the abstract namespace ("@...") lie in no folder, and belong to whoever takes them. */
static const char *path_of(const char *endpoint)
{
        return strncmp(endpoint, IPC_SCHEME, strlen(IPC_SCHEME)) ? NULL
                                                                 : endpoint + strlen(IPC_SCHEME);
}

int bus_place_open(const char *endpoint)
{
        const char *path = path_of(endpoint);

        return path && *path != '@' && chmod(path, SOCKET_MODE) < 0 ? -errno : 0;
}

static int wrong(char ret_why[static BUS_PLACE_WHY_SIZE], const char *path, const char *what)
{
        snprintf(ret_why, BUS_PLACE_WHY_SIZE, "path=%s why=\"%s\"", path, what);
        return -EPERM;
}

/* One folder above the place, or the place itself where LAST. */
static int check_one(
        const char *path, uid_t uid, bool last, char ret_why[static BUS_PLACE_WHY_SIZE])
{
        struct stat st;

        if (lstat(path, &st) < 0) {
                int r = -errno;

                (void)wrong(ret_why, path, strerror(-r));
                return r;
        }
        if (S_ISLNK(st.st_mode))
                return wrong(ret_why, path, "is a symbolic link");
        if (!S_ISDIR(st.st_mode))
                return wrong(ret_why, path, "is no folder");
        if (last && st.st_uid != uid)
                return wrong(ret_why, path, "belongs to another");
        if (st.st_uid != 0 && st.st_uid != uid && st.st_uid != geteuid())
                return wrong(ret_why, path, "belongs to a stranger");
        /* in a sticky folder nobody can move away what is another's */
        if (st.st_mode & (S_IWGRP | S_IWOTH) && (last || !(st.st_mode & S_ISVTX)))
                return wrong(ret_why, path, "others may write there");
        return 0;
}

int bus_place_check(const char *folder, uid_t uid, char ret_why[static BUS_PLACE_WHY_SIZE])
{
        BUS_AUTOFREE char *path = bus_xstrdup(folder);
        size_t length = strlen(path);
        int r;

        if (*path != '/' || length >= PATH_MAX)
                return wrong(ret_why, folder, "is no absolute path");
        r = check_one("/", uid, length == 1, ret_why);
        for (char *p = path + 1; r == 0 && *p; p++) {
                if (*p == '/') {
                        *p = 0;
                        r = check_one(path, uid, false, ret_why);
                        *p = '/';
                }
        }
        return r == 0 && length > 1 ? check_one(path, uid, true, ret_why) : r;
}

static bool expected_uid(const struct config *config, const char *service, uid_t *ret_uid)
{
        BUS_AUTOFREE char *section = bus_xasprintf("endpoint.%s", service);
        const char *name;

        for (size_t i = 0; (name = config_instance(config, "endpoint", i)); i++) {
                if (strcmp(name, service) || !config_given(config, section, "uid"))
                        continue;
                *ret_uid = (uid_t)config_int(config, section, "uid");
                return true;
        }
        return false;
}

int bus_place_check_endpoint(const struct config *config, const char *service, const char *endpoint,
        char ret_why[static BUS_PLACE_WHY_SIZE])
{
        const char *path = path_of(endpoint), *slash;
        BUS_AUTOFREE char *folder = NULL;
        uid_t uid;

        if (!path || !expected_uid(config, service, &uid))
                return 0;
        slash = strrchr(path, '/');
        if (!slash)
                return wrong(ret_why, path, "is no absolute path");
        folder = bus_xasprintf("%.*s", (int)(slash - path), path);
        return bus_place_check(folder, uid, ret_why);
}
