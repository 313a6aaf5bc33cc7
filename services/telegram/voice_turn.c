/* A bot that several services speak with: who keeps its pace lends turns, the others borrow them. */
#include "services/telegram/voice_internal.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "proto/unpack.h"
#include "proto/validate.h"

#include "turn.pb-c.h"

#include <stdio.h>
#include <string.h>

#define LENDER "telegram-controller"
/* Without its heartbeat for so long, or from the start on, the lender is away. */
#define LENDER_GONE_US    (3 * BUS_US_PER_SEC)
#define LENDER_STRANGE_US (2 * BUS_US_PER_SEC)
/* Our own message to that chat is under way: its answer comes first, and looks again. */
#define OWN_US (1 * BUS_US_PER_SEC)

static void publish(struct tg_voice *voice, const char *topic, const char *service,
        Pb__TurnKind kind, const struct tg_turn *turn, int64_t until_us, int retry_after_s)
{
        Pb__Turn message = PB__TURN__INIT;

        message.kind = kind;
        message.service = (char *)(uintptr_t)service;
        message.bot = (char *)(uintptr_t)turn->bot;
        message.number = turn->number;
        message.chat_id = turn->chat_id;
        message.priority = turn->priority;
        message.until_us = until_us;
        message.retry_after_s = retry_after_s > 0 ? (uint32_t)retry_after_s : 0;
        bus_publish(voice->service, topic, &message.base);
}

/* ---- lending ---- */

static struct tg_bot *bot_of_mark(const struct tg_voice *voice, const char *mark)
{
        struct tg_bot *bot = tg_role_bot(voice->role), *main_bot = tg_role_main_bot(voice->role);

        if (bot && !strcmp(tg_bot_mark(bot), mark))
                return bot;
        return bot && main_bot && !strcmp(tg_bot_mark(main_bot), mark) ? main_bot : NULL;
}

static int64_t lender_wait_us(void *arg, const char *mark, int64_t chat_id)
{
        struct tg_voice *voice = arg;
        struct tg_bot *bot = bot_of_mark(voice, mark);

        if (!bot)
                return -1;
        if (voice->in_flight && voice->bot == bot && voice->batch.chat_id == chat_id)
                return OWN_US;
        return tg_pace_wait_us(voice_pace(voice, bot), chat_id, bus_mono_us());
}

static void grant(struct tg_voice *voice, const char *service, const struct tg_turn *turn)
{
        tg_pace_sent(voice_pace(voice, bot_of_mark(voice, turn->bot)), turn->chat_id, turn->at_us);
        publish(voice, "turn.grant." LENDER, service, PB__TURN_KIND__TURN_KIND_GRANT, turn,
                bus_wall_us() + TG_TURN_USE_US, 0);
}

/* What waits here itself goes first: somebody has asked for it. */
static void lend(void *arg)
{
        struct tg_voice *voice = arg;
        struct tg_turns *turns = &voice->lender->turns;
        const struct tg_turn *turn;
        const char *service;

        voice_pump(voice);
        while ((turn = tg_turns_lend(turns, lender_wait_us, voice, bus_mono_us(), &service)))
                grant(voice, service, turn);
        bus_loop_set_timer(voice->lender->timer,
                tg_turns_wait_us(turns, lender_wait_us, voice, bus_mono_us()));
}

static void take_done(struct tg_voice *voice, const Pb__Turn *message)
{
        struct tg_bot *bot = bot_of_mark(voice, message->bot);

        tg_turns_done(&voice->lender->turns, message->service);
        if (!bot)
                return;
        tg_pace_arrived(voice_pace(voice, bot), message->chat_id, bus_mono_us());
        if (message->retry_after_s)
                tg_pace_slow_down(voice_pace(voice, bot), message->chat_id,
                        (int)message->retry_after_s, bus_mono_us());
}

static void take_ask(struct tg_voice *voice, const Pb__Turn *message)
{
        struct tg_turn ask = { .number = message->number,
                .chat_id = message->chat_id,
                .priority = message->priority,
                .at_us = bus_mono_us() };

        snprintf(ask.bot, sizeof(ask.bot), "%s", message->bot);
        tg_turns_ask(&voice->lender->turns, message->service, &ask);
}

void tg_voice_lends(struct tg_voice *voice)
{
        voice->lender = bus_new(struct voice_lender);
        *voice->lender = (struct voice_lender){ 0 };
        voice->lender->timer =
                bus_loop_add_timer(bus_service_loop(voice->service), 0, 0, lend, voice);
        bus_loop_set_timer(voice->lender->timer, -1);
}

void tg_voice_report(struct tg_voice *voice)
{
        struct tg_bot *bot = tg_role_bot(voice->role), *main_bot = tg_role_main_bot(voice->role);
        BUS_AUTOFREE char *marks = NULL;

        if (!voice->lender || !bot)
                return;
        marks = bus_xasprintf("%s %s", tg_bot_mark(bot),
                main_bot && main_bot != bot ? tg_bot_mark(main_bot) : "");
        bus_service_fact(voice->service, TG_FACT_LENDS, marks);
}

/* ---- borrowing ---- */

enum sharing {
        SHARING_NOT,
        SHARING_UNKNOWN, /* the lender may be about to say so */
        SHARING,
};

static enum sharing sharing_of(
        const struct voice_borrower *borrower, const struct tg_bot *bot, int64_t now_us)
{
        if (!borrower->heard_us)
                return now_us - borrower->since_us < LENDER_STRANGE_US ? SHARING_UNKNOWN
                                                                       : SHARING_NOT;
        if (now_us - borrower->heard_us > LENDER_GONE_US)
                return SHARING_NOT;
        return strstr(borrower->lends, tg_bot_mark(bot)) ? SHARING : SHARING_NOT;
}

int64_t voice_turn_wait_us(
        struct tg_voice *voice, const struct tg_bot *bot, int64_t chat_id, int64_t now_us)
{
        const struct voice_borrower *borrower = voice->borrower;

        if (voice->lender)
                return tg_turns_lent_us(&voice->lender->turns, tg_bot_mark(bot), chat_id, now_us);
        if (!borrower)
                return 0;
        if (borrower->is_granted)
                return borrower->ask.chat_id == chat_id ? 0 : TG_TURN_USE_US;
        return sharing_of(borrower, bot, now_us) == SHARING_UNKNOWN
                       ? borrower->since_us + LENDER_STRANGE_US - now_us
                       : 0;
}

static void publish_ask(struct tg_voice *voice, Pb__TurnKind kind, int retry_after_s)
{
        const char *service = bus_service_name(voice->service);
        BUS_AUTOFREE char *topic = bus_xasprintf("turn.ask.%s", service);

        publish(voice, topic, service, kind, &voice->borrower->ask, 0, retry_after_s);
}

/* A new number for each turn, also over a restart. */
static void begin_turn(
        struct voice_borrower *borrower, const struct tg_bot *bot, const struct tg_item *item)
{
        uint64_t now = (uint64_t)bus_wall_us();

        borrower->ask.number = now > borrower->ask.number ? now : borrower->ask.number + 1;
        borrower->ask.chat_id = item->chat_id;
        borrower->ask.priority = item->priority;
        snprintf(borrower->ask.bot, sizeof(borrower->ask.bot), "%s", tg_bot_mark(bot));
}

static bool is_asked_for(
        const struct tg_turn *ask, const struct tg_bot *bot, const struct tg_item *item)
{
        return ask->number && ask->chat_id == item->chat_id && ask->priority == item->priority &&
               !strcmp(ask->bot, tg_bot_mark(bot));
}

bool voice_turn_ask(struct tg_voice *voice, const struct tg_bot *bot, const struct tg_item *item)
{
        struct voice_borrower *borrower = voice->borrower;

        if (!borrower || borrower->is_granted ||
                sharing_of(borrower, bot, bus_mono_us()) != SHARING)
                return false;
        if (!is_asked_for(&borrower->ask, bot, item))
                begin_turn(borrower, bot, item);
        publish_ask(voice, PB__TURN_KIND__TURN_KIND_ASK, 0);
        return true;
}

/* Said also where nobody lent it: whoever keeps the pace wants to know. */
void voice_turn_over(struct tg_voice *voice, int64_t chat_id, int retry_after_s)
{
        struct voice_borrower *borrower = voice->borrower;

        if (voice->lender)
                bus_loop_set_timer(voice->lender->timer, 0);
        if (!borrower)
                return;
        if (!borrower->is_granted)
                begin_turn(borrower, voice->bot, &(struct tg_item){ .chat_id = chat_id });
        publish_ask(voice, PB__TURN_KIND__TURN_KIND_DONE, retry_after_s);
        borrower->is_granted = false;
        borrower->ask.number = 0;
}

static void take_grant(struct tg_voice *voice, const Pb__Turn *message)
{
        struct voice_borrower *borrower = voice->borrower;

        if (strcmp(message->service, bus_service_name(voice->service)) != 0 || voice->in_flight ||
                borrower->is_granted || message->number != borrower->ask.number ||
                bus_wall_us() > message->until_us)
                return;
        borrower->is_granted = true;
        voice_pump(voice);
        if (!voice->in_flight) /* what was to be said is gone, or must wait */
                voice_turn_over(voice, message->chat_id, 0);
}

void tg_voice_borrows(struct tg_voice *voice)
{
        voice->borrower = bus_new(struct voice_borrower);
        *voice->borrower = (struct voice_borrower){ .since_us = bus_mono_us() };
}

void tg_voice_hear_lender(struct tg_voice *voice, const Pb__Heartbeat *beat)
{
        static const char key[] = TG_FACT_LENDS "=";
        struct voice_borrower *borrower = voice->borrower;
        bool was_heard = borrower->heard_us != 0;

        borrower->heard_us = bus_mono_us();
        borrower->lends[0] = 0;
        for (size_t i = 0; i < beat->n_facts; i++)
                if (!strncmp(beat->facts[i], key, strlen(key)))
                        snprintf(borrower->lends, sizeof(borrower->lends), "%s",
                                beat->facts[i] + strlen(key));
        if (!was_heard)
                voice_pump(voice);
}

/* ---- both ---- */

void tg_voice_hear_turn(struct tg_voice *voice, struct bus_bytes body)
{
        Pb__Turn *message = MESSAGE_UNPACK(turn, body);
        const char *why;

        if (message && validate_turn(message, &why) == 0) {
                if (voice->borrower && message->kind == PB__TURN_KIND__TURN_KIND_GRANT)
                        take_grant(voice, message);
                if (voice->lender && message->kind == PB__TURN_KIND__TURN_KIND_ASK)
                        take_ask(voice, message);
                if (voice->lender && message->kind == PB__TURN_KIND__TURN_KIND_DONE)
                        take_done(voice, message);
                if (voice->lender)
                        lend(voice);
        }
        pb__turn__free_unpacked(message, NULL);
}

void voice_turn_free(struct tg_voice *voice)
{
        if (voice->lender)
                bus_loop_remove(bus_service_loop(voice->service), voice->lender->timer);
        free(voice->lender);
        free(voice->borrower);
}
