/*
 * Starting, caring for what grows, stopping.
 */
#include "services/order-executor/glue.h"

#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/wire/streams.h"

#include <inttypes.h>
#include <stdio.h>

#define TICK_BUSY_US (50 * BUS_US_PER_MS)
#define TICK_IDLE_US (250 * BUS_US_PER_MS)
#define CARE_US      (5 * BUS_US_PER_SEC)
#define DRAIN_US     (3 * BUS_US_PER_SEC)
#define DAY_US       (24 * 3600 * BUS_US_PER_SEC)
/* Ended alerts stay in memory for late words about them, fewer seconds of them when there are many;
 * the store has them as long as signals are kept. */
#define REMEMBER_US      (30 * BUS_US_PER_SEC)
#define REMEMBER_MANY_US (3 * BUS_US_PER_SEC)
#define LOOK_US          BUS_US_PER_SEC /* whether there are many */
enum {
        REMEMBER_MANY = 256, /* at about 2 KiB each */
};
/* Deals are told again at most for the overlap of two questions; a day is far beyond. */
#define DEALS_KEPT_US    DAY_US
#define BAD_SNAPSHOTS_US (30 * BUS_US_PER_SEC) /* without a good one: a person hears of it */

/* ---- the store as the books see it ---- */

static int store_get_key(void *arg, const char *key, struct bus_buf *value)
{
        struct ex_service *self = arg;

        return bus_get(self->service, key, value);
}

static int store_scan_keys(void *arg, const char *prefix, ex_keep_fn fn, void *fn_arg)
{
        struct ex_service *self = arg;

        return bus_scan(self->service, prefix, fn, fn_arg);
}

/* ---- care ---- */

static void delete_key(void *arg, const char *key)
{
        struct ex_service *self = arg;

        bus_delete(self->service, key);
}

static void delete_deal(void *arg, uint64_t deal)
{
        struct ex_service *self = arg;
        char key[EX_STORE_KEY_SIZE];

        snprintf(key, sizeof(key), "deal/%" PRIu64, deal);
        bus_delete(self->service, key);
}

/* As long as a signal may come again, what it led to is known. */
static int64_t kept_us(void)
{
        return (bus_stream_kind("signal")->kept_days + 1) * DAY_US;
}

static void prune(struct ex_service *self, int64_t now_us)
{
        int64_t day = now_us / DAY_US;

        if (day == self->pruned_day)
                return;
        self->pruned_day = day;
        if (ex_keep_old(&self->store, now_us - kept_us(), delete_key, self) < 0)
                log_warn("prune_failed", "old alerts stay for another day");
}

static void on_care(void *arg)
{
        struct ex_service *self = arg;
        int64_t now_us = bus_wall_us();

        ex_book_forget(self->book, now_us - REMEMBER_US, now_us - REMEMBER_US);
        ex_book_forget_deals(
                self->book, self->book->risk.last_deal_us - DEALS_KEPT_US, delete_deal, self);
        ex_book_forget_promises(self->book, now_us - kept_us(), ex_now(self));
        ex_carry_out(self, NULL);
        prune(self, now_us);
}

static void on_look(void *arg)
{
        struct ex_service *self = arg;
        int64_t now_us = bus_wall_us();

        if (self->book->jobs.count > REMEMBER_MANY)
                ex_book_forget(self->book, now_us - REMEMBER_MANY_US, now_us - REMEMBER_US);
}

static void watch_snapshots(struct ex_service *self)
{
        if (!ex_link_is_up(self->link) || bus_mono_us() - self->good_us < BAD_SNAPSHOTS_US)
                return;
        self->good_us = bus_mono_us(); /* says it again only after as long a time */
        bus_alarm(self->service, "snapshots_failing", "terminal", PB__SEVERITY__SEVERITY_CRITICAL,
                "the terminal gives no good snapshot of the account: context and entries will stop");
}

static void drain_when_done(struct ex_service *self)
{
        if (!self->draining)
                return;
        if (ex_book_on_wire(self->book) && bus_mono_us() < self->drain_until_us)
                return;
        self->draining = false;
        bus_service_drained(self->service);
}

static void on_tick(void *arg)
{
        struct ex_service *self = arg;

        ex_book_time(self->book, ex_now(self));
        ex_carry_out(self, NULL);
        watch_snapshots(self);
        bus_loop_set_timer(self->timer, ex_book_is_idle(self->book) ? TICK_IDLE_US : TICK_BUSY_US);
        drain_when_done(self);
}

/* ---- start ---- */

static void restore_is_noted(void *arg, void *unused BUS_UNUSED, int result)
{
        struct ex_service *self = arg;

        if (result == 0 && store_restored_done(bus_service_store(self->service)) < 0)
                log_warn("restore_mark_stays", "the next start will pause again");
}

/* Another beginning than the one that was counted from: everything is counted anew by the broker. */
static void set_since(struct ex_service *self, int64_t now_us)
{
        struct ex_risk *risk = &self->book->risk;
        int64_t since_us = self->settings.since_us;

        if (!since_us)
                since_us = risk->since_us ? risk->since_us : now_us;
        if (since_us == risk->since_us)
                return;
        ex_book_forget_deals(self->book, INT64_MAX, delete_deal, self);
        *risk = (struct ex_risk){ .day_start_us = risk->day_start_us, .since_us = since_us };
        ex_fx_save_risk(&self->book->fx);
}

static int load(struct ex_service *self)
{
        int64_t now_us = bus_wall_us();
        int r;

        r = ex_keep_load(self->book, &self->store);
        if (r == 0)
                r = ex_load_settings(self);
        if (r < 0) {
                bus_service_fail(self->service, "cannot_start", "the books cannot be read: %s",
                        strerror(-r));
                return r;
        }
        if (!self->book->switches.first_start_us) {
                self->book->switches.first_start_us = now_us;
                ex_fx_save_switches(&self->book->fx);
        }
        if (store_was_restored(bus_service_store(self->service))) {
                ex_book_restored(self->book, ex_now(self));
                bus_after_commit(self->service, restore_is_noted, NULL);
        }
        set_since(self, now_us);
        ex_book_loaded(self->book, ex_now(self));
        return 0;
}

int ex_start(void *arg)
{
        struct ex_service *self = arg;
        struct bus_loop *loop = bus_service_loop(self->service);
        int r;

        self->store = (struct ex_store){ self, store_get_key, store_scan_keys };
        r = load(self);
        if (r < 0)
                return r;
        ex_carry_out(self, NULL);
        r = ex_open_link(self);
        if (r < 0)
                return r;
        self->timer = bus_loop_add_timer(loop, TICK_BUSY_US, 0, on_tick, self);
        self->care_timer = bus_loop_add_timer(loop, CARE_US, CARE_US, on_care, self);
        self->look_timer = bus_loop_add_timer(loop, LOOK_US, LOOK_US, on_look, self);
        return 0;
}

/* What is on the wire is waited for; whatever else there is, the next start has it. */
void ex_drain(void *arg)
{
        struct ex_service *self = arg;

        self->draining = true;
        self->book->stopping = true;
        self->drain_until_us = bus_mono_us() + DRAIN_US;
        bus_input_hold(self->service, "order", true);
        ex_book_take_back_promises(self->book);
        ex_carry_out(self, NULL);
        drain_when_done(self);
}
