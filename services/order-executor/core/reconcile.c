/*
 * Keeps: pure; a position that changed after the snapshot was asked for is left for the next one; a
 * position is given up only when a deal explains it or two good snapshots in a row lack it.
 */
#include "services/order-executor/core/reconcile.h"

#include "libbus/base/require.h"
#include "services/order-executor/core/book_internal.h"
#include "services/order-executor/core/ids.h"

#define STATE(name) PB__ORDER_STATE__ORDER_STATE_##name

enum {
        MISSING_MAX = 2,
};

struct view {
        const struct ex_book *book;
        const Pb__Snapshot *snapshot;
        int64_t asked_us;
        struct ex_table by_ticket;  /* the snapshot's positions */
        struct ex_table by_comment; /* those that name an order; the first of each */
        struct ex_findings *findings;
};

static struct ex_finding *add(struct view *view, enum ex_finding_kind kind)
{
        struct ex_findings *findings = view->findings;

        if (findings->count == findings->capacity) {
                findings->capacity = findings->capacity ? 2 * findings->capacity : 64;
                findings->items = bus_xrealloc(
                        findings->items, findings->capacity * sizeof(*findings->items));
        }
        findings->items[findings->count] = (struct ex_finding){ .kind = kind };
        return &findings->items[findings->count++];
}

void ex_findings_done(struct ex_findings *findings)
{
        free(findings->items);
        *findings = (struct ex_findings){ 0 };
}

static void index_positions(struct view *view)
{
        const Pb__Snapshot *snapshot = view->snapshot;

        for (size_t i = 0; i < snapshot->n_positions; i++) {
                Pb__BrokerPosition *position = snapshot->positions[i];
                struct bus_bytes comment = bus_bytes_str(position->comment);

                if (!ex_table_get(&view->by_ticket, ex_key_of_number(&position->ticket)))
                        ex_table_add(
                                &view->by_ticket, ex_key_of_number(&position->ticket), position);
                if (ex_id_valid(position->comment) && !ex_table_get(&view->by_comment, comment))
                        ex_table_add(&view->by_comment, comment, position);
        }
}

/* Opened by us and closed by another hand, both while we were not looking. */
static bool opened_by_us(const struct view *view, uint64_t ticket)
{
        for (size_t i = 0; i < view->snapshot->n_deals; i++) {
                const Pb__Deal *deal = view->snapshot->deals[i];

                if (deal->position == ticket && deal->entry == PB__DEAL_ENTRY__DEAL_ENTRY_IN)
                        return deal->magic == view->book->magic;
        }
        return false;
}

static void find_deals(struct view *view)
{
        for (size_t i = 0; i < view->snapshot->n_deals; i++) {
                const Pb__Deal *deal = view->snapshot->deals[i];
                struct ex_finding *finding;

                if (ex_deals_has(&view->book->deals, deal->deal))
                        continue;
                finding = add(view, EX_FINDING_DEAL);
                finding->item = i;
                finding->ours = deal->magic == view->book->magic ||
                                (!ex_book_position(view->book, deal->position) &&
                                        opened_by_us(view, deal->position));
        }
}

/* ---- positions ---- */

static bool is_newer(const struct view *view, const struct ex_position *known)
{
        return known && known->changed_us > view->asked_us;
}

static void find_positions(struct view *view)
{
        for (size_t i = 0; i < view->snapshot->n_positions; i++) {
                const Pb__BrokerPosition *now = view->snapshot->positions[i];
                const struct ex_position *known = ex_book_position(view->book, now->ticket);

                if (is_newer(view, known))
                        continue;
                add(view, EX_FINDING_POSITION)->item = i;
                if (!known && now->magic == view->book->magic &&
                        !ex_book_find_order(view->book, now->comment))
                        add(view, EX_FINDING_ADOPTED)->item = i;
                if (known && *known->closed_by)
                        add(view, EX_FINDING_STILL_OPEN)->order =
                                ex_book_find_order(view->book, known->closed_by);
        }
}

static bool is_explained(const struct view *view, const struct ex_position *known)
{
        if (!ex_position_open_e8(known))
                return true;
        for (size_t i = 0; i < view->snapshot->n_deals; i++) {
                const Pb__Deal *deal = view->snapshot->deals[i];

                if (deal->position == known->ticket &&
                        deal->entry == PB__DEAL_ENTRY__DEAL_ENTRY_OUT)
                        return true;
        }
        return known->missing + 1 >= MISSING_MAX;
}

static void find_missing(struct view *view)
{
        struct ex_table_at at;

        for (struct ex_position *known = ex_table_first(&view->book->positions, &at); known;
                known = ex_table_next(&view->book->positions, &at)) {
                if (is_newer(view, known) ||
                        ex_table_get(&view->by_ticket, ex_key_of_number(&known->ticket)))
                        continue;
                add(view, is_explained(view, known) ? EX_FINDING_GONE : EX_FINDING_MISSING)
                        ->ticket = known->ticket;
        }
}

/* ---- orders ---- */

/* The deals of the snapshot that name ORDER, of the direction it deals in. */
static int64_t deals_of(const struct view *view, const struct ex_order *order, int64_t *ret_price)
{
        const Pb__DealEntry entry = ex_order_is_leg(order) ? PB__DEAL_ENTRY__DEAL_ENTRY_IN
                                                           : PB__DEAL_ENTRY__DEAL_ENTRY_OUT;
        int64_t volume = 0;

        for (size_t i = 0; i < view->snapshot->n_deals; i++) {
                const Pb__Deal *deal = view->snapshot->deals[i];

                if (deal->entry != entry || strcmp(deal->comment, order->id) != 0)
                        continue;
                volume += deal->volume_e8;
                *ret_price = deal->price_e8;
        }
        return volume > order->deals_e8 ? volume : order->deals_e8;
}

static bool is_working(const struct view *view, const struct ex_order *order)
{
        for (size_t i = 0; i < view->snapshot->n_orders; i++)
                if (!strcmp(view->snapshot->orders[i]->comment, order->id))
                        return true;
        return false;
}

static void add_filled(struct view *view, struct ex_order *order, int64_t volume_e8,
        int64_t price_e8, uint64_t ticket)
{
        struct ex_finding *finding = add(view, EX_FINDING_FILLED);

        finding->order = order;
        finding->volume_e8 = volume_e8;
        finding->price_e8 = price_e8;
        finding->ticket = ticket;
}

/* A leg in doubt, or one that had ended without a fill. */
static void find_leg(struct view *view, struct ex_order *leg)
{
        const Pb__BrokerPosition *position =
                ex_table_get(&view->by_comment, bus_bytes_str(leg->id));
        int64_t price = position ? position->open_price_e8 : 0;
        int64_t volume = deals_of(view, leg, &price);

        if (position && position->volume_e8 > volume)
                volume = position->volume_e8;
        if (volume && (volume >= leg->volume_e8 || !is_working(view, leg)))
                add_filled(view, leg, volume, price, position ? position->ticket : leg->ticket);
        else if (!volume && !is_working(view, leg))
                add(view, EX_FINDING_ABSENT)->order = leg;
}

/* A stop, a target or somebody else's hand: a deal of another name took from the position. */
static bool closed_by_another(const struct view *view, const struct ex_order *close)
{
        for (size_t i = 0; i < view->snapshot->n_deals; i++) {
                const Pb__Deal *deal = view->snapshot->deals[i];

                if (deal->position == close->ticket &&
                        deal->entry == PB__DEAL_ENTRY__DEAL_ENTRY_OUT &&
                        strcmp(deal->comment, close->id) != 0)
                        return true;
        }
        return false;
}

/* The position of CLOSE is gone. Where no deal says otherwise it was CLOSE that did it. */
static void find_gone(
        struct view *view, struct ex_order *close, int64_t volume_e8, int64_t price_e8)
{
        if (!closed_by_another(view, close))
                add_filled(view, close, close->volume_e8, price_e8, close->ticket);
        else if (volume_e8)
                add_filled(view, close, volume_e8, price_e8, close->ticket);
        else
                add(view, EX_FINDING_CLOSED)->order = close;
}

static void find_close(struct view *view, struct ex_order *close)
{
        const Pb__BrokerPosition *position =
                ex_table_get(&view->by_ticket, ex_key_of_number(&close->ticket));
        int64_t price = 0;
        int64_t volume = deals_of(view, close, &price);

        if (close->phase == EX_PHASE_SNAPSHOT) {
                struct ex_finding *finding = add(view, EX_FINDING_LEFT);

                finding->order = close;
                finding->volume_e8 = position ? position->volume_e8 : 0;
                return;
        }
        if (!position)
                find_gone(view, close, volume, price);
        else if (volume && (volume >= close->volume_e8 || !is_working(view, close)))
                add_filled(view, close, volume, price, close->ticket);
        else if (!volume && !is_working(view, close))
                add(view, EX_FINDING_ABSENT)->order = close;
}

static void find_order(struct view *view, struct ex_order *order)
{
        const bool looks = order->state == STATE(INTENT) && order->phase == EX_PHASE_SNAPSHOT;

        if (!ex_order_in_doubt(order) && !looks)
                return;
        if (ex_order_is_leg(order))
                find_leg(view, order);
        else
                find_close(view, order);
}

static void find_orders(struct view *view)
{
        for (size_t i = 0; i < view->book->queue_count; i++) {
                const struct ex_queue *queue = view->book->queues[i];

                for (size_t j = 0; j < queue->count; j++)
                        for (size_t k = 0; k < queue->jobs[j]->order_count; k++)
                                find_order(view, queue->jobs[j]->orders[k]);
        }
}

/* A position that names a leg we had given up on. */
static void find_late(struct view *view)
{
        for (size_t i = 0; i < view->snapshot->n_positions; i++) {
                const Pb__BrokerPosition *position = view->snapshot->positions[i];
                struct ex_order *order = ex_book_find_order(view->book, position->comment);

                if (order && ex_order_is_leg(order) && ex_order_is_final(order) &&
                        (!ex_order_filled(order) || !order->ticket))
                        add_filled(view, order, position->volume_e8, position->open_price_e8,
                                position->ticket);
        }
}

enum ex_verdict ex_reconcile(const struct ex_book *book, const Pb__Snapshot *snapshot,
        int64_t asked_us, struct ex_findings *findings)
{
        struct view view = {
                .book = book, .snapshot = snapshot, .asked_us = asked_us, .findings = findings
        };

        if (snapshot->quality == PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_PARTIAL)
                return EX_VERDICT_PARTIAL;
        if (snapshot->quality != PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK || !snapshot->account)
                return EX_VERDICT_FAILED;
        index_positions(&view);
        find_deals(&view);
        find_positions(&view);
        find_missing(&view);
        find_orders(&view);
        find_late(&view);
        ex_table_done(&view.by_ticket);
        ex_table_done(&view.by_comment);
        return EX_VERDICT_GOOD;
}
