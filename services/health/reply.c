#include "libbus/base/require.h"
#include "services/health/health.h"

#include <stdarg.h>
#include <stdio.h>

void health_reply_json(struct http_request *request, unsigned int status, json_t *json)
{
        BUS_AUTOFREE char *text = json_dumps(json, JSON_COMPACT);
        struct http_response response = { .status = status };

        bus_require(text);
        response.body = bus_bytes_str(text);
        /* What is true now is not in a minute. */
        response.headers[0][0] = "Cache-Control";
        response.headers[0][1] = "no-store";
        http_respond(request, &response);
        json_decref(json);
}

void health_reply_error(struct http_request *request, unsigned int status, const char *code,
        const char *format, ...)
{
        char text[300];
        va_list args;
        json_t *json;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        json = json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", text);
        if (!json) /* a text with a piece of somebody's bytes in it that is not UTF-8 */
                json = json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", code);
        health_reply_json(request, status, json);
}
