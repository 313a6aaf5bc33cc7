/*
 * Somebody else who asks for switches over the bus, in the place of telegram-controller: asks once for
 * a cutover (ASK=force: past the gate), prints each answer to it as "SERVICE STATUS CODE", and ends
 * with health's.
 */
#include "libbus/base/ids.h"
#include "libbus/base/require.h"
#include "libbus/service/service.h"

#include "control.pb-c.h"
#include "proto/unpack.h"

#include <stdio.h>
#include <string.h>

struct node {
        struct bus_service *service;
        char id[BUS_ID_SIZE];
};

static void ask(void *arg)
{
        struct node *node = arg;
        const char *how = getenv("ASK");
        Pb__Control control = PB__CONTROL__INIT;

        control.command = PB__COMMAND__COMMAND_CUTOVER;
        control.plugin = "combined_v3";
        control.actor = "telegram:7";
        control.force = how && !strcmp(how, "force");
        control.reason = control.force ? "from afar" : "";
        bus_id_new(node->id);
        bus_emit(node->service, &(struct bus_out){ .stream = "control",
                                        .topic = "control.cmd.cutover",
                                        .body = &control.base,
                                        .message_id = node->id,
                                        .alert_id = "" });
}

static int on_result(void *self, const struct bus_message *message)
{
        struct node *node = self;
        Pb__ControlResult *result = MESSAGE_UNPACK(control_result, message->body);

        if (result && !strcmp(result->command_id, node->id)) {
                printf("%s %d %s\n", result->service, (int)result->status, result->code);
                fflush(stdout);
                if (!strcmp(result->service, "health"))
                        _exit(0);
        }
        pb__control_result__free_unpacked(result, NULL);
        return 0;
}

static int create(struct bus_service *service, void **ret_self)
{
        struct node *node = bus_new(struct node);

        node->service = service;
        *ret_self = node;
        return 0;
}

static int start(void *self)
{
        struct node *node = self;

        /* the answers' readers must be there: nobody sends them again to who was not */
        bus_loop_add_timer(bus_service_loop(node->service), 2 * BUS_US_PER_SEC, 0, ask, node);
        bus_service_ready(node->service);
        return 0;
}

static const char *const outputs[] = { "control", NULL };
static const struct bus_input inputs[] = {
        { "control.result", "health", BUS_START_NOW, on_result, true },
        { "control.result", "strategy-v3", BUS_START_NOW, on_result, true },
        { 0 },
};
static const struct bus_service_class class = { .name = "telegram-controller",
        .outputs = outputs,
        .inputs = inputs,
        .create = create,
        .start = start,
        .destroy = free };

int main(int argc, char **argv)
{
        return bus_service_main(argc, argv, &class);
}
