#include "services/order-executor/core/promise.h"

#include "libbus/base/require.h"

#include <stdio.h>
#include <string.h>

struct ex_promise *ex_promises_find(struct ex_promises *promises, const char *key)
{
        for (size_t i = 0; i < promises->count; i++)
                if (!strcmp(promises->items[i].key, key))
                        return &promises->items[i];
        return NULL;
}

struct ex_promise *ex_promises_add(struct ex_promises *promises, const char *key)
{
        struct ex_promise *promise;

        if (promises->count == EX_PROMISES_MAX)
                return NULL;
        promise = &promises->items[promises->count++];
        *promise = (struct ex_promise){ 0 };
        snprintf(promise->key, sizeof(promise->key), "%s", key);
        return promise;
}

void ex_promises_drop(struct ex_promises *promises, struct ex_promise *promise)
{
        bus_require(promises->count);
        *promise = promises->items[--promises->count];
}
