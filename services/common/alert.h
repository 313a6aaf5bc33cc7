#pragma once
/*
 * One alert body: parsed, validated, every fault named (docs/v3.md, Alerts). Pure.
 *
 * A struct alert either has errors, and then nothing of it may be used but them, or it has none and
 * its v3 part keeps the promises of umbra/v3.h: every value in its range, prices rounded to the
 * symbol's digits, the symbol one of ours.
 */
#include "services/common/symbols.h"

/* The most a body may have: real ones have 200 to 600 bytes. */
#define ALERT_BODY_MAX_BYTES 16384
/* The object itself is depth 1. */
#define ALERT_DEPTH_MAX    4
#define ALERT_ID_MAX_BYTES 64
/* A placeholder or an unknown field's name is told up to here. */
#define ALERT_FIELD_SIZE 65
/* A body could name two thousand unknown fields; the answer and the signal need not. The rest of
 * the warnings is two a known field at most, and ingest's. */
#define ALERT_UNKNOWN_MAX  24
#define ALERT_WARNINGS_MAX 96

enum alert_code {
        ALERT_CODE_NONE,
        /* In the order of the checks. The first is the transport's, alert_parse never gives it. */
        ALERT_UNAUTHORIZED,
        ALERT_BODY_TOO_LARGE,
        ALERT_UNSUBSTITUTED_PLACEHOLDER,
        ALERT_INVALID_JSON,
        ALERT_MISSING_FIELD,
        ALERT_WRONG_TYPE,
        ALERT_OUT_OF_RANGE,
        ALERT_UNKNOWN_TYPE,
        ALERT_SIGNAL_TYPE_MISMATCH,
        ALERT_UNKNOWN_SYMBOL,
        ALERT_DIRECTION_MISMATCH,
        ALERT_STOPS_WRONG_SIDE,
        /* Ingest's: an id seen before with another body (an error, on an exit a warning). */
        ALERT_ID_REUSED,
        /* Warnings only. */
        ALERT_UNKNOWN_FIELD,
        ALERT_TIME_IGNORED, /* see alert_age.h */
        ALERT_TIME_IN_FUTURE,
        ALERT_CODE_COUNT,
};

/* "out_of_range"; static. */
const char *alert_code_name(enum alert_code code);

struct alert_fault {
        enum alert_code code;
        char field[ALERT_FIELD_SIZE]; /* "" where the fault is the whole body's */
        char message[128];            /* for people; valid UTF-8 without control characters */
};

struct alert_faults {
        struct alert_fault *items; /* owned */
        size_t count;
};

struct alert {
        struct v3_alert v3;
        struct alert_faults errors;   /* sorted by field, then by the code's word */
        struct alert_faults warnings; /* the same; at most ALERT_WARNINGS_MAX */
        bool has_id;                  /* present and valid */
        char id[ALERT_ID_MAX_BYTES + 1];
        bool has_time;        /* present and valid; whether it counts is alert_age's */
        int64_t time_us;      /* epoch, UTC */
        struct bus_bytes raw; /* the body as it came, owned */
};

/* *RET_ALERT holds errors: the alert is refused. */
#define ALERT_REFUSED 1

/*
 * Judges BODY. 0 (accepted, maybe with warnings) or ALERT_REFUSED; *RET_ALERT is set either way,
 * the caller frees. Nothing is kept of BODY or SYMBOLS. SYMBOLS must have passed symbols_check().
 */
BUS_MUST int alert_parse(
        struct bus_bytes body, const struct symbols *symbols, struct alert **ret_alert);
struct alert *alert_free(struct alert *alert); /* takes NULL, returns NULL */
BUS_DEFINE_CLEANUP(alert_freep, struct alert *, alert_free);

/* Adds one, keeping the order; texts are cut to what fits, and before anything that is not clean
 * UTF-8. alert_warn is for the warnings: it drops what is over ALERT_WARNINGS_MAX. */
void alert_faults_add(
        struct alert_faults *faults, enum alert_code code, const char *field, const char *message);
void alert_warn(struct alert *alert, enum alert_code code, const char *field, const char *message);

/* What the webhook answers to a refused alert: 413, 400 or 422, by the first of its codes. */
unsigned int alert_http_status(const struct alert *alert);

/* Adds [{"code":"...","field":"...","message":"..."}], the message only WITH_MESSAGE. */
void alert_faults_json(const struct alert_faults *faults, bool with_message, struct bus_buf *buf);
