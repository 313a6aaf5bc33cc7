#include "services/umbra/services.h"

#include "services/umbra/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
        STAGE_INTAKE,
        STAGE_DECIDE,
        STAGE_EXECUTE,
        STAGE_AROUND,
};

const struct umbra_service umbra_services[] = {
        { "mt5-demo", 0, STAGE_AROUND, .optional = true },
        { "health", 1, STAGE_AROUND, .listens = true, .on_bus = true },
        { "order-executor", 2, STAGE_EXECUTE, .on_bus = true, .goes_first = true },
        { "strategy-v3", 3, STAGE_DECIDE, .on_bus = true, .goes_first = true },
        { "strategy-v3-shadow", 4, STAGE_DECIDE, .on_bus = true, .optional = true, .roams = true },
        { "alert-ingest", 5, STAGE_INTAKE, .listens = true, .on_bus = true },
        { "telegram-analytics", 6, STAGE_AROUND, .on_bus = true, .optional = true },
        { "telegram-controller", 7, STAGE_AROUND, .on_bus = true, .optional = true },
        { "telegram-notify", 8, STAGE_AROUND, .on_bus = true, .optional = true },
        { 0 },
};

uid_t services_uid(const struct umbra_service *service, uid_t uid_base)
{
        return uid_base ? uid_base + service->number : geteuid();
}

static int run_check(const char *program, const struct layout *layout, const char *name, uid_t uid)
{
        pid_t pid = fork();
        int status;

        if (pid < 0)
                return -errno;
        if (!pid) {
                /* What is wrong comes on stderr; that all is well need not be said six times. */
                if (!freopen("/dev/null", "w", stdout) ||
                        setenv("UMBRA_BUS_LOG_LEVEL", "warn", 1) < 0 ||
                        (uid != geteuid() && identity_become(uid) < 0))
                        _exit(127);
                execl(program, name, "--config", layout->config, "--check-config", (char *)NULL);
                _exit(127);
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EINVAL;
}

int services_check_one(const struct layout *layout, const char *name, uid_t uid)
{
        BUS_AUTOFREE char *program = NULL;
        int r = layout_program(name, &program);

        return r < 0 ? r : run_check(program, layout, name, uid);
}

unsigned int services_check_config(
        const struct layout *layout, unsigned int left_out, uid_t uid_base)
{
        unsigned int refused = 0;

        for (size_t i = 0; umbra_services[i].name; i++) {
                const struct umbra_service *service = &umbra_services[i];
                int r;

                if (left_out & (1u << i))
                        continue;
                r = services_check_one(layout, service->name, services_uid(service, uid_base));
                if (r == -ENOENT && service->optional)
                        continue;
                if (r == -ENOENT)
                        fprintf(stderr, "umbra: %s: no such program beside umbra\n", service->name);
                refused += r < 0;
        }
        return refused;
}
