#include "services/umbra/demo/bots.h"

#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "services/umbra/ask.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PERSON     "7001"
#define READ_US    (400 * BUS_US_PER_MS)
#define DIGEST_US  (4 * BUS_US_PER_SEC) /* what telegram-notify tells is shown that often, at most */
#define START_US   (10 * BUS_US_PER_SEC)
#define ASK_US     (2 * BUS_US_PER_SEC)
#define ANSWER_US  (20 * BUS_US_PER_SEC) /* behind that, no answer is waited for */
#define LINE_BYTES 84

/* The bots, and the beginnings of their tokens. */
static const struct bot {
        const char *name, *token;
} controller = { "ControllerBot", "7101:demo-controller" },
  notification = { "NotificationBot", "7102:demo-notification" },
  analytics = { "AnalyticsBot", "7103:demo-analytics" }, main_bot = { "MainBot", "7104:demo-main" };

/* In the middle of the bursts, and one of them as its service is killed. YES: its question is
 * confirmed. */
static const struct question {
        int64_t at_s;
        const struct bot *bot;
        const char *text, *answer;
        bool yes;
} plan[] = {
        { 3, &controller, "/status", "equity" },
        { 6, &controller, "/trades", "open" },
        { 9, &controller, "/risk", "daily loss" },
        { 14, &analytics, "/pnl", "Results" },
        { 17, &controller, "/setrisk daily_cap 19000", "done", true },
        { 24, &main_bot, "/plugins", "legacy_v3" },
        { 27, &controller, "/shadow", "gate" },
        { 33, &controller, "/mute squeeze", "Muted: squeeze" },
        { 36, &controller, "/alert", "trail of one alert" },
        { 39, &analytics, "/equity 1", "quity" },
        { 41, &analytics, "/parity 1", "arity" },
};

/* ---- the stand-in ---- */

static json_t *call_api(const struct bots *bots, const char *path, json_t *params)
{
        struct client_answer answer = { 0 };
        BUS_AUTOFREE char *body = params ? json_dumps(params, JSON_COMPACT) : NULL;
        char error[256];
        json_t *json = NULL;

        json_decref(params);
        if (client_request(&bots->api, body ? "POST" : "GET", path, body, ASK_US, &answer, error,
                    sizeof(error)) == 0 &&
                answer.status == 200)
                json = json_incref(answer.json);
        client_answer_done(&answer);
        return json;
}

static void run_program(const char *program, const char *port_file)
{
        BUS_AUTOFREE char *names[4] = { 0 };
        const struct bot *bots[] = { &controller, &notification, &analytics, &main_bot };

        for (size_t i = 0; i < BUS_COUNT(bots); i++)
                names[i] = bus_xasprintf("%s=%s", bots[i]->token, bots[i]->name);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setpgid(0, 0);
        if (freopen("/dev/null", "w", stdout))
                execlp("python3", "python3", program, "--port-file", port_file, names[0], names[1],
                        names[2], names[3], (char *)NULL);
        _exit(127);
}

static int write_token(struct bots *bots, const char *key, const struct bot *bot, size_t *count)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/%s", bots->folder, bot->name);
        BUS_AUTOFREE char *text = bus_xasprintf("%s\n", bot->token);

        bots->sets[(*count)++] = bus_xasprintf("telegram.%s_token_file=%s", key, path);
        /* each service reads its own, under a uid of its own */
        return bus_file_replace(path, 0644, bus_bytes_str(text));
}

static int write_tokens(struct bots *bots, size_t *count)
{
        int r = mkdir(bots->folder, 0755) < 0 ? -errno : 0;

        if (r == 0)
                r = write_token(bots, "controller", &controller, count);
        if (r == 0)
                r = write_token(bots, "notification", &notification, count);
        if (r == 0)
                r = write_token(bots, "analytics", &analytics, count);
        if (r == 0)
                r = write_token(bots, "main", &main_bot, count);
        return r;
}

static int wait_for_port(struct bots *bots, const char *port_file)
{
        int64_t deadline_us = bus_mono_us() + START_US;
        BUS_AUTOBUF struct bus_buf port = BUS_BUF_INIT;

        while (bus_file_read(port_file, 16, &port) < 0) {
                if (waitpid(bots->pid, NULL, WNOHANG) == bots->pid) {
                        bots->pid = 0;
                        return -ECHILD;
                }
                if (bus_mono_us() > deadline_us)
                        return -ETIMEDOUT;
                bus_buf_clear(&port);
                usleep(20 * 1000);
        }
        bots->api.url = bus_xasprintf("http://127.0.0.1:%d", atoi(bus_buf_str(&port)));
        return 0;
}

int bots_start(struct bots *bots, const char *program, const char *folder)
{
        BUS_AUTOFREE char *port_file = NULL;
        size_t count = 0;
        int r;

        *bots = (struct bots){ .program = program };
        if (!program)
                return 0;
        bots->folder = bus_xstrdup(folder);
        port_file = bus_xasprintf("%s/port", folder);
        r = write_tokens(bots, &count);
        bots->pid = r == 0 ? fork() : 0;
        if (r == 0 && bots->pid == 0)
                run_program(program, port_file);
        if (r == 0)
                r = bots->pid < 0 ? -errno : wait_for_port(bots, port_file);
        if (r < 0) {
                fprintf(stderr, "umbra demo: %s: %s\n", program, strerror(-r));
                return r;
        }
        bots->sets[count++] = bus_xasprintf("telegram.api_base=%s", bots->api.url);
        bots->sets[count++] = bus_xstrdup("telegram.notify_chats=" PERSON);
        bots->sets[count++] = bus_xstrdup("telegram_user.demo.user=" PERSON);
        bots->sets[count++] = bus_xstrdup("telegram_user.demo.chat=" PERSON);
        bots->sets[count++] = bus_xstrdup("telegram_user.demo.role=admin");
        return 0;
}

void bots_stop(struct bots *bots)
{
        if (bots->pid > 0) {
                kill(bots->pid, SIGKILL);
                while (waitpid(bots->pid, NULL, 0) < 0 && errno == EINTR)
                        continue;
        }
        for (size_t i = 0; i < BUS_COUNT(bots->sets); i++)
                free(bots->sets[i]);
        client_done(&bots->api);
        free(bots->folder);
        *bots = (struct bots){ 0 };
}

const char *bots_url(const struct bots *bots)
{
        return bots->api.url;
}

/* ---- asking ---- */

static void write_to(const struct bots *bots, const struct question *question)
{
        json_decref(call_api(bots, "/ctl/update",
                json_pack("{s:s, s:s, s:i, s:i}", "token", question->bot->token, "text",
                        question->text, "chat_id", atoi(PERSON), "user_id", atoi(PERSON))));
}

/* Yes to the question that MESSAGE is. */
static void press(const struct bots *bots, const struct question *question, const json_t *message)
{
        const json_t *rows =
                json_object_get(json_object_get(message, "reply_markup"), "inline_keyboard");
        const json_t *yes = json_array_get(json_array_get(rows, 0), 0);

        json_decref(call_api(bots, "/ctl/press",
                json_pack("{s:s, s:s, s:i, s:i, s:I}", "token", question->bot->token, "data",
                        text_of(yes, "callback_data"), "chat_id", atoi(PERSON), "user_id",
                        atoi(PERSON), "message_id",
                        json_integer_value(json_object_get(message, "message_id")))));
}

static void ask_next(struct bots *bots, struct report *report, int64_t now_us)
{
        const struct question *question = &plan[bots->asked_count];

        if (bots->asked_count == BUS_COUNT(plan) || now_us < question->at_s * BUS_US_PER_SEC)
                return;
        report_event(report, "phone -> %s: %s", question->bot->name, question->text);
        bots->asked[bots->asked_count] = (struct bots_asked){
                .question = bots->asked_count, .asked_us = bus_wall_us(), .after = bots->last_id
        };
        bots->asked_count++;
        write_to(bots, question);
}

/* ---- what was said ---- */

static const char *text_in(const json_t *message)
{
        const char *text = text_of(message, "text");

        return *text ? text : text_of(message, "caption");
}

static const char *from(const json_t *message)
{
        return text_of(json_object_get(message, "from"), "first_name");
}

static void show(struct bots *bots, struct report *report, const json_t *message)
{
        bool is_digest = !strcmp(from(message), notification.name);
        char line[LINE_BYTES + 1];
        const char *text = text_in(message);
        size_t size = 0;

        if (is_digest && bus_mono_us() - bots->digest_us < DIGEST_US)
                return;
        if (is_digest)
                bots->digest_us = bus_mono_us();
        for (; *text && size < LINE_BYTES - 4; text++)
                line[size++] = (char)(*text == '\n' ? ' ' : *text);
        while (*text && size &&
                ((unsigned char)*text & 0xC0) == 0x80) /* not in a character's middle */
                text--, size--;
        line[size] = 0;
        report_event(report, "%s -> phone: %s%s%s", from(message),
                json_object_get(message, "photo_size") ? "[picture] " : "", line,
                *text ? " ..." : "");
}

static int64_t said_us(const json_t *message)
{
        return (int64_t)(json_real_value(json_object_get(message, "at")) * (double)BUS_US_PER_SEC);
}

/* A question back is confirmed; it is answered by what comes behind that. */
static bool is_asked_back(struct bots *bots, struct bots_asked *asked,
        const struct question *question, const json_t *message, int64_t id)
{
        if (!question->yes || asked->is_pressed)
                return false;
        if (strstr(text_in(message), "sure?")) {
                asked->is_pressed = true;
                asked->after = id;
                asked->asked_us = bus_wall_us();
                press(bots, question, message);
        }
        return true;
}

static void match(struct bots *bots, const json_t *message, int64_t id)
{
        for (size_t i = 0; i < bots->asked_count; i++) {
                struct bots_asked *asked = &bots->asked[i];
                const struct question *question = &plan[asked->question];

                if (asked->took_us || id <= asked->after ||
                        is_asked_back(bots, asked, question, message, id) ||
                        !strstr(text_in(message), question->answer))
                        continue;
                asked->took_us = said_us(message) - asked->asked_us;
                asked->took_us = asked->took_us > 0 ? asked->took_us : 1;
                return;
        }
}

static void read_messages(struct bots *bots, struct report *report)
{
        BUS_AUTOFREE char *path = bus_xasprintf("/ctl/messages?after=%" PRId64, bots->last_id);
        json_t *messages = call_api(bots, path, NULL), *message;
        size_t i;

        json_array_foreach(messages, i, message)
        {
                int64_t id = json_integer_value(json_object_get(message, "message_id"));

                bots->last_id = id > bots->last_id ? id : bots->last_id;
                show(bots, report, message);
                match(bots, message, id);
        }
        json_decref(messages);
}

void bots_turn(struct bots *bots, struct report *report, int64_t now_us)
{
        if (!bots->pid || bus_mono_us() - bots->read_us < READ_US)
                return;
        bots->read_us = bus_mono_us();
        read_messages(bots, report);
        ask_next(bots, report, now_us);
}

bool bots_over(const struct bots *bots)
{
        if (!bots->pid)
                return true;
        for (size_t i = 0; i < bots->asked_count; i++)
                if (!bots->asked[i].took_us && bus_wall_us() - bots->asked[i].asked_us < ANSWER_US)
                        return false;
        return bots->asked_count == BUS_COUNT(plan);
}

void bots_count(struct bots *bots, struct bots_counts *ret_counts)
{
        json_t *stats = bots->pid ? call_api(bots, "/ctl/stats", NULL) : NULL;

        *ret_counts = (struct bots_counts){ .are_on = bots->pid, .asked = bots->asked_count };
        for (size_t i = 0; i < bots->asked_count; i++) {
                int64_t took_us = bots->asked[i].took_us;

                ret_counts->answered += took_us != 0;
                if (took_us > ret_counts->slowest_us)
                        ret_counts->slowest_us = took_us;
        }
        ret_counts->messages = (size_t)json_integer_value(json_object_get(stats, "messages"));
        ret_counts->pictures = (size_t)json_integer_value(json_object_get(stats, "sendPhoto"));
        ret_counts->limits_broken =
                (size_t)json_integer_value(json_object_get(stats, "earned_429"));
        json_decref(stats);
}
