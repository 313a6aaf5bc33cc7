#pragma once
/*
 * The book of open alerts: which have pairs that are not told yet, and what is known of each.
 *
 * Signals and decisions come by three streams, in any order between the streams. A pair (alert,
 * plugin of the shadow) is told when its alert and both decisions are known, or as late when one
 * side stays out beyond the deadline; a side that comes after all makes it be told a second time,
 * as revised, and for good. An alert is closed when all its pairs are told for good.
 *
 * Signals come in the order of their positions, so an alert that is not above the newest signal
 * seen and not in the book is closed: whatever is said of it again, by a writer that derives or
 * replays, counts nothing. That is how no pair is told twice without a list of all there ever were.
 * Pure but for memory: time is an argument, keeping and telling are the caller's.
 */
#include "services/compare/pair.h"

enum {
        COMPARE_PLUGINS_MAX = 8, /* in the shadow */
        /* Beyond it the oldest is given up: its missing sides stay missing. A day's alerts, twice. */
        COMPARE_OPEN_MAX = 65536,
};

struct compare_book;
struct compare_open; /* one open alert */

struct compare_book_events {
        void *arg;
        /* A pair is to be told; borrowed during the call. */
        void (*tell)(void *arg, const struct compare_pair *pair);
        /* The alert at POSITION is closed. KEPT: it was handed out by compare_open_pack before. */
        void (*close)(void *arg, struct bus_pos position, bool kept);
};

/* PLUGINS: those of the shadow that every alert is expected of; at most COMPARE_PLUGINS_MAX. */
struct compare_book *compare_book_new(const struct compare_settings *settings,
        const char *const *plugins, size_t plugin_count, const struct compare_book_events *events);
struct compare_book *compare_book_free(struct compare_book *book); /* takes NULL, returns NULL */

/* After a restart: SEEN is the newest signal's position, then each open alert as it was kept. */
void compare_book_seen(struct compare_book *book, struct bus_pos seen);
BUS_MUST int compare_book_restore(
        struct compare_book *book, struct bus_pos position, struct bus_bytes kept);

/*
 * What came in. Each returns the alert if it is still open, to be kept (compare_open_pack), or NULL
 * if there is nothing to keep. A decision of a plugin that is not expected is passed over.
 */
struct compare_open *compare_book_signal(
        struct compare_book *book, const struct compare_alert *alert);
struct compare_open *compare_book_live(struct compare_book *book, struct bus_pos position,
        const char *alert_id, const struct compare_side *side);
struct compare_open *compare_book_shadow(struct compare_book *book, struct bus_pos position,
        const char *alert_id, const struct compare_side *side);
/* The signal at POSITION makes no pair (a test alert): seen, not open. */
void compare_book_pass(struct compare_book *book, struct bus_pos position);

/* What of an open alert is to be kept, for compare_book_restore. Marks it as kept. */
void compare_open_pack(struct compare_open *open, struct bus_buf *buf);
struct bus_pos compare_open_position(const struct compare_open *open);

/*
 * Tells what is overdue at NOW_US. A side is only waited for no longer if its stream is heard:
 * LIVE_HEARD, SHADOW_HEARD say that what is not here yet is really not there. KEEP gets each alert
 * that changed.
 */
void compare_book_overdue(struct compare_book *book, int64_t now_us, bool live_heard,
        bool shadow_heard, void (*keep)(void *arg, struct compare_open *open), void *arg);

size_t compare_book_count(const struct compare_book *book); /* open alerts */
uint64_t compare_book_given_up(const struct compare_book *book);
