#include "services/umbra/demo/chaos.h"

#include <stdio.h>
#include <string.h>

#define MS INT64_C(1000)

/* Between two events. Some overlap: a freeze lasts longer than the longest pause. */
#define PAUSE_MIN_US (300 * MS)
#define PAUSE_MAX_US (2500 * MS)
#define HUNT_US      (1500 * MS)
#define EARLY_MAX_US (100 * MS)
/* Longer than a link lives in silence (5 s): it dies, orders become UNKNOWN, and it comes back. */
#define FREEZE_LONG_US  (8000 * MS)
#define FREEZE_SHORT_US (1200 * MS)
/* Each new start of everything costs a second of the show. */
#define RESTARTS_MAX 3
#define ALL_SERVICES ((1u << CHAOS_SERVICES) - 1)

const char *const chaos_services[CHAOS_SERVICES] = {
        [CHAOS_MT5] = "mt5-demo",
        [CHAOS_HEALTH] = "health",
        [CHAOS_EXECUTOR] = "order-executor",
        [CHAOS_STRATEGY] = "strategy-v3",
        [CHAOS_SHADOW] = "strategy-v3-shadow",
        [CHAOS_INGEST] = "alert-ingest",
};

static const char *const faults[] = {
        "lose-reply n=3",
        "lose-reply action=close",
        "timeout n=2",
        "cut-before",
        "cut-after",
        "cut-after action=close",
        "requote n=4",
        "place 700 n=3",
        "place 3000 n=2",
        "partial 0.5 n=3",
        "partial 0.5 action=close n=2",
        "duplicate-report n=10",
        "delay 400 n=5",
        "delay 6000 n=2",
        "lose-request n=2",
        "lose-answer",
        "reject 10012 n=2",
        "reject 10031 n=2",
        "reject 10024 n=3",
        "reject 10006 n=2",
        "reject 10018 n=2 action=close",
        "reject 10006 action=close",
        "in-doubt for=3000",
        "freeze for=3000",
        "freeze for=7000",
        "disconnected for=2500",
        "market-closed for=2000",
        "autotrading-off for=1500",
        "snapshot partial",
        "snapshot failed",
        "clock-skew 1500 for=4000",
        "clock-skew -1500 for=4000",
};

static uint64_t next_random(uint64_t *state)
{
        uint64_t z = (*state += 0x9e3779b97f4a7c15u);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
}

static unsigned int pick(uint64_t *state, unsigned int count)
{
        return (unsigned int)(next_random(state) % count);
}

static unsigned int pick_services(uint64_t *state, unsigned int count)
{
        unsigned int services = 0;

        while (count--)
                services |= 1u << pick(state, CHAOS_SERVICES);
        return services;
}

static enum chaos_kind pick_kind(uint64_t *state)
{
        static const struct {
                enum chaos_kind kind;
                unsigned int share;
        } shares[CHAOS_KINDS] = {
                { CHAOS_KILL, 22 },
                { CHAOS_HUNT, 9 },
                { CHAOS_FREEZE, 9 },
                { CHAOS_KILL_UP, 5 },
                { CHAOS_STOP_UP, 3 },
                { CHAOS_FAULT, 40 },
                { CHAOS_SWITCH, 12 },
        };
        unsigned int card = pick(state, 100);

        for (size_t i = 0; i < CHAOS_KINDS; i++) {
                if (card < shares[i].share)
                        return shares[i].kind;
                card -= shares[i].share;
        }
        return CHAOS_FAULT;
}

static void pick_freeze(uint64_t *state, struct chaos_event *event)
{
        static const unsigned int at_the_link[] = { CHAOS_MT5, CHAOS_EXECUTOR };

        if (pick(state, 2)) {
                event->services = 1u << at_the_link[pick(state, 2)];
                event->for_us = FREEZE_LONG_US;
        } else {
                event->services = 1u << pick(state, CHAOS_SERVICES);
                event->for_us = FREEZE_SHORT_US;
        }
}

static void pick_details(uint64_t *state, struct chaos_event *event)
{
        const char *what = "";

        event->early_us = pick(state, (unsigned int)EARLY_MAX_US);
        switch (event->kind) {
        case CHAOS_KILL:
                /* One in five: all of them. */
                event->services =
                        pick(state, 5) ? pick_services(state, 1 + pick(state, 3)) : ALL_SERVICES;
                break;
        case CHAOS_HUNT:
                event->services = pick_services(state, 1);
                event->for_us = HUNT_US;
                break;
        case CHAOS_FREEZE: pick_freeze(state, event); break;
        case CHAOS_FAULT: what = faults[pick(state, BUS_COUNT(faults))]; break;
        case CHAOS_SWITCH:
                what = pick(state, 2) ? "cutover" : "rollback";
                event->early_us /= 4;
                if (pick(state, 3))
                        event->services = 1u << (pick(state, 2) ? CHAOS_STRATEGY : CHAOS_HEALTH);
                break;
        default: break;
        }
        snprintf(event->what, sizeof(event->what), "%s", what);
}

void chaos_plan_make(uint64_t seed, int64_t from_us, int64_t to_us, struct chaos_plan *ret_plan)
{
        uint64_t state = seed;
        unsigned int restarts = 0;
        int64_t at_us = from_us;

        *ret_plan = (struct chaos_plan){ 0 };
        while (at_us < to_us && ret_plan->count < CHAOS_EVENTS_MAX) {
                struct chaos_event *event = &ret_plan->events[ret_plan->count++];

                *event = (struct chaos_event){ .at_us = at_us, .kind = pick_kind(&state) };
                if ((event->kind == CHAOS_KILL_UP || event->kind == CHAOS_STOP_UP) &&
                        ++restarts > RESTARTS_MAX)
                        event->kind = CHAOS_KILL;
                pick_details(&state, event);
                if (ret_plan->count == 1) /* in every plan: enough dead to prove something */
                        *event = (struct chaos_event){
                                .at_us = at_us, .kind = CHAOS_KILL, .services = ALL_SERVICES
                        };
                at_us += PAUSE_MIN_US + pick(&state, (unsigned int)(PAUSE_MAX_US - PAUSE_MIN_US));
        }
}

const char *chaos_describe(const struct chaos_event *event, char text[static 128])
{
        static const char *const verbs[CHAOS_KINDS] = {
                [CHAOS_KILL] = "kill -9",
                [CHAOS_HUNT] = "kill -9 at each start",
                [CHAOS_FREEZE] = "freeze",
                [CHAOS_KILL_UP] = "kill -9 umbra itself",
                [CHAOS_STOP_UP] = "stop and start umbra",
                [CHAOS_FAULT] = "at the broker:",
                [CHAOS_SWITCH] = "switch:",
        };
        int size = snprintf(text, 128, "%s", verbs[event->kind]);

        if (*event->what)
                size += snprintf(text + size, 128 - (size_t)size, " %s", event->what);
        if (event->kind == CHAOS_SWITCH && event->services)
                size += snprintf(text + size, 128 - (size_t)size, ", and kill");
        for (size_t i = 0; i < CHAOS_SERVICES && size < 128; i++)
                if (event->services & (1u << i))
                        size += snprintf(text + size, 128 - (size_t)size, " %s", chaos_services[i]);
        if (event->kind == CHAOS_FREEZE && size < 128)
                snprintf(
                        text + size, 128 - (size_t)size, " for %d ms", (int)(event->for_us / 1000));
        return text;
}
