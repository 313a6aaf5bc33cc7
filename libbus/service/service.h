#pragma once
/*
 * The service runtime: everything the services have in common, so that a service is one struct,
 * one class table, and its handlers.
 *
 * A service reads durable streams (inputs), keeps state, and writes streams (outputs). Its
 * handlers stage what they want: state to put, messages to emit, and the runtime adds the cursors
 * of what was read. At the end of the loop's turn all of it is committed as one transaction; then
 * the staged messages are published and the after-commit callbacks run. Up to
 * BUS_BATCH_MAX messages share one commit. Messages of derived streams are published at once and
 * committed behind (docs/architecture.md, The bus). A process killed at any instant starts again
 * from its last commit and sees the same messages in the same order: crash recovery and start-up
 * are one path.
 *
 * What is staged must not depend on reading it back before the commit: a service keeps what it
 * works with in memory, loads it in start(), and writes it through. If a commit fails, the
 * runtime ends the process with an ERROR (it starts again from the store), unless the class says
 * survives_commit_failure: then its handlers see again what came since the last good commit, with
 * in memory what they made of it.
 *
 * One thread. No handler may block on anything but its own store.
 */
#include "libbus/base/bytes.h"
#include "libbus/bus/message.h"
#include "libbus/config/config.h"
#include "libbus/loop/loop.h"
#include "libbus/loop/metrics.h"
#include "libbus/store/store.h"
#include "libbus/wire/position.h"

#include "alarm.pb-c.h"
#include "envelope.pb-c.h"

/* Most messages that share one transaction: enough to amortise a sync, short enough to stay lively. */
#define BUS_BATCH_MAX 256

struct bus_service;

struct bus_input {
        const char *stream; /* kind: "signal" */
        const char *writer; /* service: "alert-ingest" */
        enum bus_start start;
        bus_handler handler;
        bool optional; /* the writer may not exist in this installation: not waited for, no lag alarm */
        /* Few, and waited for: handled before all that waits, whatever else that writer has said. */
        bool first;
};

/* A topic that is not journaled (tick., heartbeat.): no cursor, may be lost. The handler's message
 * has a topic and, as body, the packed message itself; no envelope, no position. */
struct bus_listen {
        const char *topic_prefix;
        const char *writer;
        bus_handler handler;
        bool first; /* as of an input */
};

struct bus_service_class {
        const char *name; /* "order-executor" */
        const char *const
                *outputs; /* kinds this executable may write, NULL-terminated: "trade", "account" */
        const struct bus_input *inputs;      /* ends with .stream == NULL */
        const struct bus_listen *listens;    /* ends with .topic_prefix == NULL; may be NULL */
        const struct config_option *options; /* its own sections; ends with .section == NULL */
        bool survives_commit_failure;
        /* Several of it may run at once where the store can be shared: whatever its handlers keep in
         * memory must then be of no use to the others, or be read anew. */
        bool replicated;
        bool answers_probes; /* /livez and /readyz, on an HTTP socket of its own */
        /* Not 0: no alert waits for it on its way to the broker. Where processors are few, those go
         * first, and of two in the background the one with the lower number, which is its nice value. */
        int background;
        /* It is on an alert's way to the broker: it runs before others where the system allows it. */
        bool goes_first;
        /* None of its readers is on an alert's way: what it publishes is encrypted and sent by a thread of
         * its own, behind other work. */
        bool publishes_behind;
        /* For a service that nobody waits for: a commit that syncs nothing and calls nobody back may be
         * put off for so long, so that several turns share it; what of it is not derived is published
         * then. What it reads meanwhile is handled and forgotten together if the process dies. 0: every
         * turn commits. */
        int64_t commit_delay_us;
        /* Messages taken in one turn of the loop; 0: BUS_BATCH_MAX. Fewer where others of the loop, as an
         * HTTP server, must not wait for so many, in a process that gets little of a processor. */
        int turn_max;
        /* Right before a commit: the last moment to stage what belongs into it; may be NULL. */
        void (*before_commit)(void *self);

        /* Makes the service's struct from its config. Reads no state, opens no socket. < 0 after one
         * ERROR line that names what is wrong with the config. */
        int (*create)(struct bus_service *service, void **ret_self);
        /* The store cannot be had yet: said once, before prepare and start; may be NULL. */
        void (*stand_by)(void *self);
        /* The store is open and no input has a place in its stream yet: the one moment to set cursors
         * back; may be NULL. < 0 after one ERROR line. */
        int (*prepare)(void *self);
        /* Loads state from the store, opens its sockets and timers. Inputs flow after it. */
        int (*start)(void *self);
        /* SIGTERM: stop taking work, finish what is in hand. Call bus_service_drained when done; the
         * runtime waits for it, at most [bus] drain_timeout. NULL: nothing to finish. */
        void (*drain)(void *self);
        void (*destroy)(void *self); /* takes NULL */
        /* Adds key=value facts to the heartbeat by bus_service_fact; may be NULL. */
        void (*report)(void *self);
};

/*
 * A service's main(): parses --config FILE, --set section.key=value, --check-config, --print-config,
 * --version, --help; loads the config, opens the store, runs. Returns the exit status: 0 after a
 * drain, 1 after a failure (one ERROR line says which), 2 for usage, BUS_EXIT_STAY_DOWN where it shall
 * not be started again.
 */
int bus_service_main(int argc, char **argv, const struct bus_service_class *class);

/* ---- what a service finds around itself ---- */
struct bus_loop *bus_service_loop(struct bus_service *service);
const struct config *bus_service_config(struct bus_service *service);
struct bus_metrics *bus_service_metrics(struct bus_service *service);
void *bus_service_zmq(struct bus_service *service); /* the ZeroMQ context */
const char *bus_service_name(const struct bus_service *service);
/* A folder of the service's own under the state folder; exists. */
const char *bus_service_folder(const struct bus_service *service);

/* ---- sockets of the service's own (the executor's link), with the service's key ---- */
/* Before the bind, from start() on: nobody but ADMITTED (bus_principals) gets past the handshake. */
void bus_service_guard(
        struct bus_service *service, void *socket, const char *domain, const char *admitted);
/* Behind it: the canary, with a socket of type PEER. < 0 after the service was failed: for good if
 * strangers get in. */
BUS_MUST int bus_service_prove(struct bus_service *service, void *socket, int peer);

/* ---- readiness ---- */
void bus_service_ready(struct bus_service *service); /* may be called again after degraded */
void bus_service_degraded(struct bus_service *service, const char *why); /* copied */
void bus_service_drained(struct bus_service *service);
/* One ERROR line, then the process ends behind the current handler, without a commit of what is
 * staged. Exit status 1: the supervisor starts it again. */
void bus_service_fail(struct bus_service *service, const char *event, const char *format, ...)
        BUS_PRINTF(3, 4);
/* The same with an exit status of its own: BUS_EXIT_STAY_DOWN is not started again. */
#define BUS_EXIT_STAY_DOWN 3
void bus_service_fail_with(struct bus_service *service, int status, const char *event,
        const char *format, ...) BUS_PRINTF(4, 5);
/* True once every non-optional input has reached its writer's end as told by a beacon, at least once. */
bool bus_service_caught_up(const struct bus_service *service);
/* The same of the inputs of one stream kind; also while another input is held back. */
bool bus_input_caught_up(const struct bus_service *service, const char *stream_kind);
/* The heartbeat now, not at its time: somebody waits for a fact that has changed. */
void bus_service_beat(struct bus_service *service);
/* Only within report(): one fact for the heartbeat. */
void bus_service_fact(struct bus_service *service, const char *key, const char *value);

/* ---- staging, within any handler, timer or callback ---- */

struct bus_out {
        const char *stream; /* kind, one of the class's outputs */
        const char *topic;
        const ProtobufCMessage *body; /* packed at once */
        /* The message this one follows from: its alert id, test mark, stamps and origin are taken over. */
        const struct bus_message *cause;
        const char *alert_id;   /* where there is no cause, or another one; NULL: the cause's */
        const char *message_id; /* NULL: fresh; for a derived stream: derived from the position */
        bool test;              /* or'ed with the cause's */
        uint32_t part;          /* derived streams: which of several messages of one signal */
        /* Stamps added to the cause's; as many as are not zero. */
        struct {
                Pb__Step step;
                int64_t at_us;
        } stamps[4];
};

/* Stages a message. Derived streams need a cause in a journaled stream and are sent at once.
 * bus_require: the stream is in the class's outputs, the topic has the stream's prefix. */
void bus_emit(struct bus_service *service, const struct bus_out *out);

struct bus_claim {
        struct bus_bytes key, value; /* copied */
        int64_t expires_us;          /* 0: as long as the stream is kept */
};
struct bus_committed {
        int result; /* 0, or -errno: nothing of the turn's batch happened */
        bool duplicate;
        struct bus_pos position;
        struct bus_bytes
                claim_value; /* for a duplicate: the first one's; borrowed during the call */
};
typedef void (*bus_committed_fn)(void *self, void *arg, const struct bus_committed *committed);
/* Like bus_emit, if CLAIM is free; FN tells the outcome after the commit (in the order staged). */
void bus_emit_claimed(struct bus_service *service, const struct bus_out *out,
        const struct bus_claim *claim, bus_committed_fn fn, void *arg);

/* State. DURABLE: the turn's commit syncs (as any message of a FULL stream makes it). */
void bus_put(struct bus_service *service, const char *key, struct bus_bytes value, bool durable);
void bus_delete(struct bus_service *service, const char *key);
/* What was committed. BUF is appended to. 0, STORE_ABSENT, -errno. */
BUS_MUST int bus_get(struct bus_service *service, const char *key, struct bus_buf *ret_value);
BUS_MUST int bus_scan(
        struct bus_service *service, const char *prefix, store_state_fn fn, void *arg);
/* An online backup of the service's store as state_dir/backup/SERVICE/NAME.db; the runtime answers
 * the backup command by itself, this is for health. Blocks. */
BUS_MUST int bus_service_backup(
        struct bus_service *service, const char *name, char *error, size_t error_size);
struct store *bus_service_store(struct bus_service *service); /* NULL while it is being reopened */

/* FN after the turn's commit: 0 or -errno. In the order of the calls, behind the publishing. */
typedef void (*bus_after_fn)(void *self, void *arg, int result);
void bus_after_commit(struct bus_service *service, bus_after_fn fn, void *arg);
/* The same, but before what was committed is published: for what somebody outside waits for, as the
 * broker for its order. */
void bus_after_commit_first(struct bus_service *service, bus_after_fn fn, void *arg);
/* Whether anything waits for the next commit already. */
bool bus_has_staged(const struct bus_service *service);
/* Nobody waits for the commit of what is staged so far: it goes with what is staged next, or 2 ms later. */
void bus_commit_later(struct bus_service *service);
/* Commits what is staged now instead of at the end of the turn. The cursor of the message being
 * handled goes with it: the last thing a handler does. Not from a callback. */
void bus_commit_now(struct bus_service *service);

/* Holds an input back (strategy-v3 between two switches), or lets it go on. Messages wait, none is lost. */
void bus_input_hold(struct bus_service *service, const char *stream_kind, bool hold);
/* The position of the last message of an input that was handled (maybe not yet committed). */
struct bus_pos bus_input_position(
        struct bus_service *service, const char *stream_kind, const char *writer);

/* Whether the process has died of its own fault while it handled a message of this stream that is not
 * handled yet, and of which. At the second death the runtime sets it aside. */
bool bus_crashed_on(struct bus_service *service, const char *stream_kind, const char *writer,
        struct bus_pos *ret_position);

/* Publishes at once on a topic that is not journaled (tick.). */
void bus_publish(struct bus_service *service, const char *topic, const ProtobufCMessage *body);

/* Raises or ends an alarm (code, subject): a message of stream "alarm", only when it changes. What
 * is raised is kept over restarts. */
void bus_alarm(struct bus_service *service, const char *code, const char *subject,
        Pb__Severity severity, const char *format, ...) BUS_PRINTF(5, 6);
void bus_alarm_end(struct bus_service *service, const char *code, const char *subject);
