#pragma once
/*
 * Keeps programs running: starts them, starts again what dies, and stops all in order. For the
 * laptop, the demo and tests; a real installation gives that work to systemd or a container.
 *
 * What it starts dies with it, however it ends (PR_SET_PDEATHSIG). One thread; nothing else in the
 * process may wait for children or take SIGCHLD, SIGTERM and SIGINT, which are blocked from
 * supervisor_new on: call it before any other thread starts.
 */
#include "libbus/loop/loop.h"

#include <sys/types.h>

/* A service that may not come back by itself ends with this: another executor has taken over. */
#define SUPERVISOR_STATUS_STAY_DOWN 3

enum supervisor_event {
        SUPERVISOR_STARTED,
        SUPERVISOR_DIED,       /* will be started again */
        SUPERVISOR_STAYS_DOWN, /* asked not to be started again */
        SUPERVISOR_HOPELESS,   /* died time and again without ever running for long */
        SUPERVISOR_RAISED, /* of the background, and left nothing: it takes its share for a while */
        SUPERVISOR_LOWERED,  /* it runs in what others leave again */
        SUPERVISOR_STOPPED,  /* ended after it was asked to */
        SUPERVISOR_STOPPING, /* a signal, or supervisor_stop; service is NULL */
        SUPERVISOR_EMPTY,    /* after a stop: nothing runs any more; service is NULL */
};

struct supervisor_report {
        enum supervisor_event event;
        const char *service;
        pid_t pid;
        int status; /* as from wait(2), where something ended */
};

typedef void (*supervisor_fn)(void *arg, const struct supervisor_report *report);

struct supervisor_options {
        const char *run_dir, *log_dir; /* borrowed; for SERVICE.pid and SERVICE.log */
        supervisor_fn fn;              /* may call supervisor_stop */
        void *arg;
        /* Some services go first, and those of a nice value of BUS_SPARE_NICE run in what the others
         * leave (docs/adr/0039, 0067), if the system lets us. */
        bool realtime;
};

struct supervisor_service {
        const char *name;
        const char *program;     /* path */
        const char *const *argv; /* NULL-terminated, argv[0] included */
        unsigned int stage;      /* order of stopping: all of stage 0 end before stage 1 is asked */
        int listen_fd;           /* >= 0: passed on as LISTEN_FDS; stays the caller's */
        bool goes_first;         /* gets SCHED_RR, where any may */
        bool roams;              /* need not keep off the processor of those */
        uid_t uid;               /* runs under this uid and nothing more; 0: as we do */
};

struct supervisor;

BUS_MUST int supervisor_new(struct bus_loop *loop, const struct supervisor_options *options,
        struct supervisor **ret_supervisor);
/* Kills what still runs. Takes NULL, returns NULL. */
struct supervisor *supervisor_free(struct supervisor *supervisor);

/* Starts it; texts are copied. -errno if it cannot even be started. */
BUS_MUST int supervisor_add(
        struct supervisor *supervisor, const struct supervisor_service *service);
/* SIGTERM by stages; what has not ended in time is killed. SUPERVISOR_EMPTY tells the end. */
void supervisor_stop(struct supervisor *supervisor);
