#include "services/order-executor/core/keep.h"

#include "libbus/base/require.h"
#include "services/order-executor/core/ids.h"
#include "services/order-executor/core/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define KEY(prefix, format, value) snprintf(ret_key, EX_STORE_KEY_SIZE, prefix "/" format, value)

static enum ex_change put_position(
        const struct ex_book *book, uint64_t ticket, char *ret_key, struct bus_buf *value)
{
        const struct ex_position *position = ex_book_position(book, ticket);

        if (!position)
                return EX_CHANGE_NONE; /* gone again; its removal follows */
        KEY("position", "%" PRIu64, ticket);
        ex_record_position(position, value);
        return EX_CHANGE_PUT;
}

static enum ex_change put_promise(
        struct ex_book *book, const char *key, char *ret_key, struct bus_buf *value)
{
        const struct ex_promise *promise = ex_promises_find(&book->promises, key);

        if (!promise)
                return EX_CHANGE_NONE; /* gone again; its removal follows */
        KEY("promise", "%s", key);
        ex_record_promise(promise, value);
        return EX_CHANGE_PUT;
}

enum ex_change ex_keep_change(struct ex_book *book, const struct ex_fx *item,
        char ret_key[static EX_STORE_KEY_SIZE], struct bus_buf *value)
{
        bus_buf_clear(value);
        switch (item->kind) {
        case EX_FX_SAVE_ORDER:
                KEY("order", "%s", item->order->id);
                ex_record_order(item->order, value);
                return EX_CHANGE_PUT;
        case EX_FX_SAVE_JOB:
                KEY("alert", "%s", item->job->key);
                ex_record_job(item->job, value);
                return EX_CHANGE_PUT;
        case EX_FX_SAVE_POSITION: return put_position(book, item->number, ret_key, value);
        case EX_FX_DROP_POSITION:
                KEY("position", "%" PRIu64, item->number);
                return EX_CHANGE_DELETE;
        case EX_FX_SAVE_PROMISE: return put_promise(book, item->subject, ret_key, value);
        case EX_FX_DROP_PROMISE: KEY("promise", "%s", item->subject); return EX_CHANGE_DELETE;
        case EX_FX_SAVE_DEAL:
                KEY("deal", "%" PRIu64, item->number);
                bus_buf_printf(value, "%" PRId64, item->at_us);
                return EX_CHANGE_PUT;
        case EX_FX_SAVE_RISK:
                KEY("risk", "%s", "ledger");
                ex_record_risk(&book->risk, value);
                return EX_CHANGE_PUT;
        case EX_FX_SAVE_SWITCHES:
                KEY("switch", "%s", "state");
                ex_record_switches(&book->switches, value);
                return EX_CHANGE_PUT;
        default: return EX_CHANGE_NONE;
        }
}

/* ---- single alerts ---- */

/* 0 with the order in JOB, > 0 if the store does not have it. */
static int load_order(const struct ex_store *store, const char *id, struct ex_job *job)
{
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
        char key[EX_STORE_KEY_SIZE];
        int r;

        snprintf(key, sizeof(key), "order/%s", id);
        r = store->get(store->arg, key, &value);
        return r ? r : ex_record_read_order(bus_buf_bytes(&value), job);
}

static int load_orders(const struct ex_store *store, char *const *ids, struct ex_job *job)
{
        for (size_t i = 0; ids[i]; i++) {
                int r;

                r = load_order(store, ids[i], job);
                if (r)
                        return r < 0 ? r : -EBADMSG;
        }
        return 0;
}

static int need_passers(
        struct ex_book *book, const struct ex_store *store, const struct ex_job *job)
{
        for (size_t i = 0; i < job->order_count; i++) {
                int r = 0;

                if (*job->orders[i]->passed_by)
                        r = ex_keep_need_job(book, store, job->orders[i]->passed_by);
                if (r < 0)
                        return r;
        }
        return 0;
}

int ex_keep_need_job(struct ex_book *book, const struct ex_store *store, const char *key)
{
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
        BUS_AUTOFREE char **ids = NULL;
        char store_key[EX_STORE_KEY_SIZE];
        struct ex_job *job;
        int r;

        if (ex_book_job(book, key))
                return 0;
        snprintf(store_key, sizeof(store_key), "alert/%s", key);
        r = store->get(store->arg, store_key, &value);
        if (r)
                return r < 0 ? r : 0;
        r = ex_record_read_job(bus_buf_bytes(&value), &job, &ids);
        if (r < 0)
                return r;
        r = load_orders(store, ids, job);
        if (r < 0) {
                ex_job_free(job);
                return r;
        }
        r = ex_book_load_job(book, job);
        return r < 0 ? r : need_passers(book, store, job);
}

int ex_keep_need_order(struct ex_book *book, const struct ex_store *store, const char *id)
{
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
        char key[EX_STORE_KEY_SIZE], job_key[EX_KEY_SIZE];
        int r;

        if (!ex_id_valid(id) || ex_book_find_order(book, id))
                return 0;
        snprintf(key, sizeof(key), "order/%s", id);
        r = store->get(store->arg, key, &value);
        if (r)
                return r < 0 ? r : 0;
        r = ex_record_job_of_order(bus_buf_bytes(&value), job_key);
        return r < 0 ? r : ex_keep_need_job(book, store, job_key);
}

/* ---- all that matters ---- */

struct keys {
        char (*items)[EX_KEY_SIZE];
        size_t count, capacity;
};

static void add_key(struct keys *keys, struct bus_bytes key, size_t skip)
{
        if (keys->count == keys->capacity) {
                keys->capacity = keys->capacity ? 2 * keys->capacity : 64;
                keys->items = bus_xrealloc(keys->items, keys->capacity * sizeof(*keys->items));
        }
        snprintf(keys->items[keys->count++], EX_KEY_SIZE, "%.*s", (int)(key.size - skip),
                (const char *)key.data + skip);
}

static int collect_live(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct keys *keys = arg;
        bool live;
        int r;

        r = ex_record_job_is_live(value, &live);
        if (r < 0)
                return r;
        if (live)
                add_key(keys, key, strlen("alert/"));
        return 0;
}

static int load_jobs(struct ex_book *book, const struct ex_store *store)
{
        struct keys keys = { 0 };
        int r;

        r = store->scan(store->arg, "alert/", collect_live, &keys);
        for (size_t i = 0; r >= 0 && i < keys.count; i++)
                r = ex_keep_need_job(book, store, keys.items[i]);
        free(keys.items);
        return r;
}

static int load_position(struct bus_bytes key BUS_UNUSED, struct bus_bytes value, void *arg)
{
        struct ex_position *position;
        int r;

        r = ex_record_read_position(value, &position);
        return r < 0 ? r : ex_book_load_position(arg, position);
}

static int load_promise(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct ex_promise promise = { .found = true };
        int r;

        snprintf(promise.key, sizeof(promise.key), "%.*s", (int)(key.size - strlen("promise/")),
                (const char *)key.data + strlen("promise/"));
        r = ex_record_read_promise(value, &promise);
        return r < 0 ? r : ex_book_load_promise(arg, &promise);
}

static int load_deal(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        char number[32], at[32];

        snprintf(number, sizeof(number), "%.*s", (int)(key.size - strlen("deal/")),
                (const char *)key.data + strlen("deal/"));
        snprintf(at, sizeof(at), "%.*s", (int)value.size, (const char *)value.data);
        ex_book_load_deal(arg, strtoull(number, NULL, 10), strtoll(at, NULL, 10));
        return 0;
}

static int load_switches(struct ex_book *book, const struct ex_store *store)
{
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
        int r;

        r = store->get(store->arg, "switch/state", &value);
        if (r)
                return r < 0 ? r : 0;
        return ex_record_read_switches(bus_buf_bytes(&value), &book->switches);
}

static int load_risk(struct ex_book *book, const struct ex_store *store)
{
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
        int r;

        r = store->get(store->arg, "risk/ledger", &value);
        if (r)
                return r < 0 ? r : 0;
        return ex_record_read_risk(bus_buf_bytes(&value), &book->risk);
}

int ex_keep_load(struct ex_book *book, const struct ex_store *store)
{
        int r;

        r = load_switches(book, store);
        if (r >= 0)
                r = load_risk(book, store);
        if (r >= 0)
                r = store->scan(store->arg, "position/", load_position, book);
        if (r >= 0)
                r = store->scan(store->arg, "promise/", load_promise, book);
        if (r >= 0)
                r = store->scan(store->arg, "deal/", load_deal, book);
        if (r >= 0)
                r = load_jobs(book, store);
        return r < 0 ? r : 0;
}

/* ---- letting go ---- */

struct old {
        int64_t before_us;
        void (*fn)(void *arg, const char *key);
        void *arg;
};

static int forget_old(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        const struct old *old = arg;
        BUS_AUTOFREE char **ids = NULL;
        char text[EX_STORE_KEY_SIZE];
        struct ex_job *job;
        bool is_old;
        int r;

        r = ex_record_read_job(value, &job, &ids);
        if (r < 0)
                return r;
        is_old = job->phase == EX_JOB_DONE && job->done_wall_us < old->before_us;
        ex_job_free(job);
        if (!is_old)
                return 0;
        snprintf(text, sizeof(text), "%.*s", (int)key.size, (const char *)key.data);
        old->fn(old->arg, text);
        for (size_t i = 0; ids[i]; i++) {
                snprintf(text, sizeof(text), "order/%s", ids[i]);
                old->fn(old->arg, text);
        }
        return 0;
}

int ex_keep_old(const struct ex_store *store, int64_t before_us,
        void (*fn)(void *arg, const char *key), void *arg)
{
        struct old old = { before_us, fn, arg };

        return store->scan(store->arg, "alert/", forget_old, &old);
}
