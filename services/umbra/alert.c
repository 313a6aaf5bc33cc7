/*
 * umbra alert: posts an alert as TradingView would.
 */
#include "libbus/base/clock.h"
#include "libbus/base/ids.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "services/common/sample_alert.h"
#include "services/umbra/ask.h"
#include "services/umbra/command.h"
#include "services/umbra/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BODY_MAX_BYTES ((size_t)1 << 20)    /* what is too large is for the webhook to refuse */
#define WAIT_US        (3 * BUS_US_PER_SEC) /* TradingView's own patience */
#define END_US         (10 * BUS_US_PER_SEC)
#define POLL_US        20000
#define ERROR_SIZE     256

enum {
        FLAG_TEST = OPTIONS_FIRST,
        FLAG_FILE,
};

struct flags {
        bool test;
        const char *file;
};

static int take(void *arg, int option, const char *value)
{
        struct flags *flags = arg;

        if (option == FLAG_TEST)
                flags->test = true;
        else
                flags->file = value;
        return 0;
}

static int read_body(const struct options *options, const struct flags *flags, struct bus_buf *body)
{
        const char *path = flags->file && !strcmp(flags->file, "-") ? "/dev/stdin" : flags->file;
        char id[BUS_ID_SIZE];
        int r;

        if (!path && !options->word_count && flags->test) {
                bus_id_new(id);
                sample_alert(id, body);
                return 0;
        }
        if (!path == !options->word_count) {
                fputs("umbra alert: give either JSON or --file\n", stderr);
                return -EINVAL;
        }
        if (!path) {
                bus_buf_add_str(body, options->words[0]);
                return 0;
        }
        r = bus_file_read(path, BODY_MAX_BYTES, body);
        if (r < 0)
                fprintf(stderr, "umbra alert: %s: %s\n", path, strerror(-r));
        return r;
}

/* The alert's trail as soon as it has ended; NULL: not in time. The caller owns it. */
static json_t *wait_for_end(const struct client *health, const char *alert_id)
{
        BUS_AUTOFREE char *path = bus_xasprintf("/api/alerts/%s", alert_id);
        int64_t until_us = bus_mono_us() + END_US;
        char error[ERROR_SIZE];

        while (bus_mono_us() < until_us) {
                struct client_answer answer = { 0 };
                json_t *trail = NULL;

                if (client_request(health, "GET", path, NULL, WAIT_US, &answer, error,
                            sizeof(error)) == 0 &&
                        json_is_true(json_object_get(answer.json, "final")))
                        trail = json_incref(answer.json);
                client_answer_done(&answer);
                if (trail)
                        return trail;
                usleep(POLL_US);
        }
        return NULL;
}

/* A test has gone well if the executor has acknowledged it as one. */
static int follow(const struct layout *layout, const char *alert_id)
{
        struct client health;
        char error[ERROR_SIZE];
        json_t *trail;
        bool good;

        if (client_init(&health, layout, error, sizeof(error)) < 0) {
                fprintf(stderr, "umbra alert: %s\n", error);
                return UMBRA_FAILED;
        }
        trail = wait_for_end(&health, alert_id);
        good = !strcmp(text_of(trail, "state"), "test");
        if (trail)
                fprintf(stderr, "umbra alert: %s: it ended as %s; %s: %s\n",
                        good ? "the way is open" : "that was no test", text_of(trail, "state"),
                        text_of(trail, "plugin"), text_of(trail, "verdict"));
        else
                fprintf(stderr, "umbra alert: %s has not ended in time\n", alert_id);
        json_decref(trail);
        client_done(&health);
        return good ? UMBRA_DONE : UMBRA_FAILED;
}

static int post(const struct layout *layout, bool test, const char *body)
{
        BUS_AUTOFREE char *test_token = layout_path(layout->keys, "test", ".token");
        BUS_AUTOFREE char *token = NULL, *path = NULL;
        struct client client = { 0 };
        struct client_answer answer = { 0 };
        char error[ERROR_SIZE] = "";
        int r;

        r = bus_file_read_secret(test ? test_token : layout->webhook_token, &token);
        if (!r)
                r = client_address(layout, "alert-ingest", &client.url);
        if (r < 0) {
                fprintf(stderr, "umbra alert: %s: %s: is this a state folder? (--state DIR)\n",
                        layout->state, strerror(-r));
                return UMBRA_FAILED;
        }
        path = bus_xasprintf("/webhook/%s", token);
        r = client_request(&client, "POST", path, body, WAIT_US, &answer, error, sizeof(error));
        if (r < 0)
                fprintf(stderr, "umbra alert: %s\n", error);
        else
                printf("%s\n", bus_buf_str(&answer.body));
        r = r < 0 || answer.status != 200 ? UMBRA_FAILED : UMBRA_DONE;
        if (r == UMBRA_DONE && test)
                r = follow(layout, text_of(answer.json, "alert_id"));
        client_answer_done(&answer);
        client_done(&client);
        return r;
}

int umbra_alert(int argc, char **argv)
{
        static const struct option own[] = { { "test", no_argument, NULL, FLAG_TEST },
                { "file", required_argument, NULL, FLAG_FILE }, { 0 } };
        struct flags flags = { 0 };
        struct options options = { .own = own,
                .take = take,
                .arg = &flags,
                .words_max = 1,
                .usage =
                        "usage: umbra alert [--test] [JSON | --file FILE] [--state DIR]\n"
                        "\n"
                        "Posts an alert to the webhook and prints the answer. With --test it goes\n"
                        "the whole way and ends as TEST before the broker, and stderr tells so;\n"
                        "without JSON it makes a sound entry of its own. --file - reads stdin.\n"
                        "\n"
                        "example: umbra alert --test\n" };
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;
        int status;

        status = options_parse(&options, argc, argv);
        if (status >= 0)
                return status;
        status = UMBRA_USAGE;
        if (!read_body(&options, &flags, &body))
                status = post(&options.layout, flags.test, bus_buf_str(&body));
        options_done(&options);
        return status;
}
