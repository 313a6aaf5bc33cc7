#include "services/health/route.h"

#include <criterion/criterion.h>
#include <string.h>

static char *facts_7[] = { "active=legacy_v3", "exits_by=legacy_v3", "epoch=7", "from=5.9.0",
        "at_us=1795371600000009", "plugin.combined_v3=disabled build=b1 config=c1",
        "plugin.legacy_v3=enabled build=b2 config=c2" };

static void take_beat(struct route *route, char **facts, size_t count)
{
        Pb__Heartbeat beat = PB__HEARTBEAT__INIT;

        beat.service = "strategy-v3";
        beat.facts = facts;
        beat.n_facts = count;
        route_take_beat(route, &beat);
}

static bool take_result(struct route *route, char *epoch, char *active, char *combined)
{
        Pb__ControlResult result = PB__CONTROL_RESULT__INIT;
        Pb__ResultFact items[6], *list[6];
        char *texts[6][2] = { { "active", active }, { "exits_by", active }, { "epoch", epoch },
                { "position", "5.12.0" }, { "combined_v3", combined }, { "legacy_v3", "enabled" } };

        for (size_t i = 0; i < 6; i++) {
                pb__result_fact__init(&items[i]);
                items[i].key = texts[i][0];
                items[i].value = texts[i][1];
                list[i] = &items[i];
        }
        result.service = "strategy-v3";
        result.facts = list;
        result.n_facts = 6;
        return route_take_result(route, &result, 1795371600000012);
}

Test(route, is_told_by_a_heartbeat)
{
        struct route route = { 0 };
        const struct route_plugin *plugin;

        take_beat(&route, facts_7, 7);
        cr_assert(route.is_known);
        cr_expect_str_eq(route.active, "legacy_v3");
        cr_expect_eq(route.epoch, 7);
        cr_expect_eq(route.at_us, 1795371600000009);
        cr_expect_str_eq(route.position, "5.9.0");
        plugin = route_plugin(&route, "combined_v3");
        cr_assert_not_null(plugin);
        cr_expect(plugin->is_loaded);
        cr_expect_not(plugin->is_enabled);
        cr_expect_str_eq(plugin->build, "b1");
        cr_expect_str_eq(plugin->config_hash, "c1");
}

Test(route, is_not_led_back_by_a_heartbeat_from_before_a_switch)
{
        struct route route = { 0 };

        take_beat(&route, facts_7, 7);
        cr_expect(take_result(&route, "8", "combined_v3", "enabled"));
        cr_expect_eq(route.at_us, 1795371600000012);
        take_beat(&route, facts_7, 7);
        cr_expect_str_eq(route.active, "combined_v3");
        cr_expect(route_plugin(&route, "combined_v3")->is_enabled);
        cr_expect_not(take_result(&route, "7", "legacy_v3", "disabled"));
        cr_expect_str_eq(route.active, "combined_v3");
}

Test(route, knows_that_nobody_is_active_and_what_is_not_loaded)
{
        static char *facts[] = { "exits_by=legacy_v3", "epoch=9", "from=5.20.0",
                "plugin.combined_v3=disabled build=- config=-" };
        struct route route = { 0 };

        take_beat(&route, facts, 4);
        cr_expect_str_eq(route.active, "");
        cr_expect_not(route_plugin(&route, "combined_v3")->is_loaded);
        cr_expect_null(route_plugin(&route, "legacy_v3"));
}

Test(route, takes_no_word_of_others)
{
        struct route route = { 0 };
        Pb__Heartbeat beat = PB__HEARTBEAT__INIT;

        beat.service = "order-executor";
        beat.facts = facts_7;
        beat.n_facts = 7;
        route_take_beat(&route, &beat);
        cr_expect_not(route.is_known);
}
