#!/bin/sh
# UMBRA MT5-DEMO: what health knows is made of the streams: its store is thrown away, and all of it is
# there again.
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
settings='mt5-demo.balance=20000 mt5-demo.volatility=0 order-executor.snapshot_interval=1s risk.daily_cap=20000 risk.lifetime_cap=40000'

ask() { # PATH
        curl -s -m 5 "$ops$1"
}

begin() {
        # shellcheck disable=SC2086 # a list of words
        start $settings
        ops=$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
}

# in_store WHERE: what health answers of the past, into a folder.
in_store() {
        mkdir -p "$1"
        ask '/api/alerts?limit=1000' >"$1/alerts"
        ask '/api/orders?days=2&limit=1000' >"$1/orders"
        ask '/api/orders?state=open&limit=1000' >"$1/open"
        # each position, but for its profit: the broker has its own mind of that each second
        ask '/api/positions' | grep -o '"ticket":[^}]*' | sed 's/"profit":[^,}]*//' | sort >"$1/positions"
        for id in $ids; do
                ask "/api/alerts/$id" >"$1/trail-$id"
        done
}

begin
ids=
filled 'a position in EURUSD' EURUSD buy 1.085
ids="$ids $id"
filled 'a position in GBPUSD' GBPUSD buy 1.27
ids="$ids $id"
fault reject 10006 n=1
id=$(alert "$(entry USDCAD buy 1.36)")
goes 'an order the broker refuses' 20 "$id" received intent rejected 'done'
ids="$ids $id"
id=$(alert "$(exit_of EURUSD Bearish_Exit)")
until_true 20 has_event "$id" 'done'
ids="$ids $id"
until_true 20 caught_up
# health knows of a position by the executor's next snapshot of the account
positions_agree() {
        [ "$(ask /api/positions | grep -o '"ticket"' | wc -l)" = "$at_broker" ]
}
count_at_broker
until_true 20 positions_agree
in_store "$UMBRA_STATE/before"
[ "$(grep -o '"alert_id"' "$UMBRA_STATE/before/alerts" | wc -l)" -ge 4 ] || fail 'alerts are missing'
for what in orders positions; do
        grep -q '"ticket"' "$UMBRA_STATE/before/$what" || fail "$what are missing"
done
stop

forget_store health
begin
until_true 20 caught_up
same() {
        in_store "$UMBRA_STATE/after"
        diff -r "$UMBRA_STATE/before" "$UMBRA_STATE/after" >"$UMBRA_STATE/diff"
}
try=0
until same || [ $try = 100 ]; do
        try=$((try + 1))
        sleep 0.1
done
[ $try -lt 100 ] || {
        cut -c 1-600 "$UMBRA_STATE/diff"
        fail 'it is not the same'
}
passed 'alerts, trails, orders and positions are the same from an empty store'
filled 'and it goes on' USDJPY buy 150
stop
