#pragma once
/*
 * Sends alerts as TradingView does: some connections kept alive, three seconds of patience, and
 * what was answered 503 sent again five seconds later, three times at the most. Unlike TradingView
 * it also sends again what got no answer at all, so that in the end it knows of each alert what
 * became of it.
 */
#include "services/umbra/demo/traffic.h"

#include "libbus/base/ids.h"

enum fate {
        FATE_WAITING,
        FATE_ACCEPTED,  /* 200 accepted */
        FATE_DUPLICATE, /* 200 duplicate */
        FATE_REJECTED,  /* 4xx */
        FATE_UNKNOWN,   /* no answer that settles it, after all tries */
};

struct outcome {
        enum fate fate;
        char alert_id[BUS_ID_SIZE]; /* ACCEPTED, DUPLICATE */
        uint64_t seq;
        unsigned int tries;
        bool answer_lost; /* a try before the last one may have been taken, unheard */
        int64_t took_us;  /* the last try's */
        long status;
};

struct sender;

struct sender_counts {
        size_t sent, accepted, duplicates, rejected, unknown, resent;
        int64_t slowest_us; /* of the answers that came */
        size_t unanswered;  /* tries */
        long refused_by; /* status of the newest answer that settled nothing; 0: there was none */
        const char *why; /* the newest try without an answer failed; NULL: there was none */
};

/* URL: the webhook with its token. TRAFFIC is borrowed; shots go out by the clock from now on. */
struct sender *sender_new(const char *url, const struct traffic *traffic);
/* Over TLS: whom to believe, instead of those the machine believes. CA_FILE is copied. */
void sender_trust(struct sender *sender, const char *ca_file);
struct sender *sender_free(struct sender *sender); /* takes NULL, returns NULL */
/* Does what can be done, waiting at most TIMEOUT_MS. False once every shot has its fate. */
bool sender_turn(struct sender *sender, int timeout_ms);
const struct sender_counts *sender_counts(const struct sender *sender);
/* Of shot N. */
const struct outcome *sender_outcome(const struct sender *sender, size_t n);
