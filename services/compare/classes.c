#include "services/compare/classes.h"

#include "comparison.pb-c.h"
#include "libbus/base/attr.h"
#include "libbus/base/e8.h"

#include <string.h>

_Static_assert((int)COMPARE_EXACT == PB__COMPARISON_CLASS__COMPARISON_CLASS_EXACT, "classes");
_Static_assert((int)COMPARE_LATE == PB__COMPARISON_CLASS__COMPARISON_CLASS_LATE, "classes");
_Static_assert((int)COMPARE_REASON == PB__COMPARISON_CLASS__COMPARISON_CLASS_REASON, "classes");
_Static_assert((int)COMPARE_STOPS == PB__COMPARISON_CLASS__COMPARISON_CLASS_STOPS, "classes");
_Static_assert((int)COMPARE_SIZE == PB__COMPARISON_CLASS__COMPARISON_CLASS_SIZE, "classes");
_Static_assert((int)COMPARE_SIDE == PB__COMPARISON_CLASS__COMPARISON_CLASS_SIDE, "classes");
_Static_assert(
        (int)COMPARE_ONE_SIDED == PB__COMPARISON_CLASS__COMPARISON_CLASS_ONE_SIDED, "classes");
_Static_assert((int)COMPARE_ERROR == PB__COMPARISON_CLASS__COMPARISON_CLASS_ERROR, "classes");

static const char *const names[COMPARE_CLASSES] = { "", "exact", "late", "reason", "stops", "size",
        "side", "one_sided", "error" };

const char *compare_class_name(enum compare_class class)
{
        return names[class];
}

enum compare_class compare_class_of(const char *name)
{
        for (int class = COMPARE_EXACT; class < COMPARE_CLASSES; class ++)
                if (!strcmp(names[class], name))
                        return (enum compare_class) class;
        return (enum compare_class)0;
}

bool compare_class_is_critical(enum compare_class class)
{
        return class == COMPARE_SIDE || class == COMPARE_ONE_SIDED || class == COMPARE_ERROR;
}

/* The two decisions and what counts as a difference between their numbers. */
struct view {
        const struct v3_decision *a, *b;
        int64_t lot_step_e8, point_e8; /* 1 where the symbol is not known */
        const struct compare_tolerance *tolerance;
};

static bool executes(const struct v3_decision *decision)
{
        return decision->verdict == V3_VERDICT_EXECUTE;
}

/* NULL: it has no such leg. */
static const struct v3_leg *leg_of(const struct v3_decision *decision, enum v3_leg_kind kind)
{
        for (uint32_t i = 0; i < decision->leg_count; i++)
                if (decision->legs[i].leg == kind)
                        return &decision->legs[i];
        return NULL;
}

/* In whole steps, floored, so that what is less than a step is no difference. */
static bool steps_differ(int64_t a, int64_t b, int64_t step, int64_t tolerated)
{
        int64_t apart = a / step - b / step;

        return (apart < 0 ? -apart : apart) > tolerated;
}

static bool volumes_differ(const struct view *v, int64_t a_e8, int64_t b_e8)
{
        return steps_differ(a_e8, b_e8, v->lot_step_e8, v->tolerance->lot_steps);
}

static bool prices_differ(const struct view *v, int64_t a_e8, int64_t b_e8)
{
        return steps_differ(a_e8, b_e8, v->point_e8, v->tolerance->points);
}

static bool is_one_sided(const struct view *v)
{
        return executes(v->a) != executes(v->b) || !v->a->leg_count != !v->b->leg_count ||
               !v->a->close_count != !v->b->close_count;
}

static bool has_side(const struct v3_decision *decision, enum v3_side side)
{
        for (uint32_t i = 0; i < decision->leg_count; i++)
                if (decision->legs[i].side == side)
                        return true;
        return false;
}

/* Legs of one decision are on one side, so it is enough to ask which sides there are. */
static bool sides_differ(const struct view *v)
{
        if (has_side(v->a, V3_SIDE_BUY) != has_side(v->b, V3_SIDE_BUY) ||
                has_side(v->a, V3_SIDE_SELL) != has_side(v->b, V3_SIDE_SELL))
                return true;
        return v->a->close_count && v->b->close_count &&
               v->a->closes[0].side != v->b->closes[0].side;
}

/* A leg that only one of them has is a leg without volume at the other. */
static bool leg_volumes_differ(const struct view *v)
{
        for (int kind = 0; kind < V3_LEG_COUNT; kind++) {
                const struct v3_leg *a = leg_of(v->a, (enum v3_leg_kind)kind);
                const struct v3_leg *b = leg_of(v->b, (enum v3_leg_kind)kind);

                if (volumes_differ(v, a ? a->volume_e8 : 0, b ? b->volume_e8 : 0))
                        return true;
        }
        return false;
}

/* What the volumes came from: it may differ although flooring made the volumes the same. */
static bool sizing_differs(const struct view *v)
{
        const struct v3_decision *a = v->a, *b = v->b;

        if (v->tolerance->lot_steps)
                return false;
        return volumes_differ(v, a->total_lot_e8, b->total_lot_e8) ||
               a->base_lot_e8 != b->base_lot_e8 || a->signal_factor_e8 != b->signal_factor_e8 ||
               a->route_multiplier_e8 != b->route_multiplier_e8 || a->scaled != b->scaled;
}

static bool stops_differ(const struct view *v)
{
        for (int kind = 0; kind < V3_LEG_COUNT; kind++) {
                const struct v3_leg *a = leg_of(v->a, (enum v3_leg_kind)kind);
                const struct v3_leg *b = leg_of(v->b, (enum v3_leg_kind)kind);

                if (a && b &&
                        (prices_differ(v, a->sl_e8, b->sl_e8) ||
                                prices_differ(v, a->tp_e8, b->tp_e8)))
                        return true;
        }
        return false;
}

/* Follows from volumes and stops: differs by itself only where those were left to differ. */
static bool loss_differs(const struct view *v)
{
        return !v->tolerance->lot_steps && !v->tolerance->points &&
               v->a->expected_loss_cents != v->b->expected_loss_cents;
}

static bool close_reasons_differ(const struct view *v)
{
        return v->a->close_count && v->b->close_count &&
               v->a->closes[0].reason != v->b->closes[0].reason;
}

static bool reasons_differ(const struct view *v)
{
        const struct v3_decision *a = v->a, *b = v->b;

        return a->verdict != b->verdict || a->reason != b->reason || a->direction != b->direction ||
               a->strength != b->strength || a->route != b->route || a->routing != b->routing ||
               a->aggressive != b->aggressive || close_reasons_differ(v);
}

enum compare_class compare_decisions(const struct v3_decision *live,
        const struct v3_decision *shadow, const struct v3_symbol *symbol,
        const struct compare_tolerance *tolerance)
{
        const struct view view = {
                .a = live,
                .b = shadow,
                .lot_step_e8 = symbol ? symbol->lot_step_e8 : 1,
                .point_e8 = symbol ? e8_step_of_digits(symbol->digits) : 1,
                .tolerance = tolerance,
        };

        if (live->verdict == V3_VERDICT_ERROR || shadow->verdict == V3_VERDICT_ERROR)
                return COMPARE_ERROR;
        if (is_one_sided(&view))
                return COMPARE_ONE_SIDED;
        if (sides_differ(&view))
                return COMPARE_SIDE;
        if (leg_volumes_differ(&view) || sizing_differs(&view))
                return COMPARE_SIZE;
        if (stops_differ(&view) || loss_differs(&view))
                return COMPARE_STOPS;
        return reasons_differ(&view) ? COMPARE_REASON : COMPARE_EXACT;
}
