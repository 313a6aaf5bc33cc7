#!/bin/sh
# UMBRA MT5-DEMO PRUNE: a reader that was away longer than its stream is kept.
set -eu
prune=$3
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
settings='mt5-demo.balance=20000 mt5-demo.volatility=0 order-executor.snapshot_interval=1s'

# shellcheck disable=SC2086
start $settings
filled 'an order' EURUSD buy 1.085
until_true 20 caught_up
stop
cp -rp "$UMBRA_STATE/health" "$UMBRA_STATE/away"
# shellcheck disable=SC2086
start $settings
filled 'an alert while somebody is away' AUDUSD sell 0.66
filled 'and another' NZDUSD sell 0.605
stop
rm -r "$UMBRA_STATE/health"
mv "$UMBRA_STATE/away" "$UMBRA_STATE/health"
"$prune" "$UMBRA_STATE/alert-ingest/alert-ingest.db" signal@alert-ingest
"$umbra" reader | grep -q '^health  *signal@alert-ingest .*BELOW THE OLDEST KEPT' ||
        fail 'umbra reader does not show it'
forget
# shellcheck disable=SC2086
start $settings
until_true 20 says health 'ERROR health reader_below_oldest .*settle="umbra reader health signal@alert-ingest --to oldest"'
until_true 20 has_alarm reader_below_oldest
passed 'a reader below the oldest stops and names the command'
stop
"$umbra" reader health signal@alert-ingest --to oldest >"$UMBRA_STATE/second.out"
grep -q '^cursor_moved service=health stream=signal@alert-ingest .* gone=some' \
        "$UMBRA_STATE/second.out" || fail 'it did not say what is skipped'
says health 'WARN umbra cursor_moved service=health' || fail 'it left no trace in the log'
# shellcheck disable=SC2086
start $settings
until_true 20 caught_up
until_true 20 has_no_alarm reader_below_oldest
id=$(alert "$(entry EURUSD sell 1.085)")
goes 'the command settles it' 20 "$id" received intent filled 'done'
stop
