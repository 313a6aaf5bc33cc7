/*
 * UMBRA: fifty alerts a second for a while, and the slowest answer of the webhook under half a
 * second. UMBRA_STEADY_SECONDS makes it longer than the short run of every day.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "services/umbra/demo/sender.h"
#include "services/umbra/demo/system.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>

#define RATE        50
#define SECONDS     20
#define SLOWEST_US  (500 * BUS_US_PER_MS)
#define READY_US    (60 * BUS_US_PER_SEC)
#define TURN_MS     5
#define SECONDS_MAX 3600

static const char *const sets[] = { "alert-ingest.listen=127.0.0.1:0", "health.listen=127.0.0.1:0",
        "mt5-demo.balance=250000", NULL };

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

static bool send_all(const struct demo_system *system, long seconds)
{
        struct sender_counts counts;
        struct traffic traffic;
        struct sender *sender;

        traffic_init(&traffic, &(struct traffic_options){
                                       .seed = 1,
                                       .count = (size_t)(RATE * seconds),
                                       .duration_us = seconds * BUS_US_PER_SEC,
                                       .tag = "steady",
                               });
        sender = sender_new(system->webhook, &traffic);
        while (sender_turn(sender, TURN_MS))
                ;
        counts = *sender_counts(sender);
        sender_free(sender);
        traffic_done(&traffic);
        printf("%zu alerts in %ld s: %zu accepted, %zu resent, %zu without an answer, "
               "slowest answer %lld us\n",
                counts.sent, seconds, counts.accepted, counts.resent, counts.unknown,
                (long long)counts.slowest_us);
        return !counts.unknown && !counts.resent && counts.slowest_us < SLOWEST_US;
}

int main(int argc, char **argv)
{
        const char *wanted = getenv("UMBRA_STEADY_SECONDS");
        long seconds = wanted ? strtol(wanted, NULL, 10) : SECONDS;
        char state[] = "/tmp/umbra-steady-XXXXXX", error[512];
        struct demo_system system;
        bool good;

        if (argc != 2 || seconds < 1 || seconds > SECONDS_MAX || bus_hash_init() < 0 ||
                !mkdtemp(state))
                return 2;
        if (demo_system_start(&system,
                    &(struct demo_system_options){ .program = argv[1],
                            .state = state,
                            .sets = sets,
                            .ready_within_us = READY_US },
                    error, sizeof(error)) < 0) {
                fprintf(stderr, "%s\n", error);
                return 1;
        }
        good = send_all(&system, seconds);
        if (demo_system_stop(&system) != 0)
                good = false;
        demo_system_done(&system);
        if (good)
                nftw(state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        else
                fprintf(stderr, "left in %s\n", state);
        return good ? 0 : 1;
}
