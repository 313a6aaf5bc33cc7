/*
 * The real executor, killed between the sending of an order and the commit of it: what was promised
 * ahead makes the next one ask instead of sending again.
 */
#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "tests/executor/rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define LOG_MAX_BYTES ((size_t)64 << 20)
#define BUY           PB__SIDE__SIDE_BUY
#define ALERT         rig_alert(1)

static struct rig *rig;
static char fault[80];

/* Its syncs take two seconds as long as the file is there (tests/e2e/bad_disk.c). */
static void stall(bool on)
{
        rig_require(on ? bus_file_replace(fault, 0600, bus_bytes_str("stall")) == 0
                       : unlink(fault) == 0,
                "a fault");
}

static void setup(void)
{
        rig = rig_new(NULL);
        rig_start_demo(rig);
        snprintf(fault, sizeof(fault), "%s/fault", rig->folder);
        setenv("UMBRA_BAD_DISK", fault, 1);
        setenv("UMBRA_BAD_DISK_UNDER", rig->folder, 1);
        setenv("ASAN_OPTIONS", "abort_on_error=1:detect_leaks=1:verify_asan_link_order=0", 1);
        setenv("LD_PRELOAD", BAD_DISK, 1);
        rig_start_executor(rig);
        rig_wait_until(rig, rig->connected);
}

static void teardown(void)
{
        rig_free(rig);
}

TestSuite(promise, .init = setup, .fini = teardown, .timeout = 120);

/* The promise stands in the log of its store. */
static bool is_promised(const char *alert)
{
        BUS_AUTOFREE char *path =
                bus_xasprintf("%s/order-executor/order-executor.db-log", rig->folder);
        BUS_AUTOFREE char *key = bus_xasprintf("promise/%s/v3", alert);
        BUS_AUTOBUF struct bus_buf log = BUS_BUF_INIT;

        rig_require(bus_file_read(path, LOG_MAX_BYTES, &log) == 0, path);
        return memmem(log.data, log.size, key, strlen(key));
}

static void promise(const Pb__Order *order)
{
        rig_notice(rig, ALERT, order);
        rig_wait_until(rig, is_promised(ALERT));
}

static void expect_one_execution(void)
{
        rig_wait_event(rig, ALERT, FILLED);
        cr_expect_eq(rig_ledger(rig, "request", NULL), 1);
        cr_expect_eq(rig_ledger(rig, "deal", NULL), 1);
}

Test(promise, killed_behind_the_sending_it_asks_and_sends_nothing_again)
{
        const Pb__Order *order = rig_entry(BUY);

        promise(order);
        stall(true);
        rig_order(rig, ALERT, order, false);
        rig_wait_until(rig, rig_ledger(rig, "request", NULL) == 1);
        cr_expect_eq(rig_count(rig, ALERT, PB__TRADE_EVENT__TRADE_EVENT_INTENT), 0,
                "it is not committed yet");
        rig_kill(rig, &rig->executor, SIGKILL);
        stall(false);
        rig_start_executor(rig);
        expect_one_execution();
        cr_expect_eq(
                rig_count(rig, ALERT, PB__TRADE_EVENT__TRADE_EVENT_UNKNOWN), 1, "it was asked for");
}

Test(promise, without_one_the_broker_hears_nothing_before_the_commit)
{
        int64_t begin_us;

        stall(true);
        begin_us = bus_mono_us();
        rig_order(rig, ALERT, rig_entry(BUY), false);
        rig_wait_until(rig, rig_ledger(rig, "request", NULL) == 1);
        cr_expect_geq(bus_mono_us() - begin_us, BUS_US_PER_SEC, "a sync takes two");
        stall(false);
        expect_one_execution();
}
