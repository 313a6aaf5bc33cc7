/*
 * Invariant: an open alert has a pair that is not told for good; it is told for good when its
 * alert and both its decisions are known, in the very call that made the last of them known.
 */
#include "services/compare/book_internal.h"

#include "libbus/base/require.h"

#include <stdio.h>
#include <string.h>

struct compare_book *compare_book_new(const struct compare_settings *settings,
        const char *const *plugins, size_t plugin_count, const struct compare_book_events *events)
{
        struct compare_book *book = bus_new(struct compare_book);

        bus_require(plugin_count && plugin_count <= COMPARE_PLUGINS_MAX);
        book->settings = settings;
        book->events = *events;
        book->plugin_count = plugin_count;
        for (size_t i = 0; i < plugin_count; i++)
                snprintf(book->plugins[i], sizeof(book->plugins[i]), "%s", plugins[i]);
        return book;
}

static void open_free(struct compare_open *open)
{
        free(open->live);
        for (size_t i = 0; i < COMPARE_PLUGINS_MAX; i++)
                free(open->shadow[i]);
        free(open);
}

struct compare_book *compare_book_free(struct compare_book *book)
{
        if (!book)
                return NULL;
        for (size_t i = 0; i < book->count; i++)
                open_free(book->list[book->head + i]);
        free(book->list);
        free(book);
        return NULL;
}

void compare_book_seen(struct compare_book *book, struct bus_pos seen)
{
        if (bus_pos_compare(seen, book->seen) > 0)
                book->seen = seen;
}

size_t compare_book_count(const struct compare_book *book)
{
        return book->count;
}

uint64_t compare_book_given_up(const struct compare_book *book)
{
        return book->given_up;
}

struct bus_pos compare_open_position(const struct compare_open *open)
{
        return open->alert.position;
}

/* ---- the list, by position ---- */

/* Index from HEAD of the first that is not before POSITION. */
static size_t place_of(const struct compare_book *book, struct bus_pos position)
{
        size_t low = 0, high = book->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const struct compare_open *open = book->list[book->head + middle];

                if (bus_pos_compare(open->alert.position, position) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static struct compare_open *find(struct compare_book *book, struct bus_pos position)
{
        size_t place = place_of(book, position);
        struct compare_open *open = place < book->count ? book->list[book->head + place] : NULL;

        return open && bus_pos_equal(open->alert.position, position) ? open : NULL;
}

static void make_room(struct compare_book *book)
{
        if (book->head + book->count < book->capacity)
                return;
        if (book->head >= book->capacity / 2 && book->head) {
                memmove(book->list, book->list + book->head, book->count * sizeof(*book->list));
                book->head = 0;
                return;
        }
        book->capacity = book->capacity ? book->capacity * 2 : 64;
        book->list = bus_xrealloc(book->list, book->capacity * sizeof(*book->list));
}

static struct compare_open *insert(struct compare_book *book, struct bus_pos position)
{
        struct compare_open *open = bus_new(struct compare_open);
        struct compare_open **at;
        size_t place = place_of(book, position);

        make_room(book);
        at = &book->list[book->head + place];
        memmove(at + 1, at, (book->count - place) * sizeof(*at));
        *at = open;
        book->count++;
        open->book = book;
        open->alert.position = position;
        return open;
}

static void drop(struct compare_book *book, struct compare_open *open)
{
        size_t place = place_of(book, open->alert.position);
        struct compare_open **at = &book->list[book->head + place];

        bus_require(place < book->count && *at == open);
        if (place)
                memmove(at, at + 1, (book->count - place - 1) * sizeof(*at));
        else
                book->head++;
        book->count--;
        book->events.close(book->events.arg, open->alert.position, open->kept);
        open_free(open);
}

/* ---- telling ---- */

static void tell(struct compare_book *book, const struct compare_open *open, size_t plugin,
        const struct compare_side *live, const struct compare_side *shadow)
{
        const struct compare_pair pair = {
                .alert = &open->alert,
                .plugin = book->plugins[plugin],
                .live = live,
                .shadow = shadow,
                .revises = live && shadow && (open->late & 1u << plugin),
                .source = PB__COMPARISON_SOURCE__COMPARISON_SOURCE_LIVE,
        };

        book->events.tell(book->events.arg, &pair);
}

static bool is_overdue(
        const struct compare_book *book, const struct compare_side *side, int64_t now_us)
{
        return now_us - side->decided_us > book->settings->deadline_us;
}

/* Nobody was active, so no plugin decided on that side and none ever will. */
static bool has_nobody(const struct compare_open *open)
{
        return open->live && !*open->live->plugin;
}

static bool is_told(const struct compare_open *open, size_t plugin)
{
        return open->told & 1u << plugin;
}

static void tell_for_good(struct compare_book *book, struct compare_open *open, size_t plugin)
{
        if (!has_nobody(open))
                tell(book, open, plugin, open->live, open->shadow[plugin]);
        else if (!(open->late & 1u << plugin))
                tell(book, open, plugin, NULL, open->shadow[plugin]);
        open->told |= 1u << plugin;
}

/* Tells what can be told for good. The alert if it is open still. */
static struct compare_open *settle(struct compare_book *book, struct compare_open *open)
{
        const unsigned int all = (1u << book->plugin_count) - 1;

        if (!open->has_signal)
                return open;
        for (size_t i = 0; i < book->plugin_count && open->live; i++)
                if (!is_told(open, i) && open->shadow[i])
                        tell_for_good(book, open, i);
        if (open->told != all)
                return open;
        drop(book, open);
        return NULL;
}

/* One side is there, is heard to be alone, and has waited long enough. */
static bool tell_late(struct compare_book *book, struct compare_open *open, size_t plugin,
        int64_t now_us, bool live_heard, bool shadow_heard)
{
        const struct compare_side *live = open->live, *shadow = open->shadow[plugin];
        const struct compare_side *alone = live ? live : shadow;
        bool heard = live ? shadow_heard : live_heard;

        if (is_told(open, plugin) || open->late & 1u << plugin || !alone || !heard ||
                !is_overdue(book, alone, now_us))
                return false;
        bus_require(!live || !shadow);
        tell(book, open, plugin, live, shadow);
        open->late |= 1u << plugin;
        return true;
}

static bool tell_all_late(struct compare_book *book, struct compare_open *open, int64_t now_us,
        bool live_heard, bool shadow_heard)
{
        bool changed = false;

        if (!open->has_signal || has_nobody(open))
                return false;
        for (size_t i = 0; i < book->plugin_count; i++)
                changed |= tell_late(book, open, i, now_us, live_heard, shadow_heard);
        return changed;
}

void compare_book_overdue(struct compare_book *book, int64_t now_us, bool live_heard,
        bool shadow_heard, void (*keep)(void *arg, struct compare_open *open), void *arg)
{
        for (size_t i = 0; i < book->count; i++) {
                struct compare_open *open = book->list[book->head + i];

                if (tell_all_late(book, open, now_us, live_heard, shadow_heard))
                        keep(arg, open);
        }
}

/* ---- what comes in ---- */

/* The oldest's missing sides stay missing: told as if they were overdue. */
static void give_up_oldest(struct compare_book *book)
{
        struct compare_open *open = book->list[book->head];

        tell_all_late(book, open, INT64_MAX, true, true);
        drop(book, open);
        book->given_up++;
}

static struct compare_open *find_or_open(
        struct compare_book *book, struct bus_pos position, const char *alert_id)
{
        struct compare_open *open = find(book, position);

        if (open || bus_pos_compare(position, book->seen) <= 0)
                return open; /* NULL: closed long ago */
        if (book->count == COMPARE_OPEN_MAX)
                give_up_oldest(book);
        open = insert(book, position);
        snprintf(open->alert.id, sizeof(open->alert.id), "%s", alert_id);
        return open;
}

struct compare_open *compare_book_signal(
        struct compare_book *book, const struct compare_alert *alert)
{
        struct compare_open *open = find_or_open(book, alert->position, alert->id);

        compare_book_seen(book, alert->position);
        if (!open || open->has_signal)
                return NULL;
        open->alert = *alert;
        open->has_signal = true;
        return settle(book, open);
}

struct compare_open *compare_book_live(struct compare_book *book, struct bus_pos position,
        const char *alert_id, const struct compare_side *side)
{
        struct compare_open *open = find_or_open(book, position, alert_id);

        if (!open || open->live)
                return NULL;
        open->live = bus_xmemdup(side, sizeof(*side));
        return settle(book, open);
}

struct compare_open *compare_book_shadow(struct compare_book *book, struct bus_pos position,
        const char *alert_id, const struct compare_side *side)
{
        struct compare_open *open;
        size_t i = 0;

        while (i < book->plugin_count && strcmp(book->plugins[i], side->plugin))
                i++;
        if (i == book->plugin_count)
                return NULL;
        open = find_or_open(book, position, alert_id);
        if (!open || open->shadow[i])
                return NULL;
        open->shadow[i] = bus_xmemdup(side, sizeof(*side));
        return settle(book, open);
}

void compare_book_pass(struct compare_book *book, struct bus_pos position)
{
        struct compare_open *open = find(book, position);

        compare_book_seen(book, position);
        if (open)
                drop(book, open);
}

struct compare_open *book_open_again(struct compare_book *book, struct bus_pos position)
{
        return find(book, position) ? NULL : insert(book, position);
}

void book_settle_again(struct compare_book *book, struct compare_open *open)
{
        /* what is whole was told in the transaction that kept it */
        for (size_t i = 0; i < book->plugin_count; i++)
                if (open->has_signal && open->live && open->shadow[i])
                        open->told |= 1u << i;
        (void)settle(book, open);
}
