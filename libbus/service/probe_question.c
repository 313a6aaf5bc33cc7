/* Pure: which of the two questions the bytes of a connection are. */
#include "libbus/service/probe.h"

#include <string.h>

static struct bus_bytes behind(struct bus_bytes text, size_t count)
{
        return bus_bytes(text.data + count, text.size - count);
}

/* Up to STOP, or all. */
static struct bus_bytes word_of(struct bus_bytes text, char stop)
{
        const uint8_t *end = memchr(text.data, stop, text.size);

        return bus_bytes(text.data, end ? (size_t)(end - text.data) : text.size);
}

static bool is(struct bus_bytes text, const char *word)
{
        return bus_bytes_equal(text, bus_bytes_str(word));
}

static bool is_whole(struct bus_bytes request)
{
        return request.size && (memmem(request.data, request.size, "\r\n\r\n", 4) ||
                                       memmem(request.data, request.size, "\n\n", 2));
}

static enum probe_question question_of(struct bus_bytes target)
{
        struct bus_bytes path = word_of(target, '?');

        if (is(path, "/livez"))
                return PROBE_LIVE;
        return is(path, "/readyz") ? PROBE_READY : PROBE_ELSEWHERE;
}

enum probe_question probe_question(struct bus_bytes request, bool *ret_head)
{
        struct bus_bytes line, method, target;

        if (!is_whole(request))
                return request.size < PROBE_REQUEST_MAX_BYTES ? PROBE_UNFINISHED : PROBE_NONSENSE;
        line = word_of(request, '\n');
        method = word_of(line, ' ');
        if (method.size == line.size)
                return PROBE_NONSENSE;
        target = word_of(behind(line, method.size + 1), ' ');
        if (method.size + 1 + target.size == line.size ||
                !bus_bytes_begin(
                        behind(line, method.size + 1 + target.size), bus_bytes_str(" HTTP/1.")))
                return PROBE_NONSENSE;
        if (!is(method, "GET") && !is(method, "HEAD"))
                return PROBE_OTHER_METHOD;
        *ret_head = is(method, "HEAD");
        return question_of(target);
}
