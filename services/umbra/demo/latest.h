#pragma once
/*
 * The newest alerts that had to become orders, a line each: what came in, and what it has become.
 */
#include "services/umbra/demo/report.h"
#include "services/umbra/demo/system.h"

/* Asks health, twice a second at the most, and hands the lines to REPORT. */
void latest_turn(const struct demo_system *system, struct report *report);
/* One alert as health lists it, in words. Returns TEXT. */
const char *latest_line(const json_t *alert, char text[static REPORT_WIDTH]);
