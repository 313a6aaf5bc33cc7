#include "services/telegram/voice_internal.h"

#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/pack.h"
#include "proto/unpack.h"
#include "services/telegram/markup.h"

#include "telegram.pb-c.h"

#include <inttypes.h>
#include <stdio.h>

#define KEY_PREFIX     "tg/q/"
#define KEY_SIZE       32
#define RETRY_FIRST_US (1 * BUS_US_PER_SEC)

/* An item on its way through the commit. */
struct staged_item {
        struct tg_voice *voice;
        struct tg_item item;
};

/* ---- the store ---- */

static const char *key_of(uint64_t number, char key[static KEY_SIZE])
{
        snprintf(key, KEY_SIZE, KEY_PREFIX "%016" PRIx64, number);
        return key;
}

static void forget(struct tg_voice *voice, uint64_t number)
{
        char key[KEY_SIZE];

        bus_delete(voice->service, key_of(number, key));
}

static void keep(struct tg_voice *voice, const struct tg_item *item, bool durable)
{
        Pb__TelegramItem kept = PB__TELEGRAM_ITEM__INIT;
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;
        char key[KEY_SIZE];

        kept.chat_id = item->chat_id;
        kept.priority = item->priority;
        kept.kind = (char *)item->kind;
        kept.at_us = item->at_us;
        kept.html = item->html;
        kept.line = item->line;
        kept.buttons = item->buttons ? item->buttons : "";
        kept.picture = item->picture ? item->picture : "";
        kept.by_main = item->by_main;
        kept.is_answer = item->is_answer;
        bus_pack(&kept.base, &packed);
        bus_put(voice->service, key_of(item->number, key), bus_buf_bytes(&packed), durable);
}

static void enqueue(struct tg_voice *voice, const struct tg_item *item)
{
        uint64_t dropped;

        tg_queue_add(&voice->queue, item, &dropped);
        if (dropped) {
                forget(voice, dropped);
                bus_metric_inc(voice->dropped);
        }
        bus_metric_set(voice->waiting, (double)voice->queue.count);
}

static int load_one(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct tg_voice *voice = arg;
        Pb__TelegramItem *kept = MESSAGE_UNPACK(telegram_item, value);
        BUS_AUTOFREE char *number = bus_xasprintf("%.*s", (int)key.size, (const char *)key.data);
        struct tg_item item = { .number = strtoull(number + strlen(KEY_PREFIX), NULL, 16) };

        voice->last_number = item.number;
        if (!kept || kept->priority >= TG_PRIORITIES) {
                log_warn("telegram_item_lost", "key=%s why=\"does not unpack\"", number);
                if (kept)
                        pb__telegram_item__free_unpacked(kept, NULL);
                return 0;
        }
        item.chat_id = kept->chat_id;
        item.priority = (enum tg_priority)kept->priority;
        item.by_main = kept->by_main;
        item.is_answer = kept->is_answer;
        snprintf(item.kind, sizeof(item.kind), "%s", kept->kind);
        item.at_us = kept->at_us;
        item.html = bus_xstrdup(kept->html);
        item.line = bus_xstrdup(kept->line);
        item.buttons = *kept->buttons ? bus_xstrdup(kept->buttons) : NULL;
        item.picture = *kept->picture ? bus_xstrdup(kept->picture) : NULL;
        pb__telegram_item__free_unpacked(kept, NULL);
        enqueue(voice, &item);
        return 0;
}

/* ---- saying ---- */

static void on_committed(void *self, void *arg, int result)
{
        struct staged_item *staged = arg;

        (void)self;
        if (result == 0) {
                enqueue(staged->voice, &staged->item);
                bus_loop_set_timer(staged->voice->timer, 0);
        } else {
                free(staged->item.html);
                free(staged->item.line);
                free(staged->item.buttons);
                free(staged->item.picture);
        }
        free(staged);
}

void tg_voice_say(struct tg_voice *voice, const struct tg_say *say, bool durable)
{
        struct staged_item *staged = bus_new(struct staged_item);
        struct tg_item *item = &staged->item;

        staged->voice = voice;
        *item = (struct tg_item){ .number = ++voice->last_number,
                .chat_id = say->chat_id,
                .priority = say->priority,
                .by_main = say->by_main,
                .is_answer = say->is_answer,
                .at_us = say->at_us,
                .html = bus_xstrdup(say->html),
                .line = bus_xstrdup(say->line ? say->line : say->html),
                .buttons = say->buttons ? bus_xstrdup(say->buttons) : NULL,
                .picture = say->picture ? bus_xstrdup(say->picture) : NULL };
        snprintf(item->kind, sizeof(item->kind), "%s", say->kind);
        item->html[tg_fit(item->html, say->picture ? TG_CAPTION_MAX_UNITS : TG_MESSAGE_MAX_UNITS)] =
                0;
        keep(voice, item, durable);
        bus_after_commit(voice->service, on_committed, staged);
}

/* ---- sending ---- */

static void end_batch(struct tg_voice *voice, struct bus_metric *outcome)
{
        for (size_t i = 0; i < voice->batch.count; i++)
                forget(voice, voice->batch.numbers[i]);
        tg_queue_remove(&voice->queue, &voice->batch);
        bus_metric_add(outcome, (double)voice->batch.count);
        bus_metric_set(voice->waiting, (double)voice->queue.count);
}

static int64_t failed(struct tg_voice *voice)
{
        int64_t pause_us = voice->retry_us ? voice->retry_us : RETRY_FIRST_US;

        voice->retry_us = pause_us * 2 > VOICE_RETRY_MAX_US ? VOICE_RETRY_MAX_US : pause_us * 2;
        bus_metric_inc(voice->retried);
        return pause_us;
}

static int64_t refused(struct tg_voice *voice, const struct tg_answer *answer)
{
        log_warn("telegram_refused", "chat=%" PRId64 " status=%ld why=\"%s\"", voice->batch.chat_id,
                answer->status, answer->problem);
        end_batch(voice, voice->refused);
        return 0;
}

/* What came of the message under way; how long to wait before the next. */
static int64_t settle(struct tg_voice *voice, const struct tg_answer *answer)
{
        switch (answer->outcome) {
        case TG_DONE:
                voice->retry_us = 0;
                end_batch(voice, voice->sent);
                return 0;
        case TG_MARKUP:
                if (voice->as_plain)
                        return refused(voice, answer);
                voice->as_plain = true; /* the same once more, without markup */
                return 0;
        case TG_REFUSED: return refused(voice, answer);
        case TG_SLOW_DOWN:
                tg_pace_slow_down(voice_pace(voice, voice->bot), voice->batch.chat_id,
                        answer->retry_after_s, bus_mono_us());
                bus_metric_inc(voice->retried);
                return 0;
        case TG_BAD_TOKEN:
                voice->main_is_bad |= voice->bot != tg_role_bot(voice->role);
                tg_role_bad_token(voice->role, voice->bot);
                return 0;
        case TG_CONFLICT:
        case TG_UNREACHABLE: break;
        }
        return failed(voice);
}

static void on_answer(void *arg, const struct tg_answer *answer)
{
        struct tg_voice *voice = arg;
        bool was_plain = voice->as_plain;
        int64_t pause_us;

        voice->in_flight = false;
        tg_pace_arrived(voice_pace(voice, voice->bot), voice->batch.chat_id, bus_mono_us());
        pause_us = settle(voice, answer);
        if (voice->as_plain == was_plain)
                voice->as_plain = false;
        if (!voice->as_plain) {
                voice_turn_over(voice, voice->batch.chat_id, answer->retry_after_s);
                tg_batch_done(&voice->batch);
        }
        bus_loop_set_timer(voice->timer, pause_us);
}

/* Which bot a message goes out by. */
static struct tg_bot *bot_of(const struct tg_voice *voice, bool by_main)
{
        struct tg_bot *main_bot = tg_role_main_bot(voice->role);

        return by_main && main_bot && !voice->main_is_bad ? main_bot : tg_role_bot(voice->role);
}

/* Each token has a pace of its own. */
struct tg_pace *voice_pace(struct tg_voice *voice, const struct tg_bot *bot)
{
        return &voice->paces[bot == tg_role_main_bot(voice->role)];
}

/* False: there is no picture to send, or none could be drawn. */
static bool send_picture(struct tg_voice *voice)
{
        BUS_AUTOBUF struct bus_buf png = BUS_BUF_INIT, plain = BUS_BUF_INIT;
        struct tg_bot *bot = bot_of(voice, voice->batch.by_main);
        const char *caption = bus_buf_str(&voice->batch.html);

        if (!voice->batch.picture || !voice->painter ||
                voice->painter(voice->painter_arg, voice->batch.picture, &png) < 0)
                return false;
        if (voice->as_plain) { /* refused once as HTML: without a tag there is nothing to refuse */
                tg_plain(&plain, caption);
                bus_buf_clear(&voice->batch.html);
                tg_escape(&voice->batch.html, bus_buf_str(&plain));
                caption = bus_buf_str(&voice->batch.html);
        }
        tg_pace_sent(voice_pace(voice, bot), voice->batch.chat_id, bus_mono_us());
        voice->in_flight = true;
        voice->bot = bot;
        tg_bot_photo(bot, voice->batch.chat_id, bus_buf_bytes(&png), caption, on_answer, voice);
        return true;
}

static void send_batch(struct tg_voice *voice)
{
        struct tg_bot *bot = bot_of(voice, voice->batch.by_main);
        BUS_AUTOBUF struct bus_buf plain = BUS_BUF_INIT;
        json_t *params = json_object();
        const char *text = bus_buf_str(&voice->batch.html);

        if (voice->as_plain) {
                tg_plain(&plain, text);
                text = bus_buf_str(&plain);
        } else {
                json_object_set_new(params, "parse_mode", json_string("HTML"));
        }
        json_object_set_new(params, "chat_id", json_integer(voice->batch.chat_id));
        json_object_set_new(params, "text", json_string(text));
        json_object_set_new(
                params, "link_preview_options", json_pack("{s:b}", "is_disabled", true));
        if (voice->batch.buttons)
                json_object_set_new(
                        params, "reply_markup", json_loads(voice->batch.buttons, 0, NULL));
        tg_pace_sent(voice_pace(voice, bot), voice->batch.chat_id, bus_mono_us());
        voice->in_flight = true;
        voice->bot = bot;
        tg_bot_call(bot, "sendMessage", params, on_answer, voice);
}

static int64_t wait_us(struct tg_voice *voice, const struct tg_item *item)
{
        struct tg_bot *bot = bot_of(voice, item->by_main);
        int64_t now_us = bus_mono_us();
        int64_t pace_us = tg_pace_wait_us(voice_pace(voice, bot), item->chat_id, now_us);
        int64_t turn_us = voice_turn_wait_us(voice, bot, item->chat_id, now_us);

        return pace_us > turn_us ? pace_us : turn_us;
}

static bool may_send(void *voice, const struct tg_item *item)
{
        return !wait_us(voice, item);
}

static int64_t shortest_wait_us(struct tg_voice *voice)
{
        int64_t shortest_us = VOICE_RETRY_MAX_US;

        for (size_t i = 0; i < voice->queue.count; i++) {
                int64_t one_us = wait_us(voice, &voice->queue.items[i]);

                shortest_us = one_us < shortest_us ? one_us : shortest_us;
        }
        return shortest_us;
}

static void send(struct tg_voice *voice)
{
        if (!send_picture(voice))
                send_batch(voice);
}

/* Asks for a turn, where somebody else speaks with the same bot. False: there is nothing to ask for. */
static bool ask(struct tg_voice *voice)
{
        const struct tg_item *item = tg_queue_first(&voice->queue, may_send, voice);

        return item && voice_turn_ask(voice, bot_of(voice, item->by_main), item);
}

static void pump(void *arg)
{
        struct tg_voice *voice = arg;

        if (voice->in_flight || !tg_role_bot(voice->role))
                return;
        if (!voice->as_plain && ask(voice))
                bus_loop_set_timer(voice->timer, TG_TURN_ASK_US);
        else if (voice->as_plain ||
                 tg_queue_next(&voice->queue, may_send, voice, bus_wall_us(), &voice->batch))
                send(voice);
        else if (voice->queue.count)
                bus_loop_set_timer(voice->timer, shortest_wait_us(voice));
}

void voice_pump(struct tg_voice *voice)
{
        pump(voice);
}

/* ---- life ---- */

static void register_metrics(struct tg_voice *voice)
{
        struct bus_metrics *metrics = bus_service_metrics(voice->service);

        voice->sent = bus_counter(metrics, "umbra_telegram_sent_total", "",
                "Messages for people that Telegram took, each event counted.");
        voice->refused = bus_counter(metrics, "umbra_telegram_refused_total", "",
                "Messages for people that Telegram refused for good.");
        voice->retried = bus_counter(metrics, "umbra_telegram_retried_total", "",
                "Tries to send that have to be repeated.");
        voice->dropped = bus_counter(metrics, "umbra_telegram_dropped_total", "",
                "Messages for people that were given up because too many waited.");
        voice->waiting =
                bus_gauge(metrics, "umbra_telegram_waiting", "", "Messages for people that wait.");
}

/* Who said what last with our bots, and to whom, is not known: as long as a chat waits for the next. */
static void hold_still(struct tg_voice *voice)
{
        voice->paces[0].next_us = voice->paces[1].next_us = bus_mono_us() + TG_PACE_CHAT_US;
}

int tg_voice_new(struct bus_service *service, struct tg_role *role, struct tg_voice **ret_voice)
{
        struct tg_voice *voice = bus_new(struct tg_voice);
        int r;

        *voice = (struct tg_voice){ .service = service, .role = role };
        hold_still(voice); /* the process before this one may have spoken */
        register_metrics(voice);
        voice->timer = bus_loop_add_timer(bus_service_loop(service), 0, 0, pump, voice);
        r = bus_scan(service, KEY_PREFIX, load_one, voice);
        if (r < 0) {
                tg_voice_free(voice);
                return r;
        }
        *ret_voice = voice;
        return 0;
}

struct tg_voice *tg_voice_free(struct tg_voice *voice)
{
        if (!voice)
                return NULL;
        bus_loop_remove(bus_service_loop(voice->service), voice->timer);
        voice_turn_free(voice);
        tg_batch_done(&voice->batch);
        tg_queue_done(&voice->queue);
        free(voice);
        return NULL;
}

void tg_voice_set_painter(struct tg_voice *voice, tg_painter_fn painter, void *arg)
{
        voice->painter = painter;
        voice->painter_arg = arg;
}

void tg_voice_role_changed(struct tg_voice *voice)
{
        bool is_off = !tg_role_bot(voice->role);

        voice->main_is_bad = false;
        if (voice->was_off &&
                !is_off) /* others may be back at this moment, and know nothing of each other */
                hold_still(voice);
        voice->was_off = is_off;
        bus_loop_set_timer(voice->timer, 0);
}

size_t tg_voice_waiting(const struct tg_voice *voice)
{
        return voice->queue.count;
}

bool tg_voice_idle(const struct tg_voice *voice)
{
        return !voice->in_flight;
}
