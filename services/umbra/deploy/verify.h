#pragma once
/*
 * What has to hold at some step of a phase, judged by what health says. Pure.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * EXPECTATION is one of legacy_decides, combined_decides, legacy_alone, shadow_judges, three_bots,
 * service_api_on, service_api_off; STATUS is the answer of /api/status (NULL: none). If it does not
 * hold, WHY says what is there instead.
 */
bool verify(const char *expectation, const json_t *status, char *why, size_t why_size);
