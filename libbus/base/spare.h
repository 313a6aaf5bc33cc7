#pragma once
/*
 * Processor time that others leave (SCHED_IDLE, sched(7)). Threads that count for little, by their
 * nice value, run in that alone, as long as something is left; where for some time nothing was, they
 * take the share of their nice value again for a while, so that nobody starves (docs/adr/0066, 0067).
 *
 * The process is our own or another; for another, CAP_SYS_NICE is needed. One thread at a time may
 * look after one process.
 */
#include "libbus/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* From this nice value on. */
#define BUS_SPARE_NICE 10

enum bus_spare_change {
        BUS_SPARE_SAME,
        BUS_SPARE_RAISED,  /* others left them nothing: they take their share */
        BUS_SPARE_LOWERED, /* back in what the others leave */
};

struct bus_spare {
        pid_t process, thread; /* the first thread of those; its waiting stands for them all */
        bool is_raised;
        unsigned int looks; /* kept waiting in a row; while raised: since then */
        int64_t looked_us;
        int64_t ran_ns, waited_ns; /* until then: on a processor, for one */
};

/* Puts those threads of PROCESS there. -ESRCH: it has none (yet); -EBUSY: they are there already, so that
 * somebody else looks after them; -EPERM: the system refuses. */
BUS_MUST int bus_spare_begin(struct bus_spare *spare, pid_t process);
/* Once a second, of one that began: three looks in a row at threads that waited for a processor most
 * of the time raise them, for thirty. Threads that came meanwhile are put where the others are; processes
 * that it has started take a share. */
enum bus_spare_change bus_spare_look(struct bus_spare *spare);
/* For a process that ends with a piece of work somebody waits for: where it was started in spare time it
 * takes a share, that of BUS_SPARE_NICE, if the system lets it. Nobody puts it back. */
void bus_spare_take_share(void);
