#pragma once
/*
 * The names of all sections of the shared file, whoever reads them: what a service may skip without
 * being blind to a misspelt one. A new service or common section is added here.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>

/* "alert-ingest", "alias.broker", "source.tv" (a prefix and a name of CONFIG_NAME_MAX at most). */
bool config_section_known(const char *section);
/* "source" of "source.tv" where that is a section with a free name; its length, else 0. */
size_t config_section_prefix(const char *section);
/*
 * Length of the section's part of "section.key" (up to LENGTH characters): sections contain dots,
 * and keys of the alias sections do too. 0 if no known section fits.
 */
size_t config_section_of_path(const char *path, size_t length);
/* The N-th full section name or, ending in a dot, prefix; NULL: no more. */
const char *config_section_name(size_t n);
