/* A reader connects to nobody whose folder is not the one it means. */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/bus/place.h"
#include "libbus/bus/reader.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zmq.h>

#define WAIT_MS 200

struct rig {
        char folder[32], place[48], endpoint[80], why[BUS_PLACE_WHY_SIZE];
};

static void rig_init(struct rig *rig)
{
        *rig = (struct rig){ .folder = "/tmp/umbra-place-XXXXXX" };
        cr_assert(mkdtemp(rig->folder));
        snprintf(rig->place, sizeof(rig->place), "%s/writer", rig->folder);
        snprintf(rig->endpoint, sizeof(rig->endpoint), "ipc://%s/pub", rig->place);
        cr_assert_eq(mkdir(rig->place, 0755), 0);
}

static void rig_done(struct rig *rig)
{
        BUS_AUTOFREE char *command = bus_xasprintf("rm -rf %s", rig->folder);

        cr_assert_eq(system(command), 0);
}

static int check(struct rig *rig)
{
        return bus_place_check(rig->place, geteuid(), rig->why);
}

static void expect_refused(struct rig *rig, const char *path, const char *why)
{
        cr_expect_eq(check(rig), -EPERM);
        cr_expect(strstr(rig->why, path), "%s", rig->why);
        cr_expect(strstr(rig->why, why), "%s", rig->why);
}

Test(place, of_the_right_owner_is_trusted)
{
        struct rig rig;

        rig_init(&rig);
        cr_expect_eq(check(&rig), 0, "%s", rig.why);
        rig_done(&rig);
}

Test(place, of_another_owner_is_refused)
{
        struct rig rig;

        rig_init(&rig);
        cr_expect_eq(bus_place_check(rig.place, geteuid() + 1, rig.why), -EPERM);
        cr_expect(strstr(rig.why, "belongs to another"), "%s", rig.why);
        rig_done(&rig);
}

Test(place, where_others_may_write_is_refused_even_if_it_is_sticky)
{
        struct rig rig;

        rig_init(&rig);
        cr_assert_eq(chmod(rig.place, 01777), 0);
        expect_refused(&rig, rig.place, "others may write");
        cr_assert_eq(chmod(rig.place, 0775), 0);
        expect_refused(&rig, rig.place, "others may write");
        rig_done(&rig);
}

Test(place, that_others_could_replace_is_refused)
{
        struct rig rig;

        rig_init(&rig);
        cr_assert_eq(chmod(rig.folder, 0777), 0);
        expect_refused(&rig, rig.folder, "others may write");
        cr_assert_eq(chmod(rig.folder, 01777), 0); /* as /tmp is */
        cr_expect_eq(check(&rig), 0, "%s", rig.why);
        rig_done(&rig);
}

Test(place, behind_a_link_is_refused)
{
        BUS_AUTOFREE char *elsewhere = NULL;
        struct rig rig;

        rig_init(&rig);
        elsewhere = bus_xasprintf("%s/elsewhere", rig.folder);
        cr_assert_eq(rename(rig.place, elsewhere), 0);
        cr_assert_eq(symlink(elsewhere, rig.place), 0);
        expect_refused(&rig, rig.place, "symbolic link");
        rig_done(&rig);
}

Test(place, that_is_not_there_is_told_from_one_that_is_wrong)
{
        struct rig rig;

        rig_init(&rig);
        cr_assert_eq(rmdir(rig.place), 0);
        cr_expect_eq(check(&rig), -ENOENT);
        cr_expect_eq(bus_place_check("run/writer", geteuid(), rig.why), -EPERM);
        rig_done(&rig);
}

/* A config with [endpoint.alert-ingest] uid = UID; the caller frees. */
static struct config *config_of(const char *uid)
{
        const struct config_option *tables[] = { bus_endpoint_options };
        BUS_AUTOFREE char *text = bus_xasprintf("[endpoint.alert-ingest]\nuid = %s\n", uid);
        char error[CONFIG_ERROR_SIZE];
        struct config *config = NULL;

        cr_assert_eq(config_load(&(struct config_source){ .text = text, .text_size = strlen(text) },
                             tables, 1, &config, error, sizeof(error)),
                0, "%s", error);
        return config;
}

static int check_endpoint(struct rig *rig, const char *uid, const char *service, const char *where)
{
        CONFIG_AUTOFREE struct config *config = config_of(uid);

        return bus_place_check_endpoint(config, service, where, rig->why);
}

Test(place, is_asked_for_where_the_configuration_says_whose_it_is)
{
        char uid[16], other[16];
        struct rig rig;

        rig_init(&rig);
        snprintf(uid, sizeof(uid), "%u", geteuid());
        snprintf(other, sizeof(other), "%u", geteuid() + 1);
        cr_expect_eq(check_endpoint(&rig, uid, "alert-ingest", rig.endpoint), 0, "%s", rig.why);
        cr_expect_eq(check_endpoint(&rig, other, "alert-ingest", rig.endpoint), -EPERM);
        cr_expect_eq(check_endpoint(&rig, "", "alert-ingest", rig.endpoint), 0);
        cr_expect_eq(check_endpoint(&rig, other, "health", rig.endpoint), 0);
        cr_expect_eq(check_endpoint(&rig, other, "alert-ingest", "tcp://127.0.0.1:1"), 0);
        cr_expect_eq(check_endpoint(&rig, other, "alert-ingest", "ipc://@abstract"), -EPERM,
                "a name without a folder belongs to whoever takes it");
        rig_done(&rig);
}

static int take(void *arg, struct bus_reader *reader, const struct bus_message *message)
{
        (void)arg;
        (void)reader;
        (void)message;
        return 0;
}

/* Whether a reader that means UID's place subscribes at a writer bound in ours. */
static bool subscribes(struct rig *rig, unsigned int uid)
{
        struct bus_loop *loop = bus_loop_new();
        void *context = zmq_ctx_new(), *xpub = zmq_socket(context, ZMQ_XPUB);
        BUS_AUTOFREE char *text = bus_xasprintf("%u", uid);
        CONFIG_AUTOFREE struct config *config = config_of(text);
        int budget = 1, wait_ms = WAIT_MS, n;
        struct bus_peer *peer;
        char error[128], frame[128];

        cr_assert_eq(zmq_bind(xpub, rig->endpoint), 0);
        cr_assert_eq(bus_peer_new(&(struct bus_peer_options){ .loop = loop,
                                          .zmq = context,
                                          .writer = "alert-ingest",
                                          .pub_endpoint = rig->endpoint,
                                          .replay_endpoint = rig->endpoint,
                                          .config = config,
                                          .budget = &budget },
                             &peer, error, sizeof(error)),
                0, "%s", error);
        bus_peer_add(
                peer, &(struct bus_reader_options){ .stream_kind = "signal", .deliver = take });
        zmq_setsockopt(xpub, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms));
        n = zmq_recv(xpub, frame, sizeof(frame), 0);
        bus_peer_free(peer);
        bus_loop_free(loop);
        zmq_close(xpub);
        zmq_ctx_term(context);
        return n > 0;
}

Test(place, decides_whether_a_reader_connects)
{
        struct rig rig;

        rig_init(&rig);
        cr_expect(subscribes(&rig, geteuid()));
        cr_expect(!subscribes(&rig, geteuid() + 1), "it connected to another's place");
        rig_done(&rig);
}
