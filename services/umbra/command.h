#pragma once
/*
 * The commands of the operator's program. Each is a main() of its own: argv[0] is the command's
 * name. Exit status: 0 done, 1 failed (a line on stderr says how), 2 wrong usage.
 */
#include "libbus/base/attr.h"

enum {
        UMBRA_DONE = 0,
        UMBRA_FAILED = 1,
        UMBRA_USAGE = 2,
};

int umbra_decide(int argc, char **argv);
int umbra_up(int argc, char **argv);
int umbra_tap(int argc, char **argv);
int umbra_trace(int argc, char **argv);
int umbra_alert(int argc, char **argv);
int umbra_status(int argc, char **argv);
int umbra_plugin(int argc, char **argv);
int umbra_cutover(int argc, char **argv);
int umbra_rollback(int argc, char **argv);
int umbra_pause(int argc, char **argv);
int umbra_resume(int argc, char **argv);
int umbra_kill(int argc, char **argv);
int umbra_close(int argc, char **argv);
int umbra_settle(int argc, char **argv);
int umbra_risk(int argc, char **argv);
int umbra_backup(int argc, char **argv);
int umbra_deploy(int argc, char **argv);
int umbra_restart(int argc, char **argv);
int umbra_migrate(int argc, char **argv);
int umbra_redis(int argc, char **argv);
int umbra_restore(int argc, char **argv);
int umbra_reader(int argc, char **argv);
int umbra_rebuild(int argc, char **argv);
int umbra_keygen(int argc, char **argv);
int umbra_check_config(int argc, char **argv);
int umbra_refused(int argc, char **argv);
int umbra_replay(int argc, char **argv);
int umbra_demo(int argc, char **argv);
int umbra_rehearse(int argc, char **argv);
