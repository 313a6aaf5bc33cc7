#include "services/umbra/demo/switches.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct switches twice(void)
{
        struct switches switches;

        switches_init(&switches, 0, 0);
        switches.count = 4;
        switches.done[0] = (struct switch_done){ 3, 2, "combined_v3", "7.10" };
        switches.done[1] = (struct switch_done){ 5, 3, "legacy_v3", "7.20" };
        switches.done[2] = (struct switch_done){ 9, 4, "combined_v3", "7.30" };
        switches.done[3] = (struct switch_done){ 4, 5, "legacy_v3", "7.40" };
        return switches;
}

static bool agrees(const char *signal, int epoch, const char *plugin)
{
        struct switches switches = twice();
        json_t *trail = json_pack("{s:{s:s}, s:{s:i, s:s}}", "signal", "position", signal,
                "decision", "epoch", epoch, "plugin", plugin);
        bool agree = switches_agree(&switches, trail);

        json_decref(trail);
        return agree;
}

Test(switches, hold_each_decision_to_the_plugin_of_its_position)
{
        cr_expect(agrees("7.11", 2, "combined_v3"));
        cr_expect(agrees("7.20", 2, "combined_v3"));
        cr_expect_not(agrees("7.21", 2, "combined_v3"), "behind the next switch");
        cr_expect_not(agrees("7.10", 2, "combined_v3"), "before it");
        cr_expect_not(agrees("7.15", 2, "legacy_v3"), "by the other one");
        cr_expect(agrees("7.99", 5, "legacy_v3"));
        cr_expect(agrees("7.1", 1, "legacy_v3"), "before all of them");
}

Test(switches, tell_how_long_half_of_them_took_and_the_slowest)
{
        struct switches switches = twice(), none;
        double slowest;

        cr_expect_eq(switches_ms(&switches, true, &slowest), 3);
        cr_expect_eq(slowest, 9);
        cr_expect_eq(switches_ms(&switches, false, &slowest), 4);
        cr_expect_eq(slowest, 5);
        switches_init(&none, 0, 0);
        cr_expect_eq(switches_ms(&none, true, &slowest), -1);
}
