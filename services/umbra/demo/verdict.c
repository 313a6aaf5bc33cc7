/* What the demo proved, in words and as JSON. */
#include "services/umbra/demo/demo.h"

#include <stdio.h>

static json_t *milliseconds(double ms)
{
        return ms < 0 ? json_null() : json_real(ms);
}

static json_t *microseconds(int64_t us)
{
        return us < 0 ? json_null() : json_integer(us);
}

static json_t *bots_json(const struct bots_counts *bots)
{
        if (!bots->are_on)
                return json_null();
        return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "asked", (json_int_t)bots->asked,
                "answered", (json_int_t)bots->answered, "slowest_answer_ms",
                (json_int_t)(bots->slowest_us / BUS_US_PER_MS), "messages",
                (json_int_t)bots->messages, "pictures", (json_int_t)bots->pictures, "limits_broken",
                (json_int_t)bots->limits_broken);
}

json_t *demo_json(const struct demo_results *r)
{
        return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:o, s:o}, s:I, s:o, "
                         "s:{s:I, s:I}, s:o, s:o, s:o}",
                "alerts_sent", (json_int_t)r->sent.sent, "accepted", (json_int_t)r->sent.accepted,
                "duplicates", (json_int_t)r->sent.duplicates, "rejected",
                (json_int_t)r->sent.rejected, "orders_expected", (json_int_t)r->sums.expected,
                "orders_at_broker", (json_int_t)r->sums.at_broker, "orders_lost",
                (json_int_t)r->sums.lost, "orders_duplicated", (json_int_t)r->sums.duplicated,
                "latency_us", "p50", microseconds(r->p50_us), "p99", microseconds(r->p99_us),
                "kills", (json_int_t)r->kills, "catch_up_ms",
                r->catch_up_us < 0 ? json_null() : json_integer(r->catch_up_us / BUS_US_PER_MS),
                "shadow", "pairs", (json_int_t)r->shadow.pairs, "critical",
                (json_int_t)r->shadow.critical, "cutover_ms", milliseconds(r->cutover_ms),
                "rollback_ms", milliseconds(r->rollback_ms), "telegram", bots_json(&r->bots));
}

static bool check(bool holds, const char *what)
{
        if (!holds)
                printf("  NOT %s\n", what);
        return holds;
}

static bool judge(const struct demo_results *r)
{
        bool good = true;

        good &= check(r->settled, "every accepted alert came to its end");
        good &= check(!r->ledger_bad_lines, "the ledger could be read to the last line");
        good &= check(!r->sums.lost, "no order was lost");
        good &= check(!r->sums.duplicated, "no order was executed twice or unasked");
        good &= check(!r->sums.disagreed, "the live decisions are the plugin's own");
        good &= check(!r->sums.contradicted, "trails and ledger tell the same ends");
        good &= check(!r->broken, "umbra stopped when told to, and took its services along");
        good &= check(!r->sent.unknown, "every alert got an answer that settles it");
        good &= check(r->sent.sent >= DEMO_ALERTS_MIN, "enough alerts were sent");
        good &= check(r->trades_sent >= DEMO_TRADES_MIN, "enough entries and exits were sent");
        good &= check(r->sums.at_broker >= DEMO_ORDERS_MIN, "enough orders reached the broker");
        good &= check(r->kills >= DEMO_KILLS_MIN, "enough services were killed");
        good &= check(r->shadow.pairs >= DEMO_TRADES_MIN, "enough decisions were compared");
        good &= check(!r->switches_broken, "each decision is by the plugin of its position");
        good &= check(r->bots.answered == r->bots.asked, "every question by Telegram was answered");
        good &= check(!r->bots.are_on || (r->bots.asked && r->bots.pictures),
                "the bots were asked, and drew");
        good &= check(r->cutover_ms < 0 || r->switches == SWITCHES, "all switches were done");
        return good;
}

bool demo_verdict(const struct demo_results *r)
{
        bool good;

        puts("\nWhat this proved");
        printf("  %zu alerts sent: %zu accepted, %zu seen before, %zu refused as they must be; the\n"
               "  slowest answer took %.0f ms.\n",
                r->sent.sent, r->sent.accepted, r->sent.duplicates, r->sent.rejected,
                (double)r->sent.slowest_us / 1000);
        printf("  %zu services killed without warning under that load", r->kills);
        if (r->catch_up_us < 0)
                puts(".");
        else
                printf("; the slowest was back at work\n  after %lld ms.\n",
                        (long long)(r->catch_up_us / BUS_US_PER_MS));
        printf("  %zu orders expected, %zu executed by the broker's own ledger: %zu lost, %zu too many\n"
               "  (%zu more were stopped by a limit, and the ledger agrees).\n",
                r->sums.expected, r->sums.at_broker, r->sums.lost, r->sums.duplicated,
                r->sums.excused);
        if (r->p50_us >= 0)
                printf("  From HTTP to the broker link: half within %.1f ms, 99 %% within %.1f ms,\n"
                       "  kills included.\n",
                        (double)r->p50_us / 1000, (double)r->p99_us / 1000);
        printf("  The shadow judged %zu alerts beside the live plugin: %zu critical differences.\n",
                r->shadow.pairs, r->shadow.critical);
        if (r->cutover_ms >= 0 && r->rollback_ms >= 0)
                printf("  %zu switches under load: to combined_v3 in %.1f ms, back in %.1f ms, the slowest in\n"
                       "  %.1f ms; %zu decisions by another plugin than was active at their position.\n",
                        r->switches, r->cutover_ms, r->rollback_ms, r->slowest_switch_ms,
                        r->switches_broken);
        if (r->bots.are_on)
                printf("  By Telegram: %zu questions, %zu answered, the slowest within %.1f s; %zu messages in\n"
                       "  all, %zu of them pictures, and Telegram's limits broken %zu times.\n",
                        r->bots.asked, r->bots.answered, (double)r->bots.slowest_us / 1e6,
                        r->bots.messages, r->bots.pictures, r->bots.limits_broken);
        good = judge(r);
        for (size_t i = 0; i < r->sums.problem_count; i++)
                printf("  ! %s\n", r->sums.problems[i]);
        puts(good ? "  All sums are right." : "  The sums are NOT right.");
        return good;
}
