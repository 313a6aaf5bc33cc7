#!/bin/sh
# UMBRA MT5-DEMO ATTACKER: the second wall. A shadow that was patched, configured or replaced so that
# it does publish orders: everybody who reads the shadow can hear them, and the executor, which
# fetches its orders from the live strategy, takes none. Here nobody is kept off by uids.
# shellcheck disable=SC2119 # no settings
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/../e2e/rig.sh"
attacker=$3
programs=${umbra%/umbra/umbra}
run=$UMBRA_STATE/run
keys=$UMBRA_STATE/keys
ledger=$UMBRA_STATE/mt5-demo/ledger.jsonl
loot=$(mktemp -d /tmp/umbra-loot-XXXXXX)
rogue=

cleanup() {
        status=$?
        [ -z "$rogue" ] || kill -KILL "$rogue" 2>/dev/null || :
        [ "$status" = 0 ] || tail -n 5 "$loot"/*.log | cut -c 1-200 || :
        rm -rf "$loot"
        set +e
        (exit $status)
        rig_finish
}
trap cleanup EXIT

# rogue NAME PROGRAM KEYS SETTING...: runs it with a store of its own.
rogue() {
        name=$1
        program=$2
        sets="--set bus.state_dir=$loot/$name --set bus.run_dir=$run --set bus.keys_dir=$3"
        shift 3
        for setting in "$@"; do
                sets="$sets --set $setting"
        done
        # shellcheck disable=SC2086 # a list of words
        "$program" --config "$UMBRA_STATE/umbra.ini" $sets >"$loot/$name.log" 2>&1 &
        rogue=$!
        until_true 10 grep -q ' ready pid=' "$loot/$name.log"
}
rogue_ends() {
        kill -TERM "$rogue"
        wait "$rogue" || fail "the rogue ended with $?"
        rogue=
}

alerts=
send_alert() {
        id=$(alert "$(entry EURUSD buy 1.085)")
        [ -n "$id" ] || fail 'an alert was not accepted'
        alerts="$alerts $id"
}
# publishes_orders PLACE: health hears orders there, under the shadow's key, when alerts come.
publishes_orders() {
        "$attacker" --as "$keys/health.cert_secret" --server "$keys/public/strategy-v3-shadow.cert" \
                --wait 60000 hear "ipc://$run/$1/pub" order. >"$loot/heard" &
        ear=$!
        for _ in 1 2 3 4 5 6 7 8 9 10; do
                sleep 1
                kill -0 "$ear" 2>/dev/null || break
                send_alert
        done
        wait "$ear" || fail "it publishes no orders: $(cat "$loot/heard")"
}
deals_made() {
        grep -c '"event":"deal"' "$ledger" || :
}
nothing_arrived() { # WHAT
        sleep 2 # an order needs milliseconds
        for id in $alerts; do
                [ -z "$(trade_events "$id")" ] || fail "$1: $id went $(trade_events "$id")"
        done
        [ "$(deals_made)" = 0 ] || fail "$1: $(deals_made) deals"
        passed "$1: $(cat "$loot/heard"), and the executor took nothing"
}

without='strategy-v3 strategy-v3-shadow'
start

# Configured: there is nothing to configure it by.
for key in outputs streams order; do
        ! "$programs/strategy-v3-shadow/strategy-v3-shadow" --config "$UMBRA_STATE/umbra.ini" \
                --set "strategy-v3-shadow.$key=order" --check-config >"$loot/refused.log" 2>&1 ||
                fail "it took strategy-v3-shadow.$key"
done
passed "no setting names its streams: $(sed -n 's/.* bad_config //p' "$loot/refused.log")"

# Patched: every name and topic of its decisions is one of orders.
LC_ALL=C sed -e 's/decision\.shadow\.%s\x00/order.v3.%s\x00\x00\x00\x00\x00\x00\x00\x00/g' \
        -e 's/decision\.shadow\.\x00/order.v3.\x00\x00\x00\x00\x00\x00\x00\x00/g' \
        -e 's/decision\.shadow\x00/order\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00/g' \
        "$programs/strategy-v3-shadow/strategy-v3-shadow" >"$loot/shadow"
chmod 755 "$loot/shadow"
[ "$(stat -c %s "$loot/shadow")" = "$(stat -c %s "$programs/strategy-v3-shadow/strategy-v3-shadow")" ] ||
        fail 'the patch has moved the program'
rogue patched "$loot/shadow" "$keys"
publishes_orders strategy-v3-shadow
nothing_arrived 'a patched shadow'
rogue_ends
rogue patched "$loot/shadow" "$keys" "endpoint.strategy-v3-shadow.pub=ipc://$run/strategy-v3/pub" \
        "endpoint.strategy-v3-shadow.replay=ipc://$run/strategy-v3/replay"
publishes_orders strategy-v3
nothing_arrived "a patched shadow, configured into the live strategy's place"
rogue_ends

# Replaced: the live strategy's own program, with the shadow's key and in its place.
mkdir "$loot/keys"
cp -R "$keys/public" "$loot/keys/public"
cp "$keys/strategy-v3-shadow.cert_secret" "$loot/keys/strategy-v3.cert_secret"
cp "$keys/public/strategy-v3-shadow.cert" "$loot/keys/public/strategy-v3.cert"
rogue replaced "$programs/strategy-v3/strategy-v3" "$loot/keys" \
        "endpoint.strategy-v3.pub=ipc://$run/strategy-v3-shadow/pub" \
        "endpoint.strategy-v3.replay=ipc://$run/strategy-v3-shadow/replay"
publishes_orders strategy-v3-shadow
nothing_arrived "the live strategy's program in the shadow's place"
rogue_ends

# The same with the walls taken away: the live strategy's place, and its key.
rogue replaced "$programs/strategy-v3/strategy-v3" "$keys"
arrived() {
        send_alert
        until_true 20 has_event "$id" received
}
arrived
passed 'with the place and the key of the live strategy they do arrive'
rogue_ends
stop
