#pragma once
/*
 * The services of one installation, in the order they are started, and what umbra knows of each.
 */
#include "services/umbra/layout.h"

#include <stdbool.h>

#define UMBRA_SERVICES_MAX 16

struct umbra_service {
        const char *name;
        unsigned int number; /* of its own uid, from up.uid_base on; never given to another */
        unsigned int stage;  /* of stopping: whoever takes work in ends first */
        bool listens;        /* has SERVICE.listen; up passes it the socket */
        bool on_bus;         /* has bus sockets, a store, and the service runtime's options */
        bool goes_first;     /* an alert waits for it: libbus/service/schedule.h */
        bool roams;          /* has much to make up for at times: on any processor that is free */
        bool optional;       /* may be missing among the programs */
};

extern const struct umbra_service umbra_services[]; /* ends with .name == NULL */

/*
 * Has each service check umbra.ini (SERVICE --check-config); what it says goes to stderr. LEFT_OUT:
 * a bit for each service to skip. UID_BASE: each under its own uid, so that it also finds what it
 * may not read; 0: as we are. Returns how many refused it.
 */
unsigned int services_check_config(
        const struct layout *layout, unsigned int left_out, uid_t uid_base);
/* The same of one service, as UID: 0, -ENOENT if there is no such program, -EINVAL if it refused. */
BUS_MUST int services_check_one(const struct layout *layout, const char *name, uid_t uid);
/* The uid a service runs under: its own, or with UID_BASE 0 ours. */
uid_t services_uid(const struct umbra_service *service, uid_t uid_base);
