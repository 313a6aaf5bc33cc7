#pragma once
/*
 * Commands on their way: a request that asked for one is held until the services have answered, or
 * the time for it is up. What is not answered is "unknown", never "failed".
 */
#include "libbus/service/http.h"
#include "libbus/service/service.h"
#include "services/health/admin.h"

/* Commands in hand at once: people press buttons, they do not stream them. */
#define RELAY_MAX 32

struct relay;

/* What holds now, as JSON the relay then owns: told where a service has not said it. */
typedef json_t *(*relay_state_fn)(void *arg);

struct relay *relay_new(struct bus_service *service, relay_state_fn state, void *arg);
/* Answers what is still held as unknown. Takes NULL, returns NULL. */
struct relay *relay_free(struct relay *relay);

/*
 * Publishes COMMAND and holds REQUEST. SERVICES: who answers, NULL-terminated. GATE is told in the
 * answer: "passed", "forced", "off", or NULL where none was asked; static. -EBUSY: too many in hand;
 * then the request is still the caller's.
 */
BUS_MUST int relay_send(struct relay *relay, struct http_request *request,
        const struct admin_command *command, const char *const *services, const char *gate);
/* Publishes COMMAND; nobody waits for an answer. */
void relay_publish(struct relay *relay, const struct admin_command *command);
/* The switch of the slot that waits for its answer, by name; NULL: none does. */
const char *relay_switching(const struct relay *relay);
/* Any result on the bus; those of others are ignored. */
void relay_result(struct relay *relay, const Pb__ControlResult *result);
/* Answers all as unknown: the service ends. */
void relay_drain(struct relay *relay);
