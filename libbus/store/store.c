#include "libbus/store/store.h"

#include "libbus/store/engine.h"

#include <errno.h>
#include <stdio.h>

static const struct store_engine *const engines[] = { &store_engine_sqlite, &store_engine_redis };

static int find_engine(
        const char *name, const struct store_engine **ret_engine, char *error, size_t error_size)
{
        for (size_t i = 0; i < BUS_COUNT(engines); i++)
                if (!strcmp(engines[i]->name, name)) {
                        *ret_engine = engines[i];
                        return 0;
                }
        snprintf(error, error_size, "there is no store engine \"%s\"", name);
        return -EINVAL;
}

int store_open(const struct store_options *options, struct store **ret_store, char *error,
        size_t error_size)
{
        const struct store_engine *engine;
        int r;

        r = find_engine(options->engine, &engine, error, error_size);
        if (r < 0)
                return r;
        return engine->open(options, ret_store, error, error_size);
}

struct store *store_free(struct store *store)
{
        if (store)
                store->engine->close(store);
        return NULL;
}

struct store *store_abandon(struct store *store)
{
        if (store)
                store->engine->abandon(store);
        return NULL;
}

int store_stream_open(struct store *store, const char *stream, enum store_stream_kind kind,
        struct store_stream *ret_stream)
{
        return store->engine->stream_open(store, stream, kind, ret_stream);
}

int store_stream_fork(
        struct store *store, const char *stream, uint64_t above, struct store_stream *ret_stream)
{
        if (!store->engine->stream_fork)
                return -EOPNOTSUPP;
        return store->engine->stream_fork(store, stream, above, ret_stream);
}

int store_stream_get(struct store *store, const char *stream, struct store_stream *ret_stream)
{
        return store->engine->stream_get(store, stream, ret_stream);
}

int store_stream_seen(struct store *store, const char *stream, struct store_stream *ret_stream)
{
        if (!store->engine->stream_seen)
                return store->engine->stream_get(store, stream, ret_stream);
        return store->engine->stream_seen(store, stream, ret_stream);
}

int store_read(struct store *store, const char *stream, struct bus_pos after, size_t max_count,
        store_record_fn fn, void *arg, struct bus_pos *ret_after)
{
        return store->engine->read(store, stream, after, max_count, fn, arg, ret_after);
}

int store_seek_time(
        struct store *store, const char *stream, int64_t since_us, struct bus_pos *ret_after)
{
        return store->engine->seek_time(store, stream, since_us, ret_after);
}

int store_prune(struct store *store, const char *stream, int64_t before_us, size_t max_count)
{
        return store->engine->prune(store, stream, before_us, max_count);
}

int store_get(struct store *store, struct bus_bytes key, struct bus_buf *ret_value)
{
        return store->engine->get(store, key, ret_value);
}

int store_scan(struct store *store, struct bus_bytes prefix, store_state_fn fn, void *arg)
{
        return store->engine->scan(store, prefix, fn, arg);
}

int store_cursor(struct store *store, const char *stream, struct bus_pos *ret_position)
{
        return store->engine->cursor(store, stream, ret_position);
}

int store_commit(struct store *store, struct store_batch *batch, enum store_sync sync)
{
        if (store_batch_is_empty(batch))
                return 0;
        return store->engine->commit(store, batch, sync);
}

enum store_backlog store_unsettled(const struct store *store)
{
        return store->engine->unsettled ? store->engine->unsettled(store) : STORE_BACKLOG_NONE;
}

void store_settle(struct store *store)
{
        if (store->engine->settle)
                store->engine->settle(store);
}

void store_rest(struct store *store)
{
        if (store->engine->rest)
                store->engine->rest(store);
}

int store_backup(struct store *store, const char *path, char *error, size_t error_size)
{
        return store->engine->backup(store, path, error, error_size);
}

int store_verify(const char *engine, const char *path, char *error, size_t error_size)
{
        const struct store_engine *found;
        int r;

        r = find_engine(engine, &found, error, error_size);
        if (r < 0)
                return r;
        return found->verify(path, error, error_size);
}

int store_restore(
        const char *engine, const char *backup, const char *path, char *error, size_t error_size)
{
        const struct store_engine *found;
        int r;

        r = find_engine(engine, &found, error, error_size);
        if (r < 0)
                return r;
        return found->restore(backup, path, error, error_size);
}

int store_dump(struct store *store, const struct store_sink *sink, char *error, size_t error_size)
{
        *error = 0;
        return store->engine->dump(store, sink, error, error_size);
}

int store_load(const char *engine, const char *path, const char *dump, bool restored, char *error,
        size_t error_size)
{
        const struct store_engine *found;
        int r;

        r = find_engine(engine, &found, error, error_size);
        if (r < 0)
                return r;
        *error = 0;
        return found->load(path, dump, restored, error, error_size);
}

bool store_was_restored(const struct store *store)
{
        return store->engine->was_restored(store);
}

bool store_has_regressed(const struct store *store)
{
        return store->engine->has_regressed && store->engine->has_regressed(store);
}

void store_lease(const struct store *store, struct store_lease *ret_lease)
{
        *ret_lease = (struct store_lease){ .until_us = INT64_MAX };
        if (store->engine->lease)
                store->engine->lease(store, ret_lease);
}

bool store_lease_is_over(const struct store *store, int64_t now_us)
{
        struct store_lease lease = { 0 };

        if (store)
                store_lease(store, &lease);
        return lease.period_us && now_us >= lease.until_us;
}

int store_renew(struct store *store)
{
        return store->engine->renew ? store->engine->renew(store) : 0;
}

int store_restored_done(struct store *store)
{
        return store->engine->restored_done(store);
}

void store_stats(const struct store *store, struct store_stats *ret_stats)
{
        store->engine->stats(store, ret_stats);
}
