/* Switches of the slot: from the command to the record and its result. */
#include "libbus/base/clock.h"
#include "libbus/base/ids.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "proto/unpack.h"
#include "proto/validate.h"
#include "services/common/switch_judged.h"
#include "services/strategy-v3/service.h"

#include "control.pb-c.h"

#include <inttypes.h>
#include <stdio.h>

struct command {
        Pb__Command command;
        enum slot_change change;
        const char *topic;
};

static const struct command commands[] = {
        { PB__COMMAND__COMMAND_ENABLE_PLUGIN, SLOT_ENABLE, "control.result.enable_plugin" },
        { PB__COMMAND__COMMAND_DISABLE_PLUGIN, SLOT_DISABLE, "control.result.disable_plugin" },
        { PB__COMMAND__COMMAND_CUTOVER, SLOT_CUTOVER, "control.result.cutover" },
        { PB__COMMAND__COMMAND_ROLLBACK, SLOT_ROLLBACK, "control.result.rollback" },
        { PB__COMMAND__COMMAND_RESUME, SLOT_RESUME, "control.result.resume" },
};

static const struct command *command_of(Pb__Command command)
{
        for (size_t i = 0; i < BUS_COUNT(commands); i++)
                if (commands[i].command == command)
                        return &commands[i];
        return NULL;
}

/* What now holds, as facts of a result. */
struct facts {
        Pb__ResultFact items[8], *list[8];
        char texts[8][96];
        size_t count;
};

static void add_fact(struct facts *facts, const char *key, const char *value)
{
        Pb__ResultFact *fact = &facts->items[facts->count];

        bus_require(facts->count < BUS_COUNT(facts->items));
        pb__result_fact__init(fact);
        snprintf(facts->texts[facts->count], sizeof(facts->texts[0]), "%s", value);
        fact->key = (char *)key;
        fact->value = facts->texts[facts->count];
        facts->list[facts->count++] = fact;
}

static void collect_facts(
        const struct slot_record *now, int64_t asked_us, int64_t now_us, struct facts *ret_facts)
{
        char text[BUS_POS_TEXT_SIZE];

        ret_facts->count = 0;
        add_fact(ret_facts, "active", slot_seat_name(now->active));
        add_fact(ret_facts, "exits_by", slot_seat_name(now->exits_by));
        for (size_t i = 0; i < SLOT_SEATS; i++)
                add_fact(ret_facts, slot_seat_name((enum slot_seat)i),
                        now->enabled[i] ? "enabled" : "disabled");
        snprintf(text, sizeof(text), "%" PRIu64, now->epoch);
        add_fact(ret_facts, "epoch", text);
        add_fact(ret_facts, "position", bus_pos_format(now->from, text));
        snprintf(text, sizeof(text), "%" PRId64, now_us > asked_us ? now_us - asked_us : 0);
        add_fact(ret_facts, "took_us", text);
}

static const char *text_of(const char *code)
{
        static const char *const texts[][2] = {
                { "deadline_passed", "the switch came after its deadline and is void" },
                { "epoch_changed", "somebody else changed the slot since this was asked" },
                { "not_from_health", "only health may make this plugin trade" },
                { "gate_not_passed", "the gate is not passed" },
                { "force_without_reason", "force needs a reason" },
                { "unknown_plugin", "the slot has no such plugin" },
                { "plugin_not_loaded", "the plugin is not loaded" },
                { "another_goes_first", "the other plugin is enabled and goes first" },
        };

        for (size_t i = 0; i < BUS_COUNT(texts); i++)
                if (!strcmp(texts[i][0], code))
                        return texts[i][1];
        return "";
}

static void answer(struct sv3 *self, const struct bus_message *message,
        const struct command *command, int outcome, const char *code)
{
        Pb__ControlResult result = PB__CONTROL_RESULT__INIT;
        struct facts facts;

        collect_facts(slot_now(&self->slot), message->envelope->staged_us, bus_wall_us(), &facts);
        result.command_id = message->envelope->message_id;
        result.command = command->command;
        result.service = (char *)bus_service_name(self->service);
        result.status = outcome == SLOT_CHANGED     ? PB__RESULT_STATUS__RESULT_STATUS_DONE
                        : outcome == SLOT_UNCHANGED ? PB__RESULT_STATUS__RESULT_STATUS_UNCHANGED
                                                    : PB__RESULT_STATUS__RESULT_STATUS_REFUSED;
        result.code = (char *)code;
        result.text = (char *)text_of(code);
        result.n_facts = facts.count;
        result.facts = facts.list;
        bus_emit(self->service, &(struct bus_out){ .stream = "control.result",
                                        .topic = command->topic,
                                        .body = &result.base,
                                        .cause = message });
}

/* ---- a crash is a command nobody gave ---- */

static void answer_crash(struct sv3 *self, const char *id, const char *plugin)
{
        Pb__ControlResult result = PB__CONTROL_RESULT__INIT;
        BUS_AUTOFREE char *text = bus_xasprintf("%s has crashed: rolled back", plugin);
        struct facts facts;
        int64_t now_us = bus_wall_us();

        collect_facts(slot_now(&self->slot), now_us, now_us, &facts);
        result.command_id = (char *)id;
        result.command = PB__COMMAND__COMMAND_ROLLBACK;
        result.service = (char *)bus_service_name(self->service);
        result.status = PB__RESULT_STATUS__RESULT_STATUS_DONE;
        result.text = text;
        result.n_facts = facts.count;
        result.facts = facts.list;
        bus_emit(self->service, &(struct bus_out){ .stream = "control.result",
                                        .topic = "control.result.rollback",
                                        .body = &result.base,
                                        .alert_id = "" });
}

/* From that signal on: the record holds for what is behind the one before it. */
static void roll_back_from(struct sv3 *self, struct bus_pos crashed, const char *plugin)
{
        char id[BUS_ID_SIZE];
        const struct slot_request request = { .change = SLOT_ROLLBACK,
                .command_id = id,
                .from = { crashed.incarnation, crashed.seq - 1, 0 },
                .now_us = bus_wall_us() };
        struct slot_record record;
        const char *code = "";

        bus_id_new(id);
        if (slot_request(&self->slot, &request, &record, &code) != SLOT_CHANGED)
                return;
        sv3_slot_adopt(self, &record);
        answer_crash(self, id, plugin);
}

void sv3_look_for_crash(struct sv3 *self)
{
        const struct slot_record *now = slot_now(&self->slot);
        const char *plugin = slot_seat_name(now->active);
        struct bus_pos crashed;

        /* the newest switch may be from behind the crash: somebody has acted already */
        if (!bus_crashed_on(self->service, "signal", "alert-ingest", &crashed) ||
                now->active != SLOT_SUCCESSOR || bus_pos_compare(now->from, crashed) >= 0)
                return;
        bus_alarm(self->service, "plugin_crashed", plugin, PB__SEVERITY__SEVERITY_CRITICAL,
                "%s was judging a signal when strategy-v3 crashed%s", plugin,
                self->auto_rollback ? ": rolled back" : "");
        if (self->auto_rollback)
                roll_back_from(self, crashed, plugin);
}

/* ---- commands ---- */

static bool is_from_health(const struct bus_message *message)
{
        return !strcmp(message->stream, "control@health");
}

static void obey(struct sv3 *self, const struct bus_message *message, const Pb__Control *control,
        const struct command *command)
{
        const struct slot_request request = { .change = command->change,
                .plugin = control->plugin,
                .expected_epoch = control->expected_epoch,
                .deadline_us = control->deadline_us,
                .from_health = is_from_health(message),
                .gate_passed = control->gate_passed,
                .force = control->force,
                .has_reason = *control->reason,
                .command_id = message->envelope->message_id,
                .from = sv3_position(self),
                .now_us = bus_wall_us() };
        struct slot_record record;
        const char *code = "";
        int outcome;

        outcome = slot_request(&self->slot, &request, &record, &code);
        /* resume is first of all the executor's: without a pause of ours it answers alone */
        if (command->change == SLOT_RESUME && outcome == SLOT_UNCHANGED)
                return;
        if (outcome == SLOT_CHANGED) {
                sv3_slot_adopt(self, &record);
                bus_alarm_end(self->service, "plugin_crashed", slot_seat_name(SLOT_SUCCESSOR));
        }
        if (outcome == SLOT_REFUSED)
                log_warn("switch_refused", "command=%s code=%s actor=\"%s\"",
                        command->topic + strlen("control.result."), code, control->actor);
        if (request.from_health || !switch_is_judged(control, slot_seat_name(SLOT_INCUMBENT)))
                answer(self, message, command, outcome, code);
        /* durable before any signal is judged under it */
        bus_commit_now(self->service);
}

int sv3_on_control(void *arg, const struct bus_message *message)
{
        struct sv3 *self = arg;
        ProtobufCMessage *unpacked = NULL;
        const Pb__Control *control;
        const struct command *command;
        const char *why = "";
        int r;

        r = message_unpack(&pb__control__descriptor, message->body, &unpacked, &why);
        control = (const Pb__Control *)unpacked;
        if (!r)
                r = validate_control(control, &why);
        if (r < 0)
                log_warn("bad_control", "stream=%s why=\"%s\"", message->stream, why);
        command = r < 0 ? NULL : command_of(control->command);
        if (command)
                obey(self, message, control, command);
        protobuf_c_message_free_unpacked(unpacked, NULL);
        return r < 0 ? BUS_QUARANTINE : 0;
}
