#include "libbus/base/interrupts.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* So many in all, since the system came up, tell nothing. */
#define NOTHING 1000
#define COLUMNS 1024

struct table {
        int processors[COLUMNS]; /* of each column */
        size_t columns;
        uint64_t counts[CPU_SETSIZE]; /* of each processor */
};

/* "           CPU0       CPU1       " */
static void read_head(const char *line, struct table *table)
{
        int processor, size;

        while (table->columns < COLUMNS && sscanf(line, " CPU%d%n", &processor, &size) == 1) {
                table->processors[table->columns++] = processor;
                line += size;
        }
}

/* " 36:          0    1428957 PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0"; what is not numbered is
 * no device's, but each processor's own. */
static void read_line(const char *line, struct table *table)
{
        char *at;

        (void)strtoul(line, &at, 10);
        if (at == line || *at != ':')
                return;
        at++;
        for (size_t i = 0; i < table->columns; i++) {
                char *from = at;
                uint64_t count = strtoumax(from, &at, 10);
                int processor = table->processors[i];

                if (at == from)
                        return;
                if (processor >= 0 && processor < CPU_SETSIZE)
                        table->counts[processor] += count;
        }
}

static void read_table(char *text, struct table *table)
{
        char *rest = text, *line = strsep(&rest, "\n");

        if (line)
                read_head(line, table);
        while ((line = strsep(&rest, "\n")))
                read_line(line, table);
}

int bus_interrupts_few(struct bus_bytes text, const cpu_set_t *among)
{
        BUS_AUTOBUF struct bus_buf copy = BUS_BUF_INIT;
        struct table table = { .columns = 0 };
        uint64_t fewest = UINT64_MAX;
        int last = -1;

        bus_buf_add(&copy, text.data, text.size);
        bus_buf_add(&copy, "", 1);
        read_table((char *)copy.data, &table);
        for (int i = 0; i < CPU_SETSIZE; i++)
                if (CPU_ISSET(i, among) && table.counts[i] < fewest)
                        fewest = table.counts[i];
        for (int i = 0; i < CPU_SETSIZE; i++)
                if (CPU_ISSET(i, among) && table.counts[i] / 2 <= fewest + NOTHING)
                        last = i;
        return last;
}
