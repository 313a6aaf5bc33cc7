#include "libbus/base/interrupts.h"

#include <criterion/criterion.h>

static int few(const char *table, unsigned long among)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        for (int i = 0; among >> i; i++)
                if (among >> i & 1)
                        CPU_SET(i, &set);
        return bus_interrupts_few(bus_bytes_str(table), &set);
}

/* A virtual machine whose disk has one queue, and that on the second processor. */
static const char disk_on_second[] =
        "           CPU0       CPU1       \n"
        " 24:          1          0  IO-APIC   5-edge      ACPI:Ged\n"
        " 35:          0          1 PCI-MSIX-0000:00:02.0   0-edge      virtio1-config\n"
        " 36:          0    1428957 PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0\n"
        " 41:       1219          0 PCI-MSIX-0000:00:04.0   1-edge      virtio3-rx\n"
        "LOC:   99999999   88888888   Local timer interrupts\n"
        "ERR:          0\n";

Test(interrupts, who_takes_the_disk_s_is_none_of_the_few)
{
        cr_expect_eq(few(disk_on_second, 3), 0);
        cr_expect_eq(few(disk_on_second, 2), 1, "where there is no other");
}

Test(interrupts, of_those_alike_it_is_the_last)
{
        cr_expect_eq(few("  CPU0 CPU1 CPU2 CPU3\n"
                         " 10: 50000 60000 70000 400000 a queue for each\n",
                             15),
                2);
        cr_expect_eq(few("  CPU0 CPU1\n 10: 3 1500 hardly any\n", 3), 1);
}

Test(interrupts, columns_are_those_of_the_head)
{
        cr_expect_eq(few("  CPU1 CPU3\n 10: 90000 1 one\n 11: 1 300000 another\n", 8 | 2), 1);
}

Test(interrupts, what_cannot_be_read_counts_none)
{
        cr_expect_eq(few("", 3), 1);
        cr_expect_eq(few("nothing\nlike: it\n 7\n:\n", 3), 1);
        cr_expect_eq(few("  CPU0 CPU1\n 36: 0", 3), 1, "cut short");
        cr_expect_eq(few("  CPU0 CPU-7 CPU99999\n 36: 1 90000 90000 x\n", 3), 1);
}
