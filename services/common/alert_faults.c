/*
 * The faults of an alert: their words, their order, and how they are told.
 */
#include "libbus/base/require.h"
#include "services/common/alert.h"
#include "services/common/json_text.h"

#include <stdio.h>

static const char *const code_names[ALERT_CODE_COUNT] = {
        [ALERT_CODE_NONE] = "",
        [ALERT_UNAUTHORIZED] = "unauthorized",
        [ALERT_BODY_TOO_LARGE] = "body_too_large",
        [ALERT_UNSUBSTITUTED_PLACEHOLDER] = "unsubstituted_placeholder",
        [ALERT_INVALID_JSON] = "invalid_json",
        [ALERT_MISSING_FIELD] = "missing_field",
        [ALERT_WRONG_TYPE] = "wrong_type",
        [ALERT_OUT_OF_RANGE] = "out_of_range",
        [ALERT_UNKNOWN_TYPE] = "unknown_type",
        [ALERT_SIGNAL_TYPE_MISMATCH] = "signal_type_mismatch",
        [ALERT_UNKNOWN_SYMBOL] = "unknown_symbol",
        [ALERT_DIRECTION_MISMATCH] = "direction_mismatch",
        [ALERT_STOPS_WRONG_SIDE] = "stops_wrong_side",
        [ALERT_ID_REUSED] = "id_reused",
        [ALERT_UNKNOWN_FIELD] = "unknown_field",
        [ALERT_TIME_IGNORED] = "time_ignored",
        [ALERT_TIME_IN_FUTURE] = "time_in_future",
};

const char *alert_code_name(enum alert_code code)
{
        return (unsigned int)code < ALERT_CODE_COUNT ? code_names[code] : "";
}

static int compare(const struct alert_fault *a, const struct alert_fault *b)
{
        int r = strcmp(a->field, b->field);

        return r ? r : strcmp(alert_code_name(a->code), alert_code_name(b->code));
}

void alert_faults_add(
        struct alert_faults *faults, enum alert_code code, const char *field, const char *message)
{
        struct alert_fault fault = { .code = code };
        size_t at = faults->count;

        memcpy(fault.field, field,
                json_clean_prefix(field, strlen(field), sizeof(fault.field) - 1));
        memcpy(fault.message, message,
                json_clean_prefix(message, strlen(message), sizeof(fault.message) - 1));

        faults->items = bus_xrealloc(faults->items, (faults->count + 1) * sizeof(*faults->items));
        while (at > 0 && compare(&fault, &faults->items[at - 1]) < 0)
                at--;
        memmove(&faults->items[at + 1], &faults->items[at],
                (faults->count - at) * sizeof(*faults->items));
        faults->items[at] = fault;
        faults->count++;
}

void alert_warn(struct alert *alert, enum alert_code code, const char *field, const char *message)
{
        if (alert->warnings.count < ALERT_WARNINGS_MAX)
                alert_faults_add(&alert->warnings, code, field, message);
}

unsigned int alert_http_status(const struct alert *alert)
{
        enum alert_code first = ALERT_CODE_COUNT;

        for (size_t i = 0; i < alert->errors.count; i++)
                if (alert->errors.items[i].code < first)
                        first = alert->errors.items[i].code;
        switch (first) {
        case ALERT_BODY_TOO_LARGE: return 413;
        case ALERT_UNSUBSTITUTED_PLACEHOLDER:
        case ALERT_INVALID_JSON: return 400;
        default: return 422;
        }
}

void alert_faults_json(const struct alert_faults *faults, bool with_message, struct bus_buf *buf)
{
        bus_buf_add_str(buf, "[");
        for (size_t i = 0; i < faults->count; i++) {
                const struct alert_fault *fault = &faults->items[i];

                bus_buf_printf(buf, "%s{\"code\":\"%s\",\"field\":", i ? "," : "",
                        alert_code_name(fault->code));
                json_add_string(buf, fault->field);
                if (with_message) {
                        bus_buf_add_str(buf, ",\"message\":");
                        json_add_string(buf, fault->message);
                }
                bus_buf_add_str(buf, "}");
        }
        bus_buf_add_str(buf, "]");
}
