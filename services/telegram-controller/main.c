/* telegram-controller: the bot that takes commands (docs/telegram.md). */
#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/telegram-controller/controller.h"
#include "services/telegram/markup.h"

#include <sodium.h>
#include <string.h>

#define SECTION  "telegram-controller"
#define FALLBACK "telegram_fallback"
/* On Redis each commit is a sync that an alert's may have to wait for. */
#define COMMIT_DELAY_US (100 * BUS_US_PER_MS)

static void tell_change(struct controller *self, enum tg_state now, const char *why)
{
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;

        log_info("telegram_role", "state=%s why=\"%s\"", tg_state_name(now), why);
        if (now == TG_STATE_OWN || !self->own_token)
                bus_alarm_end(self->service, FALLBACK, SECTION);
        else
                bus_alarm(self->service, FALLBACK, SECTION, PB__SEVERITY__SEVERITY_WARNING,
                        "commands are taken by the %s bot: %s",
                        now == TG_STATE_MAIN ? "main" : "no", why);
        if (now == TG_STATE_OFF)
                return;
        tg_printf(&html, "Commands are now taken by this bot: %s.", why);
        for (size_t i = 0; i < self->notify_chats.count; i++)
                controller_say(self, (struct controller_chat){ .id = self->notify_chats.ids[i] },
                        bus_buf_str(&html), NULL);
}

static void on_changed(void *arg, enum tg_state now, const char *why)
{
        struct controller *self = arg;

        tell_change(self, now, why);
        tg_voice_role_changed(self->voice);
        controller_updates_changed(self);
}

static void destroy(void *arg)
{
        struct controller *self = arg;

        if (!self)
                return;
        controller_questions_done(self);
        controller_streams_done(self);
        tg_voice_free(self->voice);
        tg_role_free(self->role);
        tg_wire_free(self->wire);
        controller_updates_done(self);
        if (self->account)
                pb__account__free_unpacked(self->account, NULL);
        tg_tokens_done(self->own_token, self->main_token);
        tg_tokens_done(self->admin_token, NULL);
        tg_people_done(&self->people);
        free(self);
}

static int read_admin_token(struct controller *self, const struct config *config)
{
        const char *path = config_string(config, SECTION, "admin_token_file");
        int r = *path ? bus_file_read_secret(path, &self->admin_token) : 0;

        if (r < 0)
                log_error("bad_config", SECTION ".admin_token_file: %s: %s", path, strerror(-r));
        return r;
}

static int create(struct bus_service *service, void **ret_self)
{
        const struct config *config = bus_service_config(service);
        struct controller *self = bus_new(struct controller);
        int r;

        *self = (struct controller){ .service = service };
        tg_people_read(config, &self->people);
        self->conflict_us = config_int(config, "telegram", "probe");
        r = tg_chats_read(config, "notify_chats", &self->notify_chats);
        if (r == 0)
                r = tg_tokens_read(config, "controller_token_file", &self->role_options,
                        &self->own_token, &self->main_token);
        if (r == 0)
                r = read_admin_token(self, config);
        if (r < 0) {
                destroy(self);
                return r;
        }
        *ret_self = self;
        return 0;
}

static void register_metrics(struct controller *self)
{
        struct bus_metrics *metrics = bus_service_metrics(self->service);

        self->taken = bus_counter(
                metrics, "umbra_telegram_updates_total", "", "Updates of the bot that were taken.");
        self->repeated = bus_counter(metrics, "umbra_telegram_updates_repeated_total", "",
                "Updates that came once more and were passed over.");
        self->strangers = bus_counter(metrics, "umbra_telegram_strangers_total", "",
                "Messages of people who may not command; they get no answer.");
        self->stale = bus_counter(metrics, "umbra_telegram_stale_total", "",
                "Commands that came too late and were not carried out.");
        self->refused = bus_counter(metrics, "umbra_telegram_forbidden_total", "",
                "Commands of people whose role does not have them.");
        self->conflicts = bus_counter(metrics, "umbra_telegram_conflicts_total", "",
                "Polls that ended because somebody else polls the same bot.");
}

static int start(void *arg)
{
        struct controller *self = arg;
        int r;

        register_metrics(self);
        self->wire = tg_wire_configured(
                bus_service_loop(self->service), bus_service_config(self->service));
        self->role_options.loop = bus_service_loop(self->service);
        self->role_options.wire = self->wire;
        self->role_options.changed = on_changed;
        self->role_options.arg = self;
        self->role = tg_role_new(&self->role_options);
        r = tg_wire_ready(self->wire, self->role);
        if (r == 0)
                r = tg_voice_new(self->service, self->role, &self->voice);
        if (r == 0)
                tg_voice_lends(self->voice);
        if (r == 0)
                r = controller_load(self);
        if (r == 0)
                r = controller_updates_start(self);
        if (r < 0)
                return r;
        controller_questions_start(self);
        if (tg_role_state(self->role) == TG_STATE_OFF)
                log_info("telegram_off", "no token: nobody commands by Telegram");
        bus_service_ready(self->service);
        return 0;
}

static void drain(void *arg)
{
        struct controller *self = arg;

        controller_updates_stop(self);
        bus_service_drained(self->service);
}

static void report(void *arg)
{
        struct controller *self = arg;

        bus_service_fact(self->service, "bot", tg_state_name(tg_role_state(self->role)));
        bus_service_fact(self->service, "bot_name", tg_role_bot_name(self->role));
        controller_updates_report(self);
        tg_voice_report(self->voice);
}

static const char *const outputs[] = { "control", "alarm", NULL };

static const struct config_option options[] = {
        { SECTION, "enabled", CONFIG_BOOL, "yes", .help = "no: umbra up leaves it out" },
        { SECTION, "admin_token_file", CONFIG_SECRET_FILE, "",
                .help = "health's admin token, where health.loopback_admin is no" },
        { "health", "listen", CONFIG_LISTEN, "127.0.0.1:8000", .help = "where health answers" },
        { "health", "*", CONFIG_STRING, "", .maximum = 4096, .help = "health's own" },
        TG_OPTIONS(CONFIG_SECRET_FILE, CONFIG_STRING, CONFIG_STRING),
        { 0 },
};

static const struct bus_service_class controller_class = {
        .name = SECTION,
        .outputs = outputs,
        .inputs = controller_inputs,
        .listens = controller_listens,
        .options = options,
        .background = 1,
        .commit_delay_us = COMMIT_DELAY_US,
        .create = create,
        .start = start,
        .drain = drain,
        .destroy = destroy,
        .report = report,
};

int main(int argc, char **argv)
{
        return bus_service_main(argc, argv, &controller_class);
}
