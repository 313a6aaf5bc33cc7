/*
 * Keeps: while a freeze holds, nothing is read from the link, sent to it, or done with prices.
 */
#include "services/mt5-demo/demo_internal.h"

#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/keys.h"
#include "libbus/bus/socket.h"
#include "services/mt5-demo/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum {
        COMMAND_SIZE = 512,
        CSV_MAX_BYTES = 256 << 20,
        REPLY_LINGER_MS = 100, /* the answer to the last command before an exit */
};

/* What comes next for the desk, or the end of a fault, sets the timer; a freeze holds the link. */
void demo_refresh(struct demo *demo)
{
        int64_t at = bus_mono_us(), end = faults_next_end(&demo->desk.faults, at);
        int64_t due = demo_is_frozen(demo) ? INT64_MAX : desk_next_due(&demo->desk);

        link_hold(demo->link, demo_is_frozen(demo));
        if (end && end < due)
                due = end;
        bus_loop_set_timer(demo->step_timer, due == INT64_MAX ? -1 : due > at ? due - at : 0);
}

/* ---- timers and commands ---- */

static void on_tick(void *arg)
{
        struct demo *demo = arg;

        if (demo_is_frozen(demo) || !hours_open(&demo->options->desk.rules.hours, bus_wall_us()))
                return;
        feed_step(demo->feed);
        desk_prices_changed(&demo->desk, demo_now());
        demo_send_ticks(demo);
}

static void on_step(void *arg)
{
        struct demo *demo = arg;

        if (!demo_is_frozen(demo))
                desk_step(&demo->desk, demo_now());
        demo_refresh(demo);
}

static bool control_link_up(void *arg)
{
        struct demo *demo = arg;

        return link_is_up(demo->link);
}

static void control_prices_moved(void *arg)
{
        demo_send_ticks(arg);
}

static void answer_command(struct demo *demo, const char *command)
{
        const struct control control = {
                .desk = &demo->desk,
                .feed = demo->feed,
                .ledger_path = ledger_path(demo->ledger),
                .link_up = control_link_up,
                .cut = demo_cut,
                .prices_moved = control_prices_moved,
                .arg = demo,
        };
        BUS_AUTOBUF struct bus_buf reply = BUS_BUF_INIT;

        control_run(&control, command, demo_now(), &reply);
        demo_refresh(demo);
        if (!demo_is_frozen(demo))
                desk_step(&demo->desk, demo_now());
        (void)zmq_send(demo->control_socket, reply.data, reply.size, ZMQ_DONTWAIT);
}

static void on_command(void *arg)
{
        struct demo *demo = arg;
        char command[COMMAND_SIZE];
        int size;

        while ((size = zmq_recv(
                        demo->control_socket, command, sizeof(command) - 1, ZMQ_DONTWAIT)) >= 0) {
                if ((size_t)size >= sizeof(command))
                        size = 0; /* too long: answered as no command */
                command[size] = 0;
                answer_command(demo, command);
        }
}

static void on_signal(short revents, void *arg)
{
        struct demo *demo = arg;

        (void)revents;
        bus_loop_stop(demo->loop);
}

/* ---- start ---- */

static int on_replayed(const struct record *record, void *arg)
{
        struct demo *demo = arg;

        return desk_replay(&demo->desk, record);
}

/* The account as a line of text: a ledger must not be taken up by another account. */
static void describe(const struct identity *identity, char text[static TEXT_SIZE])
{
        snprintf(text, TEXT_SIZE, "login=%llu currency=%s mode=%s",
                (unsigned long long)identity->login, identity->currency,
                identity->netting ? "netting" : "hedging");
}

struct first_line {
        struct demo *demo;
        bool seen;
};

static int on_first(const struct record *record, void *arg)
{
        struct first_line *first = arg;
        char text[TEXT_SIZE];

        if (!first->seen) {
                first->seen = true;
                describe(&first->demo->options->identity, text);
                if (record->event != EVENT_ACCOUNT || strcmp(record->comment, text))
                        return -EBADMSG;
        }
        return on_replayed(record, first->demo);
}

/* Prices go on where the last deals left them. */
static void take_last_prices(struct demo *demo)
{
        for (size_t i = 0; i < demo->desk.account.deal_count; i++) {
                const struct deal *deal = &demo->desk.account.deals[i];
                int64_t spread = demo->options->specs.items[deal->symbol].spread_e8;

                feed_move(demo->feed, deal->symbol,
                        deal->side == SIDE_BUY ? deal->price_e8 - spread : deal->price_e8);
        }
}

static void open_account(struct demo *demo)
{
        struct record record = {
                .event = EVENT_ACCOUNT,
                .at_us = bus_wall_us(),
                .balance_cents = demo->options->balance_cents,
        };

        describe(&demo->options->identity, record.comment);
        demo_write(&record, 1, demo);
        bus_require(desk_replay(&demo->desk, &record) == 0);
}

static int open_ledger(struct demo *demo)
{
        struct first_line first = { .demo = demo };
        char error[LEDGER_ERROR_SIZE];
        size_t cut = 0;
        int r;

        r = ledger_open(demo->options->state, on_first, &first, &demo->ledger, &cut, error);
        if (r < 0) {
                log_error("ledger_unusable", "%s", error);
                return r;
        }
        if (cut)
                log_warn("ledger_torn", "path=%s bytes=%zu", ledger_path(demo->ledger), cut);
        if (!first.seen)
                open_account(demo);
        take_last_prices(demo);
        demo_note(demo, EVENT_START, 0, "");
        desk_resume(&demo->desk, demo_now());
        return 0;
}

static int load_csv(struct demo *demo)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        const char *path = demo->options->csv;
        size_t line = 0;
        int r;

        if (!*path)
                return 0;
        r = bus_file_read(path, CSV_MAX_BYTES, &text);
        if (!r)
                r = feed_load_csv(demo->feed, bus_buf_bytes(&text), &line);
        if (r < 0)
                log_error("csv_unusable", "%s:%zu: %s", path, line, strerror(-r));
        return r;
}

static int set_faults(struct demo *demo)
{
        BUS_AUTOFREE char *copy = bus_xstrdup(demo->options->faults);
        char error[FAULT_TEXT_SIZE], *rest = NULL;
        int r;

        for (char *one = strtok_r(copy, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
                r = faults_add(&demo->desk.faults, one, bus_mono_us(), error);
                if (r < 0) {
                        log_error("bad_config", "%s.faults: %s", OPTIONS_SECTION, error);
                        return r;
                }
        }
        return 0;
}

static int load_keys(struct demo *demo)
{
        const char *folder = demo->options->keys_folder;
        char error[OPTIONS_ERROR_SIZE];
        int r;

        if (!folder)
                return 0;
        r = bus_keys_load(folder, OPTIONS_SECTION, &demo->keys, error, sizeof(error));
        if (r < 0)
                log_error("cannot_start", "%s", error);
        return r;
}

static int bind_control(struct demo *demo)
{
        const char *endpoint = demo->options->control;
        int r;

        r = bus_endpoint_prepare(endpoint);
        demo->control_socket = r < 0 ? NULL : bus_socket_new(demo->zmq, ZMQ_REP);
        if (!r && (!demo->control_socket || zmq_bind(demo->control_socket, endpoint) < 0))
                r = -errno;
        if (r < 0) {
                log_error("control_bind_failed", "endpoint=%s why=%s", endpoint, zmq_strerror(-r));
                return r;
        }
        bus_loop_add_socket(demo->loop, demo->control_socket, on_command, demo);
        return 0;
}

int demo_new(const struct options *options, struct bus_bytes secret, struct demo **ret_demo)
{
        struct demo *demo = bus_new(struct demo);
        int r;

        demo->options = options;
        demo->zmq = zmq_ctx_new();
        bus_require(demo->zmq);
        demo->loop = bus_loop_new();
        demo_make_desk(demo);
        r = load_csv(demo);
        if (!r)
                r = open_ledger(demo);
        if (!r)
                r = set_faults(demo);
        if (!r)
                r = load_keys(demo);
        if (!r)
                r = bind_control(demo);
        if (r < 0) {
                demo_free(demo);
                return r;
        }
        demo_make_link(demo, secret);
        demo->tick_timer = bus_loop_add_timer(
                demo->loop, options->tick_interval_us, options->tick_interval_us, on_tick, demo);
        demo->step_timer = bus_loop_add_timer(demo->loop, -1, 0, on_step, demo);
        demo_refresh(demo);
        log_info("started", "ledger=%s control=%s connect=%s", ledger_path(demo->ledger),
                options->control, options->connect);
        *ret_demo = demo;
        return 0;
}

struct demo *demo_free(struct demo *demo)
{
        if (!demo)
                return NULL;
        link_free(demo->link);
        bus_socket_close(demo->control_socket, REPLY_LINGER_MS);
        bus_loop_free(demo->loop);
        desk_done(&demo->desk);
        feed_free(demo->feed);
        ledger_free(demo->ledger);
        bus_buf_done(&demo->buf);
        bus_keys_free(demo->keys);
        zmq_ctx_term(demo->zmq);
        free(demo);
        return NULL;
}

int demo_run(struct demo *demo, int signal_fd)
{
        bus_loop_add_fd(demo->loop, signal_fd, ZMQ_POLLIN, on_signal, demo);
        return bus_loop_run(demo->loop);
}
