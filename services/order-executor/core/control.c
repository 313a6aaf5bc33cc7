/*
 * Commands of people, each answered by what then holds (docs/order-executor.md, Switches).
 *
 * Keeps: pause and kill apply whenever they arrive; everything else is void after its deadline.
 */
#include "services/order-executor/core/book_internal.h"

#include "services/order-executor/core/ids.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define STATE(name) PB__ORDER_STATE__ORDER_STATE_##name

static void answer(struct ex_answer *ret_answer, Pb__ResultStatus status, const char *code)
{
        ret_answer->status = status;
        ret_answer->code = code;
}

static void refuse(struct ex_answer *ret_answer, const char *code)
{
        answer(ret_answer, PB__RESULT_STATUS__RESULT_STATUS_REFUSED, code);
}

static void done(struct ex_answer *ret_answer, bool changed)
{
        answer(ret_answer,
                changed ? PB__RESULT_STATUS__RESULT_STATUS_DONE
                        : PB__RESULT_STATUS__RESULT_STATUS_UNCHANGED,
                "");
}

static void switches_changed(struct ex_book *book, struct ex_now now)
{
        ex_fx_save_switches(&book->fx);
        ex_book_time(book, now); /* what waits for its next attempt sees it at once */
}

static void set_switch(struct ex_book *book, bool *field, bool value, struct ex_now now,
        struct ex_answer *ret_answer)
{
        const bool changed = *field != value;

        *field = value;
        if (changed) {
                ex_book_touch_all(book);
                switches_changed(book, now);
        }
        done(ret_answer, changed);
}

static void resume(struct ex_book *book, const Pb__Control *control, struct ex_now now,
        struct ex_answer *ret_answer)
{
        struct ex_switches *switches = &book->switches;
        const bool kill_off = control->kill_off && switches->killed;
        const bool changed = switches->paused || switches->halted || kill_off;

        if (switches->killed && !control->kill_off) {
                snprintf(ret_answer->text, sizeof(ret_answer->text),
                        "kill is on: resume with kill=off lifts it");
                refuse(ret_answer, "killed");
                return;
        }
        if (switches->halted)
                ex_fx_alarm_end(&book->fx, "entries_halted", "account");
        if (switches->paused) {
                ex_fx_alarm_end(&book->fx, "joined_older_system", "order-executor");
                ex_fx_alarm_end(&book->fx, "restored", "order-executor");
        }
        switches->paused = switches->halted = false;
        if (kill_off)
                switches->killed = false;
        if (changed)
                switches_changed(book, now);
        done(ret_answer, changed);
}

/*
 * Without the layer nobody keeps count of margin that is spoken for: what is under way is counted
 * when it comes back, and a snapshot tells what has been filled meanwhile.
 */
static void set_service_api(
        struct ex_book *book, bool on, struct ex_now now, struct ex_answer *ret_answer)
{
        if (on && book->switches.service_api_off) {
                ex_book_reserve(book);
                ex_fx_snapshot(&book->fx);
        }
        set_switch(book, &book->switches.service_api_off, !on, now, ret_answer);
}

/* Somebody may have traded since the backup: people look first, then say resume. */
void ex_book_restored(struct ex_book *book, struct ex_now now)
{
        book->switches.restored_us = now.wall_us;
        book->switches.paused = true;
        ex_fx_save_switches(&book->fx);
        ex_fx_alarm(&book->fx, "restored", "order-executor", PB__SEVERITY__SEVERITY_WARNING,
                "the store was put back from a backup: entries are paused, resume lifts it");
}

static void open_symbol(
        struct ex_book *book, const char *symbol, struct ex_now now, struct ex_answer *ret_answer)
{
        const bool changed = ex_switches_open(&book->switches, symbol);

        if (changed) {
                ex_fx_alarm_end(&book->fx, "symbol_closed", symbol);
                switches_changed(book, now);
        }
        done(ret_answer, changed);
}

/* Whether the position of TICKET, as far as it is known, cannot be what LEG has opened. */
static bool is_of_another(struct ex_book *book, const struct ex_order *leg, uint64_t ticket)
{
        const struct ex_position *position = ticket ? ex_book_position(book, ticket) : NULL;

        if (!position || !ex_order_is_leg(leg))
                return false;
        return strcmp(position->symbol, leg->job->symbol) != 0 || position->side != leg->side ||
               (*position->cl_ord_id && strcmp(position->cl_ord_id, leg->id) != 0);
}

static void settle(struct ex_book *book, const Pb__Control *control, struct ex_now now,
        struct ex_answer *ret_answer)
{
        struct ex_order *order = ex_book_find_order(book, control->cl_ord_id);
        const struct ex_event event = {
                .kind = EX_EVENT_SETTLE,
                .filled = control->settle_as == PB__SETTLE_AS__SETTLE_AS_FILLED,
                .ticket = control->ticket,
        };

        if (!order) {
                refuse(ret_answer, "unknown_order");
                return;
        }
        if (order->state != STATE(MANUAL)) {
                snprintf(ret_answer->text, sizeof(ret_answer->text), "it is %s, not MANUAL",
                        ex_state_name(order->state));
                refuse(ret_answer, "not_manual");
                return;
        }
        if (is_of_another(book, order, control->ticket)) {
                snprintf(ret_answer->text, sizeof(ret_answer->text),
                        "position %" PRIu64 " has another symbol, side or order", control->ticket);
                refuse(ret_answer, "wrong_ticket");
                return;
        }
        ex_book_step(book, order, &event, now);
        ex_book_advance(book, now);
        done(ret_answer, true);
}

static bool apply_risk(
        struct ex_limits *limits, const Pb__Control *control, struct ex_answer *ret_answer)
{
        for (size_t i = 0; i < control->n_risk; i++) {
                const Pb__RiskSetting *setting = control->risk[i];
                int r;

                r = ex_limits_set(limits, setting->key, setting->value);
                if (r < 0) {
                        snprintf(ret_answer->text, sizeof(ret_answer->text), "%s=%s: %s",
                                setting->key, setting->value,
                                r == -ENOENT ? "no such limit" : "not a value for it");
                        return false;
                }
        }
        return true;
}

/* All of them or none. */
static void set_risk(struct ex_book *book, const Pb__Control *control, struct ex_now now,
        struct ex_answer *ret_answer)
{
        struct ex_limits limits = book->limits;

        if (!apply_risk(&limits, control, ret_answer)) {
                refuse(ret_answer, "bad_setting");
                return;
        }
        book->limits = limits;
        ret_answer->risk_changed = true;
        ex_book_touch_all(book);
        ex_book_advance(book, now);
        done(ret_answer, true);
}

/* ---- closes by hand ---- */

static struct ex_job *manual_job(struct ex_book *book, const char *message_id, const char *symbol,
        const Pb__Control *control, struct ex_now now)
{
        char key[EX_KEY_SIZE];
        struct ex_job *job;

        ex_job_key(message_id, symbol, key);
        if (ex_book_job(book, key))
                return NULL;
        job = ex_job_new();
        snprintf(job->key, sizeof(job->key), "%s", key);
        snprintf(job->alert_id, sizeof(job->alert_id), "%s", message_id);
        snprintf(job->symbol, sizeof(job->symbol), "%s", symbol);
        job->kind = EX_JOB_MANUAL;
        job->close_sides = ex_side_bit(PB__SIDE__SIDE_BUY) | ex_side_bit(PB__SIDE__SIDE_SELL);
        job->received_us = now.wall_us;
        job->only_ticket = control->command == PB__COMMAND__COMMAND_CLOSE ? control->ticket : 0;
        job->whole_account = control->scope_account || job->only_ticket;
        ex_book_add_job(book, job);
        ex_fx_save_job(&book->fx, job);
        ex_fx_trade_job(&book->fx, PB__TRADE_EVENT__TRADE_EVENT_RECEIVED, job, STATE(RECEIVED), "");
        ex_book_enqueue(book, job, now);
        return job;
}

static void close_ticket(struct ex_book *book, const char *message_id, const Pb__Control *control,
        struct ex_now now, struct ex_answer *ret_answer)
{
        const struct ex_position *position = ex_book_position(book, control->ticket);
        struct ex_job *job;

        if (!position || !ex_position_open_e8(position)) {
                refuse(ret_answer, "unknown_ticket");
                return;
        }
        job = manual_job(book, message_id, position->symbol, control, now);
        ex_book_advance(book, now);
        done(ret_answer, job);
}

static uint32_t close_positions(
        struct ex_book *book, const char *message_id, const Pb__Control *control, struct ex_now now)
{
        struct ex_table_at at;
        uint32_t count = 0;

        for (struct ex_position *position = ex_table_first(&book->positions, &at); position;
                position = ex_table_next(&book->positions, &at)) {
                if (!ex_position_open_e8(position) || (!position->ours && !control->scope_account))
                        continue;
                manual_job(book, message_id, position->symbol, control, now);
                count++;
        }
        return count;
}

/* Symbols on which entries are under way: those would be positions a moment later. */
static void close_under_way(
        struct ex_book *book, const char *message_id, const Pb__Control *control, struct ex_now now)
{
        for (size_t i = 0; i < book->queue_count; i++)
                if (book->queues[i]->count)
                        manual_job(book, message_id, book->queues[i]->symbol, control, now);
}

static void close_all(struct ex_book *book, const char *message_id, const Pb__Control *control,
        struct ex_now now, struct ex_answer *ret_answer)
{
        uint32_t count;

        if (!book->account.known && !book->positions.count) {
                snprintf(ret_answer->text, sizeof(ret_answer->text),
                        "no good snapshot yet: nothing is known about positions");
                refuse(ret_answer, "no_snapshot");
                return;
        }
        count = close_positions(book, message_id, control, now);
        close_under_way(book, message_id, control, now);
        ex_book_advance(book, now);
        snprintf(
                ret_answer->text, sizeof(ret_answer->text), "closing %" PRIu32 " positions", count);
        done(ret_answer, count > 0);
}

static bool is_void(const Pb__Control *control, struct ex_now now)
{
        if (control->command == PB__COMMAND__COMMAND_PAUSE ||
                control->command == PB__COMMAND__COMMAND_KILL)
                return false;
        return control->deadline_us && now.wall_us > control->deadline_us;
}

static bool is_for_us(const Pb__Control *control)
{
        switch (control->command) {
        case PB__COMMAND__COMMAND_PAUSE:
        case PB__COMMAND__COMMAND_RESUME:
        case PB__COMMAND__COMMAND_KILL:
        case PB__COMMAND__COMMAND_CLOSE_ALL:
        case PB__COMMAND__COMMAND_CLOSE:
        case PB__COMMAND__COMMAND_SETTLE:
        case PB__COMMAND__COMMAND_SET_RISK:
        case PB__COMMAND__COMMAND_OPEN_SYMBOL:
        case PB__COMMAND__COMMAND_ENABLE_SERVICE_API:
        case PB__COMMAND__COMMAND_DISABLE_SERVICE_API: return true;
        default: return false;
        }
}

void ex_book_control(struct ex_book *book, const char *message_id, const Pb__Control *control,
        struct ex_now now, struct ex_answer *ret_answer)
{
        *ret_answer = (struct ex_answer){ .code = "" };
        if (!is_for_us(control))
                return;
        if (is_void(control, now)) {
                refuse(ret_answer, "deadline_passed");
                return;
        }
        switch (control->command) {
        case PB__COMMAND__COMMAND_PAUSE:
                set_switch(book, &book->switches.paused, true, now, ret_answer);
                break;
        case PB__COMMAND__COMMAND_KILL:
                set_switch(book, &book->switches.killed, true, now, ret_answer);
                break;
        case PB__COMMAND__COMMAND_RESUME: resume(book, control, now, ret_answer); break;
        case PB__COMMAND__COMMAND_OPEN_SYMBOL:
                open_symbol(book, control->symbol, now, ret_answer);
                break;
        case PB__COMMAND__COMMAND_SETTLE: settle(book, control, now, ret_answer); break;
        case PB__COMMAND__COMMAND_SET_RISK: set_risk(book, control, now, ret_answer); break;
        case PB__COMMAND__COMMAND_CLOSE:
                close_ticket(book, message_id, control, now, ret_answer);
                break;
        case PB__COMMAND__COMMAND_CLOSE_ALL:
                close_all(book, message_id, control, now, ret_answer);
                break;
        case PB__COMMAND__COMMAND_ENABLE_SERVICE_API:
                set_service_api(book, true, now, ret_answer);
                break;
        case PB__COMMAND__COMMAND_DISABLE_SERVICE_API:
                set_service_api(book, false, now, ret_answer);
                break;
        default: break;
        }
}
