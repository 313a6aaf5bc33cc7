/*
 * When a turn's commit is made: at the turn's end, unless waiting gains more than it costs. Invariant:
 * whatever waits here has a timer, or a loop that goes around, that ends the waiting.
 */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/service/internal.h"
#include "libbus/service/schedule.h"

#include <time.h>

/* Messages whose commit waits: as many as are to be handled again after a kill, at most. */
#define WAITING_MESSAGES_MAX (4 * BUS_BATCH_MAX)
/* Who has synced so lately is under load: a commit waits for what comes meanwhile, as long as something
 * does, but no longer than that. */
#define GATHER_LATELY_US (2 * BUS_US_PER_MS)
#define GATHER_MAX_US    500
/* Syncs follow each other no faster than that, in steps that no loop's timer can make. */
#define GATHER_PACE_US 300
#define GATHER_STEP_US 100
/* So long an alert is on its way to the broker, at most, where nothing is in its way. */
#define CALM_US (3 * BUS_US_PER_MS)
/* What comes of an order that is at the broker already comes sooner, where the broker is near. */
#define LINGER_US (2 * BUS_US_PER_MS)

/* The end of the turn it makes sees to the rest. */
static void turn_is_due(void *arg)
{
        (void)arg;
}

static void wake_in(struct bus_service *service, int64_t delay_us)
{
        if (!service->commit_timer)
                service->commit_timer =
                        bus_loop_add_timer(service->loop, -1, 0, turn_is_due, service);
        bus_loop_set_timer(service->commit_timer, delay_us);
}

/*
 * When a commit that need not be at once is best made. On an alert's way are commits that wait for the
 * same disk, so it is right behind what the last message came with; towards the end of its time already,
 * since the next message may come any moment then. 0: now.
 */
static int64_t best_time(const struct turn *turn, int64_t delay_us, int64_t now_us)
{
        bool late_message = turn->calm_us - CALM_US >= turn->due_us - delay_us / 4;
        int64_t best_us = late_message ? turn->calm_us : turn->due_us;

        return now_us >= best_us || now_us >= turn->due_us + delay_us ? 0 : best_us;
}

/* Of what need not be committed at once, the first that was staged says until when it waits. */
static bool may_wait(struct bus_service *service)
{
        struct turn *turn = &service->turn;
        int64_t delay_us = service->class->commit_delay_us, now_us, best_us;

        if (!delay_us || turn->sync || turn->awaited || service->draining ||
                turn->taken >= WAITING_MESSAGES_MAX ||
                !(turn_has_work(turn) || service_any_dirty(service)))
                return false;
        now_us = bus_mono_us();
        if (!turn->due_us)
                turn->due_us = now_us + delay_us;
        if (turn->taken != turn->taken_before) {
                turn->taken_before = turn->taken;
                turn->calm_us = now_us + CALM_US;
        }
        best_us = best_time(turn, delay_us, now_us);
        if (best_us && best_us != turn->wake_us) {
                turn->wake_us = best_us;
                wake_in(service, best_us - now_us);
        }
        return best_us;
}

bool bus_has_staged(const struct bus_service *service)
{
        return turn_has_work(&service->turn);
}

void bus_commit_later(struct bus_service *service)
{
        struct turn *turn = &service->turn;

        turn->linger_us = bus_mono_us() + LINGER_US;
        turn->lingering = turn_staged(turn);
        turn->wake_us = 0; /* the timer is ours now: who waits sets it anew */
        wake_in(service, LINGER_US);
}

/* What it was said of is still all there is. */
static bool lingers(const struct bus_service *service)
{
        const struct turn *turn = &service->turn;

        return turn->linger_us && turn_staged(turn) == turn->lingering && !service->draining &&
               bus_mono_us() < turn->linger_us;
}

/*
 * A loop that is quicker than those who write to it would sync for each message. Under load it goes
 * around as long as each turn brings something, so that what comes together shares one sync; a message
 * that comes alone waits for nobody.
 */
static bool gathers(struct bus_service *service)
{
        const struct timespec step = { .tv_nsec = GATHER_STEP_US * 1000 };
        struct turn *turn = &service->turn;
        int64_t now_us;

        if (!turn->sync || turn->staged_count >= WAITING_MESSAGES_MAX || service->draining)
                return false;
        now_us = bus_mono_us();
        if (!turn->gather_us)
                turn->gather_us = now_us;
        if (now_us - service->synced_us > GATHER_LATELY_US ||
                now_us - turn->gather_us > GATHER_MAX_US)
                return false;
        if (turn->staged_count == turn->gathered) {
                if (now_us - service->synced_us > GATHER_PACE_US)
                        return false;
                (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
        }
        turn->gathered = turn->staged_count;
        bus_loop_again(service->loop);
        return true;
}

/*
 * What was committed is out, and the store has its own work with it. That takes a processor which
 * the one who goes on with the message may want: it waits until there is nothing else to do. Between two
 * pieces who shares the processor goes on, our I/O thread first of all: without it no message would come
 * that ends the quiet.
 */
static void settle(struct bus_service *service)
{
        enum store_backlog rest =
                service->store ? store_unsettled(service->store) : STORE_BACKLOG_NONE;
        int64_t now_us;

        if (rest == STORE_BACKLOG_NONE)
                return;
        now_us = bus_mono_us();
        if (turn_has_work(&service->turn))
                service->settle_due_us = now_us + SERVICE_SETTLE_PAUSE_US;
        if (rest == STORE_BACKLOG_PRESSING || now_us >= service->settle_due_us) {
                store_settle(service->store);
                schedule_let_others();
                if (store_unsettled(service->store) == STORE_BACKLOG_NONE)
                        return;
        }
        if (now_us >= service->settle_due_us) {
                bus_loop_again(service->loop);
                return;
        }
        if (!service->settle_timer)
                service->settle_timer =
                        bus_loop_add_timer(service->loop, -1, 0, turn_is_due, service);
        bus_loop_set_timer(service->settle_timer, service->settle_due_us - now_us);
}

void service_turn_end(void *arg)
{
        struct bus_service *service = arg;

        service->budget = service_turn_max(service);
        if (service->standing_by) { /* there is nothing yet that could have work */
                bus_log_flush();
                return;
        }
        bus_writer_flush(service->writer); /* a batch whose last message was not handed over */
        if (!service->failed && !lingers(service) && !may_wait(service) && !gathers(service))
                bus_commit_now(service);
        bus_log_flush();
        settle(service);
        bus_writer_busy(service->writer, service->late);
        service->late = false;
        if (service->failed)
                bus_loop_stop(service->loop);
}
