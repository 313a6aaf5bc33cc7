#pragma once
/*
 * For tests: what alert_parse makes of a body, as one short text: "code:field code:field", errors,
 * then " | " and the warnings. "" is an alert without any.
 */
#include "libbus/base/require.h"
#include "services/common/alert_fields.h"

#include <inttypes.h>
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

/* Adds all that was made of a body, as one line, to hold two against each other. */
static inline void judged_whole(const struct alert *alert, struct bus_buf *buf)
{
        const struct v3_alert *v3 = &alert->v3;

        alert_faults_json(&alert->errors, true, buf);
        alert_faults_json(&alert->warnings, true, buf);
        bus_buf_printf(buf, " %d %d %d %d \"%s\" %" PRId64, (int)v3->type, (int)v3->signal_type,
                (int)v3->direction, (int)v3->tf, v3->symbol, v3->price_e8);
        bus_buf_printf(buf, " score %d %" PRId32 " trend %d %" PRId32, v3->has_score,
                v3->consensus_score, v3->has_market_trend, v3->market_trend);
        bus_buf_printf(buf, " sl %d %" PRId64 " tp1 %d %" PRId64 " tp2 %d %" PRId64, v3->has_sl,
                v3->sl_e8, v3->has_tp1, v3->tp1_e8, v3->has_tp2, v3->tp2_e8);
        bus_buf_printf(buf, " multiplier %d %" PRId64 " trends %d", v3->has_multiplier,
                v3->multiplier_e8, v3->mtf_trends.count);
        for (size_t i = 0; i < V3_TRENDS_MAX; i++)
                bus_buf_printf(buf, " %d", v3->mtf_trends.value[i]);
        bus_buf_printf(buf, " id %d \"%s\" time %d %" PRId64, alert->has_id, alert->id,
                alert->has_time, alert->time_us);
}

/* Is BODY judged the same whether or not the library is asked? Says so where it is not. */
static inline bool judged_the_same(struct bus_bytes body, const struct symbols *symbols)
{
        BUS_AUTOBUF struct bus_buf usual = BUS_BUF_INIT, library = BUS_BUF_INIT;
        BUS_CLEANUP(alert_freep) struct alert *alert = NULL, *by_library = NULL;
        int r = alert_parse(body, symbols, &alert);
        bool same = alert_parse_by_library(body, symbols, &by_library) == r;

        judged_whole(alert, &usual);
        judged_whole(by_library, &library);
        same = same && bus_bytes_equal(bus_buf_bytes(&usual), bus_buf_bytes(&library)) &&
               bus_bytes_equal(alert->raw, body) && bus_bytes_equal(by_library->raw, body);
        if (!same)
                fprintf(stderr, "%.*s\n%s\nby the library\n%s\n", (int)body.size, body.data,
                        bus_buf_str(&usual), bus_buf_str(&library));
        return same;
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
