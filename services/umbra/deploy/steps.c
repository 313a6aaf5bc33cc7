#include "services/umbra/deploy/steps.h"

#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "services/umbra/ask.h"
#include "services/umbra/backup.h"
#include "services/umbra/command.h"
#include "services/umbra/deploy/logs.h"
#include "services/umbra/deploy/record.h"
#include "services/umbra/deploy/verify.h"
#include "services/umbra/ini_edit.h"
#include "services/umbra/restart.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONFIG_MAX_BYTES ((size_t)1 << 20)
#define SEEN_WITHIN_US   (20 * BUS_US_PER_SEC) /* a heartbeat a second, and a machine under load */
#define POLL_US          (100 * BUS_US_PER_MS)
#define ASK_US           (40 * BUS_US_PER_SEC) /* a backup may take 30 s */
#define PROVE_TRIES      3
#define NAME_SIZE        64   /* of a backup, as health takes it */
#define REHEARSAL_RATE   "20" /* alerts a second: brisk, and nobody's limit */
#define ORDERS_SHARE     20   /* of so many alerts one order at the least must reach the broker */

/* ---- looking ---- */

static bool is_well(const struct client *health, char *why, size_t why_size)
{
        json_t *status = restart_get(health, "/api/status");
        bool well = restart_all_ready(health, why, why_size);

        if (well && !strcmp(text_of(status, "status"), "unhealthy")) {
                snprintf(why, why_size, "health says unhealthy: see 'umbra status'");
                well = false;
        }
        json_decref(status);
        return well;
}

static int take_ready(struct deployment *deployment, char *note)
{
        int64_t until_us = bus_mono_us() + SEEN_WITHIN_US;

        while (!is_well(&deployment->health, note, STEP_NOTE_SIZE)) {
                if (bus_mono_us() > until_us)
                        return -EAGAIN;
                usleep(POLL_US);
        }
        *note = 0;
        return 0;
}

static int take_expect(struct deployment *deployment, const char *expectation, char *note)
{
        int64_t until_us = bus_mono_us() + SEEN_WITHIN_US;
        bool holds;

        for (;;) {
                json_t *status = restart_get(&deployment->health, "/api/status");

                holds = verify(expectation, status, note, STEP_NOTE_SIZE);
                json_decref(status);
                if (holds || bus_mono_us() > until_us)
                        break;
                usleep(POLL_US);
        }
        if (holds)
                *note = 0;
        return holds ? 0 : -EBADMSG;
}

/* ---- asking health ---- */

/* What is wrong with an answer, in one line. */
static void complain(const struct client_answer *answer, char *note)
{
        const json_t *error = json_object_get(answer->json, "error");
        const json_t *gate = json_object_get(answer->json, "failed");
        int used;

        if (!error) {
                snprintf(note, STEP_NOTE_SIZE, "%s",
                        *text_of(answer->json, "status") ? text_of(answer->json, "status")
                                                         : "no answer that tells");
                return;
        }
        used = snprintf(note, STEP_NOTE_SIZE, "%s: %.200s", text_of(error, "code"),
                text_of(error, "message"));
        for (size_t i = 0; i < json_array_size(gate) && used < STEP_NOTE_SIZE; i++)
                used += snprintf(note + used, STEP_NOTE_SIZE - (size_t)used, "%s %s", i ? "," : ":",
                        json_string_value(json_array_get(gate, i)));
}

static int post(const struct deployment *deployment, const char *path, const json_t *body,
        json_t **ret_json, char *note)
{
        BUS_AUTOFREE char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
        struct client_answer answer = { 0 };
        int r;

        r = client_request(
                &deployment->health, "POST", path, text, ASK_US, &answer, note, STEP_NOTE_SIZE);
        if (r < 0)
                return r;
        if (answer.status != 200 || !answer.json) {
                complain(&answer, note);
                r = -EBADMSG;
        } else if (ret_json) {
                *ret_json = json_incref(answer.json);
        }
        client_answer_done(&answer);
        return r;
}

static int take_switch(struct deployment *deployment, const char *command, char *note)
{
        BUS_AUTOFREE char *path = bus_xasprintf("/admin/%s", command);
        json_t *body = json_object(), *answer = NULL;
        int r;

        json_object_set_new(body, "reason",
                json_sprintf("deploy %s%s%s", deployment->phase->name,
                        deployment->reason ? ": " : "",
                        deployment->reason ? deployment->reason : ""));
        if (deployment->force && !strcmp(command, "cutover"))
                json_object_set_new(body, "force", json_string("yes"));
        r = post(deployment, path, body, &answer, note);
        if (!r)
                snprintf(note, STEP_NOTE_SIZE, "%s in %s ms", text_of(answer, "status"),
                        text_of(answer, "ms"));
        json_decref(answer);
        json_decref(body);
        return r;
}

static int take_prove(struct deployment *deployment, char *note)
{
        json_t *answer = NULL;
        int r = -EAGAIN;

        for (int i = 0; r < 0 && i < PROVE_TRIES; i++)
                r = post(deployment, "/admin/test_alert", NULL, &answer, note);
        if (!r) {
                const json_t *alert = json_object_get(answer, "alert");

                snprintf(note, STEP_NOTE_SIZE, "it ended as %s in %s ms, by %s: %s",
                        text_of(alert, "state"), text_of(answer, "ms"), text_of(alert, "plugin"),
                        text_of(alert, "verdict"));
        }
        json_decref(answer);
        return r;
}

/* ---- backup ---- */

static void backup_name(const struct phase *phase, char name[static NAME_SIZE])
{
        int64_t now_us = bus_wall_us();
        time_t now = (time_t)(now_us / BUS_US_PER_SEC);
        struct tm tm;

        gmtime_r(&now, &tm);
        snprintf(name, NAME_SIZE, "before-%s-%04d%02d%02dT%02d%02d%02d.%03d", phase->name,
                (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                tm.tm_sec, (int)(now_us / BUS_US_PER_MS % 1000));
}

static int keep_config(const struct layout *layout, const char *name, char *note)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/backup/%s.ini", layout->state, name);
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        int r;

        r = bus_file_read(layout->config, CONFIG_MAX_BYTES, &text);
        if (!r)
                r = bus_file_replace(path, 0600, bus_buf_bytes(&text));
        if (r < 0)
                snprintf(note, STEP_NOTE_SIZE, "%s: %s", path, strerror(-r));
        return r;
}

static int take_backup(struct deployment *deployment, char *note)
{
        char name[NAME_SIZE];
        BUS_AUTOFREE char *path = NULL;
        unsigned int found;
        int r;

        backup_name(deployment->phase, name);
        path = bus_xasprintf("/admin/backup?name=%s", name);
        r = post(deployment, path, NULL, NULL, note);
        if (!r)
                r = backup_verify(deployment->layout, name, &found, note, STEP_NOTE_SIZE);
        if (!r)
                r = keep_config(deployment->layout, name, note);
        if (r < 0)
                return r;
        json_object_set_new(deployment->record, "backup", json_string(name));
        snprintf(note, STEP_NOTE_SIZE, "%u stores in backup/*/%s.db", found, name);
        return 0;
}

/* ---- configuration ---- */

static void split(const char *path, char **ret_section, char **ret_key)
{
        const char *dot = strchr(path, '.');

        bus_require(dot);
        *ret_section = bus_xasprintf("%.*s", (int)(dot - path), path);
        *ret_key = bus_xstrdup(dot + 1);
}

/* VALUE at PATH of umbra.ini, and into the record what was there, unless that is known already. */
static int set(struct deployment *deployment, const char *path, const char *value, char *note)
{
        BUS_AUTOFREE char *section = NULL, *key = NULL;
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT, old = BUS_BUF_INIT, changed = BUS_BUF_INIT;
        bool is_given;
        int r;

        split(path, &section, &key);
        r = bus_file_read(deployment->layout->config, CONFIG_MAX_BYTES, &text);
        if (r < 0) {
                snprintf(note, STEP_NOTE_SIZE, "%s: %s", deployment->layout->config, strerror(-r));
                return r;
        }
        is_given = ini_get(bus_buf_bytes(&text), section, key, &old);
        record_note_before(deployment->record, path, is_given ? bus_buf_str(&old) : NULL);
        ini_set(bus_buf_bytes(&text), section, key, value, &changed);
        r = layout_write_config(deployment->layout, bus_buf_bytes(&changed));
        snprintf(note, STEP_NOTE_SIZE, r < 0 ? "%s: %s" : "it was %s%s",
                r < 0      ? deployment->layout->config
                : is_given ? bus_buf_str(&old)
                           : "not given",
                r < 0 ? strerror(-r) : "");
        return r;
}

static int take_restore(struct deployment *deployment, const struct step *step, char *note)
{
        const char *before = record_before(deployment->record, step->a);

        return set(deployment, step->a, before && *before ? before : step->b, note);
}

/* Each bot its own token, in a file that can be read: else it would quietly be off. */
static int take_tokens(struct deployment *deployment, char *note)
{
        static const char *const keys[] = { "controller_token_file", "notification_token_file",
                "analytics_token_file" };
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        int r;

        r = bus_file_read(deployment->layout->config, CONFIG_MAX_BYTES, &text);
        for (size_t i = 0; !r && i < BUS_COUNT(keys); i++) {
                BUS_AUTOBUF struct bus_buf path = BUS_BUF_INIT;
                BUS_AUTOFREE char *token = NULL;

                r = ini_get(bus_buf_bytes(&text), "telegram", keys[i], &path)
                            ? bus_file_read_secret(bus_buf_str(&path), &token)
                            : -ENOKEY;
                if (r == -ENOKEY)
                        snprintf(note, STEP_NOTE_SIZE, "telegram.%s is not given", keys[i]);
                else if (r < 0)
                        snprintf(note, STEP_NOTE_SIZE, "telegram.%s = %s: %s", keys[i],
                                bus_buf_str(&path), strerror(-r));
        }
        return r;
}

/* ---- restart ---- */

static int take_restart(struct deployment *deployment, const struct step *step, char *note)
{
        json_t *status = restart_get(&deployment->health, "/api/status");
        int64_t begun_us = bus_mono_us();
        unsigned int count = 0;
        int r = status ? 0 : -ECONNREFUSED, missed = 0;
        char why[STEP_NOTE_SIZE];

        json_decref(status);
        if (r < 0)
                strcpy(note, "health does not answer");
        for (size_t i = 0; !r && step->services[i]; i++) {
                int there = restart_is_there(deployment->layout, &deployment->health,
                        step->services[i], why, sizeof(why));
                struct restarted restarted;

                /* one that health does not hear keeps nobody else from what is installed now */
                if (there < 0) {
                        snprintf(note, STEP_NOTE_SIZE, "%s", why);
                        missed = there;
                }
                if (there <= 0)
                        continue;
                r = restart_service(deployment->layout, &deployment->health, step->services[i],
                        &restarted, note, STEP_NOTE_SIZE);
                count++;
        }
        if (!r && !missed)
                snprintf(note, STEP_NOTE_SIZE, "%u services in %.1f s", count,
                        (double)(bus_mono_us() - begun_us) / (double)BUS_US_PER_SEC);
        return r ? r : missed;
}

/* ---- rehearsal ---- */

/* umbra rehearse, and beyond its sums no ERROR in any log. What it says stands on lines of its own. */
static int take_rehearse(struct deployment *deployment, char *note)
{
        BUS_AUTOFREE char *alerts = bus_xasprintf("%u", deployment->rehearsal);
        BUS_AUTOFREE char *orders_min =
                bus_xasprintf("%u", (deployment->rehearsal + ORDERS_SHARE - 1) / ORDERS_SHARE);
        char *argv[] = { "rehearse", "--state", deployment->layout->state, "--alerts", alerts,
                "--rate", REHEARSAL_RATE, "--orders-min", orders_min, NULL };
        struct logs logs;
        size_t log_count;

        if (!deployment->is_staging) {
                strcpy(note, "left out: [deploy] stage is production");
                return 0;
        }
        putchar('\n');
        log_count = logs_mark(deployment->layout, &logs);
        if (umbra_rehearse((int)BUS_COUNT(argv) - 1, argv) != UMBRA_DONE) {
                strcpy(note, "the rehearsal did not go as it must");
                return -EBADMSG;
        }
        if (logs_error(deployment->layout, &logs, note, STEP_NOTE_SIZE))
                return -EBADMSG;
        snprintf(note, STEP_NOTE_SIZE, "%s alerts, and %s", alerts,
                log_count ? "no ERROR in a log"
                          : "no log in the state folder: look for ERROR where they are");
        return 0;
}

int step_take(
        struct deployment *deployment, const struct step *step, char note[static STEP_NOTE_SIZE])
{
        *note = 0;
        switch (step->kind) {
        case STEP_READY: return take_ready(deployment, note);
        case STEP_EXPECT: return take_expect(deployment, step->a, note);
        case STEP_BACKUP: return take_backup(deployment, note);
        case STEP_TOKENS: return take_tokens(deployment, note);
        case STEP_SET: return set(deployment, step->a, step->b, note);
        case STEP_RESTORE: return take_restore(deployment, step, note);
        case STEP_RESTART: return take_restart(deployment, step, note);
        case STEP_SWITCH: return take_switch(deployment, step->a, note);
        case STEP_PROVE: return take_prove(deployment, note);
        case STEP_REHEARSE: return take_rehearse(deployment, note);
        }
        return -EINVAL;
}
