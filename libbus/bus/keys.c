/*
 * Keeps: a secret key is in memory only in struct bus_keys, in libzmq's sockets, and for the moment
 * of reading or writing in buffers that are wiped; and no file that is there is replaced.
 */
#include "libbus/bus/keys.h"

#include "libbus/base/bytes.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/bus/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define KEY_TEXT_SIZE 41 /* 40 characters of Z85 and NUL */
/* With tags in its head, as others write them, a certificate is still well below this. */
#define FILE_MAX_BYTES 4096

char *bus_keys_folder(const struct config *config)
{
        const char *folder = config_string(config, "bus", "keys_dir");

        return *folder ? bus_xstrdup(folder)
                       : bus_xasprintf("%s/keys", config_string(config, "bus", "state_dir"));
}

char *bus_keys_secret_path(const char *folder, const char *name)
{
        return bus_xasprintf("%s/%s.cert_secret", folder, name);
}

char *bus_keys_public_path(const char *folder, const char *name)
{
        return bus_xasprintf("%s/public/%s.cert", folder, name);
}

static void wiped_done(struct bus_buf *buf)
{
        if (buf->data)
                explicit_bzero(buf->data, buf->capacity);
        bus_buf_done(buf);
}

/* ---- the files ---- */

/* The value of `NAME = "..."`, a Z85 key. */
static int find_key(const char *text, const char *name, uint8_t ret_key[static BUS_KEY_BYTES])
{
        char z85[KEY_TEXT_SIZE];
        const char *at = strstr(text, name);
        int r = -EINVAL;

        if (!at)
                return -EINVAL;
        at += strlen(name);
        at += strspn(at, " \t=");
        if (*at++ != '"' || strcspn(at, "\"") != KEY_TEXT_SIZE - 1)
                return -EINVAL;
        memcpy(z85, at, KEY_TEXT_SIZE - 1);
        z85[KEY_TEXT_SIZE - 1] = 0;
        if (zmq_z85_decode(ret_key, z85))
                r = 0;
        explicit_bzero(z85, sizeof(z85));
        return r;
}

/* On the stack and wiped: a growing buffer would leave copies behind. */
static int read_key(const char *path, const char *name, uint8_t ret_key[static BUS_KEY_BYTES])
{
        BUS_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        char text[FILE_MAX_BYTES + 1];
        ssize_t n;
        int r;

        if (fd < 0)
                return -errno;
        n = read(fd, text, FILE_MAX_BYTES);
        if (n < 0)
                return -errno;
        text[n] = 0;
        r = find_key(text, name, ret_key);
        explicit_bzero(text, sizeof(text));
        return r;
}

/* SECRET NULL: the public half. */
static int write_certificate(
        const char *path, const char *name, const char *public_text, const char *secret)
{
        BUS_CLEANUP(wiped_done) struct bus_buf text = BUS_BUF_INIT;

        bus_buf_reserve(&text, FILE_MAX_BYTES); /* so that it never moves */
        bus_buf_printf(&text,
                "#   ZeroMQ CURVE %s certificate\n"
                "metadata\n"
                "    name = \"%s\"\n"
                "curve\n"
                "    public-key = \"%s\"\n",
                secret ? "SECRET" : "public", name, public_text);
        if (secret)
                bus_buf_printf(&text, "    secret-key = \"%s\"\n", secret);
        return bus_file_replace(path, secret ? 0600 : 0644, bus_buf_bytes(&text));
}

/* Modes are set, not left to a umask: other users' services read these. */
static int write_public(const char *folder, const char *name, const uint8_t key[BUS_KEY_BYTES])
{
        BUS_AUTOFREE char *path = bus_keys_public_path(folder, name);
        BUS_AUTOFREE char *of_all = bus_xasprintf("%s/public", folder);
        char text[KEY_TEXT_SIZE];
        int r;

        bus_require(zmq_z85_encode(text, key, BUS_KEY_BYTES));
        r = bus_mkdir_all(of_all, 0755);
        if (!r)
                r = write_certificate(path, name, text, NULL);
        if (!r && (chmod(of_all, 0755) < 0 || chmod(path, 0644) < 0))
                r = -errno;
        return r;
}

static int make_pair(const char *folder, const char *name)
{
        BUS_AUTOFREE char *path = bus_keys_secret_path(folder, name);
        char public_text[KEY_TEXT_SIZE], secret_text[KEY_TEXT_SIZE];
        uint8_t public_key[BUS_KEY_BYTES];
        int r;

        bus_require(zmq_curve_keypair(public_text, secret_text) == 0);
        bus_require(zmq_z85_decode(public_key, public_text));
        r = write_certificate(path, name, public_text, secret_text);
        explicit_bzero(secret_text, sizeof(secret_text));
        return r < 0 ? r : write_public(folder, name, public_key);
}

static int public_of_file(const char *folder, const char *name)
{
        BUS_AUTOFREE char *path = bus_keys_secret_path(folder, name);
        uint8_t key[BUS_KEY_BYTES];
        int r;

        r = read_key(path, "public-key", key);
        return r < 0 ? r : write_public(folder, name, key);
}

int bus_keys_make(const char *folder, const char *name)
{
        BUS_AUTOFREE char *secret = bus_keys_secret_path(folder, name);
        BUS_AUTOFREE char *public_path = bus_keys_public_path(folder, name);
        bool is_public = !access(public_path, F_OK);
        int r;

        if (!access(secret, F_OK))
                return is_public ? BUS_KEYS_THERE : public_of_file(folder, name);
        if (is_public)
                return BUS_KEYS_ELSEWHERE;
        r = bus_mkdir_all(folder, 0700);
        return r < 0 ? r : make_pair(folder, name);
}

int bus_keys_make_all(const char *folder)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < bus_principal_count; i++)
                r = bus_keys_make(folder, bus_principals[i]);
        return r < 0 ? r : 0;
}

/* ---- reading ---- */

int bus_keys_public(const char *folder, const char *name, uint8_t ret_key[static BUS_KEY_BYTES])
{
        BUS_AUTOFREE char *path = bus_keys_public_path(folder, name);

        return read_key(path, "public-key", ret_key) < 0 ? -ENOKEY : 0;
}

static const char *read_own(struct bus_keys *keys, const char *path)
{
        uint8_t told[BUS_KEY_BYTES];
        struct stat st;
        int r;

        if (stat(path, &st) < 0)
                return strerror(errno);
        if (st.st_mode & (S_IRWXO | S_IWGRP))
                return "others can read it: chmod 600, and make a new one if they may have";
        r = read_key(path, "public-key", keys->public_key);
        if (!r)
                r = read_key(path, "secret-key", keys->secret_key);
        if (r < 0)
                return r == -EINVAL ? "is no certificate with a secret key" : strerror(-r);
        if (bus_keys_public(keys->folder, keys->name, told) < 0)
                return "its public half is not in public/";
        return memcmp(told, keys->public_key, sizeof(told))
                       ? "the one in public/ is another's: remove both and make them anew"
                       : NULL;
}

int bus_keys_load(const char *folder, const char *name, struct bus_keys **ret_keys, char *error,
        size_t error_size)
{
        BUS_AUTOFREE char *path = bus_keys_secret_path(folder, name);
        struct bus_keys *keys = bus_new(struct bus_keys);
        const char *why;

        keys->name = bus_xstrdup(name);
        keys->folder = bus_xstrdup(folder);
        why = read_own(keys, path);
        if (why) {
                snprintf(
                        error, error_size, "no key: %s: %s ('umbra keygen' makes keys)", path, why);
                bus_keys_free(keys);
                return -ENOKEY;
        }
        *ret_keys = keys;
        return 0;
}

struct bus_keys *bus_keys_stranger(void)
{
        struct bus_keys *keys = bus_new(struct bus_keys);
        char public_text[KEY_TEXT_SIZE], secret_text[KEY_TEXT_SIZE];

        keys->name = bus_xstrdup("");
        keys->folder = bus_xstrdup("");
        bus_require(zmq_curve_keypair(public_text, secret_text) == 0);
        bus_require(zmq_z85_decode(keys->public_key, public_text) &&
                    zmq_z85_decode(keys->secret_key, secret_text));
        explicit_bzero(secret_text, sizeof(secret_text));
        return keys;
}

struct bus_keys *bus_keys_free(struct bus_keys *keys)
{
        if (!keys)
                return NULL;
        explicit_bzero(keys->secret_key, sizeof(keys->secret_key));
        free(keys->name);
        free(keys->folder);
        free(keys);
        return NULL;
}
