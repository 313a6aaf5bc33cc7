/* The reporter's long poll. */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/telegram-analytics/reporter.h"

#include <inttypes.h>
#include <stdlib.h>

#define SEEN_KEY       "tg/seen"
#define CONFLICT       "telegram_conflict"
#define SUBJECT        "analytics"
#define PAUSE_FIRST_US (1 * BUS_US_PER_SEC)
#define PAUSE_MAX_US   (60 * BUS_US_PER_SEC)
/* Somebody else polls with this token; two who insist only end each other's polls. */
#define CONFLICT_US  (60 * BUS_US_PER_SEC)
#define POLL_UPDATES 20

/* ---- what was seen ---- */

static bool was_seen(const struct reporter *reporter, int64_t update_id)
{
        size_t kept =
                reporter->seen_count < REPORTER_SEEN_MAX ? reporter->seen_count : REPORTER_SEEN_MAX;

        for (size_t i = 0; i < kept; i++)
                if (reporter->seen[i] == update_id)
                        return true;
        return false;
}

static void see(struct reporter *reporter, int64_t update_id)
{
        reporter->seen[reporter->seen_count++ % REPORTER_SEEN_MAX] = update_id;
}

/* As text, oldest first. */
static void keep_seen(struct reporter *reporter)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        size_t first = reporter->seen_count > REPORTER_SEEN_MAX
                               ? reporter->seen_count - REPORTER_SEEN_MAX
                               : 0;

        for (size_t i = first; i < reporter->seen_count; i++)
                bus_buf_printf(&text, "%" PRId64 " ", reporter->seen[i % REPORTER_SEEN_MAX]);
        bus_put(reporter->service, SEEN_KEY, bus_buf_bytes(&text), true);
}

static int load_seen(struct reporter *reporter)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        int r = bus_get(reporter->service, SEEN_KEY, &text);
        const char *at = r == 0 ? bus_buf_str(&text) : "";
        char *end;

        for (long long id = strtoll(at, &end, 10); end != at; id = strtoll(at, &end, 10)) {
                see(reporter, id);
                at = end;
        }
        return r < 0 ? r : 0;
}

/* ---- one update ---- */

static void take_update(struct reporter *reporter, const json_t *json)
{
        char command[TG_COMMAND_MAX_BYTES + 1] = "";
        const char *arguments = "";
        struct tg_update update;

        if (tg_update_read(json, &update) < 0)
                return;
        reporter->offset = update.update_id + 1;
        if (was_seen(reporter, update.update_id))
                return;
        see(reporter, update.update_id);
        if (update.kind != TG_UPDATE_MESSAGE)
                return;
        if (!tg_people_find(&reporter->people, update.user_id, update.chat_id))
                bus_metric_inc(reporter->strangers);
        else if (tg_command_read(
                         update.text, tg_role_bot_name(reporter->role), command, &arguments) ||
                 update.is_private)
                reporter_answer(reporter, update.chat_id, command, arguments,
                        update.date_s * BUS_US_PER_SEC);
}

/* ---- the poll ---- */

static void poll_after_commit(void *self, void *arg, int result)
{
        struct reporter *reporter = arg;

        (void)self;
        if (result == 0)
                bus_loop_set_timer(reporter->poll_timer, 0);
}

static int64_t next_pause(struct reporter *reporter)
{
        int64_t pause_us = reporter->pause_us ? reporter->pause_us : PAUSE_FIRST_US;

        reporter->pause_us = pause_us * 2 > PAUSE_MAX_US ? PAUSE_MAX_US : pause_us * 2;
        return pause_us;
}

static void step_down(struct reporter *reporter, const struct tg_answer *answer)
{
        if (!reporter->stepped_down)
                bus_alarm(reporter->service, CONFLICT, SUBJECT, PB__SEVERITY__SEVERITY_WARNING,
                        "somebody else polls with the analytics bot's token: %s", answer->problem);
        reporter->stepped_down = true;
        bus_loop_set_timer(reporter->poll_timer, CONFLICT_US);
}

static void take_updates(struct reporter *reporter, const json_t *updates)
{
        size_t before = reporter->seen_count, i;
        json_t *update;

        if (reporter->stepped_down)
                bus_alarm_end(reporter->service, CONFLICT, SUBJECT);
        reporter->stepped_down = false;
        reporter->pause_us = 0;
        json_array_foreach((json_t *)updates, i, update) take_update(reporter, update);
        if (reporter->seen_count != before) {
                keep_seen(reporter);
                bus_after_commit(reporter->service, poll_after_commit, reporter);
        } else {
                bus_loop_set_timer(reporter->poll_timer, 0);
        }
}

static void on_updates(void *arg, const struct tg_answer *answer)
{
        struct reporter *reporter = arg;

        if (reporter->draining)
                return;
        switch (answer->outcome) {
        case TG_DONE: take_updates(reporter, answer->result); break;
        case TG_CONFLICT: step_down(reporter, answer); break;
        case TG_SLOW_DOWN:
                bus_loop_set_timer(reporter->poll_timer, answer->retry_after_s * BUS_US_PER_SEC);
                break;
        case TG_BAD_TOKEN: tg_role_bad_token(reporter->role, tg_role_bot(reporter->role)); break;
        case TG_REFUSED:
        case TG_MARKUP:
        case TG_UNREACHABLE: bus_loop_set_timer(reporter->poll_timer, next_pause(reporter)); break;
        }
}

/* The main bot is polled by telegram-controller alone. */
static void poll(void *arg)
{
        struct reporter *reporter = arg;
        struct tg_bot *bot = tg_role_bot(reporter->role);

        if (reporter->draining || tg_role_state(reporter->role) != TG_STATE_OWN ||
                tg_bot_polling(bot))
                return;
        tg_bot_poll(bot, reporter->offset, POLL_UPDATES, on_updates, reporter);
}

void reporter_poll_again(struct reporter *reporter)
{
        reporter->offset = 0;
        if (reporter->poll_timer)
                bus_loop_set_timer(reporter->poll_timer, 0);
}

int reporter_poll_start(struct reporter *reporter)
{
        int r = load_seen(reporter);

        if (r < 0)
                return r;
        reporter->poll_timer =
                bus_loop_add_timer(bus_service_loop(reporter->service), 0, 0, poll, reporter);
        return 0;
}
