/*
 * The sums of a run: what was sent and answered, the trails of all that was taken, the plugins asked
 * again, and the broker's ledger, brought together.
 */
#include "libbus/base/require.h"
#include "services/umbra/demo/demo.h"
#include "services/umbra/demo/judge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_known(const struct expect_alert *alerts, size_t count, const char *alert_id)
{
        for (size_t i = 0; i < count; i++)
                if (!strcmp(alerts[i].alert_id, alert_id))
                        return true;
        return false;
}

/* Every alert that was taken, whichever of its tries was told so. */
static size_t collect(const struct demo_evidence *evidence, struct expect_alert *alerts)
{
        size_t count = 0;

        for (size_t i = 0; i < evidence->traffic->count; i++) {
                const struct outcome *outcome = sender_outcome(evidence->sender, i);
                BUS_AUTOFREE char *path = NULL;

                if ((outcome->fate != FATE_ACCEPTED && outcome->fate != FATE_DUPLICATE) ||
                        is_known(alerts, count, outcome->alert_id))
                        continue;
                path = bus_xasprintf("/api/alerts/%s", outcome->alert_id);
                alerts[count] = (struct expect_alert){
                        .seq = outcome->seq,
                        .body = evidence->traffic->shots[i].body,
                        .trail = demo_system_get(evidence->system, path),
                };
                strcpy(alerts[count++].alert_id, outcome->alert_id);
        }
        return count;
}

static int compare_us(const void *left, const void *right)
{
        int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

        return a < b ? -1 : a > b;
}

static void sum_latency(
        const struct expect_alert *alerts, size_t count, struct demo_results *results)
{
        BUS_AUTOFREE int64_t *us = bus_new_n(int64_t, count + 1);
        size_t n = 0;

        for (size_t i = 0; i < count; i++) {
                const json_t *submitted = json_object_get(
                        json_object_get(alerts[i].trail, "latency_us"), "submitted");

                if (json_is_integer(submitted))
                        us[n++] = json_integer_value(submitted);
        }
        qsort(us, n, sizeof(*us), compare_us);
        results->p50_us = n ? us[n / 2] : -1;
        results->p99_us = n ? us[(n * 99) / 100 < n ? (n * 99) / 100 : n - 1] : -1;
}

static size_t count_trades(const struct traffic *traffic)
{
        size_t n = 0;

        for (size_t i = 0; i < traffic->count; i++)
                n += traffic->shots[i].kind == SHOT_ENTRY || traffic->shots[i].kind == SHOT_EXIT;
        return n;
}

/* The plugins as they came with this program, asked about every body. */
static int sum_orders(const struct demo_evidence *evidence, struct expect_alert *alerts,
        size_t count, struct expect_sums *ret_sums)
{
        char error[PLUGIN_ERROR_SIZE] = "";
        BUS_AUTOFREE char *plugins = NULL;
        struct judge judge = { 0 };
        int r;

        r = demo_ledger_read(evidence->ledger);
        if (r >= 0)
                r = layout_plugins(&plugins);
        if (!r)
                r = judge_init(&judge, plugins, error);
        if (r < 0)
                fprintf(stderr, "umbra demo: %s\n", *error ? error : strerror(-r));
        else
                expect_sum(alerts, count, evidence->ledger, evidence->is_chaos, judge_decide,
                        &judge, ret_sums);
        judge_done(&judge);
        return r;
}

int demo_sums(const struct demo_evidence *evidence, struct demo_results *results)
{
        struct expect_alert *alerts = bus_new_n(struct expect_alert, evidence->traffic->count + 1);
        size_t count = collect(evidence, alerts);
        int r;

        r = sum_orders(evidence, alerts, count, &results->sums);
        sum_latency(alerts, count, results);
        for (size_t i = 0; i < count; i++) {
                shadow_count(alerts[i].trail, &results->shadow);
                results->switches_broken += !switches_agree(evidence->switches, alerts[i].trail);
                json_decref(alerts[i].trail);
        }
        free(alerts);
        results->sent = *sender_counts(evidence->sender);
        results->trades_sent = count_trades(evidence->traffic);
        results->ledger_bad_lines = evidence->ledger->bad_lines + evidence->ledger->rest.size;
        return r;
}
