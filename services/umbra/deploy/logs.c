#include "services/umbra/deploy/logs.h"

#include "libbus/base/require.h"
#include "services/umbra/services.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LINE_MAX_BYTES 1024

size_t logs_mark(const struct layout *layout, struct logs *ret_logs)
{
        size_t count = 0;

        *ret_logs = (struct logs){ 0 };
        for (size_t i = 0; i < LOGS_MAX && umbra_services[i].name; i++) {
                BUS_AUTOFREE char *path = layout_path(layout->log, umbra_services[i].name, ".log");
                struct stat st;

                if (stat(path, &st) < 0)
                        continue;
                ret_logs->sizes[i] = st.st_size;
                count++;
        }
        return count;
}

static bool is_error(const char *line)
{
        const char *level = strchr(line, ' ');

        return level && !strncmp(level, " ERROR ", strlen(" ERROR "));
}

static bool find(const char *path, int64_t from, char *line, size_t line_size)
{
        FILE *file = fopen(path, "re");
        char text[LINE_MAX_BYTES];
        bool found = false;
        struct stat st;

        if (!file)
                return false;
        /* set aside and begun anew in between: from its beginning */
        if (fstat(fileno(file), &st) == 0 && st.st_size >= from)
                (void)fseek(file, (long)from, SEEK_SET);
        while (!found && fgets(text, sizeof(text), file))
                found = is_error(text);
        if (found)
                snprintf(line, line_size, "%.*s", (int)strcspn(text, "\n"), text);
        fclose(file);
        return found;
}

bool logs_error(const struct layout *layout, const struct logs *logs, char *line, size_t line_size)
{
        for (size_t i = 0; i < LOGS_MAX && umbra_services[i].name; i++) {
                BUS_AUTOFREE char *path = layout_path(layout->log, umbra_services[i].name, ".log");

                if (find(path, logs->sizes[i], line, line_size))
                        return true;
        }
        return false;
}
