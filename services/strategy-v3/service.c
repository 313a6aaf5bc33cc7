#include "services/strategy-v3/service.h"

#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/common/symbols_config.h"
#include "services/common/v3_names.h"

#include <inttypes.h>
#include <stdio.h>

/* While ingest is away switches wait this long for its word on how far the signals go. */
#define SETTLE_MAX_US    (10 * BUS_US_PER_SEC)
#define SETTLE_PERIOD_US (20 * BUS_US_PER_MS)
/* State: the last run drained; taken off, durably, before anything is published. */
#define CLEAN_KEY "clean"

/* ---- one signal ---- */

static void raise_alarm(struct sv3 *self, const struct derived *derived, const char *alert_id)
{
        const Pb__Decision *decision = &derived->decision.pb;

        if (derived->alarm)
                bus_alarm(self->service, derived->alarm,
                        *decision->plugin ? decision->plugin : SLOT_NAME,
                        PB__SEVERITY__SEVERITY_CRITICAL, "alert %s, %s: %s %s", alert_id,
                        decision->symbol, derived->alarm, decision->error);
        else if (*decision->plugin)
                bus_alarm_end(self->service, "plugin_error", decision->plugin);
        if (derived->unsent)
                log_warn("order_not_sent", "alert_id=%s why=\"%s\"", alert_id, derived->unsent);
}

static void count(struct sv3 *self, const struct derived *derived)
{
        const Pb__Decision *decision = &derived->decision.pb;

        if (derived->has_order)
                bus_metric_inc(self->orders);
        bus_metric_inc(self->decisions[decision->verdict]);
        if (decision->decide_ns)
                bus_metric_observe_us(self->decide_seconds, decision->decide_ns / 1000);
}

static void emit(struct sv3 *self, const struct bus_message *message, const struct derived *derived,
        int64_t started_us)
{
        const Pb__Decision *decision = &derived->decision.pb;
        char topic[sizeof("decision." SLOT_NAME ".") + V3_SYMBOL_SIZE];
        struct bus_out out = { .stream = "decision",
                .topic = topic,
                .body = &decision->base,
                .cause = message,
                .stamps = { { PB__STEP__STEP_DECIDE_START, started_us },
                        { PB__STEP__STEP_DECIDE_END, bus_wall_us() } } };

        if (derived->has_order) { /* first: it is what somebody waits for */
                struct bus_out order = out;

                order.stream = "order";
                order.body = &derived->order.base;
                snprintf(topic, sizeof(topic), "order." SLOT_NAME ".%s", decision->symbol);
                bus_emit(self->service, &order);
        }
        snprintf(topic, sizeof(topic), "decision." SLOT_NAME ".%s", decision->symbol);
        bus_emit(self->service, &out);
        if (!message->envelope->test)
                count(self, derived);
}

void sv3_judge(struct sv3 *self, const struct strategy_signal *signal,
        const struct slot_record *record, bool test, struct sv3_judged *ret_judged)
{
        enum slot_seat seat = slot_judge(record, signal->alert.type);
        struct derive_input input = { .record = record,
                .signal = signal->pb,
                .alert = &signal->alert,
                .test = test,
                .seat = seat,
                .edition = &ret_judged->edition };

        ret_judged->edition = (struct slot_edition){ 0 };
        if (seat != SLOT_NOBODY)
                ret_judged->edition = sv3_edition(self, seat);
        if (derive_must_ask(record, seat, &ret_judged->edition)) {
                strategy_decide(strategy_host_find(&self->host, slot_seat_name(seat)), signal,
                        &ret_judged->verdict);
                input.verdict = &ret_judged->verdict;
        }
        derive(&input, &ret_judged->derived);
}

static void judge(struct sv3 *self, const struct bus_message *message,
        const struct strategy_signal *signal, const struct slot_record *record)
{
        int64_t started_us = bus_wall_us();
        struct sv3_judged judged;

        sv3_judge(self, signal, record, message->envelope->test, &judged);
        emit(self, message, &judged.derived, started_us);
        raise_alarm(self, &judged.derived, message->envelope->alert_id);
}

static int on_signal(void *arg, const struct bus_message *message)
{
        struct sv3 *self = arg;
        const struct slot_record *record = slot_at(&self->slot, message->position);
        struct strategy_signal signal;
        struct slot_record older;
        int r;

        r = strategy_signal_read(message, &signal);
        if (r)
                return r;
        judge(self, message, &signal, record);
        /* behind the signal that told: it is judged the same under either record */
        if (derive_is_older(record, signal.pb) && slot_on_older(&self->slot, message->position,
                                                          bus_wall_us(), &older) == SLOT_CHANGED) {
                sv3_slot_adopt(self, &older);
                bus_commit_now(self->service);
        }
        strategy_signal_done(&signal);
        return 0;
}

/* ---- the start: nothing changes before all that may have been published is published again ---- */

static void settle(void *arg)
{
        struct sv3 *self = arg;

        if (!self->settling || (!bus_input_caught_up(self->service, "signal") &&
                                       bus_mono_us() < self->settle_until_us))
                return;
        self->settling = false;
        bus_loop_set_timer(self->settle_timer, -1);
        if (self->adapt_when_settled)
                sv3_slot_adapt(self);
        bus_input_hold(self->service, "control", false);
}

static int read_clean_mark(struct sv3 *self)
{
        BUS_AUTOBUF struct bus_buf mark = BUS_BUF_INIT;
        int r = bus_get(self->service, CLEAN_KEY, &mark);

        self->clean = r == STORE_ABSENT || (!r && mark.size == 1 && mark.data[0] == '1');
        return r < 0 ? r : 0;
}

static int start(void *arg)
{
        struct sv3 *self = arg;
        int r;

        r = read_clean_mark(self);
        if (!r)
                r = sv3_slot_load(self);
        if (r < 0)
                return r;
        bus_put(self->service, CLEAN_KEY, bus_bytes_str("0"), true);
        if (self->clean || !self->slot.count)
                sv3_slot_adapt(self);
        else
                self->adapt_when_settled = true;
        sv3_look_for_crash(self);
        bus_commit_now(self->service);
        sv3_slot_hold(self);
        if (!self->clean) {
                self->settling = true;
                self->settle_until_us = bus_mono_us() + SETTLE_MAX_US;
                bus_input_hold(self->service, "control", true);
                self->settle_timer = bus_loop_add_timer(bus_service_loop(self->service),
                        SETTLE_PERIOD_US, SETTLE_PERIOD_US, settle, self);
        }
        bus_service_ready(self->service);
        return 0;
}

static void drain(void *arg)
{
        struct sv3 *self = arg;

        bus_input_hold(self->service, "signal", true);
        bus_input_hold(self->service, "control", true);
        /* while switches still wait, the next start must make them wait as well */
        if (!self->settling)
                bus_put(self->service, CLEAN_KEY, bus_bytes_str("1"), true);
        bus_service_drained(self->service);
}

/* ---- wiring ---- */

static void register_metrics(struct sv3 *self)
{
        struct bus_metrics *metrics = bus_service_metrics(self->service);
        char labels[48];

        for (int i = V3_VERDICT_EXECUTE; i <= V3_VERDICT_ERROR; i++) {
                snprintf(labels, sizeof(labels), "verdict=\"%s\"",
                        v3_verdict_name((enum v3_verdict)i));
                self->decisions[i] = bus_counter(metrics, "umbra_decisions_total", labels,
                        "Decisions of the active plugin.");
        }
        self->orders =
                bus_counter(metrics, "umbra_orders_total", "", "Orders handed to the executor.");
        self->decide_seconds =
                bus_histogram(metrics, "umbra_decide_seconds", "", "Time of one decide() call.");
}

static void destroy(void *arg)
{
        struct sv3 *self = arg;

        if (!self)
                return;
        strategy_host_done(&self->host);
        slot_done(&self->slot);
        free(self);
}

static int create(struct bus_service *service, void **ret_self)
{
        const struct config *config = bus_service_config(service);
        BUS_AUTOFREE char *names = bus_xasprintf(
                "%s,%s", slot_seat_name(SLOT_SUCCESSOR), slot_seat_name(SLOT_INCUMBENT));
        struct sv3 *self = bus_new(struct sv3);
        char error[CONFIG_ERROR_SIZE];
        int r;

        self->service = service;
        self->hold_us = config_int(config, "strategy-v3", "handover_hold");
        self->auto_rollback = config_bool(config, "plugin_system", "auto_rollback");
        r = strategy_host_load(&self->host, config, names, slot_seat_name(SLOT_INCUMBENT), error);
        if (r < 0) {
                log_error("bad_config", "%s", error);
                destroy(self);
                return r;
        }
        register_metrics(self);
        *ret_self = self;
        return 0;
}

static void report(void *arg)
{
        struct sv3 *self = arg;
        const struct slot_record *now = slot_now(&self->slot);
        char text[BUS_POS_TEXT_SIZE];

        if (now->active != SLOT_NOBODY)
                bus_service_fact(self->service, "active", slot_seat_name(now->active));
        bus_service_fact(self->service, "exits_by", slot_seat_name(now->exits_by));
        snprintf(text, sizeof(text), "%" PRIu64, now->epoch);
        bus_service_fact(self->service, "epoch", text);
        snprintf(text, sizeof(text), "%" PRId64, now->at_us);
        bus_service_fact(self->service, "at_us", text);
        bus_service_fact(self->service, "from", bus_pos_format(now->from, text));
        for (size_t i = 0; i < SLOT_SEATS; i++) {
                const struct slot_edition *edition = &now->editions[i];
                BUS_AUTOFREE char *key =
                        bus_xasprintf("plugin.%s", slot_seat_name((enum slot_seat)i));
                BUS_AUTOFREE char *value = bus_xasprintf("%s build=%s config=%s",
                        now->enabled[i] ? "enabled" : "disabled",
                        edition->loaded ? edition->build : "-",
                        edition->loaded ? edition->config_hash : "-");

                bus_service_fact(self->service, key, value);
        }
        if (now->paused)
                bus_service_fact(self->service, "paused", "joined_older_system");
}

static const char *const outputs[] = { "decision", "order", "control.result", "alarm", NULL };

static const struct bus_input inputs[] = {
        { "signal", "alert-ingest", BUS_START_BEGINNING, on_signal, false },
        { "control", "health", BUS_START_NOW, sv3_on_control, false, .first = true },
        { "control", "telegram-controller", BUS_START_NOW, sv3_on_control, true, .first = true },
        { 0 },
};

static const struct bus_listen listens[] = {
        { "notice.signal.", "alert-ingest", sv3_on_notice },
        { 0 },
};

static const struct config_option options[] = {
        STRATEGY_OPTIONS,
        SYMBOLS_CONFIG_OPTION,
        { "strategy-v3", "handover_hold", CONFIG_DURATION, "5s", 0, 60 * BUS_US_PER_SEC, NULL,
                "how long signals wait for a successor when the active plugin is disabled" },
        { 0 },
};

const struct bus_service_class sv3_class = {
        .name = "strategy-v3",
        .outputs = outputs,
        .inputs = inputs,
        .listens = listens,
        .options = options,
        .goes_first = true,
        .commit_delay_us = STRATEGY_COMMIT_DELAY_US,
        .create = create,
        .start = start,
        .drain = drain,
        .destroy = destroy,
        .report = report,
};
