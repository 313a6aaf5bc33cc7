/* The service's store: opened at start-up, and opened anew after a commit that failed. */
#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/service/internal.h"

#include <errno.h>
#include <stdio.h>

/* How long after a failed commit, and after each failed try, the store is opened again. */
#define REOPEN_DELAY_US (500 * BUS_US_PER_MS)
#define BOOT_ID_PATH    "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX     64

int service_store_open(struct bus_service *service, char *error, size_t error_size)
{
        BUS_AUTOBUF struct bus_buf boot_id = BUS_BUF_INIT;
        BUS_AUTOFREE char *path = bus_xasprintf("%s/%s.db", service->folder, service->class->name);
        struct store_options options = { .engine = config_string(service->config, "bus", "store"),
                .path = path,
                .now_us = bus_wall_us() };

        if (bus_file_read(BOOT_ID_PATH, BOOT_ID_MAX, &boot_id) < 0)
                bus_buf_clear(&boot_id);
        options.boot_id = bus_buf_str(&boot_id);
        service->syncs_seen = 0;
        return store_open(&options, &service->store, error, error_size);
}

static void try_reopen(void *arg)
{
        struct bus_service *service = arg;
        char error[CONFIG_ERROR_SIZE] = "";
        int r;

        if (service->store)
                return;
        r = service_store_open(service, error, sizeof(error));
        if (r == 0) {
                r = bus_writer_reopen(service->writer, service->store);
                /* what was raised and not committed was never said: it may be raised again */
                service_alarms_free(service);
                if (r == 0)
                        r = service_alarms_load(service);
                if (r < 0)
                        service->store = store_abandon(service->store);
        }
        if (r < 0) {
                log_warn("store_reopen_failed", "error=\"%s\" result=%s", error, strerror(-r));
                bus_loop_set_timer(service->reopen_timer, REOPEN_DELAY_US);
                return;
        }
        log_info("store_reopened", "commits go on");
        bus_alarm(service, "store_failed", service->class->name, PB__SEVERITY__SEVERITY_CRITICAL,
                "commits failed for a while; what was asked for in that time was refused");
        bus_alarm_end(service, "store_failed", service->class->name);
        bus_service_ready(service);
}

void service_store_lost(struct bus_service *service, int result)
{
        if (!service->class->survives_commit_failure) {
                bus_service_fail(service, "commit_failed", "error=\"%s\"", strerror(-result));
                return;
        }
        /* The reopening is under way: what fails meanwhile must not put it off. */
        if (!service->store)
                return;
        log_error("commit_failed", "error=\"%s\"", strerror(-result));
        bus_service_degraded(service, "the store cannot commit");
        /* a failed sync is not tried again on the same descriptor */
        bus_writer_detach(service->writer);
        service->store = store_abandon(service->store);
        if (!service->reopen_timer)
                service->reopen_timer =
                        bus_loop_add_timer(service->loop, -1, 0, try_reopen, service);
        bus_loop_set_timer(service->reopen_timer, REOPEN_DELAY_US);
}

int bus_service_backup(
        struct bus_service *service, const char *name, char *error, size_t error_size)
{
        /* a folder for each service: under uids of their own none can touch another's copies */
        BUS_AUTOFREE char *folder = bus_xasprintf("%s/backup/%s",
                config_string(service->config, "bus", "state_dir"), service->class->name);
        BUS_AUTOFREE char *path = bus_xasprintf("%s/%s.db", folder, name);
        int r;

        if (!service->store) {
                snprintf(error, error_size, "the store is not open");
                return -EIO;
        }
        r = bus_mkdir_all(folder, 0700);
        if (r < 0) {
                snprintf(error, error_size, "cannot make %s: %s", folder, strerror(-r));
                return r;
        }
        return store_backup(service->store, path, error, error_size);
}
