/* GET / and the files it is made of. They hold nothing secret, so that no token is asked for. */
#include "services/health/page.h"

#include "services/health/health.h"

#include <string.h>

/* Nothing is run or loaded but our own files, and nobody may put the page into a frame. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; "
                             "img-src 'self'; connect-src 'self'; base-uri 'none'; "
                             "form-action 'none'; frame-ancestors 'none'";

bool health_get_page(struct http_request *request)
{
        const char *path = http_path(request), *known = http_header(request, "If-None-Match");
        const struct page_file *file = page_files;
        struct http_response response = { .status = 200 };

        while (file->path && strcmp(file->path, path) != 0)
                file++;
        if (!file->path)
                return false;
        response = (struct http_response){
                .status = 200,
                .content_type = file->content_type,
                .body = bus_bytes(file->data, file->size),
                .headers = {
                        { "ETag", file->etag },
                        { "Cache-Control", "no-cache" }, /* asked again each time, and told 304 */
                        { "Content-Security-Policy", policy },
                        { "X-Content-Type-Options", "nosniff" },
                        { "Referrer-Policy", "no-referrer" },
                        { "Cross-Origin-Opener-Policy", "same-origin" },
                        { "Cross-Origin-Resource-Policy", "same-origin" },
                },
        };
        if (known && strstr(known, file->etag)) {
                response.status = 304;
                response.body = bus_bytes(NULL, 0);
        }
        http_respond(request, &response);
        return true;
}
