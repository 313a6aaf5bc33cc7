#pragma once
/*
 * The sending side of a bot service: a queue on the disk, paced, by priority, with a second try as
 * plain text, and as many tries as it takes where Telegram cannot be reached. One message at a time.
 *
 * Invariant: an item is in the store from the commit of the event that made it until Telegram has
 * taken it (or refused it for good, which is logged and counted). Telegram knows no idempotency
 * key: after an answer that was lost, or a crash between the two, it may show twice, so a text
 * carries the id of its event.
 */
#include "libbus/service/service.h"
#include "services/telegram/queue.h"
#include "services/telegram/role.h"

#include "heartbeat.pb-c.h"

struct tg_voice;

/* ROLE is borrowed. Loads what waits in the store: call it in start(). -errno. */
BUS_MUST int tg_voice_new(
        struct bus_service *service, struct tg_role *role, struct tg_voice **ret_voice);
struct tg_voice *tg_voice_free(struct tg_voice *voice); /* takes NULL, returns NULL */

/* What to say; all texts are copied. */
struct tg_say {
        int64_t chat_id;
        enum tg_priority priority;
        bool by_main;   /* by the main bot, if it works, even where the role has a better one */
        bool is_answer; /* somebody has asked for it: it is said whole, however much there is */
        const char *kind, *html;
        const char *line;    /* NULL: HTML is one line */
        const char *buttons; /* reply_markup as JSON; NULL: none */
        const char
                *picture; /* kept, and given to the painter when its turn comes; NULL: none. HTML is
                              * its caption then, cut to what one may have */
        int64_t at_us;    /* wall clock */
};
/* Stages it with the turn's batch; it is sent after the commit. DURABLE: as of bus_put. */
void tg_voice_say(struct tg_voice *voice, const struct tg_say *say, bool durable);
/* Draws PICTURE as PNG, appended. < 0: it cannot; then HTML goes as a text. It may block a moment. */
typedef int (*tg_painter_fn)(void *arg, const char *picture, struct bus_buf *png);
void tg_voice_set_painter(struct tg_voice *voice, tg_painter_fn painter, void *arg);
/* The role has another bot: to be called from its CHANGED. */
void tg_voice_role_changed(struct tg_voice *voice);
size_t tg_voice_waiting(const struct tg_voice *voice);

/*
 * Several services may share a bot. telegram-controller, which polls every bot that is shared, keeps the
 * pace of those; the others ask it for a turn before each message (proto/turn.proto), as long as its
 * heartbeat says that it lends that bot, and speak by a pace of their own while it is away.
 */
#define TG_FACT_LENDS "lends" /* its heartbeat: the marks of those bots, blanks in between */
void tg_voice_lends(struct tg_voice *voice);
void tg_voice_borrows(struct tg_voice *voice);
/* Both hear what the other side publishes; the heartbeat is telegram-controller's, for who borrows. */
void tg_voice_hear_turn(struct tg_voice *voice, struct bus_bytes body);
void tg_voice_hear_lender(struct tg_voice *voice, const Pb__Heartbeat *beat);
/* Within report() of who lends. */
void tg_voice_report(struct tg_voice *voice);

/* Nothing is under way: a drain may end. */
bool tg_voice_idle(const struct tg_voice *voice);
