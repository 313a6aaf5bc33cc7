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
