#pragma once
/*
 * For tests: what alert_parse makes of a body, as one short text: "code:field code:field", errors,
 * then " | " and the warnings. "" is an alert without any.
 */
#include "libbus/base/require.h"
#include "services/common/alert.h"

#include <stdio.h>

static inline void judged_add(char *text, size_t size, const struct alert_faults *faults)
{
        for (size_t i = 0; i < faults->count; i++) {
                size_t n = strlen(text);

                snprintf(text + n, size - n, "%s%s:%s", i ? " " : "",
                        alert_code_name(faults->items[i].code), faults->items[i].field);
        }
}

/* Static, until the next call. Checks what holds of every answer on the way. */
static inline const char *judged_bytes(struct bus_bytes body, struct alert **ret_alert)
{
        static char text[4096];
        struct symbols symbols;
        char error[SYMBOLS_ERROR_SIZE];
        struct alert *alert = NULL;
        int r;

        symbols_init(&symbols);
        r = symbols_alias(&symbols, "GOLD", "XAUUSD", error);
        bus_require(r == 0);
        r = alert_parse(body, &symbols, &alert);
        bus_require(alert && r == (alert->errors.count ? ALERT_REFUSED : 0));
        text[0] = 0;
        judged_add(text, sizeof(text), &alert->errors);
        if (alert->warnings.count) {
                strcat(text, alert->errors.count ? " | " : "| ");
                judged_add(text, sizeof(text), &alert->warnings);
        }
        symbols_done(&symbols);
        if (ret_alert)
                *ret_alert = alert;
        else
                alert_free(alert);
        return text;
}

static inline const char *judged(const char *body)
{
        return judged_bytes(bus_bytes_str(body), NULL);
}

/* A sound entry with MORE members (", \"id\":\"x\"") behind those it needs. */
#define ENTRY(more)                                                                           \
        "{\"type\":\"entry_v3\",\"signal_type\":\"Momentum_Breakout\",\"symbol\":\"XAUUSD\"," \
        "\"direction\":\"buy\",\"tf\":\"15\",\"price\":2650.12,\"consensus_score\":7" more "}"
#define EXIT(more)                                                                      \
        "{\"type\":\"exit_v3\",\"signal_type\":\"Bullish_Exit\",\"symbol\":\"XAUUSD\"," \
        "\"tf\":\"15\",\"price\":2650.12" more "}"
#define PULSE(more)                                                                           \
        "{\"type\":\"trend_pulse_v3\",\"signal_type\":\"Trend_Pulse\",\"symbol\":\"XAUUSD\"," \
        "\"tf\":\"15\",\"price\":2650.12" more "}"
