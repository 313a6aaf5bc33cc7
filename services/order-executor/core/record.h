#pragma once
/*
 * What the books keep, as bytes and back. A record that is damaged or from a newer program is
 * refused, never guessed at. Pure.
 */
#include "services/order-executor/core/book.h"

#include "libbus/base/bytes.h"

/* All append to BUF. */
void ex_record_order(const struct ex_order *order, struct bus_buf *buf);
void ex_record_job(const struct ex_job *job, struct bus_buf *buf);
void ex_record_promise(const struct ex_promise *promise, struct bus_buf *buf);
void ex_record_position(const struct ex_position *position, struct bus_buf *buf);
void ex_record_switches(const struct ex_switches *switches, struct bus_buf *buf);
void ex_record_risk(const struct ex_risk *risk, struct bus_buf *buf);

/* -EBADMSG if DATA is not such a record. A job comes without its orders: their ids are the names of
 * what must be read next, NULL-terminated, to be freed by the caller with free() (one block). */
BUS_MUST int ex_record_read_job(
        struct bus_bytes data, struct ex_job **ret_job, char ***ret_order_ids);
/* Adds the order to JOB, which must be the one it names; orders come in the order of their index. */
BUS_MUST int ex_record_read_order(struct bus_bytes data, struct ex_job *job);
/* Its key is not in the record, and stays as it is. */
BUS_MUST int ex_record_read_promise(struct bus_bytes data, struct ex_promise *promise);
BUS_MUST int ex_record_read_position(struct bus_bytes data, struct ex_position **ret_position);
BUS_MUST int ex_record_read_switches(struct bus_bytes data, struct ex_switches *ret_switches);
/* day_start_us is configuration and stays as it is. */
BUS_MUST int ex_record_read_risk(struct bus_bytes data, struct ex_risk *risk);
/* The alert's key within the record of an order; for who has only the order. Copied. */
BUS_MUST int ex_record_job_of_order(struct bus_bytes data, char ret_key[static EX_KEY_SIZE]);
/* Whether the job was not done yet. */
BUS_MUST int ex_record_job_is_live(struct bus_bytes data, bool *ret_live);
