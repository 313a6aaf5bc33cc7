#include "services/umbra/ask.h"

#include "libbus/base/attr.h"
#include "services/umbra/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Longer than health itself waits for all services (a backup: 30 s). */
#define ASK_US     (40 * BUS_US_PER_SEC)
#define ERROR_SIZE 512

const char *text_of(const json_t *object, const char *key)
{
        static char texts[4][32];
        static unsigned int next;
        const json_t *value = json_object_get(object, key);
        char *text;

        if (json_is_string(value))
                return json_string_value(value);
        if (json_is_boolean(value))
                return json_is_true(value) ? "yes" : "no";
        if (!json_is_integer(value))
                return "";
        text = texts[next++ % BUS_COUNT(texts)];
        snprintf(text, sizeof(texts[0]), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return text;
}

void print_json(const json_t *json)
{
        char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

        puts(text ? text : "null");
        free(text);
}

/* What health said went wrong: an error, or the result of a command. */
static void complain(const char *command, const struct client_answer *answer)
{
        const json_t *error = json_object_get(answer->json, "error");

        if (error)
                fprintf(stderr, "umbra %s: %s: %s\n", command, text_of(error, "code"),
                        text_of(error, "message"));
        else if (*text_of(answer->json, "status"))
                fprintf(stderr, "umbra %s: %s %s%s%s\n", command, text_of(answer->json, "status"),
                        text_of(answer->json, "code"), *text_of(answer->json, "text") ? ": " : "",
                        text_of(answer->json, "text"));
        else
                fprintf(stderr, "umbra %s: HTTP %ld\n", command, answer->status);
}

static int ask_client(const struct client *client, const char *command, const char *method,
        const char *path, const char *body, json_t **ret_json)
{
        struct client_answer answer = { 0 };
        char error[ERROR_SIZE];
        int status = UMBRA_FAILED;

        if (client_request(client, method, path, body, ASK_US, &answer, error, sizeof(error)) < 0) {
                fprintf(stderr, "umbra %s: %s (is it up?)\n", command, error);
        } else if (answer.status >= 200 && answer.status < 300 && answer.json) {
                *ret_json = json_incref(answer.json);
                status = UMBRA_DONE;
        } else {
                complain(command, &answer);
        }
        client_answer_done(&answer);
        return status;
}

int ask(const struct layout *layout, const char *command, const char *method, const char *path,
        const json_t *body, json_t **ret_json)
{
        struct client client;
        char error[ERROR_SIZE];
        char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
        int status = UMBRA_FAILED;

        *ret_json = NULL;
        if (client_init(&client, layout, error, sizeof(error)) < 0) {
                fprintf(stderr, "umbra %s: %s\n", command, error);
        } else {
                status = ask_client(&client, command, method, path, text, ret_json);
                client_done(&client);
        }
        free(text);
        return status;
}
