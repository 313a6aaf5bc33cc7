#!/bin/sh
# UMBRA MT5-DEMO: live and shadow, compared while the comparator is killed and the shadow frozen;
# and the same alerts, replayed while the system runs and when it is stopped.
set -eu
# shellcheck source=rig.sh
. "$(dirname "$0")/rig.sh"

# Scores of 3 to 8: under profile strength some are rejected, some are smaller, some are the same.
entry() { # SCORE PRICE
        "$umbra" alert "{\"type\":\"entry_v3\",\"signal_type\":\"Momentum_Breakout\",\
\"symbol\":\"EURUSD\",\"direction\":\"buy\",\"tf\":\"60\",\"price\":$2,\"consensus_score\":$1}"
}
leave() { # PRICE
        "$umbra" alert "{\"type\":\"exit_v3\",\"signal_type\":\"Bearish_Exit\",\
\"symbol\":\"EURUSD\",\"tf\":\"15\",\"price\":$1}"
}

# pairs PLUGIN: "ALERT_ID CLASS" a line, of what was told so far.
told() { # COUNT
        timeout 4 "$umbra" tap comparison. --from 1 --count "$1" >"$UMBRA_STATE/told"
        [ "$(wc -l <"$UMBRA_STATE/told")" = "$1" ]
}
pairs() { # PLUGIN
        sed -n "s/.*\"topic\":\"comparison\.\([a-z_]*\)\.$1\".*\"alert_id\":\"\([^\"]*\)\".*/\2 \1/p" \
                "$UMBRA_STATE/told" | sort
}
replayed() { # ARGUMENT...
        "$umbra" replay "$@" >"$UMBRA_STATE/replayed" && status=0 || status=$?
        sed -n 's/^{"alert_id":"\([^"]*\)","class":"\([a-z_]*\)".*/\1 \2/p' \
                "$UMBRA_STATE/replayed" | sort
}
# The sums of PLUGIN in the heartbeat, without the times of decide().
sums() { # PLUGIN
        timeout 10 "$umbra" tap heartbeat.telegram-analytics --count 1 | tr ',' '\n' |
                sed -n "s/.*\"pairs\.$1\.legacy_v3\.[^=]*=\([^\"]*\) live_ns.*/\1/p"
}
sums_say() { # PLUGIN WORDS
        sums "$1" | grep -q "$2"
}
kill_comparator() {
        old=$(pid_of telegram-analytics)
        kill -KILL "$old"
        until_true 20 has_new_pid telegram-analytics "$old"
}

start plugin.combined_v3.profile=strength telegram-analytics.deadline=1s

for score in 3 4 5 6 7 8; do
        entry "$score" "1.10$score" >/dev/null
done
kill_comparator
for score in 3 4 5 6 7 8; do
        entry "$score" "1.11$score" >/dev/null
        [ "$score" != 5 ] || kill_comparator
done
until_true 20 told 24
pairs combined_v3 >"$UMBRA_STATE/live.pairs"
[ "$(cut -d' ' -f1 <"$UMBRA_STATE/live.pairs" | uniq | wc -l)" = 12 ] || fail 'a pair an alert'
[ "$(pairs legacy_v3 | grep -c ' exact$')" = 12 ] || fail 'legacy_v3 differs from itself'
for class in one_sided size; do
        grep -q " $class\$" "$UMBRA_STATE/live.pairs" || fail "no pair is $class"
done
passed 'every alert is one pair of each plugin, though the comparator was killed twice'

until_true 10 sums_say combined_v3 'pairs=12 trades=12 critical=4 .*one_sided=4'
before=$(sums combined_v3)
kill_comparator
until_true 20 sums_say combined_v3 'pairs=12'
[ "$(sums combined_v3)" = "$before" ] || fail "the sums were $before, and are $(sums combined_v3)"
until_true 10 sums_say legacy_v3 'pairs=12 .*critical=0 .*exact=12'
passed 'a comparator that starts again has the same sums'

replayed --plugin combined_v3 >"$UMBRA_STATE/replay.pairs"
[ "$status" = 1 ] || fail "a replay with critical differences ended with $status"
cmp "$UMBRA_STATE/live.pairs" "$UMBRA_STATE/replay.pairs" || fail 'replay and live differ'
passed 'replay says of a running system what the comparator said'

replayed --plugin combined_v3 --set plugin.combined_v3.profile=parity >"$UMBRA_STATE/parity"
[ "$status" = 0 ] || fail "a replay without critical differences ended with $status"
[ "$(grep -c ' exact$' "$UMBRA_STATE/parity")" = 12 ] || fail 'parity differs'
passed 'replay takes another configuration'

shadow=$(pid_of strategy-v3-shadow)
kill -STOP "$shadow"
leave 1.2 >/dev/null
until_true 20 told 26
tail -n 2 "$UMBRA_STATE/told" | grep -c '"class":"late".*"shadow_missing":true' | grep -qx 2 ||
        fail 'nothing was late'
kill -CONT "$shadow"
until_true 20 told 28
tail -n 2 "$UMBRA_STATE/told" | grep -c '"class":"late".*"shadow_missing":false,.*"revises":true' |
        grep -qx 2 || fail 'what came after all was not told again'
until_true 10 sums_say combined_v3 'pairs=13 trades=13 .*late=1'
passed 'a decision that stays out is late, and is compared when it comes'

"$umbra" alert --test '{"type":"exit_v3","signal_type":"Bullish_Exit","symbol":"EURUSD",
"tf":"15","price":1.1}' >/dev/null
leave 1.3 >/dev/null
until_true 20 told 30
until_true 10 sums_say combined_v3 'pairs=14'
passed 'a test alert is not compared'

handed_over() { # COUNT
        "$umbra" replay --plugin combined_v3 --set plugin.combined_v3.profile=parity --evidence \
                >/dev/null 2>"$UMBRA_STATE/replay.err" || fail 'a replay for evidence failed'
        grep -q " $1 pairs handed" "$UMBRA_STATE/replay.err"
}
handed_over 14 || fail 'not all pairs were handed over'
until_true 20 told 44
tail -n 14 "$UMBRA_STATE/told" | grep -c '"class":"exact".*"source":"replay"' | grep -qx 14 ||
        fail 'the evidence of a replay is not what it said'
kill_comparator
handed_over 0 || fail 'evidence was handed over twice'
until_true 10 sums_say combined_v3 'source=replay pairs=14'
passed 'a replay counts as evidence once, marked as replayed'

stop
replayed --plugin combined_v3 >"$UMBRA_STATE/stopped.pairs"
[ "$(wc -l <"$UMBRA_STATE/stopped.pairs")" = 14 ] || fail 'not every alert was replayed'
head -n 12 "$UMBRA_STATE/stopped.pairs" | cmp - "$UMBRA_STATE/live.pairs" ||
        fail 'the stopped system replays otherwise'
! ls -d "$UMBRA_STATE"/replay-* 2>/dev/null || fail 'a copy was left behind'
passed 'replay reads a stopped system'

start telegram-analytics.enabled=no
"$umbra" status | grep -q telegram-analytics && fail 'telegram-analytics runs though it is off'
[ ! -e "$UMBRA_STATE/run/telegram-analytics.pid" ] || fail 'telegram-analytics was started'
stop
passed 'telegram-analytics is optional'
