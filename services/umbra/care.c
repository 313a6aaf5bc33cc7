/*
 * The commands that work on the state folder itself: check-config, restore, keygen.
 */
#include "libbus/base/hash.h"
#include "libbus/base/ids.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/store/store.h"
#include "services/umbra/command.h"
#include "services/umbra/identity.h"
#include "services/umbra/ini_edit.h"
#include "services/umbra/keys.h"
#include "services/umbra/options.h"
#include "services/umbra/services.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ERROR_SIZE 256
#define ENGINE     "sqlite"

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

struct restore {
        struct layout *layout;
        const char *name;
        unsigned int found;
};

typedef int (*restore_fn)(const struct restore *restore, const char *service, const char *backup);

static int verify(const struct restore *restore, const char *service, const char *backup)
{
        char error[ERROR_SIZE] = "";
        int r = store_verify(ENGINE, backup, error, sizeof(error));

        (void)restore;
        if (r < 0)
                fprintf(stderr, "umbra restore: %s: %s: %s\n", service, backup, error);
        return r;
}

static int put_back(const struct restore *restore, const char *service, const char *backup)
{
        BUS_AUTOFREE char *folder = layout_path(restore->layout->state, service, "");
        BUS_AUTOFREE char *path = layout_path(folder, service, ".db");
        char error[ERROR_SIZE] = "";
        int r;

        r = bus_mkdir_all(folder, 0700);
        if (!r)
                r = store_restore(ENGINE, backup, path, error, sizeof(error));
        if (r < 0)
                fprintf(stderr, "umbra restore: %s: %s\n", service, *error ? error : strerror(-r));
        else
                printf("%s: restored; what was there is %s.before-restore\n", service, path);
        return r;
}

/*
 * FN as whoever owns the service's store: what is made is then theirs, and nothing they may have
 * laid in the way leads root astray.
 */
static int as_owner(
        const struct restore *restore, restore_fn fn, const char *service, const char *backup)
{
        BUS_AUTOFREE char *folder = layout_path(restore->layout->state, service, "");
        struct stat st;
        pid_t pid;
        int status;

        if (geteuid() != 0 || stat(folder, &st) < 0 || st.st_uid == 0)
                return fn(restore, service, backup);
        fflush(stdout);
        pid = fork();
        if (pid < 0)
                return -errno;
        if (!pid) {
                status = identity_become(st.st_uid) < 0 || fn(restore, service, backup) < 0;
                fflush(stdout);
                _exit(status);
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

/* FN for each service the backup has a file of. */
static int for_each(struct restore *restore, restore_fn fn)
{
        int r = 0;

        restore->found = 0;
        for (size_t i = 0; !r && umbra_services[i].name; i++) {
                const char *service = umbra_services[i].name;
                BUS_AUTOFREE char *backup = bus_xasprintf(
                        "%s/backup/%s/%s.db", restore->layout->state, service, restore->name);

                if (!umbra_services[i].on_bus)
                        continue;
                if (access(backup, R_OK) < 0) {
                        if (fn == put_back)
                                printf("%s: not in this backup; left as it is\n", service);
                        continue;
                }
                restore->found++;
                r = as_owner(restore, fn, service, backup);
        }
        return r;
}

static int restore_all(struct restore *restore)
{
        int r, lock;

        r = layout_lock(restore->layout, &lock);
        if (r < 0) {
                fprintf(stderr, "umbra restore: %s: %s\n", restore->layout->state,
                        r == -EBUSY ? "it runs: stop it first" : strerror(-r));
                return r;
        }
        /* All are looked at before the first is touched. */
        r = for_each(restore, verify);
        if (!r && !restore->found) {
                fprintf(stderr, "umbra restore: there is no backup %s\n", restore->name);
                r = -ENOENT;
        }
        if (!r)
                r = for_each(restore, put_back);
        close(lock);
        if (!r)
                puts("The next start is paused: look at 'umbra status', then 'umbra resume'.");
        return r;
}

int umbra_restore(int argc, char **argv)
{
        struct options options = { .words_min = 1,
                .words_max = 1,
                .usage =
                        "usage: umbra restore NAME [--state DIR]\n"
                        "\n"
                        "Puts DIR/backup/*/NAME.db in place of the stores of a stopped system, after\n"
                        "checking all of it. What was there is kept beside. The next start is paused,\n"
                        "reconciles with the broker and sends no exit older than the restore.\n"
                        "\n"
                        "example: umbra restore friday\n" };
        struct restore restore;
        int status, r;

        status = options_parse(&options, argc, argv);
        if (status >= 0)
                return status;
        restore = (struct restore){
                .layout = &options.layout,
                .name = options.words[0],
        };
        r = restore_all(&restore);
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
