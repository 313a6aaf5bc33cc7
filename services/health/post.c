/*
 * Invariant: fn is called once; behind it the post is spent: its descriptor closed, its sources off
 * the loop, and only the memory left for post_free.
 */
#include "services/health/post.h"

#include "libbus/base/require.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#define ANSWER_MAX_BYTES ((size_t)1 << 16) /* ingest's answers are a few hundred bytes */
#define READ_BYTES       4096

struct post {
        struct bus_loop *loop;
        struct bus_source *source, *timer;
        int fd;
        struct bus_buf request, answer;
        size_t sent;
        post_fn fn;
        void *arg;
};

int post_parse(struct bus_bytes answer, unsigned int *ret_status, struct bus_bytes *ret_body)
{
        static const char gap[] = "\r\n\r\n";
        const char *text = (const char *)answer.data, *body;
        unsigned int status;

        body = answer.size ? memmem(text, answer.size, gap, strlen(gap)) : NULL;
        if (!body || sscanf(text, "HTTP/1.%*1[01] %3u ", &status) != 1 || status < 100)
                return -EBADMSG;
        body += strlen(gap);
        *ret_status = status;
        *ret_body = bus_bytes(body, answer.size - (size_t)(body - text));
        return 0;
}

static void end(struct post *post, int result)
{
        struct bus_bytes body = bus_bytes(NULL, 0);
        unsigned int status = 0;

        if (post->fd < 0)
                return;
        post->source = bus_loop_remove(post->loop, post->source);
        post->timer = bus_loop_remove(post->loop, post->timer);
        close(post->fd);
        post->fd = -1;
        bus_buf_str(&post->answer); /* a NUL behind it, for sscanf */
        if (!result)
                result = post_parse(bus_buf_bytes(&post->answer), &status, &body);
        post->fn(post->arg, result, status, body);
}

static void on_timeout(void *arg)
{
        end(arg, -ETIMEDOUT);
}

static void on_readable(short revents, void *arg)
{
        struct post *post = arg;
        char data[READ_BYTES];
        ssize_t n = recv(post->fd, data, sizeof(data), 0);

        (void)revents;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0)
                end(post, n < 0 ? -errno : 0);
        else if (post->answer.size + (size_t)n > ANSWER_MAX_BYTES)
                end(post, -EMSGSIZE);
        else
                bus_buf_add(&post->answer, data, (size_t)n);
}

static void on_writable(short revents, void *arg)
{
        struct post *post = arg;
        ssize_t n = send(post->fd, post->request.data + post->sent, post->request.size - post->sent,
                MSG_NOSIGNAL);

        (void)revents;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n < 0) {
                end(post, -errno); /* also a connect that failed */
                return;
        }
        post->sent += (size_t)n;
        if (post->sent < post->request.size)
                return;
        bus_loop_remove(post->loop, post->source);
        post->source = bus_loop_add_fd(post->loop, post->fd, ZMQ_POLLIN, on_readable, post);
}

static int dial(const char *host, uint16_t port, int *ret_fd)
{
        const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                .ai_socktype = SOCK_STREAM };
        struct addrinfo *found;
        char service[8];
        int fd, r = 0;

        snprintf(service, sizeof(service), "%u", (unsigned int)port);
        if (getaddrinfo(host, service, &hints, &found))
                return -EADDRNOTAVAIL;
        fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0 || (connect(fd, found->ai_addr, found->ai_addrlen) < 0 && errno != EINPROGRESS))
                r = -errno;
        freeaddrinfo(found);
        if (r < 0 && fd >= 0)
                close(fd);
        else if (!r)
                *ret_fd = fd;
        return r;
}

int post_new(struct bus_loop *loop, const struct post_options *options, struct post **ret_post)
{
        struct post *post;
        int fd = -1, r;

        r = dial(options->host, options->port, &fd);
        if (r < 0)
                return r;
        post = bus_new(struct post);
        post->loop = loop;
        post->fd = fd;
        post->fn = options->fn;
        post->arg = options->arg;
        bus_buf_printf(&post->request,
                "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                options->path, options->host, options->body.size);
        bus_buf_add(&post->request, options->body.data, options->body.size);
        post->source = bus_loop_add_fd(loop, fd, ZMQ_POLLOUT, on_writable, post);
        post->timer = bus_loop_add_timer(loop, options->timeout_us, 0, on_timeout, post);
        *ret_post = post;
        return 0;
}

struct post *post_free(struct post *post)
{
        if (!post)
                return NULL;
        end(post, -ECANCELED);
        bus_buf_done(&post->request);
        bus_buf_done(&post->answer);
        free(post);
        return NULL;
}
