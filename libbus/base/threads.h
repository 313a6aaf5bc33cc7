#pragma once
/*
 * The threads of a process, ours or another's, as proc(5) has them. They come and go meanwhile.
 */
#include <stdbool.h>
#include <sys/types.h>

/* FN for each, until it returns false. */
void bus_each_thread(pid_t process, bool (*fn)(void *arg, pid_t thread), void *arg);

/* Whether it goes by NAME (pthread_setname_np(3)). */
bool bus_thread_is(pid_t process, pid_t thread, const char *name);
