#pragma once
/* The runtime's inside, shared by the files of this folder. */
#include "libbus/bus/reader.h"
#include "libbus/bus/writer.h"
#include "libbus/service/crash_slot.h"
#include "libbus/service/probe.h"
#include "libbus/service/service.h"

#include "heartbeat.pb-c.h"

/* Inputs of one service: health reads every stream of every service. */
#define INPUTS_MAX  48
#define PEERS_MAX   12
#define OUTPUTS_MAX 8

struct input {
        struct bus_service *service;
        const struct bus_input *spec;
        struct bus_reader *reader;
        bool dirty;          /* the cursor moved since the last commit */
        struct bus_pos from; /* dirty: where it stood before */
        bool kept;           /* the store knows where it stands, or it is the beginning anyway */
};

struct peer_slot {
        const char *writer;
        struct bus_peer *peer;
};

/* A message staged for the next commit. */
struct staged {
        size_t index; /* in the batch, which holds topic and envelope */
        struct bus_writer_stream *stream;
        bool published; /* derived: it went out already, or goes by the journal */
        bus_committed_fn fn;
        void *arg;
};

struct after {
        bus_after_fn fn;
        void *arg;
};

struct after_list {
        struct after *items;
        size_t count, capacity;
};

/* What one commit carries. */
struct turn {
        struct store_batch *batch;
        struct staged *staged;
        size_t staged_count, staged_capacity;
        struct after_list firsts, afters; /* before the publishing, and behind it */
        bool sync;
        bool awaited;        /* somebody waits for the commit: a callback */
        int64_t due_us;      /* where it may wait: until when; 0: nothing was staged yet */
        size_t taken;        /* messages handled in it */
        size_t taken_before; /* ... when the loop last went around */
        int64_t calm_us;     /* with no further message, what it came with is through by then */
        int64_t wake_us;     /* when its commit is looked at again; 0: no time yet */
        int64_t linger_us;   /* until then it waits for more, as long as there is no more; 0: not */
        size_t lingering;    /* how much was staged when that was said */
        int64_t gather_us;   /* since when others are waited for; 0: not yet */
        size_t gathered;     /* what was staged at the end of the loop's turn before */
};

struct active_alarm {
        struct active_alarm *next;
        char *code, *subject, *text;
        Pb__Severity severity;
};

struct bus_service {
        const struct bus_service_class *class;
        void *self;
        struct config *config;
        char *folder;
        struct bus_loop *loop;
        void *zmq;
        struct store *store;
        struct bus_metrics *metrics;
        struct bus_keys *keys;
        struct bus_zap *zap;
        struct bus_writer *writer;
        struct probe_server *probe; /* NULL: nobody asks */
        const char *outputs[OUTPUTS_MAX + 1];

        struct peer_slot peers[PEERS_MAX];
        size_t peer_count;
        struct input inputs[INPUTS_MAX];
        size_t input_count;
        struct bus_input implicit_inputs[2];
        int budget; /* messages that may still be taken in this turn */
        bool late;  /* what it took in this turn of the loop was old already */
        struct crash_slot *slot;
        int singly; /* messages still to be committed one by one, after an unclean start ... */
        int64_t singly_until_us; /* ... no longer than this; 0: not begun */

        struct turn turn, previous;    /* previous: while its callbacks run */
        struct bus_buf body, envelope; /* of the message that is being staged */
        bool committing;
        bool lost_commit; /* what inputs brought was in one that failed */

        struct active_alarm *alarms;
        unsigned int alarm_periods; /* of the lease, since other replicas' alarms were looked at */
        int64_t started_us;
        Pb__ServiceState state;
        char *why;
        bool failed, draining;
        bool standing_by; /* not started: waits for the store */
        int exit_status;
        struct bus_source *reopen_timer, *drain_timer, *commit_timer, *heartbeat_timer,
                *lease_timer;
        struct bus_source *settle_timer;
        int64_t synced_us;     /* the last commit with a sync was over then */
        int64_t settle_due_us; /* when nobody is to wait for what the store still has to do */
        unsigned int beats;    /* heartbeats sent so far */

        struct bus_buf facts; /* NUL-separated, of the heartbeat being made */
        size_t fact_count;
        uint64_t memory_bytes;
        int64_t memory_read_us;
        double handled_at_beat, handled_at_trim; /* messages in and out then */
        unsigned int calm_beats;                 /* in a row */
        struct bus_metric *commits, *messages_in, *messages_out, *quarantined, *refused;
        struct bus_metric *commit_seconds, *syncs;
        uint64_t syncs_seen; /* of the store as it is open now */
};

static inline int service_turn_max(const struct bus_service *service)
{
        return service->class->turn_max ? service->class->turn_max : BUS_BATCH_MAX;
}

/* A message is through all services sooner than that, though a disk be slow: who has nothing to commit for
 * so long is idle. */
#define SERVICE_SETTLE_PAUSE_US (20 * BUS_US_PER_MS)

/* staging.c */
/* Whether there is anything to commit. */
bool turn_has_work(const struct turn *turn);
/* Of what somebody could wait for: messages and callbacks. */
size_t turn_staged(const struct turn *turn);
/* Whether a cursor moved since the last commit. */
bool service_any_dirty(const struct bus_service *service);
void turn_init(struct turn *turn);
void turn_done(struct turn *turn);
/* Those that the store has made since this was called last. */
void service_count_syncs(struct bus_service *service);
/* Gives back the room that large turns took. */
void service_turns_rest(struct bus_service *service);

/* turn_end.c */
/* What the loop does behind each of its turns; SERVICE is a struct bus_service. */
void service_turn_end(void *service);

/* store.c */
BUS_MUST int service_store_open(struct bus_service *service, char *error, size_t error_size);
/* The same, as long as it takes another process to let go of it, and Redis to be there. -ECANCELED: a
 * signal ended the wait. */
BUS_MUST int service_store_wait(struct bus_service *service, char *error, size_t error_size);
void service_store_hold(
        struct bus_service *service); /* from now on: the lease, and what it tells */
void service_store_accept(
        struct bus_service *service); /* somebody knows that it has lost something */
/* False once another process may have taken it. */
bool service_store_is_ours(const struct bus_service *service);
void service_store_lost(struct bus_service *service, int result);

/* door.c */
/* Before the first bind: a socket without a doorkeeper admits everybody. -ENOKEY. */
BUS_MUST int service_door_open(struct bus_service *service, char *error, size_t error_size);

/* probing.c */
/* Under the store's lock: a second process is told of that, not of a port that is taken. */
BUS_MUST int service_probe_open(struct bus_service *service, char *error, size_t error_size);

/* inputs.c */
BUS_MUST int service_inputs_open(struct bus_service *service, char *error, size_t error_size);
void service_inputs_close(struct bus_service *service);

/* heartbeat.c */
void service_heartbeat(void *service);
/* Behind a burst, once it is calm; to be called once a second. */
void service_give_back_memory(struct bus_service *service);

/* alarms.c */
BUS_MUST int service_alarms_load(struct bus_service *service);
void service_alarms_free(struct bus_service *service);
/* Once a period of the lease: what other replicas raise and end is brought together with our own. */
void service_alarms_keep(struct bus_service *service);

/* Ends the alarms of what has happened and is over: somebody has looked. */
void service_alarms_seen(struct bus_service *service);
/* Says that MESSAGE was set aside, in its alert's name. */
void service_alarm_quarantined(struct bus_service *service, const struct bus_message *message,
        const char *subject, const char *why);

/* control.c */
/* Takes the commands every service obeys; true if MESSAGE was one of them. */
bool service_control(struct bus_service *service, const struct bus_message *message);
