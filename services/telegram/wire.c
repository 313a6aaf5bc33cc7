#define CURL_DISABLE_TYPECHECK /* of its functions by name; here they are pointers */
#include "services/telegram/wire.h"

#include "libbus/base/log.h"
#include "libbus/base/require.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <zmq.h>

#define CONNECT_MS 5000
#define IDLE_MAX   3L /* connections that are kept for the next call */

/*
 * libcurl brings some thirty libraries with it, and pages of its own in each process that has it. It
 * is loaded when there is something to call: a bot without a token does without.
 */
#define CURL_LIBRARY "libcurl.so.4"
/* clang-format off */
#define CURL_FUNCTIONS(X) \
        X(easy_cleanup) \
        X(easy_getinfo) \
        X(easy_init) \
        X(easy_setopt) \
        X(easy_strerror) \
        X(global_cleanup) \
        X(global_init) \
        X(mime_addpart) \
        X(mime_data) \
        X(mime_filename) \
        X(mime_free) \
        X(mime_init) \
        X(mime_name) \
        X(mime_type) \
        X(multi_add_handle) \
        X(multi_assign) \
        X(multi_cleanup) \
        X(multi_info_read) \
        X(multi_init) \
        X(multi_remove_handle) \
        X(multi_setopt) \
        X(multi_socket_action) \
        X(slist_append) \
        X(slist_free_all)
/* clang-format on */

static struct {
#define X(name) __typeof__(&curl_##name) name;
        CURL_FUNCTIONS(X)
#undef X
} curl;

static const struct {
        const char *name;
        void **place;
} functions[] = {
#define X(name) { "curl_" #name, (void **)&curl.name },
        CURL_FUNCTIONS(X)
#undef X
};

static int find_functions(void)
{
        void *library = dlopen(CURL_LIBRARY, RTLD_NOW | RTLD_LOCAL);

        if (!library)
                return -ENOENT;
        for (size_t i = 0; i < BUS_COUNT(functions); i++) {
                *functions[i].place = dlsym(library, functions[i].name);
                if (!*functions[i].place)
                        return -ENOSYS;
        }
        return 0;
}

struct tg_call {
        struct tg_wire *wire;
        struct tg_call *next;
        CURL *easy;
        curl_mime *mime;
        struct curl_slist *headers;
        struct bus_buf body, answer;
        bool too_long;
        char problem[CURL_ERROR_SIZE];
        tg_wire_fn fn;
        void *arg;
};

/* A descriptor that libcurl wants watched. */
struct watched {
        struct tg_wire *wire;
        struct watched *next;
        struct bus_source *source;
        curl_socket_t fd;
};

struct tg_wire {
        struct bus_loop *loop;
        struct bus_source *timer;
        CURLM *multi; /* NULL: not loaded yet */
        char *ca_file;
        struct tg_call *calls;
        struct watched *watched;
};

/* ---- one call ---- */

static void unlink_call(struct tg_call *call)
{
        struct tg_call **at = &call->wire->calls;

        while (*at != call)
                at = &(*at)->next;
        *at = call->next;
}

static void call_free(struct tg_call *call)
{
        if (call->easy) {
                curl.multi_remove_handle(call->wire->multi, call->easy);
                curl.easy_cleanup(call->easy);
        }
        curl.mime_free(call->mime);
        curl.slist_free_all(call->headers);
        bus_buf_done(&call->body);
        bus_buf_done(&call->answer);
        free(call);
}

static size_t take_answer(char *data, size_t size, size_t count, void *arg)
{
        struct tg_call *call = arg;

        call->too_long |= size * count > TG_ANSWER_MAX_BYTES - call->answer.size;
        if (call->too_long)
                return 0; /* libcurl ends the transfer */
        bus_buf_add(&call->answer, data, size * count);
        return size * count;
}

static int error_of(const struct tg_call *call, CURLcode code)
{
        if (code == CURLE_OK)
                return 0;
        if (call->too_long)
                return -EMSGSIZE;
        switch (code) {
        case CURLE_OPERATION_TIMEDOUT: return -ETIMEDOUT;
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_CONNECT: return -EHOSTUNREACH;
        default: return -EIO;
        }
}

/* A handshake reads every authority that the system knows, and leaves megabytes of crumbs. */
static void give_back(const struct tg_call *call)
{
        long connections = 0;

        curl.easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &connections);
        if (connections)
                malloc_trim(0);
}

static void finish(struct tg_call *call, CURLcode code)
{
        struct tg_wire_answer answer = { .error = error_of(call, code),
                /* not the call's own text: libcurl may quote the URL there */
                .problem = call->too_long ? "the answer is too long" : curl.easy_strerror(code),
                .body = bus_buf_bytes(&call->answer) };
        long version = 0;

        curl.easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &answer.status);
        curl.easy_getinfo(call->easy, CURLINFO_HTTP_VERSION, &version);
        answer.is_http2 = version == CURL_HTTP_VERSION_2_0;
        give_back(call);
        unlink_call(call);
        call->fn(call->arg, &answer);
        call_free(call);
}

/* ---- libcurl on the loop ---- */

static void reap(struct tg_wire *wire)
{
        CURLMsg *message;
        int left;

        while ((message = curl.multi_info_read(wire->multi, &left))) {
                struct tg_call *call = NULL;

                if (message->msg != CURLMSG_DONE)
                        continue;
                curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
                finish(call, message->data.result);
        }
}

static void on_timer(void *arg)
{
        struct tg_wire *wire = arg;
        int running;

        curl.multi_socket_action(wire->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        reap(wire);
}

static void on_fd(short revents, void *arg)
{
        struct watched *watched = arg;
        struct tg_wire *wire = watched->wire;
        int mask = 0, running;

        mask |= revents & ZMQ_POLLIN ? CURL_CSELECT_IN : 0;
        mask |= revents & ZMQ_POLLOUT ? CURL_CSELECT_OUT : 0;
        mask |= revents & ZMQ_POLLERR ? CURL_CSELECT_ERR : 0;
        curl.multi_socket_action(wire->multi, watched->fd, mask, &running);
        reap(wire);
}

static void unwatch(struct watched *watched)
{
        struct watched **at = &watched->wire->watched;

        while (*at != watched)
                at = &(*at)->next;
        *at = watched->next;
        bus_loop_remove(watched->wire->loop, watched->source);
        free(watched);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
        struct tg_wire *wire = arg;
        struct watched *watched = socket_arg;
        short events = ZMQ_POLLERR;

        (void)easy;
        if (what == CURL_POLL_REMOVE) {
                if (watched)
                        unwatch(watched);
                return 0;
        }
        if (!watched) {
                watched = bus_new(struct watched);
                *watched = (struct watched){ .wire = wire, .next = wire->watched, .fd = fd };
                wire->watched = watched;
                curl.multi_assign(wire->multi, fd, watched);
        } else {
                bus_loop_remove(wire->loop, watched->source);
        }
        events |= what & CURL_POLL_IN ? ZMQ_POLLIN : 0;
        events |= what & CURL_POLL_OUT ? ZMQ_POLLOUT : 0;
        watched->source = bus_loop_add_fd(wire->loop, fd, events, on_fd, watched);
        return 0;
}

static int want_timer(CURLM *multi, long timeout_ms, void *arg)
{
        struct tg_wire *wire = arg;

        (void)multi;
        /* libcurl has rounded down, and whoever comes too early is not called again */
        bus_loop_set_timer(wire->timer, timeout_ms < 0    ? -1
                                        : timeout_ms == 0 ? 0
                                                          : (timeout_ms + 1) * BUS_US_PER_MS);
        return 0;
}

struct tg_wire *tg_wire_new(struct bus_loop *loop, const char *ca_file)
{
        struct tg_wire *wire = bus_new(struct tg_wire);

        *wire = (struct tg_wire){ .loop = loop, .ca_file = bus_xstrdup(ca_file) };
        wire->timer = bus_loop_add_timer(loop, 0, 0, on_timer, wire);
        bus_loop_set_timer(wire->timer, -1);
        return wire;
}

int tg_wire_load(struct tg_wire *wire)
{
        int r = 0;

        if (wire->multi)
                return 0;
        if (!curl.global_init)
                r = find_functions();
        if (r < 0 || curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return r < 0 ? r : -ENOMEM;
        wire->multi = curl.multi_init();
        if (!wire->multi) {
                curl.global_cleanup();
                return -ENOMEM;
        }
        curl.multi_setopt(wire->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
        curl.multi_setopt(wire->multi, CURLMOPT_SOCKETDATA, wire);
        curl.multi_setopt(wire->multi, CURLMOPT_TIMERFUNCTION, want_timer);
        curl.multi_setopt(wire->multi, CURLMOPT_TIMERDATA, wire);
        curl.multi_setopt(wire->multi, CURLMOPT_MAXCONNECTS, IDLE_MAX);
        return 0;
}

struct tg_wire *tg_wire_free(struct tg_wire *wire)
{
        if (!wire)
                return NULL;
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): each leaves the list before it is freed */
        while (wire->calls)
                tg_wire_cancel(wire->calls); /* NOLINT(clang-analyzer-unix.Malloc) */
        if (wire->multi) {
                curl.multi_cleanup(wire->multi);
                curl.global_cleanup();
        }
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): so do these */
        while (wire->watched)
                unwatch(wire->watched); /* NOLINT(clang-analyzer-unix.Malloc) */
        bus_loop_remove(wire->loop, wire->timer);
        free(wire->ca_file);
        free(wire);
        return NULL;
}

/* ---- starting one ---- */

static bool set_form(struct tg_call *call, const struct tg_wire_post *post)
{
        curl_mimepart *part;
        bool done = true;

        call->mime = curl.mime_init(call->easy);
        if (!call->mime)
                return false;
        for (const char *const *at = post->form; at && at[0]; at += 2) {
                part = curl.mime_addpart(call->mime);
                done = done && part && curl.mime_name(part, at[0]) == CURLE_OK &&
                       curl.mime_data(part, at[1], CURL_ZERO_TERMINATED) == CURLE_OK;
        }
        part = curl.mime_addpart(call->mime);
        return done && part && curl.mime_name(part, post->file->field) == CURLE_OK &&
               curl.mime_filename(part, post->file->name) == CURLE_OK &&
               curl.mime_type(part, post->file->type) == CURLE_OK &&
               curl.mime_data(part, (const char *)post->file->content.data,
                       post->file->content.size) == CURLE_OK &&
               curl.easy_setopt(call->easy, CURLOPT_MIMEPOST, call->mime) == CURLE_OK;
}

/* For a service of ours. */
static void add_bearer(struct tg_call *call, const struct tg_wire_post *post)
{
        char *header;

        if (!post->bearer || !*post->bearer)
                return;
        header = bus_xasprintf("Authorization: Bearer %s", post->bearer);
        call->headers = curl.slist_append(call->headers, header);
        sodium_memzero(header, strlen(header));
        free(header);
}

static bool set_question(struct tg_call *call, const struct tg_wire_post *post)
{
        add_bearer(call, post);
        return curl.easy_setopt(call->easy, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
               curl.easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
}

static bool set_body(struct tg_call *call, const struct tg_wire_post *post)
{
        bus_buf_add(&call->body, post->body.data, post->body.size);
        call->headers = curl.slist_append(NULL, "Content-Type: application/json");
        add_bearer(call, post);
        return call->headers &&
               curl.easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK &&
               curl.easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                       (curl_off_t)call->body.size) == CURLE_OK &&
               curl.easy_setopt(call->easy, CURLOPT_POSTFIELDS,
                       call->body.size ? (const char *)call->body.data : "") == CURLE_OK;
}

static bool set_options(struct tg_call *call, const struct tg_wire_post *post)
{
        const char *ca_file = call->wire->ca_file;
        CURL *easy = call->easy;

        if (*ca_file && curl.easy_setopt(easy, CURLOPT_CAINFO, ca_file) != CURLE_OK)
                return false;
        return curl.easy_setopt(easy, CURLOPT_URL, post->url) == CURLE_OK &&
               /* what a redirect names would get the token */
               curl.easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
               curl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
               curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
               curl.easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)post->timeout_ms) == CURLE_OK &&
               curl.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS) == CURLE_OK &&
               curl.easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
               curl.easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "") == CURLE_OK &&
               curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
               curl.easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK &&
               curl.easy_setopt(easy, CURLOPT_PRIVATE, call) == CURLE_OK;
}

struct tg_call *tg_wire_post(
        struct tg_wire *wire, const struct tg_wire_post *post, tg_wire_fn fn, void *arg)
{
        struct tg_call *call = bus_new(struct tg_call);

        bus_require(tg_wire_load(wire) == 0);
        *call = (struct tg_call){ .wire = wire, .easy = curl.easy_init(), .fn = fn, .arg = arg };
        /* these fail for want of memory only: whether the URL is one shows when it is asked for */
        bus_require(call->easy && set_options(call, post));
        bus_require(post->is_get ? set_question(call, post)
                    : post->file ? set_form(call, post)
                                 : set_body(call, post));
        bus_require(curl.multi_add_handle(wire->multi, call->easy) == CURLM_OK);
        call->next = wire->calls;
        wire->calls = call;
        return call;
}

struct tg_call *tg_wire_cancel(struct tg_call *call)
{
        if (call) {
                unlink_call(call);
                call_free(call);
        }
        return NULL;
}
