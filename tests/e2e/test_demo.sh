#!/bin/sh
# UMBRA MT5-DEMO BOT_API: the demo is a test of its own: services killed under load, cutover, rollback, and the sums.
set -eu
sums=$(mktemp)
trap 'rm -f "$sums"' EXIT
"$1" demo --once --json "$sums" --bots "$3"
cat "$sums"
for word in '"orders_lost":0,' '"orders_duplicated":0,' '"critical":0}'; do
        grep -qF "$word" "$sums" || { printf 'FAIL: no %s\n' "$word"; exit 1; }
done
