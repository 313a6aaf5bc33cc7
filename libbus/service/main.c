/* What every service's main() does: arguments, config, signals, and the run. */
#include "libbus/base/hash.h"
#include "libbus/base/log.h"
#include "libbus/base/process.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/service/run.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EXIT_USAGE 2
/* --set arguments: more than a person or a script gives. */
#define SETS_MAX 256

struct arguments {
        const char *config_path;
        const char *sets[SETS_MAX];
        size_t set_count;
        bool check, print;
};

static void usage(const char *name)
{
        printf("Usage: %s [--config FILE] [--set SECTION.KEY=VALUE]...\n"
               "\n"
               "Runs the service in the foreground until SIGTERM.\n"
               "\n"
               "  --config FILE    the INI file all services share\n"
               "  --set S.K=V      overrides one key; may be given again\n"
               "  --check-config   reads the config, says what is wrong, and exits\n"
               "  --print-config   prints what holds, secrets masked, and exits\n"
               "  --version        prints the version and exits\n"
               "\n"
               "Example: %s --config umbra.ini --set bus.log_level=debug\n",
                name, name);
}

/* 0: go on; 1: done, exit 0; -EINVAL: usage. */
static int parse(int argc, char **argv, const char *name, struct arguments *arguments)
{
        static const struct option options[] = {
                { "config", required_argument, NULL, 'c' },
                { "set", required_argument, NULL, 's' },
                { "check-config", no_argument, NULL, 'k' },
                { "print-config", no_argument, NULL, 'p' },
                { "version", no_argument, NULL, 'V' },
                { "help", no_argument, NULL, 'h' },
                { 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "c:s:h", options, NULL)) >= 0) {
                switch (c) {
                case 'c': arguments->config_path = optarg; break;
                case 'k': arguments->check = true; break;
                case 'p': arguments->print = true; break;
                case 's':
                        if (arguments->set_count == SETS_MAX)
                                return -EINVAL;
                        arguments->sets[arguments->set_count++] = optarg;
                        break;
                case 'V': printf("%s %s\n", name, UMBRA_VERSION); return 1;
                case 'h': usage(name); return 1;
                default: return -EINVAL;
                }
        }
        if (optind < argc) {
                fprintf(stderr, "%s: unexpected argument: %s\n", name, argv[optind]);
                return -EINVAL;
        }
        return 0;
}

static int load(const struct bus_service_class *class, const struct arguments *arguments,
        struct config **ret_config)
{
        const struct config_option *tables[] = { bus_endpoint_options, service_options(class),
                class->options };
        const struct config_source source = { .path = arguments->config_path,
                .sets = arguments->sets,
                .set_count = arguments->set_count,
                .environment = environ };
        char error[CONFIG_ERROR_SIZE];
        int r;

        r = config_load(&source, tables, class->options ? 3 : 2, ret_config, error, sizeof(error));
        if (r < 0)
                log_error("bad_config", "%s", error);
        return r;
}

/* Blocked before any library starts a thread, so that every thread inherits it: signals come by
 * descriptor, and no system call of ours is interrupted. */
static int block_signals(void)
{
        sigset_t set;

        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        bus_require(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run(const struct bus_service_class *class, const struct arguments *arguments,
        struct config *config, int signal_fd)
{
        struct bus_service *service = service_new(class, config);
        int r;

        r = service_create(service) < 0 ? 1 : 0;
        if (r == 0 && arguments->print)
                config_print(config, stdout);
        else if (r == 0 && arguments->check)
                printf("%s: configuration is good\n", class->name);
        else if (r == 0)
                r = service_run(service, signal_fd);
        service_free(service);
        return r;
}

int bus_service_main(int argc, char **argv, const struct bus_service_class *class)
{
        static struct arguments arguments;
        struct config *config;
        int signal_fd, r;

        bus_process_keep_secrets();
        bus_log_init(class->name, BUS_LOG_INFO);
        signal_fd = block_signals();
        r = parse(argc, argv, class->name, &arguments);
        if (r)
                return r < 0 ? EXIT_USAGE : 0;
        if (signal_fd < 0 || bus_hash_init() < 0) {
                log_error("cannot_start", "no signals or no randomness");
                return 1;
        }
        r = load(class, &arguments, &config);
        if (r < 0)
                return 1;
        bus_log_init(class->name, (enum bus_log_level)config_enum(config, "bus", "log_level"));
        r = run(class, &arguments, config, signal_fd);
        close(signal_fd);
        return r;
}
