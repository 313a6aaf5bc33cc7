#pragma once
/*
 * Who asked for what, when and why, and what came of it: every command of the control streams with
 * its results, kept as long as those. Made from the streams alone; each step may come again, in any
 * order. Key in the store: u/COMMAND_ID, which sorts by time.
 */
#include "control.pb-c.h"
#include "libbus/service/service.h"

#include <jansson.h>

/* What a page or a person looks through; the rest is in the store. */
#define AUDIT_RECENT_MAX 500

struct audit;

struct audit *audit_new(struct bus_service *service);
struct audit *audit_free(struct audit *audit); /* takes NULL, returns NULL */
BUS_MUST int audit_load(struct audit *audit);

/* WRITER: the service whose control stream it is. < 0: -errno of the store. */
BUS_MUST int audit_command(struct audit *audit, const char *writer,
        const struct bus_message *message, const Pb__Control *control);
BUS_MUST int audit_result(
        struct audit *audit, const struct bus_message *message, const Pb__ControlResult *result);

/* The newest LIMIT entries since then, oldest first; the caller owns it. */
json_t *audit_list(const struct audit *audit, int64_t since_us, size_t limit);
/* When the last backup was finished in which each of SERVICES (NULL-terminated) took part, checked;
 * 0: there is none among the newest entries. */
int64_t audit_backup_us(const struct audit *audit, const char *const *services);
/* Forgets what is older than the control streams keep; a bounded number a call. */
BUS_MUST int audit_prune(struct audit *audit, int64_t now_us);
