#include "libbus/store/sqlite/sqlite.h"

#include <errno.h>

int sqlite_apply_state(struct sqlite_store *s, const struct redo_op *op)
{
        static const enum sqlite_sql sqls[] = {
                [STORE_OP_PUT] = SQL_PUT,
                [STORE_OP_DELETE] = SQL_DELETE,
                [STORE_OP_CURSOR] = SQL_CURSOR_PUT,
        };
        sqlite3_stmt *stmt;
        int r;

        r = sqlite_sql(s, sqls[op->kind], &stmt);
        if (r < 0)
                return r;
        if (op->kind == STORE_OP_CURSOR) {
                sqlite_bind_text(stmt, 1, op->name);
                sqlite_bind_pos(stmt, 2, op->position);
        } else {
                sqlite_bind_bytes(stmt, 1, op->key);
                if (op->kind == STORE_OP_PUT)
                        sqlite_bind_bytes(stmt, 2, op->value);
        }
        return sqlite_run(s, stmt);
}

int sqlite_get(struct store *store, struct bus_bytes key, struct bus_buf *ret_value)
{
        struct sqlite_store *s = sqlite_of(store);
        const struct pending_key wanted = { PENDING_STATE, 0, key };
        struct bus_bytes value;
        struct redo_op op;
        sqlite3_stmt *stmt;
        int rc, r;

        r = sqlite_usable(s);
        if (r < 0)
                return r;
        if (sqlite_find_pending(s, &wanted, &op)) {
                if (op.kind == STORE_OP_DELETE)
                        return STORE_ABSENT;
                bus_buf_add(ret_value, op.value.data, op.value.size);
                return 0;
        }
        r = sqlite_sql(s, SQL_GET, &stmt);
        if (r < 0)
                return r;
        sqlite_bind_bytes(stmt, 1, key);
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW) {
                value = sqlite_column_bytes(stmt, 0);
                bus_buf_add(ret_value, value.data, value.size);
        }
        sqlite3_reset(stmt);
        return rc == SQLITE_DONE ? STORE_ABSENT : sqlite_errno(rc, s->db);
}

int sqlite_cursor(struct store *store, const char *name, struct bus_pos *ret_position)
{
        struct sqlite_store *s = sqlite_of(store);
        const struct pending_key wanted = { PENDING_CURSOR, 0, bus_bytes_str(name) };
        struct redo_op op;
        sqlite3_stmt *stmt;
        int rc, r;

        r = sqlite_usable(s);
        if (r < 0)
                return r;
        if (sqlite_find_pending(s, &wanted, &op)) {
                *ret_position = op.position;
                return 0;
        }
        r = sqlite_sql(s, SQL_CURSOR_GET, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW)
                *ret_position = sqlite_column_pos(stmt, 0);
        sqlite3_reset(stmt);
        return rc == SQLITE_DONE ? STORE_ABSENT : sqlite_errno(rc, s->db);
}

int sqlite_scan(struct store *store, struct bus_bytes prefix, store_state_fn fn, void *arg)
{
        struct sqlite_store *s = sqlite_of(store);
        sqlite3_stmt *stmt;
        int rc, r;

        if (s->busy)
                return -EBUSY;
        r = sqlite_catch_up(s);
        if (!r)
                r = sqlite_sql(s, SQL_SCAN, &stmt);
        if (r < 0)
                return r;
        sqlite_bind_bytes(stmt, 1, prefix);
        s->busy = true;
        while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
                struct bus_bytes key = sqlite_column_bytes(stmt, 0);

                if (!bus_bytes_begin(key, prefix))
                        break;
                r = fn(key, sqlite_column_bytes(stmt, 1), arg);
                if (r)
                        break;
        }
        s->busy = false;
        sqlite3_reset(stmt);
        return r < 0 ? r : sqlite_errno(rc, s->db);
}
