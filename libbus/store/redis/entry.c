/*
 * What one entry of a journal holds: the records that one commit appended to the stream, in one
 * field, so that Redis has one thing to do for all of them. The entry's id is the position of its
 * last record. Beside them stand the predecessor of the first and the latest time of all before.
 *
 * A record: sizes of body and topic, its time, size and text of its id (in derived streams; else
 * positions follow on each other), topic with a NUL, body. Numbers are little-endian. Stores made before format
 * 2 have entries of one record, its parts in a field each. Pure: what does not fit is -EBADMSG.
 */
#include "libbus/store/redis/redis.h"

#include <endian.h>
#include <errno.h>

#define OLD_FIELDS 10
#define NEW_FIELDS 6
#define HEAD_SIZE  15

static void add_number(struct bus_buf *out, uint64_t number, size_t size)
{
        uint64_t little = htole64(number);

        bus_buf_add(out, &little, size);
}

void redis_record_add(struct bus_buf *out, const struct store_record *record, const char *id)
{
        size_t topic_size = strlen(record->topic);

        add_number(out, record->body.size, 4);
        add_number(out, topic_size, 2);
        add_number(out, (uint64_t)record->at_us, 8);
        add_number(out, strlen(id), 1);
        bus_buf_add_str(out, id);
        bus_buf_add(out, record->topic, topic_size + 1);
        bus_buf_add(out, record->body.data, record->body.size);
}

static uint64_t take_number(const uint8_t *at, size_t size)
{
        uint64_t little = 0;

        memcpy(&little, at, size);
        return le64toh(little);
}

/* The record at the front of *REST, which is moved behind it. */
static int take_record(
        struct bus_bytes *rest, struct store_record *ret_record, struct bus_bytes *ret_id)
{
        const uint8_t *at = rest->data;
        size_t body_size, topic_size, id_size, size;

        if (rest->size < HEAD_SIZE)
                return -EBADMSG;
        body_size = take_number(at, 4);
        topic_size = take_number(at + 4, 2);
        ret_record->at_us = (int64_t)take_number(at + 6, 8);
        id_size = at[14];
        size = HEAD_SIZE + id_size + topic_size + 1 + body_size;
        at += HEAD_SIZE;
        if (rest->size < size || ret_record->at_us < 0 ||
                memchr(at + id_size, 0, topic_size + 1) != at + id_size + topic_size)
                return -EBADMSG;
        *ret_id = bus_bytes(at, id_size);
        ret_record->topic = (const char *)at + id_size;
        ret_record->body = bus_bytes(at + id_size + topic_size + 1, body_size);
        *rest = bus_bytes(rest->data + size, rest->size - size);
        return 0;
}

static bool is_named(const redisReply *name, char expected)
{
        return redis_is_text(name) && name->len == 1 && name->str[0] == expected;
}

static int begin_fields(
        const redisReply *const *at, const char *names, struct redis_entry *entry, size_t last)
{
        int64_t top_us;

        for (size_t i = 0; names[i]; i++)
                if (!is_named(at[2 * i], names[i]) || !redis_is_text(at[2 * i + 1]))
                        return -EBADMSG;
        if (redis_parse_id(redis_bytes(at[last]), entry->derived, &entry->last) < 0 ||
                redis_parse_number(redis_bytes(at[last == 9 ? 7 : 5]), &top_us) < 0)
                return -EBADMSG;
        entry->top_us = top_us;
        return 0;
}

static int begin_old(const redisReply *const *at, struct redis_entry *entry)
{
        struct store_record *record = &entry->old;

        if (begin_fields(at, "tbaup", entry, 9) < 0 ||
                redis_parse_number(redis_bytes(at[5]), &record->at_us) < 0)
                return -EBADMSG;
        record->topic = at[1]->str; /* hiredis puts a NUL behind it */
        record->body = redis_bytes(at[3]);
        if (strlen(record->topic) != (size_t)at[1]->len)
                return -EBADMSG;
        entry->count = 1;
        return 0;
}

static int begin_new(const redisReply *const *at, struct redis_entry *entry)
{
        struct store_record record;
        struct bus_bytes rest, id;

        if (begin_fields(at, "rpu", entry, 3) < 0)
                return -EBADMSG;
        entry->rest = rest = redis_bytes(at[1]);
        for (; rest.size; entry->count++)
                if (take_record(&rest, &record, &id) < 0 || (id.size == 0) == entry->derived)
                        return -EBADMSG;
        return entry->count ? 0 : -EBADMSG;
}

int redis_entry_begin(const redisReply *reply, bool derived, struct redis_entry *ret_entry)
{
        struct redis_entry entry = { .derived = derived };
        const redisReply *const *at;
        int r;

        if (!redis_is_array(reply, 2) || !redis_is_text(reply->element[0]) ||
                redis_parse_id(redis_bytes(reply->element[0]), derived, &entry.id) < 0 ||
                !redis_is_array(reply->element[1], NEW_FIELDS))
                return -EBADMSG;
        at = (const redisReply *const *)reply->element[1]->element;
        entry.is_old = reply->element[1]->elements >= OLD_FIELDS;
        r = entry.is_old ? begin_old(at, &entry) : begin_new(at, &entry);
        if (r < 0)
                return r;
        if (!derived && entry.id.seq < entry.count)
                return -EBADMSG;
        *ret_entry = entry;
        return 0;
}

static int take_next(struct redis_entry *entry, struct store_record *record)
{
        struct bus_bytes id;

        if (entry->is_old)
                *record = entry->old;
        record->position = entry->id;
        if (entry->is_old)
                return 0;
        if (take_record(&entry->rest, record, &id) < 0)
                return -EBADMSG;
        if (entry->derived)
                return redis_parse_id(id, true, &record->position);
        record->position.seq -= entry->count - 1;
        return 0;
}

int redis_entry_next(struct redis_entry *entry, struct store_record *ret_record)
{
        struct store_record record = { 0 };

        if (!entry->count)
                return STORE_ABSENT;
        if (take_next(entry, &record) < 0 || bus_pos_compare(record.position, entry->last) <= 0)
                return -EBADMSG;
        record.predecessor = entry->last;
        entry->last = record.position;
        if (record.at_us > entry->top_us)
                entry->top_us = record.at_us;
        entry->count--;
        *ret_record = record;
        return 0;
}
