#pragma once
/*
 * What a POST to /admin/ asks for, as a Control message: one table of commands, their arguments and
 * who answers them. Pure.
 */
#include "libbus/base/ids.h"

#include "control.pb-c.h"

#include <jansson.h>

#define ADMIN_RISK_MAX   32 /* as the validator of Control takes */
#define ADMIN_TEXT_SIZE  65
#define ADMIN_WHY_SIZE   257
#define ADMIN_ERROR_SIZE 200
#define ADMIN_GATE_MAX   16 /* conditions of the gate, with room */

struct admin_command {
        const char *name;    /* "pause"; static */
        const char *service; /* who answers; NULL: every service */
        bool is_switch;      /* of the slot: one at a time, and void after its deadline */
        bool activates;      /* may put a plugin in charge: the gate judges it */
        bool is_urgent;      /* applies whenever it arrives: sent also to a service that is down */
        int64_t wait_us;     /* how long an answer is waited for */
        Pb__Control control; /* texts are borrowed from here: do not copy the struct */
        char plugin[ADMIN_TEXT_SIZE], cl_ord_id[ADMIN_TEXT_SIZE], symbol[ADMIN_TEXT_SIZE];
        char reason[ADMIN_WHY_SIZE], actor[ADMIN_TEXT_SIZE], backup_name[ADMIN_TEXT_SIZE];
        Pb__RiskSetting risk[ADMIN_RISK_MAX], *risk_list[ADMIN_RISK_MAX];
        char *gate_failed[ADMIN_GATE_MAX]; /* static texts, for control.gate_failed */
        json_t *params;                    /* owned: the risk settings' texts are in it */
};

/*
 * PATH is what follows /admin/ ("settle/0123456789ABCDEF"). PARAMS: an object of the query's and the
 * body's parameters; taken over. ACTOR: who asks. 0, -ENOENT for no such command, -EINVAL with a
 * line in ERROR. admin_command_done in any case.
 */
BUS_MUST int admin_parse(const char *path, json_t *params, const char *actor, int64_t now_us,
        struct admin_command *ret_command, char error[static ADMIN_ERROR_SIZE]);
void admin_command_done(struct admin_command *command);

/* The N-th command's name, for people; NULL: no more. */
const char *admin_name(size_t n);

/* "rollback", asked for by health itself; REASON is cut to fit. */
void admin_make_rollback(
        const char *actor, const char *reason, int64_t now_us, struct admin_command *ret_command);
