#include "libbus/base/threads.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 64

void bus_each_thread(pid_t process, bool (*fn)(void *arg, pid_t thread), void *arg)
{
        BUS_AUTOFREE char *path = bus_xasprintf("/proc/%d/task", (int)process);
        DIR *tasks = opendir(path);
        struct dirent *entry;
        bool more = true;

        while (tasks && more && (entry = readdir(tasks))) {
                pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);

                if (thread > 0)
                        more = fn(arg, thread);
        }
        if (tasks)
                closedir(tasks);
}

bool bus_thread_is(pid_t process, pid_t thread, const char *name)
{
        BUS_AUTOFREE char *path = bus_xasprintf("/proc/%d/task/%d/comm", (int)process, (int)thread);
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        size_t length = strlen(name);

        return !bus_file_read(path, NAME_MAX_BYTES, &text) && text.size == length + 1 &&
               !memcmp(text.data, name, length) && text.data[length] == '\n';
}
