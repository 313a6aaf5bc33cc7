/*
 * Invariant: with uids of their own, a service owns nothing outside its store, its place for
 * sockets and its backups, and reads no secret that is not its own. What is given away is never
 * reached through a link that somebody could have laid.
 */
#include "services/umbra/owners.h"

#include "libbus/base/io.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/place.h"
#include "services/umbra/identity.h"
#include "services/umbra/ini_edit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Free on any system that keeps to systemd's and Debian's ranges: above people (1000 to 60000) and
 * below what systemd hands out (61184), inside the 65536 that a container has. */
#define UID_BASE_DEFAULT "61100"
#define UID_BASE_MIN     1000
#define UID_BASE_MAX     4000000000
#define DEPTH_MAX        8 /* of folders in a store */
#define PATHS_MAX        64
#define CONFIG_MAX_BYTES ((size_t)1 << 20)
#define UID_TEXT_SIZE    16

#define FOLDER_OPEN 0711 /* others may pass and connect, not look around and not make anything */
#define FOLDER_OWN  0700

const struct config_option owners_options[] = {
        { "up", "own_uids", CONFIG_BOOL, "yes",
                .help = "started as root, umbra up runs each service under a uid of its own" },
        { "up", "uid_base", CONFIG_INT, UID_BASE_DEFAULT, .minimum = UID_BASE_MIN,
                .maximum = UID_BASE_MAX, .help = "the first of these uids (and gids)" },
        { "plugin_system", "folder", CONFIG_STRING, "", .maximum = 4096,
                .help = "the strategies'" },
        { "plugin_system", "*", CONFIG_STRING, "", .maximum = 4096, .help = "the strategies'" },
        { 0 },
};

static const struct umbra_service *service_named(const char *name)
{
        for (size_t i = 0; umbra_services[i].name; i++)
                if (!strcmp(umbra_services[i].name, name))
                        return &umbra_services[i];
        return NULL;
}

/* ---- whether ---- */

struct paths {
        char *text[PATHS_MAX];
        size_t count;
};

static void paths_done(struct paths *paths)
{
        for (size_t i = 0; i < paths->count; i++)
                free(paths->text[i]);
}

static void paths_add(struct paths *paths, char *path)
{
        if (paths->count < PATHS_MAX)
                paths->text[paths->count++] = path;
        else
                free(path);
}

static void add_plugins(struct paths *paths, const char *folder)
{
        DIR *dir = *folder ? opendir(folder) : NULL;
        const struct dirent *entry;

        if (!dir)
                return; /* the strategies will say what is wrong with it */
        paths_add(paths, bus_xstrdup(folder));
        while ((entry = readdir(dir)))
                if (strstr(entry->d_name, ".so") && entry->d_name[strlen(entry->d_name) - 1] == 'o')
                        paths_add(paths, layout_path(folder, entry->d_name, ""));
        closedir(dir);
}

/* What every service must reach, whoever it is: the way to the state, the programs, the plugins. */
static void needed(const struct layout *layout, const struct config *config, struct paths *paths)
{
        const char *slash = strrchr(layout->state, '/');
        char *program;

        /* not the state folder itself: it opens only when the decision has fallen */
        paths_add(paths,
                bus_xasprintf("%.*s", slash == layout->state ? 1 : (int)(slash - layout->state),
                        layout->state));
        for (size_t i = 0; umbra_services[i].name; i++)
                if (layout_program(umbra_services[i].name, &program) == 0)
                        paths_add(paths, program);
        add_plugins(paths, config_string(config, "plugin_system", "folder"));
}

uid_t owners_choose(const struct layout *layout, const struct config *config)
{
        uid_t base = (uid_t)config_int(config, "up", "uid_base");
        BUS_CLEANUP(paths_done) struct paths paths = { 0 };
        int r;

        if (geteuid() != 0 || !config_bool(config, "up", "own_uids"))
                return 0;
        needed(layout, config, &paths);
        r = identity_reaches(base, (const char *const *)paths.text, paths.count);
        if (r == 0)
                return base;
        log_warn("no_own_uids",
                "uid=%u path=%s why=\"%s\" so all services run as root, see docs/permissions.md",
                (unsigned int)base, r > 0 ? paths.text[r - 1] : layout->state,
                r > 0 ? "out of its reach" : strerror(-r));
        return 0;
}

/* ---- giving ---- */

/* NAME in DIR, where it cannot be a way to something else. Mode 0: as it is. */
static int give(int dir, const char *name, struct owners_rule rule)
{
        BUS_AUTOCLOSE int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        char self[64];
        struct stat st;

        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISLNK(st.st_mode) || (!S_ISDIR(st.st_mode) && st.st_nlink > 1))
                return 0;
        if (geteuid() == 0 && (st.st_uid != rule.uid || st.st_gid != rule.gid) &&
                fchownat(fd, "", rule.uid, rule.gid, AT_EMPTY_PATH) < 0)
                return -errno;
        if (!rule.mode || (st.st_mode & 07777) == rule.mode)
                return 0;
        snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
        return chmod(self, rule.mode) < 0 ? -errno : 0;
}

static int give_below(int dir, struct owners_rule rule, int depth)
{
        int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
        DIR *list = copy < 0 ? NULL : fdopendir(copy);
        const struct dirent *entry;

        if (!list)
                return -errno;
        while (r == 0 && (entry = readdir(list))) {
                BUS_AUTOCLOSE int below = -1;

                if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
                        continue;
                r = give(dir, entry->d_name, rule);
                below = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (r == 0 && below >= 0 && depth)
                        r = give_below(below, rule, depth - 1);
        }
        closedir(list);
        return r;
}

/* The folder NAME in DIR, made if need be. */
static int give_folder(int dir, const char *name, struct owners_rule rule)
{
        if (mkdirat(dir, name, FOLDER_OWN) < 0 && errno != EEXIST)
                return -errno;
        return give(dir, name, rule);
}

/* The same with all that is in it, each file as private as it is. */
static int give_tree(int dir, const char *name, struct owners_rule rule)
{
        BUS_AUTOCLOSE int folder = -1;
        int r;

        r = give_folder(dir, name, rule);
        if (r < 0 || geteuid() != 0)
                return r;
        folder = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder < 0)
                return -errno;
        rule.mode = 0;
        return give_below(folder, rule, DEPTH_MAX);
}

static bool ends_with(const char *text, const char *end)
{
        size_t length = strlen(text), end_length = strlen(end);

        return length >= end_length && !strcmp(text + length - end_length, end);
}

/* Root's or, where all is one user's, ours. */
static struct owners_rule ours(mode_t mode)
{
        return (struct owners_rule){ geteuid(), getegid(), mode };
}

struct owners_rule owners_of_key(const char *name, uid_t uid_base)
{
        const char *dot = strrchr(name, '.');
        BUS_AUTOFREE char *stem = bus_xasprintf("%.*s", (int)(dot ? dot - name : 0), name);
        const struct umbra_service *service = service_named(stem);
        struct owners_rule rule = ours(0600);

        if (ends_with(name, ".cert")) {
                rule.mode = 0644;
        } else if (uid_base && !strcmp(name, "broker.secret")) {
                /* both ends of the link, and no third */
                rule.uid = services_uid(service_named("order-executor"), uid_base);
                rule.gid = services_uid(service_named("mt5-demo"), uid_base);
                rule.mode = 0440;
        } else if (uid_base && !strcmp(name, "test.token")) {
                rule.gid =
                        services_uid(service_named("health"), uid_base); /* who sends test alerts */
                rule.mode = 0640;
        } else if (uid_base && service && ends_with(name, ".cert_secret")) {
                rule.gid = services_uid(service, uid_base); /* may read it, and not change it */
                rule.mode = 0640;
        }
        return rule;
}

static int settle_keys(int state, uid_t uid_base)
{
        BUS_AUTOCLOSE int keys = openat(state, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int copy = keys < 0 ? -1 : openat(keys, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
        DIR *list = copy < 0 ? NULL : fdopendir(copy);
        const struct dirent *entry;

        if (!list)
                return -errno;
        while (r == 0 && (entry = readdir(list)))
                if (*entry->d_name != '.' && strcmp(entry->d_name, "public"))
                        r = give(keys, entry->d_name, owners_of_key(entry->d_name, uid_base));
        closedir(list);
        /* the public halves, for all */
        return r == 0 ? give(keys, "public", ours(uid_base ? 0755 : FOLDER_OWN)) : r;
}

static int settle_service(int state, const struct umbra_service *service, uid_t uid_base)
{
        const uid_t uid = services_uid(service, uid_base);
        const gid_t gid = uid_base ? (gid_t)uid : getegid();
        const mode_t open = uid_base ? FOLDER_OPEN : FOLDER_OWN;
        BUS_AUTOFREE char *run = layout_path("run", service->name, "");
        BUS_AUTOFREE char *backup = layout_path("backup", service->name, "");
        int r;

        r = give_tree(state, service->name, (struct owners_rule){ uid, gid, FOLDER_OWN });
        if (r == 0)
                r = give_tree(state, run, (struct owners_rule){ uid, gid, open });
        if (r == 0 && service->on_bus)
                r = give_tree(state, backup, (struct owners_rule){ uid, gid, FOLDER_OWN });
        return r;
}

static int settle(int state, uid_t uid_base)
{
        const mode_t open = uid_base ? FOLDER_OPEN : FOLDER_OWN;
        const struct {
                const char *name;
                mode_t mode;
        } all[] = {
                { ".", open },
                { "keys", open },
                { "run", open },
                { "backup", open },
                { "log", FOLDER_OWN },
        }, files[] = {
                { "umbra.ini", uid_base ? 0644 : 0600 }, /* holds hashes and paths of secrets, no secret */
                { "webhook.token", 0600 },
                { "admin.token", 0600 },
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < BUS_COUNT(all); i++)
                r = give_folder(state, all[i].name, ours(all[i].mode));
        for (size_t i = 0; r == 0 && i < BUS_COUNT(files); i++)
                r = give(state, files[i].name, ours(files[i].mode));
        if (r == 0)
                r = settle_keys(state, uid_base);
        for (size_t i = 0; r == 0 && umbra_services[i].name; i++)
                r = settle_service(state, &umbra_services[i], uid_base);
        return r;
}

int owners_settle(const struct layout *layout, uid_t uid_base, char *error, size_t error_size)
{
        BUS_AUTOCLOSE int state = open(layout->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        r = state < 0 ? -errno : settle(state, uid_base);
        if (r < 0)
                snprintf(error, error_size, "%s: its owners and modes cannot be set: %s",
                        layout->state, strerror(-r));
        return r;
}

/* ---- telling the readers ---- */

/* UID as [endpoint.SERVICE] uid; RET_CHANGED: it was something else. */
static void note(struct bus_buf *text, const char *service, const char *uid, bool *ret_changed)
{
        BUS_AUTOFREE char *section = bus_xasprintf("endpoint.%s", service);
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
        struct bus_buf changed = BUS_BUF_INIT;
        bool given = ini_get(bus_buf_bytes(text), section, "uid", &value);

        if (!strcmp(given ? bus_buf_str(&value) : "", uid))
                return;
        ini_set(bus_buf_bytes(text), section, "uid", uid, &changed);
        bus_buf_done(text);
        *text = changed;
        *ret_changed = true;
}

int owners_note(const struct layout *layout, uid_t uid_base, char *error, size_t error_size)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        char uid[UID_TEXT_SIZE] = "", why[BUS_PLACE_WHY_SIZE];
        bool changed = false, safe;
        int r;

        safe = bus_place_check(layout->run, geteuid(), why) == 0;
        if (!safe)
                log_warn("place_not_safe", "%s: readers do not ask whose folder a socket lies in",
                        why);
        r = bus_file_read(layout->config, CONFIG_MAX_BYTES, &text);
        for (size_t i = 0; r == 0 && umbra_services[i].name; i++) {
                if (safe)
                        snprintf(uid, sizeof(uid), "%u",
                                (unsigned int)services_uid(&umbra_services[i], uid_base));
                note(&text, umbra_services[i].name, uid, &changed);
        }
        if (r == 0 && changed)
                r = layout_write_config(layout, bus_buf_bytes(&text));
        if (r < 0)
                snprintf(error, error_size, "%s: %s", layout->config, strerror(-r));
        return r;
}
