#include "services/umbra/deploy/phases.h"
#include "services/umbra/deploy/verify.h"
#include "services/umbra/restart.h"
#include "services/umbra/services.h"

#include <criterion/criterion.h>
#include <string.h>

Test(phases, are_found_by_name_and_by_number)
{
        cr_expect_eq(phase_find("plugin-system"), &phases[0]);
        cr_expect_eq(phase_find("5"), &phases[4]);
        cr_expect_str_eq(phase_find("4")->name, "shadow");
        cr_expect_null(phase_find("6"));
        cr_expect_null(phase_find("0"));
        cr_expect_null(phase_find("11"));
        cr_expect_null(phase_find(""));
}

Test(phases, change_nothing_before_a_backup)
{
        for (size_t i = 0; i < PHASES; i++) {
                bool has_backup = false;

                for (size_t n = 0; n < phases[i].step_counts[WAY_FORWARD]; n++) {
                        const struct step *step = &phases[i].steps[WAY_FORWARD][n];

                        has_backup |= step->kind == STEP_BACKUP;
                        cr_expect(has_backup || !step_changes(step), "%s, step %zu", phases[i].name,
                                n + 1);
                }
                cr_expect(has_backup, "%s", phases[i].name);
        }
}

Test(phases, prove_themselves_there_and_back_and_rehearse_last)
{
        for (size_t i = 0; i < PHASES; i++) {
                const struct phase *phase = &phases[i];
                size_t there = phase->step_counts[WAY_FORWARD], back = phase->step_counts[WAY_BACK];

                cr_expect_eq(phase->steps[WAY_FORWARD][there - 2].kind, STEP_PROVE);
                cr_expect_eq(phase->steps[WAY_FORWARD][there - 1].kind, STEP_REHEARSE);
                cr_expect_eq(phase->steps[WAY_BACK][back - 1].kind, STEP_PROVE);
        }
}

/* What is set on the way there is put back, and what was restarted to read it is restarted again. */
Test(phases, put_back_what_they_have_set)
{
        for (size_t i = 0; i < PHASES; i++)
                for (size_t n = 0; n < phases[i].step_counts[WAY_FORWARD]; n++) {
                        const struct step *set = &phases[i].steps[WAY_FORWARD][n];
                        const struct step *restart = set + 1, *back = phases[i].steps[WAY_BACK];

                        if (set->kind != STEP_SET)
                                continue;
                        cr_expect(back[0].kind == STEP_RESTORE && !strcmp(back[0].a, set->a));
                        cr_expect(restart->kind == STEP_RESTART && back[1].kind == STEP_RESTART);
                        cr_expect_eq(restart->services, back[1].services);
                }
}

static size_t times_in(const char *const *services, const char *name)
{
        size_t times = 0;

        for (; *services; services++)
                times += !strcmp(*services, name);
        return times;
}

static bool is_known(const char *name)
{
        for (size_t i = 0; umbra_services[i].name; i++)
                if (!strcmp(umbra_services[i].name, name))
                        return umbra_services[i].on_bus;
        return false;
}

Test(phases, know_every_service_there_is_to_restart)
{
        cr_expect_eq(phases[0].steps[WAY_BACK][1].services, restart_order, "all of them");
        for (size_t i = 0; umbra_services[i].name; i++)
                cr_expect_eq(times_in(restart_order, umbra_services[i].name),
                        umbra_services[i].on_bus, "%s", umbra_services[i].name);
        for (size_t i = 0; i < PHASES; i++)
                for (int way = 0; way < WAYS; way++)
                        for (size_t n = 0; n < phases[i].step_counts[way]; n++) {
                                const struct step *step = &phases[i].steps[way][n];

                                for (size_t k = 0; step->services && step->services[k]; k++)
                                        cr_expect(is_known(step->services[k]), "%s",
                                                step->services[k]);
                        }
}

Test(phases, expect_what_can_be_seen)
{
        json_t *nothing = json_object();
        char why[200], text[STEP_TEXT_SIZE];

        for (size_t i = 0; i < PHASES; i++)
                for (int way = 0; way < WAYS; way++)
                        for (size_t n = 0; n < phases[i].step_counts[way]; n++) {
                                const struct step *step = &phases[i].steps[way][n];

                                cr_expect(strlen(step_text(step, text)) > 5);
                                if (step->kind == STEP_EXPECT) /* dies of one it does not know */
                                        cr_expect_not(verify(step->a, nothing, why, sizeof(why)));
                        }
        json_decref(nothing);
}

/* ---- what has to hold ---- */

static json_t *status_of(const char *facts_of_strategy, const char *facts_of_shadow)
{
        json_t *status = json_pack("{s:[{s:s,s:b,s:o},{s:s,s:b,s:o},{s:s,s:b,s:{}}]}", "services",
                "service", "strategy-v3", "ready", 1, "facts",
                json_loads(facts_of_strategy, 0, NULL), "service", "strategy-v3-shadow", "ready", 1,
                "facts", json_loads(facts_of_shadow, 0, NULL), "service", "telegram-analytics",
                "ready", 1, "facts");

        cr_assert_not_null(status);
        return status;
}

static void expect(const char *what, const char *facts_of_strategy, const char *facts_of_shadow,
        const char *why_not)
{
        json_t *status = status_of(facts_of_strategy, facts_of_shadow);
        char why[200] = "";
        bool holds = verify(what, status, why, sizeof(why));

        cr_expect_eq(holds, why_not == NULL, "%s: %s", what, why);
        if (why_not)
                cr_expect_str_eq(why, why_not);
        json_decref(status);
}

#define BOTH                                                                           \
        "{\"active\":\"legacy_v3\",\"plugin.legacy_v3\":\"enabled build=a config=b\"," \
        "\"plugin.combined_v3\":\"disabled build=c config=d\"}"
#define ALONE                                                                          \
        "{\"active\":\"legacy_v3\",\"plugin.legacy_v3\":\"enabled build=a config=b\"," \
        "\"plugin.combined_v3\":\"disabled build=- config=-\"}"
#define SHADOW "{\"plugin.combined_v3\":\"build=c config=d\"}"

Test(verify, tells_who_decides_and_what_is_loaded)
{
        expect("legacy_decides", BOTH, "{}", NULL);
        expect("combined_decides", BOTH, "{}",
                "strategy-v3: active=legacy_v3 instead of combined_v3");
        expect("legacy_alone", ALONE, "{}", NULL);
        expect("legacy_alone", BOTH, "{}", "combined_v3 is loaded too");
        expect("shadow_judges", BOTH, SHADOW, NULL);
        expect("shadow_judges", ALONE, SHADOW, "strategy-v3 has not loaded combined_v3");
        expect("shadow_judges", BOTH, "{}", "strategy-v3-shadow has not loaded combined_v3");
        expect("service_api_on", BOTH, "{}", "order-executor is not ready");
        expect("three_bots", BOTH, "{}", "telegram-controller is not ready");
}
