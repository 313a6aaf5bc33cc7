/* What people ask of it: /mute, /unmute and /quiet, handed on by telegram-controller. */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/telegram-notify/notify.h"

#include <inttypes.h>
#include <stdio.h>

#define MUTES_KEY "mutes"
#define WORD_SIZE 64

/* ---- kept ---- */

void notify_keep_mutes(struct notify *notify)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;

        mutes_write(&notify->mutes, &text);
        bus_put(notify->service, MUTES_KEY, bus_buf_bytes(&text), true);
}

/* What people have asked for counts more than the configuration. */
int notify_load_mutes(struct notify *notify)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        int r = bus_get(notify->service, MUTES_KEY, &text);

        if (r)
                return r < 0 ? r : 0;
        if (mutes_read(&notify->mutes, bus_buf_str(&text)) < 0)
                log_warn("mutes_unreadable", "text=\"%s\"", bus_buf_str(&text));
        return 0;
}

/* ---- answers ---- */

static void answer(
        struct notify *notify, int64_t chat_id, const char *key, const struct texts_values *values)
{
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;

        texts_fill(&notify->texts, "answer", key, values, &html);
        tg_voice_say(notify->voice,
                &(struct tg_say){ .chat_id = chat_id,
                        .priority = TG_PRIORITY_FILL,
                        .kind = "answer",
                        .is_answer = true,
                        .html = bus_buf_str(&html),
                        .at_us = bus_wall_us() },
                false);
}

/* The names of KINDS, or "none", "all". */
static void set_kinds(struct notify *notify, struct texts_values *values, uint32_t kinds)
{
        BUS_AUTOBUF struct bus_buf names = BUS_BUF_INIT;
        uint32_t all = (UINT32_C(1) << TELL_KINDS) - 1;

        for (int i = 0; i < TELL_KINDS && kinds != all; i++)
                if (kinds & UINT32_C(1) << i)
                        bus_buf_printf(&names, "%s%s", names.size ? ", " : "",
                                tell_kind_name((enum tell_kind)i));
        if (names.size)
                texts_set(values, "kinds", "%s", bus_buf_str(&names));
        else
                tell_set_word(
                        &notify->teller, values, "kinds", "word", kinds == all ? "all" : "none");
}

static void set_every_kind(struct texts_values *values)
{
        BUS_AUTOBUF struct bus_buf names = BUS_BUF_INIT;

        for (int i = 0; i < TELL_KINDS; i++)
                bus_buf_printf(
                        &names, "%s%s", names.size ? ", " : "", tell_kind_name((enum tell_kind)i));
        texts_set(values, "kinds", "%s", bus_buf_str(&names));
}

static uint32_t muted_now(const struct notify *notify)
{
        int64_t now_us = bus_wall_us();
        uint32_t kinds = 0;

        for (int i = 0; i < TELL_KINDS; i++)
                if (now_us < notify->mutes.until_us[i])
                        kinds |= UINT32_C(1) << i;
        return kinds;
}

static void set_hours(struct notify *notify, struct texts_values *values)
{
        const struct mutes *mutes = &notify->mutes;

        if (mutes->quiet_from_min == mutes->quiet_to_min) {
                tell_set_word(&notify->teller, values, "from", "word", "no");
                return;
        }
        texts_set(values, "from", "%02d:%02d", mutes->quiet_from_min / 60,
                mutes->quiet_from_min % 60);
        texts_set(values, "to", "%02d:%02d", mutes->quiet_to_min / 60, mutes->quiet_to_min % 60);
        texts_set(values, "zone", "%s",
                config_string(bus_service_config(notify->service), "telegram", "time_zone"));
}

static void answer_state(struct notify *notify, int64_t chat_id)
{
        TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };

        set_kinds(notify, &values, muted_now(notify));
        set_hours(notify, &values);
        answer(notify, chat_id, "state", &values);
}

static void answer_usage(struct notify *notify, int64_t chat_id)
{
        TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };

        set_every_kind(&values);
        answer(notify, chat_id, "usage", &values);
}

/* ---- the commands ---- */

/* The last word of WORDS, if it is a span of time: taken off, and *RET_US the end of it. */
static void take_span(char *words, int64_t now_us, int64_t *ret_until_us)
{
        char *last = strrchr(words, ' ');
        int64_t ago_us;

        last = last ? last + 1 : words;
        if (*last < '0' || *last > '9' || bus_moment_parse(last, now_us, &ago_us) < 0)
                return;
        *ret_until_us = now_us + (now_us - ago_us);
        *last = 0;
}

static void mute(struct notify *notify, int64_t chat_id, const char *text, bool on)
{
        TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };
        BUS_AUTOFREE char *words = bus_xstrdup(text);
        int64_t until_us = on ? MUTES_FOR_GOOD : 0;
        const char *bad;
        size_t bad_length;
        uint32_t kinds;

        if (on)
                take_span(words, bus_wall_us(), &until_us);
        if (!words[strspn(words, " ")]) {
                answer_state(notify, chat_id);
                return;
        }
        if (mutes_kinds(words, &kinds, &bad, &bad_length) < 0) {
                texts_set(&values, "word", "%.*s",
                        (int)(bad_length < WORD_SIZE ? bad_length : WORD_SIZE), bad);
                set_every_kind(&values);
                answer(notify, chat_id, "unknown_kind", &values);
                return;
        }
        mutes_set(&notify->mutes, kinds, until_us);
        notify_keep_mutes(notify);
        set_kinds(notify, &values, kinds);
        answer(notify, chat_id, on ? "muted" : "unmuted", &values);
}

static void quiet(struct notify *notify, int64_t chat_id, const char *text)
{
        TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };
        int from, to;

        if (!*text) {
                answer_state(notify, chat_id);
                return;
        }
        if (mutes_hours(text, &from, &to) < 0) {
                answer_usage(notify, chat_id);
                return;
        }
        notify->mutes.quiet_from_min = from;
        notify->mutes.quiet_to_min = to;
        notify_keep_mutes(notify);
        set_hours(notify, &values);
        answer(notify, chat_id, from == to ? "quiet_off" : "quiet_set", &values);
}

/* Who may ask for it has been judged by whoever handed it on; who changes something is judged again. */
void notify_order(struct notify *notify, const Pb__TelegramCommand *order)
{
        const char *rest = order->arguments + strspn(order->arguments, " ");
        TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };
        bool is_mute = !strcmp(order->name, "mute"), is_quiet = !strcmp(order->name, "quiet");

        if (!is_mute && !is_quiet && strcmp(order->name, "unmute") != 0)
                return; /* another bot's */
        log_info("telegram_order", "name=%s chat=%" PRId64 " role=%s", order->name, order->chat_id,
                order->role);
        if (*rest && !strcmp(order->role, "viewer"))
                answer(notify, order->chat_id, "not_allowed", &values);
        else if (is_quiet)
                quiet(notify, order->chat_id, rest);
        else
                mute(notify, order->chat_id, rest, is_mute);
}
