#!/bin/sh
# test_wall.sh SHADOW LIVE: the shadow holds no code for orders; the live strategy, read the same
# way, does: so the reading can be believed.
set -eu

orders() {
        nm --defined-only "$1" | grep -c -i 'pb__order__\|validate_order\|order_fill\|fill_order' || true
}

shadow=$(orders "$1")
live=$(orders "$2")
echo "order symbols: shadow $shadow, live $live"
[ "$live" -gt 0 ] || { echo "the live strategy shows none: this test cannot see" >&2; exit 1; }
[ "$shadow" -eq 0 ] || { echo "the shadow has code for orders" >&2; exit 1; }

# The name of the stream must not be among its outputs either: the table of streams has it once,
# as "order.v3." (everybody's map), nothing makes a topic from it.
if strings -a "$1" | grep -q '^order\.v3\.%s'; then
        echo "the shadow makes topics of orders" >&2
        exit 1
fi
