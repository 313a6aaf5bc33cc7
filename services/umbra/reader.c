/*
 * umbra reader: where the readers stand, and moving one by hand. Works on stores that nobody has
 * open, under their locks; what a move skips or repeats is counted in the writer's journal.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/bus/keys.h"
#include "libbus/bus/policy.h"
#include "libbus/store/store.h"
#include "libbus/wire/streams.h"
#include "services/umbra/command.h"
#include "services/umbra/options.h"
#include "services/umbra/seek.h"
#include "services/umbra/services.h"
#include "services/umbra/store_use.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#define ERROR_SIZE 256
/* Later than any message: seeking it finds the end. */
#define FAR_AHEAD_US (INT64_C(366) * 86400 * BUS_US_PER_SEC)

enum { FLAG_TO = OPTIONS_FIRST };

struct move {
        struct options options;
        const char *to; /* NULL: list */
        const char *service, *stream;
        const struct bus_stream_kind *kind;
        const char *writer; /* within stream */

        struct store *store, *journal; /* the reader's, the writer's (NULL: runs, or has none) */
        struct store_stream end;
        bool has_cursor;
        struct bus_pos from, target;
        uint64_t skipped, again;
        bool is_gone; /* part of what is skipped is kept no more */
};

static const struct umbra_service *service_of(const char *name)
{
        for (size_t i = 0; umbra_services[i].name; i++)
                if (umbra_services[i].on_bus && !strcmp(umbra_services[i].name, name))
                        return &umbra_services[i];
        return NULL;
}

/* ---- stores ---- */

/* -ENOENT if the service has none: none is made. */
static int open_store(
        const struct layout *layout, const char *service, struct store **ret_store, char *error)
{
        BUS_AUTOFREE char *folder = layout_path(layout->state, service, "");
        BUS_AUTOFREE char *path = layout_path(folder, service, ".db");
        BUS_AUTOFREE char *boot_id = store_use_boot_id();
        struct store_options options = {
                .path = path, .now_us = bus_wall_us(), .boot_id = boot_id
        };
        int r;

        r = store_use_engine(layout, service, NULL, &options.engine, error);
        if (!r && !strcmp(options.engine, "redis"))
                r = store_verify("redis", path, error, ERROR_SIZE);
        else if (!r && access(path, F_OK) < 0) {
                snprintf(error, ERROR_SIZE, "%s: %s", path, strerror(errno));
                r = -errno;
        }
        return r < 0 ? r : store_open(&options, ret_store, error, ERROR_SIZE);
}

/* What root has made in a service's folder by opening its store belongs to the folder's owner. */
static void give_back(const struct layout *layout, const char *service)
{
        BUS_AUTOFREE char *folder = layout_path(layout->state, service, "");
        DIR *dir = geteuid() == 0 ? opendir(folder) : NULL;
        struct stat owner, file;

        if (!dir)
                return;
        if (fstat(dirfd(dir), &owner) == 0)
                for (struct dirent *entry; (entry = readdir(dir));)
                        if (fstatat(dirfd(dir), entry->d_name, &file, AT_SYMLINK_NOFOLLOW) == 0 &&
                                S_ISREG(file.st_mode) && file.st_uid != owner.st_uid &&
                                fchownat(dirfd(dir), entry->d_name, owner.st_uid, owner.st_gid,
                                        AT_SYMLINK_NOFOLLOW) < 0)
                                fprintf(stderr, "umbra reader: %s/%s: %s\n", folder, entry->d_name,
                                        strerror(errno));
        closedir(dir);
}

static enum store_stream_kind stored_kind(const struct bus_stream_kind *kind)
{
        return kind->commit == BUS_COMMIT_DERIVED  ? STORE_STREAM_DERIVED
               : kind->commit == BUS_COMMIT_NORMAL ? STORE_STREAM_NORMAL
                                                   : STORE_STREAM_FULL;
}

/* ---- listing ---- */

static void print_cursor(const struct layout *layout, const char *service, const char *stream,
        const struct bus_stream_kind *kind, struct bus_pos cursor)
{
        char at[BUS_POS_TEXT_SIZE], first[BUS_POS_TEXT_SIZE], last[BUS_POS_TEXT_SIZE];
        char error[ERROR_SIZE] = "";
        struct store_stream end = { 0 };
        struct store *journal = NULL;
        const char *says = "";
        int r;

        r = open_store(layout, strchr(stream, '@') + 1, &journal, error);
        if (!r)
                r = store_stream_open(journal, stream, stored_kind(kind), &end);
        store_free(journal);
        give_back(layout, strchr(stream, '@') + 1);
        bus_pos_format(cursor, at);
        if (r < 0) {
                printf("%-20s %-34s at %-24s %s\n", service, stream, at,
                        r == -EBUSY ? "its writer runs" : "its writer has no journal here");
                return;
        }
        if (bus_pos_compare(cursor, end.last) > 0)
                says = "  AHEAD OF ITS WRITER";
        else if (!bus_pos_is_zero(cursor) && bus_pos_compare(cursor, end.first) < 0 &&
                 kind->commit != BUS_COMMIT_DERIVED && cursor.seq + 1 < end.first.seq)
                says = "  BELOW THE OLDEST KEPT";
        printf("%-20s %-34s at %-24s oldest %s newest %s%s\n", service, stream, at,
                bus_pos_format(end.first, first), bus_pos_format(end.last, last), says);
}

struct cursor {
        char stream[BUS_STREAM_NAME_SIZE];
        const struct bus_stream_kind *kind;
        struct bus_pos at;
};

#define CURSORS_MAX 128 /* kinds times writers */

static size_t collect(struct store *store, struct cursor *ret_cursors)
{
        size_t count = 0;

        for (size_t k = 0; k < bus_stream_kind_count; k++)
                for (size_t i = 0; umbra_services[i].name; i++) {
                        struct cursor *cursor = &ret_cursors[count];

                        if (!umbra_services[i].on_bus || count == CURSORS_MAX)
                                continue;
                        cursor->kind = &bus_stream_kinds[k];
                        bus_stream_full_name(
                                cursor->kind->name, umbra_services[i].name, cursor->stream);
                        count += store_cursor(store, cursor->stream, &cursor->at) == 0;
                }
        return count;
}

static int list(const struct layout *layout)
{
        struct cursor cursors[CURSORS_MAX];

        for (size_t i = 0; umbra_services[i].name; i++) {
                const char *service = umbra_services[i].name;
                char error[ERROR_SIZE] = "";
                struct store *store = NULL;
                size_t count;
                int r;

                if (!umbra_services[i].on_bus)
                        continue;
                r = open_store(layout, service, &store, error);
                if (r == -EBUSY)
                        printf("%-20s runs: 'umbra status' tells what it is behind by\n", service);
                if (r < 0)
                        continue;
                count = collect(store, cursors);
                store_free(store); /* it may be the writer of what it reads */
                give_back(layout, service);
                for (size_t c = 0; c < count; c++)
                        print_cursor(
                                layout, service, cursors[c].stream, cursors[c].kind, cursors[c].at);
        }
        return 0;
}

/* ---- moving ---- */

static int parse_words(struct move *move, char *error)
{
        char kind[BUS_STREAM_NAME_SIZE];
        const char *at;

        move->service = move->options.words[0];
        move->stream = move->options.words[1];
        at = strchr(move->stream, '@');
        if (!service_of(move->service)) {
                snprintf(error, ERROR_SIZE, "there is no service '%s'", move->service);
                return -EINVAL;
        }
        snprintf(kind, sizeof(kind), "%.*s", (int)(at ? at - move->stream : 0), move->stream);
        move->kind = bus_stream_kind(kind);
        if (!at || !move->kind || move->kind->commit == BUS_COMMIT_NONE || !service_of(at + 1)) {
                snprintf(error, ERROR_SIZE,
                        "a stream is KIND@WRITER, as signal@alert-ingest; not '%s'", move->stream);
                return -EINVAL;
        }
        move->writer = at + 1;
        return 0;
}

/* The end as a writer tells it that runs. */
static int ask_end(struct move *move, char *error)
{
        const struct config_option other[] = { { "bus", "*", CONFIG_STRING, "", .maximum = 4096,
                                                       .help = "the services' own" },
                { 0 } };
        const struct config_option *tables[] = { bus_endpoint_options, other };
        const struct config_source source = { .path = move->options.layout.config,
                .environment = environ };
        const struct seek seek = { .since_us = bus_wall_us() + FAR_AHEAD_US };
        char replay[BUS_ENDPOINT_SIZE];
        BUS_AUTOFREE char *folder = NULL;
        struct bus_keys *keys = NULL;
        struct config *config = NULL;
        void *zmq;
        int r;

        r = config_load(&source, tables, BUS_COUNT(tables), &config, error, ERROR_SIZE);
        if (r < 0)
                return r;
        folder = bus_keys_folder(config);
        r = bus_keys_load(folder, BUS_PRINCIPAL_TOOLS, &keys, error, ERROR_SIZE);
        if (!r)
                r = bus_endpoint(config, move->writer, BUS_ENDPOINT_REPLAY, replay);
        if (!r) {
                zmq = zmq_ctx_new();
                r = seek_stream(zmq, &(struct seek_peer){ move->writer, replay, keys },
                        move->stream, &seek, &move->end.last);
                zmq_ctx_term(zmq);
        }
        bus_keys_free(keys);
        config_free(config);
        if (r < 0 && !*error)
                snprintf(error, ERROR_SIZE, "cannot ask %s: %s", move->writer, strerror(-r));
        return r;
}

static int find_target(struct move *move, char *error)
{
        int r;

        if (!strcmp(move->to, "oldest")) {
                move->target = BUS_POS_ZERO; /* a reader at zero takes what there is */
                return 0;
        }
        if (!strcmp(move->to, "newest") && !move->journal) {
                r = ask_end(move, error);
                if (r < 0)
                        return r;
        }
        if (!strcmp(move->to, "newest")) {
                move->target = move->end.last;
                return 0;
        }
        if (bus_pos_parse(move->to, &move->target) < 0) {
                snprintf(error, ERROR_SIZE,
                        "--to: oldest, newest, or a position INCARNATION.SEQ; not '%s'", move->to);
                return -EINVAL;
        }
        if (move->journal && bus_pos_compare(move->target, move->end.last) > 0) {
                snprintf(error, ERROR_SIZE, "%s lies behind the end of %s", move->to, move->stream);
                return -EINVAL;
        }
        return 0;
}

struct between {
        struct bus_pos low, high; /* low exclusive, high inclusive */
        uint64_t count;
};

static int count_one(const struct store_record *record, void *arg)
{
        struct between *between = arg;

        if (bus_pos_compare(record->position, between->high) > 0)
                return 1;
        between->count += bus_pos_compare(record->position, between->low) > 0;
        return 0;
}

static int count_between(
        struct move *move, struct bus_pos low, struct bus_pos high, uint64_t *ret_count)
{
        struct between between = { low, high, 0 };
        struct bus_pos after;
        int r;

        r = store_read(
                move->journal, move->stream, BUS_POS_ZERO, SIZE_MAX, count_one, &between, &after);
        *ret_count = between.count;
        return r < 0 ? r : 0;
}

static int weigh(struct move *move)
{
        if (!move->journal)
                return 0;
        move->is_gone = move->has_cursor && !bus_pos_is_zero(move->from) &&
                        bus_pos_compare(move->from, move->end.first) < 0 &&
                        move->from.seq + 1 < move->end.first.seq;
        if (bus_pos_compare(move->target, move->from) >= 0)
                return count_between(move, move->from, move->target, &move->skipped);
        return count_between(move, move->target, move->from, &move->again);
}

static int write_cursor(const struct move *move)
{
        struct store_batch *batch = store_batch_new();
        int r;

        store_batch_cursor(batch, move->stream, move->target);
        r = store_commit(move->store, batch, STORE_SYNC_FULL);
        store_batch_free(batch);
        return r;
}

/* Into the service's log, where whoever looks for its past will look. */
static void leave_audit(const struct move *move, const char *line)
{
        BUS_AUTOFREE char *path = layout_path(move->options.layout.log, move->service, ".log");
        BUS_AUTOCLOSE int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        char when[BUS_TIME_TEXT_SIZE];
        BUS_AUTOFREE char *text =
                bus_xasprintf("%s WARN umbra %s\n", bus_time_format(bus_wall_us(), when), line);

        if (fd < 0 || bus_write_all(fd, bus_bytes_str(text)) < 0)
                fprintf(stderr, "umbra reader: %s: %s: not noted there\n", path, strerror(errno));
}

static void tell(const struct move *move)
{
        char from[BUS_POS_TEXT_SIZE], to[BUS_POS_TEXT_SIZE], oldest[BUS_POS_TEXT_SIZE];
        BUS_AUTOFREE char *line = NULL;

        bus_pos_format(move->from, from);
        bus_pos_format(move->target, to);
        if (move->journal && bus_pos_is_zero(move->target))
                printf("%s begins with the oldest message kept of %s, %s\n", move->service,
                        move->stream, bus_pos_format(move->end.first, oldest));
        if (move->journal)
                printf("%" PRIu64 " messages are skipped, %" PRIu64 " will be handled again%s\n",
                        move->skipped, move->again,
                        move->is_gone ? "; those between are kept no more" : "");
        else
                printf("the writer's journal could not be read: how many are skipped is not known\n");
        line = bus_xasprintf("cursor_moved service=%s stream=%s from=%s to=%s skipped=%" PRIu64
                             " again=%" PRIu64 " gone=%s uid=%u",
                move->service, move->stream, move->has_cursor ? from : "none", to, move->skipped,
                move->again, move->is_gone ? "some" : "none", (unsigned int)getuid());
        puts(line);
        leave_audit(move, line);
}

static int open_both(struct move *move, char *error)
{
        const struct layout *layout = &move->options.layout;
        char other[ERROR_SIZE] = "";
        int r;

        r = open_store(layout, move->service, &move->store, error);
        if (r < 0)
                return r;
        r = store_cursor(move->store, move->stream, &move->from);
        if (r < 0)
                return r;
        move->has_cursor = r == 0;
        if (!strcmp(move->writer, move->service))
                r = 0; /* health reads its own: the one store is open already */
        else
                r = open_store(layout, move->writer, &move->journal, other);
        if (!r)
                r = store_stream_open(move->journal ? move->journal : move->store, move->stream,
                        stored_kind(move->kind), &move->end);
        if (!r && !move->journal)
                move->journal = move->store;
        return r == -EBUSY || r == -ENOENT ? 0 : r;
}

static int move_cursor(struct move *move, char *error)
{
        int r;

        r = open_both(move, error);
        if (!r)
                r = find_target(move, error);
        if (!r)
                r = weigh(move);
        if (!r)
                r = write_cursor(move);
        if (!r)
                tell(move);
        else if (r == -EBUSY)
                strncat(error, ": stop it first", ERROR_SIZE - strlen(error) - 1);
        if (move->journal != move->store)
                store_free(move->journal);
        store_free(move->store);
        give_back(&move->options.layout, move->service);
        give_back(&move->options.layout, move->writer);
        return r;
}

static int take(void *arg, int option, const char *value)
{
        (void)option;
        ((struct move *)arg)->to = value;
        return 0;
}

int umbra_reader(int argc, char **argv)
{
        static const struct option own[] = { { "to", required_argument, NULL, FLAG_TO }, { 0 } };
        struct move move = {
                .options = { .own = own,
                        .take = take,
                        .words_max = 2,
                        .usage =
                                "usage: umbra reader [--state DIR]\n"
                                "       umbra reader SERVICE STREAM --to oldest|newest|POSITION "
                                "[--state DIR]\n"
                                "\n"
                                "Shows where each stopped service stands in what it reads, or moves\n"
                                "one: to the oldest message that is kept, behind the newest, or behind\n"
                                "POSITION. For a reader that cannot go on by itself (its log names this\n"
                                "command). SERVICE must be stopped; STREAM is KIND@WRITER. What is\n"
                                "skipped is never handled; what is handled again has no second effect.\n"
                                "\n"
                                "example: umbra reader health trade@order-executor --to oldest\n" }
        };
        char error[ERROR_SIZE] = "";
        int status, r;

        move.options.arg = &move;
        status = options_parse(&move.options, argc, argv);
        if (status >= 0)
                return status;
        if (!move.to != !move.options.word_count || move.options.word_count == 1) {
                fprintf(stderr, "umbra reader: SERVICE, STREAM and --to go together\n");
                options_done(&move.options);
                return UMBRA_USAGE;
        }
        r = bus_hash_init();
        if (!r && !move.to)
                r = list(&move.options.layout);
        else if (!r)
                r = parse_words(&move, error);
        if (!r && move.to)
                r = move_cursor(&move, error);
        if (r < 0)
                fprintf(stderr, "umbra reader: %s\n", *error ? error : strerror(-r));
        options_done(&move.options);
        return r < 0 ? UMBRA_FAILED : UMBRA_DONE;
}
