/* Whom the service lets in: its key, the policy, the doorkeeper, and sockets beside the bus's. */
#include "libbus/bus/canary.h"
#include "libbus/bus/keys.h"
#include "libbus/bus/socket.h"
#include "libbus/service/internal.h"

#include <errno.h>

int service_door_open(struct bus_service *service, char *error, size_t error_size)
{
        BUS_AUTOFREE char *folder = bus_keys_folder(service->config);
        const char *name = service->class->name;
        bus_principals_set admitted;
        int r;

        r = bus_keys_load(folder, name, &service->keys, error, error_size);
        if (r == 0)
                r = bus_policy(service->config, name, &admitted, error, error_size);
        if (r == 0)
                r = bus_zap_new(
                        service->loop, service->zmq, folder, service->refused, &service->zap);
        if (r == 0)
                bus_zap_admit(service->zap, name, admitted);
        return r;
}

void bus_service_guard(
        struct bus_service *service, void *socket, const char *domain, const char *admitted)
{
        bus_zap_admit(service->zap, domain, bus_principal_bit(bus_principal(admitted)));
        bus_socket_guard(socket, service->keys, domain);
}

int bus_service_prove(struct bus_service *service, void *socket, int peer)
{
        const struct bus_canary_target target = { socket, peer };
        char error[CONFIG_ERROR_SIZE];
        int r;

        r = bus_canary(service->zmq, service->zap, service->keys, &target, 1, error, sizeof(error));
        if (r < 0)
                bus_service_fail_with(service, r == -EKEYREJECTED ? BUS_EXIT_STAY_DOWN : 1,
                        "cannot_start", "%s", error);
        return r;
}
