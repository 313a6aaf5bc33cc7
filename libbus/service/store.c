/* The service's store: opened at start-up, and opened anew after a commit that failed. */
#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/store_config.h"
#include "libbus/service/internal.h"

#include <errno.h>
#include <stdio.h>

/* How long after a failed commit, and after each failed try, the store is opened again. */
#define REOPEN_DELAY_US (500 * BUS_US_PER_MS)
#define BOOT_ID_PATH    "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX     64

static bool is_redis(const struct bus_service *service)
{
        return !strcmp(config_string(service->config, "bus", "store"), "redis");
}

int service_store_open(struct bus_service *service, char *error, size_t error_size)
{
        BUS_AUTOBUF struct bus_buf boot_id = BUS_BUF_INIT;
        BUS_AUTOFREE char *path = bus_xasprintf("%s/%s.db", service->folder, service->class->name);
        struct store_options options = {
                .path = path, .shared = service->class->replicated, .now_us = bus_wall_us()
        };
        int r;

        r = bus_store_engine(
                service->config, service->class->name, &options.engine, error, error_size);
        if (r < 0)
                return r;
        if (bus_file_read(BOOT_ID_PATH, BOOT_ID_MAX, &boot_id) < 0)
                bus_buf_clear(&boot_id);
        options.boot_id = bus_buf_str(&boot_id);
        service->syncs_seen = 0;
        return store_open(&options, &service->store, error, error_size);
}

/* ---- standing by: another process has the store, or Redis is not there ---- */

static bool passes(int r)
{
        static const int passing[] = { -EBUSY, -ECONNREFUSED, -ENOENT, -ETIMEDOUT, -ECONNRESET,
                -EAGAIN, -EHOSTUNREACH, -ENETUNREACH, -EPIPE, -EROFS, -EIO, -ENOSPC };

        for (size_t i = 0; i < BUS_COUNT(passing); i++)
                if (r == passing[i])
                        return true;
        return false;
}

static void look_again(void *arg)
{
        struct bus_service *service = arg;

        bus_loop_stop(service->loop);
}

static void stand_by(struct bus_service *service, const char *why)
{
        struct bus_source *timer =
                bus_loop_add_timer(service->loop, REOPEN_DELAY_US, 0, look_again, service);

        if (!service->standing_by) {
                log_info("standing_by", "%s", why);
                if (service->class->stand_by)
                        service->class->stand_by(service->self);
        }
        service->standing_by = true;
        if (bus_loop_run(service->loop) < 0)
                service->draining = true;
        bus_loop_remove(service->loop, timer);
}

int service_store_wait(struct bus_service *service, char *error, size_t error_size)
{
        int r;

        for (;;) {
                *error = 0;
                r = service_store_open(service, error, error_size);
                if (r >= 0 || !is_redis(service) || !passes(r))
                        break;
                stand_by(service, error);
                if (service->draining)
                        return -ECANCELED;
        }
        if (r >= 0 && service->standing_by)
                log_info("stood_by", "the store is ours now");
        service->standing_by = false;
        return r;
}

/* ---- holding on to it ---- */

bool service_store_is_ours(const struct bus_service *service)
{
        return service->store && !store_lease_is_over(service->store, bus_mono_us());
}

static void keep_lease(void *arg)
{
        struct bus_service *service = arg;
        int r;

        if (!service->store || service->failed)
                return;
        r = store_renew(service->store);
        if (r < 0)
                service_store_lost(service, r);
        else
                service_alarms_keep(service);
}

/* What stands in the store that was opened; said once more by each that opens it. */
static void tell_of_regress(struct bus_service *service)
{
        if (!store_has_regressed(service->store))
                return;
        log_error("store_regressed",
                "redis has lost commits that it had acknowledged: was it restored, or failed over?");
        bus_alarm(service, "journal_regressed", service->class->name,
                PB__SEVERITY__SEVERITY_CRITICAL,
                "Redis has lost what %s had committed; what came of it is not known here",
                service->class->name);
}

void service_store_accept(struct bus_service *service)
{
        if (service->store && store_has_regressed(service->store) &&
                store_restored_done(service->store) < 0)
                log_warn("regress_mark_stays", "the store refuses to take it off");
}

void service_store_hold(struct bus_service *service)
{
        struct store_lease lease;

        tell_of_regress(service);
        store_lease(service->store, &lease);
        if (lease.period_us && !service->lease_timer)
                service->lease_timer = bus_loop_add_timer(
                        service->loop, lease.period_us, lease.period_us, keep_lease, service);
}

static const char *reason_of(int result)
{
        switch (result) {
        case -ESTALE: return "another process has the lease of the store";
        case -ENOTRECOVERABLE: return "redis has lost commits that it had acknowledged";
        case -EACCES: return "redis does not let this user do all that is needed any more";
        case -EUCLEAN: return "half of a commit lies in redis: a right was taken away within it";
        default: return strerror(-result);
        }
}

static int reopen(struct bus_service *service, char *error, size_t error_size)
{
        int r;

        r = service_store_open(service, error, error_size);
        if (r < 0)
                return r;
        r = bus_writer_reopen(service->writer, service->store);
        /* what was raised and not committed was never said: it may be raised again */
        service_alarms_free(service);
        if (r == 0)
                r = service_alarms_load(service);
        if (r < 0) {
                bus_writer_detach(service->writer);
                service->store = store_abandon(service->store);
        }
        return r;
}

static void try_reopen(void *arg)
{
        struct bus_service *service = arg;
        char error[CONFIG_ERROR_SIZE] = "";
        int r;

        if (service->store)
                return;
        r = reopen(service, error, sizeof(error));
        if (r < 0) {
                log_warn("store_reopen_failed", "error=\"%s\" result=%s", error, strerror(-r));
                bus_loop_set_timer(service->reopen_timer, REOPEN_DELAY_US);
                return;
        }
        log_info("store_reopened", "commits go on");
        tell_of_regress(service);
        bus_alarm(service, "store_failed", service->class->name, PB__SEVERITY__SEVERITY_CRITICAL,
                "commits failed for a while; what was asked for in that time was refused");
        bus_alarm_end(service, "store_failed", service->class->name);
        bus_service_ready(service);
}

void service_store_lost(struct bus_service *service, int result)
{
        if (!service->class->survives_commit_failure) {
                bus_service_fail(service, "commit_failed", "error=\"%s\"", reason_of(result));
                return;
        }
        /* The reopening is under way: what fails meanwhile must not put it off. */
        if (!service->store)
                return;
        log_error("commit_failed", "error=\"%s\"", reason_of(result));
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
