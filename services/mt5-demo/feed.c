/*
 * Keeps: every quote is on its symbol's tick, above 0, and its ask is not under its bid. A walk
 * stays within 1/BAND_PARTS of where it was put, so that a rehearsal does not drift away from the
 * prices its alerts carry.
 */
#include "services/mt5-demo/feed.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"

#include <errno.h>

enum {
        BAND_PARTS = 1000,  /* 0.1 % to each side: well inside the executor's price gap */
        ROWS_MAX = 5000000, /* at 40 bytes each: a week of ticks of ten symbols */
        CSV_FIELDS = 4,
};

struct walk {
        uint64_t random;
        int64_t anchor_ticks; /* the middle of its band */
};

struct row {
        struct bus_bytes time; /* into the copied text */
        size_t symbol;
        struct quote quote;
};

struct feed {
        const struct symbol_spec *specs;
        size_t count;
        struct feed_options options;
        struct quote *quotes;
        struct walk *walks;
        struct bus_buf text;
        struct row *rows;
        size_t row_count, row_capacity, next_row;
};

/* splitmix64: a fixed sequence for a seed, which is all that is asked of it. */
uint64_t feed_random(uint64_t *state)
{
        uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

static void put_bid(struct feed *feed, size_t symbol, int64_t bid_e8)
{
        feed->quotes[symbol].bid_e8 = bid_e8;
        feed->quotes[symbol].ask_e8 = bid_e8 + feed->specs[symbol].spread_e8;
}

void feed_move(struct feed *feed, size_t symbol, int64_t bid_e8)
{
        const struct symbol_spec *spec = &feed->specs[symbol];
        int64_t bid = bid_e8 - bid_e8 % spec->tick_size_e8;

        if (bid <= 0)
                bid = spec->tick_size_e8;
        put_bid(feed, symbol, bid);
        feed->walks[symbol].anchor_ticks = bid / spec->tick_size_e8;
}

struct feed *feed_new(
        const struct symbol_spec *specs, size_t count, const struct feed_options *options)
{
        struct feed *feed = bus_new(struct feed);

        feed->specs = specs;
        feed->count = count;
        feed->options = *options;
        feed->quotes = bus_new_n(struct quote, count);
        feed->walks = bus_new_n(struct walk, count);
        for (size_t i = 0; i < count; i++) {
                /* each its own sequence, whatever other symbols there are */
                feed->walks[i].random = options->seed;
                for (const char *c = specs[i].name; *c; c++)
                        feed->walks[i].random = feed->walks[i].random * 31 + (uint8_t)*c;
                feed_move(feed, i, specs[i].start_bid_e8);
        }
        return feed;
}

struct feed *feed_free(struct feed *feed)
{
        if (!feed)
                return NULL;
        bus_buf_done(&feed->text);
        free(feed->rows);
        free(feed->walks);
        free(feed->quotes);
        free(feed);
        return NULL;
}

const struct quote *feed_quotes(const struct feed *feed)
{
        return feed->quotes;
}

static void step_walk(struct feed *feed, size_t symbol)
{
        struct walk *walk = &feed->walks[symbol];
        int64_t tick = feed->specs[symbol].tick_size_e8;
        int64_t band = walk->anchor_ticks / BAND_PARTS;
        int64_t width = 2 * feed->options.step_ticks + 1;
        int64_t at = feed->quotes[symbol].bid_e8 / tick;

        at += (int64_t)(feed_random(&walk->random) % (uint64_t)width) - feed->options.step_ticks;
        if (at > walk->anchor_ticks + band)
                at = walk->anchor_ticks + band;
        if (at < walk->anchor_ticks - band)
                at = walk->anchor_ticks - band;
        put_bid(feed, symbol, (at > 0 ? at : 1) * tick);
}

static void step_rows(struct feed *feed)
{
        const struct row *first = &feed->rows[feed->next_row];

        while (feed->next_row < feed->row_count) {
                const struct row *row = &feed->rows[feed->next_row];

                if (!bus_bytes_equal(row->time, first->time))
                        return;
                feed->quotes[row->symbol] = row->quote;
                feed->next_row++;
        }
}

void feed_step(struct feed *feed)
{
        if (feed->row_count) {
                step_rows(feed);
                return;
        }
        for (size_t i = 0; i < feed->count; i++)
                step_walk(feed, i);
}

/* ---- CSV ---- */

static struct bus_bytes cut(struct bus_bytes *rest, char at)
{
        const uint8_t *end = memchr(rest->data, at, rest->size);
        size_t size = end ? (size_t)(end - rest->data) : rest->size;
        struct bus_bytes part = bus_bytes(rest->data, size);
        size_t skip = end ? size + 1 : size;

        *rest = bus_bytes(rest->data + skip, rest->size - skip);
        return part;
}

static int find_symbol(const struct feed *feed, struct bus_bytes name)
{
        for (size_t i = 0; i < feed->count; i++)
                if (bus_bytes_equal(name, bus_bytes_str(feed->specs[i].name)))
                        return (int)i;
        return -1;
}

static int read_price(struct bus_bytes text, const struct symbol_spec *spec, int64_t *ret_price)
{
        int64_t price;
        int r;

        r = e8_parse((const char *)text.data, text.size, &price);
        if (r < 0 || price <= 0 || price > BROKER_PRICE_MAX_E8 || price % spec->tick_size_e8)
                return -EINVAL;
        *ret_price = price;
        return 0;
}

static int read_row(struct feed *feed, struct bus_bytes line)
{
        struct bus_bytes part[CSV_FIELDS], rest = line;
        struct row row;
        int symbol;

        for (int i = 0; i < CSV_FIELDS; i++)
                part[i] = cut(&rest, ',');
        if (rest.size || !part[0].size || !part[3].size)
                return -EINVAL;
        symbol = find_symbol(feed, part[1]);
        if (symbol < 0)
                return 0;
        row = (struct row){ .time = part[0], .symbol = (size_t)symbol };
        if (read_price(part[2], &feed->specs[symbol], &row.quote.bid_e8) < 0 ||
                read_price(part[3], &feed->specs[symbol], &row.quote.ask_e8) < 0 ||
                row.quote.ask_e8 < row.quote.bid_e8 || feed->row_count >= ROWS_MAX)
                return -EINVAL;
        if (feed->row_count == feed->row_capacity) {
                feed->row_capacity = feed->row_capacity ? feed->row_capacity * 2 : 1024;
                feed->rows = bus_xrealloc(feed->rows, feed->row_capacity * sizeof(*feed->rows));
        }
        feed->rows[feed->row_count++] = row;
        return 0;
}

int feed_load_csv(struct feed *feed, struct bus_bytes text, size_t *ret_line)
{
        struct bus_bytes rest, line;

        bus_buf_add(&feed->text, text.data, text.size);
        rest = bus_buf_bytes(&feed->text);
        for (size_t n = 1; rest.size; n++) {
                line = cut(&rest, '\n');
                if (line.size && line.data[line.size - 1] == '\r')
                        line.size--;
                if (!line.size || (n == 1 && line.size > 4 && !memcmp(line.data, "time", 4)))
                        continue;
                if (read_row(feed, line) < 0) {
                        *ret_line = n;
                        return -EINVAL;
                }
        }
        *ret_line = 0;
        if (!feed->row_count)
                return -EINVAL;
        step_rows(feed);
        return 0;
}
