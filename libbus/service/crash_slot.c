/*
 * The file: a header, one entry for the signal handler, and the counts. Only the handler writes the
 * one, only the code outside of it the others; each with a sum, so that half of one is none.
 */
#include "libbus/service/crash_slot.h"

#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/wire/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x31746f6c73627275)
/* Different messages that crashed once each and were not handled since: hardly ever two. */
#define COUNTS_MAX 8
/* The handler's frame and pwrite's, with room for a sanitizer's. */
#define STACK_BYTES ((size_t)65536)

struct entry {
        char stream[BUS_STREAM_NAME_SIZE];
        uint64_t incarnation, seq;
        uint32_t part, deaths;
        int32_t signal;
        uint32_t sum; /* of all before it */
};

struct slot_file {
        uint64_t magic;
        uint64_t running; /* 1 between open and a clean close */
        struct entry last;
        struct entry counts[COUNTS_MAX];
};

static const int fatal[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL };

struct crash_slot {
        int fd;
        bool was_unclean, has_counts;
        pid_t thread; /* only the loop's own handles messages */
        /* read by the handler: the stream last in, first out */
        const char *_Atomic stream;
        struct bus_pos position;
        struct entry counts[COUNTS_MAX];
        struct sigaction before[BUS_COUNT(fatal)];
        void *stack;
};

static struct crash_slot *_Atomic armed;

/* ---- within the signal handler: nothing but plain memory and system calls ---- */

static uint32_t sum_of(const struct entry *entry)
{
        const unsigned char *bytes = (const unsigned char *)entry;
        uint32_t sum = 2166136261u; /* FNV-1a */

        for (size_t i = 0; i < offsetof(struct entry, sum); i++)
                sum = (sum ^ bytes[i]) * 16777619u;
        return sum;
}

static void note(const struct crash_slot *slot, int signo)
{
        const char *stream = atomic_load(&slot->stream);
        struct entry entry;

        if (!stream || slot->thread != (pid_t)syscall(SYS_gettid))
                return;
        memset(&entry, 0, sizeof(entry));
        for (size_t i = 0; i + 1 < sizeof(entry.stream) && stream[i]; i++)
                entry.stream[i] = stream[i];
        entry.incarnation = slot->position.incarnation;
        entry.seq = slot->position.seq;
        entry.part = slot->position.part;
        entry.signal = signo;
        entry.sum = sum_of(&entry);
        (void)!pwrite(slot->fd, &entry, sizeof(entry), offsetof(struct slot_file, last));
}

static void on_fatal(int signo, siginfo_t *info, void *context)
{
        const struct crash_slot *slot = atomic_load(&armed);
        int saved = errno;

        (void)context;
        /* sent by somebody else, it is no fault of ours; abort() sends it to itself */
        if (slot && (info->si_code > 0 || info->si_pid == getpid()))
                note(slot, signo);
        bus_log_flush();
        errno = saved;
        raise(signo); /* waits until this returns, and finds the default again: SA_RESETHAND */
}

/* ---- the file ---- */

static bool is_same(const struct entry *entry, const char *stream, struct bus_pos position)
{
        return entry->deaths && !strcmp(entry->stream, stream) &&
               entry->incarnation == position.incarnation && entry->seq == position.seq &&
               entry->part == position.part;
}

static bool is_whole(const struct entry *entry)
{
        return *entry->stream && !entry->stream[sizeof(entry->stream) - 1] &&
               entry->sum == sum_of(entry);
}

/* What stands against it; else a free place, else the one with the fewest deaths. */
static struct entry *place_of(struct crash_slot *slot, const struct entry *last)
{
        const struct bus_pos position = { last->incarnation, last->seq, last->part };
        struct entry *best = &slot->counts[0];

        for (size_t i = 0; i < COUNTS_MAX; i++) {
                struct entry *entry = &slot->counts[i];

                if (is_same(entry, last->stream, position))
                        return entry;
                if (entry->deaths < best->deaths)
                        best = entry;
        }
        *best = *last;
        best->deaths = 0;
        return best;
}

static void count(struct crash_slot *slot, const struct entry *last)
{
        struct entry *entry = place_of(slot, last);
        char text[BUS_POS_TEXT_SIZE];

        entry->deaths++;
        entry->signal = last->signal;
        log_error("died_of_a_message", "stream=%s position=%s signal=%d deaths=%u of=%d",
                entry->stream,
                bus_pos_format(
                        (struct bus_pos){ entry->incarnation, entry->seq, entry->part }, text),
                (int)entry->signal, (unsigned int)entry->deaths, CRASH_DEATHS_MAX);
}

static int write_file(struct crash_slot *slot, bool running)
{
        struct slot_file file = { .magic = MAGIC, .running = running };
        ssize_t n;

        slot->has_counts = false;
        for (size_t i = 0; i < COUNTS_MAX; i++) {
                slot->has_counts |= slot->counts[i].deaths > 0;
                slot->counts[i].sum = sum_of(&slot->counts[i]);
                file.counts[i] = slot->counts[i];
        }
        n = pwrite(slot->fd, &file, sizeof(file), 0);
        return n < 0 ? -errno : n == (ssize_t)sizeof(file) ? 0 : -ENOSPC;
}

static int read_file(struct crash_slot *slot)
{
        struct slot_file file = { 0 };
        ssize_t n = pread(slot->fd, &file, sizeof(file), 0);

        if (n < 0)
                return -errno;
        slot->was_unclean =
                n > 0 && (n != (ssize_t)sizeof(file) || file.magic != MAGIC || file.running);
        if (n != (ssize_t)sizeof(file) || file.magic != MAGIC)
                return 0;
        for (size_t i = 0; i < COUNTS_MAX; i++)
                if (is_whole(&file.counts[i]))
                        slot->counts[i] = file.counts[i];
        if (is_whole(&file.last))
                count(slot, &file.last);
        return 0;
}

/* ---- arming ---- */

static void arm(struct crash_slot *slot)
{
        struct sigaction action = { .sa_sigaction = on_fatal,
                .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND };
        stack_t stack;

        sigemptyset(&action.sa_mask);
        /* a stack that has run over cannot carry its own handler; a sanitizer brings one */
        if (sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_DISABLE)) {
                slot->stack = bus_xrealloc(NULL, STACK_BYTES);
                stack = (stack_t){ .ss_sp = slot->stack, .ss_size = STACK_BYTES };
                bus_require(sigaltstack(&stack, NULL) == 0);
        }
        atomic_store(&armed, slot);
        for (size_t i = 0; i < BUS_COUNT(fatal); i++)
                bus_require(sigaction(fatal[i], &action, &slot->before[i]) == 0);
}

static void disarm(struct crash_slot *slot)
{
        const stack_t none = { .ss_flags = SS_DISABLE };

        for (size_t i = 0; i < BUS_COUNT(fatal); i++)
                (void)sigaction(fatal[i], &slot->before[i], NULL);
        atomic_store(&armed, NULL);
        if (slot->stack)
                (void)sigaltstack(&none, NULL);
        free(slot->stack);
}

int crash_slot_open(const char *path, struct crash_slot **ret_slot)
{
        struct crash_slot *slot = bus_new(struct crash_slot);
        int r;

        bus_require(!atomic_load(&armed));
        slot->thread = (pid_t)syscall(SYS_gettid);
        slot->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        r = slot->fd < 0 ? -errno : read_file(slot);
        if (r == 0)
                r = write_file(slot, true);
        if (r < 0) {
                if (slot->fd >= 0)
                        close(slot->fd);
                free(slot);
                return r;
        }
        arm(slot);
        *ret_slot = slot;
        return 0;
}

struct crash_slot *crash_slot_close(struct crash_slot *slot, bool clean)
{
        if (!slot)
                return NULL;
        disarm(slot);
        if (clean)
                (void)!write_file(slot, false); /* else the next start is careful for nothing */
        close(slot->fd);
        free(slot);
        return NULL;
}

bool crash_slot_was_unclean(const struct crash_slot *slot)
{
        return slot->was_unclean;
}

/* ---- around a message ---- */

void crash_slot_enter(struct crash_slot *slot, const char *stream, struct bus_pos position)
{
        if (!slot)
                return;
        slot->position = position;
        atomic_store_explicit(&slot->stream, stream, memory_order_release);
}

void crash_slot_leave(struct crash_slot *slot)
{
        if (slot)
                atomic_store_explicit(&slot->stream, NULL, memory_order_release);
}

unsigned int crash_slot_deaths(
        const struct crash_slot *slot, const char *stream, struct bus_pos position)
{
        for (size_t i = 0; slot && slot->has_counts && i < COUNTS_MAX; i++)
                if (is_same(&slot->counts[i], stream, position))
                        return slot->counts[i].deaths;
        return 0;
}

bool crash_slot_find(
        const struct crash_slot *slot, const char *stream, struct bus_pos *ret_position)
{
        bool found = false;

        for (size_t i = 0; slot && slot->has_counts && i < COUNTS_MAX; i++) {
                const struct entry *entry = &slot->counts[i];
                const struct bus_pos position = { entry->incarnation, entry->seq, entry->part };

                if (!entry->deaths || strcmp(entry->stream, stream) != 0 ||
                        (found && bus_pos_compare(position, *ret_position) <= 0))
                        continue;
                *ret_position = position;
                found = true;
        }
        return found;
}

void crash_slot_forget(struct crash_slot *slot, const char *stream, struct bus_pos position)
{
        for (size_t i = 0; slot && slot->has_counts && i < COUNTS_MAX; i++) {
                if (!is_same(&slot->counts[i], stream, position))
                        continue;
                slot->counts[i] = (struct entry){ 0 };
                if (write_file(slot, true) < 0)
                        log_warn("crash_slot_not_written", "stream=%s", stream);
                return;
        }
}
