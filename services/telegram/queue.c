#include "services/telegram/queue.h"

#include "libbus/base/require.h"
#include "services/telegram/markup.h"

/* Room for the headline of a kind, or for its last line, which says how many more there were. */
#define REST_UNITS 64

static void item_done(struct tg_item *item)
{
        free(item->html);
        free(item->line);
        free(item->buttons);
        free(item->picture);
}

void tg_queue_done(struct tg_queue *queue)
{
        for (size_t i = 0; i < queue->count; i++)
                item_done(&queue->items[i]);
        free(queue->items);
        *queue = (struct tg_queue){ 0 };
}

static void remove_at(struct tg_queue *queue, size_t at)
{
        item_done(&queue->items[at]);
        memmove(&queue->items[at], &queue->items[at + 1],
                (queue->count - at - 1) * sizeof(*queue->items));
        queue->count--;
}

/* The oldest of the least urgent. */
static size_t victim(const struct tg_queue *queue)
{
        size_t found = 0;

        for (size_t i = 1; i < queue->count; i++)
                if (queue->items[i].priority > queue->items[found].priority)
                        found = i;
        return found;
}

void tg_queue_add(struct tg_queue *queue, const struct tg_item *item, uint64_t *ret_dropped)
{
        *ret_dropped = 0;
        if (queue->count == TG_QUEUE_MAX) {
                size_t at = victim(queue);

                *ret_dropped = queue->items[at].number;
                remove_at(queue, at);
                queue->dropped++;
        }
        if (queue->count == queue->capacity) {
                queue->capacity = queue->capacity ? queue->capacity * 2 : 16;
                queue->items = bus_xrealloc(queue->items, queue->capacity * sizeof(*queue->items));
        }
        queue->items[queue->count++] = *item;
}

/* ---- choosing ---- */

const struct tg_item *tg_queue_first(
        const struct tg_queue *queue, tg_may_send_fn may_send, void *arg)
{
        const struct tg_item *best = NULL;

        for (size_t i = 0; i < queue->count; i++) {
                const struct tg_item *item = &queue->items[i];

                if ((!best || item->priority < best->priority) && may_send(arg, item))
                        best = item;
        }
        return best;
}

static bool goes_alone(const struct tg_item *item)
{
        return item->buttons || item->picture;
}

/* Never summed up. */
static bool is_whole(const struct tg_item *item)
{
        return item->priority == TG_PRIORITY_ALARM || item->is_answer;
}

static bool goes_with(const struct tg_item *item, const struct tg_item *first)
{
        return item->chat_id == first->chat_id && item->priority == first->priority &&
               item->by_main == first->by_main && is_whole(item) == is_whole(first) &&
               !goes_alone(item);
}

static bool is_stale(const struct tg_item *item, int64_t now_us)
{
        return !is_whole(item) && now_us - item->at_us > TG_FRESH_US;
}

static size_t count_mates(const struct tg_queue *queue, const struct tg_item *first)
{
        size_t count = 0;

        for (size_t i = 0; i < queue->count; i++)
                count += goes_with(&queue->items[i], first);
        return count;
}

/* ---- composing ---- */

void tg_add_span(struct bus_buf *buf, int64_t span_us)
{
        int64_t seconds = span_us / BUS_US_PER_SEC;

        if (seconds < 120)
                bus_buf_printf(buf, "%lld s", (long long)(seconds < 1 ? 1 : seconds));
        else if (seconds < 7200)
                bus_buf_printf(buf, "%lld min", (long long)(seconds / 60));
        else
                bus_buf_printf(buf, "%lld h", (long long)(seconds / 3600));
}

static void take(struct tg_batch *batch, const struct tg_item *item)
{
        batch->numbers[batch->count++] = item->number;
}

/* An empty line; some texts end with a line's end. */
static void add_break(struct bus_buf *html)
{
        if (html->size)
                bus_buf_add_str(html, html->data[html->size - 1] == '\n' ? "\n" : "\n\n");
}

/* The whole texts, as many as fit. */
static void join(const struct tg_queue *queue, const struct tg_item *first, struct tg_batch *batch)
{
        size_t units = 0;

        for (const struct tg_item *item = first; item < queue->items + queue->count; item++) {
                if (!goes_with(item, first))
                        continue;
                units += tg_units(item->html) + 2;
                if (batch->count && units > TG_MESSAGE_MAX_UNITS)
                        return;
                add_break(&batch->html);
                bus_buf_add_str(&batch->html, item->html);
                take(batch, item);
        }
}

struct digest {
        const struct tg_queue *queue;
        const struct tg_item *first;
        struct tg_batch *batch;
        size_t units;
        int64_t now_us;
};

static bool fits(const struct digest *digest, struct bus_buf *lines, struct bus_buf *line)
{
        return digest->units + tg_units(bus_buf_str(lines)) + tg_units(bus_buf_str(line)) +
                       2 * REST_UNITS <=
               TG_MESSAGE_MAX_UNITS;
}

static void add(struct digest *digest, struct bus_buf *text)
{
        digest->units += tg_units(bus_buf_str(text));
        bus_buf_add(&digest->batch->html, text->data, text->size);
        bus_buf_clear(text);
}

/* All of one kind; AT is the first of them. */
static void add_kind(struct digest *digest, const struct tg_item *at)
{
        const struct tg_item *end = digest->queue->items + digest->queue->count;
        BUS_AUTOBUF struct bus_buf head = BUS_BUF_INIT, lines = BUS_BUF_INIT, line = BUS_BUF_INIT;
        int64_t last_us = at->at_us;
        size_t count = 0, shown = 0;

        for (const struct tg_item *item = at; item < end; item++) {
                if (!goes_with(item, digest->first) || strcmp(item->kind, at->kind) != 0)
                        continue;
                take(digest->batch, item);
                last_us = item->at_us > last_us ? item->at_us : last_us;
                count++;
                if (is_stale(item, digest->now_us) || shown == TG_LINES_A_KIND)
                        continue;
                bus_buf_printf(&line, "\n• %s", item->line);
                if (fits(digest, &lines, &line)) {
                        bus_buf_add(&lines, line.data, line.size);
                        shown++;
                }
                bus_buf_clear(&line);
        }
        bus_buf_add_str(&head, digest->batch->html.size ? "\n\n<b>" : "<b>");
        tg_printf(&head, "%zu × %s</b> in ", count, at->kind);
        tg_add_span(&head, last_us - at->at_us);
        if (shown < count && shown)
                bus_buf_printf(&lines, "\n… and %zu more", count - shown);
        else if (!shown)
                bus_buf_add_str(&lines, ", not sent in time");
        add(digest, &head);
        add(digest, &lines);
}

static bool is_first_of_kind(const struct digest *digest, const struct tg_item *item)
{
        for (const struct tg_item *earlier = digest->queue->items; earlier < item; earlier++)
                if (goes_with(earlier, digest->first) && !strcmp(earlier->kind, item->kind))
                        return false;
        return true;
}

/* The kinds one after the other; those for which there is no room go with the next message. */
static void sum_up(const struct tg_queue *queue, const struct tg_item *first, int64_t now_us,
        struct tg_batch *batch)
{
        struct digest digest = { .queue = queue, .first = first, .batch = batch, .now_us = now_us };

        for (const struct tg_item *item = queue->items; item < queue->items + queue->count; item++)
                if (goes_with(item, first) && is_first_of_kind(&digest, item)) {
                        if (batch->count && digest.units + 3 * REST_UNITS > TG_MESSAGE_MAX_UNITS)
                                return;
                        add_kind(&digest, item);
                }
}

static int by_number(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

bool tg_queue_next(const struct tg_queue *queue, tg_may_send_fn may_send, void *arg, int64_t now_us,
        struct tg_batch *ret_batch)
{
        const struct tg_item *first = tg_queue_first(queue, may_send, arg);
        size_t mates;

        if (!first)
                return false;
        *ret_batch = (struct tg_batch){
                .chat_id = first->chat_id, .priority = first->priority, .by_main = first->by_main
        };
        mates = goes_alone(first) ? 1 : count_mates(queue, first);
        ret_batch->numbers = bus_new_n(uint64_t, mates);
        if (mates > TG_ALONE_MAX && is_whole(first)) {
                join(queue, first, ret_batch);
        } else if (mates > TG_ALONE_MAX || (is_stale(first, now_us) && !goes_alone(first))) {
                sum_up(queue, first, now_us, ret_batch);
        } else {
                bus_buf_add_str(&ret_batch->html, first->html);
                ret_batch->buttons = first->buttons ? bus_xstrdup(first->buttons) : NULL;
                ret_batch->picture = first->picture ? bus_xstrdup(first->picture) : NULL;
                take(ret_batch, first);
        }
        qsort(ret_batch->numbers, ret_batch->count, sizeof(uint64_t), by_number);
        return true;
}

void tg_batch_done(struct tg_batch *batch)
{
        free(batch->numbers);
        free(batch->buttons);
        free(batch->picture);
        bus_buf_done(&batch->html);
        *batch = (struct tg_batch){ 0 };
}

static bool holds(const struct tg_batch *batch, uint64_t number)
{
        return bsearch(&number, batch->numbers, batch->count, sizeof(number), by_number) != NULL;
}

void tg_queue_remove(struct tg_queue *queue, const struct tg_batch *batch)
{
        size_t kept = 0;

        for (size_t i = 0; i < queue->count; i++)
                if (holds(batch, queue->items[i].number))
                        item_done(&queue->items[i]);
                else
                        queue->items[kept++] = queue->items[i];
        queue->count = kept;
}
