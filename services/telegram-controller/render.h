#pragma once
/*
 * Answers as Telegram's HTML: what health says in JSON, the account, the help. Pure; every text that
 * is not ours is escaped.
 */
#include "services/telegram-controller/commands.h"

#include "account.pb-c.h"
#include "control.pb-c.h"

/* KEYS: the members to tell, in this order, NULL-terminated; NULL: all. */
void render_json(
        struct bus_buf *buf, const char *title, const json_t *json, const char *const *keys);
/* The short form of GET /health. ACCOUNT may be NULL. */
void render_status(struct bus_buf *buf, const json_t *health, const Pb__Account *account);
void render_trades(struct bus_buf *buf, const Pb__Account *account);
void render_risk(struct bus_buf *buf, const Pb__Account *account);
/* What RIGHT may use. */
void render_help(struct bus_buf *buf, enum tg_right right);
void render_result(struct bus_buf *buf, const char *command, const Pb__ControlResult *result);

/* reply_markup as JSON, allocated: the menu; the yes and no of a question; a close button a position
 * (NULL: none is open). */
char *render_menu(enum tg_right right);
char *render_yes_no(const char *id);
char *render_close_buttons(const Pb__Account *account);
