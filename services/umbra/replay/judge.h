#pragma once
/*
 * The journal, judged again: each signal is put before a plugin, and what it decides is held
 * against another plugin, or against what was decided live. No file, no socket: records come in,
 * lines go out.
 */
#include "services/compare/rules_config.h"
#include "services/compare/tally.h"
#include "services/strategy/host.h"
#include "services/umbra/replay/evidence.h"

struct replay {
        const struct compare_settings *settings;
        struct plugin *plugin, *against; /* against NULL: what was decided live */
        struct compare_sums sums;
        struct evidence *evidence; /* or NULL */
        uint64_t alerts, missing, critical, bad;
        int64_t first_us, last_us; /* receipt of the first and the last alert */
};

/* A record of the signal stream, or of the live decisions, unpacked from its envelope. */
struct replay_signal {
        Pb__Envelope *envelope;
        struct compare_alert alert;
        struct strategy_signal signal;
};
struct replay_decision {
        struct bus_pos position;
        struct compare_side side;
};

/* 0, the caller calls replay_signal_done; REPLAY_SKIP: a test alert; -EBADMSG. */
#define REPLAY_SKIP 1
BUS_MUST int replay_signal_read(struct bus_bytes packed, struct replay_signal *ret_signal);
void replay_signal_done(struct replay_signal *signal);
/* 0 or -EBADMSG. */
BUS_MUST int replay_decision_read(struct bus_bytes packed, struct replay_decision *ret_decision);

/* Compares one alert and appends its line to LINE. LIVE: what was decided live, NULL if nothing was;
 * not looked at where replay->against is given. */
void replay_judge(struct replay *replay, const struct replay_signal *signal,
        const struct compare_side *live, struct bus_buf *line);
/* Appends the summary's line. */
void replay_summary(const struct replay *replay, struct bus_buf *line);
void replay_done(struct replay *replay);
