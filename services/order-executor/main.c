/* order-executor: its wiring. */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "services/order-executor/glue.h"

#include <ctype.h>
#include <stdio.h>

/* Of what nobody waits for, such as a cursor: the next order takes it along. */
#define COMMIT_DELAY_US (50 * BUS_US_PER_MS)

static void register_metrics(struct ex_service *self)
{
        struct bus_metrics *metrics = bus_service_metrics(self->service);
        char labels[64];

        for (int state = 1; state < EX_STATES; state++) {
                int n = snprintf(labels, sizeof(labels), "state=\"%s\"", ex_state_name(state));

                for (int i = 0; i < n; i++)
                        labels[i] = (char)tolower(labels[i]);
                self->ended[state] = bus_counter(metrics, "umbra_executor_orders_total", labels,
                        "Legs and closes by how they ended.");
        }
        self->roundtrip_seconds = bus_histogram(metrics, "umbra_executor_roundtrip_seconds", "",
                "From an order handed to the link to its answer.");
        self->bad_snapshots = bus_counter(metrics, "umbra_executor_bad_snapshots_total", "",
                "Snapshots that were partial or failed.");
        self->promised = bus_counter(metrics, "umbra_executor_promised_total", "",
                "Legs that went out ahead of their own commit, as they were promised.");
        self->deals = bus_counter(metrics, "umbra_executor_deals_total", "", "Deals told live.");
}

static int create(struct bus_service *service, void **ret_self)
{
        struct ex_service *self = bus_new(struct ex_service);
        int r;

        self->service = service;
        self->why = "starting";
        bus_random(&self->dice, sizeof(self->dice));
        r = ex_settings_read(bus_service_config(service), &self->settings, &self->book);
        if (r < 0) {
                free(self);
                return r;
        }
        register_metrics(self);
        *ret_self = self;
        return 0;
}

static void destroy(void *arg)
{
        struct ex_service *self = arg;

        if (!self)
                return;
        ex_link_free(self->link);
        ex_book_free(self->book);
        ex_settings_done(&self->settings);
        free(self);
}

static const char *const outputs[] = { "trade", "account", "control.result", "alarm", NULL };

static const struct bus_input inputs[] = {
        { "order", "strategy-v3", BUS_START_BEGINNING, ex_on_order, false },
        { "control", "health", BUS_START_NOW, ex_on_control, false, .first = true },
        { "control", "telegram-controller", BUS_START_NOW, ex_on_control, true, .first = true },
        { 0 },
};

static const struct bus_listen listens[] = {
        { "notice.order.", "strategy-v3", ex_on_notice },
        { 0 },
};

static const struct bus_service_class class = {
        .name = "order-executor",
        .outputs = outputs,
        .inputs = inputs,
        .listens = listens,
        .options = ex_options,
        .goes_first = true,
        .publishes_behind = true,
        .commit_delay_us = COMMIT_DELAY_US,
        .create = create,
        .start = ex_start,
        .drain = ex_drain,
        .destroy = destroy,
        .report = ex_report,
};

int main(int argc, char **argv)
{
        return bus_service_main(argc, argv, &class);
}
