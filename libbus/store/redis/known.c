/*
 * Which keys may be there: hashes of all of them, so that a key that is not is told from memory. Who
 * asks for a new alert's key would otherwise wait for a round trip, and for the sync of whoever's commit
 * Redis has in hand. Under a lease nobody else adds keys. Hashes of deleted keys stay for a while: then
 * Redis is asked for nothing, which is no harm.
 */
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "libbus/store/redis/redis.h"

#include <errno.h>

#define PAGE 2000
/* 16 MB of them; with more keys than that Redis is asked for each. */
#define KNOWN_MAX ((size_t)1 << 20)
/* So many deleted ones are worth reading all anew, if they are half of all. */
#define DELETED_MAX ((size_t)1 << 16)

void redis_known_done(struct redis_known *known)
{
        free(known->hashes);
        *known = (struct redis_known){ 0 };
}

static uint64_t hash_of(const struct redis_store *s, struct bus_bytes key)
{
        uint64_t hash = bus_siphash(key, s->hash_key);

        return hash ? hash : 1; /* 0 is a free place */
}

/* Where HASH is, or would be. */
static uint64_t *place_of(const struct redis_known *known, uint64_t hash)
{
        size_t at = hash & (known->capacity - 1);

        while (known->hashes[at] && known->hashes[at] != hash)
                at = (at + 1) & (known->capacity - 1);
        return &known->hashes[at];
}

static void add_hash(struct redis_known *known, uint64_t hash)
{
        uint64_t *place = place_of(known, hash);

        known->count += !*place;
        *place = hash;
}

static void make_room(struct redis_known *known)
{
        struct redis_known larger = { .capacity = known->capacity ? 2 * known->capacity : 1024 };

        if (2 * (known->count + 1) <= known->capacity)
                return;
        larger.hashes = bus_new_n(uint64_t, larger.capacity);
        for (size_t i = 0; i < known->capacity; i++)
                if (known->hashes[i])
                        add_hash(&larger, known->hashes[i]);
        free(known->hashes);
        known->hashes = larger.hashes;
        known->capacity = larger.capacity;
}

static void add_key(struct redis_store *s, struct bus_bytes key)
{
        struct redis_known *known = &s->known;

        make_room(known);
        add_hash(known, hash_of(s, key));
        if (known->count <= KNOWN_MAX)
                return;
        redis_known_done(known);
        known->too_many = true;
}

/* The next keys in order, behind those of before; *RET_COUNT: how many. */
static int load_page(struct redis_store *s, struct bus_buf *from, size_t *ret_count)
{
        REDIS_AUTOREPLY redisReply *keys = NULL;
        int r;

        r = redis_next_keys(s, bus_buf_bytes(from), PAGE, &keys);
        if (r < 0)
                return r;
        for (size_t i = 0; i < keys->elements; i++) {
                if (!redis_is_text(keys->element[i]))
                        return -EBADMSG;
                add_key(s, redis_bytes(keys->element[i]));
        }
        *ret_count = keys->elements;
        if (keys->elements) {
                struct bus_bytes last = redis_bytes(keys->element[keys->elements - 1]);

                bus_buf_clear(from);
                bus_buf_add_str(from, "(");
                bus_buf_add(from, last.data, last.size);
        }
        return 0;
}

static int load(struct redis_store *s)
{
        BUS_AUTOBUF struct bus_buf from = BUS_BUF_INIT;
        size_t count = PAGE;
        int r = 0;

        redis_known_done(&s->known);
        bus_buf_add_str(&from, "-");
        while (!r && count == PAGE && !s->known.too_many)
                r = load_page(s, &from, &count);
        s->known.is_loaded = !r;
        return r;
}

int redis_known_absent(struct redis_store *s, struct bus_bytes key, bool *ret_absent)
{
        int r = 0;

        *ret_absent = false;
        if (s->shared || s->known.too_many)
                return 0;
        if (!s->known.is_loaded)
                r = load(s);
        if (!r && s->known.is_loaded && !s->known.too_many)
                *ret_absent = !s->known.count || !*place_of(&s->known, hash_of(s, key));
        return r;
}

void redis_known_commit(struct redis_store *s, const struct store_op *op)
{
        struct redis_known *known = &s->known;

        if (!known->is_loaded || known->too_many)
                return;
        if (op->kind == STORE_OP_PUT)
                add_key(s, op->key);
        known->deleted += op->kind == STORE_OP_DELETE;
        if (known->deleted > DELETED_MAX && known->deleted > known->count / 2)
                known->is_loaded = false;
}
