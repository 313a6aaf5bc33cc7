/*
 * Backup, verification, restore. A backup is a file (dump.h), which has its name when it is whole, checked
 * and synced: one that is cut short is none. It gets back by store_restore, or by
 * lying at the store's path when that is opened; either way its streams go on under new
 * incarnations. What a restore replaces is kept as a backup beside the path.
 */
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/store/lock.h"
#include "libbus/store/redis/redis.h"

#include <errno.h>
#include <stdio.h>

/* Another replica may prune what is being read. It does so once a minute or so: behind the first pages no
 * longer what comes next. */
#define BACKUP_TRIES 10

static int dump_to(struct redis_store *s, const char *path, char *error, size_t error_size)
{
        struct store_dump_file *file = NULL;
        struct store_sink sink;
        int r;

        *error = 0;
        r = store_dump_create(path, &file, &sink);
        if (!r)
                r = store_dump_finish(file, redis_dump(&s->base, &sink, error, error_size));
        if (r < 0 && !*error)
                snprintf(error, error_size, "%s: %s", path, strerror(-r));
        return r;
}

int redis_backup(struct store *store, const char *path, char *error, size_t error_size)
{
        BUS_AUTOFREE char *part = bus_xasprintf("%s.part", path);
        int r;

        unlink(part); /* of a backup that was cut short */
        r = dump_to(redis_of(store), part, error, error_size);
        for (int i = 1; i < BACKUP_TRIES && r == -EAGAIN && !redis_usable(redis_of(store)); i++)
                r = dump_to(redis_of(store), part, error, error_size);
        if (!r)
                r = store_dump_read(part, NULL, error, error_size);
        if (!r) {
                r = bus_file_put_new(part, path);
                if (r < 0)
                        snprintf(error, error_size, "cannot create %s: %s", path, strerror(-r));
        }
        if (r < 0)
                unlink(part);
        return r;
}

/* For care only: the place is taken and Redis there, the store is not open. */
static int tool_open(const char *path, struct redis_store **ret_s, char *error, size_t error_size)
{
        struct redis_store *s = bus_new(struct redis_store);
        int r;

        s->lock_fd = -1;
        s->base.engine = &store_engine_redis;
        *ret_s = s;
        *error = 0;
        r = redis_place_take(s, path, error, error_size);
        return r < 0 ? r : redis_connect(&s->context, error, error_size);
}

static void tool_close(struct redis_store *s)
{
        if (s->context)
                redisFree(s->context);
        bus_buf_done(&s->command.args);
        bus_buf_done(&s->records);
        redis_place_done(s);
        free(s);
}

/* 0, STORE_ABSENT: Redis has no such store. */
static int is_there(struct redis_store *s)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int r;

        redis_begin(&s->command);
        redis_add_str(&s->command, "EXISTS");
        redis_add_str(&s->command, s->meta_key);
        r = redis_do(s, &reply);
        if (r < 0)
                return r;
        return reply->type == REDIS_REPLY_INTEGER && reply->integer ? 0 : STORE_ABSENT;
}

static int verify_in_redis(const char *path, char *error, size_t error_size)
{
        struct store_sum_sink *summing;
        struct store_sums sums;
        struct store_sink sink;
        struct redis_store *s;
        int r;

        r = tool_open(path, &s, error, error_size);
        if (!r)
                r = is_there(s);
        if (r == STORE_ABSENT) {
                snprintf(error, error_size, "%s: neither a backup nor a store in redis", path);
                r = -ENOENT;
        }
        store_sums_begin(&sums, NULL, &summing, &sink);
        if (!r)
                r = redis_dump(&s->base, &sink, error, error_size);
        store_sums_end(summing);
        tool_close(s);
        return r;
}

int redis_verify(const char *path, char *error, size_t error_size)
{
        int r = access(path, F_OK) == 0 ? store_dump_probe(path) : STORE_DUMP_NONE;

        *error = 0;
        if (r < 0) {
                snprintf(error, error_size, "%s: %s", path, strerror(-r));
                return r;
        }
        if (r == 0)
                return store_dump_read(path, NULL, error, error_size);
        if (access(path, F_OK) == 0) {
                snprintf(error, error_size, "%s: is no backup of the redis engine", path);
                return -EUCLEAN;
        }
        return verify_in_redis(path, error, error_size);
}

/* BACKUP, known to be whole, becomes the store of S. */
static int load_from(
        struct redis_store *s, const char *backup, bool restored, char *error, size_t error_size)
{
        struct redis_loader loader;
        struct store_sink sink;
        int r;

        r = redis_load_begin(&loader, s, &sink, error, error_size);
        if (r < 0)
                return r;
        r = store_dump_read(backup, &sink, error, error_size);
        r = redis_load_end(&loader, r, restored, error, error_size);
        if (!r)
                redis_mark_set(s, "", 0);
        return r;
}

int redis_adopt_file(struct redis_store *s, char *error, size_t error_size)
{
        BUS_AUTOFREE char *adopted = bus_xasprintf("%s.adopted", s->path);
        int r = store_dump_probe(s->path);

        if (r == STORE_DUMP_NONE && access(s->path, F_OK) == 0) {
                snprintf(error, error_size,
                        "%s is a store of another engine: umbra migrate takes it over", s->path);
                return -EPROTO;
        }
        if (r == STORE_DUMP_NONE)
                return 0;
        if (!r)
                r = store_dump_read(s->path, NULL, error, error_size);
        if (!r)
                r = load_from(s, s->path, true, error, error_size);
        if (!r && rename(s->path, adopted) < 0)
                r = -errno;
        /* what is committed from now on must not be replaced by it once more */
        return r < 0 ? r : bus_sync_folder_of(adopted);
}

/* 1: a load was cut short; 0: not. */
static int is_half_loaded(struct redis_store *s)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int r;

        redis_begin(&s->command);
        redis_add_str(&s->command, "HGET");
        redis_add_str(&s->command, s->meta_key);
        redis_add_str(&s->command, "loading");
        r = redis_do(s, &reply);
        return r < 0 ? r : redis_is_text(reply);
}

/* What is there becomes the backup KEPT. Of a store that is damaged nothing is kept; behind a restore
 * that was cut short KEPT has what was there before that. */
static int keep_old(struct redis_store *s, const char *kept, char *error, size_t error_size)
{
        int r;

        r = is_half_loaded(s);
        if (r)
                return r < 0 ? r : 0;
        if (unlink(kept) < 0 && errno != ENOENT)
                return -errno;
        r = is_there(s);
        if (r)
                return r < 0 ? r : 0;
        r = dump_to(s, kept, error, error_size);
        return r == -EUCLEAN || r == -EBADMSG ? 0 : r;
}

/* KEPT gets its name when all is over: BACKUP may be what the last restore kept. */
int redis_restore(const char *backup, const char *path, char *error, size_t error_size)
{
        BUS_AUTOFREE char *kept = bus_xasprintf("%s.before-restore", path);
        BUS_AUTOFREE char *part = bus_xasprintf("%s.part", kept);
        struct redis_store *s;
        int r;

        r = tool_open(path, &s, error, error_size);
        if (!r && store_dump_probe(backup) != 0) {
                snprintf(error, error_size, "%s: is no backup of the redis engine", backup);
                r = -EUCLEAN;
        }
        if (!r)
                r = store_dump_read(backup, NULL, error, error_size);
        if (!r)
                r = keep_old(s, part, error, error_size);
        if (!r) {
                *error = 0;
                r = load_from(s, backup, true, error, error_size);
                if (r == -EBUSY)
                        unlink(part);
        }
        if (!r && rename(part, kept) < 0 && errno != ENOENT)
                r = -errno;
        if (!r)
                r = bus_sync_folder_of(kept);
        tool_close(s);
        return r;
}

int redis_load(const char *path, const char *dump, bool restored, char *error, size_t error_size)
{
        struct redis_store *s;
        int r;

        r = tool_open(path, &s, error, error_size);
        if (!r)
                r = store_dump_read(dump, NULL, error, error_size);
        if (!r)
                r = load_from(s, dump, restored, error, error_size);
        tool_close(s);
        return r;
}
