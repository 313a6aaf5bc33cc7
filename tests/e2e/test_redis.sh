#!/bin/sh
# UMBRA MT5-DEMO: the whole system on Redis where Redis fails: killed under load, slow, full, and put
# back to an older state; and where a service runs twice.
set -eu
UMBRA_E2E_STORE=redis
# replicas of one service share a folder's owner here: who may bind is tests/walls' matter
export UMBRA_UP_OWN_UIDS=no
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
settings='mt5-demo.balance=20000 mt5-demo.volatility=0 order-executor.snapshot_interval=1s bus.lease=3s redis.timeout=1s endpoint.alert-ingest.bind_pub='

# Two replicas of alert-ingest: readers connect to both.
ingest=$UMBRA_STATE/run/alert-ingest
second=$UMBRA_STATE/run/alert-ingest-two
export UMBRA_ENDPOINT_ALERT_INGEST_PUB="ipc://$ingest/pub ipc://$second/pub"
export UMBRA_ENDPOINT_ALERT_INGEST_REPLAY="ipc://$ingest/replay ipc://$second/replay"

run_up() {
        # shellcheck disable=SC2086 # a list of words
        start ${settings}ipc://$ingest/pub endpoint.alert-ingest.bind_replay=ipc://$ingest/replay
        webhook=$(sed -n 's/^ready webhook=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
}

# post URL BODY: the status, and the answer in $UMBRA_STATE/answer.
post() {
        curl -s -m 10 -D "$UMBRA_STATE/head" -o "$UMBRA_STATE/answer" -w '%{http_code}' \
                -d "$2" "$1" || :
}

id_of_answer() {
        sed -n 's/.*"alert_id":"\([^"]*\)".*/\1/p' "$UMBRA_STATE/answer"
}

# load FILE URL...: alerts in turn to each URL until FILE.stop is there; ids of what was answered 200.
load() {
        ids=$1
        shift
        n=0
        : >"$ids"
        while [ ! -e "$ids.stop" ]; do
                for url in "$@"; do
                        n=$((n + 1))
                        body='{"type":"trend_pulse_v3","signal_type":"Trend_Pulse","symbol":"EURUSD","price":1.1,"tf":"15","id":"l'$ids$n'"}'
                        answer=$(curl -s -m 10 -d "$body" "$url") || continue
                        case $answer in
                        *'"status":"accepted"'*)
                                printf '%s\n' "$answer" |
                                        sed 's/.*"alert_id":"\([^"]*\)".*/\1/' >>"$ids"
                                ;;
                        esac
                done
        done
}

is_traced() {
        "$umbra" trace "$1"
}

# all_traced FILE: each is known to health, by way of the bus.
all_traced() {
        [ "$(wc -l <"$1")" -gt 0 ] || fail "nothing was accepted in $1"
        sort "$1" | uniq -d | grep -q . && fail 'an alert id was given out twice'
        while read -r id; do
                until_true 30 is_traced "$id"
        done <"$1"
}

has_answered() { # FILE COUNT
        [ "$(wc -l <"$1")" -ge "$2" ]
}

refuses() { # STATUS
        [ "$(post "$webhook" "$(entry EURUSD buy 1.085)")" = "$1" ]
}

run_up
filled 'an order, all stores on Redis' EURUSD buy 1.085

# ---- Redis killed under load
load "$UMBRA_STATE/ids.kill" "$webhook" &
loader=$!
until_true 20 has_answered "$UMBRA_STATE/ids.kill" 20
redis_kill
until_true 10 refuses 503
grep -qi '^Retry-After: ' "$UMBRA_STATE/head" || fail '503 without Retry-After'
passed 'while Redis is gone alerts are refused with 503 and Retry-After'
redis_start
until_true 30 refuses 200
before=$(wc -l <"$UMBRA_STATE/ids.kill")
until_true 30 has_answered "$UMBRA_STATE/ids.kill" $((before + 5))
: >"$UMBRA_STATE/ids.kill.stop"
wait "$loader"
for service in strategy-v3 order-executor telegram-analytics; do
        until_true 30 is_ready "$service"
done
all_traced "$UMBRA_STATE/ids.kill"
passed "Redis killed under load: all $(wc -l <"$UMBRA_STATE/ids.kill") that were answered 200 are there, each once"
filled 'and orders go on' GBPUSD buy 1.27

# ---- Redis that does not answer
kill -STOP "$redis"
until_true 10 refuses 503
passed 'a Redis that does not answer is a 503 in time'
kill -CONT "$redis"
until_true 30 refuses 200
until_true 30 is_ready order-executor
until_true 30 is_ready strategy-v3

# ---- Redis full
redis_cli CONFIG SET maxmemory 1 >/dev/null
until_true 10 refuses 503
passed 'a Redis that is full is a 503'
redis_cli CONFIG SET maxmemory 0 >/dev/null
until_true 30 refuses 200
for service in strategy-v3 order-executor; do
        until_true 30 is_ready "$service"
done
filled 'and comes back by itself' USDJPY buy 150

# ---- two replicas of alert-ingest
"$(dirname "$umbra")/../alert-ingest/alert-ingest" --config "$UMBRA_STATE/umbra.ini" \
        --set bus.state_dir="$UMBRA_STATE/two" --set bus.keys_dir="$UMBRA_STATE/keys" \
        --set bus.run_dir="$UMBRA_STATE/run" --set bus.replica=two \
        --set alert-ingest.listen=127.0.0.1:0 \
        --set endpoint.alert-ingest.bind_pub="ipc://$second/pub" \
        --set endpoint.alert-ingest.bind_replay="ipc://$second/replay" \
        2>"$UMBRA_STATE/log/alert-ingest-two.log" &
two=$!
until_true 20 says alert-ingest-two 'alert-ingest ready'
port=$(sed -n 's/.* listening port=\([0-9]*\) .*/\1/p' "$UMBRA_STATE/log/alert-ingest-two.log")
webhook_two=http://127.0.0.1:$port/webhook/${webhook##*/}
body=$(entry AUDUSD buy 0.66)
[ "$(post "$webhook" "$body")" = 200 ] || fail 'the first did not take it'
first=$(id_of_answer)
[ "$(post "$webhook_two" "$body")" = 200 ] || fail 'the second did not answer'
grep -q '"status":"duplicate"' "$UMBRA_STATE/answer" || fail 'the second took it again'
[ "$(id_of_answer)" = "$first" ] || fail 'the second names another alert'
goes 'what one replica took the other knows' 30 "$first" received intent filled 'done'
body=$(entry NZDUSD buy 0.605)
[ "$(post "$webhook_two" "$body")" = 200 ] || fail 'the second did not take it'
goes 'and orders come of either' 30 "$(id_of_answer)" received intent filled 'done'

load "$UMBRA_STATE/ids.two" "$webhook" "$webhook_two" &
loader=$!
until_true 20 has_answered "$UMBRA_STATE/ids.two" 40
kill -KILL "$two"
wait "$two" || :
before=$(wc -l <"$UMBRA_STATE/ids.two")
until_true 20 has_answered "$UMBRA_STATE/ids.two" $((before + 20))
: >"$UMBRA_STATE/ids.two.stop"
wait "$loader"
all_traced "$UMBRA_STATE/ids.two"
until_true 20 caught_up
passed "a replica killed under load: all $(wc -l <"$UMBRA_STATE/ids.two") that were answered 200 are there, each once"

# ---- a singleton twice: the other stands by, and takes over from one that is stuck
"$(dirname "$umbra")/../strategy-v3/strategy-v3" --config "$UMBRA_STATE/umbra.ini" \
        --set bus.state_dir="$UMBRA_STATE/two" --set bus.keys_dir="$UMBRA_STATE/keys" \
        --set bus.run_dir="$UMBRA_STATE/run" --set bus.replica=two \
        2>"$UMBRA_STATE/log/strategy-v3-two.log" &
two=$!
until_true 20 says strategy-v3-two 'standing_by held by another process'
passed 'a second strategy-v3 stands by'
forget
old=$(pid_of strategy-v3)
kill -STOP "$old"
until_true 30 says strategy-v3-two 'strategy-v3 ready'
passed 'and takes over when the lease of one that is stuck has run out'
kill -CONT "$old"
until_true 20 says strategy-v3 'another process has the lease'
until_true 20 says strategy-v3 'standing_by held by another process'
passed 'which ends when it finds out, and stands by in its turn'
filled 'orders come of the one that has it' USDCAD buy 1.36
kill -TERM "$two"
wait "$two" || fail "the second strategy-v3 ended with $?"
until_true 30 says strategy-v3 'strategy-v3 ready'
filled 'and of the other when that is stopped' GBPJPY buy 190

# ---- commits that were acknowledged and are lost
cp -r "$redis_folder/appendonlydir" "$redis_folder/older"
filled 'an order that will be forgotten' EURJPY buy 162
before=$(all_deals)
redis_kill
rm -r "$redis_folder/appendonlydir"
mv "$redis_folder/older" "$redis_folder/appendonlydir"
forget
redis_start
until_true 30 says alert-ingest 'ERROR alert-ingest store_regressed'
until_true 30 refuses 503
grep -q 'has lost alerts' "$UMBRA_STATE/answer" || fail 'the refusal does not say why'
until_true 30 has_alarm journal_regressed
until_true 30 is_paused
passed 'a Redis that lost what it acknowledged stops intake and entries, with an alarm'
until_true 30 is_ready order-executor
"$umbra" resume --reason 'looked' >/dev/null
until_true 20 refuses 200
passed 'until somebody resumes'
until_true 30 caught_up
filled 'and goes on under new numbers' AUDJPY buy 98
stop
