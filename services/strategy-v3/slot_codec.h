#pragma once
/*
 * Slot records <-> the bytes strategy-v3 keeps. Pure.
 */
#include "libbus/base/bytes.h"
#include "services/strategy-v3/slot.h"

/* Adds the record's bytes to BUF. */
void slot_record_pack(const struct slot_record *record, struct bus_buf *buf);
/* -EBADMSG if BYTES are no record that this program could have written. */
BUS_MUST int slot_record_unpack(struct bus_bytes bytes, struct slot_record *ret_record);

#define SLOT_KEY_PREFIX "slot/" SLOT_NAME "/"
#define SLOT_KEY_SIZE   48
/* The key of a record in the store: byte order is the order of epochs. Returns KEY. */
const char *slot_record_key(uint64_t epoch, char key[static SLOT_KEY_SIZE]);
