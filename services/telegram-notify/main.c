/* telegram-notify: the trader's voice. Says what happens, in the trader's words. */
#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/common/symbols_config.h"
#include "services/telegram-notify/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TALLY_KEY "tally"
/* On Redis each commit is a sync that an alert's may have to wait for. */
#define COMMIT_DELAY_US (100 * BUS_US_PER_MS)
#define DECISIONS_MAX   512  /* alerts on their way to the broker */
#define POSITIONS_MAX   1024 /* open ones */
#define ALARMS_MAX      256
#define ZONES           "/usr/share/zoneinfo"
#define OFF             "telegram_off"
#define FALLBACK        "telegram_fallback"

static const char english[] =
#include "texts_en.inc"
        ;

/* ---- saying ---- */

void notify_say(struct notify *notify, const struct told *told, int64_t at_us)
{
        struct tg_say say = { .priority = told->priority, .at_us = at_us };
        struct bus_buf *html = (struct bus_buf *)&told->html, *line = (struct bus_buf *)&told->line;
        char buffer[TG_KIND_SIZE];
        int64_t days;
        int minute;

        notify_local(at_us, &days, &minute);
        switch (mutes_judge(&notify->mutes, told, at_us, minute)) {
        case MUTES_DROP: bus_metric_inc(notify->muted); return;
        case MUTES_QUIET:
                notify->tally.quiet[told->kind]++;
                notify->tally_changed = true;
                return;
        case MUTES_TELL: break;
        }
        say.kind = texts_word(
                &notify->texts, "kind", tell_kind_name(told->kind), buffer, sizeof(buffer));
        say.html = bus_buf_str(html);
        say.line = bus_buf_str(line);
        for (size_t i = 0; i < notify->chats.count; i++) {
                say.chat_id = notify->chats.ids[i];
                tg_voice_say(notify->voice, &say, false);
        }
}

/* ---- the bot ---- */

static void on_role(void *arg, enum tg_state now, const char *why)
{
        struct notify *notify = arg;

        if (now == TG_STATE_OWN)
                log_info("telegram_bot", "state=own why=\"%s\"", why);
        else
                log_warn("telegram_bot", "state=%s why=\"%s\"", tg_state_name(now), why);
        if (now == TG_STATE_MAIN)
                bus_alarm(notify->service, FALLBACK, "notification", PB__SEVERITY__SEVERITY_WARNING,
                        "the main bot tells what happens: %s", why);
        else
                bus_alarm_end(notify->service, FALLBACK, "notification");
        if (now == TG_STATE_OFF)
                bus_alarm(notify->service, OFF, "notification", PB__SEVERITY__SEVERITY_CRITICAL,
                        "nobody tells what happens: %s", why);
        else
                bus_alarm_end(notify->service, OFF, "notification");
        tg_voice_role_changed(notify->voice);
}

static int open_bot(struct notify *notify)
{
        struct tg_role_options options = { .loop = bus_service_loop(notify->service),
                .wire = notify->wire,
                .changed = on_role,
                .arg = notify };
        char *own = NULL, *main_token = NULL;
        int r;

        r = tg_tokens_read(bus_service_config(notify->service), "notification_token_file", &options,
                &own, &main_token);
        if (r < 0)
                return r;
        notify->role = tg_role_new(&options);
        tg_tokens_done(own, main_token);
        r = tg_wire_ready(notify->wire, notify->role);
        if (r < 0)
                return r;
        notify->is_on = tg_role_state(notify->role) != TG_STATE_OFF && notify->chats.count;
        if (!notify->is_on)
                log_info("telegram_off", "why=\"%s\"",
                        notify->chats.count ? "there is no token" : "there are no notify_chats");
        r = tg_voice_new(notify->service, notify->role, &notify->voice);
        if (r == 0)
                tg_voice_borrows(notify->voice);
        return r;
}

/* ---- configuration ---- */

static int bad_config(
        const struct notify *notify, const char *section, const char *key, const char *why)
{
        log_error("bad_config", "%s: %s.%s: %s",
                config_origin(bus_service_config(notify->service), section, key), section, key,
                why);
        return -EINVAL;
}

static int set_zone(struct notify *notify)
{
        const char *zone =
                config_string(bus_service_config(notify->service), "telegram", "time_zone");
        BUS_AUTOFREE char *path = bus_xasprintf(ZONES "/%s", zone);

        if (strcmp(zone, "UTC") && (strstr(zone, "..") || access(path, R_OK) < 0))
                return bad_config(notify, "telegram", "time_zone",
                        "is no zone that this machine knows, as Europe/Berlin");
        setenv("TZ", zone, 1);
        tzset();
        return 0;
}

static int read_texts(struct notify *notify)
{
        const struct config *config = bus_service_config(notify->service);
        const char *language = config_string(config, "telegram", "language");
        BUS_AUTOFREE char *path = bus_xstrdup(config_string(config, "telegram-notify", "texts"));
        BUS_AUTOBUF struct bus_buf content = BUS_BUF_INIT;
        char error[TEXTS_ERROR_SIZE];
        int r;

        texts_init(&notify->texts, tell_rules);
        r = texts_read(&notify->texts, "en.ini", bus_bytes_str(english), error);
        bus_require(r == 0);
        if (!*path && !strcmp(language, "en"))
                return 0;
        if (!*path) {
                free(path);
                path = bus_xasprintf("%s/%s.ini", NOTIFY_TEXTS_DIR, language);
        }
        r = bus_file_read(path, TEXTS_FILE_MAX_BYTES, &content);
        if (r < 0) {
                log_error("bad_texts", "%s: %s", path, strerror(-r));
                return r;
        }
        r = texts_read(&notify->texts, path, bus_buf_bytes(&content), error);
        if (r < 0)
                log_error("bad_texts", "%s", error);
        return r;
}

static int read_kinds(struct notify *notify, const char *key, uint32_t *ret_kinds)
{
        const char *bad;
        size_t length;

        if (mutes_kinds(config_string(bus_service_config(notify->service), "telegram-notify", key),
                    ret_kinds, &bad, &length) == 0)
                return 0;
        return bad_config(notify, "telegram-notify", key, "names a kind that there is not");
}

static int read_mutes(struct notify *notify)
{
        const struct config *config = bus_service_config(notify->service);
        const char *at = config_string(config, "telegram-notify", "summary_at");
        uint32_t muted;
        int r;

        r = read_kinds(notify, "mute", &muted);
        if (r == 0)
                r = read_kinds(notify, "quiet_kinds", &notify->mutes.quiet_kinds);
        if (r < 0)
                return r;
        mutes_set(&notify->mutes, muted, MUTES_FOR_GOOD);
        if (mutes_hours(config_string(config, "telegram-notify", "quiet"),
                    &notify->mutes.quiet_from_min, &notify->mutes.quiet_to_min) < 0)
                return bad_config(notify, "telegram-notify", "quiet", "is not 22:00-07:00, or off");
        notify->summary_minute = -1;
        if (strcmp(at, "off") && mutes_minute(at, strlen(at), &notify->summary_minute) < 0)
                return bad_config(notify, "telegram-notify", "summary_at", "is not 22:00, or off");
        return 0;
}

static int read_symbols(struct notify *notify)
{
        char error[CONFIG_ERROR_SIZE];
        int r = symbols_config(&notify->symbols, bus_service_config(notify->service), false, error);

        if (r < 0)
                log_error("bad_config", "%s", error);
        notify->teller = (struct teller){ &notify->texts, &notify->symbols };
        return r;
}

/* ---- life ---- */

static void destroy(void *arg)
{
        struct notify *notify = arg;

        if (!notify)
                return;
        if (notify->timer)
                bus_loop_remove(bus_service_loop(notify->service), notify->timer);
        tg_voice_free(notify->voice);
        tg_role_free(notify->role);
        tg_wire_free(notify->wire);
        tg_people_done(&notify->people);
        memory_done(&notify->decisions);
        memory_done(&notify->positions);
        memory_done(&notify->alarms);
        for (size_t i = 0; i < NOTIFY_COMMANDS; i++)
                if (notify->commands[i].control)
                        pb__control__free_unpacked(notify->commands[i].control, NULL);
        symbols_done(&notify->symbols);
        texts_done(&notify->texts);
        free(notify);
}

static int create(struct bus_service *service, void **ret_self)
{
        const struct config *config = bus_service_config(service);
        struct notify *notify = bus_new(struct notify);
        int r;

        notify->service = service;
        notify->near_percent = config_int(config, "telegram-notify", "cap_near");
        notify->silence_us = config_int(config, "telegram-notify", "health_silence");
        memory_init(&notify->decisions, service, "tn/d/", DECISIONS_MAX);
        memory_init(&notify->positions, service, "tn/p/", POSITIONS_MAX);
        memory_init(&notify->alarms, service, "tn/a/", ALARMS_MAX);
        tg_people_read(config, &notify->people);
        r = tg_chats_read(config, "notify_chats", &notify->chats);
        if (r == 0)
                r = read_symbols(notify);
        if (r == 0)
                r = read_texts(notify);
        if (r == 0)
                r = read_mutes(notify);
        if (r == 0)
                r = set_zone(notify);
        if (r < 0) {
                destroy(notify);
                return r;
        }
        *ret_self = notify;
        return 0;
}

static int load(struct notify *notify)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        int r;

        r = memory_load(&notify->decisions);
        if (r == 0)
                r = memory_load(&notify->positions);
        if (r == 0)
                r = memory_load(&notify->alarms);
        if (r == 0)
                r = notify_load_mutes(notify);
        if (r == 0)
                r = bus_get(notify->service, TALLY_KEY, &text);
        if (r == 0 && tally_read(&notify->tally, bus_buf_str(&text)) < 0)
                log_warn("tally_unreadable", "text=\"%s\"", bus_buf_str(&text));
        return r < 0 ? r : 0;
}

static int start(void *arg)
{
        struct notify *notify = arg;
        int r;

        notify->health_heard_us = bus_mono_us();
        notify->muted = bus_counter(bus_service_metrics(notify->service),
                "umbra_telegram_muted_total", "", "Events that were muted.");
        notify->wire = tg_wire_configured(
                bus_service_loop(notify->service), bus_service_config(notify->service));
        r = load(notify);
        if (r == 0)
                r = open_bot(notify);
        if (r < 0)
                return r;
        if (notify->is_on)
                notify->timer = bus_loop_add_timer(bus_service_loop(notify->service),
                        BUS_US_PER_SEC, BUS_US_PER_SEC, notify_tick, notify);
        bus_service_ready(notify->service);
        return 0;
}

static void before_commit(void *arg)
{
        struct notify *notify = arg;
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;

        if (!notify->tally_changed)
                return;
        notify->tally_changed = false;
        tally_write(&notify->tally, &text);
        bus_put(notify->service, TALLY_KEY, bus_buf_bytes(&text), false);
}

/* What waits is in the store; what is under way may show twice. */
static void drain(void *arg)
{
        struct notify *notify = arg;

        notify->draining = true;
        bus_service_drained(notify->service);
}

static void report(void *arg)
{
        struct notify *notify = arg;
        BUS_AUTOFREE char *waiting = bus_xasprintf("%zu", tg_voice_waiting(notify->voice));

        bus_service_fact(notify->service, "bot",
                notify->is_on ? tg_state_name(tg_role_state(notify->role)) : "off");
        bus_service_fact(notify->service, "bot_name", tg_role_bot_name(notify->role));
        bus_service_fact(notify->service, "waiting", waiting);
}

static const char *const outputs[] = { "alarm", NULL };

static const struct config_option options[] = {
        TG_OPTIONS(CONFIG_STRING, CONFIG_SECRET_FILE, CONFIG_STRING),
        { "telegram-notify", "enabled", CONFIG_BOOL, "yes", 0, 0, NULL,
                "no: umbra up leaves it out" },
        { "telegram-notify", "texts", CONFIG_STRING, "", .maximum = 190,
                .help = "a language file; empty: that of telegram.language" },
        { "telegram-notify", "mute", CONFIG_STRING, "", .maximum = 190,
                .help = "kinds of events that are not told, with blanks in between, or all" },
        { "telegram-notify", "quiet", CONFIG_STRING, "off", .maximum = 16,
                .help = "quiet hours, as 22:00-07:00: what happens in them is summed up" },
        { "telegram-notify", "quiet_kinds", CONFIG_STRING, "all", .maximum = 190,
                .help = "kinds of events that keep the quiet hours" },
        { "telegram-notify", "summary_at", CONFIG_STRING, "22:00", .maximum = 16,
                .help = "when the day is summed up, or off" },
        { "telegram-notify", "cap_near", CONFIG_INT, "80", 20, 99,
                .help = "percent of a risk cap from which on it is near" },
        { "telegram-notify", "health_silence", CONFIG_DURATION, "30s", BUS_US_PER_SEC,
                3600 * BUS_US_PER_SEC, .help = "without health's heartbeat for so long: an alarm" },
        SYMBOLS_CONFIG_OPTION,
        { 0 },
};

static const struct bus_service_class notify_class = {
        .name = "telegram-notify",
        .outputs = outputs,
        .inputs = notify_inputs,
        .listens = notify_listens,
        .options = options,
        .background = 19,
        .commit_delay_us = COMMIT_DELAY_US,
        .before_commit = before_commit,
        .create = create,
        .start = start,
        .drain = drain,
        .destroy = destroy,
        .report = report,
};

int main(int argc, char **argv)
{
        return bus_service_main(argc, argv, &notify_class);
}
