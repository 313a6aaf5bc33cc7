#!/bin/sh
# UMBRA: everything killed at once, umbra itself too, services frozen and hunted, a broker that fails:
# nothing is lost or done twice, and every trail ends as the broker's ledger says. Another seed is
# another plan: UMBRA_CHAOS_SEED.
set -eu
sums=$(mktemp)
trap 'rm -f "$sums"' EXIT
"$1" demo --once --chaos --seed "${UMBRA_CHAOS_SEED:-8}" --json "$sums"
cat "$sums"
for word in '"orders_lost":0,' '"orders_duplicated":0,' '"critical":0}'; do
        grep -qF "$word" "$sums" || { printf 'FAIL: no %s\n' "$word"; exit 1; }
done
