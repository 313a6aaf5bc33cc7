#!/bin/sh
# UMBRA MT5-DEMO LOAD [RATE]: every service replaced by a new process, one after the other, while alerts
# come in at a steady rate: none is refused, none is lost, none trades twice. And what a person sees
# where that cannot be done.
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
load=$3
rate=${4:-50}
settings='mt5-demo.balance=100000 mt5-demo.volatility=0 order-executor.snapshot_interval=1s
        risk.max_open_positions=1000 risk.daily_cap=100000 risk.lifetime_cap=100000'

pids() {
        for pid in "$UMBRA_STATE"/run/*.pid; do
                printf '%s %s\n' "$(basename "$pid" .pid)" "$(cat "$pid")"
        done
}

has_sent() { # COUNT: signals came in
        [ "$("$umbra" status --json | grep -o '"known":[0-9]*' | cut -d : -f 2)" -ge "$1" ]
}

# shellcheck disable=SC2086
start $settings
"$load" "$UMBRA_STATE" "$rate" >"$UMBRA_STATE/load.out" &
sender=$!
until_true 20 has_sent "$rate"
pids >"$UMBRA_STATE/before"
"$umbra" restart --all >"$UMBRA_STATE/restarted" &
restart=$!
until_true 20 grep -q '^strategy-v3-shadow: process ' "$UMBRA_STATE/restarted"
for second in 'restart health' 'deploy plugin-system --now' 'deploy plugin-system --back'; do
        # shellcheck disable=SC2086 # words
        ! "$umbra" $second 2>"$UMBRA_STATE/told" || fail "umbra $second beside a restart"
        [ "$(cat "$UMBRA_STATE/told")" = "umbra ${second%% *}: umbra restart --all, process $restart, is under way: one at a time" ] ||
                fail "$(cat "$UMBRA_STATE/told")"
done
[ ! -e "$UMBRA_STATE/deploy.json" ] || fail 'a deployment has begun'
wait "$restart" || fail "restart --all: $(cat "$UMBRA_STATE/restarted")"
passed 'who comes second is told who is at it, and touches nothing'
pids >"$UMBRA_STATE/after"
cat "$UMBRA_STATE/restarted"
[ "$(wc -l <"$UMBRA_STATE/restarted")" = 8 ] || fail 'not all were restarted'
[ "$(sort "$UMBRA_STATE/before" "$UMBRA_STATE/after" | uniq -d)" = "mt5-demo $(pid_of mt5-demo)" ] ||
        fail 'a service kept its process, or the broker was restarted'
passed 'eight services were replaced, and the broker was not'

# ---- the restart of a service as people have it: SIGTERM, at most 30 s, and a look at the health ----
ops=$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
PID=$(pid_of alert-ingest)
kill -TERM "$PID"
timeout 30 sh -c "while kill -0 $PID 2>/dev/null; do sleep 0.1; done" || fail 'alert-ingest did not end'
is_healthy() { curl -sf "$ops/health"; }
until_true 20 is_healthy
until_true 20 has_new_pid alert-ingest "$PID"
passed 'a SIGTERM by hand does the same'

until_true 20 is_ready alert-ingest
kill -TERM "$sender"
wait "$sender" || fail "the load: $(cat "$UMBRA_STATE/load.out")"
cat "$UMBRA_STATE/load.out"
passed 'no alert was refused, lost or traded twice'
! grep -h ' ERROR ' "$UMBRA_STATE"/log/*.log || fail 'an ERROR'
passed 'and no log has an ERROR'

# ---- what cannot be done ----
! "$umbra" restart 2>/dev/null || fail 'nothing named'
! "$umbra" restart mt5-demo 2>"$UMBRA_STATE/told" || fail 'the broker was restarted'
grep -q "no service 'mt5-demo'" "$UMBRA_STATE/told" || fail "$(cat "$UMBRA_STATE/told")"
kill -STOP "$(pid_of order-executor)"
is_missed() { ! curl -sf "$ops/readyz"; }
until_true 20 is_missed
old=$(pid_of strategy-v3)
! "$umbra" restart strategy-v3 2>"$UMBRA_STATE/told" || fail 'restarted while another was not ready'
grep -q 'strategy-v3: not touched: order-executor is not ready' "$UMBRA_STATE/told" ||
        fail "$(cat "$UMBRA_STATE/told")"
[ "$(pid_of strategy-v3)" = "$old" ] || fail 'it was touched all the same'
kill -CONT "$(pid_of order-executor)"
passed 'nothing is touched while another service is not ready, and that is said'

# one that runs, and that health, which was started meanwhile, has never heard of; known by its process
# alone, as under systemd, where nobody writes down who runs
until_true 20 curl -sf "$ops/readyz"
unheard=$(pid_of telegram-notify)
mv "$UMBRA_STATE/run/telegram-notify.pid" "$UMBRA_STATE/unheard.pid"
kill -STOP "$unheard"
"$umbra" restart health >"$UMBRA_STATE/restarted" || fail 'restart health'
! "$umbra" restart --all >"$UMBRA_STATE/restarted" 2>"$UMBRA_STATE/told" || fail 'one was left out, and nobody was told'
[ "$(cat "$UMBRA_STATE/told")" = "umbra restart: telegram-notify: not restarted: process $unheard runs, and health does not hear it" ] ||
        fail "$(cat "$UMBRA_STATE/told")"
[ "$(wc -l <"$UMBRA_STATE/restarted")" = 7 ] || fail "not all others: $(cat "$UMBRA_STATE/restarted")"
mv "$UMBRA_STATE/unheard.pid" "$UMBRA_STATE/run/telegram-notify.pid"
kill -CONT "$unheard"
until_true 20 is_ready telegram-notify
passed 'one that health does not hear is named, and the others are replaced'

# one that does not come back: the configuration it would start with is bad
until_true 20 is_ready order-executor
until_true 20 curl -sf "$ops/readyz"
old=$(pid_of telegram-notify)
echo '[nosuch]' >>"$UMBRA_STATE/umbra.ini"
! "$umbra" restart telegram-notify 2>"$UMBRA_STATE/told" || fail 'restarted with a bad configuration'
for word in 'telegram-notify: not touched: it refuses the configuration' nosuch; do
        grep -q "$word" "$UMBRA_STATE/told" || fail "$(cat "$UMBRA_STATE/told")"
done
[ "$(pid_of telegram-notify)" = "$old" ] || fail 'it was touched all the same'
passed 'nor with a configuration that the next process would refuse'
sed -i '/^\[nosuch\]$/d' "$UMBRA_STATE/umbra.ini"
stop
