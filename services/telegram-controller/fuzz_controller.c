/*
 * Any bytes as an update of Telegram, taken as the controller takes one: who may, which command, what it
 * asks of whom. Whatever is made of it passes health's own parser or is refused, keeps within the bounds
 * of what is remembered, and is remembered as it was.
 */
#include "libbus/base/require.h"
#include "proto/validate.h"
#include "services/health/admin.h"
#include "services/telegram-controller/commands.h"
#include "services/telegram-controller/memory.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_memory(const struct tg_update *update, const char *name, const char *arguments)
{
        static struct memory memory, again;
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;
        struct memory_waiting *asked;

        memory = again = (struct memory){ 0 };
        bus_require(memory_take(&memory, "0123456789abcdef", update->update_id));
        asked = memory_place(memory.confirmations);
        snprintf(asked->id, sizeof(asked->id), "%s", "ID");
        asked->chat_id = update->chat_id;
        asked->at_us = 1;
        snprintf(asked->name, sizeof(asked->name), "%s", name);
        snprintf(asked->arguments, sizeof(asked->arguments), "%s", arguments);
        memory_pack(&memory, &packed);
        bus_require(memory_unpack(bus_buf_bytes(&packed), &again) == 0);
        bus_require(!memory_take(&again, "0123456789abcdef", update->update_id));
        asked = memory_find(again.confirmations, "ID");
        bus_require(asked && asked->chat_id == update->chat_id && !strcmp(asked->name, name));
}

static void act(const struct command_spec *spec, const char *arguments)
{
        char error[ADMIN_ERROR_SIZE];
        BUS_AUTOFREE char *path = NULL;
        struct admin_command command = { 0 };
        const char *why;
        json_t *params;

        if (spec->kind != COMMAND_ACT || strlen(arguments) >= MEMORY_ARGS_SIZE ||
                command_to_path(spec, arguments, &path, &params) < 0)
                return;
        if (admin_parse(path, params, "telegram:1", 1, &command, error) == 0)
                bus_require(validate_control(&command.control, &why) == 0);
        admin_command_done(&command);
}

static void take(const char *text, const struct tg_update *update)
{
        char name[TG_COMMAND_MAX_BYTES + 1];
        const struct command_spec *spec;
        const char *arguments;

        if (!tg_command_read(text, "UmbraBot", name, &arguments))
                return;
        check_memory(update, name, arguments);
        spec = command_find(name);
        if (spec)
                act(spec, arguments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        json_t *json = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
        BUS_AUTOFREE char *pressed = NULL;
        struct tg_update update;

        if (json && tg_update_read(json, &update) == 0) {
                take(update.text, &update);
                if (!strncmp(update.data, "c:", 2)) {
                        pressed = bus_xasprintf("/%s", update.data + 2);
                        take(pressed, &update);
                }
        }
        json_decref(json);
        return 0;
}
