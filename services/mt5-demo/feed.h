#pragma once
/*
 * Where prices come from: for each symbol a seeded random walk around its starting price, or the
 * rows of a CSV in their order. Pure: the same seed and the same calls give the same prices.
 */
#include "libbus/base/bytes.h"
#include "services/mt5-demo/types.h"

struct feed;

struct feed_options {
        uint64_t seed;
        int64_t step_ticks; /* most a price moves in one step, in ticks; 0: it stands still */
};

/* SPECS is borrowed. The caller frees. */
struct feed *feed_new(
        const struct symbol_spec *specs, size_t count, const struct feed_options *options);
struct feed *feed_free(struct feed *feed); /* takes NULL, returns NULL */
BUS_DEFINE_CLEANUP(feed_freep, struct feed *, feed_free);
#define FEED_AUTOFREE BUS_CLEANUP(feed_freep)

/*
 * Takes rows `time,symbol,bid,ask` (a first line that begins with "time" is a heading) in place of
 * the walk. Symbols are the broker's; rows of others are left out. Copied. -EINVAL, with *RET_LINE
 * the number of the line that is wrong, 0 if there is no row at all.
 */
BUS_MUST int feed_load_csv(struct feed *feed, struct bus_bytes text, size_t *ret_line);

/* Moves on: each walk by one step, or the CSV to its next time. Behind the CSV's end prices stand. */
void feed_step(struct feed *feed);
/* Puts a symbol's bid at BID, and its walk goes on from there. The spread stays. */
void feed_move(struct feed *feed, size_t symbol, int64_t bid_e8);
/* The next of a fixed sequence; STATE starts as the seed. */
uint64_t feed_random(uint64_t *state);
/* One for each spec; borrowed, changes with every step. */
const struct quote *feed_quotes(const struct feed *feed);
