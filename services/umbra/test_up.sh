#!/bin/sh
# UMBRA: one installation from its first start to its restore, as an operator meets it.
set -eu
umbra=$1
state=$(mktemp -d /tmp/umbra-test-up-XXXXXX)
export UMBRA_STATE="$state"
up=

finish() {
        status=$?
        [ -z "$up" ] || kill -KILL "$up" 2>/dev/null || :
        [ $status = 0 ] || tail -n 5 "$state"/log/*.log "$state"/up.err || :
        rm -rf "$state"
        exit $status
}
trap finish EXIT

fail() {
        printf 'FAIL: %s\n' "$*"
        exit 1
}

# until_true SECONDS COMMAND...: asks five times a second.
until_true() {
        tries=$(($1 * 5))
        shift
        while ! "$@" >/dev/null 2>&1; do
                [ -z "$up" ] || kill -0 "$up" 2>/dev/null || fail 'umbra up has ended'
                tries=$((tries - 1))
                [ $tries -gt 0 ] || fail "in time: $*"
                sleep 0.2
        done
}

start() { # ARGUMENT...
        : >"$state/up.out"
        "$umbra" up --set alert-ingest.listen=127.0.0.1:0 --set health.listen=127.0.0.1:0 "$@" \
                >"$state/up.out" 2>>"$state/up.err" &
        up=$!
        until_true 60 grep -q '^ready webhook=http://.* ops=http://.* state=' "$state/up.out"
}

nothing_runs() {
        ! grep -l -- "$state/umbra.ini" /proc/[0-9]*/cmdline 2>/dev/null
}

stop() {
        kill -TERM "$up"
        wait "$up" || fail "up ended with $?"
        up=
        nothing_runs || fail 'left something behind'
}

# alert BODY: its id.
alert() {
        "$umbra" alert "$1" | sed -n 's/.*"alert_id":"\([^"]*\)".*/\1/p'
}
status_says() { # WORDS
        "$umbra" status | grep -q "$1"
}
trace_says() { # ALERT_ID WORDS
        "$umbra" trace --json "$1" | grep -q "$2"
}

entry() { # ID
        printf '{"type":"entry_v3","signal_type":"Momentum_Breakout","symbol":"EURUSD","direction":"buy","tf":"15","price":1.085,"consensus_score":6,"sl_price":1.08,"tp1_price":1.09,"tp2_price":1.095,"id":"%s"}' "$1"
}

start
pulse=$(alert '{"type":"trend_pulse_v3","signal_type":"Trend_Pulse","symbol":"XAUUSD","tf":"15","price":2650.5}')
[ -n "$pulse" ] || fail 'a pulse was not accepted'
until_true 10 trace_says "$pulse" '"state":"ignored"'

filled=$(alert "$(entry e1)")
until_true 20 trace_says "$filled" '"state":"filled"'
grep -q '"event":"deal"' "$state/mt5-demo/ledger.jsonl" || fail 'the ledger has no deal'
[ "$("$umbra" tap signal. --since 10m --count 2 | wc -l)" = 2 ] || fail 'tap'
"$umbra" trace "$filled" | grep -q submitted || fail 'trace'
status_says strategy-v3-shadow || fail 'status'

tested=$("$umbra" alert --test "$(entry e2)" | sed -n 's/.*"alert_id":"\([^"]*\)".*/\1/p')
until_true 20 trace_says "$tested" '"state":"test"'

# A pause outlives the executor's death.
"$umbra" pause --reason test | grep -q 'done' || fail 'pause'
kill -KILL "$(cat "$state/run/order-executor.pid")"
until_true 20 status_says 'order-executor  *ready'
paused=$(alert "$(entry e3)")
until_true 20 trace_says "$paused" '"state":"refused"'
"$umbra" resume --reason test | grep -q 'done' || fail 'resume'

closed=$(alert '{"type":"exit_v3","signal_type":"Bullish_Exit","symbol":"EURUSD","tf":"15","price":1.085}')
until_true 20 trace_says "$closed" '"state":"filled"'

# The gate asks for a backup; restored below.
"$umbra" backup --name one | grep -q '^done' || fail 'backup'
"$umbra" cutover | grep -q active=combined_v3 || fail 'cutover'
"$umbra" rollback | grep -q active=legacy_v3 || fail 'rollback'
! "$umbra" restore one 2>/dev/null || fail 'restored a running system'
stop

"$umbra" restore one >/dev/null || fail 'restore'
! "$umbra" restore two 2>/dev/null || fail 'restored what is not there'
start
until_true 10 status_says paused
trace_says "$filled" '"state":"filled"' || fail 'the trail is gone'
stop

# umbra killed: nothing it started stays.
start
kill -KILL "$up"
wait "$up" || :
up=
until_true 10 nothing_runs

# Nobody there to answer: the command says that it does not know.
start --without order-executor
said=$("$umbra" pause 2>&1) && fail 'a pause nobody heard was called done'
printf '%s' "$said" | grep -q unknown || fail "pause said: $said"
stop

# A fault in the configuration is one line that names it, and nothing is started.
"$umbra" up --set health.nosuch=1 2>"$state/bad.err" && fail 'took an unknown key'
grep -q 'health.nosuch' "$state/bad.err" || fail 'the culprit is not named'
