/*
 * umbra replay: the journal through any plugin, held against another one or against what was
 * decided live. Of a running system the journal is asked on the bus, of a stopped one a copy of its
 * stores is read: either way nothing of it is changed.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/bus/keys.h"
#include "libbus/bus/policy.h"
#include "libbus/bus/store_config.h"
#include "services/common/symbols_config.h"
#include "services/umbra/command.h"
#include "services/umbra/options.h"
#include "services/umbra/replay/copy.h"
#include "services/umbra/replay/journal.h"
#include "services/umbra/replay/judge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum {
        FLAG_PLUGIN = OPTIONS_FIRST,
        FLAG_AGAINST,
        FLAG_SINCE,
        FLAG_SET,
        FLAG_EVIDENCE,
        SETS_MAX = 64,
};

#define WRITE_BYTES ((size_t)256 * 1024) /* lines are written so many bytes at a time */

struct command {
        struct options options;
        const char *plugin, *against;
        const char *sets[SETS_MAX];
        size_t set_count;
        int64_t since_us;
        bool evidence;

        struct config *config;
        struct symbols symbols;
        struct compare_settings settings;
        struct strategy_host host;
        int lock;
        char *scratch;
        void *zmq;
        struct bus_keys *keys;
        struct journal *signals, *decisions;
        struct replay replay;
        struct bus_buf lines;
};

static const struct config_option own_options[] = {
        STRATEGY_OPTIONS,
        SYMBOLS_CONFIG_OPTION,
        COMPARE_OPTIONS,
        { "telegram-analytics", "*", CONFIG_STRING, "", .maximum = 4096, .help = "its own" },
        { 0 },
};

/* ---- what is asked for ---- */

static int load_config(struct command *command, char *error)
{
        const struct config_option *tables[] = { bus_endpoint_options, own_options };
        int r;

        r = config_load(&(struct config_source){ .path = command->options.layout.config,
                                .environment = environ,
                                .sets = command->sets,
                                .set_count = command->set_count },
                tables, BUS_COUNT(tables), &command->config, error, JOURNAL_ERROR_SIZE);
        if (r < 0)
                return r;
        r = symbols_config(&command->symbols, command->config, false, error);
        if (r < 0)
                command->symbols = (struct symbols){ 0 }; /* done already */
        else
                r = compare_config(&command->settings, command->config, &command->symbols, error);
        return r;
}

static int load_plugins(struct command *command, char *error)
{
        bool two = command->against && strcmp(command->against, command->plugin);
        BUS_AUTOFREE char *names = bus_xasprintf(
                "%s%s%s", command->plugin, two ? "," : "", two ? command->against : "");
        int r;

        r = strategy_host_load(&command->host, command->config, names, names, error);
        if (r < 0)
                return r;
        command->replay.settings = &command->settings;
        command->replay.plugin = strategy_host_find(&command->host, command->plugin);
        if (command->against)
                command->replay.against = strategy_host_find(&command->host, command->against);
        return 0;
}

/* ---- where the journal is ---- */

static int open_running(struct command *command, const char *writer, const char *kind,
        struct journal **ret, char *error)
{
        char endpoint[BUS_ENDPOINT_SIZE];
        int r = bus_endpoint(command->config, writer, BUS_ENDPOINT_REPLAY, endpoint);

        if (r < 0)
                return r;
        return journal_open(&(struct journal_source){ .writer = writer,
                                    .kind = kind,
                                    .since_us = command->since_us,
                                    .zmq = command->zmq,
                                    .replay_endpoint = endpoint,
                                    .keys = command->keys },
                ret, error);
}

static int open_stopped(struct command *command, const char *writer, const char *kind,
        struct journal **ret, char *error)
{
        BUS_AUTOFREE char *folder = bus_xasprintf("%s/%s", command->options.layout.state, writer);
        const char *engine;
        int r = bus_store_engine(command->config, writer, &engine, error, JOURNAL_ERROR_SIZE);

        if (r < 0)
                return r;
        return journal_open(&(struct journal_source){ .writer = writer,
                                    .kind = kind,
                                    .since_us = command->since_us,
                                    .folder = folder,
                                    .scratch = command->scratch,
                                    .engine = engine },
                ret, error);
}

static int prepare_bus(struct command *command, char *error)
{
        BUS_AUTOFREE char *folder = bus_keys_folder(command->config);

        command->zmq = zmq_ctx_new();
        bus_require(command->zmq);
        return bus_keys_load(
                folder, BUS_PRINCIPAL_TOOLS, &command->keys, error, JOURNAL_ERROR_SIZE);
}

static int open_journals(struct command *command, char *error)
{
        typeof(&open_running) open = open_stopped;
        int r;

        r = layout_lock(&command->options.layout, &command->lock);
        if (r == -EBUSY) {
                open = open_running;
                r = prepare_bus(command, error);
        } else if (!r) {
                r = scratch_make(command->options.layout.state, &command->scratch);
        }
        if (!r)
                r = open(command, "alert-ingest", "signal", &command->signals, error);
        if (!r && !command->against)
                r = open(command, "strategy-v3", "decision", &command->decisions, error);
        return r;
}

/* What the comparator knows already is not handed to it again. */
static int open_evidence(struct command *command, char *error)
{
        BUS_AUTOFREE char *folder =
                bus_xasprintf("%s/telegram-analytics", command->options.layout.state);
        BUS_CLEANUP(journal_closep) struct journal *known = NULL;
        const struct plugin *plugin = command->replay.plugin;
        int r;

        if (!command->evidence)
                return 0;
        r = evidence_open(folder, &command->replay.evidence);
        if (r < 0)
                return r;
        r = command->zmq ? open_running(command, "telegram-analytics", "comparison", &known, error)
                         : open_stopped(command, "telegram-analytics", "comparison", &known, error);
        if (r < 0)
                return r;
        return evidence_known(command->replay.evidence, known, plugin_name(plugin),
                plugin_build(plugin), plugin_config_hash(plugin), error);
}

static int finish_evidence(struct command *command)
{
        size_t count;
        int r;

        if (!command->evidence)
                return 0;
        r = evidence_finish(command->replay.evidence, &count);
        if (!r)
                fprintf(stderr, "umbra replay: %zu pairs handed to telegram-analytics\n", count);
        return r;
}

/* ---- the work ---- */

static int write_lines(struct command *command)
{
        struct bus_buf *lines = &command->lines;
        size_t n = fwrite(lines->data, 1, lines->size, stdout);
        bool good = n == lines->size;

        bus_buf_clear(lines);
        return good ? 0 : -EPIPE;
}

/*
 * The live decision on the signal at POSITION: of the decisions' stream, which has the same order,
 * what lies before is passed over. 1: *HEAD is it; 0: there is none.
 */
static int seek_decision(struct command *command, struct replay_decision *head, bool *has_head,
        struct bus_pos position, char *error)
{
        struct bus_bytes record;
        int r;

        while (!*has_head || bus_pos_compare(head->position, position) < 0) {
                *has_head = false;
                r = journal_next(command->decisions, &record, error);
                if (r <= 0)
                        return r;
                if (replay_decision_read(record, head) < 0)
                        command->replay.bad++;
                else
                        *has_head = true;
        }
        return bus_pos_equal(head->position, position);
}

static int judge_all(struct command *command, char *error)
{
        struct replay_decision head;
        struct replay_signal signal;
        struct bus_bytes record;
        bool has_head = false;
        int r;

        while ((r = journal_next(command->signals, &record, error)) == 1) {
                int has_live = 0;

                r = replay_signal_read(record, &signal);
                if (r) {
                        command->replay.bad += r < 0;
                        continue;
                }
                if (command->decisions)
                        has_live = seek_decision(
                                command, &head, &has_head, signal.alert.position, error);
                if (has_live >= 0)
                        replay_judge(&command->replay, &signal, has_live ? &head.side : NULL,
                                &command->lines);
                replay_signal_done(&signal);
                if (has_live < 0)
                        return has_live;
                if (command->lines.size >= WRITE_BYTES && write_lines(command) < 0)
                        return -EPIPE;
        }
        return r;
}

static int run(struct command *command)
{
        char error[JOURNAL_ERROR_SIZE] = "";
        int r;

        r = load_config(command, error);
        if (!r)
                r = load_plugins(command, error);
        if (r < 0) {
                fprintf(stderr, "umbra replay: %s\n", *error ? error : strerror(-r));
                return UMBRA_USAGE;
        }
        r = open_journals(command, error);
        if (!r)
                r = open_evidence(command, error);
        if (!r)
                r = judge_all(command, error);
        if (!r)
                r = finish_evidence(command);
        if (!r) {
                replay_summary(&command->replay, &command->lines);
                r = write_lines(command);
        }
        if (!r && fflush(stdout))
                r = -errno;
        if (r < 0) {
                fprintf(stderr, "umbra replay: %s\n", *error ? error : strerror(-r));
                return UMBRA_FAILED;
        }
        return command->replay.critical || command->replay.bad ? UMBRA_FAILED : UMBRA_DONE;
}

static void done(struct command *command)
{
        evidence_close(command->replay.evidence);
        replay_done(&command->replay);
        journal_close(command->signals);
        journal_close(command->decisions);
        if (command->zmq)
                zmq_ctx_term(command->zmq);
        bus_keys_free(command->keys);
        scratch_remove(command->scratch);
        free(command->scratch);
        if (command->lock >= 0)
                close(command->lock);
        strategy_host_done(&command->host);
        symbols_done(&command->symbols);
        config_free(command->config);
        bus_buf_done(&command->lines);
        options_done(&command->options);
}

static int take(void *arg, int option, const char *value)
{
        struct command *command = arg;

        switch (option) {
        case FLAG_PLUGIN: command->plugin = value; return 0;
        case FLAG_AGAINST: command->against = value; return 0;
        case FLAG_EVIDENCE: command->evidence = true; return 0;
        case FLAG_SET:
                if (command->set_count == SETS_MAX)
                        return -EINVAL;
                command->sets[command->set_count++] = value;
                return 0;
        default: break;
        }
        if (!bus_moment_parse(value, bus_wall_us(), &command->since_us) && command->since_us > 0)
                return 0;
        fprintf(stderr, "umbra replay: --since: a time, or an age such as 10m, not '%s'\n", value);
        return -EINVAL;
}

static const char usage[] =
        "usage: umbra replay --plugin NAME [--against NAME] [--since TIME] [--set KEY=VALUE]...\n"
        "                    [--evidence] [--state DIR]\n"
        "\n"
        "Puts the journaled alerts before a plugin again and compares what it decides with what\n"
        "another plugin decides, or, without --against, with what was decided live. Prints one\n"
        "comparison a line, and a summary last. Reads only: of a system that runs or is stopped.\n"
        "\n"
        "  --since TIME                 from a time, or an age such as 30d, on\n"
        "  --set plugin.NAME.KEY=VALUE  a setting that differs from DIR/umbra.ini\n"
        "  --evidence                   hands the pairs to telegram-analytics: they count for the\n"
        "                               gate of a cutover, marked as replayed\n"
        "\n"
        "Exit status: 0; 1 if a difference is critical, or it failed; 2 for wrong usage.\n"
        "\n"
        "example: umbra replay --plugin combined_v3 --set plugin.combined_v3.profile=strength\n";

int umbra_replay(int argc, char **argv)
{
        static const struct option own[] = { { "plugin", required_argument, NULL, FLAG_PLUGIN },
                { "against", required_argument, NULL, FLAG_AGAINST },
                { "since", required_argument, NULL, FLAG_SINCE },
                { "set", required_argument, NULL, FLAG_SET },
                { "evidence", no_argument, NULL, FLAG_EVIDENCE }, { 0 } };
        struct command command = { .options = { .own = own, .take = take, .usage = usage },
                .lock = -1 };
        int status;

        command.options.arg = &command;
        status = options_parse(&command.options, argc, argv);
        if (status >= 0)
                return status;
        bus_log_init("umbra", BUS_LOG_WARN);
        if (command.evidence && command.against) {
                fputs("umbra replay: evidence is against what was decided live, not --against\n",
                        stderr);
                status = UMBRA_USAGE;
        } else if (!command.plugin) {
                fputs("umbra replay: --plugin NAME is missing; see 'umbra replay --help'\n",
                        stderr);
                status = UMBRA_USAGE;
        } else if (bus_hash_init() < 0) {
                fputs("umbra replay: no randomness from the system\n", stderr);
                status = UMBRA_FAILED;
        } else {
                status = run(&command);
        }
        done(&command);
        return status;
}
