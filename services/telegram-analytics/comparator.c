#include "services/telegram-analytics/comparator.h"

#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/envelope.h"
#include "proto/unpack.h"
#include "proto/validate.h"
#include "services/common/symbols_config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define INCUMBENT   "legacy_v3"
#define OPEN_PREFIX "open/"
#define KEY_SIZE    (sizeof(OPEN_PREFIX) + BUS_POS_TEXT_SIZE)

#define LATE_PERIOD_US (500 * BUS_US_PER_MS)
#define SUMS_PERIOD_US (30 * BUS_US_PER_SEC)
/* A writer that has not been heard of so long after the start is not there to be waited for. */
#define HEARD_AFTER_US (30 * BUS_US_PER_SEC)

static const struct {
        const char *stream, *writer;
} read_streams[BALANCE_STREAMS] = {
        { "signal", "alert-ingest" },
        { "decision", "strategy-v3" },
        { "decision.shadow", "strategy-v3-shadow" },
};

/* ---- what the book wants ---- */

static const char *open_key(struct bus_pos position, char key[static KEY_SIZE])
{
        char at[BUS_POS_TEXT_SIZE];

        snprintf(key, KEY_SIZE, OPEN_PREFIX "%s", bus_pos_format(position, at));
        return key;
}

static void keep(void *arg, struct compare_open *open)
{
        struct comparator *self = arg;
        BUS_AUTOBUF struct bus_buf record = BUS_BUF_INIT;
        char key[KEY_SIZE];

        if (!open)
                return;
        compare_open_pack(open, &record);
        bus_put(self->service, open_key(compare_open_position(open), key), bus_buf_bytes(&record),
                false);
}

static void on_close(void *arg, struct bus_pos position, bool kept)
{
        struct comparator *self = arg;
        char key[KEY_SIZE];

        if (kept)
                bus_delete(self->service, open_key(position, key));
}

static void log_critical(const Pb__Comparison *pb, const char *alert_id)
{
        log_info("critical_difference", "alert_id=%s plugin=%s against=%s class=%s ignored_by=%s",
                alert_id, pb->plugin, pb->against,
                compare_class_name((enum compare_class)pb->class_),
                *pb->ignored_by ? pb->ignored_by : "-");
}

void comparator_publish(struct comparator *self, const Pb__Comparison *message,
        const char *alert_id, const char *message_id)
{
        char topic[COMPARE_TOPIC_SIZE];

        bus_emit(self->service, &(struct bus_out){ .stream = "comparison",
                                        .topic = compare_topic(message, topic),
                                        .body = &message->base,
                                        .alert_id = alert_id,
                                        .message_id = message_id });
        compare_sums_add(&self->sums, message);
        self->sums_changed = true;
        bus_metric_inc(self->pairs[message->class_]);
        if (message->live_missing || message->shadow_missing)
                bus_metric_inc(self->missing);
        if (message->critical)
                log_critical(message, alert_id);
}

void comparator_tell(void *arg, const struct compare_pair *pair)
{
        struct comparator *self = arg;
        struct compare_message message;
        char id[BUS_ID_SIZE];

        compare_pair_fill(&message, &self->settings, pair);
        compare_pair_id(pair, id);
        comparator_publish(self, &message.pb, pair->alert->id, id);
}

/* ---- timers ---- */

static bool is_heard(const struct comparator *self, const char *stream)
{
        return bus_input_caught_up(self->service, stream) ||
               bus_mono_us() - self->started_us > HEARD_AFTER_US;
}

static void balance(struct comparator *self)
{
        int64_t now_us = bus_mono_us();

        for (int i = 0; i < BALANCE_STREAMS; i++)
                balance_at(&self->balance, i,
                        bus_input_position(
                                self->service, read_streams[i].stream, read_streams[i].writer),
                        now_us);
        if (!balance_judge(&self->balance, compare_book_count(self->book), now_us))
                return;
        for (int i = 0; i < BALANCE_STREAMS; i++)
                bus_input_hold(self->service, read_streams[i].stream, self->balance.held[i]);
}

static void look_for_late(void *arg)
{
        struct comparator *self = arg;

        compare_book_overdue(self->book, bus_wall_us(), is_heard(self, "decision"),
                is_heard(self, "decision.shadow"), keep, self);
        balance(self);
        bus_metric_set(self->open, (double)compare_book_count(self->book));
}

static void keep_sums(void *arg)
{
        sums_keep(arg);
}

/* ---- what comes in ---- */

/* Between two looks of the timer, while much comes in at once. */
static void balance_if_crowded(struct comparator *self)
{
        if (compare_book_count(self->book) > BALANCE_HIGH)
                balance(self);
}

int comparator_signal(void *arg, const struct bus_message *message)
{
        struct comparator *self = arg;
        Pb__Signal *signal = MESSAGE_UNPACK(signal, message->body);
        struct compare_alert alert = { .position = message->position };
        const char *why;

        if (!signal || validate_signal(signal, &why) < 0) {
                pb__signal__free_unpacked(signal, NULL);
                return BUS_QUARANTINE;
        }
        snprintf(alert.id, sizeof(alert.id), "%s", message->envelope->alert_id);
        snprintf(alert.symbol, sizeof(alert.symbol), "%s", signal->symbol);
        alert.kind = (enum v3_type)signal->type;
        alert.received_us = signal->received_us;
        pb__signal__free_unpacked(signal, NULL);
        if (message->envelope->test)
                compare_book_pass(self->book, alert.position);
        else
                keep(self, compare_book_signal(self->book, &alert));
        balance_if_crowded(self);
        return 0;
}

/* When decide() had returned; where that is not told, when it was said. */
static int64_t decided_us(const Pb__Envelope *envelope)
{
        int64_t at_us = envelope->staged_us;

        for (size_t i = 0; i < envelope->n_stamps; i++)
                if (envelope->stamps[i]->step == PB__STEP__STEP_DECIDE_END)
                        at_us = envelope->stamps[i]->at_us;
        return at_us;
}

/* 0, or BUS_QUARANTINE. */
static int read_side(const struct bus_message *message, struct compare_side *ret_side)
{
        Pb__Decision *decision = MESSAGE_UNPACK(decision, message->body);
        const char *why;
        int r = -EBADMSG;

        if (decision && message->envelope->origin && !validate_decision(decision, &why))
                r = compare_side_read(decision, decided_us(message->envelope), ret_side);
        pb__decision__free_unpacked(decision, NULL);
        return r < 0 ? BUS_QUARANTINE : 0;
}

typedef struct compare_open *(*take_fn)(struct compare_book *book, struct bus_pos position,
        const char *alert_id, const struct compare_side *side);

static int take_decision(struct comparator *self, const struct bus_message *message, take_fn take)
{
        struct compare_side side;
        int r;

        if (message->envelope->test)
                return 0;
        r = read_side(message, &side);
        if (r)
                return r;
        keep(self, take(self->book, bus_pos_of(message->envelope->origin),
                           message->envelope->alert_id, &side));
        balance_if_crowded(self);
        return 0;
}

int comparator_live(void *arg, const struct bus_message *message)
{
        return take_decision(arg, message, compare_book_live);
}

int comparator_shadow(void *arg, const struct bus_message *message)
{
        return take_decision(arg, message, compare_book_shadow);
}

/* ---- its life ---- */

/* "a, b" cut in place. */
static size_t split(char *list, const char *names[static COMPARE_PLUGINS_MAX])
{
        size_t count = 0;
        char *name;

        while (count < COMPARE_PLUGINS_MAX && (name = strsep(&list, ",")))
                names[count++] = name + strspn(name, " ");
        return count;
}

static void make_book(struct comparator *self, const struct config *config)
{
        bool all = config_bool(config, "plugin_system", "enabled");
        BUS_AUTOFREE char *list = bus_xstrdup(
                all ? config_string(config, "strategy-v3-shadow", "plugins") : INCUMBENT);
        const char *names[COMPARE_PLUGINS_MAX];
        size_t count = split(list, names);

        self->book = compare_book_new(&self->settings, names, count,
                &(struct compare_book_events){ self, comparator_tell, on_close });
}

static void register_metrics(struct comparator *self)
{
        struct bus_metrics *metrics = bus_service_metrics(self->service);
        char labels[64];

        self->open = bus_gauge(metrics, "umbra_comparison_open_alerts", "",
                "Alerts of which not all pairs are told.");
        self->missing = bus_counter(metrics, "umbra_comparison_missing_total", "",
                "Pairs told as late with a side missing; some come after all.");
        for (int class = COMPARE_EXACT; class < COMPARE_CLASSES; class ++) {
                snprintf(labels, sizeof(labels), "class=\"%s\"",
                        compare_class_name((enum compare_class) class));
                self->pairs[class] = bus_counter(metrics, "umbra_comparison_pairs_total", labels,
                        "Pairs of decisions told, by class.");
        }
}

int comparator_init(
        struct comparator *self, struct bus_service *service, char error[static CONFIG_ERROR_SIZE])
{
        const struct config *config = bus_service_config(service);
        int r;

        *self = (struct comparator){ .service = service };
        r = symbols_config(&self->symbols, config, false, error);
        if (r < 0) {
                self->symbols = (struct symbols){ 0 };
                return r;
        }
        r = compare_config(&self->settings, config, &self->symbols, error);
        if (r < 0)
                return r;
        make_book(self, config);
        register_metrics(self);
        return 0;
}

void comparator_done(struct comparator *self)
{
        self->book = compare_book_free(self->book);
        compare_sums_done(&self->sums);
        symbols_done(&self->symbols);
}

static int restore_one(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct comparator *self = arg;
        char at[KEY_SIZE];
        struct bus_pos position;

        if (key.size >= sizeof(at))
                return -EBADMSG;
        memcpy(at, key.data, key.size);
        at[key.size] = 0;
        if (bus_pos_parse(at + strlen(OPEN_PREFIX), &position) < 0)
                return -EBADMSG;
        return compare_book_restore(self->book, position, value);
}

static void tell_expired(const struct compare_settings *settings)
{
        for (size_t i = 0; i < settings->rule_count; i++) {
                const struct compare_rule *rule = &settings->rules[i];
                char at[BUS_TIME_TEXT_SIZE];

                if (rule->expires_us <= bus_wall_us())
                        log_warn("ignore_rule_expired", "rule=%s owner=%s expired=%s", rule->name,
                                rule->owner, bus_time_format(rule->expires_us, at));
        }
}

int comparator_start(struct comparator *self)
{
        struct bus_loop *loop = bus_service_loop(self->service);
        int r;

        self->started_us = bus_mono_us();
        compare_book_seen(self->book, bus_input_position(self->service, "signal", "alert-ingest"));
        r = bus_scan(self->service, OPEN_PREFIX, restore_one, self);
        if (!r)
                r = sums_load(self);
        if (r < 0)
                return r;
        tell_expired(&self->settings);
        bus_loop_add_timer(loop, LATE_PERIOD_US, LATE_PERIOD_US, look_for_late, self);
        bus_loop_add_timer(loop, SUMS_PERIOD_US, SUMS_PERIOD_US, keep_sums, self);
        return evidence_start(self);
}

void comparator_drain(struct comparator *self)
{
        sums_keep(self);
}
