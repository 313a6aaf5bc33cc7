#include "services/umbra/client.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "services/umbra/ini_edit.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>

/* An answer of ours is a few thousand alerts at the most; more is not from us. */
#define ANSWER_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define CONFIG_MAX_BYTES ((size_t)1 << 20)

int client_address(const struct layout *layout, const char *service, char **ret_url)
{
        BUS_AUTOFREE char *path = layout_path(layout->run, service, ".port");
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT, listen = BUS_BUF_INIT;
        const char *host, *colon;
        BUS_AUTOFREE char *port = NULL;
        int r;

        r = bus_file_read(layout->config, CONFIG_MAX_BYTES, &text);
        if (r < 0)
                return r;
        if (!ini_get(bus_buf_bytes(&text), service, "listen", &listen))
                return -ENOENT;
        host = bus_buf_str(&listen);
        colon = strrchr(host, ':');
        if (!colon)
                return -EINVAL;
        if (bus_file_read_secret(path, &port) < 0)
                port = bus_xstrdup(colon + 1);
        *ret_url = bus_xasprintf("http://%.*s:%s", (int)(colon - host), host, port);
        return 0;
}

int client_init(struct client *client, const struct layout *layout, char *error, size_t error_size)
{
        char *url;
        int r;

        r = client_address(layout, "health", &url);
        if (r < 0) {
                snprintf(error, error_size, "%s: %s: is this a state folder? (--state DIR)",
                        layout->config, strerror(-r));
                return r;
        }
        *client = (struct client){ .url = url };
        /* Without the token health may still let this machine in. */
        if (bus_file_read_secret(layout->admin_token, &client->token) < 0)
                client->token = NULL;
        return 0;
}

void client_done(struct client *client)
{
        free(client->url);
        free(client->token);
        *client = (struct client){ 0 };
}

void client_answer_done(struct client_answer *answer)
{
        bus_buf_done(&answer->body);
        json_decref(answer->json);
        *answer = (struct client_answer){ 0 };
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
        struct bus_buf *body = arg;

        if (body->size + size * count > ANSWER_MAX_BYTES)
                return 0;
        bus_buf_add(body, data, size * count);
        return size * count;
}

static struct curl_slist *headers_of(const struct client *client)
{
        struct curl_slist *headers = NULL;
        BUS_AUTOFREE char *bearer = NULL;

        headers = curl_slist_append(headers, "Content-Type: application/json");
        if (client->token) {
                bearer = bus_xasprintf("Authorization: Bearer %s", client->token);
                headers = curl_slist_append(headers, bearer);
        }
        return headers;
}

static int error_of(CURLcode code)
{
        switch (code) {
        case CURLE_OK: return 0;
        case CURLE_COULDNT_CONNECT: return -ECONNREFUSED;
        case CURLE_OPERATION_TIMEDOUT: return -ETIMEDOUT;
        default: return -EIO;
        }
}

int client_request(const struct client *client, const char *method, const char *path,
        const char *body, int64_t timeout_us, struct client_answer *ret_answer, char *error,
        size_t error_size)
{
        struct curl_slist *headers = headers_of(client);
        BUS_AUTOFREE char *url = bus_xasprintf("%s%s", client->url, path);
        struct client_answer answer = { 0 };
        CURL *curl = curl_easy_init();
        CURLcode code;

        bus_require(curl);
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(timeout_us / BUS_US_PER_MS));
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
        if (body || strcmp(method, "GET"))
                curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? body : "");
        code = curl_easy_perform(curl);
        if (code == CURLE_OK)
                curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
        curl_slist_free_all(headers);
        curl_easy_cleanup(curl);
        if (code != CURLE_OK) {
                snprintf(error, error_size, "%s: %s", client->url, curl_easy_strerror(code));
                client_answer_done(&answer);
                return error_of(code);
        }
        answer.json =
                json_loadb((const char *)answer.body.data, answer.body.size, JSON_DECODE_ANY, NULL);
        *ret_answer = answer;
        return 0;
}
