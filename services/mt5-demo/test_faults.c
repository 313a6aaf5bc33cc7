#include "services/mt5-demo/faults.h"

#include "libbus/base/e8.h"

#include <criterion/criterion.h>
#include <errno.h>

#define NOW INT64_C(5000000)

static struct faults set(const char *text)
{
        struct faults faults = { 0 };
        char error[FAULT_TEXT_SIZE] = "";

        cr_assert_eq(faults_add(&faults, text, NOW, error), 0, "%s: %s", text, error);
        return faults;
}

static struct order order_for(const char *symbol, enum action action)
{
        struct order order = { .action = action };

        memcpy(order.symbol, symbol, strlen(symbol) + 1);
        return order;
}

static bool strikes(struct faults *faults, enum fault_kind kind, const char *symbol)
{
        const struct order order = order_for(symbol, ACTION_OPEN);
        int64_t value;

        return faults_strike(faults, kind, &order, NOW, &value);
}

Test(faults, strike_as_often_as_told)
{
        struct faults once = set("requote"), thrice = set("requote n=3"),
                      always = set("requote n=all");
        int n = 0;

        cr_expect(strikes(&once, FAULT_REQUOTE, "GOLD"));
        cr_expect_not(strikes(&once, FAULT_REQUOTE, "GOLD"));
        while (strikes(&thrice, FAULT_REQUOTE, "GOLD"))
                n++;
        cr_expect_eq(n, 3);
        for (n = 0; n < 100; n++)
                cr_expect(strikes(&always, FAULT_REQUOTE, "GOLD"));
        cr_expect_not(strikes(&always, FAULT_REJECT, "GOLD"));
        cr_expect_eq(thrice.count, 0, "what is used up is gone");
}

Test(faults, strike_only_what_they_name)
{
        struct faults faults = set("delay 250 symbol=GOLD action=close");
        struct order order = order_for("GOLD", ACTION_OPEN);
        int64_t value = 0;

        cr_expect_not(faults_strike(&faults, FAULT_DELAY, &order, NOW, &value));
        order = order_for("EURUSD", ACTION_CLOSE);
        cr_expect_not(faults_strike(&faults, FAULT_DELAY, &order, NOW, &value));
        order = order_for("GOLD", ACTION_CLOSE);
        cr_expect(faults_strike(&faults, FAULT_DELAY, &order, NOW, &value));
        cr_expect_eq(value, 250000);
}

Test(faults, hold_until_their_time_is_over)
{
        struct faults faults = set("market-closed for=100 symbol=GOLD");
        int64_t value;

        cr_expect(faults_hold(&faults, FAULT_MARKET_CLOSED, "GOLD", NOW + 99999, &value));
        cr_expect_not(faults_hold(&faults, FAULT_MARKET_CLOSED, "GOLD", NOW + 100000, &value));
        cr_expect_not(faults_hold(&faults, FAULT_MARKET_CLOSED, "EURUSD", NOW, &value));
        cr_expect_not(faults_hold(&faults, FAULT_MARKET_CLOSED, NULL, NOW, &value));
        cr_expect_eq(faults_next_end(&faults, NOW), NOW + 100000);
        cr_expect_eq(faults_next_end(&faults, NOW + 100000), 0);
        cr_expect_eq(faults.count, 0);
}

Test(faults, read_every_kind_of_value)
{
        static const struct {
                const char *text;
                int64_t value;
        } cases[] = {
                { "reject 10019", 10019 },
                { "partial 0.4", 4 * E8_ONE / 10 },
                { "place 20", 20000 },
                { "snapshot failed", FAULT_SNAPSHOT_FAILED },
                { "snapshot wrong-missing-position n=2", FAULT_SNAPSHOT_MISSING_POSITION },
                { "clock-skew -5000", -5000000 },
        };

        for (size_t i = 0; i < BUS_COUNT(cases); i++)
                cr_expect_eq(
                        set(cases[i].text).items[0].value, cases[i].value, "%s", cases[i].text);
        cr_expect_eq(set("freeze 300").items[0].until_mono_us, NOW + 300000);
        cr_expect_eq(set("in-doubt").items[0].until_mono_us, 0, "until cleared");
        cr_expect_eq(set("in-doubt").items[0].left, -1);
}

Test(faults, refuse_what_makes_no_sense)
{
        static const char *const bad[] = { "", "  ", "explode", "delay", "delay x", "delay -1",
                "delay 5 n=0", "delay 5 n=x", "delay 5 action=fly", "delay 5 what=1", "requote 5",
                "reject", "reject 1", "reject 10008", "reject 10009", "reject 10010",
                "reject 10025", "partial 0", "partial 1", "partial 1.5", "snapshot",
                "snapshot wrong", "freeze 0", "requote n=1 n=1 n=1 n=1 n=1 n=1 n=1 n=1",
                "delay 99999999999999999999" };
        struct faults faults = { 0 };
        char error[FAULT_TEXT_SIZE];

        for (size_t i = 0; i < BUS_COUNT(bad); i++) {
                error[0] = 0;
                cr_expect_eq(faults_add(&faults, bad[i], NOW, error), -EINVAL, "%s", bad[i]);
                cr_expect_neq(error[0], 0);
        }
        cr_expect_eq(faults.count, 0);
}

Test(faults, are_bounded)
{
        struct faults faults = { 0 };
        char error[FAULT_TEXT_SIZE];

        for (int i = 0; i < FAULTS_MAX; i++)
                cr_expect_eq(faults_add(&faults, "requote", NOW, error), 0);
        cr_expect_eq(faults_add(&faults, "requote", NOW, error), -ENOSPC);
}

Test(faults, are_cleared_by_kind_or_all)
{
        struct faults faults = set("requote");
        char error[FAULT_TEXT_SIZE];

        cr_assert_eq(faults_add(&faults, "market-closed", NOW, error), 0);
        cr_assert_eq(faults_add(&faults, "requote n=5", NOW, error), 0);
        cr_expect_eq(faults_clear(&faults, "nonsense"), -EINVAL);
        cr_expect_eq(faults_clear(&faults, "requote"), 0);
        cr_assert_eq(faults.count, 1);
        cr_expect_eq(faults.items[0].kind, FAULT_MARKET_CLOSED);
        cr_expect_eq(faults_clear(&faults, ""), 0);
        cr_expect_eq(faults.count, 0);
}

Test(faults, say_themselves_as_they_are_read)
{
        static const char *const texts[] = { "delay 500 n=3 symbol=GOLD",
                "reject 10019 n=1 action=open", "market-closed n=all for=2000", "partial 0.5 n=all",
                "snapshot partial n=1", "clock-skew -5000 n=all", "cut-before n=1",
                "freeze n=all for=300" };
        char text[FAULT_TEXT_SIZE];

        for (size_t i = 0; i < BUS_COUNT(texts); i++) {
                struct faults faults = set(texts[i]);

                cr_expect_str_eq(fault_format(&faults.items[0], NOW, text), texts[i]);
        }
}

Test(faults, have_a_name_each)
{
        for (enum fault_kind kind = 0; kind < FAULT_KINDS; kind++)
                cr_expect_not_null(fault_name(kind));
}
