#pragma once
/*
 * Changing one value in the text of an INI file, leaving comments and order as a person wrote them.
 * Pure. What the values mean is libbus/config's business.
 */
#include "libbus/base/bytes.h"

/*
 * Appends TEXT to RET with SECTION's KEY set to VALUE: in place where the key stands, else behind
 * the section's last line, else in a new section at the end. A line that comments the key out
 * (";key = ...") stays.
 */
void ini_set(struct bus_bytes text, const char *section, const char *key, const char *value,
        struct bus_buf *ret);
/* Appends KEY's value in SECTION to RET; false if the text does not give it. */
bool ini_get(struct bus_bytes text, const char *section, const char *key, struct bus_buf *ret);
