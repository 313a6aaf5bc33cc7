/*
 * Beacons and the replay protocol: what a reader trusts to know whether it has everything.
 */
#include "proto/validate.h"
#include "proto/validate/check.h"

#include "replay.pb-c.h"

enum {
        FORKS_MAX = 16,    /* as the message says: the newest */
        RECORDS_MAX = 256, /* the server's own cap on one reply */
};

/* Incarnations ascend, and each began behind a place in an earlier one. */
static bool forks_hold(const Pb__Beacon *beacon)
{
        uint64_t before = 0;

        if (beacon->n_forks > FORKS_MAX)
                return false;
        for (size_t i = 0; i < beacon->n_forks; i++) {
                const Pb__Fork *fork = beacon->forks[i];

                if (fork->incarnation <= before || !check_counter(fork->incarnation) ||
                        !check_position_or_zero(fork->fork) ||
                        fork->fork->incarnation >= fork->incarnation)
                        return false;
                before = fork->incarnation;
        }
        return true;
}

static bool ends_hold(const Pb__Position *first, const Pb__Position *last)
{
        return check_position_or_zero(first) && check_position_or_zero(last) &&
               !check_position_before(last, first);
}

int validate_beacon(const Pb__Beacon *beacon, const char **ret_why)
{
        const struct check checks[] = {
                { check_stream(beacon->stream), "stream" },
                { check_counter(beacon->incarnation), "incarnation" },
                { check_position_or_zero(beacon->first), "first" },
                { check_position_or_zero(beacon->last), "last" },
                { ends_hold(beacon->first, beacon->last), "last" },
                { forks_hold(beacon), "forks" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}

int validate_replay_request(const Pb__ReplayRequest *request, const char **ret_why)
{
        const bool by_time = request->since_us > 0 && !request->after;
        const struct check checks[] = {
                { check_stream(request->stream), "stream" },
                { check_time_or_none(request->since_us), "since_us" },
                { by_time || check_position_or_zero(request->after), "after" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}

static bool records_hold(const Pb__ReplayReply *reply)
{
        if (reply->n_records > RECORDS_MAX)
                return false;
        for (size_t i = 0; i < reply->n_records; i++) {
                const Pb__Record *record = reply->records[i];

                if (!check_topic(record->topic) ||
                        !check_range((int64_t)record->envelope.len, 1, CHECK_ENVELOPE_MAX))
                        return false;
        }
        return true;
}

/* There where the status needs it, and well-formed wherever it is. */
static bool place_holds(const Pb__Position *position, bool needed)
{
        return position ? check_position_or_zero(position) : !needed;
}

int validate_replay_reply(const Pb__ReplayReply *reply, const char **ret_why)
{
        const Pb__ReplayStatus status = reply->status;
        const bool ok = status == PB__REPLAY_STATUS__REPLAY_STATUS_OK;
        const bool pruned = status == PB__REPLAY_STATUS__REPLAY_STATUS_PRUNED;
        const bool ahead = status == PB__REPLAY_STATUS__REPLAY_STATUS_AHEAD;
        const struct check checks[] = {
                { check_stream(reply->stream), "stream" },
                { check_enum(status, PB__REPLAY_STATUS__REPLAY_STATUS_AHEAD), "status" },
                { place_holds(reply->after, ok), "after" },
                { place_holds(reply->first, ok || pruned), "first" },
                { place_holds(reply->last, ok || ahead), "last" },
                { ok || !reply->n_records, "records" },
                { records_hold(reply), "records" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}
