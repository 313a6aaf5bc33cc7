#include "services/mt5-demo/test_rig.h"

#include "libbus/base/clock.h"
#include "libbus/base/e8.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "services/mt5-demo/ctl.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <zmq.h>

#define SECRET "between us"

/* How long one look at the socket may take, so that heartbeats go out in time. */
#define LOOK_US (INT64_C(250) * BUS_US_PER_MS)

struct rig *rig_new(void)
{
        struct rig *rig = bus_new(struct rig);
        char path[128];

        cr_assert_eq(bus_hash_init(), 0);
        snprintf(rig->folder, sizeof(rig->folder), "/tmp/mt5-test-XXXXXX");
        cr_assert_not_null(mkdtemp(rig->folder));
        snprintf(rig->endpoint, sizeof(rig->endpoint), "ipc://%s/broker", rig->folder);
        snprintf(rig->control, sizeof(rig->control), "ipc://%s/control", rig->folder);
        snprintf(path, sizeof(path), "%s/secret", rig->folder);
        cr_assert_eq(bus_file_replace(path, 0600, bus_bytes_str(SECRET "\n")), 0);
        rig->secret = SECRET;
        rig->token = 1;
        rig->zmq = zmq_ctx_new();
        rig_bind(rig);
        return rig;
}

struct rig *rig_free(struct rig *rig)
{
        BUS_AUTOFREE char *command = NULL;

        if (!rig)
                return NULL;
        if (rig->pid)
                rig_kill(rig, SIGKILL);
        rig_forget(rig);
        rig_unbind(rig);
        zmq_ctx_term(rig->zmq);
        command = bus_xasprintf("rm -rf %s", rig->folder);
        cr_expect_eq(system(command), 0);
        free(rig);
        return NULL;
}

void rig_bind(struct rig *rig)
{
        int zero = 0, mandatory = 1;

        rig->router = zmq_socket(rig->zmq, ZMQ_ROUTER);
        cr_assert_not_null(rig->router);
        zmq_setsockopt(rig->router, ZMQ_LINGER, &zero, sizeof(zero));
        zmq_setsockopt(rig->router, ZMQ_ROUTER_MANDATORY, &mandatory, sizeof(mandatory));
        cr_assert_eq(zmq_bind(rig->router, rig->endpoint), 0);
}

void rig_unbind(struct rig *rig)
{
        if (rig->router)
                zmq_close(rig->router);
        rig->router = NULL;
        rig->peer_size = 0;
        rig->proved = false;
}

static void run_child(struct rig *rig)
{
        const char *args[64] = { MT5_DEMO };
        char *own[] = {
                bus_xasprintf("mt5-demo.connect=%s", rig->endpoint),
                bus_xasprintf("mt5-demo.control=%s", rig->control),
                bus_xasprintf("mt5-demo.state=%s/state", rig->folder),
                bus_xasprintf("mt5-demo.secret_file=%s/secret", rig->folder),
                bus_xasprintf("mt5-demo.curve=no"), /* the keys are tests/executor's business */
                bus_xasprintf("mt5-demo.redial=10ms"),
                bus_xasprintf("mt5-demo.cut_pause=20ms"),
                bus_xasprintf("mt5-demo.recovery=0"),
                bus_xasprintf("mt5-demo.volatility=0"),
        };
        size_t n = 1;

        for (size_t i = 0; i < BUS_COUNT(own); i++) {
                args[n++] = "--set";
                args[n++] = own[i];
        }
        for (size_t i = 0; rig->sets[i]; i++) {
                args[n++] = "--set";
                args[n++] = rig->sets[i];
        }
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execv(MT5_DEMO, (char *const *)(uintptr_t)args);
        _exit(127);
}

void rig_start(struct rig *rig)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/log", rig->folder);
        int log;

        cr_assert_eq(rig->pid, 0);
        rig->pid = fork();
        cr_assert_geq(rig->pid, 0);
        if (rig->pid)
                return;
        log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        dup2(log, STDERR_FILENO);
        run_child(rig);
}

int rig_wait_exit(struct rig *rig)
{
        int status = 0;

        while (waitpid(rig->pid, &status, 0) < 0)
                cr_assert_eq(errno, EINTR);
        rig->pid = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void rig_kill(struct rig *rig, int signal)
{
        kill(rig->pid, signal);
        (void)rig_wait_exit(rig);
}

/* ---- messages ---- */

void rig_send(struct rig *rig, Pb__BrokerMessage *message)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;

        broker_pack(message, &buf);
        /* a peer that hung up just now is the test's business, not this function's */
        if (zmq_send(rig->router, rig->peer, rig->peer_size, ZMQ_SNDMORE) < 0)
                return;
        cr_assert_geq(zmq_send(rig->router, buf.data, buf.size, 0), 0);
}

void rig_send_bytes(struct rig *rig, struct bus_bytes frame)
{
        cr_assert_geq(zmq_send(rig->router, rig->peer, rig->peer_size, ZMQ_SNDMORE), 0);
        cr_assert_geq(zmq_send(rig->router, frame.data, frame.size, 0), 0);
}

static void take_hello(struct rig *rig, const Pb__Hello *hello, zmq_msg_t *peer)
{
        rig->proved = false;
        rig->peer_size = zmq_msg_size(peer);
        cr_assert_leq(rig->peer_size, sizeof(rig->peer));
        memcpy(rig->peer, zmq_msg_data(peer), rig->peer_size);
        memcpy(rig->terminal_nonce, hello->nonce.data, BROKER_NONCE_BYTES);
        snprintf(rig->terminal_id, sizeof(rig->terminal_id), "%s", hello->terminal_id);
        rig->hello_token = hello->highest_token;
}

static void keep(struct rig *rig, Pb__BrokerMessage *message, zmq_msg_t *peer)
{
        if (message->kind == PB__BROKER_KIND__BROKER_KIND_HELLO)
                take_hello(rig, message->hello, peer);
        cr_assert_lt(rig->kept_count, RIG_KEPT_MAX);
        rig->kept[rig->kept_count++] = message;
}

static void beat(struct rig *rig)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__LinkHeartbeat heartbeat = PB__LINK_HEARTBEAT__INIT;

        if (!rig->proved || rig->silent || bus_mono_us() - rig->beat_us < BUS_US_PER_SEC / 2)
                return;
        rig->beat_us = bus_mono_us();
        heartbeat.at_us = bus_wall_us();
        message.kind = PB__BROKER_KIND__BROKER_KIND_HEARTBEAT;
        message.heartbeat = &heartbeat;
        rig_send(rig, &message);
}

/* Reads one message; false if there is none within WAIT_US, or LOOK_US if that is less. */
static bool read_one(struct rig *rig, int64_t wait_us)
{
        zmq_pollitem_t item = { .socket = rig->router, .events = ZMQ_POLLIN };
        Pb__BrokerMessage *message = NULL;
        zmq_msg_t peer, body;
        const char *why = "";

        beat(rig);
        if (wait_us > LOOK_US)
                wait_us = LOOK_US;
        if (zmq_poll(&item, 1, wait_us < 0 ? 0 : (long)(wait_us / 1000)) <= 0)
                return false;
        zmq_msg_init(&peer);
        zmq_msg_init(&body);
        cr_assert_geq(zmq_msg_recv(&peer, rig->router, 0), 0);
        cr_assert_geq(zmq_msg_recv(&body, rig->router, 0), 0);
        cr_assert_eq(broker_unpack(bus_bytes(zmq_msg_data(&body), zmq_msg_size(&body)),
                             BROKER_FRAME_MAX_BYTES, &message, &why),
                0, "the terminal sent: %s", why);
        keep(rig, message, &peer);
        zmq_msg_close(&peer);
        zmq_msg_close(&body);
        return true;
}

static Pb__BrokerMessage *take_kept(struct rig *rig, Pb__BrokerKind kind)
{
        for (size_t i = 0; i < rig->kept_count; i++) {
                Pb__BrokerMessage *message = rig->kept[i];

                if (message->kind != kind)
                        continue;
                rig->kept_count--;
                memmove(&rig->kept[i], &rig->kept[i + 1],
                        (rig->kept_count - i) * sizeof(rig->kept[0]));
                return message;
        }
        return NULL;
}

Pb__BrokerMessage *rig_poll(struct rig *rig, Pb__BrokerKind kind, int64_t wait_us)
{
        int64_t end = bus_mono_us() + wait_us;
        Pb__BrokerMessage *message;

        while (!(message = take_kept(rig, kind)))
                if (!read_one(rig, end - bus_mono_us()) && bus_mono_us() >= end)
                        return NULL;
        return message;
}

Pb__BrokerMessage *rig_wait(struct rig *rig, Pb__BrokerKind kind)
{
        Pb__BrokerMessage *message = rig_poll(rig, kind, RIG_WAIT_US);

        cr_assert_not_null(message, "no %s came", broker_kind_name(kind));
        return message;
}

void rig_forget(struct rig *rig)
{
        for (size_t i = 0; i < rig->kept_count; i++)
                broker_message_free(rig->kept[i]);
        rig->kept_count = 0;
}

/* ---- the handshake ---- */

Pb__BrokerMessage *rig_wait_hello(struct rig *rig)
{
        return rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_HELLO);
}

void rig_welcome(struct rig *rig, bool accepted)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Welcome welcome = PB__WELCOME__INIT;
        uint8_t proof[BUS_SHA256_SIZE];

        bus_random(rig->nonce, sizeof(rig->nonce));
        broker_proof(BROKER_ROLE_EXECUTOR, bus_bytes_str(rig->secret), rig->terminal_nonce,
                rig->nonce, rig->terminal_id, proof);
        welcome.accepted = accepted;
        welcome.refusal = (char *)(uintptr_t)(accepted ? "" : "not wanted");
        welcome.executor_token = rig->token;
        welcome.nonce.data = rig->nonce;
        welcome.nonce.len = sizeof(rig->nonce);
        welcome.proof.data = proof;
        welcome.proof.len = sizeof(proof);
        message.kind = PB__BROKER_KIND__BROKER_KIND_WELCOME;
        message.welcome = &welcome;
        rig_send(rig, &message);
}

void rig_handshake(struct rig *rig)
{
        broker_message_free(rig_wait_hello(rig));
        rig_answer_hello(rig);
}

void rig_answer_hello(struct rig *rig)
{
        BROKER_AUTOFREE Pb__BrokerMessage *proof = NULL;

        rig_welcome(rig, true);
        proof = rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_PROOF);
        rig->proved = true;
        cr_assert(broker_proof_holds(bus_bytes(proof->proof->proof.data, proof->proof->proof.len),
                BROKER_ROLE_TERMINAL, bus_bytes_str(rig->secret), rig->terminal_nonce, rig->nonce,
                rig->terminal_id));
}

struct rig *rig_up(void)
{
        struct rig *rig = rig_new();

        rig_start(rig);
        rig_handshake(rig);
        return rig;
}

/* ---- orders ---- */

Pb__Submit rig_order(const char *cl_ord_id, uint32_t attempt)
{
        Pb__Submit submit = PB__SUBMIT__INIT;

        submit.cl_ord_id = submit.comment = (char *)(uintptr_t)cl_ord_id;
        submit.attempt = attempt;
        submit.action = PB__ACTION__ACTION_OPEN;
        submit.symbol = (char *)(uintptr_t) "EURUSD";
        submit.side = PB__SIDE__SIDE_BUY;
        submit.volume_e8 = E8_ONE / 10;
        submit.magic = 77;
        submit.filling = PB__FILLING__FILLING_IOC;
        return submit;
}

void rig_submit(struct rig *rig, const Pb__Submit *submit)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Submit copy = *submit;

        if (!copy.executor_token)
                copy.executor_token = rig->token;
        message.kind = PB__BROKER_KIND__BROKER_KIND_SUBMIT;
        message.submit = &copy;
        rig_send(rig, &message);
}

Pb__BrokerMessage *rig_trade(struct rig *rig, const Pb__Submit *submit)
{
        Pb__BrokerMessage *message;

        rig_submit(rig, submit);
        message = rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_REPORT);
        cr_assert_str_eq(message->report->cl_ord_id, submit->cl_ord_id);
        cr_assert_eq(message->report->attempt, submit->attempt);
        return message;
}

uint64_t rig_open(struct rig *rig, const char *cl_ord_id)
{
        const Pb__Submit order = rig_order(cl_ord_id, 1);
        BROKER_AUTOFREE Pb__BrokerMessage *report = rig_trade(rig, &order);

        cr_assert_eq(report->report->retcode, RETCODE_DONE);
        return report->report->position;
}

void rig_query(struct rig *rig, const char *cl_ord_id, uint32_t attempt)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Query query = PB__QUERY__INIT;

        query.cl_ord_id = (char *)(uintptr_t)cl_ord_id;
        query.attempt = attempt;
        query.executor_token = rig->token;
        message.kind = PB__BROKER_KIND__BROKER_KIND_QUERY;
        message.query = &query;
        rig_send(rig, &message);
}

Pb__BrokerMessage *rig_ask(struct rig *rig, const char *cl_ord_id, uint32_t attempt)
{
        Pb__BrokerMessage *message;

        rig_query(rig, cl_ord_id, attempt);
        message = rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_QUERY_ANSWER);
        cr_assert_str_eq(message->query_answer->cl_ord_id, cl_ord_id);
        cr_assert_eq(message->query_answer->attempt, attempt);
        return message;
}

Pb__BrokerMessage *rig_snapshot(struct rig *rig, int64_t since_us)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__SnapshotRequest request = PB__SNAPSHOT_REQUEST__INIT;

        request.request_id = 5;
        request.deals_since_us = since_us;
        message.kind = PB__BROKER_KIND__BROKER_KIND_SNAPSHOT_REQUEST;
        message.snapshot_request = &request;
        rig_send(rig, &message);
        return rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_SNAPSHOT);
}

/* ---- commands and the ledger ---- */

void rig_command(struct rig *rig, const char *format, ...)
{
        BUS_AUTOBUF struct bus_buf reply = BUS_BUF_INIT;
        BUS_AUTOFREE char *command = NULL;
        va_list arguments;
        int r;

        va_start(arguments, format);
        cr_assert_geq(vasprintf(&command, format, arguments), 0);
        va_end(arguments);
        beat(rig);
        r = ctl_command(rig->control, command, RIG_WAIT_US, &reply);
        cr_assert_eq(r, 0, "%s: %s (%d)", command, bus_buf_str(&reply), r);
}

json_t *rig_show(struct rig *rig, const char *command)
{
        BUS_AUTOBUF struct bus_buf reply = BUS_BUF_INIT;
        json_t *json;

        cr_assert_eq(ctl_command(rig->control, command, RIG_WAIT_US, &reply), 0);
        json = json_loads(bus_buf_str(&reply), 0, NULL);
        cr_assert_not_null(json, "%s: %s", command, bus_buf_str(&reply));
        return json;
}

void rig_ledger(struct rig *rig, struct bus_buf *ret_text)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/state/ledger.jsonl", rig->folder);

        cr_assert_eq(bus_file_read(path, 1 << 26, ret_text), 0);
}

/* The ledger's lines are compact and their names of events and ids plain: text is enough. */
static bool line_is(const char *line, const char *event, const char *cl_ord_id)
{
        char text[64];

        snprintf(text, sizeof(text), "\"event\":\"%s\"", event);
        if (!strstr(line, text))
                return false;
        if (!cl_ord_id)
                return true;
        snprintf(text, sizeof(text), "\"cl_ord_id\":\"%s\"", cl_ord_id);
        return strstr(line, text);
}

size_t rig_count(struct rig *rig, const char *event, const char *cl_ord_id)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        char *rest = NULL;
        size_t n = 0;

        rig_ledger(rig, &text);
        bus_buf_add(&text, "", 1);
        for (char *line = strtok_r((char *)text.data, "\n", &rest); line;
                line = strtok_r(NULL, "\n", &rest))
                n += line_is(line, event, cl_ord_id);
        return n;
}
