/* What comes by the clock: the summary, the end of the quiet hours, the dead man's switch on health. */
#include "libbus/base/clock.h"
#include "libbus/base/e8.h"
#include "services/telegram-notify/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* By the process's time zone, which main.c has set. */
void notify_local(int64_t wall_us, int64_t *ret_days, int *ret_minute)
{
        time_t seconds = (time_t)(wall_us / BUS_US_PER_SEC), as_utc;
        struct tm local;

        localtime_r(&seconds, &local);
        *ret_minute = local.tm_hour * 60 + local.tm_min;
        local.tm_isdst = 0;
        as_utc = timegm(&local);
        *ret_days = (as_utc - local.tm_hour * 3600 - local.tm_min * 60 - local.tm_sec) / 86400;
}

static void set_count(struct texts_values *values, const char *name, int64_t count)
{
        texts_set(values, name, "%" PRId64, count);
}

static void say_summary(struct notify *notify, int64_t now_us)
{
        TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };
        TELL_AUTO struct told told = { .kind = TELL_SUMMARY, .priority = TG_PRIORITY_REST };
        const struct tally *tally = &notify->tally;
        time_t since = (time_t)(tally->since_us / BUS_US_PER_SEC);
        struct tm local;
        char text[32];

        localtime_r(&since, &local);
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &local);
        texts_set(&values, "since", "%s", text);
        tell_set_cents(&values, "result", tally->result_cents);
        set_count(&values, "entries", tally->entries);
        set_count(&values, "exits", tally->wins + tally->losses);
        set_count(&values, "wins", tally->wins);
        set_count(&values, "losses", tally->losses);
        set_count(&values, "rejections", tally->rejections);
        set_count(&values, "alarms", tally->alarms);
        if (tally->balance_cents) {
                tell_set_cents(&values, "balance", tally->balance_cents);
                tell_set_cents(&values, "equity", tally->equity_cents);
        }
        tell_fill(&notify->teller, "summary", &values, &told);
        notify_say(notify, &told, now_us);
}

static void summary(struct notify *notify, int64_t now_us, int64_t days, int minute)
{
        int64_t period;

        if (notify->summary_minute < 0)
                return;
        period = tally_period(days, minute, notify->summary_minute);
        if (notify->tally.since_us && period <= notify->tally.period)
                return;
        if (notify->tally.since_us)
                say_summary(notify, now_us);
        tally_restart(&notify->tally, now_us, period);
        notify->tally_changed = true;
}

static void end_quiet(struct notify *notify, int64_t now_us, int minute)
{
        TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };
        TELL_AUTO struct told told = { .kind = TELL_SUMMARY, .priority = TG_PRIORITY_REST };
        BUS_AUTOBUF struct bus_buf counts = BUS_BUF_INIT;
        char buffer[TG_KIND_SIZE];

        if (mutes_quiet(&notify->mutes, minute))
                return;
        for (int i = 0; i < TELL_KINDS; i++) {
                if (!notify->tally.quiet[i])
                        continue;
                bus_buf_printf(&counts, "%s%" PRId64 " %s", counts.size ? ", " : "",
                        notify->tally.quiet[i],
                        texts_word(&notify->texts, "kind", tell_kind_name((enum tell_kind)i),
                                buffer, sizeof(buffer)));
                notify->tally.quiet[i] = 0;
        }
        if (!counts.size)
                return;
        notify->tally_changed = true;
        texts_set(&values, "counts", "%s", bus_buf_str(&counts));
        tell_fill(&notify->teller, "quiet_over", &values, &told);
        notify_say(notify, &told, now_us);
}

/* An alarm of our own: it comes back to us and to the other bots by the stream. A heartbeat ends it. */
static void watch_health(struct notify *notify)
{
        int64_t silent_us = bus_mono_us() - notify->health_heard_us;

        if (silent_us > notify->silence_us)
                bus_alarm(notify->service, NOTIFY_HEALTH_SILENT, "health",
                        PB__SEVERITY__SEVERITY_CRITICAL,
                        "no heartbeat of health for %" PRId64 " s: nobody watches the others",
                        silent_us / BUS_US_PER_SEC);
}

void notify_tick(void *self)
{
        struct notify *notify = self;
        int64_t now_us = bus_wall_us(), days;
        int minute;

        if (notify->draining)
                return;
        notify_local(now_us, &days, &minute);
        summary(notify, now_us, days, minute);
        end_quiet(notify, now_us, minute);
        watch_health(notify);
}
