#include "services/telegram-controller/render.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"
#include "services/telegram/markup.h"
#include "services/telegram/update.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX   4
#define ITEMS_MAX   8    /* of a list: a phone shows no more at a glance */
#define TEXT_MAX    3600 /* under a message's 4096, with room for a line that says there is more */
#define BUTTONS_MAX 8
#define INDENT      2

/* ---- JSON ---- */

static void render_value(struct bus_buf *buf, const char *key, const json_t *value, int depth);

static void render_scalar(struct bus_buf *buf, const json_t *value)
{
        if (json_is_string(value))
                tg_escape(buf, json_string_value(value));
        else if (json_is_integer(value))
                bus_buf_printf(buf, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else if (json_is_real(value))
                bus_buf_printf(buf, "%.6g", json_real_value(value));
        else
                bus_buf_add_str(buf, json_is_true(value)    ? "yes"
                                     : json_is_false(value) ? "no"
                                                            : "-");
}

static bool is_scalar(const json_t *value)
{
        return !json_is_object(value) && !json_is_array(value);
}

static void render_words(struct bus_buf *buf, const json_t *list)
{
        size_t index;
        json_t *value;

        json_array_foreach((json_t *)list, index, value)
        {
                if (index)
                        bus_buf_add_str(buf, ", ");
                render_scalar(buf, value);
        }
        if (!json_array_size(list))
                bus_buf_add_str(buf, "none");
        bus_buf_add_str(buf, "\n");
}

static void render_members(struct bus_buf *buf, const json_t *object, int depth)
{
        const char *key;
        json_t *value;

        json_object_foreach((json_t *)object, key, value) render_value(buf, key, value, depth);
}

static void render_list(struct bus_buf *buf, const json_t *list, int depth)
{
        size_t index, count = json_array_size(list);
        json_t *value;

        bus_buf_add_str(buf, "\n");
        json_array_foreach((json_t *)list, index, value)
        {
                if (index == ITEMS_MAX) {
                        tg_printf(buf, "… %zu more\n", count - index);
                        break;
                }
                if (index)
                        bus_buf_add_str(buf, "—\n");
                if (json_is_object(value))
                        render_members(buf, value, depth + 1);
        }
}

static void render_value(struct bus_buf *buf, const char *key, const json_t *value, int depth)
{
        if (buf->size > TEXT_MAX || depth > DEPTH_MAX)
                return;
        for (int i = 0; i < depth * INDENT; i++)
                bus_buf_add_str(buf, " ");
        tg_printf(buf, is_scalar(value) ? "%s: " : "<b>%s</b>: ", key);
        if (json_is_object(value)) {
                bus_buf_add_str(buf, "\n");
                render_members(buf, value, depth + 1);
        } else if (json_is_array(value) && is_scalar(json_array_get(value, 0))) {
                render_words(buf, value);
        } else if (json_is_array(value)) {
                render_list(buf, value, depth);
        } else {
                render_scalar(buf, value);
                bus_buf_add_str(buf, "\n");
        }
}

void render_json(
        struct bus_buf *buf, const char *title, const json_t *json, const char *const *keys)
{
        tg_printf(buf, "<b>%s</b>\n", title);
        if (json_is_array(json))
                render_list(buf, json, 0);
        else if (!keys)
                render_members(buf, json, 0);
        for (; keys && *keys; keys++)
                if (json_object_get(json, *keys))
                        render_value(buf, *keys, json_object_get(json, *keys), 0);
        if (buf->size > TEXT_MAX)
                bus_buf_add_str(buf, "… more: see the page of health\n");
}

/* ---- the account ---- */

static void add_money(struct bus_buf *buf, const char *what, int64_t cents)
{
        char text[E8_TEXT_SIZE];

        bus_buf_printf(buf, "%s: %s\n", what, cents_format(cents, text));
}

static void add_e8(struct bus_buf *buf, int64_t value_e8)
{
        char text[E8_TEXT_SIZE];

        bus_buf_add_str(buf, e8_format_short(value_e8, text));
}

static const char *mode_of(const Pb__Account *account)
{
        return account->killed   ? "killed: nothing is sent"
               : account->paused ? "paused: no new positions"
               : account->halted ? "halted: a limit is hit"
                                 : "trading";
}

void render_status(struct bus_buf *buf, const json_t *health, const Pb__Account *account)
{
        static const char *const keys[] = { "status", "uptime", "open_trades", "plugins_active",
                "telegram_bots", NULL };

        render_json(buf, "Umbra", health, keys);
        if (!account)
                return;
        bus_buf_printf(buf, "%s, broker %s\n", mode_of(account),
                account->connected ? "connected" : "NOT connected");
        add_money(buf, "equity", account->equity_cents);
        add_money(buf, "daily loss", account->daily_loss_cents);
        if (account->unknown_orders || account->manual_orders)
                bus_buf_printf(buf, "orders of unknown outcome: %u, to be settled: %u\n",
                        account->unknown_orders, account->manual_orders);
}

void render_trades(struct bus_buf *buf, const Pb__Account *account)
{
        if (!account) {
                bus_buf_add_str(buf, "No snapshot of the account has been seen yet.");
                return;
        }
        tg_printf(buf, "<b>%zu open</b>\n", account->n_positions);
        for (size_t i = 0; i < account->n_positions && buf->size < TEXT_MAX; i++) {
                const Pb__AccountPosition *at = account->positions[i];

                tg_printf(buf, "<b>%s</b> %s ", at->symbol,
                        at->side == PB__SIDE__SIDE_BUY ? "buy" : "sell");
                add_e8(buf, at->volume_e8);
                bus_buf_add_str(buf, " at ");
                add_e8(buf, at->open_price_e8);
                bus_buf_add_str(buf, ", stop ");
                add_e8(buf, at->sl_e8);
                bus_buf_add_str(buf, ", target ");
                add_e8(buf, at->tp_e8);
                bus_buf_printf(buf, " #%" PRIu64 "%s\n", at->ticket, at->ours ? "" : " (not ours)");
                add_money(buf, "  profit", at->profit_cents);
        }
}

void render_risk(struct bus_buf *buf, const Pb__Account *account)
{
        if (!account) {
                bus_buf_add_str(buf, "No snapshot of the account has been seen yet.");
                return;
        }
        bus_buf_add_str(buf, "<b>Risk</b>\n");
        bus_buf_printf(buf, "%s\n", mode_of(account));
        add_money(buf, "daily loss", account->daily_loss_cents);
        add_money(buf, "lifetime loss", account->lifetime_loss_cents);
        add_money(buf, "open risk", account->open_risk_cents);
        add_money(buf, "balance", account->balance_cents);
        add_money(buf, "equity", account->equity_cents);
        add_money(buf, "free margin", account->margin_free_cents);
}

/* ---- help and results ---- */

void render_help(struct bus_buf *buf, enum tg_right right)
{
        const struct command_spec *spec;

        bus_buf_add_str(buf, "<b>Commands</b>\n");
        for (size_t i = 0; (spec = command_at(i)); i++)
                if (spec->right <= right)
                        tg_printf(buf, "/%s%s%s - %s\n", spec->name, spec->arguments ? " " : "",
                                spec->arguments ? spec->arguments : "", spec->help);
}

void render_result(struct bus_buf *buf, const char *command, const Pb__ControlResult *result)
{
        static const char *const words[] = { "?", "done", "unchanged: it already held", "refused",
                "failed" };
        const char *word = (size_t)result->status < BUS_COUNT(words) ? words[result->status] : "?";

        tg_printf(buf, "<b>/%s</b>: %s (%s)", command, word, result->service);
        if (*result->code)
                tg_printf(buf, "\n%s", result->code);
        if (*result->text)
                tg_printf(buf, "\n%s", result->text);
        for (size_t i = 0; i < result->n_facts && buf->size < TEXT_MAX; i++)
                tg_printf(buf, "\n%s: %s", result->facts[i]->key, result->facts[i]->value);
}

/* ---- buttons ---- */

static json_t *button(const char *text, const char *data)
{
        return json_pack("{s:s, s:s}", "text", text, "callback_data", data);
}

static char *keyboard(json_t *rows)
{
        json_t *markup = json_pack("{s:o}", "inline_keyboard", rows);
        char *text = json_dumps(markup, JSON_COMPACT);

        bus_require(text);
        json_decref(markup);
        return text;
}

char *render_menu(enum tg_right right)
{
        static const char *const rows[][4] = { { "status", "health", "trades" },
                { "risk", "plugins", "shadow" }, { "alert", "daily", "help" },
                { "pause", "resume", "closeall" }, { "cutover", "rollback", "kill" } };
        json_t *all = json_array();

        for (size_t i = 0; i < BUS_COUNT(rows); i++) {
                json_t *row = json_array();

                for (size_t k = 0; rows[i][k]; k++) {
                        char data[TG_COMMAND_MAX_BYTES + 4];

                        if (command_find(rows[i][k])->right > right)
                                continue;
                        snprintf(data, sizeof(data), "c:%s", rows[i][k]);
                        json_array_append_new(row, button(rows[i][k], data));
                }
                if (json_array_size(row))
                        json_array_append_new(all, row);
                else
                        json_decref(row);
        }
        return keyboard(all);
}

char *render_yes_no(const char *id)
{
        char yes[TG_DATA_MAX_BYTES], no[TG_DATA_MAX_BYTES];

        snprintf(yes, sizeof(yes), "y:%s", id);
        snprintf(no, sizeof(no), "n:%s", id);
        return keyboard(json_pack("[[o, o]]", button("Yes, do it", yes), button("No", no)));
}

char *render_close_buttons(const Pb__Account *account)
{
        json_t *rows = json_array();

        for (size_t i = 0; account && i < account->n_positions && i < BUTTONS_MAX; i++) {
                const Pb__AccountPosition *at = account->positions[i];
                char data[TG_DATA_MAX_BYTES];
                BUS_AUTOFREE char *text =
                        bus_xasprintf("Close %s #%" PRIu64, at->symbol, at->ticket);

                snprintf(data, sizeof(data), "c:close %" PRIu64, at->ticket);
                json_array_append_new(rows, json_pack("[o]", button(text, data)));
        }
        if (json_array_size(rows))
                return keyboard(rows);
        json_decref(rows);
        return NULL;
}
