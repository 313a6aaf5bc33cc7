#include "services/health/verdict.h"

#include "libbus/base/attr.h"
#include "libbus/pbjson/pbjson.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct judgement {
        enum verdict worst;
        json_t *checks;
};

static const char *const names[] = {
        [VERDICT_HEALTHY] = "healthy",
        [VERDICT_DEGRADED] = "degraded",
        [VERDICT_UNHEALTHY] = "unhealthy",
};

const char *verdict_name(enum verdict verdict)
{
        return names[verdict];
}

static void set(json_t *json, const char *key, json_t *value)
{
        json_object_set_new(json, key, value ? value : json_null());
}

/* WHY may be "". The caller may add more to what is returned (borrowed). */
static json_t *check(
        struct judgement *judgement, const char *name, enum verdict verdict, const char *why)
{
        json_t *json = json_object();

        set(json, "status", json_string(names[verdict]));
        if (*why)
                set(json, "why", json_string(why));
        set(judgement->checks, name, json);
        if (verdict > judgement->worst)
                judgement->worst = verdict;
        return json;
}

static void check_service(
        struct judgement *judgement, const struct beat *beat, const struct verdict_input *input)
{
        enum verdict gone = beat->core ? VERDICT_UNHEALTHY : VERDICT_DEGRADED;
        char state[PBJSON_ENUM_SIZE];
        json_t *json;

        if (!beat_is_alive(beat, input->now_us)) {
                check(judgement, beat->service, gone, "no heartbeat");
                return;
        }
        pbjson_enum(&pb__service_state__descriptor, (int)beat->last->state, state);
        if (!beat->last->store_ok)
                json = check(
                        judgement, beat->service, VERDICT_UNHEALTHY, "its store cannot commit");
        else if (beat->last->state == PB__SERVICE_STATE__SERVICE_STATE_READY)
                json = check(judgement, beat->service, VERDICT_HEALTHY, "");
        else
                json = check(judgement, beat->service, VERDICT_DEGRADED,
                        *beat->last->why ? beat->last->why : state);
        set(json, "state", json_string(state));
        set(json, "age_ms", json_integer((input->now_us - beat->heard_us) / BUS_US_PER_MS));
}

static void check_broker(struct judgement *judgement, const struct verdict_input *input)
{
        if (!input->account)
                check(judgement, "broker", VERDICT_DEGRADED, "no snapshot of the account yet");
        else if (!input->broker_gone_since_us)
                check(judgement, "broker", VERDICT_HEALTHY, "");
        else if (input->now_us - input->broker_gone_since_us < VERDICT_BROKER_GONE_US)
                check(judgement, "broker", VERDICT_DEGRADED, "not connected");
        else
                check(judgement, "broker", VERDICT_UNHEALTHY, "not connected");
}

static void check_orders(struct judgement *judgement, const Pb__Account *account)
{
        char why[64];

        if (!account)
                return;
        if (account->unknown_orders || account->manual_orders) {
                snprintf(why, sizeof(why), "%u unknown, %u wait for a person",
                        account->unknown_orders, account->manual_orders);
                check(judgement, "orders", VERDICT_DEGRADED, why);
        } else if (account->killed || account->halted || account->paused) {
                check(judgement, "orders", VERDICT_DEGRADED,
                        account->killed   ? "killed"
                        : account->halted ? "halted"
                                          : "paused");
        } else {
                check(judgement, "orders", VERDICT_HEALTHY, "");
        }
}

/* The broker has a check of its own. */
static void check_thresholds(struct judgement *judgement, const struct threshold *thresholds)
{
        static const enum verdict verdicts[] = {
                [THRESHOLD_NORMAL] = VERDICT_HEALTHY,
                [THRESHOLD_DEGRADED] = VERDICT_DEGRADED,
                [THRESHOLD_ALERT] = VERDICT_UNHEALTHY,
        };

        for (int i = 0; thresholds && i < THRESHOLD_COUNT; i++) {
                json_t *json;

                if (i == THRESHOLD_BROKER)
                        continue;
                json = check(judgement, threshold_name((enum threshold_name)i),
                        verdicts[thresholds[i].level],
                        thresholds[i].level == THRESHOLD_ALERT      ? "beyond its alert bound"
                        : thresholds[i].level == THRESHOLD_DEGRADED ? "beyond its normal bound"
                                                                    : "");
                if (thresholds[i].is_known)
                        set(json, "value", json_real(thresholds[i].value));
        }
}

static json_t *plugins_json(const struct beats *beats, const char *known)
{
        json_t *json = json_array();

        if (known) {
                if (*known)
                        json_array_append_new(json, json_string(known));
                return json;
        }

        for (size_t i = 0; i < beats->count; i++) {
                const char *active = beat_fact(&beats->items[i], "active");

                if (active && *active && strcmp(active, "none") && beats->items[i].core)
                        json_array_append_new(json, json_string(active));
        }
        return json;
}

static bool speaks_by(const struct beat *beat, const char *which)
{
        const char *bot = beat_fact(beat, "bot");

        return !strcmp(which, bot ? bot : "own");
}

/* The bots at work: the main one in the place of those that fell back to it; none for a service that
 * has no token, or none that works. */
static json_t *bots_json(const struct beats *beats, int64_t now_us)
{
        static const char *const bots[][2] = {
                { "telegram-controller", "controller" },
                { "telegram-notify", "notification" },
                { "telegram-analytics", "analytics" },
        };
        json_t *json = json_array();
        bool by_main = false;

        for (size_t i = 0; i < BUS_COUNT(bots); i++)
                for (size_t k = 0; k < beats->count; k++) {
                        const struct beat *beat = &beats->items[k];

                        if (strcmp(beat->service, bots[i][0]) != 0 || !beat_is_alive(beat, now_us))
                                continue;
                        if (speaks_by(beat, "own"))
                                json_array_append_new(json, json_string(bots[i][1]));
                        by_main |= speaks_by(beat, "main");
                }
        if (by_main)
                json_array_append_new(json, json_string("main"));
        return json;
}

static size_t open_trades(const Pb__Account *account)
{
        size_t open = 0;

        for (size_t i = 0; account && i < account->n_positions; i++)
                open += account->positions[i]->ours;
        return open;
}

enum verdict verdict_judge(const struct verdict_input *input, json_t **ret_json)
{
        struct judgement judgement = { .checks = json_object() };
        json_t *json = json_object();
        char why[48];

        for (size_t i = 0; i < input->beats->count; i++)
                if (input->beats->items[i].expected)
                        check_service(&judgement, &input->beats->items[i], input);
        check_broker(&judgement, input);
        check_orders(&judgement, input->account);
        check_thresholds(&judgement, input->thresholds);
        snprintf(why, sizeof(why), "%zu raised", input->alarms);
        check(&judgement, "alarms", input->alarms ? VERDICT_DEGRADED : VERDICT_HEALTHY,
                input->alarms ? why : "");

        set(json, "status", json_string(names[judgement.worst]));
        set(json, "uptime", json_integer(input->uptime_us / BUS_US_PER_SEC));
        set(json, "open_trades", json_integer((json_int_t)open_trades(input->account)));
        set(json, "plugins_active", plugins_json(input->beats, input->active));
        set(json, "telegram_bots", bots_json(input->beats, input->now_us));
        set(json, "checks", judgement.checks);
        *ret_json = json;
        return judgement.worst;
}
