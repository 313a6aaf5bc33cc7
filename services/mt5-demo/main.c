/* The demo account's main(): arguments, configuration, signals, and the run; or one command to it. */
#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/log.h"
#include "libbus/base/process.h"
#include "libbus/base/require.h"
#include "services/mt5-demo/ctl.h"
#include "services/mt5-demo/demo.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#define NAME           "mt5-demo"
#define EXIT_USAGE     2
#define SETS_MAX       64 /* more than a person or a script gives */
#define CTL_TIMEOUT_US (INT64_C(5) * BUS_US_PER_SEC)

struct arguments {
        const char *config_path, *control;
        const char *sets[SETS_MAX];
        size_t set_count;
        bool check, print, ctl;
};

static void usage(void)
{
        printf("Usage: mt5-demo [--config FILE] [--set SECTION.KEY=VALUE]...\n"
               "       mt5-demo ctl --control ENDPOINT COMMAND...\n"
               "\n"
               "A simulated MetaTrader 5 demo account; runs in the foreground until SIGTERM.\n"
               "\n"
               "  --config FILE    the INI file all services share\n"
               "  --set S.K=V      overrides one key; may be given again\n"
               "  --check-config   reads the config, says what is wrong, and exits\n"
               "  --print-config   prints what holds and exits\n"
               "  --version        prints the version and exits\n"
               "\n"
               "ctl sends one command and prints the answer: account, positions, quotes, faults,\n"
               "ledger-path, move-price SYMBOL BID, close-position TICKET, cut, clear [FAULT], or a\n"
               "fault: delay MS, requote, reject RETCODE, lose-reply, cut-before, cut-after, ...\n"
               "(docs/mt5.md, Faults and commands).\n"
               "\n"
               "Example: mt5-demo ctl --control ipc://state/run/mt5-demo/control requote n=2\n");
}

/* 0: go on; 1: done, exit 0; -EINVAL: usage. */
static int parse(int argc, char **argv, struct arguments *arguments)
{
        static const struct option options[] = {
                { "config", required_argument, NULL, 'c' },
                { "set", required_argument, NULL, 's' },
                { "control", required_argument, NULL, 'e' },
                { "check-config", no_argument, NULL, 'k' },
                { "print-config", no_argument, NULL, 'p' },
                { "version", no_argument, NULL, 'V' },
                { "help", no_argument, NULL, 'h' },
                { 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "+c:s:h", options, NULL)) >= 0) {
                switch (c) {
                case 'c': arguments->config_path = optarg; break;
                case 'e': arguments->control = optarg; break;
                case 'k': arguments->check = true; break;
                case 'p': arguments->print = true; break;
                case 's':
                        if (arguments->set_count == SETS_MAX)
                                return -EINVAL;
                        arguments->sets[arguments->set_count++] = optarg;
                        break;
                case 'V': printf("%s %s\n", NAME, UMBRA_VERSION); return 1;
                case 'h': usage(); return 1;
                default: return -EINVAL;
                }
        }
        return 0;
}

static int run_ctl(const char *endpoint, int count, char **words)
{
        BUS_AUTOBUF struct bus_buf command = BUS_BUF_INIT, reply = BUS_BUF_INIT;
        int r;

        if (!endpoint || !count) {
                fprintf(stderr, NAME " ctl: --control ENDPOINT COMMAND...\n");
                return EXIT_USAGE;
        }
        for (int i = 0; i < count; i++)
                bus_buf_printf(&command, "%s%s", i ? " " : "", words[i]);
        r = ctl_command(endpoint, bus_buf_str(&command), CTL_TIMEOUT_US, &reply);
        if (r < 0) {
                fprintf(stderr, NAME " ctl: %s: %s\n", endpoint, strerror(-r));
                return 1;
        }
        fprintf(r ? stderr : stdout, "%s\n", bus_buf_str(&reply));
        return r ? 1 : 0;
}

/* Blocked before any library starts a thread, so that signals come by the descriptor alone. */
static int block_signals(void)
{
        sigset_t set;

        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        bus_require(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int load(const struct arguments *arguments, struct config **ret_config)
{
        const struct config_option *tables[] = { bus_endpoint_options, demo_options };
        const struct config_source source = { .path = arguments->config_path,
                .sets = arguments->sets,
                .set_count = arguments->set_count,
                .environment = environ };
        char error[CONFIG_ERROR_SIZE];
        int r;

        r = config_load(&source, tables, BUS_COUNT(tables), ret_config, error, sizeof(error));
        if (r < 0)
                log_error("bad_config", "%s", error);
        return r;
}

static int run(const struct options *options, int signal_fd)
{
        BUS_AUTOFREE char *secret = NULL;
        struct demo *demo = NULL;
        int r;

        r = bus_file_read_secret(options->secret_file, &secret);
        if (r < 0) {
                log_error("bad_config", "%s.secret_file: %s", OPTIONS_SECTION, strerror(-r));
                return r;
        }
        r = demo_new(options, bus_bytes_str(secret), &demo);
        if (!r)
                r = demo_run(demo, signal_fd);
        demo_free(demo);
        explicit_bzero(secret, strlen(secret));
        return r;
}

static int start(const struct arguments *arguments, int signal_fd)
{
        CONFIG_AUTOFREE struct config *config = NULL;
        BUS_CLEANUP(options_done) struct options options = { 0 };
        char error[OPTIONS_ERROR_SIZE];
        int r;

        r = load(arguments, &config);
        if (r < 0)
                return r;
        bus_log_init(NAME, (enum bus_log_level)config_enum(config, "bus", "log_level"));
        r = options_read(config, &options, error);
        if (r < 0) {
                log_error("bad_config", "%s", error);
                return r;
        }
        if (arguments->print)
                config_print(config, stdout);
        else if (arguments->check)
                printf("%s: configuration is good\n", NAME);
        else
                r = run(&options, signal_fd);
        return r;
}

int main(int argc, char **argv)
{
        struct arguments arguments = { 0 };
        int signal_fd, r;

        bus_process_keep_secrets();
        bus_log_init(NAME, BUS_LOG_INFO);
        if (argc > 1 && !strcmp(argv[1], "ctl")) {
                r = parse(argc - 1, argv + 1, &arguments);
                if (r)
                        return r < 0 ? EXIT_USAGE : 0;
                return run_ctl(arguments.control, argc - 1 - optind, argv + 1 + optind);
        }
        r = parse(argc, argv, &arguments);
        if (!r && optind < argc) {
                fprintf(stderr, "%s: unexpected argument: %s\n", NAME, argv[optind]);
                r = -EINVAL;
        }
        if (r)
                return r < 0 ? EXIT_USAGE : 0;
        signal_fd = block_signals();
        if (signal_fd < 0 || bus_hash_init() < 0) {
                log_error("cannot_start", "no signals or no randomness");
                return 1;
        }
        r = start(&arguments, signal_fd);
        close(signal_fd);
        return r < 0 ? 1 : 0;
}
