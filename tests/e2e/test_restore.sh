#!/bin/sh
# UMBRA MT5-DEMO: stores put back from a backup, the executor's alone and all of them.
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
settings='mt5-demo.balance=20000 mt5-demo.volatility=0 order-executor.snapshot_interval=1s'

# shellcheck disable=SC2086 # a list of words
start $settings
filled 'an order before the backup' EURUSD buy 1.085
"$umbra" backup --name yesterday >/dev/null
filled 'and one behind it' GBPUSD buy 1.27
late=$id
late_order=$(cl_ord_id "$late")

stop

# The executor alone is put back to yesterday: the order behind it comes again, is asked for at the
# terminal, and is not sent twice.
before=$(all_deals)
cp -p "$UMBRA_STATE/backup/order-executor/yesterday.db" "$UMBRA_STATE/backup/order-executor/part.db"
"$umbra" restore part >/dev/null
forget
# shellcheck disable=SC2086
start $settings
until_true 20 says health 'WARN health reader_goes_back_to_fork stream=trade@order-executor'
until_true 20 is_paused
until_true 20 has_event "$late" filled
[ "$(deals "$late_order")" = 1 ] || fail "the replayed order has $(deals "$late_order") deals"
[ "$(all_deals)" = "$before" ] || fail 'something was done again'
passed 'an executor put back asks for what it did since, and does nothing twice'
"$umbra" resume --reason 'looked' >/dev/null
filled 'and goes on when it is told to' AUDUSD buy 0.66
stop

# The whole system from yesterday's backup.
before=$(all_deals)
"$umbra" restore yesterday >/dev/null
forget
# shellcheck disable=SC2086
start $settings
until_true 20 says alert-ingest 'incarnation_begins .*stream=signal@alert-ingest .*reason=restored'
until_true 20 is_paused
count_at_broker
until_true 20 books_agree
[ "$(all_deals)" = "$before" ] || fail 'something was done again'
passed 'a system put back starts paused and adopts what the broker has'
"$umbra" resume --reason 'looked' >/dev/null
filled 'and goes on when it is told to' NZDUSD buy 0.605
stop
