/* What a store's path means here: a prefix in Redis, and three small files beside it. */
#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/store/lock.h"
#include "libbus/store/redis/redis.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#define DB_SUFFIX         ".db"
#define MARK_MAGIC        "UMBRAMK1"
#define OWNER_ID_BYTES    8
#define OWNER_ID_MAX      64
#define REPLICA_MAX_CHARS 64

char *redis_prefix_of(const char *path)
{
        const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
        const char *db = strstr(base, DB_SUFFIX), *rest;

        if (!db)
                return bus_xasprintf("umbra:%s:", base);
        rest = db + strlen(DB_SUFFIX);
        if (!*rest)
                return bus_xasprintf("umbra:%.*s:", (int)(db - base), base);
        return bus_xasprintf("umbra:%.*s:%s:", (int)(db - base), base, rest + (*rest == '.'));
}

static char *beside(const char *path, const char *suffix)
{
        return bus_xasprintf("%s%s", path, suffix);
}

/* What tells this folder from every other one: made once, at random. */
static int take_owner(struct redis_store *s, const char *path, char *error, size_t error_size)
{
        BUS_AUTOFREE char *file = beside(path, ".owner");
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        uint8_t random[OWNER_ID_BYTES];
        char hex[2 * OWNER_ID_BYTES + 1];
        int r;

        r = bus_file_read(file, OWNER_ID_MAX, &text);
        if (r == -ENOENT || (r == 0 && text.size != sizeof(hex) - 1)) {
                bus_random(random, sizeof(random));
                bus_hex(bus_bytes(random, sizeof(random)), hex);
                bus_buf_clear(&text);
                bus_buf_add_str(&text, hex);
                r = bus_file_replace(file, 0600, bus_bytes_str(hex));
        }
        if (r < 0) {
                snprintf(error, error_size, "%s: %s", file, strerror(-r));
                return r;
        }
        snprintf(s->owner, sizeof(s->owner), "%.*s/%s", REPLICA_MAX_CHARS, redis_options()->replica,
                bus_buf_str(&text));
        return 0;
}

/* The room for it is taken now: on a full disk a write to what is mapped would be the process's end. */
static int map_mark(struct redis_store *s, const char *path, char *error, size_t error_size)
{
        BUS_AUTOFREE char *file = beside(path, ".mark");
        BUS_AUTOCLOSE int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        void *mapped = MAP_FAILED;
        int r = fd < 0 ? errno : posix_fallocate(fd, 0, sizeof(struct redis_mark));

        if (!r) {
                mapped = mmap(
                        NULL, sizeof(struct redis_mark), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
                r = mapped == MAP_FAILED ? errno : 0;
        }
        if (r) {
                snprintf(error, error_size, "%s: %s", file, strerror(r));
                return -r;
        }
        s->mark = mapped;
        if (memcmp(s->mark->magic, MARK_MAGIC, sizeof(s->mark->magic)) ||
                !memchr(s->mark->id, 0, sizeof(s->mark->id)))
                *s->mark = (struct redis_mark){ .magic = MARK_MAGIC };
        return 0;
}

int redis_place_take(struct redis_store *s, const char *path, char *error, size_t error_size)
{
        int r;

        s->path = bus_xstrdup(path);
        s->prefix = redis_prefix_of(path);
        s->meta_key = bus_xasprintf("%smeta", s->prefix);
        r = store_lock(path, true, &s->lock_fd, error, error_size);
        if (!r)
                r = take_owner(s, path, error, error_size);
        if (!r)
                r = map_mark(s, path, error, error_size);
        return r;
}

void redis_place_done(struct redis_store *s)
{
        if (s->mark)
                munmap(s->mark, sizeof(*s->mark));
        if (s->lock_fd >= 0)
                close(s->lock_fd);
        free(s->path);
        free(s->prefix);
        free(s->meta_key);
}

/* A process that dies within leaves a mark that says less than it might. */
void redis_mark_set(struct redis_store *s, const char *id, uint64_t n)
{
        s->mark->n = 0;
        snprintf(s->mark->id, sizeof(s->mark->id), "%s", id);
        s->mark->n = n;
}

void redis_mark_drop(const char *path)
{
        BUS_AUTOFREE char *file = beside(path, ".mark");

        unlink(file);
}
