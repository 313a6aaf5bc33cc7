/*
 * A service that hangs for longer than its lease, as behind a SIGSTOP, while another process takes its
 * store over: when it goes on, it says nothing before it knows.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/bus/keys.h"
#include "libbus/service/internal.h"
#include "libbus/service/run.h"
#include "libbus/store/redis/test_redis_server.h"

#include "tick.pb-c.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zmq.h>

struct test_redis server;
static char folder[64];
static struct bus_service *service;
static int sent; /* of what is published; questions to other writers do no harm */

static bool begins(const void *data, size_t size, const char *prefix)
{
        return bus_bytes_begin(bus_bytes(data, size), bus_bytes_str(prefix));
}

int __real_zmq_send(void *socket, const void *data, size_t size, int flags);
int __wrap_zmq_send(void *socket, const void *data, size_t size, int flags);

int __wrap_zmq_send(void *socket, const void *data, size_t size, int flags)
{
        sent += begins(data, size, "tick.") || begins(data, size, "heartbeat.") ||
                begins(data, size, "beacon.") || begins(data, size, "batch.");
        return __real_zmq_send(socket, data, size, flags);
}

static int create(struct bus_service *made, void **ret_self)
{
        service = made;
        *ret_self = &service;
        return 0;
}

static void leave_loop(void *arg)
{
        bus_service_drained(arg);
}

static int start(void *self)
{
        (void)self;
        bus_service_ready(service);
        bus_loop_add_timer(service->loop, 0, 0, leave_loop, service);
        return 0;
}

static void destroy(void *self)
{
        (void)self;
}

static const char *const outputs[] = { "trade", NULL };
static const struct bus_service_class class = { .name = "order-executor",
        .outputs = outputs,
        .create = create,
        .start = start,
        .destroy = destroy };

static void set_up(void)
{
        const struct config_option *tables[] = { bus_endpoint_options, service_options(&class) };
        BUS_AUTOFREE char *keys = NULL, *state = NULL, *socket = NULL;
        const char *sets[4] = { "bus.store=redis", "bus.lease=1s" };
        const struct config_source from = { .sets = sets, .set_count = BUS_COUNT(sets) };
        struct config *config;
        char error[CONFIG_ERROR_SIZE];
        int quiet[2];

        cr_assert_eq(bus_hash_init(), 0);
        test_redis_start(&server, NULL);
        strcpy(folder, "/tmp/umbra-lease-XXXXXX");
        cr_assert(mkdtemp(folder));
        keys = bus_xasprintf("%s/keys", folder);
        sets[2] = state = bus_xasprintf("bus.state_dir=%s", folder);
        sets[3] = socket = bus_xasprintf("redis.socket=%s", server.socket);
        cr_assert_geq(bus_keys_make_all(keys), 0);
        cr_assert_eq(config_load(&from, tables, 2, &config, error, sizeof(error)), 0, "%s", error);
        cr_assert_eq(service_create(service_new(&class, config)), 0);
        cr_assert_eq(pipe(quiet), 0); /* stands for the signals: none comes */
        cr_assert_eq(service_run(service, quiet[0]), 0);
}

static void tear_down(void)
{
        BUS_AUTOFREE char *clean = bus_xasprintf("rm -r %s", folder);

        service_free(service);
        test_redis_end(&server);
        cr_expect_eq(system(clean), 0);
}

TestSuite(lease, .init = set_up, .fini = tear_down);

/* From another folder, as another machine would, as soon as the lease has run out. */
static struct store *take_over(void)
{
        BUS_AUTOFREE char *other = bus_xasprintf("%s/other", folder);
        BUS_AUTOFREE char *path = bus_xasprintf("%s/order-executor.db", other);
        const struct store_options options = {
                .engine = "redis", .path = path, .now_us = bus_wall_us(), .boot_id = ""
        };
        struct store *store = NULL;
        char error[256] = "";
        int r;

        cr_assert_eq(mkdir(other, 0700), 0);
        while ((r = store_open(&options, &store, error, sizeof(error))) == -EBUSY)
                usleep(20000);
        cr_assert_eq(r, 0, "%s", error);
        return store;
}

static void publish_tick(void)
{
        Pb__Tick tick = PB__TICK__INIT;

        tick.symbol = "EURUSD";
        bus_publish(service, "tick.EURUSD", &tick.base);
}

/* As what is derived is, while more of the batch it comes from is handled. */
static void gather_trade(void)
{
        struct bus_writer_stream *stream = bus_writer_stream(service->writer, "trade");

        bus_writer_gather(service->writer);
        bus_writer_publish(service->writer, stream, "trade.filled.EURUSD", bus_bytes_str("x"),
                (struct bus_pos){ 1, 1, 0 }, BUS_POS_ZERO);
}

Test(lease, who_hung_past_it_says_nothing_more)
{
        struct store *taken;

        service_heartbeat(service);
        publish_tick();
        cr_expect_gt(sent, 0);
        sent = 0;
        gather_trade();
        bus_writer_flush(service->writer);
        cr_expect_eq(sent, 1);
        gather_trade();
        taken = take_over(); /* and this process has hung meanwhile */
        sent = 0;
        bus_writer_flush(service->writer);
        publish_tick();
        service_heartbeat(service);
        for (int i = 0; i < 20 && !service->failed; i++)
                cr_assert_eq(bus_loop_turn(service->loop, 100 * BUS_US_PER_MS), 0);
        cr_expect(service->failed, "it finds out");
        cr_expect_eq(sent, 0);
        store_abandon(taken);
}

Test(lease, who_hung_past_it_and_still_has_it_goes_on)
{
        usleep(1200 * 1000);
        sent = 0;
        publish_tick();
        cr_expect_eq(sent, 0);
        cr_assert_eq(bus_loop_turn(service->loop, 100 * BUS_US_PER_MS), 0);
        publish_tick();
        cr_expect_gt(sent, 0);
        cr_expect_not(service->failed);
}
