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

struct relay *relay_new(struct bus_service *service);
/* Answers what is still held as unknown. Takes NULL, returns NULL. */
struct relay *relay_free(struct relay *relay);

/*
 * Publishes COMMAND and holds REQUEST. SERVICES: who answers, NULL-terminated. GATE_ON is told in
 * the answer to a switch. -EBUSY: too many in hand; then the request is still the caller's.
 */
BUS_MUST int relay_send(struct relay *relay, struct http_request *request,
        const struct admin_command *command, const char *const *services, bool gate_on);
/* Any result on the bus; those of others are ignored. */
void relay_result(struct relay *relay, const Pb__ControlResult *result);
/* Answers all as unknown: the service ends. */
void relay_drain(struct relay *relay);
