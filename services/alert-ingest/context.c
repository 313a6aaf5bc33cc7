#include "services/alert-ingest/context.h"

#include "libbus/base/require.h"

#include <stdio.h>
#include <string.h>

/* Twice the longest executor.snapshot_interval, and half of what its risk.context_max_age is by default. */
#define CURRENT_US (30 * INT64_C(1000000))

void context_done(struct context *context)
{
        free(context->counts);
        *context = (struct context){ 0 };
}

static struct context_count *count_of(struct context *context, const char *symbol)
{
        struct context_count *count;

        for (size_t i = 0; i < context->count; i++)
                if (!strcmp(context->counts[i].symbol, symbol))
                        return &context->counts[i];
        context->counts =
                bus_xrealloc(context->counts, (context->count + 1) * sizeof(*context->counts));
        count = &context->counts[context->count++];
        *count = (struct context_count){ 0 };
        snprintf(count->symbol, sizeof(count->symbol), "%s", symbol);
        return count;
}

static void count_positions(struct context *context, const Pb__Account *account)
{
        context->count = 0;
        for (size_t i = 0; i < account->n_positions; i++) {
                const Pb__AccountPosition *position = account->positions[i];
                struct context_count *count;

                if (!position->ours)
                        continue;
                count = count_of(context, position->symbol);
                if (position->side == PB__SIDE__SIDE_BUY)
                        count->open_buy++;
                else
                        count->open_sell++;
        }
}

bool context_take(struct context *context, const Pb__Account *account)
{
        if (account->as_of_us <= 0 ||
                (context->known && account->as_of_us < context->account.as_of_us))
                return false;
        context->known = true;
        context->account = (struct v3_context){ .balance_cents = account->balance_cents,
                .equity_cents = account->equity_cents,
                .daily_loss_cents = account->daily_loss_cents,
                .lifetime_loss_cents = account->lifetime_loss_cents,
                .as_of_us = account->as_of_us };
        count_positions(context, account);
        return true;
}

bool context_is_current(const struct context *context, int64_t now_us)
{
        return context->known && now_us - context->account.as_of_us <= CURRENT_US;
}

bool context_for(const struct context *context, const char *symbol, struct v3_context *ret_context)
{
        if (!context->known)
                return false;
        *ret_context = context->account;
        for (size_t i = 0; i < context->count; i++) {
                if (strcmp(context->counts[i].symbol, symbol))
                        continue;
                ret_context->open_buy = context->counts[i].open_buy;
                ret_context->open_sell = context->counts[i].open_sell;
        }
        return true;
}
