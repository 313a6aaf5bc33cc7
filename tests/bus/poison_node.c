/*
 * A service that one message kills: UMBRA_TEST_POISON is the number it dies of, and
 * UMBRA_TEST_POISON_HOW how. It ends well behind UMBRA_TEST_STOP_AT, which a run that died may have
 * passed already.
 */
#include "libbus/base/require.h"
#include "libbus/service/service.h"

#include "tick.pb-c.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define KEY_TAKEN   "taken"
#define KEY_MISSING "missing" /* of all up to the last one taken */

struct node {
        struct bus_service *service;
        int64_t taken, poison, stop_at;
        const char *how;
        bool ending;
};

static int64_t number_in(const char *name)
{
        const char *text = getenv(name);

        return text ? strtoll(text, NULL, 10) : 0;
}

static int create(struct bus_service *service, void **ret_self)
{
        struct node *node = bus_new(struct node);

        node->service = service;
        node->poison = number_in("UMBRA_TEST_POISON");
        node->stop_at = number_in("UMBRA_TEST_STOP_AT");
        node->how = getenv("UMBRA_TEST_POISON_HOW");
        bus_require(node->how);
        *ret_self = node;
        return 0;
}

static int start(void *self)
{
        struct node *node = self;
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        int r = bus_get(node->service, KEY_TAKEN, &buf);

        node->taken = r == 0 ? strtoll(bus_buf_str(&buf), NULL, 10) : 0;
        bus_service_ready(node->service);
        return r < 0 ? r : 0;
}

static void destroy(void *self)
{
        free(self);
}

static void die(const char *how)
{

        if (!strcmp(how, "segv"))
                *(volatile char *)mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 1;
        else if (!strcmp(how, "abort"))
                abort();
        else if (!strcmp(how, "fpe"))
                raise(SIGFPE);
        else if (!strcmp(how, "kill"))
                raise(SIGKILL);
}

static void committed(void *self, void *arg, int result)
{
        (void)self;
        (void)arg;
        (void)result;
        abort();
}

static void ended(void *self, void *arg, int result)
{
        struct node *node = self;

        (void)arg;
        bus_require(result == 0);
        bus_service_drained(node->service);
}

static int take(void *self, const struct bus_message *message)
{
        struct node *node = self;
        Pb__Tick *tick = pb__tick__unpack(NULL, message->body.size, message->body.data);
        char text[32];
        int64_t number;

        bus_require(tick);
        number = tick->at_us;
        pb__tick__free_unpacked(tick, NULL);
        snprintf(text, sizeof(text), "%" PRId64, ++node->taken);
        bus_put(node->service, KEY_TAKEN, bus_bytes_str(text), false);
        snprintf(text, sizeof(text), "%" PRId64, number - node->taken);
        bus_put(node->service, KEY_MISSING, bus_bytes_str(text), false);
        if (number == node->poison && !strcmp(node->how, "behind"))
                bus_after_commit(node->service, committed, NULL);
        else if (number == node->poison)
                die(node->how);
        if (number >= node->stop_at && !node->ending) {
                node->ending = true;
                bus_after_commit(node->service, ended, NULL);
        }
        return 0;
}

static const struct bus_input inputs[] = {
        { "signal", "alert-ingest", BUS_START_BEGINNING, take, false },
        { 0 },
};
static const struct bus_service_class class = { .name = "strategy-v3",
        .inputs = inputs,
        .create = create,
        .start = start,
        .destroy = destroy };

int main(int argc, char **argv)
{
        return bus_service_main(argc, argv, &class);
}
