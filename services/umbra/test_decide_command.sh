#!/bin/sh
# umbra decide as people call it: UMBRA PLUGINS. Statuses, settings, and what it says of bad ones.
set -eu
umbra=$1
plugins=$2
failed=0

pulse='{"alert":{"type":"trend_pulse_v3","signal_type":"Trend_Pulse","symbol":"GOLD","tf":"5","price":2650},"context":null}'
entry='{"alert":{"type":"entry_v3","signal_type":"Momentum_Breakout","symbol":"XAUUSD","direction":"buy","tf":"15","price":2650,"consensus_score":6},"context":{"balance":"100000.00","equity":"100000.00","daily_loss":"0.00","lifetime_loss":"0.00","open_buy":0,"open_sell":0}}'

# expect STATUS WORD INPUT ARGUMENT...: what it prints, on either stream, holds WORD
expect() {
        status=$1 word=$2 input=$3
        shift 3
        got=0
        text=$(printf '%s\n' "$input" | "$umbra" decide --plugins "$plugins" "$@" 2>&1) || got=$?
        if [ "$got" != "$status" ] || ! printf '%s' "$text" | grep -qF -- "$word"; then
                printf 'decide %s: status %s, not %s, or no "%s" in:\n%s\n' \
                        "$*" "$got" "$status" "$word" "$text" >&2
                failed=1
        fi
}

expect 0 'example:' '' --help
expect 2 '--plugin NAME is missing' ''
expect 2 'no_such' '' --plugin no_such
expect 2 'unrecognized option' '' --plugin legacy_v3 --nonsense
expect 2 "what is 'more'" '' --plugin legacy_v3 more
expect 2 'plugin.legacy_v3.profile: no such key' '' --plugin legacy_v3 --set plugin.legacy_v3.profile=parity
expect 2 'plugin.legacy_v3.tier: must be' '' --plugin legacy_v3 --set plugin.legacy_v3.tier=7
expect 2 'symbol.XAUUSD.maxlot: no such key' '' --plugin legacy_v3 --set symbol.XAUUSD.maxlot=3
expect 2 'symbol.NEW: digits is missing' '' --plugin legacy_v3 --set symbol.NEW.max_lot=3
expect 2 'neither a symbol nor plugin legacy_v3' '' --plugin legacy_v3 --set plugin.other.tier=5000
expect 2 '--set:' '' --plugin legacy_v3 --set tier=5000

expect 0 'unknown_symbol' "$pulse" --plugin legacy_v3
expect 0 '"symbol":"XAUUSD"' "$pulse" --plugin legacy_v3 --set alias.ingest.GOLD=XAUUSD
expect 0 '"total_lot":"0.50"' "$entry" --plugin legacy_v3
expect 0 '"total_lot":"0.20"' "$entry" --plugin combined_v3 --set plugin.combined_v3.tier=50000
expect 0 '"total_lot":"0.31"' "$entry" --plugin legacy_v3 --set symbol.XAUUSD.max_lot=0.31

# One bad line among good ones: all are answered, in order, and the status tells.
expect 1 '{"verdict":"error","reason":"bad_input"}' "$pulse
nonsense
$pulse" --plugin legacy_v3
lines=$(printf '%s\nnonsense\n%s\n' "$pulse" "$pulse" | "$umbra" decide --plugins "$plugins" --plugin legacy_v3 | wc -l) || :
[ "$lines" = 3 ] || failed=1
exit $failed
