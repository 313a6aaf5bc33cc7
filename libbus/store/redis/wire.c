/* The connection to Redis, and the functions that have to be there. */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "libbus/store/redis/redis.h"

#include "redis_lua.inc"

#include <errno.h>
#include <stdio.h>
#include <sys/time.h>

#define NAME_MARK  '@' /* in the library: the hash of the text */
#define HASH_CHARS 12

static struct {
        struct store_redis_options options;
        char *host, *socket, *user, *password, *replica;
        char hash[HASH_CHARS + 1];
} settings = {
        .options = { .host = "127.0.0.1",
                .port = 6379,
                .socket = "",
                .user = "",
                .password = "",
                .wait_us = BUS_US_PER_SEC,
                .timeout_us = 2 * BUS_US_PER_SEC,
                .lease_us = 10 * BUS_US_PER_SEC,
                .replica = "one" },
};

static const char *keep(char **kept, const char *text)
{
        free(*kept);
        *kept = bus_xstrdup(text);
        return *kept;
}

void store_redis_use(const struct store_redis_options *options)
{
        struct store_redis_options *mine = &settings.options;

        *mine = *options;
        mine->host = keep(&settings.host, options->host);
        mine->socket = keep(&settings.socket, options->socket);
        mine->user = keep(&settings.user, options->user);
        mine->password = keep(&settings.password, options->password);
        mine->replica = keep(&settings.replica, options->replica);
}

const struct store_redis_options *redis_options(void)
{
        return &settings.options;
}

static const char *library_hash(void)
{
        uint8_t hash[BUS_SHA256_SIZE];
        char hex[BUS_SHA256_HEX_SIZE];

        if (!*settings.hash) {
                bus_sha256(bus_bytes(redis_lua, sizeof(redis_lua) - 1), hash);
                bus_hex(bus_bytes(hash, sizeof(hash)), hex);
                snprintf(settings.hash, sizeof(settings.hash), "%.*s", HASH_CHARS, hex);
        }
        return settings.hash;
}

char *store_redis_library(void)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;

        bus_buf_printf(&text, "#!lua name=umbra_%s\n", library_hash());
        for (const char *at = redis_lua; *at; at++)
                if (*at == NAME_MARK)
                        bus_buf_add_str(&text, library_hash());
                else
                        bus_buf_add(&text, at, 1);
        return bus_xstrdup(bus_buf_str(&text));
}

/* ---- commands ---- */

/* KIND and NUMBER, and the end of the line. */
static char *put_head(char *end, char kind, size_t number)
{
        *--end = '\n';
        *--end = '\r';
        do
                *--end = (char)('0' + number % 10);
        while (number /= 10);
        *--end = kind;
        return end;
}

/* An alert waits for this: no printf, and one piece for the connection. */
static void add_head(struct redis_command *command, size_t size)
{
        char text[REDIS_HEAD_SIZE], *start = put_head(text + sizeof(text), '$', size);

        bus_buf_add(&command->args, start, (size_t)(text + sizeof(text) - start));
        command->count++;
}

/* Before the arguments there is room for how many they are. */
void redis_begin(struct redis_command *command)
{
        bus_buf_clear(&command->args);
        (void)bus_buf_reserve(&command->args, REDIS_HEAD_SIZE);
        command->args.size = REDIS_HEAD_SIZE;
        command->count = 0;
}

void redis_add(struct redis_command *command, struct bus_bytes argument)
{
        add_head(command, argument.size);
        bus_buf_add(&command->args, argument.data, argument.size);
        bus_buf_add(&command->args, "\r\n", 2);
}

void redis_add_key(
        struct redis_command *command, const char *prefix, const char *key, const char *name)
{
        size_t sizes[] = { strlen(prefix), strlen(key), strlen(name) };

        add_head(command, sizes[0] + sizes[1] + sizes[2]);
        bus_buf_add(&command->args, prefix, sizes[0]);
        bus_buf_add(&command->args, key, sizes[1]);
        bus_buf_add(&command->args, name, sizes[2]);
        bus_buf_add(&command->args, "\r\n", 2);
}

void redis_add_str(struct redis_command *command, const char *argument)
{
        redis_add(command, bus_bytes_str(argument));
}

void redis_add_int(struct redis_command *command, int64_t argument)
{
        char text[24];

        snprintf(text, sizeof(text), "%lld", (long long)argument);
        redis_add_str(command, text);
}

void redis_begin_call(struct redis_command *command, const char *function, const char *meta_key)
{
        char name[64];

        snprintf(name, sizeof(name), "umbra_%s_%s", library_hash(), function);
        redis_begin(command);
        redis_add_str(command, "FCALL");
        redis_add_str(command, name);
        redis_add_str(command, "1");
        redis_add_str(command, meta_key);
}

void redis_send(redisContext *context, struct redis_command *command)
{
        struct bus_buf *args = &command->args;
        char *start = put_head((char *)args->data + REDIS_HEAD_SIZE, '*', command->count);

        /* a failure shows when the answer is asked for */
        (void)redisAppendFormattedCommand(
                context, start, (size_t)((char *)args->data + args->size - start));
}

static int context_errno(const redisContext *context)
{
        switch (context->err) {
        case REDIS_ERR_IO:
                return errno == EAGAIN || errno == EWOULDBLOCK ? -ETIMEDOUT : errno ? -errno : -EIO;
        case REDIS_ERR_EOF: return -ECONNRESET;
        case REDIS_ERR_OOM: return -ENOMEM;
        case REDIS_ERR_OTHER: return -EHOSTUNREACH; /* a name that does not resolve */
        default: return -EBADMSG;
        }
}

int redis_answer(redisContext *context, redisReply **ret_reply, char *error, size_t error_size)
{
        REDIS_AUTOREPLY redisReply *reply = NULL;
        void *taken = NULL;
        int r;

        if (context->err || redisGetReply(context, &taken) != REDIS_OK || !taken) {
                r = context_errno(context);
                snprintf(error, error_size, "redis: %s", context->errstr);
                return r;
        }
        reply = taken;
        if (reply->type == REDIS_REPLY_ERROR) {
                r = redis_errno(reply->str);
                snprintf(error, error_size, "redis: %s", reply->str);
                return r;
        }
        *ret_reply = BUS_STEAL(reply);
        return 0;
}

int redis_ask(redisContext *context, struct redis_command *command, redisReply **ret_reply,
        char *error, size_t error_size)
{
        redis_send(context, command);
        return redis_answer(context, ret_reply, error, error_size);
}

/* "redis: UMBRABUSY REPLICA/ID MS" */
void redis_say_who(char *error, size_t error_size)
{
        const char *at = strstr(error, "UMBRABUSY ");
        BUS_AUTOFREE char *who = at ? bus_xstrdup(at + strlen("UMBRABUSY ")) : NULL;

        if (who)
                snprintf(error, error_size, "held by another process: %.*s",
                        (int)strcspn(who, "/ "), who);
}

/* "redis: UMBRADENIED COMMAND on KEY" */
void redis_say_right(char *error, size_t error_size)
{
        const char *at = strstr(error, "UMBRADENIED ");
        BUS_AUTOFREE char *right = at ? bus_xstrdup(at + strlen("UMBRADENIED ")) : NULL;

        if (right)
                snprintf(error, error_size, "redis: the user \"%s\" needs +%s",
                        *redis_options()->user ? redis_options()->user : "default", right);
}

/* ---- connecting ---- */

static struct timeval timeval_of(int64_t us)
{
        return (struct timeval){ .tv_sec = us / BUS_US_PER_SEC, .tv_usec = us % BUS_US_PER_SEC };
}

static int log_in(redisContext *context, char *error, size_t error_size)
{
        const struct store_redis_options *options = redis_options();
        REDIS_AUTOREPLY redisReply *reply = NULL;
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        struct redis_command command = { 0 };
        int r;

        if (!*options->password)
                return 0;
        redis_begin(&command);
        redis_add_str(&command, "AUTH");
        redis_add_str(&command, *options->user ? options->user : "default");
        redis_add_str(&command, options->password);
        r = redis_ask(context, &command, &reply, error, error_size);
        bus_buf_done(&command.args);
        if (r < 0) /* whatever Redis says of it: no secret is told */
                snprintf(error, error_size, "redis does not let \"%s\" in", options->user);
        return r;
}

int redis_connect(redisContext **ret_context, char *error, size_t error_size)
{
        const struct store_redis_options *options = redis_options();
        struct timeval timeout = timeval_of(options->timeout_us);
        redisContext *context;
        int r;

        errno = 0;
        context = *options->socket ? redisConnectUnixWithTimeout(options->socket, timeout)
                                   : redisConnectWithTimeout(options->host, options->port, timeout);
        bus_require(context);
        r = context->err ? context_errno(context) : 0;
        if (r < 0)
                snprintf(error, error_size, "redis at %s%s: %s",
                        *options->socket ? options->socket : options->host,
                        *options->socket ? "" : " (TCP)", context->errstr);
        if (!r && redisSetTimeout(context, timeout) != REDIS_OK)
                r = -EIO;
        if (!r && !*options->socket)
                (void)redisEnableKeepAlive(context);
        if (!r)
                r = log_in(context, error, error_size);
        if (r < 0) {
                redisFree(context);
                return r;
        }
        *ret_context = context;
        return 0;
}

/* ---- a store that is open ---- */

int redis_usable(const struct redis_store *s)
{
        return s->failed;
}

/* Of a refusal that leaves everything as it was, the store may be used further. */
static bool is_mere_refusal(int r)
{
        return r == -EINVAL || r == -ENOSPC;
}

int redis_take_answer(struct redis_store *s, redisReply **ret_reply)
{
        char error[256];
        int r;

        r = redis_answer(s->context, ret_reply, error, sizeof(error));
        if (r < 0 && !is_mere_refusal(r))
                s->failed = r;
        return r;
}

int redis_do(struct redis_store *s, redisReply **ret_reply)
{
        int r = redis_usable(s);

        if (r < 0)
                return r;
        redis_send(s->context, &s->command);
        return redis_take_answer(s, ret_reply);
}

void redis_call(struct redis_store *s, const char *function)
{
        redis_begin_call(&s->command, function, s->meta_key);
}

/* ---- the functions ---- */

static int load_library(redisContext *context, char *error, size_t error_size)
{
        BUS_AUTOFREE char *text = store_redis_library();
        REDIS_AUTOREPLY redisReply *reply = NULL;
        struct redis_command command = { 0 };
        int r;

        redis_begin(&command);
        redis_add_str(&command, "FUNCTION");
        redis_add_str(&command, "LOAD");
        redis_add_str(&command, text);
        r = redis_ask(context, &command, &reply, error, error_size);
        bus_buf_done(&command.args);
        return r == -EEXIST ? 0 : r; /* another process came first */
}

int store_redis_load_library(char *error, size_t error_size)
{
        redisContext *context = NULL;
        int r;

        r = redis_connect(&context, error, error_size);
        if (r < 0)
                return r;
        r = load_library(context, error, error_size);
        redisFree(context);
        return r;
}
