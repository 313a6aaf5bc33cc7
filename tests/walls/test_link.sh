#!/bin/sh
# test_link.sh SHADOW LIVE SHADOW-MAP LIVE-MAP: the shadow holds no code for orders. The live
# strategy, read the same way, does: so the reading can be believed.
set -eu
checks=0

fail() {
        printf 'FAIL: %s\n' "$*" >&2
        exit 1
}

# The functions in the program.
symbols() {
        nm --defined-only "$1" | grep -c -i 'pb__order__\|validate_order\|order_fill\|fill_order' || :
}
# The object files the linker took.
objects() {
        grep -c '[/_(]order\(\.pb-c\)\?\.c\.o' "$1" || :
}
# What a topic of orders is made from; everybody's table of streams only has "order.v3.".
topics() {
        strings -a "$1" | grep -c '^order\.v3\.%s' || :
}

none() { # WHAT COUNT-COMMAND SHADOW LIVE
        shadow=$("$2" "$3")
        live=$("$2" "$4")
        [ "$live" -gt 0 ] || fail "$1: the live strategy shows none: this test cannot see"
        [ "$shadow" -eq 0 ] || fail "$1: the shadow has $shadow"
        checks=$((checks + 1))
        printf 'ok %d - the shadow has no %s, the live strategy has %s\n' "$checks" "$1" "$live"
}

none 'order symbols' symbols "$1" "$2"
none 'object files of orders' objects "$3" "$4"
none 'topics of orders' topics "$1" "$2"
