#!/bin/sh
# UMBRA MT5-DEMO ATTACKER: the third wall. Whoever has no key, one of its own making, or the shadow's
# gets nothing from the live strategy, gives nothing to the executor, and is no terminal and no
# executor to the other end of the broker link. Here nobody is kept off by uids.
# shellcheck disable=SC2119 # no settings
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/../e2e/rig.sh"
attacker=$3
run=$UMBRA_STATE/run
keys=$UMBRA_STATE/keys
loot=$(mktemp -d /tmp/umbra-loot-XXXXXX)
thief=

cleanup() {
        status=$?
        [ -z "$thief" ] || kill -KILL "$thief" 2>/dev/null || :
        rm -rf "$loot"
        set +e
        (exit $status)
        rig_finish
}
trap cleanup EXIT

# as NAME ACT ENDPOINT WHAT: the attack with NAME's key, "stranger", or "nobody"; $said is how it went.
as() {
        case $1 in
        nobody) key= ;;
        stranger) key='--as stranger' ;;
        *) key="--as $keys/$1.cert_secret" ;;
        esac
        shift
        said=
        # shellcheck disable=SC2086 # a list of words
        said=$("$attacker" $key --server "$keys/public/strategy-v3.cert" --wait "$patience_ms" "$@")
}
strangers='nobody stranger strategy-v3-shadow'
patience_ms=3000 # beacons come at least once a second

refusals() { # of strategy-v3, as it counts them itself
        curl -s "$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")/metrics" |
                sed -n 's/^umbra_peers_refused_total{service="strategy-v3"} //p'
}
refused_more_than() {
        [ "$(refusals)" -gt "$1" ]
}

start
before=$(refusals)
for who in $strangers; do
        ! as "$who" hear "ipc://$run/strategy-v3/pub" '' || fail "$who $said"
        case $said in refused*) ;; *) fail "$who was not refused: $said" ;; esac
        passed "$who hears nothing of the live strategy: $said"
        ! as "$who" ask "ipc://$run/strategy-v3/replay" order@strategy-v3 || fail "$who $said"
        case $said in refused*) ;; *) fail "$who was not refused: $said" ;; esac
        passed "$who is not told its orders: $said"
done
patience_ms=60000 # of whom is admitted: no longer than it takes
as order-executor hear "ipc://$run/strategy-v3/pub" '' || fail "the executor: $said"
as order-executor ask "ipc://$run/strategy-v3/replay" order@strategy-v3 || fail "the executor: $said"
passed "the executor's key is admitted: $said"

for who in unknown strategy-v3-shadow; do
        until_true 10 says strategy-v3 "WARN strategy-v3 bus_peer_refused who=$who where=strategy-v3 "
done
until_true 10 refused_more_than "$((before + 3))"
passed 'the live strategy has said who it was, and counted them'

# A terminal that does not know the secret.
printf 'of its own making 0123456789abcdef\n' >"$loot/secret"
chmod 600 "$loot/secret"
"$mt5_demo" --config "$UMBRA_STATE/umbra.ini" --set "mt5-demo.secret_file=$loot/secret" \
        --set "mt5-demo.state=$loot/demo" --set "mt5-demo.control=ipc://$loot/control" \
        --set mt5-demo.terminal_id=thief >"$loot/demo.log" 2>&1 &
thief=$!
until_true 10 grep -q 'WARN order-executor terminal_refused terminal=thief' \
        "$UMBRA_STATE/log/order-executor.log"
kill -TERM "$thief"
wait "$thief" || fail "the false terminal ended with $?"
thief=
! grep -q 'link_up' "$loot/demo.log" || fail 'the false terminal was believed'
passed 'the executor believes no terminal without the secret'
stop

# In the place of the live strategy, which does not run.
without=strategy-v3
start
patience_ms=8000 # the executor's tries are up to half a second apart, and may hang for 5 s each
for who in $strangers; do
        ! as "$who" bind "ipc://$run/strategy-v3/pub" order || fail "$who $said"
        passed "$who in the live strategy's place has no reader: $said"
done
patience_ms=60000
as strategy-v3 bind "ipc://$run/strategy-v3/pub" order || fail "the live strategy's own key: $said"
passed "the live strategy's key has: $said"
stop

# In the executor's place.
without=order-executor
start
executor() { # SETTING...: one of our own there
        sets=
        for setting in "bus.state_dir=$loot/state" "bus.run_dir=$run" "bus.keys_dir=$keys" "$@"; do
                sets="$sets --set $setting"
        done
        # shellcheck disable=SC2086 # a list of words
        "${umbra%/umbra/umbra}/order-executor/order-executor" --config "$UMBRA_STATE/umbra.ini" \
                $sets >"$loot/executor.log" 2>&1 &
        thief=$!
}
link_ups() {
        grep -c link_up "$UMBRA_STATE/log/mt5-demo.log"
}
ups=$(link_ups)
executor "order-executor.broker_secret_file=$loot/secret"
until_true 10 grep -q 'WARN mt5-demo link_refused' "$UMBRA_STATE/log/mt5-demo.log"
kill -TERM "$thief"
wait "$thief" || fail "the false executor ended with $?"
[ "$(link_ups)" = "$ups" ] || fail 'the false executor was believed'
why=$(sed -n 's/.* link_refused //p' "$UMBRA_STATE/log/mt5-demo.log" | tail -n 1)
passed "mt5-demo takes no orders without the secret: $why"
rm -rf "$loot/state"
executor
more_ups() {
        [ "$(link_ups)" -gt "$ups" ]
}
until_true 15 more_ups
kill -TERM "$thief"
wait "$thief" || :
thief=
passed 'with it, it would'
stop
