#include "tests/bench/process.h"

#include "libbus/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define STOP_US (30 * BUS_US_PER_SEC)
#define LOOK_US ((useconds_t)10000)

pid_t process_fork(void)
{
        pid_t pid = fork();

        if (!pid)
                prctl(PR_SET_PDEATHSIG, SIGKILL);
        return pid < 0 ? -errno : pid;
}

pid_t process_start(
        const char *const *argv, const char *environment, const char *log, int out, int keep_fd)
{
        pid_t pid = process_fork();
        int fd;

        if (pid)
                return pid;
        /* so that a Ctrl-C reaches only the benchmark */
        setpgid(0, 0);
        fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        dup2(out >= 0 ? out : fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        if (keep_fd >= 0)
                fcntl(keep_fd, F_SETFD, 0);
        if (environment)
                putenv((char *)environment);
        execv(argv[0], (char *const *)argv);
        _exit(127);
}

void process_stop(pid_t pid)
{
        int64_t deadline_us = bus_mono_us() + STOP_US;

        if (pid <= 0)
                return;
        kill(pid, SIGTERM);
        while (waitpid(pid, NULL, WNOHANG) == 0) {
                if (bus_mono_us() > deadline_us)
                        kill(pid, SIGKILL);
                usleep(LOOK_US);
        }
}
