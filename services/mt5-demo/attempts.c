/*
 * Keeps: of one id at most one attempt is ever executed, and a FINAL or TOMBSTONE attempt never
 * changes again. A record that would break it is refused, also when the ledger is read.
 */
#include "services/mt5-demo/attempts.h"

#include "libbus/base/require.h"
#include "services/mt5-demo/rules.h"

#include <errno.h>

enum {
        FIRST_CAPACITY = 256, /* a power of two, as all capacities are */
};

struct attempt_entry {
        char cl_ord_id[ORDER_ID_SIZE]; /* empty: a free slot */
        struct attempt *items;         /* in the order they came */
        size_t count;
};

void attempts_init(struct attempts *attempts)
{
        *attempts = (struct attempts){ 0 };
}

void attempts_done(struct attempts *attempts)
{
        for (size_t i = 0; i < attempts->capacity; i++) {
                for (size_t k = 0; k < attempts->slots[i].count; k++)
                        free(attempts->slots[i].items[k].order);
                free(attempts->slots[i].items);
        }
        free(attempts->slots);
        attempts_init(attempts);
}

static struct attempt_entry *slot_of(
        struct attempt_entry *slots, size_t capacity, const char *cl_ord_id)
{
        uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

        for (const char *c = cl_ord_id; *c; c++)
                hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
        for (size_t i = (size_t)hash & (capacity - 1);; i = (i + 1) & (capacity - 1))
                if (!*slots[i].cl_ord_id || !strcmp(slots[i].cl_ord_id, cl_ord_id))
                        return &slots[i];
}

static void grow(struct attempts *attempts)
{
        size_t capacity = attempts->capacity ? attempts->capacity * 2 : FIRST_CAPACITY;
        struct attempt_entry *slots = bus_new_n(struct attempt_entry, capacity);

        for (size_t i = 0; i < attempts->capacity; i++)
                if (*attempts->slots[i].cl_ord_id)
                        *slot_of(slots, capacity, attempts->slots[i].cl_ord_id) =
                                attempts->slots[i];
        free(attempts->slots);
        attempts->slots = slots;
        attempts->capacity = capacity;
}

static struct attempt_entry *entry_of(const struct attempts *attempts, const char *cl_ord_id)
{
        struct attempt_entry *entry;

        if (!attempts->capacity)
                return NULL;
        entry = slot_of(attempts->slots, attempts->capacity, cl_ord_id);
        return *entry->cl_ord_id ? entry : NULL;
}

static struct attempt *find(const struct attempts *attempts, const char *cl_ord_id, uint32_t number)
{
        struct attempt_entry *entry = entry_of(attempts, cl_ord_id);

        for (size_t i = 0; entry && i < entry->count; i++)
                if (entry->items[i].number == number)
                        return &entry->items[i];
        return NULL;
}

const struct attempt *attempts_find(
        const struct attempts *attempts, const char *cl_ord_id, uint32_t number)
{
        return find(attempts, cl_ord_id, number);
}

static struct attempt *add(struct attempts *attempts, const char *cl_ord_id, uint32_t number)
{
        struct attempt_entry *entry;
        struct attempt *attempt;

        if (attempts->count * 2 >= attempts->capacity)
                grow(attempts);
        entry = slot_of(attempts->slots, attempts->capacity, cl_ord_id);
        if (!*entry->cl_ord_id) {
                memcpy(entry->cl_ord_id, cl_ord_id, strlen(cl_ord_id) + 1);
                attempts->count++;
        }
        entry->items = bus_xrealloc(entry->items, (entry->count + 1) * sizeof(*entry->items));
        attempt = &entry->items[entry->count++];
        *attempt = (struct attempt){ .number = number };
        return attempt;
}

static bool is_no_execution(const struct attempt *attempt)
{
        return attempt->state == ATTEMPT_TOMBSTONE ||
               (attempt->state == ATTEMPT_FINAL && rules_definite_refusal(attempt->report.retcode));
}

bool attempts_may_run(const struct attempts *attempts, const char *cl_ord_id, uint32_t number,
        uint32_t *ret_blocker)
{
        const struct attempt_entry *entry = entry_of(attempts, cl_ord_id);
        uint32_t settled = 0, gap = 1;

        for (size_t i = 0; entry && i < entry->count; i++) {
                const struct attempt *attempt = &entry->items[i];

                if (attempt->number >= number)
                        continue;
                if (!is_no_execution(attempt)) {
                        *ret_blocker = attempt->number;
                        return false;
                }
                settled++;
        }
        if (settled == number - 1)
                return true;
        while (find(attempts, cl_ord_id, gap))
                gap++;
        *ret_blocker = gap;
        return false;
}

/* ---- applying records ---- */

static void settle(struct attempt *attempt, enum attempt_state state)
{
        attempt->state = state;
        if (state == ATTEMPT_FINAL || state == ATTEMPT_TOMBSTONE) {
                free(attempt->order);
                attempt->order = NULL;
        }
}

static void take_report(struct attempt *attempt, const struct record *record)
{
        attempt->report = (struct report){
                .retcode = record->retcode,
                .order = record->order,
                .deal = record->ticket,
                .position = record->position,
                .volume_e8 = record->volume_e8,
                .price_e8 = record->price_e8,
                .at_us = record->at_us,
        };
        if (record->event ==
                EVENT_RESULT) /* a deal's comment is the order's, not the broker's words */
                memcpy(attempt->report.comment, record->comment, sizeof(record->comment));
}

static int apply_request(struct attempts *attempts, const struct record *record)
{
        struct attempt *attempt = find(attempts, record->cl_ord_id, record->attempt);
        struct order order = record_order(record);

        if (attempt || record->token < attempts->highest_token)
                return 0; /* written, but nothing new: a repeat, or of an executor that is past */
        attempt = add(attempts, record->cl_ord_id, record->attempt);
        attempt->state = ATTEMPT_SEEN;
        attempt->order = bus_xmemdup(&order, sizeof(order));
        return 0;
}

static bool executed_before(const struct attempts *attempts, const char *cl_ord_id)
{
        const struct attempt_entry *entry = entry_of(attempts, cl_ord_id);

        for (size_t i = 0; entry && i < entry->count; i++)
                if (entry->items[i].state == ATTEMPT_FINAL &&
                        rules_executed(entry->items[i].report.retcode))
                        return true;
        return false;
}

static int apply_execution(struct attempts *attempts, const struct record *record)
{
        struct attempt *attempt = find(attempts, record->cl_ord_id, record->attempt);

        if (!attempt || (attempt->state != ATTEMPT_SEEN && attempt->state != ATTEMPT_PLACED))
                return -EBADMSG;
        if (!rules_executed(record->retcode) || executed_before(attempts, record->cl_ord_id))
                return -EBADMSG;
        take_report(attempt, record);
        settle(attempt, ATTEMPT_FINAL);
        return 0;
}

static int apply_result(struct attempts *attempts, const struct record *record)
{
        struct attempt *attempt = find(attempts, record->cl_ord_id, record->attempt);

        if (!attempt)
                return -EBADMSG;
        if (attempt->state == ATTEMPT_TOMBSTONE) /* it came after all, and was turned away */
                return rules_definite_refusal(record->retcode) ? 0 : -EBADMSG;
        if (attempt->state ==
                ATTEMPT_FINAL) /* behind the deal that implied it, or a repeated answer */
                return attempt->report.retcode == record->retcode ? 0 : -EBADMSG;
        take_report(attempt, record);
        if (record->retcode == RETCODE_PLACED)
                settle(attempt, ATTEMPT_PLACED);
        else if (record->retcode == RETCODE_NO_CHANGES || rules_definite_refusal(record->retcode))
                settle(attempt, ATTEMPT_FINAL);
        else if (rules_executed(record->retcode))
                return -EBADMSG; /* only a deal or a modify executes */
        return 0;
}

static int apply_tombstone(struct attempts *attempts, const struct record *record)
{
        struct attempt *attempt = find(attempts, record->cl_ord_id, record->attempt);

        if (!attempt)
                attempt = add(attempts, record->cl_ord_id, record->attempt);
        else if (attempt->state != ATTEMPT_SEEN)
                return -EBADMSG;
        settle(attempt, ATTEMPT_TOMBSTONE);
        return 0;
}

int attempts_apply(struct attempts *attempts, const struct record *record)
{
        switch (record->event) {
        case EVENT_TOKEN:
                if (record->token <= attempts->highest_token)
                        return -EBADMSG;
                attempts->highest_token = record->token;
                return 0;
        case EVENT_REQUEST: return apply_request(attempts, record);
        case EVENT_RESULT: return apply_result(attempts, record);
        case EVENT_DEAL:
        case EVENT_MODIFY: return *record->cl_ord_id ? apply_execution(attempts, record) : 0;
        case EVENT_TOMBSTONE: return apply_tombstone(attempts, record);
        default: return 0;
        }
}

void attempts_each(const struct attempts *attempts, attempts_fn fn, void *arg)
{
        for (size_t i = 0; i < attempts->capacity; i++)
                for (size_t k = 0; k < attempts->slots[i].count; k++)
                        fn(attempts->slots[i].cl_ord_id, &attempts->slots[i].items[k], arg);
}
