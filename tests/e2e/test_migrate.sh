#!/bin/sh
# UMBRA MT5-DEMO: a whole installation moves from sqlite to Redis and back, and knows everything.
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
settings='mt5-demo.balance=20000 mt5-demo.volatility=0 order-executor.snapshot_interval=1s'

migrate() { # FROM TO
        "$umbra" migrate --from "$1" --to "$2" >"$UMBRA_STATE/moved" 2>"$UMBRA_STATE/moved.err" ||
                fail "umbra migrate: $(cat "$UMBRA_STATE/moved.err")"
        [ "$(grep -c ': moved and compared: streams=' "$UMBRA_STATE/moved")" = 8 ] ||
                fail "not eight stores: $(cat "$UMBRA_STATE/moved")"
}

redis_start
# shellcheck disable=SC2086 # a list of words
start $settings redis.socket="$redis_folder/sock"
filled 'an order, its stores in sqlite' EURUSD buy 1.085
first=$id
token=$("$umbra" status --json | grep -o '"token":"[0-9]*"' | head -n 1)
"$umbra" migrate --from sqlite --to redis 2>"$UMBRA_STATE/moved.err" && fail 'moved while it runs'
grep -q 'it runs: stop it first' "$UMBRA_STATE/moved.err" || fail 'it did not say why'
passed 'a system that runs is not moved'
count_at_broker
stop

# a store that was not stopped cleanly, and one service's alone that is in use
before=$(all_deals)
migrate sqlite redis
passed "all eight stores moved: $(sed -n 's/^alert-ingest: moved and compared: //p' "$UMBRA_STATE/moved")"
[ ! -e "$UMBRA_STATE/alert-ingest/alert-ingest.db" ] || fail 'the old store still stands there'
"$umbra" migrate --from sqlite --to redis >"$UMBRA_STATE/moved" || fail 'the second time it failed'
grep -q '^alert-ingest: nothing is in sqlite' "$UMBRA_STATE/moved" || fail 'there was something left'
passed 'again there is nothing to move'

# shellcheck disable=SC2086
start $settings bus.store=redis
until_true 30 state_is "$first" filled
until_true 30 books_agree
filled 'an order, its stores on Redis' GBPUSD buy 1.27
second=$id
[ "$(all_deals)" = $((before + 1)) ] || fail 'something was done again'
passed 'which knows what was in sqlite, and does nothing again'
[ "$("$umbra" status --json | grep -o '"token":"[0-9]*"' | head -n 1)" != "$token" ] ||
        fail 'the executor has the token it had'
count_at_broker
stop

migrate redis sqlite
forget
# shellcheck disable=SC2086
start $settings bus.store=sqlite
until_true 30 state_is "$second" filled
until_true 30 books_agree
filled 'an order, back in sqlite' USDJPY buy 150
[ "$(all_deals)" = $((before + 2)) ] || fail 'something was done again'
grep -h ERROR "$UMBRA_STATE"/log/*.log && fail 'an ERROR on the way back'
passed 'and back'
stop

# Redis has a store still, but sqlite's is the one that counts: nobody starts on the old one.
for service in alert-ingest order-executor; do
        timeout 60 "$(dirname "$umbra")/../$service/$service" --config "$UMBRA_STATE/umbra.ini" \
                --set bus.store=redis 2>"$UMBRA_STATE/moved.err" && fail "$service ran on the old store"
        grep -q 'cannot_start .*is a store of another engine: umbra migrate' \
                "$UMBRA_STATE/moved.err" || fail 'it did not say why'
done
passed 'a service does not start on a store that another engine has'
