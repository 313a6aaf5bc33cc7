/*
 * The reporter's long poll: of its own bot, and only where telegram-controller does not poll that one
 * too. Two who poll one bot end each other's polls, and take each other's commands.
 */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/telegram-analytics/reporter.h"

#include <inttypes.h>
#include <stdlib.h>

#define SEEN_KEY       "tg/seen/" /* and the bot's mark: ids of another bot say nothing */
#define ELSEWHERE_KEY  "tg/polled"
#define CONFLICT       "telegram_conflict"
#define SUBJECT        "analytics"
#define PAUSE_FIRST_US (1 * BUS_US_PER_SEC)
#define PAUSE_MAX_US   (10 * BUS_US_PER_SEC) /* a question is too old after a minute */
/* A server that does not hold a poll is not asked without a pause. */
#define HELD_US   (500 * BUS_US_PER_MS)
#define UNHELD_US (250 * BUS_US_PER_MS)
/* How long the controller is waited for where it was never heard, and where it polled this bot. */
#define STRANGE_US   (4 * BUS_US_PER_SEC)
#define SHARED_US    (90 * BUS_US_PER_SEC)
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

static char *seen_key(const struct reporter *reporter)
{
        return bus_xasprintf(SEEN_KEY "%s", tg_bot_mark(tg_role_bot(reporter->role)));
}

/* As text, oldest first. */
static void keep_seen(struct reporter *reporter)
{
        BUS_AUTOFREE char *key = seen_key(reporter);
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        size_t first = reporter->seen_count > REPORTER_SEEN_MAX
                               ? reporter->seen_count - REPORTER_SEEN_MAX
                               : 0;

        for (size_t i = first; i < reporter->seen_count; i++)
                bus_buf_printf(&text, "%" PRId64 " ", reporter->seen[i % REPORTER_SEEN_MAX]);
        bus_put(reporter->service, key, bus_buf_bytes(&text), true);
}

static int load_seen(struct reporter *reporter)
{
        BUS_AUTOFREE char *key = seen_key(reporter);
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        int r = bus_get(reporter->service, key, &text);
        const char *at = r == 0 ? bus_buf_str(&text) : "";
        char *end;

        for (long long id = strtoll(at, &end, 10); end != at; id = strtoll(at, &end, 10)) {
                see(reporter, id);
                at = end;
        }
        return r < 0 ? r : 0;
}

/* ---- one update ---- */

/* False: it cannot even be confirmed. */
static bool take_update(struct reporter *reporter, const json_t *json)
{
        char command[TG_COMMAND_MAX_BYTES + 1] = "";
        const char *arguments = "";
        struct tg_update update;

        if (tg_update_read(json, &update) < 0)
                return false;
        reporter->offset = update.update_id + 1;
        if (was_seen(reporter, update.update_id))
                return true;
        see(reporter, update.update_id);
        if (update.kind != TG_UPDATE_MESSAGE)
                return true;
        if (!tg_people_find(&reporter->people, update.user_id, update.chat_id))
                bus_metric_inc(reporter->strangers);
        else if (tg_command_read(
                         update.text, tg_role_bot_name(reporter->role), command, &arguments) ||
                 update.is_private)
                reporter_answer(reporter, update.chat_id, command, arguments,
                        update.date_s * BUS_US_PER_SEC);
        return true;
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
        bus_loop_set_timer(reporter->poll_timer, reporter->conflict_us);
}

static void step_up(struct reporter *reporter)
{
        if (reporter->stepped_down)
                bus_alarm_end(reporter->service, CONFLICT, SUBJECT);
        reporter->stepped_down = false;
}

static void take_updates(struct reporter *reporter, const json_t *updates)
{
        size_t before = reporter->seen_count, taken = 0, i;
        json_t *update;

        step_up(reporter);
        json_array_foreach((json_t *)updates, i, update) taken += take_update(reporter, update);
        if (!json_is_array(updates) || (json_array_size(updates) && !taken)) {
                bus_loop_set_timer(reporter->poll_timer, next_pause(reporter));
                return;
        }
        reporter->pause_us = 0;
        if (!json_array_size(updates)) {
                reporter->offset = 0; /* all is confirmed: ids may start anew, and lower */
                bus_loop_set_timer(reporter->poll_timer,
                        bus_mono_us() - reporter->asked_us < HELD_US ? UNHELD_US : 0);
        } else if (reporter->seen_count != before) {
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

/* How long to wait before polling BOT, which telegram-controller may poll; 0: it does not. */
static int64_t elsewhere_us(const struct reporter *reporter, const struct tg_bot *bot)
{
        int64_t up_us = bus_mono_us() - reporter->started_us, patience_us;
        bool shared =
                reporter->polled_elsewhere && strstr(reporter->polled_elsewhere, tg_bot_mark(bot));

        if (reporter->heard_controller)
                return shared ? SHARED_US : 0;
        patience_us = shared ? SHARED_US : reporter->polled_elsewhere ? 0 : STRANGE_US;
        return up_us < patience_us ? patience_us - up_us : 0;
}

/* The main bot is polled by telegram-controller alone. */
static void poll(void *arg)
{
        struct reporter *reporter = arg;
        struct tg_bot *bot = tg_role_bot(reporter->role);
        int64_t wait_us;

        if (reporter->draining || tg_role_state(reporter->role) != TG_STATE_OWN ||
                tg_bot_polling(bot))
                return;
        wait_us = elsewhere_us(reporter, bot);
        if (wait_us) {
                bus_loop_set_timer(reporter->poll_timer, wait_us);
                return;
        }
        reporter->asked_us = bus_mono_us();
        tg_bot_poll(bot, reporter->offset, POLL_UPDATES, on_updates, reporter);
}

void reporter_poll_again(struct reporter *reporter)
{
        reporter->offset = 0;
        if (reporter->poll_timer)
                bus_loop_set_timer(reporter->poll_timer, 0);
}

static void set_elsewhere(struct reporter *reporter, const char *polls)
{
        struct tg_bot *bot = tg_role_bot(reporter->role);

        free(reporter->polled_elsewhere);
        reporter->polled_elsewhere = bus_xstrdup(polls);
        bus_put(reporter->service, ELSEWHERE_KEY, bus_bytes_str(polls), false);
        if (bot && elsewhere_us(reporter, bot)) {
                tg_bot_stop_polling(bot);
                step_up(reporter);
        }
        bus_loop_set_timer(reporter->poll_timer, 0);
}

void reporter_controller_beat(struct reporter *reporter, const Pb__Heartbeat *beat)
{
        static const char key[] = TG_FACT_POLLS "=";
        bool was_heard = reporter->heard_controller;

        if (!reporter->poll_timer)
                return;
        reporter->heard_controller = true;
        for (size_t i = 0; i < beat->n_facts; i++) {
                const char *polls = beat->facts[i] + strlen(key);

                if (strncmp(beat->facts[i], key, strlen(key)) != 0)
                        continue;
                if (!was_heard || !reporter->polled_elsewhere ||
                        strcmp(polls, reporter->polled_elsewhere) != 0)
                        set_elsewhere(reporter, polls);
        }
}

static int load_elsewhere(struct reporter *reporter)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        int r = bus_get(reporter->service, ELSEWHERE_KEY, &text);

        if (r == 0)
                reporter->polled_elsewhere = bus_xstrdup(bus_buf_str(&text));
        return r < 0 ? r : 0;
}

int reporter_poll_start(struct reporter *reporter)
{
        int r = 0;

        reporter->started_us = bus_mono_us();
        if (tg_role_state(reporter->role) == TG_STATE_OWN)
                r = load_seen(reporter);
        if (r == 0)
                r = load_elsewhere(reporter);
        if (r < 0)
                return r;
        reporter->poll_timer =
                bus_loop_add_timer(bus_service_loop(reporter->service), 0, 0, poll, reporter);
        return 0;
}
