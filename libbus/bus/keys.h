#pragma once
/*
 * CURVE keys: one pair a process, under the name of its service. In [bus] keys_dir lie
 *
 *   NAME.cert_secret   both keys of NAME, readable by its user alone
 *   public/NAME.cert   its public key, for everybody
 *
 * in the form of czmq's certificates (ZPL, keys as Z85), so that its tools read them too.
 *
 * All of this is for start-up: it reads files and allocates.
 */
#include "libbus/base/attr.h"
#include "libbus/config/config.h"

#include <stddef.h>
#include <stdint.h>

#define BUS_KEY_BYTES 32

struct bus_keys {
        char *name, *folder;
        uint8_t public_key[BUS_KEY_BYTES], secret_key[BUS_KEY_BYTES];
};

/* [bus] keys_dir, or "keys" below [bus] state_dir. The caller frees. */
char *bus_keys_folder(const struct config *config);
/* FOLDER/NAME.cert_secret and FOLDER/public/NAME.cert. The caller frees. */
char *bus_keys_secret_path(const char *folder, const char *name);
char *bus_keys_public_path(const char *folder, const char *name);

enum {
        BUS_KEYS_THERE = 1, /* both files were there; nothing was touched */
        BUS_KEYS_ELSEWHERE, /* the public key alone is there: its owner runs on another machine */
};
/* Makes NAME's pair where it is missing, or its public file anew from the secret one; 0 if it did.
 * Nothing that exists is ever replaced. The secret file is the caller's own (0600). */
BUS_MUST int bus_keys_make(const char *folder, const char *name);
/* The same for every name that has keys (libbus/bus/policy.h). */
BUS_MUST int bus_keys_make_all(const char *folder);

/*
 * Reads NAME's own pair. -ENOKEY, and one line in ERROR, if it is missing, readable by others,
 * or not the one whose public key the others are given. The caller frees.
 */
BUS_MUST int bus_keys_load(const char *folder, const char *name, struct bus_keys **ret_keys,
        char *error, size_t error_size);
/* A pair that is nobody's, without files: what a stranger has. The caller frees. */
struct bus_keys *bus_keys_stranger(void);
/* The public key of somebody; -ENOKEY if FOLDER has none. */
BUS_MUST int bus_keys_public(
        const char *folder, const char *name, uint8_t ret_key[static BUS_KEY_BYTES]);
struct bus_keys *bus_keys_free(struct bus_keys *keys); /* wipes; takes NULL, returns NULL */
