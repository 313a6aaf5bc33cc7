/* telegram-analytics: the numbers. Compares what live and shadow decided, keeps the ledger, reports. */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "proto/unpack.h"
#include "proto/validate.h"
#include "services/common/symbols_config.h"
#include "services/telegram-analytics/comparator.h"
#include "services/telegram-analytics/projection.h"
#include "services/telegram-analytics/reporter.h"
#include "services/telegram/alarms.h"

/* On Redis each commit is a sync that an alert's may have to wait for. */
#define COMMIT_DELAY_US (100 * BUS_US_PER_MS)

struct analytics {
        struct bus_service *service;
        struct comparator comparator;
        struct projection projection;
        struct reporter reporter;
};

static int on_signal(void *arg, const struct bus_message *message)
{
        struct analytics *self = arg;

        int r = projection_signal(&self->projection, message);

        if (r || projection_is_again(&self->projection, LEDGER_SIGNAL, message->position))
                return r;
        return comparator_signal(&self->comparator, message);
}

static int on_live(void *arg, const struct bus_message *message)
{
        struct analytics *self = arg;

        int r = projection_decision(&self->projection, message);

        if (r || projection_is_again(&self->projection, LEDGER_DECISION, message->position))
                return r;
        return comparator_live(&self->comparator, message);
}

static int on_shadow(void *arg, const struct bus_message *message)
{
        struct analytics *self = arg;

        return comparator_shadow(&self->comparator, message);
}

static int on_trade(void *arg, const struct bus_message *message)
{
        struct analytics *self = arg;

        return projection_trade(&self->projection, message);
}

static int on_account(void *arg, const struct bus_message *message)
{
        struct analytics *self = arg;

        return projection_account(&self->projection, message);
}

/* What somebody wrote to the bot that polls; /mute and the like are another's. */
static int on_control(void *arg, const struct bus_message *message)
{
        struct analytics *self = arg;
        Pb__Control *control = MESSAGE_UNPACK(control, message->body);
        const char *why;
        bool good = control && validate_control(control, &why) == 0;

        if (good && control->command == PB__COMMAND__COMMAND_TELEGRAM)
                reporter_order(&self->reporter, control->telegram, message->envelope->staged_us);
        pb__control__free_unpacked(control, NULL);
        return good ? 0 : BUS_QUARANTINE;
}

/* What is CRITICAL goes out by this bot too. */
static int on_alarm(void *arg, const struct bus_message *message)
{
        struct analytics *self = arg;
        Pb__Alarm *alarm = MESSAGE_UNPACK(alarm, message->body);
        const char *why;
        bool good = alarm && validate_alarm(alarm, &why) == 0;

        if (good && self->reporter.is_on)
                tg_alarm_say(self->reporter.voice, &self->reporter.chats, message, alarm);
        pb__alarm__free_unpacked(alarm, NULL);
        return good ? 0 : BUS_QUARANTINE;
}

/* Which bots telegram-controller polls. */
static int on_heartbeat(void *arg, const struct bus_message *message)
{
        struct analytics *self = arg;
        Pb__Heartbeat *beat = MESSAGE_UNPACK(heartbeat, message->body);

        if (beat)
                reporter_controller_beat(&self->reporter, beat);
        if (beat && self->reporter.voice)
                tg_voice_hear_lender(self->reporter.voice, beat);
        pb__heartbeat__free_unpacked(beat, NULL);
        return 0;
}

static int on_turn(void *arg, const struct bus_message *message)
{
        struct analytics *self = arg;

        if (self->reporter.voice)
                tg_voice_hear_turn(self->reporter.voice, message->body);
        return 0;
}

static void destroy(void *arg)
{
        struct analytics *self = arg;

        if (!self)
                return;
        reporter_done(&self->reporter);
        projection_done(&self->projection);
        comparator_done(&self->comparator);
        free(self);
}

static int create(struct bus_service *service, void **ret_self)
{
        struct analytics *self = bus_new(struct analytics);
        char error[CONFIG_ERROR_SIZE];
        int r;

        self->service = service;
        r = comparator_init(&self->comparator, service, error);
        if (r < 0)
                log_error("bad_config", "%s", error);
        self->reporter.service = service;
        if (r == 0)
                r = reporter_init(&self->reporter, service, &self->projection.ledger);
        self->reporter.refresh = projection_catch_up;
        self->reporter.refresh_arg = &self->projection;
        if (r < 0) {
                destroy(self);
                return r;
        }
        *ret_self = self;
        return 0;
}

static int prepare(void *arg)
{
        struct analytics *self = arg;

        return projection_prepare(&self->projection, self->service);
}

static void before_commit(void *arg)
{
        struct analytics *self = arg;

        projection_commit(&self->projection);
}

static int start(void *arg)
{
        struct analytics *self = arg;
        int r;

        r = comparator_start(&self->comparator);
        if (r == 0)
                r = reporter_start(&self->reporter);
        if (r < 0)
                return r;
        projection_start(&self->projection);
        bus_service_ready(self->service);
        return 0;
}

static void drain(void *arg)
{
        struct analytics *self = arg;

        reporter_drain(&self->reporter);
        comparator_drain(&self->comparator);
        bus_service_drained(self->service);
}

static void report(void *arg)
{
        struct analytics *self = arg;

        reporter_report(&self->reporter);
        comparator_report(&self->comparator);
}

static const char *const outputs[] = { "comparison", "alarm", NULL };

/* Whoever is away is compared as missing; nobody is waited for. */
static const struct bus_input inputs[] = {
        { "signal", "alert-ingest", BUS_START_BEGINNING, on_signal, false },
        { "decision", "strategy-v3", BUS_START_BEGINNING, on_live, false },
        { "decision.shadow", "strategy-v3-shadow", BUS_START_BEGINNING, on_shadow, true },
        { "trade", "order-executor", BUS_START_BEGINNING, on_trade, false },
        { "control", "telegram-controller", BUS_START_NOW, on_control, true },
        { "alarm", "health", BUS_START_NOW, on_alarm, true },
        { "alarm", "order-executor", BUS_START_NOW, on_alarm, true },
        { "alarm", "strategy-v3", BUS_START_NOW, on_alarm, true },
        { "alarm", "alert-ingest", BUS_START_NOW, on_alarm, true },
        { "account", "order-executor", BUS_START_BEGINNING, on_account, false },
        { 0 },
};

static const struct bus_listen listens[] = {
        { "heartbeat.", "telegram-controller", on_heartbeat },
        { "turn.grant.", "telegram-controller", on_turn },
        { 0 },
};

static const struct config_option options[] = {
        { "telegram-analytics", "enabled", CONFIG_BOOL, "yes", 0, 0, NULL,
                "no: umbra up leaves it out" },
        COMPARATOR_OPTIONS,
        REPORTER_OPTIONS,
        SYMBOLS_CONFIG_OPTION,
        { 0 },
};

static const struct bus_service_class analytics_class = {
        .name = "telegram-analytics",
        .outputs = outputs,
        .inputs = inputs,
        .listens = listens,
        .options = options,
        .commit_delay_us = COMMIT_DELAY_US,
        .before_commit = before_commit,
        .background = 19,
        .create = create,
        .prepare = prepare,
        .start = start,
        .drain = drain,
        .destroy = destroy,
        .report = report,
};

int main(int argc, char **argv)
{
        return bus_service_main(argc, argv, &analytics_class);
}
