/*
 * umbra restart: one service after the other, while alerts come in.
 */
#include "services/umbra/command.h"
#include "services/umbra/options.h"
#include "services/umbra/restart.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ERROR_SIZE 512

enum { FLAG_ALL = OPTIONS_FIRST };

static int take(void *arg, int option, const char *value)
{
        (void)option;
        (void)value;
        *(bool *)arg = true;
        return 0;
}

static bool is_known(const char *service)
{
        for (const char *const *name = restart_order; *name; name++)
                if (!strcmp(*name, service))
                        return true;
        return false;
}

static int restart_one(
        const struct layout *layout, const struct client *health, const char *service)
{
        struct restarted restarted;
        char error[ERROR_SIZE];
        int r = restart_service(layout, health, service, &restarted, error, sizeof(error));

        if (r < 0)
                fprintf(stderr, "umbra restart: %s\n", error);
        else
                printf("%s: process %d is now %d, version %s: ended after %lld ms, ready after %lld ms\n",
                        service, (int)restarted.old_pid, (int)restarted.new_pid, restarted.version,
                        (long long)(restarted.ended_us / 1000),
                        (long long)(restarted.ready_us / 1000));
        fflush(stdout);
        return r;
}

/* Those of restart_order that run: who was left out on purpose is not missed. */
static int restart_all(const struct layout *layout, const struct client *health)
{
        json_t *status = restart_get(health, "/api/status");
        int r = status ? 0 : -ECONNREFUSED;

        if (r < 0)
                fputs("umbra restart: health does not answer (is it up?)\n", stderr);
        for (const char *const *name = restart_order; !r && *name; name++) {
                const json_t *service = restart_service_of(status, *name);

                if (json_is_true(json_object_get(service, "alive")))
                        r = restart_one(layout, health, *name);
        }
        json_decref(status);
        return r;
}

static int run(const struct options *options, bool all)
{
        struct client health;
        char error[ERROR_SIZE];
        int r;

        if (all == (options->word_count > 0)) {
                fputs("umbra restart: give either services or --all\n", stderr);
                return UMBRA_USAGE;
        }
        for (int i = 0; i < options->word_count; i++)
                if (!is_known(options->words[i])) {
                        fprintf(stderr, "umbra restart: there is no service '%s' to restart\n",
                                options->words[i]);
                        return UMBRA_USAGE;
                }
        r = client_init(&health, &options->layout, error, sizeof(error));
        if (r < 0) {
                fprintf(stderr, "umbra restart: %s\n", error);
                return UMBRA_FAILED;
        }
        r = all ? restart_all(&options->layout, &health) : 0;
        for (int i = 0; !r && i < options->word_count; i++)
                r = restart_one(&options->layout, &health, options->words[i]);
        client_done(&health);
        return r < 0 ? UMBRA_FAILED : UMBRA_DONE;
}

int umbra_restart(int argc, char **argv)
{
        static const struct option own[] = { { "all", no_argument, NULL, FLAG_ALL }, { 0 } };
        bool all = false;
        struct options options = { .own = own,
                .take = take,
                .arg = &all,
                .words_max = -1,
                .usage =
                        "usage: umbra restart SERVICE... | --all [--state DIR]\n"
                        "\n"
                        "Replaces running services by what is installed now, one after the other, and\n"
                        "no alert is refused meanwhile: SIGTERM, up to 30 s for what is in hand, and\n"
                        "the next only once all are ready again. umbra up or systemd starts what has\n"
                        "ended. Stops at the first that does not come back.\n"
                        "\n"
                        "example: umbra restart --all\n" };
        int status;

        status = options_parse(&options, argc, argv);
        if (status >= 0)
                return status;
        status = run(&options, all);
        options_done(&options);
        return status;
}
