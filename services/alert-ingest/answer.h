#pragma once
/*
 * The webhook's answers as JSON (docs/v3.md, Answers). Each appends one object to BUF. Pure.
 */
#include "services/common/alert.h"

/* {"status":"accepted","alert_id":"...","seq":N}, with "warnings" where there are any */
void answer_accepted(struct bus_buf *buf, const char *alert_id, uint64_t seq,
        const struct alert_faults *warnings);
/* {"status":"duplicate","alert_id":"...","seq":N}: those of the first */
void answer_duplicate(struct bus_buf *buf, const char *alert_id, uint64_t seq);
/* {"status":"rejected","errors":[...]} */
void answer_rejected(struct bus_buf *buf, const struct alert_faults *errors);
/* The same with one error, whose CODE need not be one of an alert's; texts are plain ASCII. */
void answer_error(struct bus_buf *buf, const char *status, const char *code, const char *field,
        const char *message);
