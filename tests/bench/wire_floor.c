/*
 * The floor: bare libzmq, and a sync where Umbra has one (front and last), of a file whose blocks
 * are all written already, so that a sync has nothing but the data to write.
 */
#include "libbus/base/require.h"
#include "tests/bench/chain.h"

#include <fcntl.h>
#include <stdio.h>
#include <zmq.h>

#define FILE_BYTES ((off_t)16 << 20)

struct floor {
        int fd; /* negative: keeps nothing */
        off_t at;
        void *in, *out;
};

static int open_file(const char *folder, enum stage stage)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/journal%d", folder, (int)stage);
        BUS_AUTOFREE char *zeros = bus_xcalloc(1, (size_t)FILE_BYTES);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0 || pwrite(fd, zeros, (size_t)FILE_BYTES, 0) != FILE_BYTES || fsync(fd) < 0)
                chain_die(path);
        return fd;
}

static void *open_socket(const char *folder, int type, unsigned int link)
{
        void *socket = zmq_socket(zmq_ctx_new(), type);
        BUS_AUTOFREE char *endpoint = bus_xasprintf("ipc://%s/link%u", folder, link);
        int r;

        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
        r = type == ZMQ_PUB ? zmq_bind(socket, endpoint) : zmq_connect(socket, endpoint);
        if (r < 0)
                chain_die(endpoint);
        return socket;
}

static void *floor_open(const char *folder, enum stage stage)
{
        struct floor *floor = bus_new(struct floor);

        floor->fd = stage == STAGE_MIDDLE ? -1 : open_file(folder, stage);
        if (stage != STAGE_FRONT)
                floor->in = open_socket(folder, ZMQ_SUB, (unsigned int)stage);
        if (stage != STAGE_LAST)
                floor->out = open_socket(folder, ZMQ_PUB, (unsigned int)stage + 1);
        return floor;
}

static void keep(struct floor *floor, const struct note *notes, size_t count)
{
        ssize_t size = (ssize_t)(count * sizeof(*notes));

        if (floor->at + size > FILE_BYTES)
                floor->at = 0;
        if (pwrite(floor->fd, notes, (size_t)size, floor->at) != size || fdatasync(floor->fd) < 0)
                chain_die("journal");
        floor->at += size;
}

static void floor_put(void *wire, const struct note *notes, size_t count)
{
        struct floor *floor = wire;

        if (floor->fd >= 0)
                keep(floor, notes, count);
        for (size_t i = 0; floor->out && i < count; i++)
                if (zmq_send(floor->out, &notes[i], sizeof(*notes), 0) < 0)
                        chain_die("send");
}

static size_t floor_take(void *wire, struct note *notes)
{
        struct floor *floor = wire;
        size_t count = 0;

        while (count < NOTES_MAX && zmq_recv(floor->in, &notes[count], sizeof(*notes),
                                            count ? ZMQ_DONTWAIT : 0) == sizeof(*notes))
                count++;
        if (!count)
                chain_die("receive");
        return count;
}

const struct wire wire_floor = {
        .name = "floor", .open = floor_open, .put = floor_put, .take = floor_take
};

int floor_start(struct target *target, const char *folder)
{
        return chain_start(target, folder, &wire_floor);
}
