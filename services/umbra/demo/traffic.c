#include "services/umbra/demo/traffic.h"

#include "libbus/base/bytes.h"
#include "libbus/base/e8.h"
#include "libbus/base/require.h"

#include <stdio.h>
#include <string.h>

#define BURST_ALERTS  15 /* in one second: seen at a bar's close with a dozen charts */
#define BURST_US      (400 * BUS_US_PER_MS)
#define BODY_MAX      1200
#define DUPLICATE_LAG 30 /* a copy comes a burst or two behind its original */

struct generator {
        uint64_t state;
        const struct traffic_options *options;
        struct traffic *traffic;
        unsigned int number;
};

/* What a chart of the symbol shows: around the demo account's first prices. */
static const struct chart {
        const char *symbol;
        unsigned int digits;
        int64_t price; /* in ticks of the last digit */
        int64_t pip;   /* in ticks */
} charts[] = {
        { "EURUSD", 5, 108500, 10 },
        { "GBPUSD", 5, 127000, 10 },
        { "AUDUSD", 5, 66000, 10 },
        { "NZDUSD", 5, 60500, 10 },
        { "USDCAD", 5, 136000, 10 },
        { "USDJPY", 3, 150000, 10 },
        { "EURJPY", 3, 162000, 10 },
        { "GBPJPY", 3, 190000, 10 },
        { "AUDJPY", 3, 98000, 10 },
        { "XAUUSD", 2, 265000, 10 },
};

/* splitmix64: good enough to deal cards with, and the same on every machine. */
static uint64_t next_random(struct generator *generator)
{
        uint64_t z = (generator->state += 0x9e3779b97f4a7c15u);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
}

/* 0 .. COUNT - 1 */
static unsigned int pick(struct generator *generator, unsigned int count)
{
        return (unsigned int)(next_random(generator) % count);
}

static const char *price_text(const struct chart *chart, int64_t ticks, char text[E8_TEXT_SIZE])
{
        return e8_format(ticks * e8_step_of_digits(chart->digits), chart->digits, text);
}

static const struct chart *pick_chart(struct generator *generator)
{
        return &charts[pick(generator, BUS_COUNT(charts))];
}

/* Within a hundredth of a percent of the first price. */
static int64_t pick_price(struct generator *generator, const struct chart *chart)
{
        int64_t spread = chart->price / 10000;

        return chart->price - spread + pick(generator, (unsigned int)(2 * spread) + 1);
}

static const char *pick_tf(struct generator *generator)
{
        static const char *const tfs[] = { "\"5\"", "\"15\"", "\"15\"", "15", "\"60\"", "\"240\"" };

        return tfs[pick(generator, BUS_COUNT(tfs))];
}

/* Some senders number their alerts, some do not; a number in the text keeps equal ones apart. */
static void end_body(struct generator *generator, struct bus_buf *body)
{
        unsigned int number = generator->number++;

        bus_buf_printf(body, ",\"message\":\"alert %s-%u\"", generator->options->tag, number);
        if (number % 3)
                bus_buf_printf(body, ",\"id\":\"%s-%u\"", generator->options->tag, number);
        bus_buf_add_str(body, "}");
}

static void pulse_body(struct generator *generator, struct bus_buf *body)
{
        const struct chart *chart = pick_chart(generator);
        char price[E8_TEXT_SIZE];

        bus_buf_printf(body,
                "{\"type\":\"trend_pulse_v3\",\"signal_type\":\"Trend_Pulse\",\"symbol\":\"%s\","
                "\"tf\":%s,\"price\":%s,\"current_trends\":\"1,1,-1,%d,0,1\","
                "\"previous_trends\":\"1,1,1,%d,0,1\",\"changed_timeframes\":\"5m\","
                "\"market_trend\":%d",
                chart->symbol, pick_tf(generator),
                price_text(chart, pick_price(generator, chart), price), (int)pick(generator, 3) - 1,
                (int)pick(generator, 3) - 1, (int)pick(generator, 3) - 1);
        end_body(generator, body);
}

static void squeeze_body(struct generator *generator, struct bus_buf *body)
{
        const struct chart *chart = pick_chart(generator);
        char price[E8_TEXT_SIZE];

        bus_buf_printf(body,
                "{\"type\":\"squeeze_v3\",\"signal_type\":\"Volatility_Squeeze\",\"symbol\":\"%s\","
                "\"tf\":%s,\"price\":%s",
                chart->symbol, pick_tf(generator),
                price_text(chart, pick_price(generator, chart), price));
        end_body(generator, body);
}

static void entry_body(struct generator *generator, struct bus_buf *body)
{
        static const char *const either[] = { "Institutional_Launchpad", "Liquidity_Trap_Reversal",
                "Momentum_Breakout", "Mitigation_Test_Entry", "Golden_Pocket_Flip",
                "Sideways_Breakout" };
        const struct chart *chart = pick_chart(generator);
        bool buy = pick(generator, 2), screener = !pick(generator, 10);
        const char *signal_type = either[pick(generator, BUS_COUNT(either))];
        int64_t price = pick_price(generator, chart), sign = buy ? 1 : -1;
        /* Far enough for spread and walk, near enough that many fit under the caps. */
        int64_t risk = chart->pip * (25 + pick(generator, 20));
        char text[4][E8_TEXT_SIZE];
        unsigned int score = pick(generator, 6);

        if (screener)
                signal_type = buy ? "Screener_Full_Bullish" : "Screener_Full_Bearish";
        bus_buf_printf(body,
                "{\"type\":\"entry_v3\",\"signal_type\":\"%s\",\"symbol\":\"%s\","
                "\"direction\":\"%s\",\"tf\":%s,\"price\":%s,\"consensus_score\":%u,"
                "\"sl_price\":%s,\"tp1_price\":%s,\"tp2_price\":%s,"
                "\"position_multiplier\":0.%u,\"mtf_trends\":\"1,1,%d,0,-1\","
                "\"volume_delta_ratio\":1.25,\"price_in_ob\":true",
                signal_type, chart->symbol, buy ? "buy" : "sell", pick_tf(generator),
                price_text(chart, price, text[0]), buy ? 9 - score : score,
                price_text(chart, price - sign * risk, text[1]),
                price_text(chart, price + sign * risk * 2, text[2]),
                price_text(chart, price + sign * risk * 3, text[3]), 2 + pick(generator, 3),
                buy ? 1 : -1);
        end_body(generator, body);
}

static void exit_body(struct generator *generator, struct bus_buf *body)
{
        const struct chart *chart = pick_chart(generator);
        bool bullish = pick(generator, 2);
        char price[E8_TEXT_SIZE];

        bus_buf_printf(body,
                "{\"type\":\"exit_v3\",\"signal_type\":\"%s\",\"symbol\":\"%s\","
                "\"direction\":\"%s\",\"tf\":%s,\"price\":%s,\"reason\":\"momentum_loss\"",
                bullish ? "Bullish_Exit" : "Bearish_Exit", chart->symbol, bullish ? "sell" : "buy",
                pick_tf(generator), price_text(chart, pick_price(generator, chart), price));
        end_body(generator, body);
}

/* One of what people and templates get wrong. */
static void bad_body(struct generator *generator, struct bus_buf *body)
{
        static const char *const bad[] = {
                "{\"type\":\"entry_v3\",\"symbol\":\"{{ticker}}\",\"price\":{{close}}}",
                "Long entry on EURUSD",
                "{\"type\":\"entry_v3\",\"signal_type\":\"Momentum_Breakout\",\"symbol\":\"EURUSD\","
                "\"direction\":\"BUY\",\"tf\":\"15\",\"price\":1.085,\"consensus_score\":7}",
                "{\"type\":\"entry_v3\",\"signal_type\":\"Momentum_Breakout\",\"symbol\":\"EURUSD\","
                "\"direction\":\"buy\",\"tf\":\"15\",\"price\":1.085,\"consensus_score\":7,"
                "\"sl_price\":1.09}",
                "{\"type\":\"trend_pulse_v3\",\"signal_type\":\"Trend_Pulse\",\"symbol\":\"DOGEUSD\","
                "\"tf\":\"15\",\"price\":0.1}",
                "{\"type\":\"exit_v3\",\"signal_type\":\"Trend_Pulse\",\"symbol\":\"EURUSD\"}",
                "{\"type\":\"entry_v3\",\"type\":\"exit_v3\"}",
                "[1,2,3]",
                "{\"type\":\"entry_v3\",\"signal_type\":\"Screener_Full_Bullish\","
                "\"symbol\":\"GBPUSD\",\"direction\":\"sell\",\"tf\":\"D\",\"price\":1.27,"
                "\"consensus_score\":1}",
        };

        bus_buf_add_str(body, bad[pick(generator, BUS_COUNT(bad))]);
}

/* Out of a hundred alerts. Entries and exits are more than in life, so that a minute shows much. */
static enum shot_kind pick_kind(struct generator *generator)
{
        static const struct {
                enum shot_kind kind;
                unsigned int share;
        } shares[] = {
                { SHOT_PULSE, 42 },
                { SHOT_SQUEEZE, 3 },
                { SHOT_ENTRY, 27 },
                { SHOT_EXIT, 14 },
                { SHOT_DUPLICATE, 8 },
                { SHOT_BAD, 5 },
                { SHOT_STRANGER, 1 },
        };
        unsigned int card = pick(generator, 100);

        for (size_t i = 0; i < BUS_COUNT(shares); i++) {
                if (card < shares[i].share)
                        return shares[i].kind;
                card -= shares[i].share;
        }
        return SHOT_PULSE;
}

/* An earlier alert that was sound, some way back, or COUNT if there is none. */
static size_t pick_original(struct generator *generator)
{
        const struct traffic *traffic = generator->traffic;

        for (unsigned int tries = 0; tries < 20 && traffic->count > 2 * DUPLICATE_LAG; tries++) {
                size_t back = DUPLICATE_LAG + pick(generator, DUPLICATE_LAG);
                const struct shot *shot = &traffic->shots[traffic->count - back];

                if (shot->kind <= SHOT_EXIT)
                        return traffic->count - back;
        }
        return traffic->count;
}

static void make_shot(struct generator *generator, struct shot *shot)
{
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;

        switch (shot->kind) {
        case SHOT_STRANGER:
        case SHOT_PULSE: pulse_body(generator, &body); break;
        case SHOT_SQUEEZE: squeeze_body(generator, &body); break;
        case SHOT_ENTRY: entry_body(generator, &body); break;
        case SHOT_EXIT: exit_body(generator, &body); break;
        case SHOT_BAD: bad_body(generator, &body); break;
        case SHOT_DUPLICATE:
                bus_buf_add_str(&body, generator->traffic->shots[shot->original].body);
                break;
        }
        bus_require(body.size < BODY_MAX);
        shot->body = bus_xstrdup(bus_buf_str(&body));
}

static void add_shot(struct generator *generator, int64_t at_us)
{
        struct traffic *traffic = generator->traffic;
        struct shot shot = { .at_us = at_us, .kind = pick_kind(generator) };

        if (shot.kind == SHOT_DUPLICATE) {
                shot.original = pick_original(generator);
                if (shot.original == traffic->count)
                        shot.kind = SHOT_PULSE;
        }
        make_shot(generator, &shot);
        traffic->shots[traffic->count++] = shot;
}

void traffic_init(struct traffic *traffic, const struct traffic_options *options)
{
        struct generator generator = { .state = options->seed, .options = options };
        size_t bursts = (options->count + BURST_ALERTS - 1) / BURST_ALERTS;
        int64_t period_us = options->duration_us / (int64_t)(bursts ? bursts : 1);

        *traffic = (struct traffic){ .shots = bus_new_n(struct shot, options->count) };
        generator.traffic = traffic;
        for (size_t i = 0; i < options->count; i++)
                add_shot(&generator,
                        (int64_t)(i / BURST_ALERTS) * period_us +
                                (int64_t)(i % BURST_ALERTS) * (BURST_US / BURST_ALERTS));
}

void traffic_done(struct traffic *traffic)
{
        for (size_t i = 0; i < traffic->count; i++)
                free(traffic->shots[i].body);
        free(traffic->shots);
        *traffic = (struct traffic){ 0 };
}
