#pragma once
/*
 * What an engine gives the store. Each member does what the function of the same name in store.h
 * says; store.c only passes on. An engine's own struct begins with struct store.
 */
#include "libbus/store/batch.h"
#include "libbus/store/dump.h"

struct store_engine {
        const char *name;
        int (*open)(const struct store_options *options, struct store **ret_store, char *error,
                size_t error_size);
        void (*close)(struct store *store);
        void (*abandon)(struct store *store);

        int (*stream_open)(struct store *store, const char *stream, enum store_stream_kind kind,
                struct store_stream *ret_stream);
        /* may be NULL */
        int (*stream_fork)(struct store *store, const char *stream, uint64_t above,
                struct store_stream *ret_stream);
        int (*stream_get)(struct store *store, const char *stream, struct store_stream *ret_stream);
        /* may be NULL: stream_get asks nobody either */
        int (*stream_seen)(
                struct store *store, const char *stream, struct store_stream *ret_stream);
        int (*read)(struct store *store, const char *stream, struct bus_pos after, size_t max_count,
                store_record_fn fn, void *arg, struct bus_pos *ret_after);
        int (*seek_time)(struct store *store, const char *stream, int64_t since_us,
                struct bus_pos *ret_after);
        int (*prune)(struct store *store, const char *stream, int64_t before_us, size_t max_count);

        int (*get)(struct store *store, struct bus_bytes key, struct bus_buf *ret_value);
        int (*scan)(struct store *store, struct bus_bytes prefix, store_state_fn fn, void *arg);
        int (*cursor)(struct store *store, const char *stream, struct bus_pos *ret_position);

        int (*commit)(struct store *store, struct store_batch *batch, enum store_sync sync);
        /* both may be NULL: nothing is ever left to be done */
        enum store_backlog (*unsettled)(const struct store *store);
        void (*settle)(struct store *store);
        void (*rest)(struct store *store); /* may be NULL */
        /* may be NULL: nobody can take the store from who has it */
        int (*renew)(struct store *store);
        void (*lease)(const struct store *store, struct store_lease *ret_lease);

        int (*backup)(struct store *store, const char *path, char *error, size_t error_size);
        int (*verify)(const char *path, char *error, size_t error_size);
        int (*restore)(const char *backup, const char *path, char *error, size_t error_size);
        int (*dump)(
                struct store *store, const struct store_sink *sink, char *error, size_t error_size);
        int (*load)(
                const char *path, const char *dump, bool restored, char *error, size_t error_size);
        bool (*was_restored)(const struct store *store);
        bool (*has_regressed)(const struct store *store); /* may be NULL: it cannot */
        int (*restored_done)(struct store *store);
        void (*stats)(const struct store *store, struct store_stats *ret_stats);
};

struct store {
        const struct store_engine *engine;
};

extern const struct store_engine store_engine_sqlite, store_engine_redis;
