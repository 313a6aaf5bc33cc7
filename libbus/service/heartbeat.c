/* The heartbeat: once a second, how this service is, in one message. */
#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/loop/metrics_internal.h"
#include "libbus/service/internal.h"

#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <time.h>

/* Reading smaps_rollup walks the page tables: not every second. */
#define MEMORY_PERIOD_US (10 * BUS_US_PER_SEC)
#define SMAPS_MAX_BYTES  ((size_t)16384)
#define FACTS_MAX        32
/* A burst leaves megabytes: freed messages in the arenas of libzmq's threads, buffers grown to the
 * largest turn, pages of the database. They are given back in the first calm second behind it, and
 * once more when services have let go of what they remember for late words. */
#define BURST_MESSAGES   1000
#define CALM_MESSAGES    50 /* in a second */
#define CALM_BEATS_FIRST 1
#define CALM_BEATS_LAST  6

static uint64_t read_pss_bytes(void)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        const char *line;

        if (bus_file_read("/proc/self/smaps_rollup", SMAPS_MAX_BYTES, &text) < 0)
                return 0;
        line = strstr(bus_buf_str(&text), "\nPss:");
        return line ? strtoull(line + strlen("\nPss:"), NULL, 10) * 1024 : 0;
}

static uint64_t cpu_us(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static size_t fill_lags(
        const struct bus_service *service, Pb__StreamLag *lags, Pb__StreamLag **ret_pointers)
{
        for (size_t i = 0; i < service->input_count; i++) {
                const struct bus_reader *reader = service->inputs[i].reader;
                struct bus_pos at = bus_reader_position(reader);

                pb__stream_lag__init(&lags[i]);
                lags[i].stream = (char *)bus_reader_stream(reader);
                lags[i].cursor_incarnation = at.incarnation;
                lags[i].cursor_seq = at.seq;
                lags[i].behind = bus_reader_behind(reader);
                ret_pointers[i] = &lags[i];
        }
        return service->input_count;
}

static size_t collect_facts(struct bus_service *service, char **ret_facts)
{
        size_t offset = 0;

        bus_buf_clear(&service->facts);
        service->fact_count = 0;
        if (service->class->report)
                service->class->report(service->self);
        for (size_t i = 0; i < service->fact_count; i++) {
                ret_facts[i] = (char *)service->facts.data + offset;
                offset += strlen(ret_facts[i]) + 1;
        }
        return service->fact_count;
}

void bus_service_fact(struct bus_service *service, const char *key, const char *value)
{
        if (service->fact_count == FACTS_MAX)
                return;
        bus_buf_printf(&service->facts, "%s=%s", key, value);
        bus_buf_add(&service->facts, "", 1);
        service->fact_count++;
}

void service_give_back_memory(struct bus_service *service)
{
        double handled =
                bus_metric_value(service->messages_in) + bus_metric_value(service->messages_out);
        bool is_calm = handled - service->handled_at_beat < CALM_MESSAGES;

        service->handled_at_beat = handled;
        service->calm_beats = is_calm ? service->calm_beats + 1 : 0;
        if (handled - service->handled_at_trim < BURST_MESSAGES ||
                (service->calm_beats != CALM_BEATS_FIRST && service->calm_beats != CALM_BEATS_LAST))
                return;
        if (service->calm_beats == CALM_BEATS_LAST)
                service->handled_at_trim = handled;
        service_turns_rest(service);
        if (service->store)
                store_rest(service->store);
        malloc_trim(0);
}

/* "" where no other process may share the store; what is not the configuration's is in HOST. */
static const char *replica_of(const struct bus_service *service, const struct store_lease *lease,
        char host[HOST_NAME_MAX + 1])
{
        const char *given = config_string(service->config, "bus", "replica");

        if (!lease->shared)
                return "";
        if (*given)
                return given;
        if (gethostname(host, HOST_NAME_MAX) < 0)
                *host = 0;
        host[HOST_NAME_MAX] = 0;
        return host;
}

void service_heartbeat(void *arg)
{
        struct bus_service *service = arg;
        Pb__Heartbeat beat = PB__HEARTBEAT__INIT;
        Pb__StreamLag lags[INPUTS_MAX], *lag_pointers[INPUTS_MAX];
        struct bus_metrics_view metrics;
        char *facts[FACTS_MAX], host[HOST_NAME_MAX + 1];
        BUS_AUTOFREE char *topic = bus_xasprintf("heartbeat.%s", service->class->name);
        struct store_lease lease = { 0 };
        int64_t now = bus_mono_us();

        if (service->store)
                store_lease(service->store, &lease);
        if (!service->memory_read_us || now - service->memory_read_us >= MEMORY_PERIOD_US) {
                service->memory_bytes = read_pss_bytes();
                service->memory_read_us = now;
        }
        beat.service = (char *)service->class->name;
        beat.pid = (uint32_t)getpid();
        beat.started_us = service->started_us;
        beat.state = service->state;
        beat.why = service->why;
        beat.version = (char *)UMBRA_VERSION;
        beat.replica = (char *)replica_of(service, &lease, host);
        beat.writer_token = lease.token;
        beat.memory_bytes = service->memory_bytes;
        beat.cpu_us = cpu_us();
        beat.n_lags = fill_lags(service, lags, lag_pointers);
        beat.lags = lag_pointers;
        beat.store_ok = service->store != NULL;
        beat.n_facts = collect_facts(service, facts);
        beat.facts = facts;
        service_count_syncs(service); /* also those that belong to no commit */
        bus_metrics_fill(service->metrics, &metrics);
        beat.metrics = metrics.pointers;
        beat.n_metrics = metrics.count;
        bus_publish(service, topic, &beat.base);
        bus_metrics_view_done(&metrics);
}
