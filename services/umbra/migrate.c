/*
 * umbra migrate: every service's store from one engine to the other; umbra redis: the functions that
 * the redis engine runs inside Redis.
 */
#include "libbus/store/migrate.h"
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/store/store_redis.h"
#include "services/umbra/command.h"
#include "services/umbra/options.h"
#include "services/umbra/services.h"
#include "services/umbra/store_use.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct migrate {
        struct options options;
        const char *from, *to;
        unsigned int moved;
};

enum { OPTION_FROM = OPTIONS_FIRST, OPTION_TO };

static int take(void *arg, int option, const char *value)
{
        struct migrate *migrate = arg;

        if (strcmp(value, "sqlite") && strcmp(value, "redis")) {
                fprintf(stderr, "umbra migrate: there is no engine '%s': sqlite or redis\n", value);
                return -EINVAL;
        }
        if (option == OPTION_FROM)
                migrate->from = value;
        else
                migrate->to = value;
        return 0;
}

static uint64_t total(const struct store_sums *sums, uint64_t *ret_claims)
{
        uint64_t records = 0;

        *ret_claims = 0;
        for (size_t i = 0; i < sums->stream_count; i++) {
                records += sums->streams[i].records.count;
                *ret_claims += sums->streams[i].claims.count;
        }
        return records;
}

static void tell(const char *service, const struct store_sums *sums)
{
        uint64_t claims, records = total(sums, &claims);

        printf("%s: moved and compared: streams=%zu records=%" PRIu64 " claims=%" PRIu64
               " state=%" PRIu64 " cursors=%" PRIu64 "\n",
                service, sums->stream_count, records, claims, sums->state.count,
                sums->cursors.count);
}

static int move_one(void *arg, const char *service)
{
        struct migrate *migrate = arg;
        const struct layout *layout = &migrate->options.layout;
        BUS_AUTOFREE char *folder = layout_path(layout->state, service, "");
        BUS_AUTOFREE char *path = layout_path(folder, service, ".db");
        BUS_AUTOFREE char *boot_id = store_use_boot_id();
        char error[STORE_USE_ERROR_SIZE] = "";
        struct store_sums sums;
        const char *engine;
        int r;

        if (access(folder, F_OK) < 0)
                return 0; /* it never ran */
        r = store_use_engine(layout, service, "redis", &engine, error);
        if (!r)
                r = store_migrate(path, migrate->from, migrate->to, bus_wall_us(), boot_id, &sums,
                        error, sizeof(error));
        if (r == -ENOENT) {
                printf("%s: nothing is in %s\n", service, migrate->from);
                return 0;
        }
        if (r < 0)
                fprintf(stderr, "umbra migrate: %s: %s\n", service, *error ? error : strerror(-r));
        else
                tell(service, &sums);
        return r;
}

static int move_all(struct migrate *migrate)
{
        int lock = -1, r;

        r = layout_lock(&migrate->options.layout, &lock);
        if (r < 0) {
                fprintf(stderr, "umbra migrate: %s: %s\n", migrate->options.layout.state,
                        r == -EBUSY ? "it runs: stop it first" : strerror(-r));
                return r;
        }
        for (size_t i = 0; !r && umbra_services[i].name; i++)
                if (umbra_services[i].on_bus)
                        r = store_use_as_owner(&migrate->options.layout, umbra_services[i].name,
                                move_one, migrate);
        close(lock);
        if (!r)
                printf("set bus.store = %s in %s\n", migrate->to, migrate->options.layout.config);
        else
                fprintf(stderr, "umbra migrate: stopped; what was moved is moved, run it again\n");
        return r;
}

int umbra_migrate(int argc, char **argv)
{
        static const struct option own[] = {
                { "from", required_argument, NULL, OPTION_FROM },
                { "to", required_argument, NULL, OPTION_TO },
                { 0 },
        };
        struct migrate migrate = {
                .options = { .usage =
                                     "usage: umbra migrate --from ENGINE --to ENGINE [--state DIR]\n"
                                     "\n"
                                     "Moves the stores of all services of a stopped system from sqlite\n"
                                     "to redis or back, and compares what arrived with what there was:\n"
                                     "counts and hashes of each stream, the state and the cursors. What\n"
                                     "sqlite had is kept beside, as SERVICE.db.migrated. [redis] says\n"
                                     "where Redis is. A service that runs is not touched.\n"
                                     "\n"
                                     "example: umbra migrate --from sqlite --to redis\n",
                        .own = own,
                        .take = take,
                        .arg = &migrate }
        };
        int status, r;

        status = options_parse(&migrate.options, argc, argv);
        if (status >= 0)
                return status;
        if (!migrate.from || !migrate.to || !strcmp(migrate.from, migrate.to)) {
                fputs("umbra migrate: --from and --to must name the two engines\n", stderr);
                options_done(&migrate.options);
                return UMBRA_USAGE;
        }
        r = move_all(&migrate);
        options_done(&migrate.options);
        return r < 0 ? UMBRA_FAILED : UMBRA_DONE;
}

/* ---- umbra redis ---- */

static int load_functions(const struct layout *layout)
{
        char error[STORE_USE_ERROR_SIZE] = "";
        const char *engine;
        int r;

        r = store_use_engine(layout, "default", "redis", &engine, error);
        if (!r)
                r = store_redis_load_library(error, sizeof(error));
        if (r < 0)
                fprintf(stderr, "umbra redis: %s\n", *error ? error : strerror(-r));
        else
                puts("the functions are there");
        return r;
}

int umbra_redis(int argc, char **argv)
{
        struct options options = { .words_min = 1,
                .words_max = 1,
                .usage =
                        "usage: umbra redis load|print [--state DIR]\n"
                        "\n"
                        "load puts the functions of the redis engine into the server that [redis]\n"
                        "names, as its user, who needs the right to FUNCTION LOAD; the services'\n"
                        "own users need not have it. print prints them, for redis-cli -x FUNCTION LOAD.\n"
                        "\n"
                        "example: umbra redis load --state /var/lib/umbra\n" };
        BUS_AUTOFREE char *text = NULL;
        int status, r = 0;

        status = options_parse(&options, argc, argv);
        if (status >= 0)
                return status;
        if (!strcmp(options.words[0], "print")) {
                text = store_redis_library();
                fputs(text, stdout);
        } else if (!strcmp(options.words[0], "load")) {
                r = load_functions(&options.layout);
        } else {
                fprintf(stderr, "umbra redis: load or print, not '%s'\n", options.words[0]);
                r = -EINVAL;
        }
        options_done(&options);
        return r == -EINVAL ? UMBRA_USAGE : r < 0 ? UMBRA_FAILED : UMBRA_DONE;
}
