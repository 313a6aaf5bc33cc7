/*
 * Keeps: the file ends with a line break whenever no write is under way.
 */
#include "services/mt5-demo/ledger.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>

/* All of it is read at the start; a demo that wrote more has been left running for years. */
#define LEDGER_MAX_BYTES ((size_t)4 << 30)

struct ledger {
        char *path;
        int fd;
        struct bus_buf buf;
};

int ledger_read(struct bus_bytes text, ledger_fn fn, void *arg, size_t *ret_whole, size_t *ret_line)
{
        const uint8_t *at = text.data, *end = text.data + text.size, *stop;
        struct record record;
        size_t line = 0;
        int r = 0;

        while (at < end && (stop = memchr(at, '\n', (size_t)(end - at)))) {
                line++;
                r = record_read(bus_bytes(at, (size_t)(stop - at)), &record);
                if (!r)
                        r = fn(&record, arg);
                if (r < 0)
                        break;
                at = stop + 1;
        }
        *ret_whole = text.size ? (size_t)(at - text.data) : 0;
        *ret_line = line;
        return r;
}

struct ledger *ledger_free(struct ledger *ledger)
{
        if (!ledger)
                return NULL;
        if (ledger->fd >= 0)
                close(ledger->fd);
        bus_buf_done(&ledger->buf);
        free(ledger->path);
        free(ledger);
        return NULL;
}

const char *ledger_path(const struct ledger *ledger)
{
        return ledger->path;
}

void ledger_add(struct ledger *ledger, const struct record *records, size_t count)
{
        for (size_t i = 0; i < count; i++)
                record_write(&records[i], &ledger->buf);
}

int ledger_flush(struct ledger *ledger)
{
        int r;

        if (!ledger->buf.size)
                return 0;
        r = bus_write_all(ledger->fd, bus_buf_bytes(&ledger->buf));
        bus_buf_clear(&ledger->buf);
        return r;
}

int ledger_write(struct ledger *ledger, const struct record *records, size_t count)
{
        ledger_add(ledger, records, count);
        return ledger_flush(ledger);
}

static int replay(struct ledger *ledger, ledger_fn fn, void *arg, size_t *ret_cut,
        char error[static LEDGER_ERROR_SIZE])
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        size_t whole, line;
        int r;

        r = bus_file_read(ledger->path, LEDGER_MAX_BYTES, &text);
        if (r < 0) {
                snprintf(error, LEDGER_ERROR_SIZE, "%s: %s", ledger->path, strerror(-r));
                return r;
        }
        r = ledger_read(bus_buf_bytes(&text), fn, arg, &whole, &line);
        if (r < 0) {
                snprintf(error, LEDGER_ERROR_SIZE,
                        "%s:%zu: not a record, or one that cannot follow those before it",
                        ledger->path, line);
                return r;
        }
        *ret_cut = text.size - whole;
        if (*ret_cut && ftruncate(ledger->fd, (off_t)whole) < 0) {
                r = -errno;
                snprintf(error, LEDGER_ERROR_SIZE, "%s: %s", ledger->path, strerror(-r));
        }
        return r;
}

static int open_file(struct ledger *ledger, const char *folder)
{
        char absolute[PATH_MAX];
        int r;

        r = bus_mkdir_all(folder, 0700);
        if (r < 0)
                return r;
        if (!realpath(folder, absolute))
                return -errno;
        ledger->path = bus_xasprintf("%s/%s", absolute, LEDGER_NAME);
        ledger->fd = open(ledger->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (ledger->fd < 0)
                return -errno;
        if (flock(ledger->fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        return 0;
}

int ledger_open(const char *folder, ledger_fn fn, void *arg, struct ledger **ret_ledger,
        size_t *ret_cut, char error[static LEDGER_ERROR_SIZE])
{
        LEDGER_AUTOFREE struct ledger *ledger = bus_new(struct ledger);
        int r;

        ledger->fd = -1;
        r = open_file(ledger, folder);
        if (r < 0) {
                snprintf(error, LEDGER_ERROR_SIZE, "%s: %s", folder,
                        r == -EBUSY ? "another mt5-demo has it open" : strerror(-r));
                return r;
        }
        r = replay(ledger, fn, arg, ret_cut, error);
        if (r < 0)
                return r;
        *ret_ledger = BUS_STEAL(ledger);
        return 0;
}
