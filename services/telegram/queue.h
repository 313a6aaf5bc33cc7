#pragma once
/*
 * What waits to be sent: in memory, in order of arrival; keeping it on the disk is the voice's
 * (voice.h). Pure.
 *
 * Which message goes next: alarms before fills before the rest, then the oldest. Where more than
 * TG_ALONE_MAX of a priority wait for one chat they go together, as one message: by kind, counted,
 * the first ones in a line each. Alarms and answers are joined, never summed up. What is older than
 * TG_FRESH_US is only counted, but for those. So a burst of any size leaves in a few messages, and each event is
 * told or counted exactly once.
 */
#include "libbus/base/bytes.h"

#define TG_KIND_SIZE    24
#define TG_ALONE_MAX    3
#define TG_LINES_A_KIND 8
#define TG_FRESH_US     (INT64_C(3600) * BUS_US_PER_SEC)
/* A chat that cannot be reached for days must not eat the memory: then the oldest of the rest go,
 * and are counted. */
#define TG_QUEUE_MAX 20000

enum tg_priority {
        TG_PRIORITY_ALARM,
        TG_PRIORITY_FILL,
        TG_PRIORITY_REST,
        TG_PRIORITIES,
};

struct tg_item {
        uint64_t number; /* grows with each item */
        int64_t chat_id;
        enum tg_priority priority;
        bool by_main;            /* asked of the main bot: answered by it */
        bool is_answer;          /* somebody has asked for it */
        char kind[TG_KIND_SIZE]; /* one word for people, counted in a digest: "rejection" */
        int64_t at_us;           /* wall clock: when it happened */
        char *html;              /* all of it; at most TG_MESSAGE_MAX_UNITS */
        char *line;              /* in one line of HTML, for a digest */
        char *buttons;           /* reply_markup as JSON, or NULL */
        char *picture;           /* what to draw, for whoever draws it; or NULL */
        /* One with buttons or a picture goes alone, as it is, however old. */
};

struct tg_queue {
        struct tg_item *items; /* in order of arrival */
        size_t count, capacity;
        uint64_t dropped; /* beyond TG_QUEUE_MAX */
};

void tg_queue_done(struct tg_queue *queue);
/* Takes over what ITEM owns. *RET_DROPPED: the number of an item that had to go, or 0. */
void tg_queue_add(struct tg_queue *queue, const struct tg_item *item, uint64_t *ret_dropped);

/* Items that go as one message. */
struct tg_batch {
        int64_t chat_id;
        enum tg_priority priority;
        bool by_main;
        uint64_t *numbers; /* ascending; tg_batch_done frees */
        size_t count;
        struct bus_buf html;
        char *buttons, *picture; /* copies, or NULL */
};
void tg_batch_done(struct tg_batch *batch);

/* Whether ITEM may go now. */
typedef bool (*tg_may_send_fn)(void *arg, const struct tg_item *item);
/* The item that goes next, of those for which MAY_SEND is true; NULL: none. Borrowed. */
const struct tg_item *tg_queue_first(
        const struct tg_queue *queue, tg_may_send_fn may_send, void *arg);
/* The next message, which begins with that item. False: none. The items stay in the queue
 * until tg_queue_remove. NOW_US: wall clock. */
bool tg_queue_next(const struct tg_queue *queue, tg_may_send_fn may_send, void *arg, int64_t now_us,
        struct tg_batch *ret_batch);
/* All of BATCH leave the queue. */
void tg_queue_remove(struct tg_queue *queue, const struct tg_batch *batch);
/* "3 s", "5 min", "2 h", for texts. */
void tg_add_span(struct bus_buf *buf, int64_t span_us);
