#pragma once
/*
 * The real alert-ingest as a child process with a state folder of its own, and clients against it.
 * Everything waits for conditions with a deadline; what a test ends with is killed and removed.
 */
#include "libbus/base/bytes.h"
#include "libbus/base/clock.h"

#include "envelope.pb-c.h"
#include "heartbeat.pb-c.h"
#include "signal.pb-c.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

/* Long enough for a loaded machine with sanitizers; reached only by a test that fails. */
#define RIG_PATIENCE_US (20 * BUS_US_PER_SEC)
#define RIG_PULSE                                                                             \
        "{\"type\":\"trend_pulse_v3\",\"signal_type\":\"Trend_Pulse\",\"symbol\":\"XAUUSD\"," \
        "\"tf\":\"5\",\"price\":2650.5}"

struct rig {
        char folder[32]; /* the state folder; short, for the sockets in it */
        char config[64], log[64], keys[64];
        pid_t pid;
        unsigned int port;
        int listen_fd; /* given to the child as LISTEN_FDS; -1: none */
};

struct rig_answer {
        int status; /* 0: no answer, the connection ended */
        char text[16384];
        const char *body;
        char alert_id[64];
        unsigned long long seq;
        int64_t took_us;
};

/* EXTRA: more lines of [alert-ingest], then other sections. Tokens: "tok-tv", "tok-test" (test). */
void rig_init(struct rig *rig, const char *extra);
void rig_done(struct rig *rig);
void rig_start(struct rig *rig);
/* Waits for the exit after SIGNAL; its exit status, or -signal. */
int rig_stop(struct rig *rig, int signal);
/* Whether the log holds TEXT; how often. */
unsigned int rig_logged(const struct rig *rig, const char *text);

int rig_dial(const struct rig *rig); /* connected; -1 refused */
void rig_send(int fd, const char *text);
/* One answer off FD (keep-alive): by Content-Length. */
void rig_receive(int fd, struct rig_answer *ret_answer);
/* A whole POST to /webhook/TOKEN on FD, and on a connection of its own. */
void rig_post_on(int fd, const char *token, const char *body);
struct rig_answer rig_post(const struct rig *rig, const char *token, const char *body);
struct rig_answer rig_ask(const struct rig *rig, const char *request); /* raw text */

/* Waits for the next heartbeat; the caller frees it with pb__heartbeat__free_unpacked. */
Pb__Heartbeat *rig_heartbeat(const struct rig *rig);
double rig_metric(const Pb__Heartbeat *beat, const char *name, const char *labels);

/* After the stop: the Nth message (from 0) of "signal" or "alarm" in the journal; NULL: no more. */
Pb__Envelope *rig_journal(const struct rig *rig, const char *kind, size_t n);

#define rig_wait_until(condition)                                                                \
        do {                                                                                     \
                int64_t rig_deadline_ = bus_mono_us() + RIG_PATIENCE_US;                         \
                while (!(condition)) {                                                           \
                        cr_assert(bus_mono_us() < rig_deadline_, "waited in vain: " #condition); \
                        usleep(2000);                                                            \
                }                                                                                \
        } while (0)
