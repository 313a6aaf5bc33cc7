#include "services/umbra/demo/sender.h"

#include "libbus/base/bytes.h"
#include "libbus/base/clock.h"
#include "libbus/base/require.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define CONNECTIONS 16
#define PATIENCE_MS 3000L /* TradingView's */
#define RESEND_US   (5 * BUS_US_PER_SEC)
#define TRIES_MAX   4 /* once and three times again */
#define ANSWER_MAX  65536

struct connection {
        CURL *curl;
        size_t shot; /* in hand */
        bool busy;
        struct bus_buf answer;
};

struct sender {
        const struct traffic *traffic;
        char *url, *wrong_url;
        CURLM *multi;
        struct curl_slist *headers;
        struct connection connections[CONNECTIONS];
        struct outcome *outcomes;
        int64_t *due_us; /* when to send it (again); INT64_MAX: in hand, or done */
        int64_t started_us;
        struct sender_counts counts;
};

static size_t on_answer(char *data, size_t size, size_t count, void *arg)
{
        struct connection *connection = arg;

        if (connection->answer.size + size * count > ANSWER_MAX)
                return 0;
        bus_buf_add(&connection->answer, data, size * count);
        return size * count;
}

static CURL *new_easy(struct sender *sender, struct connection *connection)
{
        CURL *curl = curl_easy_init();

        bus_require(curl);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, sender->headers);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, PATIENCE_MS);
        curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, connection);
        curl_easy_setopt(curl, CURLOPT_PRIVATE, connection);
        return curl;
}

/* The same address, with another token. */
static char *wrong_of(const char *url)
{
        char *wrong = bus_xstrdup(url), *last = strrchr(wrong, '/');

        for (char *p = last ? last + 1 : wrong; *p; p++)
                *p = *p == 'A' ? 'B' : 'A';
        return wrong;
}

struct sender *sender_new(const char *url, const struct traffic *traffic)
{
        struct sender *sender = bus_new(struct sender);

        sender->traffic = traffic;
        sender->url = bus_xstrdup(url);
        sender->wrong_url = wrong_of(url);
        sender->multi = curl_multi_init();
        bus_require(sender->multi);
        sender->headers = curl_slist_append(NULL, "Content-Type: text/plain; charset=utf-8");
        for (size_t i = 0; i < CONNECTIONS; i++)
                sender->connections[i].curl = new_easy(sender, &sender->connections[i]);
        sender->outcomes = bus_new_n(struct outcome, traffic->count);
        sender->due_us = bus_new_n(int64_t, traffic->count);
        sender->started_us = bus_mono_us();
        for (size_t i = 0; i < traffic->count; i++)
                sender->due_us[i] = sender->started_us + traffic->shots[i].at_us;
        return sender;
}

void sender_trust(struct sender *sender, const char *ca_file)
{
        for (size_t i = 0; i < CONNECTIONS; i++)
                curl_easy_setopt(sender->connections[i].curl, CURLOPT_CAINFO, ca_file);
}

struct sender *sender_free(struct sender *sender)
{
        if (!sender)
                return NULL;
        for (size_t i = 0; i < CONNECTIONS; i++) {
                if (sender->connections[i].busy)
                        curl_multi_remove_handle(sender->multi, sender->connections[i].curl);
                curl_easy_cleanup(sender->connections[i].curl);
                bus_buf_done(&sender->connections[i].answer);
        }
        curl_multi_cleanup(sender->multi);
        curl_slist_free_all(sender->headers);
        free(sender->outcomes);
        free(sender->due_us);
        free(sender->url);
        free(sender->wrong_url);
        free(sender);
        return NULL;
}

/* ---- sending ---- */

static void start(struct sender *sender, struct connection *connection, size_t shot)
{
        const struct shot *what = &sender->traffic->shots[shot];

        connection->busy = true;
        connection->shot = shot;
        bus_buf_clear(&connection->answer);
        sender->due_us[shot] = INT64_MAX;
        if (sender->outcomes[shot].tries++)
                sender->counts.resent++;
        else
                sender->counts.sent++;
        curl_easy_setopt(connection->curl, CURLOPT_URL,
                what->kind == SHOT_STRANGER ? sender->wrong_url : sender->url);
        curl_easy_setopt(connection->curl, CURLOPT_POSTFIELDS, what->body);
        curl_easy_setopt(connection->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(what->body));
        curl_multi_add_handle(sender->multi, connection->curl);
}

static struct connection *free_connection(struct sender *sender)
{
        for (size_t i = 0; i < CONNECTIONS; i++)
                if (!sender->connections[i].busy)
                        return &sender->connections[i];
        return NULL;
}

/* A copy is sent when its original has been answered: before that there is nothing to repeat. */
static bool may_go(const struct sender *sender, size_t shot)
{
        const struct shot *what = &sender->traffic->shots[shot];

        return what->kind != SHOT_DUPLICATE ||
               sender->outcomes[what->original].fate != FATE_WAITING;
}

static void send_due(struct sender *sender)
{
        int64_t now_us = bus_mono_us();
        struct connection *connection;

        for (size_t i = 0; i < sender->traffic->count; i++) {
                if (sender->due_us[i] > now_us || !may_go(sender, i))
                        continue;
                connection = free_connection(sender);
                if (!connection)
                        return;
                start(sender, connection, i);
        }
}

/* ---- answers ---- */

static enum fate fate_of(long status, const json_t *answer, struct outcome *outcome)
{
        const char *word = json_string_value(json_object_get(answer, "status"));
        const char *alert_id = json_string_value(json_object_get(answer, "alert_id"));

        if (status == 200 && word && alert_id && strlen(alert_id) < sizeof(outcome->alert_id)) {
                strcpy(outcome->alert_id, alert_id);
                outcome->seq = (uint64_t)json_integer_value(json_object_get(answer, "seq"));
                return strcmp(word, "duplicate") ? FATE_ACCEPTED : FATE_DUPLICATE;
        }
        return status >= 400 && status < 500 ? FATE_REJECTED : FATE_WAITING;
}

static void count_fate(struct sender *sender, enum fate fate)
{
        switch (fate) {
        case FATE_ACCEPTED: sender->counts.accepted++; break;
        case FATE_DUPLICATE: sender->counts.duplicates++; break;
        case FATE_REJECTED: sender->counts.rejected++; break;
        case FATE_UNKNOWN: sender->counts.unknown++; break;
        case FATE_WAITING: break;
        }
}

static void finish(struct sender *sender, struct connection *connection, CURLcode code)
{
        struct outcome *outcome = &sender->outcomes[connection->shot];
        json_t *json = NULL;
        curl_off_t took_us = 0;

        connection->busy = false;
        curl_multi_remove_handle(sender->multi, connection->curl);
        if (code == CURLE_OK) {
                curl_easy_getinfo(connection->curl, CURLINFO_RESPONSE_CODE, &outcome->status);
                curl_easy_getinfo(connection->curl, CURLINFO_TOTAL_TIME_T, &took_us);
                outcome->took_us = took_us;
                if (took_us > sender->counts.slowest_us)
                        sender->counts.slowest_us = took_us;
                json = json_loadb(
                        (const char *)connection->answer.data, connection->answer.size, 0, NULL);
                outcome->fate = fate_of(outcome->status, json, outcome);
                json_decref(json);
                if (outcome->fate == FATE_WAITING)
                        sender->counts.refused_by = outcome->status;
        } else {
                outcome->answer_lost = true;
                sender->counts.unanswered++;
                sender->counts.why = curl_easy_strerror(code);
        }
        if (outcome->fate == FATE_WAITING && outcome->tries >= TRIES_MAX)
                outcome->fate = FATE_UNKNOWN;
        if (outcome->fate == FATE_WAITING)
                sender->due_us[connection->shot] = bus_mono_us() + RESEND_US;
        count_fate(sender, outcome->fate);
}

static void take_answers(struct sender *sender)
{
        struct connection *connection;
        const CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(sender->multi, &left))) {
                CURLcode code = message->data.result;

                if (message->msg != CURLMSG_DONE)
                        continue;
                curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&connection);
                finish(sender, connection, code);
        }
}

bool sender_turn(struct sender *sender, int timeout_ms)
{
        const struct sender_counts *counts = &sender->counts;
        int running;

        send_due(sender);
        curl_multi_perform(sender->multi, &running);
        take_answers(sender);
        if (counts->accepted + counts->duplicates + counts->rejected + counts->unknown ==
                sender->traffic->count)
                return false;
        curl_multi_poll(sender->multi, NULL, 0, timeout_ms, NULL);
        return true;
}

const struct sender_counts *sender_counts(const struct sender *sender)
{
        return &sender->counts;
}

const struct outcome *sender_outcome(const struct sender *sender, size_t n)
{
        bus_require(n < sender->traffic->count);
        return &sender->outcomes[n];
}
