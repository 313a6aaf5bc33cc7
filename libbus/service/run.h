#pragma once
/* The steps of a service's life, for main.c and for tests that run a service in their own process. */
#include "libbus/service/service.h"

/* What the runtime itself reads in the section of the service's name; ends with .section == NULL. */
const struct config_option *service_options(const struct bus_service_class *class);
/* CONFIG becomes the service's. */
struct bus_service *service_new(const struct bus_service_class *class, struct config *config);
BUS_MUST int service_create(struct bus_service *service);
/* Runs until a signal on SIGNAL_FD has drained it, or it failed; the exit status. */
BUS_MUST int service_run(struct bus_service *service, int signal_fd);
struct bus_service *service_free(struct bus_service *service); /* takes NULL, returns NULL */
