#pragma once
/*
 * Who speaks next with a bot that several services share: what the others asked of the one that owns
 * the pace, and what it lent them. Pure; times are monotonic.
 *
 * Invariant: a chat of a bot is lent to one at a time, and to nobody before the pace allows it.
 */
#include "libbus/base/attr.h"
#include "services/telegram/update.h"

#include <stddef.h>

#define TG_TURNS_ASKERS 4 /* services with a bot, and room for one more */
#define TG_SERVICE_SIZE 33
/* A grant is used at once or not at all; who does not say that it is done, has died. */
#define TG_TURN_USE_US  (1 * BUS_US_PER_SEC)
#define TG_TURN_LENT_US (5 * BUS_US_PER_SEC)
/* Asked again every half second; what is not is not wanted any more. */
#define TG_TURN_ASK_US   (500 * BUS_US_PER_MS)
#define TG_TURN_STALE_US (2 * BUS_US_PER_SEC)

struct tg_turn {
        char bot[TG_MARK_SIZE];
        uint64_t number;
        int64_t chat_id;
        unsigned priority; /* the lower, the sooner */
        int64_t at_us;     /* asked, or lent */
};

struct tg_turns {
        struct tg_asker {
                char service[TG_SERVICE_SIZE];
                bool asks, borrows;
                int64_t since_us; /* when it first asked for this */
                struct tg_turn ask, lent;
        } askers[TG_TURNS_ASKERS];
        size_t count;
};

/* Takes the place of what SERVICE asked before, and ends what was lent to it: who asks has nothing under
 * way. The same ask once more changes nothing while a grant of it may be on its way. */
void tg_turns_ask(struct tg_turns *turns, const char *service, const struct tg_turn *ask);
/* SERVICE is done, with whatever it had. */
void tg_turns_done(struct tg_turns *turns, const char *service);
/* How long CHAT_ID of BOT is lent; 0: it is not. */
int64_t tg_turns_lent_us(
        const struct tg_turns *turns, const char *bot, int64_t chat_id, int64_t now_us);

/* How long until BOT may speak to a chat, by its pace; < 0: it is nobody's here. */
typedef int64_t (*tg_turns_wait_fn)(void *arg, const char *bot, int64_t chat_id);
/* The next that may be lent is, to *RET_SERVICE (borrowed). NULL: none. */
const struct tg_turn *tg_turns_lend(struct tg_turns *turns, tg_turns_wait_fn wait, void *arg,
        int64_t now_us, const char **ret_service);
/* When to look again; < 0: when somebody asks. */
int64_t tg_turns_wait_us(
        const struct tg_turns *turns, tg_turns_wait_fn wait, void *arg, int64_t now_us);
