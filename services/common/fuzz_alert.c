/*
 * Any bytes as an alert's body. What must hold: it ends, stays inside its bytes, is the same twice,
 * and the same whether or not the JSON library is asked, and an alert without errors keeps the
 * promises of umbra/v3.h and survives the signal message.
 */
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "services/common/alert_age.h"
#include "services/common/alert_judged.h"
#include "services/common/signal_codec.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Faults are told as JSON to strangers and to the bus: it must always be JSON. */
static void check_told(const struct alert_faults *faults)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        json_t *told;

        alert_faults_json(faults, true, &buf);
        told = json_loads(bus_buf_str(&buf), JSON_REJECT_DUPLICATES, NULL);
        bus_require(json_array_size(told) == faults->count);
        json_decref(told);
}

static void check_accepted(struct alert *alert)
{
        static struct signal_message message;
        const int64_t now_us = INT64_C(1795371600000000);
        struct signal_receipt receipt = { .source = "fuzz", .received_us = now_us };
        struct v3_context context;
        struct v3_alert read;
        struct alert_key key;
        bool has_context;
        int r;

        receipt.born_us = alert_born_us(alert, now_us);
        bus_require(receipt.born_us <= now_us && receipt.born_us >= now_us - ALERT_TIME_WINDOW_US);
        alert_key_of(alert, now_us, &key);
        receipt.idempotency_key = key.text;
        signal_fill(&message, &receipt, alert, NULL);
        r = signal_read(&message.pb, &read, &context, &has_context);
        bus_require(r == 0 && !has_context);
        bus_require(read.price_e8 == alert->v3.price_e8 && read.type == alert->v3.type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        BUS_CLEANUP(alert_freep) struct alert *alert = NULL, *again = NULL;
        struct symbols symbols;
        int r = bus_hash_init();

        bus_require(r == 0);
        symbols_init(&symbols);
        r = alert_parse(bus_bytes(data, size), &symbols, &alert);
        bus_require(r == (alert->errors.count ? ALERT_REFUSED : 0));
        r = alert_parse(bus_bytes(data, size), &symbols, &again);
        bus_require(r == (alert->errors.count ? ALERT_REFUSED : 0));
        bus_require(alert->errors.count == again->errors.count &&
                    alert->warnings.count == again->warnings.count &&
                    alert->warnings.count <= ALERT_WARNINGS_MAX);
        bus_require(judged_the_same(bus_bytes(data, size), &symbols));
        bus_require(alert->v3.type == again->v3.type && alert->v3.price_e8 == again->v3.price_e8);
        check_told(&alert->errors);
        check_told(&alert->warnings);
        if (r == 0)
                check_accepted(alert);
        symbols_done(&symbols);
        return 0;
}
