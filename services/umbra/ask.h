#pragma once
/*
 * Asking health, for commands: the answer, or a line on stderr and the exit status.
 */
#include "services/umbra/client.h"

/*
 * METHOD to PATH with BODY (may be NULL). UMBRA_DONE and an answer in the 200s: *RET_JSON is the
 * caller's. Else UMBRA_FAILED, what is wrong is on stderr, and *RET_JSON is NULL.
 */
BUS_MUST int ask(const struct layout *layout, const char *command, const char *method,
        const char *path, const json_t *body, json_t **ret_json);
/* JSON as one line on stdout. */
void print_json(const json_t *json);
/* A member as text; "" if it is not there, or of no type that has a text. That of a number is valid
 * until the fourth next number, any other as long as OBJECT. */
const char *text_of(const json_t *object, const char *key);
