/*
 * The commands that work on the state folder itself: check-config, restore, keygen.
 */
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "services/umbra/backup.h"
#include "services/umbra/command.h"
#include "services/umbra/keys.h"
#include "services/umbra/options.h"
#include "services/umbra/services.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ERROR_SIZE 256

int umbra_check_config(int argc, char **argv)
{
        struct options options = {
                .usage = "usage: umbra check-config [--state DIR]\n"
                         "\n"
                         "Has every service check DIR/umbra.ini; what is wrong is one line each.\n"
                         "\n"
                         "example: umbra check-config --state /var/lib/umbra\n"
        };
        unsigned int refused;
        int status;

        status = options_parse(&options, argc, argv);
        if (status >= 0)
                return status;
        refused = services_check_config(&options.layout, 0, 0);
        if (!refused)
                printf("%s: good\n", options.layout.config);
        options_done(&options);
        return refused ? UMBRA_FAILED : UMBRA_DONE;
}

/* ---- restore ---- */

static int restore_all(const struct layout *layout, const char *name)
{
        int r, lock;

        r = layout_lock(layout, &lock);
        if (r < 0) {
                fprintf(stderr, "umbra restore: %s: %s\n", layout->state,
                        r == -EBUSY ? "it runs: stop it first" : strerror(-r));
                return r;
        }
        r = backup_restore(layout, name);
        close(lock);
        if (!r)
                puts("The next start is paused: look at 'umbra status', then 'umbra resume'.");
        return r;
}

static int check_all(const struct layout *layout, const char *name)
{
        char error[ERROR_SIZE];
        unsigned int found;
        int r = backup_verify(layout, name, &found, error, sizeof(error));

        if (r < 0)
                fprintf(stderr, "umbra restore: %s\n", error);
        else
                printf("%s: %u stores, all sound\n", name, found);
        return r;
}

enum { FLAG_CHECK = OPTIONS_FIRST };

static int take_check(void *arg, int option, const char *value)
{
        (void)option;
        (void)value;
        *(bool *)arg = true;
        return 0;
}

int umbra_restore(int argc, char **argv)
{
        static const struct option own[] = { { "check", no_argument, NULL, FLAG_CHECK }, { 0 } };
        bool check = false;
        struct options options = { .own = own,
                .take = take_check,
                .arg = &check,
                .words_min = 1,
                .words_max = 1,
                .usage =
                        "usage: umbra restore NAME [--check] [--state DIR]\n"
                        "\n"
                        "Puts DIR/backup/*/NAME.db in place of the stores of a stopped system, after\n"
                        "checking all of it. What was there is kept beside. The next start is paused,\n"
                        "reconciles with the broker and sends no exit older than the restore. With\n"
                        "--check it only reads the backup, also while the system runs.\n"
                        "\n"
                        "example: umbra restore friday\n" };
        int status, r;

        status = options_parse(&options, argc, argv);
        if (status >= 0)
                return status;
        r = check ? check_all(&options.layout, options.words[0])
                  : restore_all(&options.layout, options.words[0]);
        options_done(&options);
        return r < 0 ? UMBRA_FAILED : UMBRA_DONE;
}

/* ---- keygen ---- */

enum { FLAG_SOURCE = OPTIONS_FIRST };

static int take_source(void *arg, int option, const char *value)
{
        (void)option;
        *(const char **)arg = value;
        return 0;
}

int umbra_keygen(int argc, char **argv)
{
        static const struct option own[] = { { "source", required_argument, NULL, FLAG_SOURCE },
                { 0 } };
        const char *source = NULL;
        struct options options = { .own = own,
                .take = take_source,
                .arg = &source,
                .usage =
                        "usage: umbra keygen [--source NAME] [--state DIR]\n"
                        "\n"
                        "Makes the CURVE keys in DIR/keys that are missing, one pair a service and one\n"
                        "for the tools; none is ever replaced. With --source a new webhook token for one more sender:\n"
                        "the token goes to DIR/keys/NAME.token, its hash to [source.NAME] of umbra.ini.\n"
                        "\n"
                        "example: umbra keygen --source tradingview2\n" };
        char error[ERROR_SIZE] = "";
        int status, r;

        status = options_parse(&options, argc, argv);
        if (status >= 0)
                return status;
        r = bus_hash_init();
        if (!r)
                r = layout_prepare(&options.layout, NULL, 0, error, sizeof(error));
        if (!r && source)
                r = keys_add_source(&options.layout, source, error, sizeof(error));
        else if (!r)
                r = keys_make(&options.layout, true, error, sizeof(error));
        if (r < 0)
                fprintf(stderr, "umbra keygen: %s\n", *error ? error : strerror(-r));
        options_done(&options);
        return r < 0 ? UMBRA_FAILED : UMBRA_DONE;
}
