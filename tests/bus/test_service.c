/*
 * What the runtime does beside passing messages on: sets bad ones aside, remembers alarms, answers
 * the backup command, refuses a second process. A source in a process of its own, the service under
 * test in this one.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/bus/keys.h"
#include "libbus/service/internal.h"
#include "libbus/service/run.h"
#include "libbus/store/store_sqlite_faults.h"

#include "control.pb-c.h"
#include "tick.pb-c.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct probe {
        struct bus_service *service;
        int64_t taken, last, bad; /* bad: the number to be set aside */
        int64_t stop_at;
        bool quiet;          /* waits for no commit */
        bool breaks_disk;    /* the commit of the bad one fails, the first time */
        int met;             /* so often the bad one came */
        struct bus_pos kept; /* the cursor in the store when it came last */
        int after_commits;
        int64_t together; /* taken live, and more were to follow at once */
        bool derives;
        unsigned int gathered; /* derived messages that waited to be sent, the most */
};

static struct probe probe;
static char folder[64];
static pid_t source;

static int64_t number_of(const struct bus_message *message)
{
        Pb__Tick *tick = pb__tick__unpack(NULL, message->body.size, message->body.data);
        int64_t number;

        bus_require(tick);
        number = tick->at_us;
        pb__tick__free_unpacked(tick, NULL);
        return number;
}

static void committed(void *self, void *arg, int result)
{
        struct probe *p = self;

        (void)arg;
        bus_require(result == 0);
        p->after_commits++;
        if (p->last >= p->stop_at)
                bus_service_drained(p->service);
}

static void meet_bad(struct probe *p, const struct bus_message *message)
{
        const struct store_sqlite_faults faults = { .write_errno = EIO, .write_once = true };

        p->met++;
        if (p->breaks_disk && p->met == 1)
                store_sqlite_set_faults(&faults);
        else if (p->breaks_disk)
                cr_expect_eq(store_cursor(p->service->store, message->stream, &p->kept), 0);
}

static void derive(struct probe *p, const struct bus_message *message)
{
        Pb__Tick tick = PB__TICK__INIT;
        const struct bus_writer_stream *stream = bus_writer_stream(p->service->writer, "decision");

        tick.symbol = "EURUSD";
        bus_emit(p->service, &(struct bus_out){ .stream = "decision",
                                     .topic = "decision.v3.legacy_v3",
                                     .body = &tick.base,
                                     .cause = message });
        p->gathered = stream->batched > p->gathered ? stream->batched : p->gathered;
}

static int take(void *self, const struct bus_message *message)
{
        struct probe *p = self;

        if (p->breaks_disk && p->met > 1)
                cr_expect_eq(number_of(message), p->last + 1, "what comes again comes in order");
        p->last = number_of(message);
        if (p->last == p->bad) {
                meet_bad(p, message);
                return BUS_QUARANTINE;
        }
        p->taken++;
        p->together += !message->replayed && message->more_follow;
        if (p->derives)
                derive(p, message);
        if (!p->quiet)
                bus_after_commit(p->service, committed, NULL);
        else if (p->last >= p->stop_at)
                bus_service_drained(p->service);
        return 0;
}

static int create(struct bus_service *service, void **ret_self)
{
        probe.service = service;
        *ret_self = &probe;
        return 0;
}

static int start(void *self)
{
        struct probe *p = self;

        bus_service_ready(p->service);
        return 0;
}

static void destroy(void *self)
{
        (void)self;
}

static const struct bus_input inputs[] = {
        { "signal", "alert-ingest", BUS_START_BEGINNING, take, false },
        { 0 },
};
static const char *const outputs[] = { "decision", NULL };
static const struct bus_service_class class = { .name = "strategy-v3",
        .outputs = outputs,
        .inputs = inputs,
        .create = create,
        .start = start,
        .destroy = destroy };

static struct bus_service *make_of(const struct bus_service_class *of)
{
        const struct config_option *tables[] = { bus_endpoint_options, service_options(of) };
        BUS_AUTOFREE char *set = bus_xasprintf("bus.state_dir=%s", folder);
        const char *sets[] = { set };
        const struct config_source source_of = { .sets = sets, .set_count = 1 };
        struct config *config;
        char error[CONFIG_ERROR_SIZE];
        struct bus_service *service;

        cr_assert_eq(
                config_load(&source_of, tables, 2, &config, error, sizeof(error)), 0, "%s", error);
        service = service_new(of, config);
        cr_assert_eq(service_create(service), 0);
        return service;
}

static struct bus_service *make(void)
{
        return make_of(&class);
}

static void start_source(void)
{
        BUS_AUTOFREE char *set = bus_xasprintf("bus.state_dir=%s", folder);

        source = fork();
        bus_require(source >= 0);
        if (source == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                execl(UMBRA_TEST_NODE, UMBRA_TEST_NODE, "alert-ingest", "--set", set, (char *)NULL);
                _exit(127);
        }
}

static void make_keys(void)
{
        BUS_AUTOFREE char *keys = bus_xasprintf("%s/keys", folder);

        cr_assert_eq(bus_keys_make_all(keys), 0);
}

static void set_up(void)
{
        cr_assert_eq(bus_hash_init(), 0);
        strcpy(folder, "/tmp/umbra-service-XXXXXX");
        cr_assert(mkdtemp(folder));
        make_keys();
        probe = (struct probe){ .stop_at = 50 };
        start_source();
}

static void tear_down(void)
{
        BUS_AUTOFREE char *clean = bus_xasprintf("rm -r %s", folder);

        kill(source, SIGKILL);
        waitpid(source, NULL, 0);
        cr_expect_eq(system(clean), 0);
}

TestSuite(service, .init = set_up, .fini = tear_down);

static int run_it(struct bus_service *service)
{
        int quiet[2], status;

        cr_assert_eq(pipe(quiet), 0); /* stands for the signals: none comes */
        status = service_run(service, quiet[0]);
        close(quiet[0]);
        close(quiet[1]);
        return status;
}

static struct store *open_store(void)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/strategy-v3/strategy-v3.db", folder);
        const struct store_options options = { .engine = "sqlite", .path = path, .boot_id = "" };
        struct store *store;
        char error[256];

        cr_assert_eq(store_open(&options, &store, error, sizeof(error)), 0, "%s", error);
        return store;
}

static int count_key(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        (void)key;
        (void)value;
        (*(int *)arg)++;
        return 0;
}

static int files_in(const char *name)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/%s", folder, name);
        DIR *dir = opendir(path);
        int count = 0;

        cr_assert(dir);
        for (struct dirent *entry; (entry = readdir(dir));)
                count += entry->d_name[0] != '.';
        closedir(dir);
        return count;
}

static int keys(struct store *store, const char *prefix)
{
        int count = 0;

        cr_assert_eq(store_scan(store, bus_bytes_str(prefix), count_key, &count), 0);
        return count;
}

Test(service, sets_a_bad_message_aside_with_an_alarm_and_goes_on)
{
        struct bus_service *service = make();
        struct store_stream alarms;
        struct store *store;

        probe.bad = 20;
        cr_expect_eq(run_it(service), 0);
        service_free(service);
        cr_expect_geq(probe.last, 50);
        cr_expect_eq(probe.taken, probe.last - 1, "all but the bad one were handled");

        store = open_store();
        cr_expect_eq(keys(store, "quarantine/signal@alert-ingest/"), 1);
        cr_expect_eq(keys(store, "alarm/quarantined/"), 1);
        cr_assert_eq(store_stream_open(store, "alarm@strategy-v3", STORE_STREAM_FULL, &alarms), 0);
        cr_expect_eq(alarms.last.seq, 1);
        store_free(store);
}

static int64_t patience_until_us;

static void look_for_the_bad_one(void *arg)
{
        const struct probe *p = arg;

        if ((p->met > 1 && p->last > p->bad + 50) || bus_mono_us() > patience_until_us)
                bus_service_drained(p->service);
}

static int start_and_look(void *self)
{
        struct probe *p = self;

        patience_until_us = bus_mono_us() + 20 * BUS_US_PER_SEC;
        bus_loop_add_timer(
                bus_service_loop(p->service), 0, 20 * BUS_US_PER_MS, look_for_the_bad_one, p);
        return start(self);
}

/* As alert-ingest does: the commit is lost, and what was to be in it comes again. */
Test(service, that_outlives_a_failed_commit_handles_again_what_was_in_it)
{
        struct bus_service_class survivor = class;
        struct bus_service *service;
        struct store *store;

        survivor.survives_commit_failure = true;
        survivor.start = start_and_look;
        probe = (struct probe){
                .stop_at = INT64_MAX, .quiet = true, .bad = 20, .breaks_disk = true
        };
        service = make_of(&survivor);
        cr_expect_eq(run_it(service), 0);
        service_free(service);
        cr_expect_eq(probe.met, 2);
        cr_expect_lt(probe.kept.seq, 20, "a kill before it came again would have lost it");

        store = open_store();
        cr_expect_eq(keys(store, "quarantine/signal@alert-ingest/"), 1);
        cr_expect_eq(keys(store, "alarm/quarantined/"), 1);
        store_free(store);
}

Test(service, goes_on_where_it_stopped_and_says_an_alarm_once)
{
        struct bus_service *service = make();
        int64_t first_run;
        struct store *store;

        probe.bad = 20;
        cr_expect_eq(run_it(service), 0);
        bus_alarm(service, "test_alarm", "x", PB__SEVERITY__SEVERITY_WARNING, "once");
        bus_commit_now(service);
        service_free(service);
        first_run = probe.last;

        probe = (struct probe){ .stop_at = first_run + 50 };
        service = make();
        cr_expect_eq(run_it(service), 0);
        bus_alarm(service, "test_alarm", "x", PB__SEVERITY__SEVERITY_WARNING, "twice");
        bus_commit_now(service);
        cr_expect_eq(probe.taken, probe.last - first_run, "nothing twice, nothing missed");
        bus_alarm_end(service, "test_alarm", "x");
        bus_alarm_end(service, "test_alarm", "x");
        bus_commit_now(service);
        service_free(service);

        store = open_store();
        cr_expect_eq(keys(store, "alarm/test_alarm/"), 0);
        cr_expect_eq(keys(store, "alarm/quarantined/"), 1);
        store_free(store);
}

Test(service, a_second_process_on_the_same_store_is_refused)
{
        struct store *store;
        struct bus_service *service;
        BUS_AUTOFREE char *own = bus_xasprintf("%s/strategy-v3", folder);

        cr_assert(mkdir(own, 0700) == 0);
        store = open_store();
        service = make();
        cr_expect_eq(run_it(service), 1);
        service_free(service);
        store_free(store);
}

Test(service, several_messages_share_one_commit)
{
        struct bus_service *service = make();

        probe.stop_at = 700; /* the source writes seven at a time */
        cr_expect_eq(run_it(service), 0);
        cr_expect_lt(bus_metric_value(bus_counter(
                             bus_service_metrics(service), "umbra_commits_total", "", "")),
                (double)probe.taken / 2);
        cr_expect_eq(probe.after_commits, probe.taken);
        service_free(service);
}

Test(service, what_was_committed_together_comes_together_and_so_does_what_is_derived_of_it)
{
        struct bus_service *service = make();

        probe.stop_at = 700;
        probe.derives = true;
        cr_expect_eq(run_it(service), 0);
        cr_expect(probe.together > 0 && probe.gathered > 1);
        cr_expect_eq(bus_writer_stream(service->writer, "decision")->batched, 0, "and all of it");
        service_free(service);
}

static double commits_of(struct bus_service *service)
{
        return bus_metric_value(
                bus_counter(bus_service_metrics(service), "umbra_commits_total", "", ""));
}

Test(service, a_commit_nobody_waits_for_is_put_off_and_what_was_taken_is_kept)
{
        struct bus_service_class patient = class;
        struct bus_service *service;
        int64_t first_run;

        patient.commit_delay_us = 10 * BUS_US_PER_SEC;
        probe = (struct probe){ .stop_at = 50, .quiet = true };
        service = make_of(&patient);
        cr_expect_eq(run_it(service), 0);
        cr_expect_eq(commits_of(service), 1, "one, at the end");
        service_free(service);
        first_run = probe.last;

        probe = (struct probe){ .stop_at = first_run + 50 };
        service = make_of(&patient);
        cr_expect_eq(run_it(service), 0);
        cr_expect_eq(
                probe.after_commits, probe.taken, "it ends with a callback: nobody had to wait");
        cr_expect_eq(probe.taken, probe.last - first_run, "nothing twice, nothing missed");
        service_free(service);
}

/* Which of the callbacks saw the alarm published, in the order they ran. */
static bool saw_published[2];
static size_t saw_count;

static void look(void *self, void *arg, int result)
{
        const struct probe *p = self;

        (void)arg;
        cr_expect_eq(result, 0);
        cr_assert_lt(saw_count, BUS_COUNT(saw_published));
        saw_published[saw_count++] =
                bus_writer_stream(p->service->writer, "alarm")->published.seq > 0;
}

Test(service, what_is_first_after_a_commit_comes_before_the_publishing)
{
        struct bus_service *service = make();

        cr_expect_eq(run_it(service), 0);
        bus_after_commit(service, look, NULL);
        bus_after_commit_first(service, look, NULL);
        bus_alarm(service, "test_alarm", "x", PB__SEVERITY__SEVERITY_WARNING, "once");
        bus_commit_now(service);
        cr_expect_eq(saw_count, 2);
        cr_expect_not(saw_published[0], "what is urgent had to wait for the publishing");
        cr_expect(saw_published[1]);
        service_free(service);
}

static void count(void *self, void *arg, int result)
{
        (void)self;
        (void)arg;
        cr_expect_eq(result, 0);
        saw_count++;
}

/* The clock is left out of it: a test may be kept waiting for longer than any commit is put off. */
static void linger(struct bus_service *service, int64_t us)
{
        bus_after_commit(service, count, NULL);
        bus_commit_later(service);
        cr_expect_gt(service->turn.linger_us, 0);
        service->turn.linger_us = bus_mono_us() + us;
        service_turn_end(service);
}

Test(service, a_commit_that_may_be_later_goes_with_what_comes_next_or_by_itself)
{
        struct bus_service *service = make();

        cr_expect_eq(run_it(service), 0);
        service->draining = false; /* that would hurry it */
        cr_expect_not(bus_has_staged(service));
        linger(service, 60 * BUS_US_PER_SEC);
        cr_expect(bus_has_staged(service));
        cr_expect_eq(saw_count, 0, "it waits for more");
        bus_after_commit(service, count, NULL);
        service_turn_end(service);
        cr_expect_eq(saw_count, 2, "both in one");
        linger(service, 0);
        cr_expect_eq(saw_count, 3, "nothing came, and its time is over");
        service_free(service);
}

/* However long ago the last one was: who puts commits off is not idle between them. */
static void be_quiet(struct bus_service *service)
{
        for (int turn = 0; turn < 100; turn++) {
                service->settle_due_us = 0;
                service_turn_end(service);
        }
}

Test(service, the_store_s_own_work_waits_for_a_commit_that_is_still_to_come)
{
        struct bus_service *service = make();

        cr_expect_eq(run_it(service), 0);
        service->draining = false;
        bus_put(service, "a", bus_bytes_str("b"), false);
        service_turn_end(service);
        linger(service, 60 * BUS_US_PER_SEC);
        be_quiet(service);
        cr_expect_neq(store_unsettled(service->store), STORE_BACKLOG_NONE);
        cr_expect_gt(service->settle_due_us, 0);
        linger(service, 0);
        be_quiet(service);
        cr_expect_eq(store_unsettled(service->store), STORE_BACKLOG_NONE);
        service_free(service);
}

Test(service, a_heartbeat_counts_the_store_s_own_syncs)
{
        struct bus_service *service = make();
        BUS_AUTOFREE uint8_t *value = bus_xcalloc(1 << 20, 1);
        struct store_stats stats;

        cr_expect_eq(run_it(service), 0);
        service->draining = false;
        bus_put(service, "a", bus_bytes(value, 1 << 20), true);
        bus_commit_now(service);
        be_quiet(service);
        store_stats(service->store, &stats);
        cr_expect_lt(bus_metric_value(service->syncs), (double)stats.syncs);
        service_heartbeat(service);
        cr_expect_eq(bus_metric_value(service->syncs), (double)stats.syncs);
        service_free(service);
}

Test(service, makes_a_backup_that_opens)
{
        struct bus_service *service = make();
        char error[256] = "";
        BUS_AUTOFREE char *path = bus_xasprintf("%s/backup/strategy-v3/monday.db", folder);

        cr_expect_eq(run_it(service), 0);
        cr_expect_eq(bus_service_backup(service, "monday", error, sizeof(error)), 0, "%s", error);
        cr_expect_eq(files_in("backup/strategy-v3"), 1, "more than the copy was left behind");
        cr_expect_eq(store_verify("sqlite", path, error, sizeof(error)), 0, "%s", error);
        cr_expect_neq(bus_service_backup(service, "monday", error, sizeof(error)), 0,
                "a backup overwrote another");
        service_free(service);
}

/* ---- who goes first, and runs on and on ---- */

static int threads_that_go_first(void)
{
        DIR *tasks = opendir("/proc/self/task");
        int count = 0;

        cr_assert(tasks);
        for (struct dirent *entry; (entry = readdir(tasks));)
                count += entry->d_name[0] != '.' &&
                         sched_getscheduler((pid_t)strtol(entry->d_name, NULL, 10)) == SCHED_RR;
        closedir(tasks);
        return count;
}

static int went_first;

static void look_for_threads(void *arg)
{
        if (!threads_that_go_first() || bus_mono_us() > patience_until_us)
                bus_service_drained(((struct probe *)arg)->service);
}

static int start_and_hog(void *self)
{
        struct probe *p = self;

        patience_until_us = bus_mono_us() + 20 * BUS_US_PER_SEC;
        went_first = threads_that_go_first();
        while (sched_getscheduler(0) == SCHED_RR && bus_mono_us() < patience_until_us)
                ;
        bus_loop_add_timer(
                bus_service_loop(p->service), 0, 50 * BUS_US_PER_MS, look_for_threads, p);
        return start(self);
}

Test(service, that_goes_first_and_runs_on_and_on_is_put_back_with_all_its_threads)
{
        struct bus_service_class hog = class;
        struct bus_service *service;

        hog.goes_first = true;
        hog.start = start_and_hog;
        probe = (struct probe){ .stop_at = INT64_MAX };
        service = make_of(&hog);
        cr_expect_eq(run_it(service), 0);
        if (went_first)
                cr_expect_gt(went_first, 1, "with those of its sockets");
        cr_expect_eq(threads_that_go_first(), 0);
        service_free(service);
        if (!went_first)
                cr_skip("SCHED_RR is not allowed here");
}
