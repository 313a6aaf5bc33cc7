/*
 * The sender: kept-alive connections, one alert at a time on each. The same for every target, so
 * that what it costs itself is in all figures alike; it keeps off the processor that those who go first
 * share (docs/adr/0071), as it would be another machine.
 */
#include "libbus/base/clock.h"
#include "libbus/base/processor.h"
#include "libbus/base/require.h"
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define REQUEST_SIZE    2048
#define ANSWER_SIZE     1024
#define ANSWER_WAIT_MS  10000
#define CONNECTIONS_MAX 64

/* Made before the first is sent: what that costs is none of the target's. */
struct request {
        char *text;
        size_t size;
};

struct connection {
        int fd;
        struct bench_alert *alert; /* NULL: idle */
        size_t size;
        char in[ANSWER_SIZE];
};

struct sending {
        const struct target *target;
        const struct load *load;
        struct bench_alert *alerts;
        struct request *requests; /* of each */
        size_t count, next, answered;
        int epoll;
        int64_t due_us; /* monotonic: of the next alert */
        struct connection connections[CONNECTIONS_MAX];
};

/* Around the demo account's first prices, far enough from stop and target for a run. */
static const struct {
        const char *symbol, *price, *sl, *tp1, *tp2;
} charts[BENCH_SYMBOLS] = {
        { "EURUSD", "1.085", "1.082", "1.09", "1.093" },
        { "GBPUSD", "1.27", "1.267", "1.275", "1.278" },
        { "AUDUSD", "0.66", "0.657", "0.665", "0.668" },
        { "NZDUSD", "0.605", "0.602", "0.61", "0.613" },
        { "USDCAD", "1.36", "1.357", "1.365", "1.368" },
        { "USDJPY", "150.0", "149.7", "150.5", "150.8" },
        { "EURJPY", "162.0", "161.7", "162.5", "162.8" },
        { "GBPJPY", "190.0", "189.7", "190.5", "190.8" },
        { "AUDJPY", "98.0", "97.7", "98.5", "98.8" },
        { "XAUUSD", "2650", "2647", "2655", "2658" },
};

static int write_body(char *body, size_t size, enum bench_kind kind, unsigned int number)
{
        size_t i = number % BENCH_SYMBOLS;

        if (kind == BENCH_PULSE)
                return snprintf(body, size,
                        "{\"type\":\"trend_pulse_v3\",\"signal_type\":\"Trend_Pulse\","
                        "\"symbol\":\"%s\",\"tf\":\"15\",\"price\":%s,"
                        "\"current_trends\":\"1,1,-1,1,0,1\",\"previous_trends\":\"1,1,1,1,0,1\","
                        "\"changed_timeframes\":\"5m\",\"market_trend\":1,\"id\":\"b-%u\"}",
                        charts[i].symbol, charts[i].price, number);
        if (kind == BENCH_EXIT)
                return snprintf(body, size,
                        "{\"type\":\"exit_v3\",\"signal_type\":\"Bullish_Exit\",\"symbol\":\"%s\","
                        "\"direction\":\"sell\",\"tf\":\"15\",\"price\":%s,"
                        "\"reason\":\"momentum_loss\",\"id\":\"b-%u\"}",
                        charts[i].symbol, charts[i].price, number);
        return snprintf(body, size,
                "{\"type\":\"entry_v3\",\"signal_type\":\"Momentum_Breakout\",\"symbol\":\"%s\","
                "\"direction\":\"buy\",\"tf\":\"15\",\"price\":%s,\"consensus_score\":7,"
                "\"sl_price\":%s,\"tp1_price\":%s,\"tp2_price\":%s,\"position_multiplier\":0.2,"
                "\"mtf_trends\":\"1,1,1,0,-1\",\"volume_delta_ratio\":1.25,\"price_in_ob\":true,"
                "\"message\":\"an alert as charts send them, with some words for people in it\","
                "\"id\":\"b-%u\"}",
                charts[i].symbol, charts[i].price, charts[i].sl, charts[i].tp1, charts[i].tp2,
                number);
}

static void make_requests(struct sending *s)
{
        char body[REQUEST_SIZE];

        s->requests = bus_new_n(struct request, s->count);
        for (size_t i = 0; i < s->count; i++) {
                int size = write_body(
                        body, sizeof(body), s->load->kind, s->load->first + (unsigned int)i);

                s->requests[i].text = bus_xasprintf(
                        "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                        "Content-Length: %d\r\n\r\n%s",
                        s->target->path, size, body);
                s->requests[i].size = strlen(s->requests[i].text);
        }
}

static void free_requests(struct sending *s)
{
        for (size_t i = 0; i < s->count; i++)
                free(s->requests[i].text);
        free(s->requests);
}

static int send_alert(struct sending *s, struct connection *connection)
{
        const struct request *request = &s->requests[s->next];

        connection->alert = &s->alerts[s->next++];
        connection->size = 0;
        connection->alert->sent_us = bus_wall_us();
        return send(connection->fd, request->text, request->size, MSG_NOSIGNAL) ==
                               (ssize_t)request->size
                       ? 0
                       : -EPIPE;
}

/* The body of a whole answer in IN, or NULL as long as some of it is missing. */
static const char *answer_body(const char *in, size_t size)
{
        const char *end = strstr(in, "\r\n\r\n"), *length;

        if (!end)
                return NULL;
        length = strcasestr(in, "content-length:");
        if (!length || length > end)
                return NULL;
        end += 4;
        return (size_t)(end - in) + strtoul(length + strlen("content-length:"), NULL, 10) <= size
                       ? end
                       : NULL;
}

static int on_readable(struct sending *s, struct connection *connection)
{
        ssize_t n = recv(connection->fd, connection->in + connection->size,
                ANSWER_SIZE - 1 - connection->size, 0);
        const char *body;

        if (n <= 0 || !connection->alert)
                return -EPIPE;
        connection->size += (size_t)n;
        connection->in[connection->size] = 0;
        body = answer_body(connection->in, connection->size);
        if (!body)
                return connection->size + 1 < ANSWER_SIZE ? 0 : -EMSGSIZE;
        if (strncmp(connection->in, "HTTP/1.1 200", 12) != 0) {
                fprintf(stderr, "bench: %s answers %.300s\n", s->target->name, connection->in);
                return -EBADMSG;
        }
        connection->alert->answered_us = bus_wall_us();
        snprintf(connection->alert->answer, BENCH_ANSWER_SIZE, "%s", body);
        connection->alert = NULL;
        s->answered++;
        return 0;
}

static int connect_to(uint16_t port)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                .sin_port = htons(port),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, r;

        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0)
                return fd;
        r = -errno;
        if (fd >= 0)
                close(fd);
        return r;
}

static int connect_all(struct sending *s)
{
        for (unsigned int i = 0; i < s->load->connections; i++) {
                struct connection *connection = &s->connections[i];
                struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };

                connection->fd = connect_to(s->target->port);
                if (connection->fd < 0)
                        return connection->fd;
                if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
                        return -errno;
        }
        return 0;
}

/* Sleeps until the next alert is due; a late one goes at once. */
static void wait_due(struct sending *s)
{
        struct timespec until = { .tv_sec = s->due_us / BUS_US_PER_SEC,
                .tv_nsec = s->due_us % BUS_US_PER_SEC * 1000 };

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
                ;
        s->due_us += s->load->period_us;
}

static int send_more(struct sending *s)
{
        int r = 0;

        for (unsigned int i = 0; !r && i < s->load->connections && s->next < s->count; i++) {
                if (s->connections[i].alert)
                        continue;
                if (s->load->period_us)
                        wait_due(s);
                r = send_alert(s, &s->connections[i]);
        }
        return r;
}

static int turn(struct sending *s)
{
        struct epoll_event events[CONNECTIONS_MAX];
        int n, r;

        r = send_more(s);
        if (r < 0)
                return r;
        n = epoll_wait(s->epoll, events, CONNECTIONS_MAX, ANSWER_WAIT_MS);
        if (n <= 0)
                return n < 0 ? -errno : -ETIMEDOUT;
        for (int i = 0; !r && i < n; i++)
                r = on_readable(s, events[i].data.ptr);
        return r;
}

int load_run(const struct target *target, const struct load *load, struct bench_alert *alerts,
        size_t count)
{
        struct sending s = { .target = target,
                .load = load,
                .alerts = alerts,
                .count = count,
                .epoll = epoll_create1(EPOLL_CLOEXEC) };
        int r;

        bus_require(load->connections <= CONNECTIONS_MAX);
        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
                s.connections[i].fd = -1;
        make_requests(&s);
        bus_processor_leave(0);
        r = s.epoll < 0 ? -errno : connect_all(&s);
        s.due_us = bus_mono_us();
        while (!r && s.answered < count)
                r = turn(&s);
        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
                if (s.connections[i].fd >= 0)
                        close(s.connections[i].fd);
        if (s.epoll >= 0)
                close(s.epoll);
        bus_processor_any(0);
        free_requests(&s);
        return r;
}
