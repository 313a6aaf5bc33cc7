/*
 * Keeps: a secret that exists is never written again, and nothing secret is readable by others.
 */
#include "services/umbra/layout.h"

#include "libbus/base/ids.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/config/sections.h"
#include "services/umbra/ini_edit.h"
#include "services/umbra/template.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#define TOKEN_RANDOM_BYTES 20 /* 160 bits: out of reach of guessing */
#define TOKEN_SIZE         33 /* 32 base32 characters and NUL */
#define CONFIG_MAX_BYTES   ((size_t)1 << 20)
/* run/strategy-v3-shadow/replay, the longest socket's path below the state folder, must leave room
 * in sockaddr_un's 107 characters. */
#define STATE_PATH_MAX 76

char *layout_path(const char *folder, const char *name, const char *suffix)
{
        return bus_xasprintf("%s/%s%s", folder, name, suffix);
}

static char *absolute(const char *path)
{
        char folder[PATH_MAX];

        if (*path == '/' || !getcwd(folder, sizeof(folder)))
                return bus_xstrdup(path);
        while (!strncmp(path, "./", 2))
                path += 2;
        return bus_xasprintf("%s/%s", folder, path);
}

int layout_init(struct layout *layout, const char *state)
{
        const char *from_environment = getenv("UMBRA_STATE");

        if (!state)
                state = from_environment && *from_environment ? from_environment : "umbra-state";
        if (!*state)
                return -EINVAL;
        *layout = (struct layout){ .state = absolute(state) };
        layout->config = layout_path(layout->state, "umbra", ".ini");
        layout->webhook_token = layout_path(layout->state, "webhook", ".token");
        layout->admin_token = layout_path(layout->state, "admin", ".token");
        layout->keys = layout_path(layout->state, "keys", "");
        layout->run = layout_path(layout->state, "run", "");
        layout->log = layout_path(layout->state, "log", "");
        layout->broker_secret = layout_path(layout->keys, "broker", ".secret");
        return 0;
}

void layout_done(struct layout *layout)
{
        free(layout->state);
        free(layout->config);
        free(layout->webhook_token);
        free(layout->admin_token);
        free(layout->keys);
        free(layout->run);
        free(layout->log);
        free(layout->broker_secret);
        *layout = (struct layout){ 0 };
}

int layout_secret(const char *path, char ret_sha256[static BUS_SHA256_HEX_SIZE])
{
        uint8_t random[TOKEN_RANDOM_BYTES], hash[BUS_SHA256_SIZE];
        char text[TOKEN_SIZE + 1];
        BUS_AUTOFREE char *token = NULL;
        int r;

        r = bus_file_read_secret(path, &token);
        if (r == -ENOENT) {
                bus_random(random, sizeof(random));
                bus_base32(bus_bytes(random, sizeof(random)), TOKEN_SIZE - 1, text);
                token = bus_xstrdup(text);
                strcat(text, "\n");
                r = bus_file_replace(path, 0600, bus_bytes_str(text));
        }
        if (r < 0)
                return r;
        bus_sha256(bus_bytes_str(token), hash);
        bus_hex(bus_bytes(hash, sizeof(hash)), ret_sha256);
        return 0;
}

static int prepare_folders(const struct layout *layout)
{
        const char *const folders[] = { layout->state, layout->keys, layout->run, layout->log };
        int r;

        for (size_t i = 0; i < BUS_COUNT(folders); i++) {
                r = bus_mkdir_all(folders[i], 0700);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int new_config(const struct layout *layout, struct bus_buf *ret)
{
        char webhook[BUS_SHA256_HEX_SIZE], test[BUS_SHA256_HEX_SIZE], admin[BUS_SHA256_HEX_SIZE];
        char broker[BUS_SHA256_HEX_SIZE];
        BUS_AUTOFREE char *test_token = layout_path(layout->keys, "test", ".token");
        BUS_AUTOFREE char *plugins = NULL;
        int r;

        r = layout_secret(layout->webhook_token, webhook);
        if (!r)
                r = layout_secret(test_token, test);
        if (!r)
                r = layout_secret(layout->admin_token, admin);
        if (!r)
                r = layout_secret(layout->broker_secret, broker);
        if (!r)
                r = layout_plugins(&plugins);
        if (r < 0)
                return r;
        template_write(
                &(struct template_values){
                        .state = layout->state,
                        .plugins = plugins,
                        .broker_secret = layout->broker_secret,
                        .test_token = test_token,
                        .webhook_sha256 = webhook,
                        .test_sha256 = test,
                        .admin_sha256 = admin,
                },
                ret);
        return 0;
}

/* "section.key=value" into the text; -EINVAL if it is not of that form. */
static int apply_set(struct bus_buf *text, const char *set)
{
        const char *equals = strchr(set, '=');
        size_t path = equals ? (size_t)(equals - set) : 0;
        size_t dot = path ? config_section_of_path(set, path) : 0;
        BUS_AUTOFREE char *section = NULL, *key = NULL;
        struct bus_buf changed = BUS_BUF_INIT;

        if (!dot || dot + 1 >= path || strchr(set, '\n'))
                return -EINVAL;
        section = bus_xasprintf("%.*s", (int)dot, set);
        key = bus_xasprintf("%.*s", (int)(path - dot - 1), set + dot + 1);
        ini_set(bus_buf_bytes(text), section, key, equals + 1, &changed);
        bus_buf_done(text);
        *text = changed;
        return 0;
}

/* The paths in umbra.ini are absolute: a folder that was moved or copied would run the other one. */
static int check_place(
        const struct layout *layout, struct bus_bytes text, char *error, size_t error_size)
{
        BUS_AUTOBUF struct bus_buf place = BUS_BUF_INIT;

        if (!ini_get(text, "bus", "state_dir", &place) ||
                !strcmp(bus_buf_str(&place), layout->state))
                return 0;
        snprintf(error, error_size,
                "%s: bus.state_dir is %s: the folder was moved; mend this and the paths below it",
                layout->config, bus_buf_str(&place));
        return -EINVAL;
}

int layout_write_config(const struct layout *layout, struct bus_bytes text)
{
        struct stat st;
        bool was_there = stat(layout->config, &st) == 0;
        int r;

        r = bus_file_replace(layout->config, was_there ? st.st_mode & 0777 : 0600, text);
        /* the services read it, whatever the umask of who runs us */
        if (r == 0 && was_there && chmod(layout->config, st.st_mode & 0777) < 0)
                return -errno;
        if (r == 0 && was_there && st.st_uid != geteuid() &&
                lchown(layout->config, st.st_uid, st.st_gid) < 0)
                return -errno;
        return r;
}

static int prepare_config(const struct layout *layout, const char *const *sets, size_t set_count,
        char *error, size_t error_size)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        bool changed = set_count > 0;
        int r;

        r = bus_file_read(layout->config, CONFIG_MAX_BYTES, &text);
        if (r == -ENOENT) {
                changed = true;
                r = new_config(layout, &text);
        }
        if (r < 0)
                return r;
        for (size_t i = 0; i < set_count; i++) {
                r = apply_set(&text, sets[i]);
                if (r < 0) {
                        snprintf(error, error_size,
                                "--set: must be section.key=value with a known section, not \"%s\"",
                                sets[i]);
                        return r;
                }
        }
        r = check_place(layout, bus_buf_bytes(&text), error, error_size);
        if (r < 0)
                return r;
        return changed ? layout_write_config(layout, bus_buf_bytes(&text)) : 0;
}

int layout_prepare(struct layout *layout, const char *const *sets, size_t set_count, char *error,
        size_t error_size)
{
        char resolved[PATH_MAX];
        int r;

        *error = 0;
        r = prepare_folders(layout);
        if (!r && realpath(layout->state, resolved) && strcmp(resolved, layout->state)) {
                layout_done(layout);
                r = layout_init(layout, resolved);
        }
        if (!r && strlen(layout->state) > STATE_PATH_MAX) {
                r = -ENAMETOOLONG;
                snprintf(error, error_size, "%s: longer than %d characters: sockets do not fit",
                        layout->state, STATE_PATH_MAX);
        }
        if (!r)
                r = prepare_config(layout, sets, set_count, error, error_size);
        if (r < 0 && !*error)
                snprintf(error, error_size, "%s: %s", layout->state, strerror(-r));
        return r;
}

int layout_lock(const struct layout *layout, int *ret_fd)
{
        BUS_AUTOFREE char *path = layout_path(layout->run, "umbra", ".lock");
        BUS_AUTOCLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        *ret_fd = fd;
        fd = -1;
        return 0;
}

pid_t layout_pid(const struct layout *layout, const char *service)
{
        BUS_AUTOFREE char *path = layout_path(layout->run, service, ".pid");
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        long pid;

        if (bus_file_read(path, 64, &text) < 0)
                return -ENOENT;
        pid = strtol(bus_buf_str(&text), NULL, 10);
        return pid > 1 && pid < INT_MAX ? (pid_t)pid : -ENOENT;
}

/* The folder this program's file lies in, links resolved. */
static int own_folder(char ret_path[static PATH_MAX])
{
        ssize_t n = readlink("/proc/self/exe", ret_path, PATH_MAX - 1);
        char *slash;

        if (n < 0)
                return -errno;
        ret_path[n] = 0;
        slash = strrchr(ret_path, '/');
        if (!slash)
                return -ENOENT;
        *slash = 0;
        return 0;
}

/* Takes PATH over where it can be accessed by MODE. */
static int there(char *path, int mode, char **ret_path)
{
        BUS_AUTOFREE char *candidate = path;

        if (access(candidate, mode) < 0)
                return -ENOENT;
        *ret_path = realpath(candidate, NULL);
        return *ret_path ? 0 : -errno;
}

int layout_program(const char *service, char **ret_path)
{
        char folder[PATH_MAX];
        int r;

        r = own_folder(folder);
        if (r < 0)
                return r;
        r = there(bus_xasprintf("%s/../%s/%s", folder, service, service), X_OK, ret_path);
        if (r < 0)
                r = there(bus_xasprintf("%s/%s", folder, service), X_OK, ret_path);
        return r;
}

int layout_plugins(char **ret_path)
{
        char folder[PATH_MAX];
        int r;

        r = own_folder(folder);
        if (r < 0)
                return r;
        r = there(bus_xasprintf("%s/../../plugins", folder), R_OK, ret_path);
        if (r < 0)
                r = there(bus_xasprintf("%s/../lib/umbra/plugins", folder), R_OK, ret_path);
        return r;
}
