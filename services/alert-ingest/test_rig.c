#include "services/alert-ingest/test_rig.h"

#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/bus/socket.h"
#include "libbus/store/store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <zmq.h>

#define LOG_MAX_BYTES ((size_t)16 << 20)

/* ---- the process ---- */

static void hash_hex(const char *token, char hex[static BUS_SHA256_HEX_SIZE])
{
        uint8_t hash[BUS_SHA256_SIZE];

        bus_sha256(bus_bytes_str(token), hash);
        bus_hex(bus_bytes(hash, sizeof(hash)), hex);
}

void rig_init(struct rig *rig, const char *extra)
{
        char tv[BUS_SHA256_HEX_SIZE], test[BUS_SHA256_HEX_SIZE];
        FILE *file;

        cr_assert_eq(bus_hash_init(), 0);
        *rig = (struct rig){ .folder = "/tmp/ingest-XXXXXX", .listen_fd = -1 };
        cr_assert(mkdtemp(rig->folder));
        snprintf(rig->config, sizeof(rig->config), "%s/umbra.ini", rig->folder);
        snprintf(rig->log, sizeof(rig->log), "%s/log", rig->folder);
        hash_hex("tok-tv", tv);
        hash_hex("tok-test", test);
        file = fopen(rig->config, "w");
        cr_assert(file);
        fprintf(file,
                "[bus]\nstate_dir = %s\n[source.tv]\ntoken_sha256 = %s\n"
                "[source.test]\ntoken_sha256 = %s\ntest = yes\n"
                "[alert-ingest]\nlisten = 127.0.0.1:0\n%s",
                rig->folder, tv, test, extra);
        fclose(file);
        snprintf(rig->keys, sizeof(rig->keys), "%s/keys", rig->folder);
        cr_assert_eq(bus_keys_make_all(rig->keys), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

void rig_done(struct rig *rig)
{
        if (rig->pid > 0)
                rig_stop(rig, SIGKILL);
        if (rig->listen_fd >= 0)
                close(rig->listen_fd);
        nftw(rig->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void become_ingest(const struct rig *rig)
{
        int log = open(rig->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        char pid[16];

        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
        dup2(log, STDERR_FILENO);
        if (rig->listen_fd >= 0) {
                dup2(rig->listen_fd, 3);
                snprintf(pid, sizeof(pid), "%d", (int)getpid());
                setenv("LISTEN_PID", pid, 1);
                setenv("LISTEN_FDS", "1", 1);
        }
        /* A test that limits the size of files means a full disk, not a signal. */
        signal(SIGXFSZ, SIG_IGN);
        execl(INGEST_BINARY, "alert-ingest", "--config", rig->config, (char *)NULL);
        _exit(127);
}

unsigned int rig_logged(const struct rig *rig, const char *text)
{
        BUS_AUTOBUF struct bus_buf log = BUS_BUF_INIT;
        unsigned int count = 0;

        if (bus_file_read(rig->log, LOG_MAX_BYTES, &log) < 0)
                return 0;
        for (const char *p = strstr(bus_buf_str(&log), text); p; p = strstr(p + 1, text))
                count++;
        return count;
}

static unsigned int port_in_log(const struct rig *rig)
{
        BUS_AUTOBUF struct bus_buf log = BUS_BUF_INIT;
        unsigned int port = 0;

        if (bus_file_read(rig->log, LOG_MAX_BYTES, &log) < 0)
                return 0;
        for (const char *p = bus_buf_str(&log); (p = strstr(p, " listening port=")); p++)
                port = (unsigned int)atoi(p + strlen(" listening port="));
        return port;
}

void rig_start(struct rig *rig)
{
        unsigned int before = rig_logged(rig, " alert-ingest ready pid=");

        rig->pid = fork();
        cr_assert_geq(rig->pid, 0);
        if (!rig->pid)
                become_ingest(rig);
        rig_wait_until(rig_logged(rig, " alert-ingest ready pid=") > before);
        rig->port = port_in_log(rig);
        cr_assert(rig->port);
}

int rig_stop(struct rig *rig, int signal)
{
        int64_t deadline_us = bus_mono_us() + RIG_PATIENCE_US;
        int status = 0;

        kill(rig->pid, signal);
        while (waitpid(rig->pid, &status, WNOHANG) != rig->pid) {
                if (bus_mono_us() > deadline_us)
                        kill(rig->pid, SIGKILL);
                usleep(1000);
        }
        rig->pid = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- clients ---- */

int rig_dial(const struct rig *rig)
{
        const struct sockaddr_in address = { .sin_family = AF_INET,
                .sin_port = htons((uint16_t)rig->port),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        const struct timeval patience = { .tv_sec = RIG_PATIENCE_US / BUS_US_PER_SEC };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        cr_assert_geq(fd, 0);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
                close(fd);
                return -1;
        }
        return fd;
}

void rig_send(int fd, const char *text)
{
        size_t size = strlen(text);

        while (size) {
                ssize_t n = send(fd, text, size, MSG_NOSIGNAL);

                if (n <= 0)
                        return; /* the answer, or its absence, will tell */
                text += n;
                size -= (size_t)n;
        }
}

static bool is_complete(const struct rig_answer *answer, size_t used)
{
        const char *end = strstr(answer->text, "\r\n\r\n");
        const char *length = strcasestr(answer->text, "\r\nContent-Length: ");

        if (!end || !length)
                return false;
        return used >= (size_t)(end + 4 - answer->text) +
                               (size_t)atoi(length + strlen("\r\nContent-Length: "));
}

void rig_receive(int fd, struct rig_answer *answer)
{
        size_t used = 0;
        const char *field;

        *answer = (struct rig_answer){ .body = "" };
        while (!is_complete(answer, used)) {
                ssize_t n = recv(fd, answer->text + used, sizeof(answer->text) - used - 1, 0);

                if (n <= 0)
                        break;
                used += (size_t)n;
        }
        if (sscanf(answer->text, "HTTP/1.1 %d", &answer->status) != 1)
                return;
        if (strstr(answer->text, "\r\n\r\n"))
                answer->body = strstr(answer->text, "\r\n\r\n") + 4;
        field = strstr(answer->body, "\"alert_id\":\"");
        if (field)
                sscanf(field, "\"alert_id\":\"%60[^\"]", answer->alert_id);
        field = strstr(answer->body, "\"seq\":");
        if (field)
                sscanf(field, "\"seq\":%llu", &answer->seq);
}

void rig_post_on(int fd, const char *token, const char *body)
{
        BUS_AUTOFREE char *request =
                bus_xasprintf("POST /webhook/%s HTTP/1.1\r\nHost: localhost\r\n"
                              "Content-Type: text/plain\r\n"
                              "Content-Length: %zu\r\n\r\n%s",
                        token, strlen(body), body);

        rig_send(fd, request);
}

struct rig_answer rig_post(const struct rig *rig, const char *token, const char *body)
{
        int64_t began_us = bus_mono_us();
        struct rig_answer answer;
        int fd = rig_dial(rig);

        cr_assert_geq(fd, 0);
        rig_post_on(fd, token, body);
        rig_receive(fd, &answer);
        close(fd);
        answer.took_us = bus_mono_us() - began_us;
        /* The copy returned has its body elsewhere: callers look for words in all of the text. */
        answer.body = NULL;
        return answer;
}

struct rig_answer rig_ask(const struct rig *rig, const char *request)
{
        struct rig_answer answer;
        int fd = rig_dial(rig);

        cr_assert_geq(fd, 0);
        rig_send(fd, request);
        rig_receive(fd, &answer);
        close(fd);
        answer.body = NULL;
        return answer;
}

/* ---- what it says of itself ---- */

Pb__Heartbeat *rig_heartbeat(const struct rig *rig)
{
        char endpoint[128];
        int patience_ms = RIG_PATIENCE_US / BUS_US_PER_MS, linger = 0;
        void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_SUB);
        struct bus_keys *keys;
        Pb__Heartbeat *beat;
        zmq_msg_t topic, body;
        char error[256];

        snprintf(endpoint, sizeof(endpoint), "ipc://%s/run/alert-ingest/pub", rig->folder);
        cr_assert_eq(zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "heartbeat.", 10), 0);
        cr_assert_eq(zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience_ms, sizeof(patience_ms)), 0);
        cr_assert_eq(zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger)), 0);
        cr_assert_eq(bus_keys_load(rig->keys, "health", &keys, error, sizeof(error)), 0);
        cr_assert_eq(bus_socket_trust(socket, keys, "alert-ingest"), 0);
        bus_keys_free(keys);
        cr_assert_eq(zmq_connect(socket, endpoint), 0);
        zmq_msg_init(&topic);
        zmq_msg_init(&body);
        cr_assert_gt(zmq_msg_recv(&topic, socket, 0), 0);
        cr_assert_gt(zmq_msg_recv(&body, socket, 0), 0);
        beat = pb__heartbeat__unpack(NULL, zmq_msg_size(&body), zmq_msg_data(&body));
        cr_assert(beat);
        zmq_msg_close(&topic);
        zmq_msg_close(&body);
        zmq_close(socket);
        zmq_ctx_term(context);
        return beat;
}

double rig_metric(const Pb__Heartbeat *beat, const char *name, const char *labels)
{
        for (size_t i = 0; i < beat->n_metrics; i++)
                if (!strcmp(beat->metrics[i]->name, name) &&
                        !strcmp(beat->metrics[i]->labels, labels))
                        return beat->metrics[i]->value;
        cr_assert(false, "no metric %s{%s}", name, labels);
        return 0;
}

struct finding {
        size_t left;
        Pb__Envelope *envelope;
};

static int take_record(const struct store_record *record, void *arg)
{
        struct finding *finding = arg;

        if (finding->left--)
                return 0;
        finding->envelope = pb__envelope__unpack(NULL, record->body.size, record->body.data);
        cr_assert(finding->envelope);
        return 1;
}

Pb__Envelope *rig_journal(const struct rig *rig, const char *kind, size_t n)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/alert-ingest/alert-ingest.db", rig->folder);
        BUS_AUTOFREE char *stream = bus_xasprintf("%s@alert-ingest", kind);
        const struct store_options options = { .engine = "sqlite", .path = path, .boot_id = "" };
        struct finding finding = { .left = n };
        struct store_stream stands;
        struct store *store;
        struct bus_pos after;
        char error[256] = "";

        cr_assert_eq(store_open(&options, &store, error, sizeof(error)), 0, "%s", error);
        cr_assert_eq(store_stream_open(store, stream, STORE_STREAM_FULL, &stands), 0);
        cr_assert_geq(
                store_read(store, stream, BUS_POS_ZERO, n + 1, take_record, &finding, &after), 0);
        store_free(store);
        return finding.envelope;
}
