#pragma once
/*
 * What became of one alert so far, in a few words: made by applying the alert's messages in any
 * order, any number of times. Pure.
 */
#include "libbus/base/bytes.h"
#include "libbus/base/ids.h"

#include "envelope.pb-c.h"

#include <jansson.h>

#define SUMMARY_WORD_SIZE 40

struct summary {
        char alert_id[BUS_ID_SIZE];
        bool test;
        bool unwritten; /* the projection's: not yet staged as it stands */
        /* of the signal */
        char source[SUMMARY_WORD_SIZE], type[SUMMARY_WORD_SIZE], signal_type[SUMMARY_WORD_SIZE];
        char symbol[SUMMARY_WORD_SIZE], direction[SUMMARY_WORD_SIZE];
        int64_t received_us;
        /* of the live decision */
        char plugin[SUMMARY_WORD_SIZE], verdict[SUMMARY_WORD_SIZE], reason[SUMMARY_WORD_SIZE];
        int64_t decided_us;
        bool is_decided, is_ordered;
        /* of the executor */
        int64_t submitted_us; /* the first of its orders was handed to the broker link */
        int64_t done_us;      /* all of its orders have ended */
        char outcome[SUMMARY_WORD_SIZE], outcome_reason[SUMMARY_WORD_SIZE];
        uint32_t fills;
};

/* KIND: the stream's ("trade"); MESSAGE: the body, validated. Others than the alert's are ignored. */
void summary_apply(struct summary *summary, const char *kind, const Pb__Envelope *envelope,
        const ProtobufCMessage *message);

/*
 * One word: accepted, decided, ordered, submitted; or how it ended: ignored, notified, rejected,
 * error, filled, partial, partly, refused, expired, test, not_executed, nothing_to_close,
 * quarantined, ...
 */
const char *summary_state(const struct summary *summary);
/* Nothing more is expected of it (a stop or target of its position may still be dealt). */
bool summary_is_final(const struct summary *summary);
/* Receipt to broker link, or to the decision where no order followed; < 0: not that far. */
int64_t summary_processing_us(const struct summary *summary);

json_t *summary_json(const struct summary *summary); /* the caller owns it */
/* Adds what summary_read needs to TEXT, as JSON. Under load it is written for every alert. */
void summary_write(const struct summary *summary, struct bus_buf *text);
/* The way back from summary_json or summary_write's text. -EBADMSG. */
BUS_MUST int summary_read(const json_t *json, struct summary *ret_summary);
