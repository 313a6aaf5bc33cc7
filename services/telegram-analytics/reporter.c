#include "services/telegram-analytics/reporter.h"

#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/telegram-analytics/calendar.h"
#include "services/telegram-analytics/pictures.h"
#include "services/telegram/markup.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLD_KEY      "report/told"
#define FALLBACK      "telegram_fallback"
#define OFF           "telegram_off"
#define SUBJECT       "analytics"
#define CLOCK_US      (1 * BUS_US_PER_SEC)
#define ASKED_LONG_US (60 * BUS_US_PER_SEC) /* a command older than that is asked again by people */

/* ---- saying ---- */

static void say(struct reporter *reporter, int64_t chat_id, const char *kind, struct bus_buf *html,
        const char *picture)
{
        tg_voice_say(reporter->voice,
                &(struct tg_say){ .chat_id = chat_id,
                        .priority = TG_PRIORITY_REST,
                        .kind = kind,
                        .is_answer = true,
                        .html = bus_buf_str(html),
                        .picture = picture,
                        .at_us = bus_wall_us() },
                false);
}

static int paint(void *arg, const char *picture, struct bus_buf *png)
{
        struct reporter *reporter = arg;
        int r;

        r = picture_draw(*reporter->ledger, picture, png);
        if (r < 0 && r != -ENODATA)
                log_warn("picture_not_drawn", "picture=\"%s\" error=\"%s\"", picture, strerror(-r));
        malloc_trim(0); /* a sheet is three megabytes */
        return r;
}

/* ---- the commands ---- */

static void write_answer(struct reporter *reporter, const struct report_request *request,
        struct bus_buf *html, char **ret_picture)
{
        reporter->refresh(reporter->refresh_arg);
        if (report_write(*reporter->ledger, request, bus_wall_us(), html, ret_picture) < 0)
                bus_buf_add_str(html, "The ledger cannot be read; the log says why.\n");
}

void reporter_answer(struct reporter *reporter, int64_t chat_id, const char *command,
        const char *arguments, int64_t asked_us)
{
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;
        BUS_AUTOFREE char *picture = NULL;
        struct report_request request;

        if (!report_parse(command, arguments, &request)) {
                report_help(&html);
        } else if (bus_wall_us() - asked_us > ASKED_LONG_US) {
                tg_printf(&html, "/%s was asked ", command);
                tg_add_span(&html, bus_wall_us() - asked_us);
                bus_buf_add_str(&html, " ago, when nobody was here; please ask again.");
        } else {
                write_answer(reporter, &request, &html, &picture);
        }
        say(reporter, chat_id, "report", &html, picture);
        bus_metric_inc(reporter->answered);
}

void reporter_order(struct reporter *reporter, const Pb__TelegramCommand *order, int64_t asked_us)
{
        struct report_request request;

        if (reporter->is_on && report_parse(order->name, order->arguments, &request))
                reporter_answer(reporter, order->chat_id, order->name, order->arguments, asked_us);
}

/* ---- the day ---- */

static void tell_day(struct reporter *reporter, int64_t from_us, int64_t to_us)
{
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT, caption = BUS_BUF_INIT;
        BUS_AUTOFREE char *picture = picture_spec("equity", from_us, to_us);
        BUS_AUTOBUF struct bus_buf drawn = BUS_BUF_INIT;
        bool can_draw;

        reporter->refresh(reporter->refresh_arg);
        if (report_span(*reporter->ledger, "The day", from_us, to_us, &html) < 0)
                return;
        can_draw = paint(reporter, picture, &drawn) == 0;
        bus_buf_add_str(&caption, "Equity of the day");
        for (size_t i = 0; i < reporter->chats.count; i++) {
                say(reporter, reporter->chats.ids[i], "daily report", &html, NULL);
                if (can_draw)
                        say(reporter, reporter->chats.ids[i], "picture", &caption, picture);
        }
        log_info("daily_report", "chats=%zu", reporter->chats.count);
}

/* A new installation has no day behind it: its first due one is taken as told. */
static void on_clock(void *arg)
{
        struct reporter *reporter = arg;
        bool is_first = !reporter->told_date;
        int64_t date, from_us, to_us;
        char text[24];

        to_us = calendar_due(bus_wall_us(), reporter->minute, &date, &from_us);
        if (date <= reporter->told_date || reporter->draining)
                return;
        reporter->told_date = date;
        snprintf(text, sizeof(text), "%" PRId64, date);
        bus_put(reporter->service, TOLD_KEY, bus_bytes_str(text), true);
        if (!is_first)
                tell_day(reporter, from_us, to_us);
}

static int load_told(struct reporter *reporter)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        int r = bus_get(reporter->service, TOLD_KEY, &text);

        if (r == 0)
                reporter->told_date = strtoll(bus_buf_str(&text), NULL, 10);
        return r < 0 ? r : 0;
}

/* ---- the bot ---- */

static void on_role(void *arg, enum tg_state now, const char *why)
{
        struct reporter *reporter = arg;

        if (now == TG_STATE_OWN)
                log_info("telegram_bot", "state=own why=\"%s\"", why);
        else
                log_warn("telegram_bot", "state=%s why=\"%s\"", tg_state_name(now), why);
        if (now == TG_STATE_MAIN)
                bus_alarm(reporter->service, FALLBACK, SUBJECT, PB__SEVERITY__SEVERITY_WARNING,
                        "the main bot reports: %s", why);
        else
                bus_alarm_end(reporter->service, FALLBACK, SUBJECT);
        if (now == TG_STATE_OFF)
                bus_alarm(reporter->service, OFF, SUBJECT, PB__SEVERITY__SEVERITY_WARNING,
                        "nobody reports: %s", why);
        else
                bus_alarm_end(reporter->service, OFF, SUBJECT);
        tg_voice_role_changed(reporter->voice);
        reporter_poll_again(reporter);
}

static int open_role(struct reporter *reporter)
{
        struct tg_role_options options = { .loop = bus_service_loop(reporter->service),
                .wire = reporter->wire,
                .changed = on_role,
                .arg = reporter };
        char *own = NULL, *main_token = NULL;
        int r;

        r = tg_tokens_read(bus_service_config(reporter->service), "analytics_token_file", &options,
                &own, &main_token);
        if (r < 0)
                return r;
        reporter->role = tg_role_new(&options);
        tg_tokens_done(own, main_token);
        reporter->is_on = tg_role_state(reporter->role) != TG_STATE_OFF;
        if (!reporter->is_on)
                log_info("telegram_off", "why=\"there is no token\"");
        return 0;
}

/* ---- life ---- */

static int bad_config(
        const struct reporter *reporter, const char *section, const char *key, const char *why)
{
        log_error("bad_config", "%s: %s.%s: %s",
                config_origin(bus_service_config(reporter->service), section, key), section, key,
                why);
        return -EINVAL;
}

int reporter_init(struct reporter *reporter, struct bus_service *service, struct ledger **ledger)
{
        const struct config *config = bus_service_config(service);
        const char *at = config_string(config, "telegram-analytics", "daily_at");
        int r;

        *reporter = (struct reporter){ .service = service, .ledger = ledger, .minute = -1 };
        reporter->conflict_us = config_int(config, "telegram", "probe");
        tg_people_read(config, &reporter->people);
        r = tg_chats_read(config, "report_chats", &reporter->chats);
        if (r == 0 && !reporter->chats.count)
                r = tg_chats_read(config, "notify_chats", &reporter->chats);
        if (r < 0)
                return r;
        if (calendar_set_zone(config_string(config, "telegram", "time_zone")) < 0)
                return bad_config(reporter, "telegram", "time_zone",
                        "is no zone that this machine knows, as Europe/Berlin");
        if (strcmp(at, "off") && calendar_minute(at, &reporter->minute) < 0)
                return bad_config(
                        reporter, "telegram-analytics", "daily_at", "is not 22:00, or off");
        return 0;
}

void reporter_done(struct reporter *reporter)
{
        struct bus_loop *loop = bus_service_loop(reporter->service);

        if (reporter->clock)
                bus_loop_remove(loop, reporter->clock);
        if (reporter->poll_timer)
                bus_loop_remove(loop, reporter->poll_timer);
        tg_voice_free(reporter->voice);
        tg_role_free(reporter->role);
        tg_wire_free(reporter->wire);
        tg_people_done(&reporter->people);
        free(reporter->polled_elsewhere);
}

int reporter_start(struct reporter *reporter)
{
        struct bus_service *service = reporter->service;
        struct bus_metrics *metrics = bus_service_metrics(service);
        int r;

        reporter->answered = bus_counter(
                metrics, "umbra_telegram_answered_total", "", "Commands that were answered.");
        reporter->strangers = bus_counter(metrics, "umbra_telegram_strangers_total", "",
                "Updates from people who may not ask.");
        reporter->wire = tg_wire_configured(bus_service_loop(service), bus_service_config(service));
        r = load_told(reporter);
        if (r == 0)
                r = open_role(reporter);
        if (r == 0)
                r = tg_wire_ready(reporter->wire, reporter->role);
        if (r == 0)
                r = tg_voice_new(service, reporter->role, &reporter->voice);
        if (r == 0)
                r = reporter_poll_start(reporter);
        if (r < 0)
                return r;
        tg_voice_set_painter(reporter->voice, paint, reporter);
        tg_voice_borrows(reporter->voice);
        if (reporter->is_on && reporter->minute >= 0 && reporter->chats.count)
                reporter->clock = bus_loop_add_timer(
                        bus_service_loop(service), CLOCK_US, CLOCK_US, on_clock, reporter);
        return 0;
}

/* What waits is in the store; of what is under way nobody will know. */
void reporter_drain(struct reporter *reporter)
{
        reporter->draining = true;
}

void reporter_report(struct reporter *reporter)
{
        BUS_AUTOFREE char *waiting = bus_xasprintf("%zu", tg_voice_waiting(reporter->voice));

        bus_service_fact(reporter->service, "bot",
                reporter->is_on ? tg_state_name(tg_role_state(reporter->role)) : "off");
        if (!reporter->is_on)
                return;
        bus_service_fact(reporter->service, "bot_name", tg_role_bot_name(reporter->role));
        bus_service_fact(reporter->service, "waiting", waiting);
}
