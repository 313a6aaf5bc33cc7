/*
 * The Bot API client against a server that says what it is told to, byte by byte: each fault there is,
 * over HTTP/1.1, and over HTTP/2 through nghttpx where that is installed.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "services/telegram/bot.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOKEN       "4711:very-secret"
#define PATIENCE_US (20 * BUS_US_PER_SEC)
#define REQUEST_MAX 65536

/* ---- the server: one connection at a time, one answer a request ---- */

enum manner {
        SAY,   /* ANSWER, and go on */
        HANG,  /* ANSWER, and then nothing */
        CLOSE, /* ANSWER, and hang up */
        RESET, /* ANSWER, and reset the connection */
        DRIP,  /* a byte of ANSWER every 20 ms */
        FLOOD, /* ANSWER, and then blanks without end */
};

struct server {
        int fd;
        uint16_t port;
        pthread_t thread;
        pthread_mutex_t lock;
        enum manner manner;
        const char *answer;
        char request[REQUEST_MAX]; /* the last one */
        size_t requests;
};

static size_t content_length(const char *request)
{
        const char *at = strcasestr(request, "\r\ncontent-length:");

        return at ? strtoul(at + strlen("\r\ncontent-length:"), NULL, 10) : 0;
}

/* False: the connection has ended. */
static bool read_request(int fd, char *request)
{
        size_t size = 0;
        char *body;

        for (;;) {
                ssize_t n = recv(fd, request + size, REQUEST_MAX - 1 - size, 0);

                if (n <= 0)
                        return false;
                size += (size_t)n;
                request[size] = 0;
                if (strcasestr(request, "\r\nexpect: 100-continue"))
                        (void)!send(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL);
                body = memmem(request, size, "\r\n\r\n", 4);
                if (body && size >= (size_t)(body + 4 - request) + content_length(request))
                        return true;
        }
}

static void drip(int fd, const char *text)
{
        for (; *text && send(fd, text, 1, MSG_NOSIGNAL) == 1; text++)
                usleep(20000);
}

static void flood(int fd)
{
        static char blanks[65536];

        memset(blanks, ' ', sizeof(blanks));
        while (send(fd, blanks, sizeof(blanks), MSG_NOSIGNAL) > 0)
                continue;
}

/* False: the connection is at its end. */
static bool answer_one(struct server *server, int fd)
{
        const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
        char request[REQUEST_MAX], nothing;
        BUS_AUTOFREE char *answer = NULL;
        enum manner manner;

        if (!read_request(fd, request))
                return false;
        pthread_mutex_lock(&server->lock);
        memcpy(server->request, request, sizeof(request));
        server->requests++;
        manner = server->manner;
        answer = bus_xstrdup(server->answer);
        pthread_mutex_unlock(&server->lock);
        if (manner == DRIP)
                drip(fd, answer);
        else
                (void)!send(fd, answer, strlen(answer), MSG_NOSIGNAL);
        if (manner == HANG)
                (void)!recv(fd, &nothing, 1, 0);
        if (manner == FLOOD)
                flood(fd);
        if (manner == RESET)
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        return manner == SAY;
}

struct connection {
        struct server *server;
        int fd;
};

static void *serve_one(void *arg)
{
        struct connection *connection = arg;

        while (answer_one(connection->server, connection->fd))
                continue;
        close(connection->fd);
        free(connection);
        return NULL;
}

static void *serve(void *arg)
{
        struct server *server = arg;
        int fd;

        while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
                struct connection *connection = bus_new(struct connection);
                pthread_t thread;

                *connection = (struct connection){ server, fd };
                pthread_create(&thread, NULL, serve_one, connection);
                pthread_detach(thread);
        }
        return NULL;
}

static void server_start(struct server *server)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);

        pthread_mutex_init(&server->lock, NULL);
        server->answer = "";
        server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_eq(bind(server->fd, (struct sockaddr *)&address, size), 0);
        cr_assert_eq(listen(server->fd, 16), 0);
        getsockname(server->fd, (struct sockaddr *)&address, &size);
        server->port = ntohs(address.sin_port);
        pthread_create(&server->thread, NULL, serve, server);
}

static void server_stop(struct server *server)
{
        shutdown(server->fd, SHUT_RDWR);
        pthread_join(server->thread, NULL);
        close(server->fd);
}

static void server_say(struct server *server, enum manner manner, const char *answer)
{
        pthread_mutex_lock(&server->lock);
        server->manner = manner;
        server->answer = answer;
        pthread_mutex_unlock(&server->lock);
}

/* ---- the client ---- */

static struct server server;
static struct bus_loop *loop;
static struct tg_wire *wire;
static char base[64];

struct heard {
        size_t count;
        enum tg_outcome outcome;
        long status;
        int retry_after_s;
        char problem[512];
        int64_t result;
        int error;
        bool is_http2;
};

static void on_bot(void *arg, const struct tg_answer *answer)
{
        struct heard *heard = arg;

        heard->count++;
        heard->outcome = answer->outcome;
        heard->status = answer->status;
        heard->retry_after_s = answer->retry_after_s;
        heard->result = json_integer_value(answer->result);
        snprintf(heard->problem, sizeof(heard->problem), "%s", answer->problem);
}

static void on_wire(void *arg, const struct tg_wire_answer *answer)
{
        struct heard *heard = arg;

        heard->count++;
        heard->error = answer->error;
        heard->status = answer->status;
        heard->is_http2 = answer->is_http2;
        snprintf(heard->problem, sizeof(heard->problem), "%s", answer->problem);
}

/* NOLINTNEXTLINE(readability-function-size): Criterion's macros */
static void wait_for(const struct heard *heard)
{
        int64_t deadline_us = bus_mono_us() + PATIENCE_US;

        while (!heard->count && bus_mono_us() < deadline_us)
                cr_assert_geq(bus_loop_turn(loop, 20 * BUS_US_PER_MS), 0);
        cr_assert_eq(heard->count, 1, "answered %zu times", heard->count);
        cr_assert_null(strstr(heard->problem, "very-secret"), "%s", heard->problem);
        cr_assert_null(strstr(heard->problem, "/bot"), "%s", heard->problem);
}

static void set_up(void)
{
        cr_assert_eq(bus_hash_init(), 0);
        server_start(&server);
        loop = bus_loop_new();
        wire = tg_wire_new(loop, "");
        snprintf(base, sizeof(base), "http://127.0.0.1:%u", server.port);
}

static void tear_down(void)
{
        tg_wire_free(wire);
        bus_loop_free(loop);
        server_stop(&server);
}

TestSuite(telegram_bot, .init = set_up, .fini = tear_down, .timeout = 120);

/* ---- every answer ---- */

#define JSON_OF(code, description) \
        "{\"ok\":false,\"error_code\":" code ",\"description\":\"" description "\"}"

struct fault {
        const char *name, *status_line;
        const char *body;
        enum tg_outcome outcome;
        long status;
        int retry_after_s;
};

#define TOO_MANY "429 Too Many Requests"
#define RETRY(value)                                                                             \
        "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests\",\"parameters\":" \
        "{\"retry_after\":" value "}}"

static const struct fault faults[] = {
        { "all is well", "200 OK", "{\"ok\":true,\"result\":7}", TG_DONE, 200, 0 },
        { "429", TOO_MANY, RETRY("7"), TG_SLOW_DOWN, 429, 7 },
        { "429 for ages", TOO_MANY, RETRY("99999999999"), TG_SLOW_DOWN, 429, TG_RETRY_AFTER_MAX_S },
        { "429 for less than nothing", TOO_MANY, RETRY("-4"), TG_SLOW_DOWN, 429, 1 },
        { "429 in words", TOO_MANY, RETRY("\"soon\""), TG_SLOW_DOWN, 429, 1 },
        { "429 of a proxy", TOO_MANY, "slow down", TG_SLOW_DOWN, 429, 1 },
        { "429 in the body alone", "200 OK", RETRY("3"), TG_SLOW_DOWN, 429, 3 },
        { "409", "409 Conflict", JSON_OF("409", "Conflict: terminated by other getUpdates request"),
                TG_CONFLICT, 409, 0 },
        { "401", "401 Unauthorized", JSON_OF("401", "Unauthorized"), TG_BAD_TOKEN, 401, 0 },
        { "404", "404 Not Found", JSON_OF("404", "Not Found"), TG_BAD_TOKEN, 404, 0 },
        { "markup", "400 Bad Request",
                JSON_OF("400", "Bad Request: can't parse entities: Unsupported start tag"),
                TG_MARKUP, 400, 0 },
        { "400", "400 Bad Request", JSON_OF("400", "Bad Request: chat not found"), TG_REFUSED, 400,
                0 },
        { "403", "403 Forbidden", JSON_OF("403", "Forbidden: bot was blocked by the user"),
                TG_REFUSED, 403, 0 },
        { "413", "413 Request Entity Too Large", "<html>", TG_REFUSED, 413, 0 },
        { "its token said back", "400 Bad Request", JSON_OF("400", "no " TOKEN), TG_REFUSED, 400,
                0 },
        { "500", "500 Internal Server Error", JSON_OF("500", "Internal Server Error"),
                TG_UNREACHABLE, 500, 0 },
        { "502 of a proxy", "502 Bad Gateway", "<html><body>Bad Gateway</body></html>",
                TG_UNREACHABLE, 502, 0 },
        { "a redirect", "302 Found", "", TG_UNREACHABLE, 302, 0 },
        { "nothing", "200 OK", "", TG_UNREACHABLE, 200, 0 },
        { "half a document", "200 OK", "{\"ok\":tru", TG_UNREACHABLE, 200, 0 },
        { "a list", "200 OK", "[{\"ok\":true}]", TG_UNREACHABLE, 200, 0 },
        { "twice the same key", "200 OK", "{\"ok\":true,\"ok\":false,\"result\":1}", TG_UNREACHABLE,
                200, 0 },
        { "no UTF-8", "200 OK", "{\"ok\":true,\"result\":\"\xff\xfe\"}", TG_UNREACHABLE, 200, 0 },
        { "ok that is no word", "200 OK", "{\"ok\":\"true\",\"result\":1}", TG_UNREACHABLE, 200,
                0 },
        { "a code out of this world", "200 OK", JSON_OF("4290000000000", "?"), TG_UNREACHABLE, 200,
                0 },
};

static char *with_head(const struct fault *fault)
{
        return bus_xasprintf("HTTP/1.1 %s\r\nContent-Type: application/json\r\nLocation: "
                             "http://127.0.0.1:1/\r\nContent-Length: %zu\r\n\r\n%s",
                fault->status_line, strlen(fault->body), fault->body);
}

/* NOLINTNEXTLINE(readability-function-size): Criterion's macros */
static void check_each(const char *api_base)
{
        struct tg_bot *bot = tg_bot_new(wire, api_base, TOKEN);

        for (size_t i = 0; i < BUS_COUNT(faults); i++) {
                const struct fault *fault = &faults[i];
                BUS_AUTOFREE char *answer = with_head(fault);
                struct heard heard = { 0 };

                server_say(&server, SAY, answer);
                tg_bot_call(bot, "getMe", json_object(), on_bot, &heard);
                wait_for(&heard);
                cr_expect_eq(heard.outcome, fault->outcome, "%s: %s (%s)", fault->name,
                        tg_outcome_name(heard.outcome), heard.problem);
                cr_expect_eq(heard.status, fault->status, "%s: %ld", fault->name, heard.status);
                cr_expect_eq(heard.retry_after_s, fault->retry_after_s, "%s: %d", fault->name,
                        heard.retry_after_s);
                cr_expect_eq(heard.result, fault->outcome == TG_DONE ? 7 : 0);
        }
        cr_expect_eq(server.requests, BUS_COUNT(faults), "each was asked once");
        tg_bot_free(bot);
}

Test(telegram_bot, knows_each_answer_for_what_it_is)
{
        check_each(base);
}

/* ---- answers that are none ---- */

static struct heard call(enum manner manner, const char *answer, int timeout_ms)
{
        BUS_AUTOFREE char *url = bus_xasprintf("%s/bot%s/getMe", base, TOKEN);
        struct heard heard = { 0 };

        server_say(&server, manner, answer);
        tg_wire_post(wire,
                &(struct tg_wire_post){
                        .url = url, .body = bus_bytes_str("{}"), .timeout_ms = timeout_ms },
                on_wire, &heard);
        wait_for(&heard);
        return heard;
}

Test(telegram_bot, takes_no_half_answer)
{
        const char *const half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok\":true,";

        cr_expect_eq(call(CLOSE, half, 10000).error, -EIO);
        cr_expect_eq(call(RESET, half, 10000).error, -EIO);
        cr_expect_eq(call(HANG, half, 300).error, -ETIMEDOUT);
        cr_expect_eq(call(CLOSE, "", 10000).error, -EIO);
        cr_expect_eq(call(RESET, "", 10000).error, -EIO);
        cr_expect_eq(call(CLOSE, "HTTP/1.1 2", 10000).error, -EIO);
        cr_expect_eq(call(CLOSE, "220 mail.example.com ESMTP\r\n", 10000).error, -EIO);
        cr_expect_eq(
                call(CLOSE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"ok\r\n",
                        10000)
                        .error,
                -EIO);
}

Test(telegram_bot, waits_no_longer_than_it_was_told)
{
        int64_t began_us = bus_mono_us();

        cr_expect_eq(call(HANG, "", 300).error, -ETIMEDOUT);
        cr_expect_eq(call(DRIP, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{             ", 300)
                             .error,
                -ETIMEDOUT);
        cr_expect_geq(bus_mono_us() - began_us, 600 * BUS_US_PER_MS);
        cr_expect_eq(call(DRIP, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 20000).error, 0);
}

Test(telegram_bot, takes_no_answer_without_an_end)
{
        struct heard heard =
                call(FLOOD, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{", 60000);

        cr_expect_eq(heard.error, -EMSGSIZE, "%d", heard.error);
        cr_expect_str_eq(heard.problem, "the answer is too long");
}

Test(telegram_bot, says_who_cannot_be_reached)
{
        struct tg_bot *nobody = tg_bot_new(wire, "http://127.0.0.1:1", TOKEN);
        struct tg_bot *odd = tg_bot_new(wire, "no address at all", TOKEN);
        struct heard heard = { 0 };

        tg_bot_call(nobody, "getMe", json_object(), on_bot, &heard);
        wait_for(&heard);
        cr_expect_eq(heard.outcome, TG_UNREACHABLE);
        cr_expect_eq(heard.status, 0);
        heard = (struct heard){ 0 };
        tg_bot_call(odd, "getMe", json_object(), on_bot, &heard);
        wait_for(&heard);
        cr_expect_eq(heard.outcome, TG_UNREACHABLE);
        tg_bot_free(nobody);
        tg_bot_free(odd);
}

/* ---- what is asked ---- */

static void expect_in_request(const char *what)
{
        pthread_mutex_lock(&server.lock);
        cr_expect_not_null(strstr(server.request, what), "no %s in:\n%s", what, server.request);
        pthread_mutex_unlock(&server.lock);
}

static const char well[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{\"ok\":true,\"result\":7}\n";

Test(telegram_bot, asks_as_the_bot_api_wants_it)
{
        struct tg_bot *bot = tg_bot_new(wire, base, TOKEN);
        struct heard heard = { 0 };

        server_say(&server, SAY, well);
        tg_bot_call(bot, "sendMessage", json_pack("{s:i, s:s}", "chat_id", 5, "text", "a<b"),
                on_bot, &heard);
        wait_for(&heard);
        expect_in_request("POST /bot" TOKEN "/sendMessage HTTP/1.1\r\n");
        expect_in_request("Content-Type: application/json\r\n");
        expect_in_request("\r\n\r\n{\"chat_id\":5,\"text\":\"a<b\"}");

        heard = (struct heard){ 0 };
        tg_bot_poll(bot, 42, 100, on_bot, &heard);
        wait_for(&heard);
        expect_in_request("POST /bot" TOKEN "/getUpdates HTTP/1.1\r\n");
        expect_in_request("\"offset\":42");
        expect_in_request("\"timeout\":30");
        expect_in_request("\"allowed_updates\":[\"message\",\"callback_query\"]");

        heard = (struct heard){ 0 };
        tg_bot_photo(bot, -9, bus_bytes_str("\x89PNG..."), "<b>x</b>", on_bot, &heard);
        wait_for(&heard);
        expect_in_request("POST /bot" TOKEN "/sendPhoto HTTP/1.1\r\n");
        expect_in_request("Content-Type: multipart/form-data; boundary=");
        expect_in_request("name=\"chat_id\"\r\n\r\n-9\r\n");
        expect_in_request("name=\"parse_mode\"\r\n\r\nHTML\r\n");
        expect_in_request("name=\"caption\"\r\n\r\n<b>x</b>\r\n");
        expect_in_request(
                "name=\"photo\"; filename=\"picture.png\"\r\nContent-Type: image/png\r\n");
        tg_bot_free(bot);
}

Test(telegram_bot, a_poll_that_is_held_is_in_nobodys_way)
{
        struct tg_bot *bot = tg_bot_new(wire, base, TOKEN);
        struct heard polled = { 0 }, called = { 0 };
        int64_t deadline_us = bus_mono_us() + PATIENCE_US;

        server_say(&server, HANG, "");
        tg_bot_poll(bot, 0, 100, on_bot, &polled);
        while (!server.requests && bus_mono_us() < deadline_us)
                cr_assert_geq(bus_loop_turn(loop, 20 * BUS_US_PER_MS), 0);
        server_say(&server, SAY, well);
        tg_bot_call(bot, "getMe", json_object(), on_bot, &called);
        wait_for(&called);
        cr_expect_eq(called.outcome, TG_DONE);
        cr_expect_eq(polled.count, 0);
        cr_expect(tg_bot_polling(bot));
        tg_bot_stop_polling(bot);
        cr_expect_not(tg_bot_polling(bot));

        server_say(&server, HANG, ""); /* and what is freed in the middle says nothing */
        tg_bot_call(bot, "getMe", json_object(), on_bot, &polled);
        cr_assert_geq(bus_loop_turn(loop, 20 * BUS_US_PER_MS), 0);
        tg_bot_free(bot);
        cr_assert_geq(bus_loop_turn(loop, 20 * BUS_US_PER_MS), 0);
        cr_expect_eq(polled.count, 0);
}

/* ---- HTTP/2 ---- */

static bool can_run(const char *program)
{
        BUS_AUTOFREE char *command = bus_xasprintf("command -v %s >/dev/null", program);

        return system(command) == 0; /* NOLINT(cert-env33-c): of words of our own */
}

static uint16_t free_port(void)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
        getsockname(fd, (struct sockaddr *)&address, &size);
        close(fd);
        return ntohs(address.sin_port);
}

static pid_t start_proxy(const char *folder, uint16_t port)
{
        BUS_AUTOFREE char *back = bus_xasprintf("--backend=127.0.0.1,%u", server.port);
        BUS_AUTOFREE char *front = bus_xasprintf("--frontend=127.0.0.1,%u", port);
        BUS_AUTOFREE char *key = bus_xasprintf("%s/key.pem", folder);
        BUS_AUTOFREE char *certificate = bus_xasprintf("%s/certificate.pem", folder);
        pid_t pid = fork();

        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                execlp("nghttpx", "nghttpx", back, front, "--workers=1", "--conf=/dev/null",
                        "--errorlog-file=/dev/null", key, certificate, (char *)NULL);
                _exit(127);
        }
        return pid;
}

static void wait_for_proxy(const char *url)
{
        int64_t deadline_us = bus_mono_us() + PATIENCE_US;
        struct heard heard;

        server_say(&server, SAY, well);
        do {
                heard = (struct heard){ 0 };
                tg_wire_post(wire,
                        &(struct tg_wire_post){
                                .url = url, .body = bus_bytes_str("{}"), .timeout_ms = 2000 },
                        on_wire, &heard);
                wait_for(&heard);
        } while (heard.error && bus_mono_us() < deadline_us);
        cr_assert_eq(heard.error, 0, "%s", heard.problem);
        cr_assert(heard.is_http2, "it does not speak HTTP/2");
}

Test(telegram_bot, speaks_http_2_where_the_server_does)
{
        char folder[] = "/tmp/umbra-http2-XXXXXX";
        uint16_t port = free_port();
        BUS_AUTOFREE char *over = bus_xasprintf("https://localhost:%u", port);
        BUS_AUTOFREE char *url = bus_xasprintf("%s/bot%s/getMe", over, TOKEN);
        BUS_AUTOFREE char *command = NULL, *certificate = NULL, *away = NULL;
        pid_t proxy;

        if (!can_run("nghttpx") || !can_run("openssl"))
                cr_skip_test("without nghttpx and openssl");
        cr_assert_not_null(mkdtemp(folder));
        certificate = bus_xasprintf("%s/certificate.pem", folder);
        away = bus_xasprintf("rm -r %s", folder);
        command = bus_xasprintf(
                "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
                "-addext subjectAltName=DNS:localhost -keyout %s/key.pem -out %s "
                "2>/dev/null",
                folder, certificate);
        cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c): so is this */
        proxy = start_proxy(folder, port);

        tg_wire_free(wire);
        wire = tg_wire_new(loop, certificate);
        wait_for_proxy(url);
        server.requests = 0;
        check_each(over);

        /* the system's authorities have not signed it: then nothing is said at all */
        tg_wire_free(wire);
        wire = tg_wire_new(loop, "");
        server.requests = 0;
        {
                struct heard heard = { 0 };
                struct tg_bot *bot = tg_bot_new(wire, over, TOKEN);

                tg_bot_call(bot, "getMe", json_object(), on_bot, &heard);
                wait_for(&heard);
                cr_expect_eq(heard.outcome, TG_UNREACHABLE);
                cr_expect_eq(server.requests, 0);
                tg_bot_free(bot);
        }
        kill(proxy, SIGKILL);
        waitpid(proxy, NULL, 0);
        cr_expect_eq(system(away), 0); /* NOLINT(cert-env33-c): and this */
}
