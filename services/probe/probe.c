/*
 * umbra-probe HOST:PORT PATH: asks once by HTTP, for health checks in containers that have neither
 * a shell nor curl. Exit 0: it answered 200; 1: it did not; 2: it was not asked rightly. Needs
 * nothing but the C library.
 */
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define HOST_SIZE    256
#define REQUEST_SIZE 1024
#define LINE_SIZE    128
#define PATIENCE_S   2
#define STATUS_NO    1
#define STATUS_USAGE 2

static int usage(void)
{
        fputs("usage: umbra-probe HOST:PORT PATH\n"
              "\n"
              "example: umbra-probe 127.0.0.1:8001 /livez\n",
                stderr);
        return STATUS_USAGE;
}

static int dial_one(const struct addrinfo *at)
{
        const struct timeval patience = { .tv_sec = PATIENCE_S };
        int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);

        if (fd < 0)
                return -1;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
                return fd;
        close(fd);
        return -1;
}

static int dial(const char *host, const char *port)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
        struct addrinfo *found = NULL;
        int fd = -1;

        if (getaddrinfo(host, port, &hints, &found))
                return -1;
        for (const struct addrinfo *at = found; fd < 0 && at; at = at->ai_next)
                fd = dial_one(at);
        freeaddrinfo(found);
        return fd;
}

static bool send_all(int fd, const char *text)
{
        size_t sent = 0, size = strlen(text);

        while (sent < size) {
                ssize_t n = send(fd, text + sent, size - sent, MSG_NOSIGNAL);

                if (n <= 0)
                        return false;
                sent += (size_t)n;
        }
        return true;
}

/* The beginning of the answer, as far as its first line. */
static void read_line(int fd, char line[static LINE_SIZE])
{
        size_t size = 0;

        while (size + 1 < LINE_SIZE) {
                ssize_t n = recv(fd, line + size, LINE_SIZE - 1 - size, 0);

                if (n <= 0)
                        break;
                size += (size_t)n;
                if (memchr(line, '\n', size))
                        break;
        }
        line[size] = 0;
        line[strcspn(line, "\r\n")] = 0;
}

static int ask(const char *host, const char *port, const char *path)
{
        char request[REQUEST_SIZE], line[LINE_SIZE] = "";
        int n, fd, status = 0;

        n = snprintf(request, sizeof(request),
                "GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n", path, host, port);
        if (n < 0 || (size_t)n >= sizeof(request))
                return usage();
        fd = dial(host, port);
        if (fd < 0) {
                printf("%s:%s does not answer\n", host, port);
                return STATUS_NO;
        }
        if (send_all(fd, request))
                read_line(fd, line);
        close(fd);
        if (!strncmp(line, "HTTP/1.", 7) && strchr(line, ' '))
                status = (int)strtol(strchr(line, ' '), NULL, 10);
        printf("%s\n", *line ? line : "no answer");
        return status == 200 ? 0 : STATUS_NO;
}

int main(int argc, char **argv)
{
        char host[HOST_SIZE];
        const char *colon;

        if (argc != 3 || *argv[2] != '/')
                return usage();
        colon = strrchr(argv[1], ':');
        if (!colon || colon == argv[1] || !colon[1] || (size_t)(colon - argv[1]) >= sizeof(host))
                return usage();
        snprintf(host, sizeof(host), "%.*s", (int)(colon - argv[1]), argv[1]);
        return ask(host, colon + 1, argv[2]);
}
