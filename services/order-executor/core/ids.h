#pragma once
/*
 * ClOrdIDs: the same intent has the same id whoever derives it and whenever, so the broker's side
 * can tell a repeat from a new order. Pure.
 */
#include "libbus/base/ids.h"

/* A leg of an alert: hash(alert id, slot, leg). LEG is "A" or "B". */
void ex_id_leg(const char *alert_id, const char *slot, const char *leg,
        char ret_id[static CL_ORD_ID_SIZE]);
/*
 * A close of TICKET: hash(alert id, slot, ticket) for PART 1; the PART-th close of the same ticket
 * by the same alert, for the rest of a partial one, has PART in the hash as well.
 */
void ex_id_close(const char *alert_id, const char *slot, uint64_t ticket, uint32_t part,
        char ret_id[static CL_ORD_ID_SIZE]);
/* A close by hand: hash(control message id, ticket), with PART as above. */
void ex_id_manual(
        const char *message_id, uint64_t ticket, uint32_t part, char ret_id[static CL_ORD_ID_SIZE]);
bool ex_id_valid(const char *text); /* 16 characters of the alphabet */
