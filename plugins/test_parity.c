/*
 * legacy_v3 and combined_v3 (profile parity) are written independently of each other; held against
 * each other over many alerts they must decide the same to the last digit. A difference is a bug in
 * one of them, and docs/v3.md says in which.
 *
 * UMBRA_TEST_PLUGINS names their folder. The alerts are random but the same in every run.
 */
#include "libbus/base/e8.h"
#include "umbra/plugin.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALERTS = 50000 }; /* a second with sanitizers; each rule is met a thousand times */

#define LOT(hundredths) (E8_ONE / 100 * (hundredths))

static const struct v3_symbol symbols[] = {
        { "EURUSD", 5, 10000, 1000, LOT(1), LOT(1), LOT(1000), 5, { 150, 150, 50, 40, 40 } },
        { "USDCAD", 5, 10000, 800, LOT(1), LOT(1), LOT(1000), 5, { 150, 150, 50, 40, 50 } },
        { "USDJPY", 3, 1000000, 910, LOT(1), LOT(1), LOT(1000), 5, { 166, 166, 55, 44, 55 } },
        { "GBPJPY", 3, 1000000, 900, LOT(1), LOT(1), LOT(300), 5, { 111, 111, 41, 44, 44 } },
        { "XAUUSD", 2, 1000000, 100, LOT(1), LOT(1), LOT(200), 10, { 1000, 1500, 500, 500, 600 } },
        /* A pip is a point: half pips of the fallback stop fall between two prices. */
        { "ODD", 2, 1000000, 330, LOT(2), LOT(2), LOT(500), 3, { 7, 9, 11, 13, 17 } },
        /* Not of this world: small maximum, coarse lots, clamped and dropped often. */
        { "TINY", 1, E8_ONE, 700, LOT(5), LOT(5), LOT(35), 3, { 7, 9, 11, 13, 17 } },
};

struct judge {
        void *object, *self;
        const struct umbra_plugin *plugin;
        union umbra_setting options[8];
        struct umbra_settings settings;
};

static uint64_t state = 0x9e3779b97f4a7c15; /* any but 0 */

/* 0..n-1, by xorshift64*. */
static int64_t any(int64_t n)
{
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return (int64_t)((state * 0x2545f4914f6cdd1d) >> 33) % n;
}

static int64_t enum_index(const char *values, const char *value)
{
        size_t size = strlen(value);

        for (int64_t i = 0; *values; i++) {
                size_t n = strcspn(values, "|");

                if (n == size && !strncmp(values, value, n))
                        return i;
                values += n + (values[n] == '|');
        }
        cr_assert_fail("%s is not among %s", value, values);
        return -1;
}

static void load(struct judge *judge, const char *folder, const char *name, const char *tier)
{
        char path[512], error[256] = "";

        snprintf(path, sizeof(path), "%s/%s.so", folder, name);
        judge->object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        cr_assert(judge->object, "%s", dlerror());
        judge->plugin = dlsym(judge->object, UMBRA_PLUGIN_SYMBOL_NAME);
        cr_assert_eq(judge->plugin->stamp, UMBRA_PLUGIN_STAMP);
        for (size_t i = 0; i < judge->plugin->option_count; i++) {
                const struct umbra_option *o = &judge->plugin->options[i];

                if (o->type == UMBRA_OPTION_ENUM)
                        judge->options[i].integer =
                                enum_index(o->values, strcmp(o->key, "tier") ? o->fallback : tier);
                else
                        judge->options[i].integer = atoll(o->fallback);
        }
        judge->settings = (struct umbra_settings){ judge->options, symbols, BUS_COUNT(symbols) };
        cr_assert_eq(judge->plugin->create(&judge->settings, error, sizeof(error), &judge->self), 0,
                "%s: %s", name, error);
}

static void unload(struct judge *judge)
{
        judge->plugin->destroy(judge->self);
        dlclose(judge->object);
}

static int64_t on_digits(const struct v3_symbol *symbol, int64_t value)
{
        int64_t step = e8_step_of_digits(symbol->digits);

        return value / step * step;
}

/* Stop and targets on their sides of the price, as ingest lets them through. */
static void add_stops(struct v3_alert *a, const struct v3_symbol *symbol)
{
        int64_t step = e8_step_of_digits(symbol->digits);
        int64_t sign = a->direction == V3_SIDE_BUY ? 1 : -1;
        int64_t reach = a->price_e8 / step;
        int64_t far = reach > 3000 ? 3000 : reach / 2;
        int64_t target = step * (1 + any(far + 1));

        if (any(3)) {
                a->sl_e8 = a->price_e8 - sign * step * (1 + any(far + 1));
                a->has_sl = a->sl_e8 > 0;
        }
        if (any(3)) {
                a->tp1_e8 = a->price_e8 + sign * target;
                a->has_tp1 = a->tp1_e8 > 0;
        }
        if (any(3)) {
                a->tp2_e8 = a->price_e8 + sign * (target + step * any(10));
                a->has_tp2 = a->tp2_e8 > 0;
        }
}

static struct v3_alert random_entry(const struct v3_symbol *symbol)
{
        struct v3_alert a = { .type = V3_TYPE_ENTRY };

        a.signal_type = V3_SIGNAL_INSTITUTIONAL_LAUNCHPAD + any(V3_SIGNAL_SIDEWAYS_BREAKOUT);
        a.direction = any(2) ? V3_SIDE_BUY : V3_SIDE_SELL;
        if (a.signal_type == V3_SIGNAL_SCREENER_FULL_BULLISH)
                a.direction = V3_SIDE_BUY;
        if (a.signal_type == V3_SIGNAL_SCREENER_FULL_BEARISH)
                a.direction = V3_SIDE_SELL;
        a.tf = V3_TF_1 + any(V3_TF_W);
        strcpy(a.symbol, symbol->name);
        /* Mostly where there is room for the stops, sometimes too near to 0. */
        a.price_e8 =
                on_digits(symbol, symbol->pip_e8 * (any(10) ? 5000 + any(20000) : 1 + any(3000)));
        a.has_score = true;
        a.consensus_score = (int32_t)any(10);
        a.has_multiplier = any(4) != 0;
        a.multiplier_e8 = a.has_multiplier ? (100 + any(1901)) * (E8_ONE / 1000) : E8_ONE;
        add_stops(&a, symbol);
        return a;
}

static struct v3_alert random_alert(void)
{
        struct v3_alert a = random_entry(&symbols[any(BUS_COUNT(symbols))]);

        switch (any(20)) {
        case 0:
                a.type = V3_TYPE_EXIT;
                a.signal_type = any(2) ? V3_SIGNAL_BULLISH_EXIT : V3_SIGNAL_BEARISH_EXIT;
                break;
        case 1:
                a.type = V3_TYPE_SQUEEZE;
                a.signal_type = V3_SIGNAL_VOLATILITY_SQUEEZE;
                a.direction = V3_SIDE_NONE;
                break;
        case 2:
                a.type = V3_TYPE_PULSE;
                a.signal_type = V3_SIGNAL_TREND_PULSE;
                a.direction = V3_SIDE_NONE;
                break;
        default: break;
        }
        return a;
}

/* Balances at and around the tiers, losses at and around the caps. */
static struct v3_context random_context(void)
{
        static const int64_t balances[] = { 0, 1000000, 2500000, 5000000, 10000000 };
        static const int64_t daily[] = { 10000, 20000, 50000, 100000, 200000 };
        int64_t n = any(5), lifetime = 5 * daily[n];

        return (struct v3_context){
                .balance_cents = balances[n] + (any(3) ? any(100000) : any(3) - 1),
                .daily_loss_cents = any(2) ? 0 : daily[n] - any(3000) + any(20),
                .lifetime_loss_cents = any(2) ? 0 : lifetime - any(3000) + any(20),
        };
}

static void tell(FILE *out, const struct v3_decision *d)
{
        fprintf(out, " verdict %d reason %d strength %d route %d/%d total %ld loss %ld scaled %d\n",
                d->verdict, d->reason, d->strength, d->route, d->routing, (long)d->total_lot_e8,
                (long)d->expected_loss_cents, d->scaled);
        for (uint32_t i = 0; i < d->leg_count; i++)
                fprintf(out, "  leg %d side %d volume %ld sl %ld tp %ld\n", d->legs[i].leg,
                        d->legs[i].side, (long)d->legs[i].volume_e8, (long)d->legs[i].sl_e8,
                        (long)d->legs[i].tp_e8);
}

static bool same_legs(const struct v3_decision *a, const struct v3_decision *b)
{
        for (uint32_t i = 0; i < a->leg_count; i++)
                if (a->legs[i].leg != b->legs[i].leg || a->legs[i].side != b->legs[i].side ||
                        a->legs[i].volume_e8 != b->legs[i].volume_e8 ||
                        a->legs[i].sl_e8 != b->legs[i].sl_e8 ||
                        a->legs[i].tp_e8 != b->legs[i].tp_e8)
                        return false;
        for (uint32_t i = 0; i < a->close_count; i++)
                if (a->closes[i].side != b->closes[i].side ||
                        a->closes[i].reason != b->closes[i].reason)
                        return false;
        return true;
}

/* By field: padding is nobody's business. What a rejected entry was sized to does not count. */
static bool same(const struct v3_decision *a, const struct v3_decision *b)
{
        bool executed = a->verdict == V3_VERDICT_EXECUTE;

        return a->verdict == b->verdict && a->reason == b->reason && a->direction == b->direction &&
               a->strength == b->strength && a->route == b->route && a->routing == b->routing &&
               a->aggressive == b->aggressive && a->leg_count == b->leg_count &&
               a->close_count == b->close_count && same_legs(a, b) &&
               (!executed || (a->base_lot_e8 == b->base_lot_e8 &&
                                     a->signal_factor_e8 == b->signal_factor_e8 &&
                                     a->route_multiplier_e8 == b->route_multiplier_e8 &&
                                     a->total_lot_e8 == b->total_lot_e8 && a->scaled == b->scaled &&
                                     a->expected_loss_cents == b->expected_loss_cents));
}

static size_t reasons[V3_REASON_NO_ACTIVE_PLUGIN + 1], scaled_count;

static bool agree(struct judge judges[2])
{
        struct v3_alert alert = random_alert();
        struct v3_context context = random_context();
        const struct v3_context *given = any(50) ? &context : NULL;
        struct v3_decision decisions[2];
        int results[2];

        for (int i = 0; i < 2; i++) {
                memset(&decisions[i], 0, sizeof(decisions[i]));
                results[i] = judges[i].plugin->decide(judges[i].self, &alert, given, &decisions[i]);
        }
        reasons[decisions[1].reason]++;
        scaled_count += decisions[1].verdict == V3_VERDICT_EXECUTE && decisions[1].scaled;
        if (results[0] == results[1] && (results[0] < 0 || same(&decisions[0], &decisions[1])))
                return true;
        fprintf(stderr,
                "%s type %d signal %d side %d tf %d price %ld score %d sl %ld tp1 %ld tp2 %ld "
                "multiplier %ld balance %ld daily %ld lifetime %ld\n",
                alert.symbol, alert.type, alert.signal_type, alert.direction, alert.tf,
                (long)alert.price_e8, alert.consensus_score, (long)(alert.has_sl ? alert.sl_e8 : 0),
                (long)(alert.has_tp1 ? alert.tp1_e8 : 0), (long)(alert.has_tp2 ? alert.tp2_e8 : 0),
                (long)alert.multiplier_e8, (long)context.balance_cents,
                (long)context.daily_loss_cents, (long)context.lifetime_loss_cents);
        tell(stderr, &decisions[0]);
        tell(stderr, &decisions[1]);
        return false;
}

static void compare(const char *tier)
{
        const char *folder = getenv("UMBRA_TEST_PLUGINS");
        struct judge judges[2] = { 0 };
        bool alike = true;

        cr_assert(folder);
        load(&judges[0], folder, "legacy_v3", tier);
        load(&judges[1], folder, "combined_v3", tier);
        for (int i = 0; i < ALERTS && alike; i++)
                alike = agree(judges);
        for (int i = 0; i < 2; i++)
                unload(&judges[i]);
        cr_assert(alike, "they differ; see above");
}

Test(parity, legacy_and_combined_decide_alike)
{
        compare("auto");
        /* A comparison that never reaches a rule proves nothing about it. */
        for (int reason = V3_REASON_OK; reason <= V3_REASON_LIFETIME_CAP; reason++)
                if (reason != V3_REASON_LOW_STRENGTH && reason != V3_REASON_MTF_MISALIGNED)
                        cr_expect_geq(reasons[reason], 50, "reason %d came %zu times", reason,
                                reasons[reason]);
        cr_expect_geq(scaled_count, 50);
}

Test(parity, with_a_pinned_tier_too)
{
        compare("50000");
}
