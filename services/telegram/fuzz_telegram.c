/*
 * Any bytes as an answer of the Bot API: it ends, and whatever is in it keeps within the bounds of
 * an update, and told to people again it is markup of ours only.
 */
#include "libbus/base/require.h"
#include "services/telegram/answer.h"
#include "services/telegram/markup.h"
#include "services/telegram/update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT, plain = BUS_BUF_INIT;

        tg_escape(&html, text);
        bus_require(!strchr(bus_buf_str(&html), '<') && !strchr(bus_buf_str(&html), '>'));
        tg_plain(&plain, bus_buf_str(&html));
        bus_require(!strcmp(bus_buf_str(&plain), text));
        bus_require(tg_fit(text, 1) <= 4);
}

static void check_update(const json_t *json)
{
        char command[TG_COMMAND_MAX_BYTES + 1];
        struct tg_update update;
        const char *arguments;

        if (tg_update_read(json, &update) < 0)
                return;
        check_text(update.text);
        check_text(update.name);
        if (tg_command_read(update.text, "UmbraBot", command, &arguments))
                bus_require(arguments >= update.text && *command);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct tg_wire_answer wire = { .status = size && data[0] == '{' ? 200 : 429,
                .body = bus_bytes(data, size),
                .problem = "" };
        struct tg_answer answer;

        tg_answer_init(&answer, &wire, "1:A");
        bus_require(answer.outcome != TG_SLOW_DOWN ||
                    (answer.retry_after_s >= 1 && answer.retry_after_s <= TG_RETRY_AFTER_MAX_S));
        for (size_t i = 0; i < json_array_size(answer.result); i++)
                check_update(json_array_get(answer.result, i));
        tg_answer_done(&answer);
        return 0;
}
