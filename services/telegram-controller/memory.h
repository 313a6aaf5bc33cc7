#pragma once
/*
 * What the controller remembers over restarts: which updates it has taken, who was asked back, who
 * waits for a result, and what health is being asked. Bounded: the oldest make room. Pure.
 *
 * Invariant: an update is marked in the same value, and so in the same transaction, as whatever
 * follows from it.
 */
#include "libbus/base/bytes.h"
#include "libbus/base/ids.h"
#include "services/telegram/update.h"

#define MEMORY_BOTS      4   /* own and main, and those before a token was changed */
#define MEMORY_SEEN      512 /* Telegram repeats at most what was not confirmed: 100 a poll */
#define MEMORY_WAITING   64
#define MEMORY_BOT_SIZE  TG_MARK_SIZE
#define MEMORY_ARGS_SIZE 257

struct memory_seen {
        char bot[MEMORY_BOT_SIZE];
        int64_t ids[MEMORY_SEEN];
        size_t count, at; /* a ring */
};

struct memory_waiting {
        char id[BUS_ID_SIZE]; /* "": a free place */
        int64_t chat_id, user_id, at_us;
        bool by_main; /* asked of the main bot */
        char name[TG_COMMAND_MAX_BYTES + 1];
        char arguments[MEMORY_ARGS_SIZE];

        bool awaits_word;    /* of this run: nobody has answered, and that was not said */
        int64_t deadline_us; /* of this run, of what awaits a word: void after it; 0: none */
};

struct memory {
        struct memory_seen seen[MEMORY_BOTS];
        size_t next_bot;
        struct memory_waiting confirmations[MEMORY_WAITING], asked[MEMORY_WAITING],
                questions[MEMORY_WAITING];
};

/* Marks UPDATE_ID of BOT as taken. False: it was already. */
bool memory_take(struct memory *memory, const char *bot, int64_t update_id);
/* A place for a new one, in any of the lists; the oldest goes. */
struct memory_waiting *memory_place(struct memory_waiting list[static MEMORY_WAITING]);
struct memory_waiting *memory_find(
        struct memory_waiting list[static MEMORY_WAITING], const char *id);

void memory_pack(const struct memory *memory, struct bus_buf *buf);
/* -EBADMSG: VALUE is none of ours. */
BUS_MUST int memory_unpack(struct bus_bytes value, struct memory *ret_memory);
