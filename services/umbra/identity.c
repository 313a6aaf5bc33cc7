/*
 * Invariant: identity_become says 0 only when nothing of root is left.
 */
#include "services/umbra/identity.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAPABILITIES_MAX 64 /* the kernel counts them in 64 bits */
#define PATHS_MAX        100
/* Exit statuses of the process that tries: a path's number, 0 for all, or this. */
#define STATUS_NOBODY 255

/* setresuid has emptied the others; the bounding set goes first, while it may still be changed. */
static int drop_capabilities(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

        return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

int identity_become(uid_t id)
{
        /* Where root itself may not do this, no_new_privs below still bars the way back. */
        for (int capability = 0; capability < CAPABILITIES_MAX; capability++)
                if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
                        break;
        if (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
                return -errno;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        umask(077);
        return drop_capabilities();
}

static int access_mode(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return F_OK; /* fails as this did */
        return st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH) ? X_OK : R_OK;
}

static int try_all(uid_t id, const char *const *paths, size_t count)
{
        if (identity_become(id) < 0)
                return STATUS_NOBODY;
        for (size_t i = 0; i < count && i < PATHS_MAX; i++)
                if (access(paths[i], access_mode(paths[i])) < 0)
                        return (int)i + 1;
        return 0;
}

int identity_reaches(uid_t id, const char *const *paths, size_t count)
{
        pid_t pid = fork();
        int status;

        if (pid < 0)
                return -errno;
        if (!pid)
                _exit(try_all(id, paths, count));
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (!WIFEXITED(status) || WEXITSTATUS(status) == STATUS_NOBODY)
                return -EPERM;
        return WEXITSTATUS(status);
}
