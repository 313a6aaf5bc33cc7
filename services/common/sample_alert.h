#pragma once
/*
 * A sound alert for a test of the whole path, where nobody gives one: an entry that says what it is.
 * Pure.
 */
#include "libbus/base/bytes.h"

/* ID: made for this one alert, so that it is no duplicate. Appends the JSON to RET. */
void sample_alert(const char *id, struct bus_buf *ret);
