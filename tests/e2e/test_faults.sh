#!/bin/sh
# UMBRA MT5-DEMO: orders against a broker that misbehaves. Each case is one alert and the way it must
# go through the executor's states (docs/architecture.md, The executor); the broker's own ledger
# says whether anything was done twice.
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"

# a fill that a loaded machine keeps for as long as report_timeout goes another way
start order-executor.report_timeout=1s order-executor.unknown_manual_after=5s \
        order-executor.ask_interval=100ms order-executor.retry_base=50ms \
        order-executor.absent_span=60s order-executor.snapshot_interval=1s risk.max_age=10s \
        mt5-demo.balance=20000 mt5-demo.volatility=0 # a market that stands still hits no stop

once() { # ALERT_ID: its one order was executed once
        [ "$(deals "$(cl_ord_id "$1")")" = 1 ] || fail "$1: $(deals "$(cl_ord_id "$1")") deals"
}
never() {
        [ "$(deals "$(cl_ord_id "$1")")" = 0 ] || fail "$1: $(deals "$(cl_ord_id "$1")") deals"
}

fault requote
id=$(alert "$(entry EURUSD buy 1.085)")
goes 'a requote, then a fill' 10 "$id" received intent intent filled 'done'
once "$id"

fault lose-reply
id=$(alert "$(entry GBPUSD buy 1.27)")
goes 'a fill whose reply is lost is asked for, not sent again' 10 "$id" \
        received intent unknown filled 'done'
once "$id"

fault cut-before
id=$(alert "$(entry AUDUSD buy 0.66)")
goes 'a link cut before the fill' 20 "$id" received intent unknown intent filled 'done'
once "$id"

fault cut-after
id=$(alert "$(entry NZDUSD buy 0.605)")
goes 'a link cut after the fill' 20 "$id" received intent unknown filled 'done'
once "$id"

fault lose-request
id=$(alert "$(entry USDCAD buy 1.36)")
goes 'a request the broker never saw is sent once more' 10 "$id" \
        received intent unknown intent filled 'done'
once "$id"

fault place 300
id=$(alert "$(entry USDJPY buy 150)")
goes 'placed is not filled' 10 "$id" received intent placed filled 'done'
once "$id"

fault timeout
id=$(alert "$(entry EURJPY buy 162)")
goes 'a time-out at the broker is no rejection' 10 "$id" received intent unknown filled 'done'
once "$id"

fault duplicate-report
id=$(alert "$(entry EURUSD sell 1.085)")
goes 'a report that comes twice counts once' 10 "$id" received intent filled 'done'
once "$id"

fault reject 10019
id=$(alert "$(entry GBPUSD sell 1.27)")
goes 'no money is a rejection' 10 "$id" received intent rejected 'done'
never "$id"
"$umbra" resume --reason 'there is money again' >/dev/null

fault partial 0.5 symbol=AUDUSD
id=$(alert "$(entry AUDUSD sell 0.66 1)")
goes 'a partial fill of one leg' 10 "$id" received received intent intent partial filled 'done'

fault market-closed for=1000
id=$(alert "$(entry NZDUSD sell 0.605)")
until_true 20 has_event "$id" filled
passed 'a market that opens again in time'
once "$id"

fault autotrading-off
id=$(alert "$(entry NZDUSD sell 0.605)")
until_true 30 has_event "$id" expired
fault clear
passed 'autotrading that stays off: the entry expires'
never "$id"

fault delay 1500
id=$(alert "$(entry USDCAD sell 1.36)")
until_true 10 has_event "$id" intent
crash order-executor
goes 'a restart in INTENT' 20 "$id" received intent unknown filled 'done'
once "$id"

# MANUAL, and the way out of it.
fault in-doubt
fault lose-request
id=$(alert "$(entry GBPJPY buy 190)")
goes 'nobody knows for long: a person must look' 20 "$id" received intent unknown manual
other=$(alert "$(entry GBPJPY buy 190)")
goes 'and the symbol takes no entries' 10 "$other" received refused 'done'
"$umbra" settle "$(cl_ord_id "$id")" --as not_executed --reason 'looked at the terminal' >/dev/null
goes 'settled by hand' 10 "$id" received intent unknown manual not_executed 'done'
fault clear
never "$id"

# Reversals.
reversal() { # SYMBOL SIDE PRICE
        entry "$@" | sed 's/Momentum_Breakout/Liquidity_Trap_Reversal/'
}
id=$(alert "$(entry AUDJPY buy 98)")
goes 'a position to reverse' 10 "$id" received intent filled 'done'
fault reject 10006 action=close n=9
id=$(alert "$(reversal AUDJPY sell 98)")
goes 'a reversal whose close fails opens nothing' 20 "$id" \
        received received intent rejected refused 'done'
"$umbra" trace --json "$id" | grep -q '"reason":"reversal_incomplete"' || fail 'for another reason'
fault clear
id=$(alert "$(reversal AUDJPY sell 98)")
goes 'a reversal closes, then opens' 20 "$id" received received intent filled intent filled 'done'

# An exit does not wait for what nobody knows, and what turns out filled is closed under it.
fault in-doubt
fault snapshot failed n=1000
fault lose-reply action=open
id=$(alert "$(entry XAUUSD buy 2650)")
until_true 10 went "$id" received intent unknown
out=$(alert "$(exit_of XAUUSD Bullish_Exit)")
fault clear
goes 'an entry that an exit passed turns out filled' 20 "$id" received intent unknown filled 'done'
until_true 20 has_event "$out" filled
passed 'and is closed under the exit'

out=$(alert "$(exit_of XAUUSD Bullish_Exit)")
goes 'an exit with nothing to close says so' 10 "$out" received nothing_to_close 'done'

# A terminal that cannot tell is not an empty account.
at_broker=$(broker positions | grep -o '"ticket"' | wc -l)
books_agree() {
        "$umbra" status | grep -qw "open_positions=$at_broker"
}
for quality in partial failed; do
        until_true 10 books_agree
        fault snapshot $quality n=3
        crash order-executor
        until_true 10 books_agree
        passed "a snapshot that is $quality closes nothing in our books"
done
stop
