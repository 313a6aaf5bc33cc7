#pragma once
/* Inside of the book: what book.c and its codec share. */
#include "services/compare/book.h"

struct compare_open {
        struct compare_book *book;
        struct compare_alert alert; /* before has_signal: id and position only */
        bool has_signal;
        bool kept;                                               /* the store has a record of it */
        struct compare_side *live, *shadow[COMPARE_PLUGINS_MAX]; /* owned; NULL: not here yet */
        /* by plugin */
        unsigned int late; /* told as late, a side missing */
        unsigned int told; /* told for good */
};

struct compare_book {
        const struct compare_settings *settings;
        struct compare_book_events events;
        char plugins[COMPARE_PLUGINS_MAX][COMPARE_NAME_SIZE];
        size_t plugin_count;
        struct compare_open **list; /* owned, by position, from HEAD on */
        size_t head, count, capacity;
        struct bus_pos seen; /* newest signal */
        uint64_t given_up;
};

/* NULL if there is one already. */
struct compare_open *book_open_again(struct compare_book *book, struct bus_pos position);
/* OPEN is filled: takes up where it was left, or closes what the settings have made complete. */
void book_settle_again(struct compare_book *book, struct compare_open *open);
