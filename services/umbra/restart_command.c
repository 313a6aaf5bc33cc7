/*
 * umbra restart: one service after the other, while alerts come in.
 */
#include "services/umbra/command.h"
#include "services/umbra/options.h"
#include "services/umbra/restart.h"
#include "services/umbra/turn.h"

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

/* All of restart_order but who was left out on purpose. Who cannot be seen to come back is named, and the
 * others are replaced all the same. */
static int restart_all(const struct layout *layout, const struct client *health)
{
        json_t *status = restart_get(health, "/api/status");
        int r = status ? 0 : -ECONNREFUSED, missed = 0;

        json_decref(status);
        if (r < 0)
                fputs("umbra restart: health does not answer (is it up?)\n", stderr);
        for (const char *const *name = restart_order; !r && *name; name++) {
                char error[ERROR_SIZE];
                int there = restart_is_there(layout, health, *name, error, sizeof(error));

                if (there < 0) {
                        fprintf(stderr, "umbra restart: %s\n", error);
                        missed = there;
                } else if (there) {
                        r = restart_one(layout, health, *name);
                }
        }
        return r ? r : missed;
}

static int restart_words(const struct options *options, const struct client *health, bool all)
{
        int r = all ? restart_all(&options->layout, health) : 0;

        for (int i = 0; !r && i < options->word_count; i++)
                r = restart_one(&options->layout, health, options->words[i]);
        return r;
}

static int take_turn(
        const struct options *options, bool all, int *ret_fd, char *error, size_t error_size)
{
        BUS_AUTOBUF struct bus_buf command = BUS_BUF_INIT;

        bus_buf_add_str(&command, all ? "umbra restart --all" : "umbra restart");
        for (int i = 0; i < options->word_count; i++)
                bus_buf_printf(&command, " %s", options->words[i]);
        return turn_take(&options->layout, bus_buf_str(&command), ret_fd, error, error_size);
}

static int run(const struct options *options, bool all)
{
        BUS_AUTOCLOSE int turn_fd = -1;
        struct client health = { 0 };
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
        r = take_turn(options, all, &turn_fd, error, sizeof(error));
        if (!r)
                r = client_init(&health, &options->layout, error, sizeof(error));
        if (r < 0)
                fprintf(stderr, "umbra restart: %s\n", error);
        else
                r = restart_words(options, &health, all);
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
                        "ended. Stops at the first that does not come back. --all names who runs, or\n"
                        "should, and is not heard by health: that one is left, and the status is 1.\n"
                        "One restart or deployment at a time.\n"
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
