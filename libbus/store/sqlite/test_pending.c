/* What is in the log and not in the database yet: found by key, taken back, and carried over. */
#include "libbus/base/require.h"
#include "libbus/store/sqlite/pending.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct record {
        size_t start;
        uint32_t count;
};

static struct record begin(struct pending *pending)
{
        struct record record = { .start = pending->records.size };

        redo_begin(&pending->records);
        return record;
}

static void put(struct pending *pending, struct record *record, const char *key, const char *value)
{
        const struct redo_op op = { .kind = value ? STORE_OP_PUT : STORE_OP_DELETE,
                .key = bus_bytes_str(key),
                .value = value ? bus_bytes_str(value) : bus_bytes(NULL, 0) };

        pending_add(pending, &op);
        record->count++;
}

static void append(struct pending *pending, struct record *record, uint64_t seq, const char *claim)
{
        const struct redo_op op = { .kind = STORE_OP_APPEND,
                .stream_id = 1,
                .position = { 1, seq, 0 },
                .name = bus_bytes_str("signal.v3.EURUSD"),
                .body = bus_bytes_str("body"),
                .key = bus_bytes_str(claim),
                .value = bus_bytes_str("first"),
                .at_us = 1 };

        pending_add(pending, &op);
        record->count++;
}

static void end(struct pending *pending, const struct record *record)
{
        redo_end(&pending->records, record->start, &pending->key, 1, 0, record->count);
}

static const char *value_of(const struct pending *pending, const char *key, char text[static 64])
{
        const struct pending_key wanted = { PENDING_STATE, 0, bus_bytes_str(key) };
        struct redo_op op;

        if (!pending_find(pending, &wanted, &op))
                return "(unknown)";
        if (op.kind == STORE_OP_DELETE)
                return "(deleted)";
        snprintf(text, 64, "%.*s", (int)op.value.size, (const char *)op.value.data);
        return text;
}

Test(pending, the_newest_operation_on_a_key_is_found)
{
        struct pending pending = { 0 };
        struct record record = begin(&pending);
        char text[64];

        put(&pending, &record, "order/1", "intent");
        put(&pending, &record, "order/2", "intent");
        put(&pending, &record, "order/1", "filled");
        put(&pending, &record, "order/2", NULL);
        end(&pending, &record);
        cr_expect_str_eq(value_of(&pending, "order/1", text), "filled");
        cr_expect_str_eq(value_of(&pending, "order/2", text), "(deleted)");
        cr_expect_str_eq(value_of(&pending, "order/3", text), "(unknown)");
        pending_done(&pending);
}

Test(pending, a_key_names_one_thing_of_its_kind)
{
        struct pending pending = { 0 };
        struct record record = begin(&pending);
        const struct pending_key claim = { PENDING_CLAIM, 1, bus_bytes_str("a") },
                                 elsewhere = { PENDING_CLAIM, 2, bus_bytes_str("a") },
                                 state = { PENDING_STATE, 0, bus_bytes_str("a") },
                                 cursor = { PENDING_CURSOR, 0, bus_bytes_str("a") };
        struct redo_op op;

        append(&pending, &record, 7, "a");
        end(&pending, &record);
        cr_assert(pending_find(&pending, &claim, &op));
        cr_expect_eq(op.position.seq, 7);
        cr_expect(!pending_find(&pending, &elsewhere, &op));
        cr_expect(!pending_find(&pending, &state, &op));
        cr_expect(!pending_find(&pending, &cursor, &op));
        pending_done(&pending);
}

Test(pending, what_is_taken_back_uncovers_what_was_before)
{
        struct pending pending = { 0 };
        struct record record = begin(&pending);
        struct pending_mark mark;
        char key[16], text[64];

        put(&pending, &record, "a", "old");
        end(&pending, &record);
        mark = pending_mark(&pending);
        record = begin(&pending);
        put(&pending, &record, "a", "newer");
        put(&pending, &record, "a", NULL);
        for (int i = 0; i < 1000; i++) { /* the index grows meanwhile */
                snprintf(key, sizeof(key), "k%d", i);
                put(&pending, &record, key, "x");
        }
        cr_expect_str_eq(value_of(&pending, "a", text), "(deleted)");
        cr_expect_str_eq(value_of(&pending, "k999", text), "x");
        pending_take_back(&pending, mark);
        cr_expect_str_eq(value_of(&pending, "a", text), "old");
        cr_expect_str_eq(value_of(&pending, "k0", text), "(unknown)");
        cr_expect_eq(pending.records.size, mark.size);
        pending_done(&pending);
}

Test(pending, a_plan_has_all_appends_in_order_and_of_each_key_the_last_change_by_key)
{
        struct pending pending = { 0 };
        struct pending_plan plan;
        struct record record = begin(&pending);
        char order[128] = "";

        put(&pending, &record, "z", "1");
        append(&pending, &record, 1, "claim");
        put(&pending, &record, "a", "1");
        end(&pending, &record);
        record = begin(&pending);
        append(&pending, &record, 2, "");
        put(&pending, &record, "z", "2");
        put(&pending, &record, "m", NULL);
        end(&pending, &record);

        pending_plan(&pending, &plan);
        for (size_t i = 0; i < plan.count; i++) {
                struct redo_op op = pending_op(&pending, plan.steps[i].at);
                size_t length = strlen(order);

                if (plan.steps[i].kind == PENDING_APPEND)
                        snprintf(order + length, sizeof(order) - length, "+%d ",
                                (int)op.position.seq);
                else
                        snprintf(order + length, sizeof(order) - length, "%.*s=%.*s ",
                                (int)op.key.size, (const char *)op.key.data, (int)op.value.size,
                                (const char *)op.value.data);
        }
        cr_expect_str_eq(order, "+1 +2 claim=first a=1 m= z=2 ");
        pending_plan_done(&plan);
        pending_done(&pending);
}

Test(pending, clearing_gives_back_what_a_burst_took)
{
        struct pending pending = { 0 };
        struct record record = begin(&pending);
        char key[16], text[64];

        for (int i = 0; i < 20000; i++) {
                snprintf(key, sizeof(key), "k%d", i);
                put(&pending, &record, key, "x");
        }
        end(&pending, &record);
        pending_clear(&pending);
        cr_expect_null(pending.records.data);
        cr_expect_null(pending.entries);
        record = begin(&pending);
        put(&pending, &record, "again", "y");
        end(&pending, &record);
        cr_expect_str_eq(value_of(&pending, "again", text), "y");
        pending_clear(&pending);
        cr_expect_str_eq(value_of(&pending, "again", text), "(unknown)");
        pending_done(&pending);
}
