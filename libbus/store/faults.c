#include "libbus/store/faults.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

static struct store_sqlite_faults faults;

void store_sqlite_set_faults(const struct store_sqlite_faults *set)
{
        faults = set ? *set : (struct store_sqlite_faults){ 0 };
}

static void stall(uint32_t ms)
{
        struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

        if (ms)
                nanosleep(&pause, NULL);
}

static bool fault_is_due(int error, uint32_t *left)
{
        if (!error)
                return false;
        if (*left) {
                (*left)--;
                return false;
        }
        return true;
}

static void count_down(const struct disk_request *request)
{
        if (!faults.kill_at || --faults.kill_at)
                return;
        if (request->op == STORE_DISK_WRITE)
                (void)request->fn(request, bus_bytes(request->data.data, request->data.size / 2));
        kill(getpid(), SIGKILL);
}

int disk_do(const struct disk_request *request)
{
        int r;

        count_down(request);
        if (request->op == STORE_DISK_WRITE) {
                if (request->of_commit)
                        stall(faults.write_stall_ms);
                if (fault_is_due(faults.write_errno, &faults.writes_left)) {
                        r = -faults.write_errno;
                        if (faults.write_once)
                                faults.write_errno = 0;
                        return r;
                }
        } else if (request->op == STORE_DISK_SYNC) {
                stall(faults.sync_stall_ms);
                if (fault_is_due(faults.sync_errno, &faults.syncs_left))
                        return -faults.sync_errno;
        }
        r = request->fn(request, request->data);
        if (!r && faults.told)
                faults.told(request->op, request->path, request->data, request->offset, faults.arg);
        return r;
}
