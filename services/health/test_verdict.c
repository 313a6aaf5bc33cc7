#include "services/health/verdict.h"

#include "libbus/base/require.h"

#include <criterion/criterion.h>
#include <string.h>

#define NOW_US INT64_C(1000000000)

struct rig {
        struct beats beats;
        Pb__Account account;
        struct verdict_input input;
};

static void hear(struct rig *rig, const char *service, Pb__ServiceState state, int64_t heard_us)
{
        Pb__Heartbeat *beat = bus_new(Pb__Heartbeat);

        pb__heartbeat__init(beat);
        beat->service = bus_xstrdup(service);
        beat->state = state;
        beat->store_ok = true;
        beat->n_facts = 1;
        beat->facts = bus_new_n(char *, 1);
        beat->facts[0] = bus_xstrdup("active=combined_v3");
        cr_assert(beats_take(&rig->beats, beat, heard_us));
}

static void rig_init(struct rig *rig)
{
        *rig = (struct rig){ 0 };
        pb__account__init(&rig->account);
        rig->account.connected = true;
        beats_add(&rig->beats, "strategy-v3", true);
        beats_add(&rig->beats, "strategy-v3-shadow", false);
        hear(rig, "strategy-v3", PB__SERVICE_STATE__SERVICE_STATE_READY, NOW_US);
        hear(rig, "strategy-v3-shadow", PB__SERVICE_STATE__SERVICE_STATE_READY, NOW_US);
        rig->input = (struct verdict_input){ .beats = &rig->beats,
                .account = &rig->account,
                .now_us = NOW_US,
                .uptime_us = 86400 * INT64_C(1000000) };
}

static enum verdict judge(struct rig *rig)
{
        json_t *json;
        enum verdict verdict = verdict_judge(&rig->input, &json);

        cr_expect_str_eq(json_string_value(json_object_get(json, "status")), verdict_name(verdict));
        json_decref(json);
        return verdict;
}

Test(verdict, is_as_bad_as_the_worst_figure)
{
        struct threshold thresholds[THRESHOLD_COUNT] = { 0 };
        struct rig rig;

        rig_init(&rig);
        rig.input.thresholds = thresholds;
        cr_expect_eq(judge(&rig), VERDICT_HEALTHY);
        thresholds[THRESHOLD_CPU].level = THRESHOLD_DEGRADED;
        cr_expect_eq(judge(&rig), VERDICT_DEGRADED);
        thresholds[THRESHOLD_ERRORS].level = THRESHOLD_ALERT;
        cr_expect_eq(judge(&rig), VERDICT_UNHEALTHY);
        beats_done(&rig.beats);
}

Test(verdict, puts_the_five_keys_first_and_in_order)
{
        static const char *const keys[] = { "status", "uptime", "open_trades", "plugins_active",
                "telegram_bots", "checks" };
        const char *key;
        struct rig rig;
        json_t *json, *value;
        size_t i = 0;

        rig_init(&rig);
        cr_expect_eq(verdict_judge(&rig.input, &json), VERDICT_HEALTHY);
        json_object_foreach(json, key, value)
        {
                cr_assert_lt(i, BUS_COUNT(keys));
                cr_expect_str_eq(key, keys[i++]);
        }
        cr_expect_eq(json_integer_value(json_object_get(json, "uptime")), 86400);
        cr_expect_str_eq(
                json_string_value(json_array_get(json_object_get(json, "plugins_active"), 0)),
                "combined_v3");
        json_decref(json);
        beats_done(&rig.beats);
}

Test(verdict, is_unhealthy_without_a_core_service_and_degraded_without_another)
{
        struct rig rig;

        rig_init(&rig);
        rig.input.now_us = NOW_US + BEATS_GONE_US;
        hear(&rig, "strategy-v3", PB__SERVICE_STATE__SERVICE_STATE_READY, rig.input.now_us);
        cr_expect_eq(judge(&rig), VERDICT_DEGRADED);
        rig.input.now_us += BEATS_GONE_US;
        cr_expect_eq(judge(&rig), VERDICT_UNHEALTHY);
        cr_assert_eq(beats_expect(&rig.beats, ""), 0);
        cr_expect_eq(judge(&rig), VERDICT_HEALTHY);
        beats_done(&rig.beats);
}

Test(verdict, gives_a_broker_that_is_away_half_a_minute)
{
        struct rig rig;

        rig_init(&rig);
        rig.input.broker_gone_since_us = NOW_US - 1;
        cr_expect_eq(judge(&rig), VERDICT_DEGRADED);
        rig.input.broker_gone_since_us = NOW_US - VERDICT_BROKER_GONE_US;
        cr_expect_eq(judge(&rig), VERDICT_UNHEALTHY);
        rig.input.account = NULL;
        cr_expect_eq(judge(&rig), VERDICT_DEGRADED);
        beats_done(&rig.beats);
}

Test(verdict, is_degraded_by_doubt_pauses_and_alarms)
{
        struct rig rig;

        rig_init(&rig);
        rig.account.unknown_orders = 1;
        cr_expect_eq(judge(&rig), VERDICT_DEGRADED);
        rig.account.unknown_orders = 0;
        rig.account.paused = true;
        cr_expect_eq(judge(&rig), VERDICT_DEGRADED);
        rig.account.paused = false;
        rig.input.alarms = 1;
        cr_expect_eq(judge(&rig), VERDICT_DEGRADED);
        beats_done(&rig.beats);
}

Test(verdict, is_unhealthy_while_a_store_cannot_commit)
{
        struct rig rig;

        rig_init(&rig);
        rig.beats.items[1].last->store_ok = false;
        cr_expect_eq(judge(&rig), VERDICT_UNHEALTHY);
        beats_done(&rig.beats);
}

Test(beats, expects_only_services_it_knows)
{
        struct rig rig;
        const char *missing = NULL;

        rig_init(&rig);
        cr_expect_lt(beats_expect(&rig.beats, "strategy-v3 strategy"), 0);
        cr_expect_eq(beats_expect(&rig.beats, "strategy-v3, strategy-v3-shadow"), 0);
        cr_expect(beats_ready(&rig.beats, NOW_US, &missing));
        hear(&rig, "strategy-v3-shadow", PB__SERVICE_STATE__SERVICE_STATE_STARTING, NOW_US);
        cr_expect_not(beats_ready(&rig.beats, NOW_US, &missing));
        cr_expect_str_eq(missing, "strategy-v3-shadow");
        beats_done(&rig.beats);
}

Test(beats, a_service_is_lost_when_it_stays_silent_without_having_said_goodbye)
{
        struct rig rig;
        struct beat *beat;

        rig_init(&rig);
        beat = beats_find(&rig.beats, "strategy-v3");
        cr_expect_not(beat_is_lost(beat, NOW_US + BEATS_LOST_US - 1));
        cr_expect(beat_is_lost(beat, NOW_US + BEATS_LOST_US));
        hear(&rig, "strategy-v3", PB__SERVICE_STATE__SERVICE_STATE_DRAINING, NOW_US);
        cr_expect_not(beat_is_lost(beat, NOW_US + BEATS_LOST_US));
        beats_done(&rig.beats);
}

Test(verdict, names_the_bots_at_work)
{
        static const char *const facts[] = { "bot=own", "bot=main", "bot=off" };
        static const char *const bots[] = { "notification", "main", NULL };
        struct rig rig;
        struct beat *beat;
        json_t *json;

        rig_init(&rig);
        beats_add(&rig.beats, "telegram-notify", false);
        hear(&rig, "telegram-notify", PB__SERVICE_STATE__SERVICE_STATE_READY, NOW_US);
        beat = beats_find(&rig.beats, "telegram-notify");
        for (size_t i = 0; i < BUS_COUNT(facts); i++) {
                json_t *listed;

                free(beat->last->facts[0]);
                beat->last->facts[0] = bus_xstrdup(facts[i]);
                verdict_judge(&rig.input, &json);
                listed = json_object_get(json, "telegram_bots");
                cr_expect_eq(json_array_size(listed), bots[i] ? 1 : 0);
                if (bots[i])
                        cr_expect_str_eq(json_string_value(json_array_get(listed, 0)), bots[i]);
                json_decref(json);
        }
        beats_done(&rig.beats);
}
