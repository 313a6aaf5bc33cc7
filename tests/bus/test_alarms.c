/*
 * Alarms of two replicas that share a store: said once, and standing until neither reports them. Both
 * run in this process, without their loops.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/bus/keys.h"
#include "libbus/service/internal.h"
#include "libbus/service/run.h"
#include "libbus/store/redis/test_redis_server.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>

#define STREAM "alarm@alert-ingest"

struct test_redis server;
static char folder[64];
static struct bus_service *made; /* last */

static int create(struct bus_service *service, void **ret_self)
{
        made = service;
        *ret_self = &made;
        return 0;
}

static void leave_loop(void *arg)
{
        bus_service_drained(arg);
}

static int start(void *self)
{
        (void)self;
        bus_service_ready(made);
        bus_loop_add_timer(made->loop, 0, 0, leave_loop, made);
        return 0;
}

static void destroy(void *self)
{
        (void)self;
}

static const char *const outputs[] = { "signal", NULL };
static const struct bus_service_class class = { .name = "alert-ingest",
        .outputs = outputs,
        .replicated = true,
        .create = create,
        .start = start,
        .destroy = destroy };

static struct bus_service *replica(const char *name)
{
        const struct config_option *tables[] = { bus_endpoint_options, service_options(&class) };
        BUS_AUTOFREE char *keys = bus_xasprintf("%s/%s/keys", folder, name);
        BUS_AUTOFREE char *state = bus_xasprintf("bus.state_dir=%s/%s", folder, name);
        BUS_AUTOFREE char *socket = bus_xasprintf("redis.socket=%s", server.socket);
        BUS_AUTOFREE char *who = bus_xasprintf("bus.replica=%s", name);
        const char *sets[] = { state, socket, who, "bus.store=redis", "bus.lease=1s" };
        const struct config_source from = { .sets = sets, .set_count = BUS_COUNT(sets) };
        struct bus_service *service;
        struct config *config;
        char error[CONFIG_ERROR_SIZE];
        int quiet[2];

        cr_assert_geq(bus_keys_make_all(keys), 0);
        cr_assert_eq(config_load(&from, tables, 2, &config, error, sizeof(error)), 0, "%s", error);
        service = service_new(&class, config);
        cr_assert_eq(service_create(service), 0);
        cr_assert_eq(pipe(quiet), 0); /* stands for the signals: none comes */
        cr_assert_eq(service_run(service, quiet[0]), 0);
        close(quiet[0]);
        close(quiet[1]);
        crash_slot_close(service->slot, true); /* a process has one */
        service->slot = NULL;
        return service;
}

static void set_up(void)
{
        BUS_AUTOFREE char *one = NULL, *two = NULL;

        cr_assert_eq(bus_hash_init(), 0);
        test_redis_start(&server, NULL);
        strcpy(folder, "/tmp/umbra-alarms-XXXXXX");
        cr_assert(mkdtemp(folder));
        one = bus_xasprintf("%s/one", folder);
        two = bus_xasprintf("%s/two", folder);
        cr_assert_eq(mkdir(one, 0700), 0);
        cr_assert_eq(mkdir(two, 0700), 0);
}

static void tear_down(void)
{
        BUS_AUTOFREE char *clean = bus_xasprintf("rm -r %s", folder);

        test_redis_end(&server);
        cr_expect_eq(system(clean), 0);
}

TestSuite(alarms, .init = set_up, .fini = tear_down);

static void raise_it(struct bus_service *service)
{
        bus_alarm(service, "test_alarm", "x", PB__SEVERITY__SEVERITY_WARNING, "a text");
}

static void end_it(struct bus_service *service)
{
        bus_alarm_end(service, "test_alarm", "x");
}

/* How often an alarm was said, raised or ended. */
static uint64_t said(struct bus_service *service)
{
        struct store_stream stream;

        bus_commit_now(service);
        cr_assert_eq(store_stream_get(service->store, STREAM, &stream), 0);
        return stream.last.seq;
}

/* As its timer does in a lease's time; it has been up for long. */
static void keep(struct bus_service *service)
{
        service->started_us = 1;
        for (int i = 0; i < 3; i++)
                service_alarms_keep(service);
        bus_commit_now(service);
}

Test(alarms, one_stands_until_no_replica_reports_it)
{
        struct bus_service *one = replica("one"), *two = replica("two");

        raise_it(one);
        cr_expect_eq(said(one), 1);
        raise_it(two);
        cr_expect_eq(said(two), 1);
        end_it(one);
        cr_expect_eq(said(one), 1);
        keep(one);
        keep(two);
        cr_expect_eq(said(one), 1);
        end_it(two);
        cr_expect_eq(said(two), 2);
        keep(one);
        cr_expect_eq(said(one), 2);
        service_free(one);
        service_free(two);
}

Test(alarms, one_ended_while_another_replica_raises_it_is_said_again)
{
        struct bus_service *one = replica("one"), *two = replica("two");

        raise_it(one);
        cr_expect_eq(said(one), 1);
        raise_it(two);
        end_it(one);
        cr_expect_eq(said(one), 2);
        cr_expect_eq(said(two), 2);
        keep(one);
        cr_expect_eq(said(one), 2);
        keep(two);
        cr_expect_eq(said(two), 3);
        keep(one);
        keep(two);
        cr_expect_eq(said(two), 3);
        service_free(one);
        service_free(two);
}

Test(alarms, one_that_both_end_at_once_does_not_stay)
{
        struct bus_service *one = replica("one"), *two = replica("two");

        raise_it(one);
        bus_commit_now(one);
        raise_it(two);
        bus_commit_now(two);
        end_it(one);
        end_it(two);
        bus_commit_now(one);
        cr_expect_eq(said(two), 1, "each took the other for one who reports it");
        keep(one);
        cr_expect_eq(said(one), 2);
        keep(two);
        cr_expect_eq(said(two), 2);
        service_free(one);
        service_free(two);
}

static void let_grow_old(struct bus_service *service, const char *code, const char *holder)
{
        BUS_AUTOFREE char *key = bus_xasprintf("alarm-of/%s/x\n%s", code, holder);

        bus_put(service, key, bus_bytes_str("1 1 a text"), false);
        bus_commit_now(service);
}

Test(alarms, what_a_replica_reported_that_is_gone_ends_but_for_what_a_person_has_to_see)
{
        struct bus_service *one = replica("one"), *two = replica("two");
        BUS_AUTOFREE char *holder = NULL;
        struct store_lease lease;

        store_lease(two->store, &lease);
        holder = bus_xstrdup(lease.holder);
        raise_it(two);
        bus_alarm(two, "quarantined", "x", PB__SEVERITY__SEVERITY_CRITICAL, "a text");
        cr_expect_eq(said(two), 2);
        service_free(two);
        keep(one);
        cr_expect_eq(said(one), 2, "it may come back");
        let_grow_old(one, "test_alarm", holder);
        let_grow_old(one, "quarantined", holder);
        keep(one);
        cr_expect_eq(said(one), 3);
        keep(one);
        cr_expect_eq(said(one), 3);
        service_alarms_seen(one);
        cr_expect_eq(said(one), 4);
        service_free(one);
}

Test(alarms, what_a_person_has_seen_at_one_replica_is_over_for_all)
{
        struct bus_service *one = replica("one"), *two = replica("two");

        bus_alarm(one, "journal_regressed", "x", PB__SEVERITY__SEVERITY_CRITICAL, "a text");
        cr_expect_eq(said(one), 1);
        bus_alarm(two, "journal_regressed", "x", PB__SEVERITY__SEVERITY_CRITICAL, "a text");
        cr_expect_eq(said(two), 1);
        service_alarms_seen(one);
        cr_expect_eq(said(one), 2);
        keep(two);
        service_alarms_seen(two);
        cr_expect_eq(said(two), 2);
        cr_expect_null(one->alarms);
        cr_expect_null(two->alarms);
        service_free(one);
        service_free(two);
}

Test(alarms, a_replica_remembers_over_a_restart_what_it_reported_and_nothing_else)
{
        struct bus_service *one = replica("one"), *two = replica("two");

        raise_it(two);
        cr_expect_eq(said(two), 1);
        service_free(two);
        service_free(one);
        one = replica("one");
        end_it(one);
        cr_expect_eq(said(one), 1);
        two = replica("two");
        cr_expect_str_eq(two->alarms->text, "a text");
        end_it(two);
        cr_expect_eq(said(two), 2);
        service_free(one);
        service_free(two);
}
