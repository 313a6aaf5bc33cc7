#!/bin/sh
# UMBRA MT5-DEMO: the first phases of a move, with traffic that does not stop: the plugin system on and
# off (one restart of strategy-v3 each way), and the service layer left out and taken back.
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
settings='mt5-demo.balance=20000 mt5-demo.volatility=0 order-executor.snapshot_interval=1s
        risk.max_open_positions=1000'

ops() {
        sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out"
}

# send_some COUNT: alerts of three symbols by turns; their ids go to $UMBRA_STATE/sent, "-" where one
# was not accepted.
send_some() {
        for n in $(seq "$1"); do
                case $((n % 3)) in
                0) id=$(alert "$(entry EURUSD buy 1.085)") ;;
                1) id=$(alert "$(entry GBPUSD sell 1.27)") ;;
                *) id=$(alert "$(entry AUDUSD buy 0.66)") ;;
                esac
                printf '%s\n' "${id:--}" >>"$UMBRA_STATE/sent"
        done
}

is_filled() { # ALERT_ID
        went "$1" received intent filled 'done'
}

# all_traded COUNT WHAT: each of the COUNT alerts sent was accepted and filled, each order once.
all_traded() {
        [ "$(grep -vc '^-$' "$UMBRA_STATE/sent")" = "$1" ] || fail "$2: an alert was refused"
        while read -r id; do
                until_true 20 is_filled "$id"
                [ "$(deals "$(cl_ord_id "$id")")" = 1 ] || fail "$2: $id traded more or less than once"
        done <"$UMBRA_STATE/sent"
        passed "$2: $1 alerts, none refused, each traded once"
}

# What legacy_v3 had decided of the alerts sent, without what is a measurement or an id.
orders_of() { # FILE
        while read -r id; do
                "$umbra" trace --json "$id" | grep -o '"legs":\[[^]]*\]' | head -n 1
        done <"$1"
}

# ---- the plugin system, off and on, under traffic ----

turn_plugin_system() { # yes|no
        old=$(pid_of strategy-v3)
        sed -i "/^\[plugin_system\]/,/^\[/s/^enabled = .*/enabled = $1/" "$UMBRA_STATE/umbra.ini"
        kill -TERM "$old"
        until_true 20 has_new_pid strategy-v3 "$old"
        until_true 20 is_ready strategy-v3
}

loaded() { # how many plugins strategy-v3 loaded since it was last stopped
        awk '/ drained pid=/ { n = 0 } / plugin_loaded / { n++ } END { print n + 0 }' \
                "$UMBRA_STATE/log/strategy-v3.log"
}

# shellcheck disable=SC2086
start $settings
for way in no yes; do
        : >"$UMBRA_STATE/sent"
        send_some 24 &
        sender=$!
        sleep 0.3
        turn_plugin_system "$way"
        wait "$sender"
        all_traded 24 "the plugin system turned to $way while alerts came"
        [ "$(loaded)" = "$([ $way = no ] && echo 1 || echo 2)" ] || fail "plugins loaded: $(loaded)"
        : >"$UMBRA_STATE/sent"
        send_some 6
        all_traded 6 "with the plugin system $way"
        orders_of "$UMBRA_STATE/sent" >"$UMBRA_STATE/orders.$way"
done
[ "$(wc -l <"$UMBRA_STATE/orders.no")" = 6 ] || fail "no orders to compare"
cmp "$UMBRA_STATE/orders.no" "$UMBRA_STATE/orders.yes" || fail 'other orders with the plugin system off'
passed 'the same alerts make the same orders with the plugin system off and on'

# ---- the service layer, left out and taken back, under traffic ----

: >"$UMBRA_STATE/sent"
send_some 90 &
sender=$!
for _ in 1 2 3 4 5; do
        for way in disable enable; do
                answer=$(curl -s -m 10 -X POST "$(ops)/admin/${way}_service_api")
                case $answer in
                *'"status":"done"'*) ;;
                *) fail "${way}_service_api: $answer" ;;
                esac
                sleep 0.04
        done
done
kill -0 "$sender" 2>/dev/null || fail 'no alert came while it was switched'
wait "$sender"
all_traded 90 'the service layer left out and taken back five times'
stop
