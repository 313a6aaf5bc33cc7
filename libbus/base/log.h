#pragma once
/*
 * One line an event on stderr:
 *   2026-11-22T18:20:00.123456Z ERROR order-executor order_manual alert_id=... cl_ord_id=...
 *
 * EVENT is a fixed snake_case word; what varies follows as key=value pairs built by the printf
 * arguments. Control characters and line breaks in the text are replaced, so no input can forge a
 * line. ERROR means that a person must look, and nothing else is an ERROR. Secrets never appear.
 * One write(2) a line unless lines are held; never blocks on anything but stderr itself.
 */
#include "libbus/base/attr.h"

enum bus_log_level {
        BUS_LOG_DEBUG,
        BUS_LOG_INFO,
        BUS_LOG_WARN,
        BUS_LOG_ERROR,
};

/*
 * From now on lines below WARN may wait until bus_log_flush, so that a loop writes those of a turn in
 * one piece behind its work. Anything from WARN up is written at once, with what waited before it.
 */
void bus_log_hold(void);
void bus_log_flush(void); /* async-signal-safe */
/* NAME is borrowed for the life of the process. Levels under MINIMUM are not written. */
void bus_log_init(const char *name, enum bus_log_level minimum);
void bus_log(enum bus_log_level level, const char *event, const char *format, ...) BUS_PRINTF(3, 4);

#define log_debug(event, ...) bus_log(BUS_LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...)  bus_log(BUS_LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...)  bus_log(BUS_LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) bus_log(BUS_LOG_ERROR, event, __VA_ARGS__)
