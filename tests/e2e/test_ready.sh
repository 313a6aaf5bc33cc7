#!/bin/sh
# UMBRA MT5-DEMO: who posts at the very moment of the ready line loses no alert for want of a context: new
# installations in a row, one whose services die, one that is started again, and one where ingest is slow.
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
installations=8

# An entry, as soon as the ready line is there; its id is left in $id.
post_at_once() {
        webhook=
        while read -r word rest <&3; do
                [ "$word" = ready ] || continue
                webhook=${rest#webhook=}
                webhook=${webhook%% *}
                break
        done
        [ -n "$webhook" ] || fail 'umbra up has ended'
        id=$(curl -s -m 5 -d "$(entry EURUSD buy 1.085)" "$webhook" |
                sed -n 's/.*"status":"accepted","alert_id":"\([^"]*\)".*/\1/p')
        [ -n "$id" ] || fail 'not accepted'
}

up_at_once() { # ARGUMENT...
        rm -f "$UMBRA_STATE/fifo"
        mkfifo "$UMBRA_STATE/fifo"
        "$umbra" up "$@" >"$UMBRA_STATE/fifo" 2>>"$UMBRA_STATE/up.err" &
        up=$!
        exec 3<"$UMBRA_STATE/fifo"
        post_at_once
        exec 3<&-
}

is_judged() { # ALERT_ID
        "$umbra" trace --json "$1" | grep -q '"verdict"'
}

with_context() { # ALERT_ID
        until_true 20 is_judged "$1"
        said=$("$umbra" trace --json "$1" | grep -o 'no_context\|context_stale') || return 0
        fail "an alert was rejected: $said"
}

ops() {
        sed -n 's/^/http:\/\/127.0.0.1:/p' "$UMBRA_STATE/run/health.port"
}

is_posted() {
        id=$("$umbra" alert "$(entry EURUSD buy 1.085)" | sed -n 's/.*"status":"accepted","alert_id":"\([^"]*\)".*/\1/p')
        [ -n "$id" ]
}

i=0
while [ "$i" -lt $installations ]; do
        i=$((i + 1))
        up_at_once --set alert-ingest.listen=127.0.0.1:0 --set health.listen=127.0.0.1:0
        with_context "$id"
        [ "$i" -lt $installations ] || break
        stop
        find "$UMBRA_STATE" -mindepth 1 -delete
done
passed "$installations new installations judge what is posted at the ready line"

for service in alert-ingest strategy-v3 order-executor; do
        kill -KILL "$(pid_of $service)"
        until_true 20 is_posted
        with_context "$id"
done
passed 'and so does one whose services have just died, each in turn'
stop
up_at_once
with_context "$id"
stop
passed 'and one that is started again'

# Slower than the others: alert-ingest stands still while the executor comes to know the account.
find "$UMBRA_STATE" -mindepth 1 -delete
"$umbra" up --without mt5-demo --set alert-ingest.listen=127.0.0.1:0 --set health.listen=127.0.0.1:0 \
        >"$UMBRA_STATE/up.out" 2>>"$UMBRA_STATE/up.err" &
up=$!
for service in alert-ingest strategy-v3 strategy-v3-shadow telegram-analytics telegram-controller \
        telegram-notify health; do
        until_true 20 is_ready $service
done
kill -STOP "$(pid_of alert-ingest)"
"$mt5_demo" --config "$UMBRA_STATE/umbra.ini" >"$UMBRA_STATE/terminal.out" 2>&1 &
until_true 20 is_ready order-executor
! curl -sf -m 5 "$(ops)/readyz" || fail 'ready, though no alert would have had a context'
kill -CONT "$(pid_of alert-ingest)"
until_true 20 grep -q '^ready ' "$UMBRA_STATE/up.out"
is_posted || fail 'not accepted'
with_context "$id"
stop
passed 'nothing is ready before alert-ingest has heard of the account'
