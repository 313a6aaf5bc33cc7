/*
 * A stand-in for order-executor in tests: writes one account snapshot a 100 ms, with the balance it
 * is told and two positions.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/service/service.h"

#include "account.pb-c.h"

#define PERIOD_US (100 * BUS_US_PER_MS)

struct fake {
        struct bus_service *service;
        int64_t balance_cents;
};

static void publish(void *arg)
{
        struct fake *fake = arg;
        Pb__Account account = PB__ACCOUNT__INIT;
        Pb__AccountPosition gold = PB__ACCOUNT_POSITION__INIT, foreign = PB__ACCOUNT_POSITION__INIT;
        Pb__AccountPosition *positions[] = { &gold, &foreign };

        gold.ticket = 1;
        gold.symbol = "XAUUSD";
        gold.side = PB__SIDE__SIDE_BUY;
        gold.volume_e8 = 2000000;
        gold.open_price_e8 = INT64_C(265000000000);
        gold.cl_ord_id = "";
        gold.ours = true;
        foreign = gold;
        foreign.ticket = 2;
        foreign.ours = false;
        account.as_of_us = bus_wall_us();
        account.connected = true;
        account.balance_cents = fake->balance_cents;
        account.equity_cents = fake->balance_cents;
        account.positions = positions;
        account.n_positions = BUS_COUNT(positions);
        bus_emit(fake->service,
                &(struct bus_out){
                        .stream = "account", .topic = "account.snapshot", .body = &account.base });
}

static int create(struct bus_service *service, void **ret_self)
{
        struct fake *fake = bus_new(struct fake);

        fake->service = service;
        fake->balance_cents = config_int(bus_service_config(service), "risk", "balance");
        *ret_self = fake;
        return 0;
}

static int start(void *self)
{
        struct fake *fake = self;

        bus_loop_add_timer(bus_service_loop(fake->service), 0, PERIOD_US, publish, fake);
        bus_service_ready(fake->service);
        return 0;
}

static const char *const outputs[] = { "account", NULL };

static const struct config_option options[] = {
        { "risk", "balance", CONFIG_CENTS, "10000", 0, INT64_MAX },
        { 0 },
};

static const struct bus_service_class class = {
        .name = "order-executor",
        .outputs = outputs,
        .options = options,
        .create = create,
        .start = start,
        .destroy = free,
};

int main(int argc, char **argv)
{
        return bus_service_main(argc, argv, &class);
}
