#include "services/telegram-notify/memory.h"

#include "libbus/base/require.h"

struct memo {
        char *key; /* without the prefix */
        struct bus_buf value;
};

void memory_init(struct memory *memory, struct bus_service *service, const char *prefix, size_t max)
{
        *memory = (struct memory){ .service = service, .prefix = prefix, .max = max };
}

static void memo_done(struct memo *memo)
{
        free(memo->key);
        bus_buf_done(&memo->value);
}

void memory_done(struct memory *memory)
{
        for (size_t i = 0; i < memory->count; i++)
                memo_done(&memory->items[i]);
        free(memory->items);
        *memory = (struct memory){ 0 };
}

static void add(struct memory *memory, char *key, struct bus_bytes value)
{
        struct memo *memo;

        if (memory->count == memory->capacity) {
                memory->capacity = memory->capacity ? 2 * memory->capacity : 16;
                memory->items =
                        bus_xrealloc(memory->items, memory->capacity * sizeof(*memory->items));
        }
        memo = &memory->items[memory->count++];
        *memo = (struct memo){ .key = key };
        bus_buf_add(&memo->value, value.data, value.size);
}

static int load_one(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct memory *memory = arg;
        size_t prefix = strlen(memory->prefix);

        add(memory,
                bus_xasprintf("%.*s", (int)(key.size - prefix), (const char *)key.data + prefix),
                value);
        return 0;
}

int memory_load(struct memory *memory)
{
        return bus_scan(memory->service, memory->prefix, load_one, memory);
}

static struct memo *find(const struct memory *memory, const char *key)
{
        for (size_t i = 0; i < memory->count; i++)
                if (!strcmp(memory->items[i].key, key))
                        return &memory->items[i];
        return NULL;
}

struct bus_bytes memory_find(const struct memory *memory, const char *key)
{
        const struct memo *memo = find(memory, key);

        return memo ? bus_buf_bytes(&memo->value) : bus_bytes(NULL, 0);
}

static void drop(struct memory *memory, struct memo *memo)
{
        BUS_AUTOFREE char *key = bus_xasprintf("%s%s", memory->prefix, memo->key);

        bus_delete(memory->service, key);
        memo_done(memo);
        memory->count--;
        memmove(memo, memo + 1,
                (size_t)(memory->items + memory->count - memo) * sizeof(*memory->items));
}

void memory_forget(struct memory *memory, const char *key)
{
        struct memo *memo = find(memory, key);

        if (memo)
                drop(memory, memo);
}

void memory_put(struct memory *memory, const char *key, struct bus_bytes value)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s%s", memory->prefix, key);
        struct memo *memo = find(memory, key);

        if (memo) {
                bus_buf_clear(&memo->value);
                bus_buf_add(&memo->value, value.data, value.size);
        } else {
                if (memory->count == memory->max)
                        drop(memory, &memory->items[0]);
                add(memory, bus_xstrdup(key), value);
        }
        bus_put(memory->service, path, value, false);
}
