/*
 * WEBHOOK: fifty alerts a second for a minute, one in five of them an entry: every one is accepted at
 * once, and the slowest answer comes in less than half a second. TradingView would wait three.
 */
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "services/umbra/demo/sender.h"

#include <stdio.h>

enum {
        ALERTS_A_SECOND = 50,
        SECONDS = 60,
        ALERTS = ALERTS_A_SECOND * SECONDS,
        ENTRY_EVERY = 5,
        TURN_MS = 20,
};

#define SLOWEST_US (500 * BUS_US_PER_MS)

static char *body(unsigned int n)
{
        static const char *const symbols[] = { "EURUSD", "GBPUSD", "AUDUSD", "NZDUSD" };

        if (n % ENTRY_EVERY)
                return bus_xasprintf(
                        "{\"type\":\"trend_pulse_v3\",\"signal_type\":\"Trend_Pulse\","
                        "\"symbol\":\"XAUUSD\",\"tf\":\"15\",\"price\":2650.5,\"id\":\"p%u\"}",
                        n);
        return bus_xasprintf("{\"type\":\"entry_v3\",\"signal_type\":\"Momentum_Breakout\","
                             "\"symbol\":\"%s\",\"direction\":\"buy\",\"tf\":\"15\",\"price\":1.0,"
                             "\"sl_price\":0.999,\"consensus_score\":5,\"id\":\"e%u\"}",
                symbols[n / ENTRY_EVERY % BUS_COUNT(symbols)], n);
}

static struct traffic steady(void)
{
        struct traffic traffic = { .shots = bus_new_n(struct shot, ALERTS), .count = ALERTS };

        for (unsigned int n = 0; n < ALERTS; n++)
                traffic.shots[n] = (struct shot){
                        .at_us = n * BUS_US_PER_SEC / ALERTS_A_SECOND,
                        .kind = n % ENTRY_EVERY ? SHOT_PULSE : SHOT_ENTRY,
                        .body = body(n),
                };
        return traffic;
}

static int judge(const struct sender_counts *counts)
{
        printf("%zu accepted, %zu sent again, slowest answer %.1f ms\n", counts->accepted,
                counts->resent, (double)counts->slowest_us / (double)BUS_US_PER_MS);
        return counts->accepted == ALERTS && !counts->resent && counts->slowest_us < SLOWEST_US ? 0
                                                                                                : 1;
}

int main(int argc, char **argv)
{
        struct traffic traffic;
        struct sender *sender;
        int status;

        if (argc != 2 || bus_hash_init() < 0)
                return 2;
        traffic = steady();
        sender = sender_new(argv[1], &traffic);
        while (sender_turn(sender, TURN_MS)) {
        }
        status = judge(sender_counts(sender));
        sender_free(sender);
        traffic_done(&traffic);
        return status;
}
