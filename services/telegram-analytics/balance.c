#include "services/telegram-analytics/balance.h"

void balance_at(struct balance *balance, int stream, struct bus_pos at, int64_t now_us)
{
        struct balance_stream *s = &balance->streams[stream];

        at.part = 0; /* a signal has several in the shadow's stream */
        if (bus_pos_compare(at, s->at) || !s->moved_us)
                s->moved_us = now_us;
        s->at = at;
}

/* The one farthest back of those that get on; -1: there is none. */
static int slowest(const struct balance *balance, int64_t now_us)
{
        int found = -1;

        for (int i = 0; i < BALANCE_STREAMS; i++) {
                const struct balance_stream *s = &balance->streams[i];

                if (now_us - s->moved_us > BALANCE_PATIENCE_US)
                        continue;
                if (found < 0 || bus_pos_compare(s->at, balance->streams[found].at) < 0)
                        found = i;
        }
        return found;
}

bool balance_judge(struct balance *balance, size_t open, int64_t now_us)
{
        bool is_holding = balance->held[0] || balance->held[1] || balance->held[2];
        bool is_crowded = open > (is_holding ? BALANCE_LOW : BALANCE_HIGH);
        int last = is_crowded ? slowest(balance, now_us) : -1;
        bool changed = false;

        for (int i = 0; i < BALANCE_STREAMS; i++) {
                bool hold = last >= 0 &&
                            bus_pos_compare(balance->streams[i].at, balance->streams[last].at) > 0;

                changed |= hold != balance->held[i];
                balance->held[i] = hold;
        }
        return changed;
}
