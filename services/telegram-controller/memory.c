#include "services/telegram-controller/memory.h"

#include "libbus/base/require.h"
#include "libbus/bus/pack.h"
#include "proto/unpack.h"

#include "telegram.pb-c.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct memory_seen *seen_of(struct memory *memory, const char *bot)
{
        struct memory_seen *seen;

        for (size_t i = 0; i < MEMORY_BOTS; i++)
                if (!strcmp(memory->seen[i].bot, bot))
                        return &memory->seen[i];
        seen = &memory->seen[memory->next_bot++ % MEMORY_BOTS];
        *seen = (struct memory_seen){ 0 };
        snprintf(seen->bot, sizeof(seen->bot), "%s", bot);
        return seen;
}

bool memory_take(struct memory *memory, const char *bot, int64_t update_id)
{
        struct memory_seen *seen = seen_of(memory, bot);

        for (size_t i = 0; i < seen->count; i++)
                if (seen->ids[i] == update_id)
                        return false;
        seen->ids[seen->at] = update_id;
        seen->at = (seen->at + 1) % MEMORY_SEEN;
        seen->count += seen->count < MEMORY_SEEN;
        return true;
}

struct memory_waiting *memory_place(struct memory_waiting list[static MEMORY_WAITING])
{
        size_t oldest = 0;

        for (size_t i = 0; i < MEMORY_WAITING; i++)
                if (list[i].at_us < list[oldest].at_us)
                        oldest = i;
        list[oldest] = (struct memory_waiting){ 0 };
        return &list[oldest];
}

struct memory_waiting *memory_find(
        struct memory_waiting list[static MEMORY_WAITING], const char *id)
{
        for (size_t i = 0; *id && i < MEMORY_WAITING; i++)
                if (!strcmp(list[i].id, id))
                        return &list[i];
        return NULL;
}

/* ---- as a value ---- */

/* Room for everything at once; the texts are borrowed from the memory. */
struct packing {
        Pb__TelegramController all;
        Pb__TelegramSeen seen[MEMORY_BOTS], *seen_list[MEMORY_BOTS];
        int64_t ids[MEMORY_BOTS][MEMORY_SEEN];
        Pb__TelegramWaiting waiting[3 * MEMORY_WAITING], *waiting_list[3 * MEMORY_WAITING];
        size_t waiting_count;
};

/* Oldest first, so that a ring of any size can take them up. */
static void pack_seen(struct packing *packing, const struct memory_seen *seen)
{
        size_t n = packing->all.n_seen++;
        Pb__TelegramSeen *packed = &packing->seen[n];

        pb__telegram_seen__init(packed);
        packed->bot = (char *)(uintptr_t)seen->bot;
        for (size_t i = 0; i < seen->count; i++)
                packing->ids[n][i] =
                        seen->ids[(seen->at + MEMORY_SEEN - seen->count + i) % MEMORY_SEEN];
        packed->ids = packing->ids[n];
        packed->n_ids = seen->count;
        packing->seen_list[n] = packed;
}

static size_t pack_waiting(struct packing *packing, const struct memory_waiting *list)
{
        size_t count = 0;

        for (size_t i = 0; i < MEMORY_WAITING; i++) {
                Pb__TelegramWaiting *packed = &packing->waiting[packing->waiting_count];

                if (!*list[i].id)
                        continue;
                pb__telegram_waiting__init(packed);
                packed->id = (char *)(uintptr_t)list[i].id;
                packed->chat_id = list[i].chat_id;
                packed->user_id = list[i].user_id;
                packed->name = (char *)(uintptr_t)list[i].name;
                packed->arguments = (char *)(uintptr_t)list[i].arguments;
                packed->at_us = list[i].at_us;
                packed->by_main = list[i].by_main;
                packing->waiting_list[packing->waiting_count++] = packed;
                count++;
        }
        return count;
}

void memory_pack(const struct memory *memory, struct bus_buf *buf)
{
        struct packing *packing = bus_new(struct packing);

        pb__telegram_controller__init(&packing->all);
        for (size_t i = 0; i < MEMORY_BOTS; i++)
                if (*memory->seen[i].bot)
                        pack_seen(packing, &memory->seen[i]);
        packing->all.seen = packing->seen_list;
        packing->all.confirmations = packing->waiting_list;
        packing->all.n_confirmations = pack_waiting(packing, memory->confirmations);
        packing->all.asked = packing->waiting_list + packing->all.n_confirmations;
        packing->all.n_asked = pack_waiting(packing, memory->asked);
        packing->all.questions = packing->all.asked + packing->all.n_asked;
        packing->all.n_questions = pack_waiting(packing, memory->questions);
        bus_pack(&packing->all.base, buf);
        free(packing);
}

static void unpack_waiting(Pb__TelegramWaiting **from, size_t count, struct memory_waiting *list)
{
        for (size_t i = 0; i < count && i < MEMORY_WAITING; i++) {
                list[i] = (struct memory_waiting){ .chat_id = from[i]->chat_id,
                        .user_id = from[i]->user_id,
                        .at_us = from[i]->at_us,
                        .by_main = from[i]->by_main };
                snprintf(list[i].id, sizeof(list[i].id), "%s", from[i]->id);
                snprintf(list[i].name, sizeof(list[i].name), "%s", from[i]->name);
                snprintf(list[i].arguments, sizeof(list[i].arguments), "%s", from[i]->arguments);
        }
}

int memory_unpack(struct bus_bytes value, struct memory *ret_memory)
{
        Pb__TelegramController *all = MESSAGE_UNPACK(telegram_controller, value);

        if (!all)
                return -EBADMSG;
        *ret_memory = (struct memory){ 0 };
        for (size_t i = 0; i < all->n_seen; i++)
                for (size_t k = 0; k < all->seen[i]->n_ids; k++)
                        (void)memory_take(ret_memory, all->seen[i]->bot, all->seen[i]->ids[k]);
        unpack_waiting(all->confirmations, all->n_confirmations, ret_memory->confirmations);
        unpack_waiting(all->asked, all->n_asked, ret_memory->asked);
        unpack_waiting(all->questions, all->n_questions, ret_memory->questions);
        pb__telegram_controller__free_unpacked(all, NULL);
        return 0;
}
