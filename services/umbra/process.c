#include "services/umbra/process.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CMDLINE_MAX ((size_t)4096)
#define STATUS_MAX  ((size_t)16384)

/* Its arguments, each with a NUL behind it; empty for one that is gone. */
static void read_arguments(pid_t pid, struct bus_buf *arguments)
{
        BUS_AUTOFREE char *path = bus_xasprintf("/proc/%d/cmdline", (int)pid);

        if (bus_file_read(path, CMDLINE_MAX, arguments) < 0)
                bus_buf_clear(arguments);
}

static bool is_program(struct bus_buf *arguments, const char *service)
{
        const char *program = bus_buf_str(arguments); /* up to the NUL behind argv[0] */
        const char *slash = strrchr(program, '/');

        return !strcmp(slash ? slash + 1 : program, service);
}

/* Whether PATH, as process PID would open it, is the file CONFIG, by whatever name. */
static bool is_same_file(pid_t pid, const char *path, const char *config)
{
        BUS_AUTOFREE char *there =
                *path == '/' ? bus_xstrdup(path) : bus_xasprintf("/proc/%d/cwd/%s", (int)pid, path);
        struct stat its, ours;

        return stat(there, &its) == 0 && stat(config, &ours) == 0 && its.st_dev == ours.st_dev &&
               its.st_ino == ours.st_ino;
}

static bool has_config(pid_t pid, struct bus_buf *arguments, const char *config)
{
        const char *at = bus_buf_str(arguments), *end = at + arguments->size, *next;

        for (; at < end; at = next) {
                next = at + strlen(at) + 1;
                if (!strcmp(at, "--config") && next < end)
                        return is_same_file(pid, next, config);
        }
        return false;
}

bool process_is(pid_t pid, const char *service)
{
        BUS_AUTOBUF struct bus_buf arguments = BUS_BUF_INIT;

        read_arguments(pid, &arguments);
        return is_program(&arguments, service);
}

pid_t process_find(const struct layout *layout, const char *service)
{
        DIR *folder = opendir("/proc");
        const struct dirent *entry;
        pid_t found = -ESRCH;

        while (folder && found < 0 && (entry = readdir(folder))) {
                BUS_AUTOBUF struct bus_buf arguments = BUS_BUF_INIT;
                pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

                if (pid <= 1)
                        continue;
                read_arguments(pid, &arguments);
                if (is_program(&arguments, service) && has_config(pid, &arguments, layout->config))
                        found = pid;
        }
        if (folder)
                closedir(folder);
        return found;
}

uid_t process_uid(pid_t pid)
{
        BUS_AUTOFREE char *path = bus_xasprintf("/proc/%d/status", (int)pid);
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        const char *line;

        if (bus_file_read(path, STATUS_MAX, &text) < 0)
                return (uid_t)-1;
        line = strstr(bus_buf_str(&text), "\nUid:");
        return line ? (uid_t)strtoul(line + strlen("\nUid:"), NULL, 10) : (uid_t)-1;
}
