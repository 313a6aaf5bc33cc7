#include "libbus/store/forks.h"

void store_fork_add(struct store_stream *stream, struct store_fork fork)
{
        if (stream->fork_count == STORE_FORKS_MAX) {
                memmove(stream->forks, stream->forks + 1,
                        (STORE_FORKS_MAX - 1) * sizeof(stream->forks[0]));
                stream->fork_count--;
        }
        stream->forks[stream->fork_count++] = fork;
}

struct bus_pos store_fork_resolve(const struct store_stream *stream, struct bus_pos after)
{
        /* newest first: a fork may lead into an incarnation that an older fork cut as well */
        for (size_t i = stream->fork_count; i-- > 0;) {
                const struct store_fork *fork = &stream->forks[i];

                if (fork->incarnation > after.incarnation && bus_pos_compare(fork->fork, after) < 0)
                        after = fork->fork;
        }
        return after;
}

int store_fork_start(const struct store_stream *stream, struct bus_pos before_first,
        struct bus_pos after, struct bus_pos *ret_start)
{
        struct bus_pos start = store_fork_resolve(stream, after);

        if (bus_pos_compare(start, stream->last) > 0)
                return STORE_AHEAD;
        /* from zero one takes what there is; from anywhere else nothing may be missing */
        if (!bus_pos_is_zero(after) && bus_pos_compare(start, before_first) < 0)
                return STORE_PRUNED;
        *ret_start = start;
        return 0;
}
