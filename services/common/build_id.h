#pragma once
/*
 * The GNU build-id note of a loaded object.
 */
#include "libbus/base/attr.h"

#define BUILD_ID_TEXT_SIZE 65 /* hex of up to 32 bytes, and NUL */

/* The object that ADDRESS (a symbol in it) belongs to. -ENOENT: it has no such note. */
BUS_MUST int build_id_of(const void *address, char ret_text[static BUILD_ID_TEXT_SIZE]);
