#pragma once
/*
 * Three streams of one story, read side by side: while one is far behind, those ahead of it are
 * held, so that what waits for its other half stays little. Pure.
 */
#include "libbus/wire/position.h"

enum { BALANCE_STREAMS = 3 };

struct balance_stream {
        struct bus_pos at; /* of the signals: how far it is read */
        int64_t moved_us;  /* when AT last changed; monotonic */
};

struct balance {
        struct balance_stream streams[BALANCE_STREAMS];
        bool held[BALANCE_STREAMS];
};

/* How many open alerts are too many while a stream catches up, and when it is few again. */
enum {
        BALANCE_HIGH = 16384,
        BALANCE_LOW = 4096,
};
/* A stream that stands still so long is not waited for: its writer may be away, or have no more to
 * say. One that is just being started, with a journal to read, is still waited for. */
#define BALANCE_PATIENCE_US (30 * BUS_US_PER_SEC)

/* Notes how far STREAM is; AT may be anywhere within the signal's parts. */
void balance_at(struct balance *balance, int stream, struct bus_pos at, int64_t now_us);
/* Sets held[] for OPEN alerts. True if any of it changed. */
bool balance_judge(struct balance *balance, size_t open, int64_t now_us);
