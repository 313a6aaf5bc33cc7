/* PATH FORMAT: writes another format into a store that nobody has open, as a newer version would. */
#include "libbus/store/sqlite/sqlite.h"

#include <stdio.h>

int main(int argc, char **argv)
{
        struct sqlite_vfs *vfs = sqlite_vfs_new();
        char error[256] = "", sql[64];
        sqlite3 *db = NULL;
        int r;

        if (argc != 3)
                return 2;
        snprintf(sql, sizeof(sql), "PRAGMA user_version=%.20s", argv[2]);
        r = sqlite_db_open(argv[1], vfs, false, &db, error, sizeof(error));
        if (!r)
                r = sqlite_exec(db, sql);
        if (r < 0)
                fprintf(stderr, "%s: %s\n", argv[1], error);
        sqlite3_close(db);
        sqlite_vfs_free(vfs);
        return r < 0;
}
