#pragma once
/* The services' stores, as the configuration says where they are. */
#include "libbus/store/store.h"
#include "services/umbra/layout.h"

#define STORE_USE_ERROR_SIZE 256

/* The engine of SERVICE's store; where that is redis, it knows where to look. ENGINE, if not NULL,
 * takes the place of what the configuration says. */
BUS_MUST int store_use_engine(const struct layout *layout, const char *service, const char *engine,
        const char **ret_engine, char error[static STORE_USE_ERROR_SIZE]);
/* Of this boot of the machine; "" if unknown. The caller frees. */
char *store_use_boot_id(void);
/*
 * FN as whoever owns SERVICE's folder: what is made is then theirs, and nothing they may have laid in
 * the way leads root astray. -EIO if FN failed: it has said why.
 */
typedef int (*store_use_fn)(void *arg, const char *service);
BUS_MUST int store_use_as_owner(
        const struct layout *layout, const char *service, store_use_fn fn, void *arg);
