/*
 * A dump in a file: a magic, pieces, and at its end the hash over all before it. A piece is its kind
 * (one character), its size, and its fields one after the other; numbers are little-endian.
 * Invariant: what is read is bounded by the piece's size, and no piece is handed over that does not
 * use all of it.
 */
#include "libbus/store/dump.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>

#define MAGIC      "UMBRADUMP1\n"
#define MAGIC_SIZE (sizeof(MAGIC) - 1)
#define END        'Z'
/* A state's value or a body is far smaller: what claims to be larger is damage. */
#define PIECE_MAX_BYTES ((size_t)64 << 20)
#define HEAD_BYTES      5 /* kind and size */

struct store_dump_file {
        FILE *file;
        char *path;
        struct bus_buf piece;
        crypto_hash_sha256_state hash;
};

/* ---- writing ---- */

static int write_hashed(struct store_dump_file *file, const void *data, size_t size)
{
        if (!size)
                return 0;
        crypto_hash_sha256_update(&file->hash, data, size);
        return fwrite(data, 1, size, file->file) == size ? 0 : errno ? -errno : -EIO;
}

static void begin(struct store_dump_file *file)
{
        bus_buf_clear(&file->piece);
}

static void put_u64(struct store_dump_file *file, uint64_t number)
{
        uint64_t little = htole64(number);

        bus_buf_add(&file->piece, &little, sizeof(little));
}

static void put_bytes(struct store_dump_file *file, struct bus_bytes bytes)
{
        put_u64(file, bytes.size);
        bus_buf_add(&file->piece, bytes.data, bytes.size);
}

static void put_pos(struct store_dump_file *file, struct bus_pos pos)
{
        put_u64(file, pos.incarnation);
        put_u64(file, pos.seq);
        put_u64(file, pos.part);
}

static int end_piece(struct store_dump_file *file, char kind)
{
        uint8_t head[HEAD_BYTES] = { (uint8_t)kind };
        uint32_t size = htole32((uint32_t)file->piece.size);
        int r;

        if (file->piece.size > PIECE_MAX_BYTES)
                return -EFBIG;
        memcpy(head + 1, &size, sizeof(size));
        r = write_hashed(file, head, sizeof(head));
        return r < 0 ? r : write_hashed(file, file->piece.data, file->piece.size);
}

static int write_stream(void *arg, const struct store_dump_stream *stream)
{
        struct store_dump_file *file = arg;

        begin(file);
        put_bytes(file, bus_bytes_str(stream->name));
        put_u64(file, stream->kind);
        put_u64(file, stream->incarnation);
        put_bytes(file, bus_bytes_str(stream->lost ? stream->lost : ""));
        put_pos(file, stream->first);
        put_pos(file, stream->last);
        put_pos(file, stream->before_first);
        put_u64(file, (uint64_t)stream->top_us);
        put_u64(file, stream->fork_count);
        for (size_t i = 0; i < stream->fork_count; i++) {
                put_u64(file, stream->forks[i].incarnation);
                put_pos(file, stream->forks[i].fork);
        }
        return end_piece(file, 'S');
}

static int write_record(void *arg, const struct store_dump_record *dumped)
{
        struct store_dump_file *file = arg;
        const struct store_record *record = &dumped->record;

        begin(file);
        put_bytes(file, bus_bytes_str(dumped->stream));
        put_pos(file, record->position);
        put_pos(file, record->predecessor);
        put_bytes(file, bus_bytes_str(record->topic));
        put_bytes(file, record->body);
        put_u64(file, (uint64_t)record->at_us);
        put_u64(file, (uint64_t)dumped->top_us);
        return end_piece(file, 'R');
}

static int write_claim(void *arg, const struct store_dump_claim *claim)
{
        struct store_dump_file *file = arg;

        begin(file);
        put_bytes(file, bus_bytes_str(claim->stream));
        put_bytes(file, claim->key);
        put_bytes(file, claim->value);
        put_u64(file, (uint64_t)claim->expires_us);
        put_u64(file, (uint64_t)claim->until_us);
        put_pos(file, claim->position);
        return end_piece(file, 'C');
}

static int write_state(void *arg, struct bus_bytes key, struct bus_bytes value)
{
        struct store_dump_file *file = arg;

        begin(file);
        put_bytes(file, key);
        put_bytes(file, value);
        return end_piece(file, 'P');
}

static int write_cursor(void *arg, const char *stream, struct bus_pos position)
{
        struct store_dump_file *file = arg;

        begin(file);
        put_bytes(file, bus_bytes_str(stream));
        put_pos(file, position);
        return end_piece(file, 'U');
}

int store_dump_create(
        const char *path, struct store_dump_file **ret_file, struct store_sink *ret_sink)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        struct store_dump_file *file;
        int r;

        if (fd < 0)
                return -errno;
        file = bus_new(struct store_dump_file);
        file->path = bus_xstrdup(path);
        file->file = fdopen(fd, "w");
        bus_require(file->file);
        crypto_hash_sha256_init(&file->hash);
        r = write_hashed(file, MAGIC, MAGIC_SIZE);
        if (r < 0)
                return store_dump_finish(file, r);
        *ret_file = file;
        *ret_sink = (struct store_sink){ write_stream, write_record, write_claim, write_state,
                write_cursor, file };
        return 0;
}

static int write_end(struct store_dump_file *file)
{
        uint8_t hash[BUS_SHA256_SIZE];
        int r;

        begin(file);
        r = end_piece(file, END);
        crypto_hash_sha256_final(&file->hash, hash);
        if (!r && fwrite(hash, 1, sizeof(hash), file->file) != sizeof(hash))
                r = -EIO;
        if (!r && (fflush(file->file) || fsync(fileno(file->file)) < 0))
                r = -errno;
        return r;
}

int store_dump_finish(struct store_dump_file *file, int r)
{
        if (!r)
                r = write_end(file);
        if (fclose(file->file) && !r)
                r = -errno;
        if (!r)
                r = bus_sync_folder_of(file->path);
        if (r < 0)
                unlink(file->path);
        bus_buf_done(&file->piece);
        free(file->path);
        free(file);
        return r;
}

/* ---- reading ---- */

/* The fields of one piece; GOOD goes false with the first that is not there. */
struct fields {
        struct bus_bytes rest;
        bool good;
};

static uint64_t take_u64(struct fields *f)
{
        uint64_t little;

        if (f->rest.size < sizeof(little)) {
                f->good = false;
                return 0;
        }
        memcpy(&little, f->rest.data, sizeof(little));
        f->rest = bus_bytes(f->rest.data + sizeof(little), f->rest.size - sizeof(little));
        return le64toh(little);
}

static int64_t take_us(struct fields *f)
{
        uint64_t us = take_u64(f);

        f->good = f->good && us <= INT64_MAX;
        return f->good ? (int64_t)us : 0;
}

static struct bus_bytes take_bytes(struct fields *f)
{
        uint64_t size = take_u64(f);
        struct bus_bytes bytes;

        if (!f->good || size > f->rest.size) {
                f->good = false;
                return bus_bytes(NULL, 0);
        }
        bytes = bus_bytes(f->rest.data, (size_t)size);
        f->rest = bus_bytes(f->rest.data + size, f->rest.size - (size_t)size);
        return bytes;
}

/* A copy with a NUL behind it, into TEXT; a text has none within. */
static const char *take_text(struct fields *f, char **text)
{
        struct bus_bytes bytes = take_bytes(f);

        if (bytes.size && memchr(bytes.data, 0, bytes.size))
                f->good = false;
        *text = bus_xasprintf("%.*s", f->good ? (int)bytes.size : 0, (const char *)bytes.data);
        return *text;
}

static struct bus_pos take_pos(struct fields *f)
{
        struct bus_pos pos = { .incarnation = take_u64(f), .seq = take_u64(f) };
        uint64_t part = take_u64(f);

        if (part > UINT32_MAX || pos.incarnation > INT64_MAX || pos.seq > INT64_MAX)
                f->good = false;
        pos.part = (uint32_t)part;
        return pos;
}

static bool is_over(const struct fields *f)
{
        return f->good && !f->rest.size;
}

static int read_stream(struct fields *f, const struct store_sink *sink)
{
        BUS_AUTOFREE char *name = NULL, *lost = NULL;
        struct store_dump_stream stream = { .name = take_text(f, &name) };
        uint64_t kind = take_u64(f), forks;

        stream.kind = (enum store_stream_kind)kind;
        stream.incarnation = take_u64(f);
        take_text(f, &lost);
        stream.lost = *lost ? lost : NULL;
        stream.first = take_pos(f);
        stream.last = take_pos(f);
        stream.before_first = take_pos(f);
        stream.top_us = take_us(f);
        forks = take_u64(f);
        if (!*name || kind > STORE_STREAM_DERIVED || stream.incarnation > INT64_MAX ||
                forks > STORE_FORKS_MAX)
                f->good = false;
        for (; f->good && stream.fork_count < forks; stream.fork_count++) {
                stream.forks[stream.fork_count].incarnation = take_u64(f);
                stream.forks[stream.fork_count].fork = take_pos(f);
        }
        return !is_over(f) ? -EUCLEAN : sink ? sink->stream(sink->arg, &stream) : 0;
}

static int read_record(struct fields *f, const struct store_sink *sink)
{
        BUS_AUTOFREE char *name = NULL, *topic = NULL;
        struct store_dump_record dumped = { .stream = take_text(f, &name) };
        struct store_record *record = &dumped.record;

        record->position = take_pos(f);
        record->predecessor = take_pos(f);
        record->topic = take_text(f, &topic);
        record->body = take_bytes(f);
        record->at_us = take_us(f);
        dumped.top_us = take_us(f);
        return !is_over(f) ? -EUCLEAN : sink ? sink->record(sink->arg, &dumped) : 0;
}

static int read_claim(struct fields *f, const struct store_sink *sink)
{
        BUS_AUTOFREE char *name = NULL;
        struct store_dump_claim claim = { .stream = take_text(f, &name) };

        claim.key = take_bytes(f);
        claim.value = take_bytes(f);
        claim.expires_us = take_us(f);
        claim.until_us = take_us(f);
        claim.position = take_pos(f);
        return !is_over(f) ? -EUCLEAN : sink ? sink->claim(sink->arg, &claim) : 0;
}

static int read_state(struct fields *f, const struct store_sink *sink)
{
        struct bus_bytes key = take_bytes(f), value = take_bytes(f);

        return !is_over(f) ? -EUCLEAN : sink ? sink->state(sink->arg, key, value) : 0;
}

static int read_cursor(struct fields *f, const struct store_sink *sink)
{
        BUS_AUTOFREE char *name = NULL;
        const char *stream = take_text(f, &name);
        struct bus_pos position = take_pos(f);

        return !is_over(f) ? -EUCLEAN : sink ? sink->cursor(sink->arg, stream, position) : 0;
}

static int read_piece(char kind, struct bus_bytes piece, const struct store_sink *sink)
{
        struct fields f = { piece, true };

        switch (kind) {
        case 'S': return read_stream(&f, sink);
        case 'R': return read_record(&f, sink);
        case 'C': return read_claim(&f, sink);
        case 'P': return read_state(&f, sink);
        case 'U': return read_cursor(&f, sink);
        default: return -EUCLEAN;
        }
}

static int read_hashed(FILE *file, crypto_hash_sha256_state *hash, void *ret_data, size_t size)
{
        if (size && fread(ret_data, 1, size, file) != size)
                return ferror(file) ? -EIO : -EUCLEAN;
        crypto_hash_sha256_update(hash, ret_data, size);
        return 0;
}

static int read_end(FILE *file, crypto_hash_sha256_state *hash)
{
        uint8_t said[BUS_SHA256_SIZE], is[BUS_SHA256_SIZE];

        crypto_hash_sha256_final(hash, is);
        if (fread(said, 1, sizeof(said), file) != sizeof(said) || memcmp(said, is, sizeof(is)) ||
                fgetc(file) != EOF)
                return -EUCLEAN;
        return 0;
}

static int read_all(FILE *file, const struct store_sink *sink)
{
        BUS_AUTOBUF struct bus_buf piece = BUS_BUF_INIT;
        crypto_hash_sha256_state hash;
        uint8_t head[MAGIC_SIZE];
        uint32_t size;
        int r;

        crypto_hash_sha256_init(&hash);
        r = read_hashed(file, &hash, head, MAGIC_SIZE);
        if (!r && memcmp(head, MAGIC, MAGIC_SIZE))
                r = -EUCLEAN;
        while (!r) {
                r = read_hashed(file, &hash, head, HEAD_BYTES);
                if (r < 0)
                        break;
                memcpy(&size, head + 1, sizeof(size));
                size = le32toh(size);
                if (head[0] == END)
                        return size ? -EUCLEAN : read_end(file, &hash);
                if (size > PIECE_MAX_BYTES)
                        return -EUCLEAN;
                bus_buf_clear(&piece);
                r = read_hashed(file, &hash, bus_buf_reserve(&piece, size), size);
                if (!r)
                        r = read_piece((char)head[0], bus_bytes(piece.data, size), sink);
        }
        return r;
}

int store_dump_read(const char *path, const struct store_sink *sink, char *error, size_t error_size)
{
        FILE *file = fopen(path, "re");
        int r;

        if (!file) {
                r = -errno;
                snprintf(error, error_size, "%s: %s", path, strerror(-r));
                return r;
        }
        r = read_all(file, sink);
        fclose(file);
        if (r < 0 && !*error)
                snprintf(error, error_size, "%s: %s", path,
                        r == -EUCLEAN ? "is no whole backup" : strerror(-r));
        return r;
}

int store_dump_parse(struct bus_bytes data, const struct store_sink *sink)
{
        FILE *file = data.size ? fmemopen((void *)(uintptr_t)data.data, data.size, "r") : NULL;
        int r = file ? read_all(file, sink) : -EUCLEAN;

        if (file)
                fclose(file);
        return r;
}

int store_dump_probe(const char *path)
{
        FILE *file = fopen(path, "re");
        char magic[MAGIC_SIZE];
        bool ours;

        if (!file)
                return errno == ENOENT ? STORE_DUMP_NONE : -errno;
        ours = fread(magic, 1, MAGIC_SIZE, file) == MAGIC_SIZE && !memcmp(magic, MAGIC, MAGIC_SIZE);
        fclose(file);
        return ours ? 0 : STORE_DUMP_NONE;
}
