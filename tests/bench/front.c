/*
 * The least of an HTTP server: enough for the sender of this benchmark and for nobody else. All
 * alerts that wait are put together, then answered.
 */
#include "tests/bench/chain.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define REQUEST_SIZE 4096
#define CLIENTS_MAX  1024 /* descriptors: more never are open */

struct client {
        size_t size;
        char in[REQUEST_SIZE];
};

struct front {
        int epoll, listen_fd;
        struct client clients[CLIENTS_MAX];
        struct note notes[NOTES_MAX];
        int fds[NOTES_MAX]; /* who waits for an answer */
        size_t count;
};

static void watch(struct front *front, int fd)
{
        struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

        if (epoll_ctl(front->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
                chain_die("epoll_ctl");
}

static void welcome(struct front *front)
{
        int fd = accept4(front->listen_fd, NULL, NULL, SOCK_CLOEXEC), on = 1;

        if (fd < 0 || fd >= CLIENTS_MAX)
                chain_die("accept");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        front->clients[fd].size = 0;
        watch(front, fd);
}

/* A whole request becomes a note. */
static void take_request(struct front *front, int fd)
{
        struct client *client = &front->clients[fd];
        const char *body, *length, *id;

        client->in[client->size] = 0;
        body = strstr(client->in, "\r\n\r\n");
        length = strstr(client->in, "Content-Length: ");
        if (!body || !length)
                return;
        body += 4;
        if ((size_t)(body - client->in) + strtoul(length + 16, NULL, 10) > client->size)
                return;
        id = strstr(body, "\"id\":\"b-");
        if (!id)
                chain_die("an alert without a number");
        front->notes[front->count].number = (uint32_t)strtoul(id + 8, NULL, 10);
        snprintf(front->notes[front->count].text, sizeof(front->notes[0].text), "%s", body);
        front->fds[front->count++] = fd;
        client->size = 0;
}

static void on_readable(struct front *front, int fd)
{
        struct client *client = &front->clients[fd];
        ssize_t n;

        if (fd == front->listen_fd) {
                welcome(front);
                return;
        }
        n = recv(fd, client->in + client->size, REQUEST_SIZE - 1 - client->size, 0);
        if (n <= 0) {
                close(fd);
                return;
        }
        client->size += (size_t)n;
        take_request(front, fd);
}

static void answer_all(struct front *front)
{
        static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                     "Content-Length: 21\r\n\r\n{\"status\":\"accepted\"}";

        for (size_t i = 0; i < front->count; i++)
                if (send(front->fds[i], answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0)
                        chain_die("send");
        front->count = 0;
}

void front_run(int listen_fd, const struct wire *wire, void *state)
{
        static struct front front;
        struct epoll_event events[NOTES_MAX];

        front.epoll = epoll_create1(EPOLL_CLOEXEC);
        front.listen_fd = listen_fd;
        watch(&front, listen_fd);
        for (;;) {
                int n = epoll_wait(front.epoll, events, NOTES_MAX, -1);

                for (int i = 0; i < n; i++)
                        on_readable(&front, events[i].data.fd);
                if (!front.count)
                        continue;
                wire->put(state, front.notes, front.count);
                answer_all(&front);
        }
}
