/*
 * umbra deploy: the phases of a move, each in its window, with a way back.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "services/umbra/command.h"
#include "services/umbra/deploy/run.h"
#include "services/umbra/deploy/watching.h"
#include "services/umbra/options.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define ERROR_SIZE 512

enum {
        FLAG_NOW = OPTIONS_FIRST,
        FLAG_BACK,
        FLAG_DRY_RUN,
        FLAG_WATCH,
        FLAG_FORCE,
        FLAG_REASON,
        FLAG_STAGING,
};

struct flags {
        bool now, back, dry_run, watch, force;
        const char *reason, *staging;
};

static int take(void *arg, int option, const char *value)
{
        struct flags *flags = arg;

        switch (option) {
        case FLAG_NOW: flags->now = true; break;
        case FLAG_BACK: flags->back = true; break;
        case FLAG_DRY_RUN: flags->dry_run = true; break;
        case FLAG_WATCH: flags->watch = true; break;
        case FLAG_FORCE: flags->force = true; break;
        case FLAG_REASON: flags->reason = value; break;
        case FLAG_STAGING: flags->staging = value; break;
        }
        return 0;
}

static int complain(const char *error)
{
        fprintf(stderr, "umbra deploy: %s\n", error);
        return UMBRA_FAILED;
}

/* One system: its steps taken, or printed. */
static int go(const struct layout *layout, const struct deploy_settings *settings,
        const struct phase *phase, const struct flags *flags)
{
        const struct run_options options = { .layout = layout,
                .settings = settings,
                .phase = phase,
                .way = flags->back ? WAY_BACK : WAY_FORWARD,
                .now = flags->now,
                .force = flags->force,
                .reason = flags->reason };
        char why[ERROR_SIZE];

        if (!flags->dry_run)
                return run_phase(&options) < 0 ? UMBRA_FAILED : UMBRA_DONE;
        run_print(&options);
        if (!flags->now && !run_in_window(&options, bus_wall_us(), why, sizeof(why)))
                printf("  not now: %s\n", why);
        return UMBRA_DONE;
}

/* The staging system first: only what goes there without a fault is promoted. */
static int rehearse_on(const char *state, const struct phase *phase, const struct flags *flags)
{
        struct deploy_settings settings = { 0 };
        struct layout layout;
        char error[ERROR_SIZE];
        int status;

        if (layout_init(&layout, state) < 0)
                return complain("--staging: must name a folder");
        if (deploy_settings_read(&layout, &settings, error, sizeof(error)) < 0)
                status = complain(error);
        else if (!settings.is_staging)
                status = complain("--staging: that system has no [deploy] stage = staging");
        else
                status = go(&layout, &settings, phase, flags);
        deploy_settings_done(&settings);
        layout_done(&layout);
        return status;
}

static int deploy(const struct layout *layout, const char *name, const struct flags *flags)
{
        struct deploy_settings settings = { 0 };
        const struct phase *phase = phase_find(name);
        const char *staging;
        char error[ERROR_SIZE];
        int status = UMBRA_DONE;

        if (!phase && strcmp(name, "status") != 0) {
                fprintf(stderr, "umbra deploy: there is no phase '%s'; see 'umbra deploy --help'\n",
                        name);
                return UMBRA_USAGE;
        }
        if (deploy_settings_read(layout, &settings, error, sizeof(error)) < 0) {
                deploy_settings_done(&settings);
                return complain(error);
        }
        staging = flags->staging ? flags->staging : settings.staging;
        if (phase && *staging && !flags->back)
                status = rehearse_on(staging, phase, flags);
        /* that read its own zone, which is the process's */
        if (status == UMBRA_DONE && *staging) {
                deploy_settings_done(&settings);
                status = deploy_settings_read(layout, &settings, error, sizeof(error)) < 0
                                 ? complain(error)
                                 : UMBRA_DONE;
        }
        if (status == UMBRA_DONE && phase)
                status = go(layout, &settings, phase, flags);
        if (status == UMBRA_DONE && !flags->dry_run && (!phase || flags->watch))
                status = watching(layout, &settings, flags->watch);
        deploy_settings_done(&settings);
        return status;
}

int umbra_deploy(int argc, char **argv)
{
        static const struct option own[] = { { "now", no_argument, NULL, FLAG_NOW },
                { "back", no_argument, NULL, FLAG_BACK },
                { "dry-run", no_argument, NULL, FLAG_DRY_RUN },
                { "watch", no_argument, NULL, FLAG_WATCH },
                { "force", no_argument, NULL, FLAG_FORCE },
                { "reason", required_argument, NULL, FLAG_REASON },
                { "staging", required_argument, NULL, FLAG_STAGING }, { 0 } };
        struct flags flags = { 0 };
        struct options options = { .own = own,
                .take = take,
                .arg = &flags,
                .words_min = 1,
                .words_max = 1,
                .usage =
                        "usage: umbra deploy PHASE [--now] [--watch] [--dry-run] [--staging DIR]\n"
                        "                          [--force --reason TEXT] [--state DIR]\n"
                        "       umbra deploy PHASE --back\n"
                        "       umbra deploy status [--watch]\n"
                        "\n"
                        "PHASE is plugin-system, multi-telegram, service-api, shadow or cutover, or its\n"
                        "number. Takes its steps on the running system, in its window ([deploy] of\n"
                        "umbra.ini; --now does not wait for it): a checked backup, the change, services\n"
                        "restarted one after the other, a test alert, on a staging system a rehearsal.\n"
                        "A step that fails is gone back from. --staging DIR does it there first, and\n"
                        "here only if all went well. --back goes back from it, --dry-run only tells.\n"
                        "status tells how it is since; --watch stays until its watch is over.\n"
                        "\n"
                        "example: umbra deploy plugin-system --dry-run\n" };
        int status;

        status = options_parse(&options, argc, argv);
        if (status >= 0)
                return status;
        if (flags.force && (!flags.reason || !*flags.reason)) {
                fputs("umbra deploy: --force needs a --reason: it is told in the audit\n", stderr);
                options_done(&options);
                return UMBRA_USAGE;
        }
        /* the terminal may be closed meanwhile: a phase is not left half-way for that */
        signal(SIGHUP, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
        status = bus_hash_init() < 0 ? UMBRA_FAILED
                                     : deploy(&options.layout, options.words[0], &flags);
        options_done(&options);
        return status;
}
