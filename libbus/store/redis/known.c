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
/* Read in one go, so that none can be missed: with more than that the function decides on each. */
#define CLAIMS_MAX ((size_t)200000)
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

static void add(struct redis_known *known, uint64_t hash)
{
        make_room(known);
        add_hash(known, hash);
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
                add(&s->known, hash_of(s, redis_bytes(keys->element[i])));
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
                add(known, hash_of(s, op->key));
        known->deleted += op->kind == STORE_OP_DELETE;
        if (known->deleted > DELETED_MAX && known->deleted > known->count / 2)
                known->is_loaded = false;
}

/* ---- claims ---- */

static uint64_t claim_hash(
        const struct redis_store *s, const struct redis_stream *stream, struct bus_bytes key)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;

        bus_buf_add(&text, stream->name, strlen(stream->name) + 1);
        bus_buf_add(&text, key.data, key.size);
        return hash_of(s, bus_buf_bytes(&text));
}

static int load_claims(struct redis_store *s, const struct redis_stream *stream)
{
        BUS_AUTOFREE char *ends = bus_xasprintf("%sx:%s", s->prefix, stream->name);
        REDIS_AUTOREPLY redisReply *keys = NULL;
        int r;

        redis_begin(&s->command);
        redis_add_str(&s->command, "ZRANGE");
        redis_add_str(&s->command, ends);
        redis_add_int(&s->command, 0);
        redis_add_int(&s->command, (int64_t)CLAIMS_MAX);
        r = redis_do(s, &keys);
        if (r < 0)
                return r;
        if (!redis_is_array(keys, 0))
                return -EBADMSG;
        for (size_t i = 0; i < keys->elements; i++) {
                if (!redis_is_text(keys->element[i]))
                        return -EBADMSG;
                add(&s->claims, claim_hash(s, stream, redis_bytes(keys->element[i])));
        }
        if (keys->elements > CLAIMS_MAX)
                s->claims.too_many = true;
        return 0;
}

int redis_claim_take(struct redis_store *s, const struct redis_stream *stream, struct bus_bytes key,
        bool *ret_free)
{
        struct redis_known *claims = &s->claims;
        uint64_t hash = claim_hash(s, stream, key);
        int r = 0;

        *ret_free = false;
        for (size_t i = 0; i < s->stream_count && !claims->is_loaded && !claims->too_many && !r;
                i++)
                r = load_claims(s, s->streams[i]);
        if (r < 0 || claims->too_many)
                return r;
        claims->is_loaded = true;
        *ret_free = !claims->count || !*place_of(claims, hash);
        add(claims, hash);
        return 0;
}

void redis_claim_seen(
        struct redis_store *s, const struct redis_stream *stream, struct bus_bytes key)
{
        if (s->claims.is_loaded && !s->claims.too_many)
                add(&s->claims, claim_hash(s, stream, key));
}
