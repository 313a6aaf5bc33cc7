#include "services/umbra/demo/judge.h"

#include "libbus/base/require.h"
#include "services/umbra/decide_line.h"

#include <errno.h>
#include <string.h>

static const char *const names[JUDGE_PLUGINS] = { "legacy_v3", "combined_v3" };

int judge_init(struct judge *judge, const char *dir, char error[static PLUGIN_ERROR_SIZE])
{
        int r = 0;

        *judge = (struct judge){ 0 };
        symbols_init(&judge->symbols);
        for (size_t i = 0; !r && i < JUDGE_PLUGINS; i++) {
                r = plugin_open(dir, names[i], error, &judge->plugins[i]);
                if (!r)
                        r = plugin_start(judge->plugins[i], &judge->symbols, error);
        }
        return r;
}

void judge_done(struct judge *judge)
{
        for (size_t i = 0; i < JUDGE_PLUGINS; i++)
                plugin_close(judge->plugins[i]);
        symbols_done(&judge->symbols);
}

json_t *judge_decide(void *arg, const char *plugin, const char *body, const json_t *context)
{
        struct judge *judge = arg;
        BUS_AUTOBUF struct bus_buf line = BUS_BUF_INIT, answer = BUS_BUF_INIT;
        BUS_AUTOFREE char *text = context ? json_dumps(context, JSON_COMPACT) : NULL;
        char error[PLUGIN_ERROR_SIZE];
        struct plugin *asked = judge->plugins[0];

        for (size_t i = 0; i < JUDGE_PLUGINS; i++)
                if (!strcmp(plugin, names[i]))
                        asked = judge->plugins[i];
        bus_buf_printf(&line, "{\"alert\":%s,\"context\":%s}", body, text ? text : "null");
        if (decide_line(asked, &judge->symbols, bus_buf_bytes(&line), &answer, error) != DECIDE_OK)
                return NULL;
        return json_loadb((const char *)answer.data, answer.size, 0, NULL);
}
