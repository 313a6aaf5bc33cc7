/* What came through a dump: counted, and hashed so that the order of the pieces does not matter. */
#include "libbus/store/dump.h"

#include "libbus/base/require.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define PARTS_MAX 12

struct store_sum_sink {
        struct store_sums *sums;
        const struct store_sink *next;
};

/* The parts of one piece; numbers are kept in NUMBERS. */
struct parts {
        struct bus_bytes items[PARTS_MAX];
        size_t count;
        uint64_t numbers[3 * PARTS_MAX];
        size_t number_count;
};

static void add_bytes(struct parts *parts, struct bus_bytes bytes)
{
        bus_require(parts->count < PARTS_MAX);
        parts->items[parts->count++] = bytes;
}

static void add_text(struct parts *parts, const char *text)
{
        add_bytes(parts, bus_bytes_str(text));
}

static void add_number(struct parts *parts, uint64_t number)
{
        uint64_t *kept = &parts->numbers[parts->number_count++];

        bus_require(parts->number_count <= BUS_COUNT(parts->numbers));
        *kept = htole64(number);
        add_bytes(parts, bus_bytes(kept, sizeof(*kept)));
}

static void add_pos(struct parts *parts, struct bus_pos pos)
{
        uint64_t *kept = &parts->numbers[parts->number_count];

        bus_require(parts->number_count + 3 <= BUS_COUNT(parts->numbers));
        parts->number_count += 3;
        kept[0] = htole64(pos.incarnation);
        kept[1] = htole64(pos.seq);
        kept[2] = htole64(pos.part);
        add_bytes(parts, bus_bytes(kept, 3 * sizeof(*kept)));
}

/* Exclusive or: each piece comes once, in whatever order. */
static void add(struct store_sum *sum, const struct parts *parts)
{
        uint8_t hash[BUS_SHA256_SIZE];

        bus_sha256_parts(parts->items, parts->count, hash);
        for (size_t i = 0; i < sizeof(hash); i++)
                sum->hash[i] ^= hash[i];
        sum->count++;
}

static int find(struct store_sums *sums, const char *name, size_t *ret_index)
{
        for (size_t i = 0; i < sums->stream_count; i++)
                if (!strcmp(sums->streams[i].name, name)) {
                        *ret_index = i;
                        return 0;
                }
        if (sums->stream_count == STORE_SUM_STREAMS_MAX ||
                strlen(name) >= sizeof(sums->streams[0].name))
                return -E2BIG;
        *ret_index = sums->stream_count++;
        snprintf(sums->streams[*ret_index].name, sizeof(sums->streams[0].name), "%s", name);
        return 0;
}

static int sum_stream(void *arg, const struct store_dump_stream *stream)
{
        struct store_sum_sink *summing = arg;
        struct parts parts = { 0 };
        size_t index;
        int r;

        r = find(summing->sums, stream->name, &index);
        if (r < 0)
                return r;
        add_number(&parts, stream->kind);
        add_number(&parts, stream->incarnation);
        add_pos(&parts, stream->first);
        add_pos(&parts, stream->last);
        add_pos(&parts, stream->before_first);
        add_number(&parts, (uint64_t)stream->top_us);
        add(&summing->sums->streams[index].stands, &parts);
        for (size_t i = 0; i < stream->fork_count; i++) {
                struct parts fork = { 0 };

                add_number(&fork, stream->forks[i].incarnation);
                add_pos(&fork, stream->forks[i].fork);
                add(&summing->sums->streams[index].stands, &fork);
        }
        return summing->next ? summing->next->stream(summing->next->arg, stream) : 0;
}

static int sum_record(void *arg, const struct store_dump_record *dumped)
{
        struct store_sum_sink *summing = arg;
        const struct store_record *record = &dumped->record;
        struct parts parts = { 0 };
        size_t index;
        int r;

        r = find(summing->sums, dumped->stream, &index);
        if (r < 0)
                return r;
        add_pos(&parts, record->position);
        add_pos(&parts, record->predecessor);
        add_text(&parts, record->topic);
        add_bytes(&parts, record->body);
        add_number(&parts, (uint64_t)record->at_us);
        add_number(&parts, (uint64_t)dumped->top_us);
        add(&summing->sums->streams[index].records, &parts);
        return summing->next ? summing->next->record(summing->next->arg, dumped) : 0;
}

static int sum_claim(void *arg, const struct store_dump_claim *claim)
{
        struct store_sum_sink *summing = arg;
        struct parts parts = { 0 };
        size_t index;
        int r;

        r = find(summing->sums, claim->stream, &index);
        if (r < 0)
                return r;
        add_bytes(&parts, claim->key);
        add_bytes(&parts, claim->value);
        add_number(&parts, (uint64_t)claim->expires_us);
        add_number(&parts, (uint64_t)claim->until_us);
        add_pos(&parts, claim->position);
        add(&summing->sums->streams[index].claims, &parts);
        return summing->next ? summing->next->claim(summing->next->arg, claim) : 0;
}

static int sum_state(void *arg, struct bus_bytes key, struct bus_bytes value)
{
        struct store_sum_sink *summing = arg;
        struct parts parts = { 0 };

        add_bytes(&parts, key);
        add_bytes(&parts, value);
        add(&summing->sums->state, &parts);
        return summing->next ? summing->next->state(summing->next->arg, key, value) : 0;
}

static int sum_cursor(void *arg, const char *stream, struct bus_pos position)
{
        struct store_sum_sink *summing = arg;
        struct parts parts = { 0 };

        add_text(&parts, stream);
        add_pos(&parts, position);
        add(&summing->sums->cursors, &parts);
        return summing->next ? summing->next->cursor(summing->next->arg, stream, position) : 0;
}

void store_sums_begin(struct store_sums *sums, const struct store_sink *next,
        struct store_sum_sink **ret_summing, struct store_sink *ret_sink)
{
        struct store_sum_sink *summing = bus_new(struct store_sum_sink);

        *sums = (struct store_sums){ 0 };
        *summing = (struct store_sum_sink){ sums, next };
        *ret_sink = (struct store_sink){ sum_stream, sum_record, sum_claim, sum_state, sum_cursor,
                summing };
        *ret_summing = summing;
}

struct store_sum_sink *store_sums_end(struct store_sum_sink *summing)
{
        free(summing);
        return NULL;
}

static bool differ(const struct store_sum *from, const struct store_sum *to, const char *what,
        const char *where, char *error, size_t error_size)
{
        if (from->count == to->count && !memcmp(from->hash, to->hash, sizeof(from->hash)))
                return false;
        snprintf(error, error_size, "%s%s%s: %" PRIu64 " of them, %" PRIu64 " arrived%s", where,
                *where ? " " : "", what, from->count, to->count,
                from->count == to->count ? ", with other contents" : "");
        return true;
}

int store_sums_compare(
        const struct store_sums *from, const struct store_sums *to, char *error, size_t error_size)
{
        if (from->stream_count != to->stream_count) {
                snprintf(error, error_size, "streams: %zu of them, %zu arrived", from->stream_count,
                        to->stream_count);
                return -EUCLEAN;
        }
        for (size_t i = 0; i < from->stream_count; i++) {
                const char *name = from->streams[i].name;
                size_t j = 0;

                while (j < to->stream_count && strcmp(to->streams[j].name, name))
                        j++;
                if (j == to->stream_count) {
                        snprintf(error, error_size, "%s did not arrive", name);
                        return -EUCLEAN;
                }
                if (differ(&from->streams[i].stands, &to->streams[j].stands, "forks and ends", name,
                            error, error_size) ||
                        differ(&from->streams[i].records, &to->streams[j].records, "records", name,
                                error, error_size) ||
                        differ(&from->streams[i].claims, &to->streams[j].claims, "claims", name,
                                error, error_size))
                        return -EUCLEAN;
        }
        if (differ(&from->state, &to->state, "keys of the state", "", error, error_size) ||
                differ(&from->cursors, &to->cursors, "cursors", "", error, error_size))
                return -EUCLEAN;
        return 0;
}
