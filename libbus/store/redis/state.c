#include "libbus/store/redis/redis.h"

#include <errno.h>
#include <stdio.h>

/* Keys fetched at once: a scan holds no more than their values in memory. */
#define SCAN_KEYS 256

static int get_field(
        struct redis_store *s, const char *key, struct bus_bytes field, redisReply **ret_reply)
{
        BUS_AUTOFREE char *full = NULL;
        int r;

        if (s->busy)
                return -EBUSY;
        if (asprintf(&full, "%s%s", s->prefix, key) < 0)
                return -ENOMEM;
        redis_begin(&s->command);
        redis_add_str(&s->command, "HGET");
        redis_add_str(&s->command, full);
        redis_add(&s->command, field);
        r = redis_do(s, ret_reply);
        if (r < 0)
                return r;
        if ((*ret_reply)->type == REDIS_REPLY_NIL)
                return STORE_ABSENT;
        return redis_is_text(*ret_reply) ? 0 : -EBADMSG;
}

int redis_get(struct store *store, struct bus_bytes key, struct bus_buf *ret_value)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        struct redis_store *s = redis_of(store);
        struct bus_bytes value;
        bool absent;
        int r;

        r = s->busy ? -EBUSY : redis_known_absent(s, key, &absent);
        if (!r)
                r = absent ? STORE_ABSENT : get_field(s, "k", key, &reply);
        if (r)
                return r;
        value = redis_bytes(reply);
        bus_buf_add(ret_value, value.data, value.size);
        return 0;
}

int redis_cursor(struct store *store, const char *name, struct bus_pos *ret_position)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        int r;

        r = get_field(redis_of(store), "u", bus_bytes_str(name), &reply);
        if (r)
                return r;
        return bus_pos_parse(reply->str, ret_position) < 0 ? -EBADMSG : 0;
}

int redis_next_keys(
        struct redis_store *s, struct bus_bytes from, size_t count, redisReply **ret_keys)
{
        BUS_AUTOFREE char *order = NULL;
        int r;

        if (asprintf(&order, "%so", s->prefix) < 0)
                return -ENOMEM;
        redis_begin(&s->command);
        redis_add_str(&s->command, "ZRANGEBYLEX");
        redis_add_str(&s->command, order);
        redis_add(&s->command, from);
        redis_add_str(&s->command, "+");
        redis_add_str(&s->command, "LIMIT");
        redis_add_int(&s->command, 0);
        redis_add_int(&s->command, (int64_t)count);
        r = redis_do(s, ret_keys);
        return !r && !redis_is_array(*ret_keys, 0) ? -EBADMSG : r;
}

static int values_of(struct redis_store *s, const redisReply *keys, redisReply **ret_values)
{
        BUS_AUTOFREE char *state = NULL;
        int r;

        if (asprintf(&state, "%sk", s->prefix) < 0)
                return -ENOMEM;
        redis_begin(&s->command);
        redis_add_str(&s->command, "HMGET");
        redis_add_str(&s->command, state);
        for (size_t i = 0; i < keys->elements; i++)
                redis_add(&s->command, redis_bytes(keys->element[i]));
        r = redis_do(s, ret_values);
        return !r && !redis_is_array(*ret_values, keys->elements) ? -EBADMSG : r;
}

/* > 0: that was all of it. */
static int hand_over(struct redis_store *s, const redisReply *keys, struct bus_bytes prefix,
        store_state_fn fn, void *arg)
{
        REDIS_AUTOREPLY redisReply *values = NULL;
        int r = keys->elements < SCAN_KEYS;

        if (!keys->elements)
                return 1;
        for (size_t i = 0; i < keys->elements; i++)
                if (!redis_is_text(keys->element[i]))
                        return -EBADMSG;
        if (!bus_bytes_begin(redis_bytes(keys->element[0]), prefix))
                return 1;
        if (values_of(s, keys, &values) < 0)
                return s->failed ? s->failed : -EBADMSG;
        s->busy = true;
        for (size_t i = 0; i < keys->elements; i++) {
                struct bus_bytes key = redis_bytes(keys->element[i]);
                int told;

                if (!bus_bytes_begin(key, prefix)) {
                        r = 1;
                        break;
                }
                if (!redis_is_text(values->element[i]))
                        continue; /* deleted by another replica in between */
                told = fn(key, redis_bytes(values->element[i]), arg);
                if (told) {
                        r = told;
                        break;
                }
        }
        s->busy = false;
        return r;
}

int redis_scan(struct store *store, struct bus_bytes prefix, store_state_fn fn, void *arg)
{
        struct redis_store *s = redis_of(store);
        BUS_AUTOBUF struct bus_buf from = BUS_BUF_INIT;
        int r = 0;

        if (s->busy)
                return -EBUSY;
        bus_buf_add_str(&from, "[");
        bus_buf_add(&from, prefix.data, prefix.size);
        while (!r) {
                REDIS_AUTOREPLY redisReply *keys = NULL;

                r = redis_next_keys(s, bus_buf_bytes(&from), SCAN_KEYS, &keys);
                if (!r)
                        r = hand_over(s, keys, prefix, fn, arg);
                if (!r) {
                        struct bus_bytes last = redis_bytes(keys->element[keys->elements - 1]);

                        bus_buf_clear(&from);
                        bus_buf_add_str(&from, "(");
                        bus_buf_add(&from, last.data, last.size);
                }
        }
        return r < 0 ? r : 0;
}
