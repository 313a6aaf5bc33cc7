#include "services/order-executor/core/record.h"

#include "libbus/base/require.h"
#include "proto/pack.h"
#include "services/order-executor/core/ids.h"

#include "executor_record.pb-c.h"

#include <errno.h>
#include <stdio.h>

/* The message's strings are not const; nobody writes through them. */
static char *text(const char *borrowed)
{
        return (char *)(uintptr_t)borrowed;
}

static void free_message(ProtobufCMessage *message)
{
        protobuf_c_message_free_unpacked(message, NULL);
}
BUS_DEFINE_CLEANUP(free_messagep, ProtobufCMessage *, free_message);
#define AUTOMESSAGE BUS_CLEANUP(free_messagep)

static ProtobufCMessage *unpack(const ProtobufCMessageDescriptor *type, struct bus_bytes data)
{
        return data.size ? protobuf_c_message_unpack(type, NULL, data.size, data.data) : NULL;
}

/* False where SOURCE has no room: a record of ours never does that. */
static bool copy(char *target, size_t size, const char *source)
{
        return (size_t)snprintf(target, size, "%s", source) < size;
}

void ex_record_order(const struct ex_order *order, struct bus_buf *buf)
{
        Pb__OrderRecord record = PB__ORDER_RECORD__INIT;

        while (order->job->orders[record.index] != order)
                record.index++;
        record.cl_ord_id = text(order->id);
        record.job = text(order->job->key);
        record.role = order->role;
        record.side = order->side;
        record.volume_e8 = order->volume_e8;
        record.sl_e8 = order->sl_e8;
        record.tp_e8 = order->tp_e8;
        record.part = order->part;
        record.expires_us = order->expires_wall_us;
        record.ticket = order->ticket;
        record.state = order->state;
        record.attempt = order->attempt;
        record.filled_e8 = order->filled_e8;
        record.price_e8 = order->price_e8;
        record.deal = order->deal;
        record.retcode = order->retcode;
        record.reason = text(order->reason);
        record.failures = order->failures;
        record.price_failures = order->price_failures;
        record.quote_e8 = order->quote_e8;
        record.unknown_us = order->unknown_wall_us;
        record.passed_by = text(order->passed_by);
        record.received_us = order->received_us;
        record.intent_us = order->intent_us;
        record.submitted_us = order->submitted_us;
        record.reported_us = order->reported_us;
        message_pack(&record.base, buf);
}

static bool is_state(int state)
{
        return state >= PB__ORDER_STATE__ORDER_STATE_RECEIVED &&
               state <= PB__ORDER_STATE__ORDER_STATE_MANUAL;
}

static bool is_side(Pb__Side side)
{
        return side == PB__SIDE__SIDE_BUY || side == PB__SIDE__SIDE_SELL;
}

static bool order_holds(const Pb__OrderRecord *record, const struct ex_job *job)
{
        return ex_id_valid(record->cl_ord_id) && !strcmp(record->job, job->key) &&
               is_state(record->state) && record->index == job->order_count &&
               record->role >= PB__ORDER_ROLE__ORDER_ROLE_LEG_A &&
               record->role <= PB__ORDER_ROLE__ORDER_ROLE_MANUAL_CLOSE && is_side(record->side) &&
               strlen(record->reason) < EX_WORD_SIZE && strlen(record->passed_by) < EX_KEY_SIZE;
}

int ex_record_read_order(struct bus_bytes data, struct ex_job *job)
{
        AUTOMESSAGE ProtobufCMessage *message = unpack(&pb__order_record__descriptor, data);
        const Pb__OrderRecord *record = (const Pb__OrderRecord *)message;
        struct ex_order *order;

        if (!record || !order_holds(record, job))
                return -EBADMSG;
        order = ex_job_add(job);
        snprintf(order->id, sizeof(order->id), "%s", record->cl_ord_id);
        order->role = record->role;
        order->side = record->side;
        order->volume_e8 = record->volume_e8;
        order->sl_e8 = record->sl_e8;
        order->tp_e8 = record->tp_e8;
        order->part = record->part;
        order->expires_wall_us = record->expires_us;
        order->ticket = record->ticket;
        order->state = record->state;
        order->attempt = record->attempt;
        order->filled_e8 = record->filled_e8;
        order->price_e8 = record->price_e8;
        order->deal = record->deal;
        order->retcode = record->retcode;
        snprintf(order->reason, sizeof(order->reason), "%s", record->reason);
        order->failures = record->failures;
        order->price_failures = record->price_failures;
        order->quote_e8 = record->quote_e8;
        order->unknown_wall_us = record->unknown_us;
        snprintf(order->passed_by, sizeof(order->passed_by), "%s", record->passed_by);
        order->received_us = record->received_us;
        order->intent_us = record->intent_us;
        order->submitted_us = record->submitted_us;
        order->reported_us = record->reported_us;
        return 0;
}

int ex_record_job_of_order(struct bus_bytes data, char ret_key[static EX_KEY_SIZE])
{
        AUTOMESSAGE ProtobufCMessage *message = unpack(&pb__order_record__descriptor, data);
        const Pb__OrderRecord *record = (const Pb__OrderRecord *)message;

        if (!record || !*record->job || strlen(record->job) >= EX_KEY_SIZE)
                return -EBADMSG;
        snprintf(ret_key, EX_KEY_SIZE, "%s", record->job);
        return 0;
}

void ex_record_job(const struct ex_job *job, struct bus_buf *buf)
{
        BUS_AUTOFREE char **ids = bus_new_n(char *, job->order_count + 1);
        Pb__AlertRecord record = PB__ALERT_RECORD__INIT;

        for (size_t i = 0; i < job->order_count; i++)
                ids[i] = job->orders[i]->id;
        record.job = text(job->key);
        record.alert_id = text(job->alert_id);
        record.slot = text(job->slot);
        record.plugin = text(job->plugin);
        record.symbol = text(job->symbol);
        record.epoch = job->epoch;
        record.kind = job->kind;
        record.close_sides = job->close_sides;
        record.price_e8 = job->price_e8;
        record.received_us = job->received_us;
        record.expires_us = job->expires_wall_us;
        record.content.data = (uint8_t *)(uintptr_t)job->content;
        record.content.len = sizeof(job->content);
        record.test = job->test;
        record.ask_first = job->ask_first;
        record.fault = text(job->fault);
        record.only_ticket = job->only_ticket;
        record.whole_account = job->whole_account;
        record.phase = job->phase;
        record.state = job->state;
        record.reason = text(job->reason);
        record.done_us = job->done_wall_us;
        record.expanded = job->expanded;
        record.orders = ids;
        record.n_orders = job->order_count;
        message_pack(&record.base, buf);
}

static bool job_holds(const Pb__AlertRecord *record)
{
        return *record->job && record->kind >= EX_JOB_ENTRY && record->kind <= EX_JOB_MANUAL &&
               record->phase >= EX_JOB_WAITING && record->phase <= EX_JOB_DONE &&
               record->content.len == BUS_SHA256_SIZE && *record->symbol;
}

static bool copy_names(struct ex_job *job, const Pb__AlertRecord *record)
{
        return copy(job->key, sizeof(job->key), record->job) &&
               copy(job->alert_id, sizeof(job->alert_id), record->alert_id) &&
               copy(job->slot, sizeof(job->slot), record->slot) &&
               copy(job->plugin, sizeof(job->plugin), record->plugin) &&
               copy(job->symbol, sizeof(job->symbol), record->symbol) &&
               copy(job->reason, sizeof(job->reason), record->reason) &&
               copy(job->fault, sizeof(job->fault), record->fault);
}

/* The ids in one block: the pointers, then what they point to. */
static char **copy_ids(const Pb__AlertRecord *record)
{
        char **ids = bus_xcalloc(
                1, (record->n_orders + 1) * sizeof(char *) + record->n_orders * CL_ORD_ID_SIZE);
        char *at = (char *)(ids + record->n_orders + 1);

        for (size_t i = 0; i < record->n_orders; i++, at += CL_ORD_ID_SIZE) {
                snprintf(at, CL_ORD_ID_SIZE, "%s", record->orders[i]);
                ids[i] = at;
        }
        return ids;
}

int ex_record_read_job(struct bus_bytes data, struct ex_job **ret_job, char ***ret_order_ids)
{
        AUTOMESSAGE ProtobufCMessage *message = unpack(&pb__alert_record__descriptor, data);
        const Pb__AlertRecord *record = (const Pb__AlertRecord *)message;
        struct ex_job *job;

        if (!record || !job_holds(record))
                return -EBADMSG;
        job = ex_job_new();
        if (!copy_names(job, record)) {
                ex_job_free(job);
                return -EBADMSG;
        }
        job->epoch = record->epoch;
        job->kind = record->kind;
        job->close_sides = record->close_sides;
        job->price_e8 = record->price_e8;
        job->received_us = record->received_us;
        job->expires_wall_us = record->expires_us;
        memcpy(job->content, record->content.data, sizeof(job->content));
        job->test = record->test;
        job->ask_first = record->ask_first;
        job->only_ticket = record->only_ticket;
        job->whole_account = record->whole_account;
        job->phase = record->phase;
        job->state = record->state;
        job->done_wall_us = record->done_us;
        job->expanded = record->expanded;
        *ret_order_ids = copy_ids(record);
        *ret_job = job;
        return 0;
}

int ex_record_job_is_live(struct bus_bytes data, bool *ret_live)
{
        AUTOMESSAGE ProtobufCMessage *message = unpack(&pb__alert_record__descriptor, data);
        const Pb__AlertRecord *record = (const Pb__AlertRecord *)message;

        if (!record || !job_holds(record))
                return -EBADMSG;
        *ret_live = record->phase != EX_JOB_DONE;
        return 0;
}

void ex_record_promise(const struct ex_promise *promise, struct bus_buf *buf)
{
        Pb__PromiseRecord record = PB__PROMISE_RECORD__INIT;

        record.content.data = (uint8_t *)(uintptr_t)promise->content;
        record.content.len = sizeof(promise->content);
        record.made_us = promise->made_us;
        message_pack(&record.base, buf);
}

int ex_record_read_promise(struct bus_bytes data, struct ex_promise *promise)
{
        AUTOMESSAGE ProtobufCMessage *message = unpack(&pb__promise_record__descriptor, data);
        const Pb__PromiseRecord *record = (const Pb__PromiseRecord *)message;

        if (!record || record->content.len != sizeof(promise->content))
                return -EBADMSG;
        memcpy(promise->content, record->content.data, sizeof(promise->content));
        promise->made_us = record->made_us;
        return 0;
}

void ex_record_position(const struct ex_position *position, struct bus_buf *buf)
{
        Pb__PositionRecord record = PB__POSITION_RECORD__INIT;

        record.ticket = position->ticket;
        record.symbol = text(position->symbol);
        record.side = position->side;
        record.ours = position->ours;
        record.open_price_e8 = position->open_price_e8;
        record.sl_e8 = position->sl_e8;
        record.tp_e8 = position->tp_e8;
        record.opened_us = position->opened_us;
        record.cl_ord_id = text(position->cl_ord_id);
        record.alert_id = text(position->alert_id);
        record.volume_e8 = ex_position_open_e8(position);
        record.closed_by = text(position->closed_by);
        message_pack(&record.base, buf);
}

int ex_record_read_position(struct bus_bytes data, struct ex_position **ret_position)
{
        AUTOMESSAGE ProtobufCMessage *message = unpack(&pb__position_record__descriptor, data);
        const Pb__PositionRecord *record = (const Pb__PositionRecord *)message;
        struct ex_position *position;

        if (!record || !record->ticket || !*record->symbol || !is_side(record->side))
                return -EBADMSG;
        position = bus_new(struct ex_position);
        position->ticket = record->ticket;
        position->side = record->side;
        position->ours = record->ours;
        position->open_price_e8 = record->open_price_e8;
        position->sl_e8 = record->sl_e8;
        position->tp_e8 = record->tp_e8;
        position->opened_us = record->opened_us;
        position->base_e8 = record->volume_e8;
        if (!copy(position->symbol, sizeof(position->symbol), record->symbol) ||
                !copy(position->cl_ord_id, sizeof(position->cl_ord_id), record->cl_ord_id) ||
                !copy(position->alert_id, sizeof(position->alert_id), record->alert_id) ||
                !copy(position->closed_by, sizeof(position->closed_by), record->closed_by)) {
                free(position);
                return -EBADMSG;
        }
        *ret_position = position;
        return 0;
}

void ex_record_switches(const struct ex_switches *switches, struct bus_buf *buf)
{
        Pb__ClosedSymbol closed[EX_CLOSED_SYMBOLS_MAX], *list[EX_CLOSED_SYMBOLS_MAX];
        Pb__SwitchRecord record = PB__SWITCH_RECORD__INIT;

        for (size_t i = 0; i < switches->closed_count; i++) {
                pb__closed_symbol__init(&closed[i]);
                closed[i].symbol = text(switches->closed[i].symbol);
                closed[i].reason = text(switches->closed[i].reason);
                list[i] = &closed[i];
        }
        record.paused = switches->paused;
        record.killed = switches->killed;
        record.halted = switches->halted;
        record.closed = list;
        record.n_closed = switches->closed_count;
        record.epoch = switches->epoch;
        record.first_start_us = switches->first_start_us;
        record.restored_us = switches->restored_us;
        record.service_api_off = switches->service_api_off;
        message_pack(&record.base, buf);
}

int ex_record_read_switches(struct bus_bytes data, struct ex_switches *ret_switches)
{
        AUTOMESSAGE ProtobufCMessage *message = unpack(&pb__switch_record__descriptor, data);
        const Pb__SwitchRecord *record = (const Pb__SwitchRecord *)message;

        if (!record || record->n_closed > EX_CLOSED_SYMBOLS_MAX)
                return -EBADMSG;
        *ret_switches = (struct ex_switches){
                .paused = record->paused,
                .killed = record->killed,
                .halted = record->halted,
                .epoch = record->epoch,
                .first_start_us = record->first_start_us,
                .restored_us = record->restored_us,
                .service_api_off = record->service_api_off,
        };
        for (size_t i = 0; i < record->n_closed; i++)
                ex_switches_close(
                        ret_switches, record->closed[i]->symbol, record->closed[i]->reason);
        return 0;
}

void ex_record_risk(const struct ex_risk *risk, struct bus_buf *buf)
{
        Pb__RiskRecord record = PB__RISK_RECORD__INIT;

        record.since_us = risk->since_us;
        record.today_us = risk->today_us;
        record.day_net_cents = risk->day_net_cents;
        record.lifetime_net_cents = risk->lifetime_net_cents;
        record.last_deal_us = risk->last_deal_us;
        message_pack(&record.base, buf);
}

int ex_record_read_risk(struct bus_bytes data, struct ex_risk *risk)
{
        AUTOMESSAGE ProtobufCMessage *message = unpack(&pb__risk_record__descriptor, data);
        const Pb__RiskRecord *record = (const Pb__RiskRecord *)message;

        if (!record)
                return -EBADMSG;
        risk->since_us = record->since_us;
        risk->today_us = record->today_us;
        risk->day_net_cents = record->day_net_cents;
        risk->lifetime_net_cents = record->lifetime_net_cents;
        risk->last_deal_us = record->last_deal_us;
        return 0;
}
