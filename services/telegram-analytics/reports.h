#pragma once
/*
 * What people ask the ledger for, as Telegram's HTML. Numbers are the ledger's; the clock is an
 * argument.
 */
#include "services/telegram-analytics/ledger.h"

enum report_kind {
        REPORT_DAILY,
        REPORT_WEEKLY,
        REPORT_MONTHLY,
        REPORT_PNL,
        REPORT_SYMBOLS,
        REPORT_PLUGINS,
        REPORT_LATENCY,
        REPORT_PARITY,
        REPORT_EQUITY,
        REPORT_KINDS,
};

#define REPORT_DAYS_DEFAULT 30
#define REPORT_DAYS_MAX     400 /* as long as deals are kept */

struct report_request {
        enum report_kind kind;
        int days; /* back from now; 0: what is usual for the kind */
};

/* "/symbols 7": COMMAND without the slash. False: it is not one of ours. Arguments that are no number
 * of days are left out. */
bool report_parse(const char *command, const char *arguments, struct report_request *ret_request);

/* Into HTML. *RET_PICTURE: what to draw with it (pictures.h), the caller frees; NULL: nothing. -EIO. */
BUS_MUST int report_write(struct ledger *ledger, const struct report_request *request,
        int64_t now_us, struct bus_buf *html, char **ret_picture);
/* The same figures of any span, under TITLE (plain text). */
BUS_MUST int report_span(struct ledger *ledger, const char *title, int64_t from_us, int64_t to_us,
        struct bus_buf *html);
/* What there is to ask for. */
void report_help(struct bus_buf *html);
