/*
 * Switches that others ask for over the bus: whoever is not health may ask, and health judges and asks
 * strategy-v3 in its own name. The asker is answered under the id of what it asked.
 *
 * Invariant: a request is passed on at most once, and never when its time is over: what is read again
 * after the store was lost is of long ago. Nor is it called void then: the store before may have passed
 * it on.
 */
#include "libbus/base/clock.h"
#include "libbus/base/ids.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/common/switch_judged.h"
#include "services/health/health.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A request without a deadline of its own is as long of interest as a switch of ours. */
#define REQUEST_US (10 * BUS_US_PER_SEC)
/* "INCARNATION AT_US": of our control stream, and since when. */
#define SINCE_KEY "behalf/since"

static const char *topic_of(Pb__Command command)
{
        return command == PB__COMMAND__COMMAND_CUTOVER ? "control.result.cutover"
                                                       : "control.result.enable_plugin";
}

static bool is_over(const struct bus_message *message, const Pb__Control *control)
{
        int64_t until_us = control->deadline_us ? control->deadline_us
                                                : message->envelope->staged_us + REQUEST_US;

        return bus_wall_us() > until_us;
}

static void answer(struct health *health, const char *id, const Pb__ControlResult *told)
{
        Pb__ControlResult result = *told;

        result.command_id = (char *)(uintptr_t)id;
        result.service = "health";
        bus_emit(health->service, &(struct bus_out){ .stream = "control.result",
                                          .topic = topic_of(told->command),
                                          .body = &result.base,
                                          .alert_id = "" });
}

static void refuse(struct health *health, const struct bus_message *message,
        const Pb__Control *control, const char *code, const char *text)
{
        Pb__ControlResult result = PB__CONTROL_RESULT__INIT;

        result.command = control->command;
        result.status = PB__RESULT_STATUS__RESULT_STATUS_REFUSED;
        result.code = (char *)(uintptr_t)code;
        result.text = (char *)(uintptr_t)text;
        log_info("request_refused", "code=%s actor=\"%s\"", code, control->actor);
        answer(health, message->envelope->message_id, &result);
}

/* Nobody has carried it out, and nobody will: who asks is told, unless another life of the store may
 * have passed it on. */
static void call_void(
        struct health *health, const struct bus_message *message, const Pb__Control *control)
{
        if (message->envelope->staged_us > health->behalf_since_us)
                refuse(health, message, control, "deadline_passed",
                        "it reached health after its deadline: it is void, nothing was done");
}

static struct health_behalf *free_place(struct health *health)
{
        size_t oldest = 0;

        /* one whose answer has stayed out makes room */
        for (size_t i = 0; i < HEALTH_BEHALF_MAX; i++)
                if (health->behalf[i].sent_us < health->behalf[oldest].sent_us)
                        oldest = i;
        return &health->behalf[oldest];
}

static void pass_on(struct health *health, const struct bus_message *message,
        const Pb__Control *control, const struct gate_verdict *verdict)
{
        struct health_behalf *behalf = free_place(health);
        char *failed[GATE_CONDITIONS];
        Pb__Control own = *control;

        own.gate_passed = verdict->is_passed || !health->gate_on;
        own.gate_failed = failed;
        own.n_gate_failed = 0;
        for (int i = 0; i < GATE_CONDITIONS; i++)
                if (!verdict->conditions[i].holds)
                        failed[own.n_gate_failed++] =
                                (char *)(uintptr_t)gate_name((enum gate_name)i);
        if (!own.deadline_us)
                own.deadline_us = message->envelope->staged_us + REQUEST_US;
        bus_id_new(behalf->own_id);
        snprintf(behalf->asked_id, sizeof(behalf->asked_id), "%s", message->envelope->message_id);
        behalf->sent_us = bus_mono_us();
        bus_emit(health->service, &(struct bus_out){ .stream = "control",
                                          .topic = own.command == PB__COMMAND__COMMAND_CUTOVER
                                                           ? "control.cmd.cutover"
                                                           : "control.cmd.enable_plugin",
                                          .body = &own.base,
                                          .message_id = behalf->own_id,
                                          .alert_id = "" });
}

/* The names of what does not hold; what was found is told by GET /api/shadow. */
static void tell_failed(const struct gate_verdict *verdict, struct bus_buf *text)
{
        for (int i = 0; i < GATE_CONDITIONS; i++)
                if (!verdict->conditions[i].holds)
                        bus_buf_printf(
                                text, "%s%s", text->size ? " " : "", gate_name((enum gate_name)i));
}

void health_request(
        struct health *health, const struct bus_message *message, const Pb__Control *control)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        bool is_active = !strcmp(health->route.active, control->plugin);
        struct gate_verdict verdict;

        if (!switch_is_judged(control, HEALTH_INCUMBENT))
                return;
        if (is_over(message, control)) {
                call_void(health, message, control);
                return;
        }
        health_gate(health, &verdict);
        tell_failed(&verdict, &text);
        if (health->route.is_known && !route_plugin(&health->route, control->plugin))
                refuse(health, message, control, "unknown_plugin", "the slot has no such plugin");
        else if (control->force && !*control->reason)
                refuse(health, message, control, "force_without_reason", "force needs a reason");
        else if (!verdict.is_passed && health->gate_on && !control->force && !is_active)
                refuse(health, message, control, "gate_not_passed", bus_buf_str(&text));
        else
                pass_on(health, message, control, &verdict);
}

void health_request_result(struct health *health, const Pb__ControlResult *result)
{
        for (size_t i = 0; i < HEALTH_BEHALF_MAX; i++) {
                struct health_behalf *behalf = &health->behalf[i];

                if (!*behalf->own_id || strcmp(behalf->own_id, result->command_id) != 0)
                        continue;
                answer(health, behalf->asked_id, result);
                *behalf = (struct health_behalf){ 0 };
        }
}

int health_behalf_load(struct health *health)
{
        BUS_AUTOBUF struct bus_buf kept = BUS_BUF_INIT, since = BUS_BUF_INIT;
        struct store_stream control;
        uint64_t incarnation = 0;
        int r;

        r = bus_get(health->service, SINCE_KEY, &kept);
        if (r >= 0)
                r = store_stream_get(
                        bus_service_store(health->service), "control@health", &control);
        if (r < 0)
                return r;
        if (sscanf(bus_buf_str(&kept), "%" SCNu64 " %" SCNd64, &incarnation,
                    &health->behalf_since_us) == 2 &&
                incarnation == control.incarnation)
                return 0;
        health->behalf_since_us = bus_wall_us();
        bus_buf_printf(
                &since, "%" PRIu64 " %" PRId64, control.incarnation, health->behalf_since_us);
        bus_put(health->service, SINCE_KEY, bus_buf_bytes(&since), true);
        return 0;
}
