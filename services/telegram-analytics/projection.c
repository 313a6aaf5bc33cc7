#include "services/telegram-analytics/projection.h"

#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/envelope.h"
#include "proto/unpack.h"
#include "proto/validate.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define OWN_STREAM "comparison@telegram-analytics"
#define UNTIL      "ledger/until/"
#define READ_MAX   1024
#define LOOK_US    (1 * BUS_US_PER_SEC)

/* What the bus feeds it; its own stream it reads from the service's journal. */
static const char *const streams[LEDGER_COMPARISON] = {
        [LEDGER_SIGNAL] = "signal@alert-ingest",
        [LEDGER_DECISION] = "decision@strategy-v3",
        [LEDGER_TRADE] = "trade@order-executor",
        [LEDGER_ACCOUNT] = "account@order-executor",
};

/* ---- at the start ---- */

static char *path_of(const struct projection *projection, const char *name)
{
        return bus_xasprintf("%s/%s", bus_service_folder(projection->service), name);
}

static void obey_rebuild(const struct projection *projection, const char *path)
{
        BUS_AUTOFREE char *asked = path_of(projection, PROJECTION_REBUILD_FILE);

        if (access(asked, F_OK) < 0)
                return;
        log_info("ledger_rebuild", "why=\"asked for\"");
        ledger_delete(path); /* first: asked for until it is done */
        if (unlink(asked) < 0)
                log_warn("ledger_rebuild", "path=%s error=\"%s\"", asked, strerror(errno));
}

static int load_until(struct projection *projection, int stream)
{
        struct store *store = bus_service_store(projection->service);
        BUS_AUTOFREE char *key = bus_xasprintf(UNTIL "%s", streams[stream]);
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        int r = store_get(store, bus_bytes_str(key), &text);

        if (r == 0)
                r = bus_pos_parse(bus_buf_str(&text), &projection->until[stream]);
        return r < 0 ? r : 0;
}

/* Sets a cursor back whose ledger is behind it. How far it was before stays, also over the next time. */
static int set_back(struct projection *projection, int stream, struct store_batch *batch)
{
        struct store *store = bus_service_store(projection->service);
        BUS_AUTOFREE char *key = bus_xasprintf(UNTIL "%s", streams[stream]);
        char at[BUS_POS_TEXT_SIZE];
        struct bus_pos cursor;
        int r;

        r = load_until(projection, stream);
        if (r < 0)
                return r;
        r = store_cursor(store, streams[stream], &cursor);
        if (r || bus_pos_compare(ledger_cursor(projection->ledger, (enum ledger_stream)stream),
                         cursor) >= 0)
                return r < 0 ? r : 0;
        if (bus_pos_compare(cursor, projection->until[stream]) > 0)
                projection->until[stream] = cursor;
        bus_pos_format(projection->until[stream], at);
        log_info("ledger_reads_again", "stream=%s until=%s", streams[stream], at);
        store_batch_put(batch, bus_bytes_str(key), bus_bytes_str(at));
        store_batch_cursor(batch, streams[stream],
                ledger_cursor(projection->ledger, (enum ledger_stream)stream));
        return 0;
}

static int set_all_back(struct projection *projection)
{
        struct store_batch *batch = store_batch_new();
        int r = 0;

        for (int stream = 0; r == 0 && stream < LEDGER_COMPARISON; stream++)
                r = set_back(projection, stream, batch);
        if (r == 0 && !store_batch_is_empty(batch))
                r = store_commit(bus_service_store(projection->service), batch, STORE_SYNC_FULL);
        store_batch_free(batch);
        if (r < 0)
                log_error("ledger_unusable", "error=\"cannot set the cursors back: %s\"",
                        strerror(-r));
        return r;
}

int projection_prepare(struct projection *projection, struct bus_service *service)
{
        BUS_AUTOFREE char *path = NULL;
        int r;

        projection->service = service;
        path = path_of(projection, LEDGER_FILE);
        obey_rebuild(projection, path);
        r = ledger_open(path, &projection->ledger);
        return r < 0 ? r : set_all_back(projection);
}

/* It begins anew as a new process does: the one way that is used every day. */
static void look_for_rebuild(void *arg)
{
        struct projection *projection = arg;
        BUS_AUTOFREE char *asked = path_of(projection, PROJECTION_REBUILD_FILE);

        projection_catch_up(projection);
        if (access(asked, F_OK) < 0)
                return;
        log_info("ledger_rebuild", "why=\"asked for: starting anew\"");
        bus_loop_set_timer(projection->timer, -1);
        kill(getpid(), SIGTERM);
}

void projection_start(struct projection *projection)
{
        projection->timer = bus_loop_add_timer(bus_service_loop(projection->service), LOOK_US,
                LOOK_US, look_for_rebuild, projection);
}

void projection_done(struct projection *projection)
{
        if (projection->timer)
                bus_loop_remove(bus_service_loop(projection->service), projection->timer);
        projection->ledger = ledger_free(projection->ledger);
}

/* ---- while it runs ---- */

void projection_commit(struct projection *projection)
{
        if (ledger_commit(projection->ledger) < 0)
                bus_service_fail(projection->service, "ledger_failed", "see the line before");
}

static int add_own(const struct store_record *record, void *arg)
{
        struct projection *projection = arg;
        BUS_AUTOENVELOPE Pb__Envelope *envelope = NULL;
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;
        Pb__Comparison *comparison = NULL;
        const char *why;

        bus_buf_add(&packed, record->body.data, record->body.size);
        bus_envelope_place(
                &packed, record->position, record->predecessor, PB__STEP__STEP_UNSPECIFIED, 0);
        if (bus_envelope_unpack(bus_buf_bytes(&packed), &envelope, &why) == 0)
                comparison = MESSAGE_UNPACK(
                        comparison, bus_bytes(envelope->body.data, envelope->body.len));
        if (comparison && validate_comparison(comparison, &why) == 0)
                ledger_comparison(projection->ledger, record->position, envelope, comparison);
        else
                ledger_pass(projection->ledger, LEDGER_COMPARISON, record->position);
        pb__comparison__free_unpacked(comparison, NULL);
        return 0;
}

void projection_catch_up(void *arg)
{
        struct projection *projection = arg;
        struct store *store = bus_service_store(projection->service);
        struct bus_pos before, after = ledger_cursor(projection->ledger, LEDGER_COMPARISON);
        struct bus_pos started;
        int r;

        do {
                before = after;
                r = store ? store_read(store, OWN_STREAM, after, READ_MAX, add_own, projection,
                                    &started)
                          : -EIO;
                if (r == STORE_PRUNED)
                        r = store_read(store, OWN_STREAM, BUS_POS_ZERO, READ_MAX, add_own,
                                projection, &started);
                after = ledger_cursor(projection->ledger, LEDGER_COMPARISON);
        } while (!r && bus_pos_compare(after, before) > 0);
        if (r < 0)
                log_warn("comparisons_unreadable", "error=\"%s\"", strerror(-r));
        projection_commit(projection);
}

bool projection_is_again(
        const struct projection *projection, enum ledger_stream stream, struct bus_pos position)
{
        return bus_pos_compare(position, projection->until[stream]) <= 0;
}

/* ---- what comes in ---- */

/* The others of this service have set a bad one aside, and the runtime has said so. */
int projection_signal(struct projection *projection, const struct bus_message *message)
{
        Pb__Signal *signal = MESSAGE_UNPACK(signal, message->body);
        const char *why;
        bool good = signal && validate_signal(signal, &why) == 0;

        if (good)
                ledger_signal(projection->ledger, message->position, message->envelope, signal);
        else
                ledger_pass(projection->ledger, LEDGER_SIGNAL, message->position);
        pb__signal__free_unpacked(signal, NULL);
        return good ? 0 : BUS_QUARANTINE;
}

int projection_decision(struct projection *projection, const struct bus_message *message)
{
        Pb__Decision *decision = MESSAGE_UNPACK(decision, message->body);
        const char *why;
        bool good = decision && validate_decision(decision, &why) == 0;

        if (good)
                ledger_decision(projection->ledger, message->position, message->envelope, decision);
        else
                ledger_pass(projection->ledger, LEDGER_DECISION, message->position);
        pb__decision__free_unpacked(decision, NULL);
        return good ? 0 : BUS_QUARANTINE;
}

int projection_trade(struct projection *projection, const struct bus_message *message)
{
        Pb__Trade *trade = MESSAGE_UNPACK(trade, message->body);
        const char *why;
        bool good = trade && validate_trade(trade, &why) == 0;

        if (good)
                ledger_trade(projection->ledger, message->position, message->envelope, trade);
        else
                ledger_pass(projection->ledger, LEDGER_TRADE, message->position);
        pb__trade__free_unpacked(trade, NULL);
        return good ? 0 : BUS_QUARANTINE;
}

int projection_account(struct projection *projection, const struct bus_message *message)
{
        Pb__Account *account = MESSAGE_UNPACK(account, message->body);
        const char *why;
        bool good = account && validate_account(account, &why) == 0;

        if (good)
                ledger_account(projection->ledger, message->position, account);
        else
                ledger_pass(projection->ledger, LEDGER_ACCOUNT, message->position);
        pb__account__free_unpacked(account, NULL);
        return good ? 0 : BUS_QUARANTINE;
}
