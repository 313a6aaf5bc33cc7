/*
 * Random schedules: orders, lost replies, cut links, bad snapshots and deaths at any instant, then
 * quiet. Whatever happened, the broker was never asked to do one thing twice, and in the end the
 * books and the account say the same; at every step the figures the books keep are right; and what
 * passes over the queues leave out changes nothing that is told, kept or sent.
 */
#include "libbus/base/require.h"
#include "services/order-executor/core/test_figures.h"
#include "services/order-executor/core/test_world.h"

#include <criterion/criterion.h>

#define STATE(name) PB__ORDER_STATE__ORDER_STATE_##name

enum {
        SEEDS = 150,
        STEPS = 400,
        ALERTS_MAX = 200,
        QUIET_STEPS = 1500,
        BURST = 40,      /* alerts at once, so that many answers are awaited together ... */
        BURST_SEEDS = 3, /* ... in one of so many schedules */
};

struct alert {
        Pb__Side side;
        bool exit, reversal, handed;
        Pb__Order *order;
};

struct run {
        struct world *world;
        struct alert alerts[ALERTS_MAX];
        unsigned int count;
        uint32_t seed;
};

static uint32_t dice(struct run *run, uint32_t below)
{
        return tb_random(run->world->tb, below);
}

static const Pb__Order *order_of(struct run *run, unsigned int i)
{
        struct alert *alert = &run->alerts[i];

        return alert->exit ? world_make_exit(run->world, alert->side)
                           : world_make_entry(run->world, alert->side, alert->reversal);
}

static void hand_over(struct run *run, unsigned int i)
{
        world_order(run->world, i, order_of(run, i), false);
}

/* An order that was not committed comes again from the stream, and all behind it. */
static void restart(struct run *run)
{
        world_start(run->world);
        for (unsigned int i = 0; i < run->count; i++) {
                if (run->alerts[i].handed)
                        continue;
                hand_over(run, i);
                world_commit(run->world);
                run->alerts[i].handed = true;
        }
}

static void maybe_die_or_commit(struct run *run)
{
        uint32_t die = run->world->tb->kind ? 100 : dice(run, 60);

        if (die == 0) {
                /* what went out ahead of its commit may have arrived */
                while (dice(run, 2) && world_to_terminal(run->world))
                        ;
                world_crash(run->world);
                restart(run);
        } else if (die == 1) {
                for (unsigned int i = 0; i < run->count; i++)
                        run->alerts[i].handed = true;
                world_commit_and_crash(run->world);
                restart(run);
        } else {
                world_commit(run->world);
                for (unsigned int i = 0; i < run->count; i++)
                        run->alerts[i].handed = true;
        }
}

static void new_alert(struct run *run)
{
        struct alert *alert;

        if (run->count == ALERTS_MAX)
                return;
        alert = &run->alerts[run->count];
        alert->side = dice(run, 2) ? PB__SIDE__SIDE_BUY : PB__SIDE__SIDE_SELL;
        alert->exit = !dice(run, 4);
        alert->reversal = !alert->exit && !dice(run, 4);
        run->count++;
        if (dice(run, 2)) {
                world_notice(run->world, run->count - 1, order_of(run, run->count - 1));
                if (!dice(run, 60)) { /* between the word and the order */
                        world_crash(run->world);
                        restart(run);
                        return;
                }
        }
        hand_over(run, run->count - 1);
        maybe_die_or_commit(run);
}

static void repeat_alert(struct run *run)
{
        if (!run->count)
                return;
        hand_over(run, dice(run, run->count));
        maybe_die_or_commit(run);
}

static void step(struct run *run)
{
        struct world *world = run->world;
        uint32_t what = dice(run, 100);

        if (what < 12) {
                new_alert(run);
        } else if (what < 14) {
                repeat_alert(run);
        } else if (what < 45) {
                world_to_terminal(world);
        } else if (what < 75) {
                if (world_to_executor(world))
                        maybe_die_or_commit(run);
        } else if (what < 90) {
                world_pass_us(world, (int64_t)dice(run, 1000) * BUS_US_PER_MS);
        } else if (what < 91) {
                world_pass_us(world, (int64_t)dice(run, 30) * BUS_US_PER_SEC);
        } else if (what < 93) {
                world_cut(world);
        } else if (what < 96) {
                world_connect(world);
        } else if (what < 98) {
                tb_work(world->tb);
        } else if (world->tb->position_count) {
                tb_hand_close(world->tb,
                        world->tb->positions[dice(run, (uint32_t)world->tb->position_count)]
                                .ticket);
        }
}

static void become_quiet(struct run *run)
{
        struct world *world = run->world;

        world->tb->kind = true;
        world->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK;
        for (int i = 0; i < QUIET_STEPS; i++) {
                world_connect(world);
                tb_work(world->tb);
                world_pass_us(world, 100 * BUS_US_PER_MS);
                if (i % 20 == 0)
                        world->snapshot_wanted = true;
                world_settle(world);
        }
}

static void hold(const struct run *run, bool holds, const char *what, const char *which)
{
        cr_assert(holds, "seed %u: %s: %s", run->seed, what, which);
}

static void check_order(struct run *run, struct ex_order *order)
{
        struct tb_order *truth = tb_find(run->world->tb, order->id);
        const int64_t executed = truth ? truth->executed_e8 : 0;

        hold(run, ex_order_is_final(order), "not at its end", order->id);
        if (!ex_order_is_leg(order))
                return; /* a close may end because its ticket was gone */
        hold(run, ex_order_filled(order) == (executed > 0), "filled in one book only", order->id);
        hold(run, order->filled_e8 == executed, "filled with another volume", order->id);
}

static void check_jobs(struct run *run)
{
        struct ex_table_at at;

        for (struct ex_job *job = ex_table_first(&run->world->book->jobs, &at); job;
                job = ex_table_next(&run->world->book->jobs, &at)) {
                for (size_t i = 0; i < job->order_count; i++)
                        check_order(run, job->orders[i]);
                hold(run, job->phase == EX_JOB_DONE, "not done", job->key);
        }
}

static void check_positions(struct run *run)
{
        struct tb *tb = run->world->tb;
        struct ex_table_at at;

        for (size_t i = 0; i < tb->position_count; i++) {
                struct ex_position *ours =
                        ex_book_position(run->world->book, tb->positions[i].ticket);

                hold(run, ours && ex_position_open_e8(ours) == tb->positions[i].volume_e8,
                        "not so in the books", tb->positions[i].comment);
        }
        for (struct ex_position *ours = ex_table_first(&run->world->book->positions, &at); ours;
                ours = ex_table_next(&run->world->book->positions, &at))
                hold(run, !ex_position_open_e8(ours) || tb_position(tb, ours->ticket),
                        "not at the broker", ours->cl_ord_id);
}

/* What alert LATER, by its kind, had to close of what alert EARLIER opened. */
static bool must_be_closed(struct run *run, unsigned int earlier, unsigned int later)
{
        const struct alert *by = &run->alerts[later];
        struct ex_order *leg = world_leg(run->world, later, 'A');

        if (by->exit)
                return by->side == run->alerts[earlier].side;
        return by->reversal && by->side != run->alerts[earlier].side && leg && ex_order_filled(leg);
}

static bool is_open(struct run *run, unsigned int alert, char leg)
{
        struct ex_order *order = world_leg(run->world, alert, leg);

        return order && tb_position_of(run->world->tb, order->id);
}

static void check_closed(struct run *run)
{
        for (unsigned int i = 0; i < run->count; i++) {
                if (!is_open(run, i, 'A') && !is_open(run, i, 'B'))
                        continue;
                for (unsigned int j = i + 1; j < run->count; j++)
                        hold(run, !must_be_closed(run, i, j), "left open by",
                                world_job(run->world, j)->key);
        }
}

static void check_result(struct run *run)
{
        int64_t net = 0;

        for (size_t i = 0; i < run->world->tb->deal_count; i++)
                net += run->world->tb->deals[i].deal.profit_cents;
        hold(run, run->world->book->risk.lifetime_net_cents == net, "a deal", "counts once");
}

/* The sums that are kept, whatever has just happened, are those of a count from scratch. */
static void check_figures(struct run *run)
{
        const struct ex_book *book = run->world->book;

        hold(run, test_figures_hold(book, NULL, 0), "the figures", "of all");
        for (Pb__Side side = PB__SIDE__SIDE_BUY; side <= PB__SIDE__SIDE_SELL; side++)
                hold(run, test_figures_hold(book, "EURUSD", ex_side_bit(side)), "the figures",
                        "without one side");
}

static uint32_t recount(const struct ex_queue *queue, int bit)
{
        uint32_t count = 0;

        for (size_t i = 0; i < queue->opened_count; i++)
                count += ex_ahead_of_job(queue->jobs[i]) >> bit & 1U;
        return count;
}

/* The sum stands for those in front, and none of them has anything left to do by itself. */
static void check_queues(struct run *run)
{
        const struct ex_book *book = run->world->book;

        for (size_t i = 0; i < book->queue_count; i++) {
                const struct ex_queue *queue = book->queues[i];

                for (int bit = 0; bit < EX_AHEAD_BITS; bit++)
                        hold(run, queue->opened_sum.counts[bit] == recount(queue, bit),
                                "the sum of what is ahead", queue->symbol);
                for (size_t j = 0; j < queue->count; j++) {
                        const struct ex_job *job = queue->jobs[j];

                        hold(run, job->opened == (j < queue->opened_count), "opened", job->key);
                        hold(run, !job->opened || job->phase == EX_JOB_OPENING, "phase", job->key);
                        hold(run, !job->opened || !ex_job_legs_final(job), "not ended", job->key);
                }
        }
}

static void start_run(struct run *run, bool plain_passes)
{
        run->world = world_new(run->seed);
        run->world->tb->random = true;
        run->world->plain_passes = plain_passes;
        world_start(run->world);
        world_connect(run->world);
        for (int i = 0; i < BURST && run->seed % BURST_SEEDS == 0; i++)
                new_alert(run);
        for (int i = 0; i < STEPS; i++) {
                step(run);
                check_figures(run);
                check_queues(run);
        }
        become_quiet(run);
}

static void same_row(const struct run *run, const struct world_row *a, const struct world_row *b)
{
        hold(run, !strcmp(a->key, b->key) && a->gone == b->gone, "another row", a->key);
        hold(run,
                a->value.size == b->value.size &&
                        (!a->value.size || !memcmp(a->value.data, b->value.data, a->value.size)),
                "another value", a->key);
}

/* The same schedule, with every pass looking at every job: it told the same and kept the same. */
static void check_plain(const struct run *run)
{
        BUS_AUTOFREE struct run *plain = bus_new(struct run);

        plain->seed = run->seed;
        start_run(plain, true);
        hold(run, plain->world->told_count == run->world->told_count, "told", "more or less");
        for (size_t i = 0; i < run->world->told_count; i++)
                hold(run,
                        !memcmp(&plain->world->told[i], &run->world->told[i],
                                sizeof(struct world_told)),
                        "told something else", run->world->told[i].cl_ord_id);
        hold(run, plain->world->row_count == run->world->row_count, "kept", "more or less");
        for (size_t i = 0; i < run->world->row_count; i++)
                same_row(run, &run->world->rows[i], &plain->world->rows[i]);
        world_free(plain->world);
}

static void run_seed(uint32_t seed)
{
        struct run run = { .seed = seed };

        start_run(&run, false);
        check_figures(&run);
        hold(&run, !run.world->tb->violated, "executed", "twice");
        check_plain(&run);
        check_jobs(&run);
        check_positions(&run);
        check_closed(&run);
        check_result(&run);
        ex_book_forget(run.world->book, INT64_MAX, INT64_MAX);
        check_figures(&run);
        world_free(run.world);
}

Test(property, books_and_account_agree_whatever_happened)
{
        for (uint32_t seed = 1; seed <= SEEDS; seed++)
                run_seed(seed);
}
