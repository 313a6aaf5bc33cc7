#include "services/telegram/turns.h"

#include <stdio.h>
#include <string.h>

static struct tg_asker *find(struct tg_turns *turns, const char *service)
{
        for (size_t i = 0; i < turns->count; i++)
                if (!strcmp(turns->askers[i].service, service))
                        return &turns->askers[i];
        return NULL;
}

static bool is_same(const struct tg_turn *a, const struct tg_turn *b)
{
        return a->number == b->number && a->chat_id == b->chat_id && !strcmp(a->bot, b->bot);
}

void tg_turns_ask(struct tg_turns *turns, const char *service, const struct tg_turn *ask)
{
        struct tg_asker *asker = find(turns, service);

        if (!asker) {
                if (turns->count == TG_TURNS_ASKERS)
                        return;
                asker = &turns->askers[turns->count++];
                *asker = (struct tg_asker){ 0 };
                snprintf(asker->service, sizeof(asker->service), "%s", service);
        }
        if (asker->borrows && is_same(&asker->lent, ask) &&
                ask->at_us - asker->lent.at_us < TG_TURN_USE_US)
                return;
        asker->borrows = false;
        if (!asker->asks || !is_same(&asker->ask, ask))
                asker->since_us = ask->at_us;
        asker->asks = true;
        asker->ask = *ask;
}

void tg_turns_done(struct tg_turns *turns, const char *service)
{
        struct tg_asker *asker = find(turns, service);

        if (asker)
                asker->borrows = false;
}

int64_t tg_turns_lent_us(
        const struct tg_turns *turns, const char *bot, int64_t chat_id, int64_t now_us)
{
        int64_t longest_us = 0;

        for (size_t i = 0; i < turns->count; i++) {
                const struct tg_asker *asker = &turns->askers[i];
                int64_t left_us = asker->lent.at_us + TG_TURN_LENT_US - now_us;

                if (asker->borrows && asker->lent.chat_id == chat_id &&
                        !strcmp(asker->lent.bot, bot) && left_us > longest_us)
                        longest_us = left_us;
        }
        return longest_us;
}

/* < 0: never, as things are. */
static int64_t wait_of(const struct tg_turns *turns, const struct tg_asker *asker,
        tg_turns_wait_fn wait, void *arg, int64_t now_us)
{
        const struct tg_turn *ask = &asker->ask;
        int64_t pace_us, lent_us;

        if (!asker->asks || now_us - ask->at_us > TG_TURN_STALE_US)
                return -1;
        pace_us = wait(arg, ask->bot, ask->chat_id);
        lent_us = tg_turns_lent_us(turns, ask->bot, ask->chat_id, now_us);
        return pace_us < 0 || pace_us > lent_us ? pace_us : lent_us;
}

static bool goes_before(const struct tg_asker *a, const struct tg_asker *b)
{
        return a->ask.priority != b->ask.priority ? a->ask.priority < b->ask.priority
                                                  : a->since_us < b->since_us;
}

const struct tg_turn *tg_turns_lend(struct tg_turns *turns, tg_turns_wait_fn wait, void *arg,
        int64_t now_us, const char **ret_service)
{
        struct tg_asker *next = NULL;

        for (size_t i = 0; i < turns->count; i++) {
                struct tg_asker *asker = &turns->askers[i];

                if (wait_of(turns, asker, wait, arg, now_us) == 0 &&
                        (!next || goes_before(asker, next)))
                        next = asker;
        }
        if (!next)
                return NULL;
        next->asks = false;
        next->borrows = true;
        next->lent = next->ask;
        next->lent.at_us = now_us;
        *ret_service = next->service;
        return &next->lent;
}

int64_t tg_turns_wait_us(
        const struct tg_turns *turns, tg_turns_wait_fn wait, void *arg, int64_t now_us)
{
        int64_t shortest_us = -1;

        for (size_t i = 0; i < turns->count; i++) {
                int64_t one_us = wait_of(turns, &turns->askers[i], wait, arg, now_us);

                if (one_us >= 0 && (shortest_us < 0 || one_us < shortest_us))
                        shortest_us = one_us;
        }
        return shortest_us;
}
