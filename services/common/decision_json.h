#pragma once
/*
 * A decision as the JSON of docs/v3.md, Decisions as JSON: keys in a fixed order, numbers as strings,
 * no key for what the verdict does not have. One line without a line break. Pure.
 */
#include "libbus/base/bytes.h"
#include "umbra/v3.h"

/* DIGITS are the symbol's price decimals. Appends to BUF. */
void decision_json(struct bus_buf *buf, const char *plugin, const char *symbol, unsigned int digits,
        const struct v3_decision *decision);
