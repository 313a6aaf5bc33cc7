#!/bin/sh
# UMBRA MT5-DEMO ATTACKER: the fourth wall. Everything runs under uids of its own, and somebody who
# has become the shadow, even with the live strategy's key, finds no place to trade from. Root only.
# shellcheck disable=SC2119 # no settings
set -eu
if [ "$(id -u)" != 0 ] || ! setpriv --reuid 61104 --regid 61104 --clear-groups true; then
        echo 'SKIP: uids of their own need root'
        exit 77
fi
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/../e2e/rig.sh"
attacker=$3
run=$UMBRA_STATE/run
loot=$(mktemp -d /tmp/umbra-loot-XXXXXX)
executor=

cleanup() {
        status=$?
        [ -z "$executor" ] || kill -KILL "$executor" 2>/dev/null || :
        rm -rf "$loot"
        set +e
        (exit $status)
        rig_finish
}
trap cleanup EXIT

uid_of() { # SERVICE: by its place
        stat -c %u "$run/$1"
}
as() { # SERVICE COMMAND...: as whoever has taken that service over
        uid=$(uid_of "$1")
        shift
        setpriv --reuid "$uid" --regid "$uid" --clear-groups --no-new-privs "$@"
}
shadow() {
        as strategy-v3-shadow "$@" 2>"$loot/err"
}
refused() { # WHAT COMMAND...
        what=$1
        shift
        ! shadow "$@" >"$loot/out" || fail "the shadow could $what"
        passed "the shadow cannot $what"
}

start

services=$(basename -s .pid "$run"/*.pid)
for service in $services; do
        state=/proc/$(pid_of "$service")/status
        uid=$(uid_of "$service")
        grep -qx "Uid:	$uid	$uid	$uid	$uid" "$state" || fail "$service: $(grep Uid "$state")"
        grep -qx "Gid:	$uid	$uid	$uid	$uid" "$state" || fail "$service: $(grep Gid "$state")"
        grep -q '^Groups:[[:space:]]*$' "$state" || fail "$service: $(grep Groups "$state")"
        grep -qx 'NoNewPrivs:	1' "$state" || fail "$service can gain privileges"
        ! grep '^Cap...:' "$state" | grep -v '0000000000000000' || fail "$service has capabilities"
done
[ -z "$(for service in $services; do uid_of "$service"; done | sort | uniq -d)" ] ||
        fail 'two services share a uid'
[ "$(for service in $services; do uid_of "$service"; done | wc -l)" -ge 6 ] || fail "only $services"
passed 'each service has a uid of its own and nothing more'

# What lies in the state folder.
shadow cat "$UMBRA_STATE/strategy-v3-shadow/strategy-v3-shadow.db" >/dev/null ||
        fail 'not even its own store opens'
for secret in order-executor/order-executor.db strategy-v3/strategy-v3.db keys/broker.secret \
        keys/test.token admin.token webhook.token log/order-executor.log; do
        [ -s "$UMBRA_STATE/$secret" ] || fail "there is no $secret"
        refused "read $secret" cat "$UMBRA_STATE/$secret"
done
for key in "$UMBRA_STATE"/keys/*.cert_secret; do
        case $key in
        *'/*.cert_secret') ;;
        */strategy-v3-shadow.cert_secret)
                shadow cat "$key" >/dev/null || fail 'its own key does not open'
                ! shadow sh -c "echo >>'$key'" || fail 'it can change its own key'
                ;;
        *) refused "read ${key##*/}" cat "$key" ;;
        esac
done
refused 'make a file beside the stores' touch "$UMBRA_STATE/umbra.ini.new"
refused 'change the configuration' sh -c "echo >>'$UMBRA_STATE/umbra.ini'"

# Other processes.
victim=$(pid_of order-executor)
refused 'signal the executor' kill -0 "$victim"
refused 'look into the executor' cat "/proc/$victim/environ"
refused 'command the broker' "$mt5_demo" ctl --control "ipc://$run/mt5-demo/control" positions
broker positions >/dev/null

# The operator's switches, where this machine is let in without a token: not whoever is one of ours.
ops=$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
grep -qx 'loopback_admin = yes' "$UMBRA_STATE/umbra.ini" || fail 'nobody is let in without a token'
switch() { # SERVICE PATH [CURL-OPTION...]: the status
        who=$1
        path=$2
        shift 2
        as "$who" curl -s -m 20 -o "$loot/switch" -w '%{http_code}' -X POST "$@" "$ops/admin/$path"
}
touch "$loot/switch"
chmod 666 "$loot/switch"
chmod 711 "$loot"
for who in strategy-v3-shadow strategy-v3 order-executor alert-ingest telegram-analytics telegram-notify mt5-demo; do
        [ "$(switch "$who" close_all)" = 401 ] || fail "$who could close all: $(cat "$loot/switch")"
done
passed 'none of the services can use the switches without the token'
# gone before it is asked who it was: the kernel would call it root's
as strategy-v3-shadow /usr/bin/python3 - "${ops##*:}" <<'END'
import socket, struct, sys
for _ in range(20):
    s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
    s.sendall(b'POST /admin/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n')
    s.close()
END
[ "$(switch strategy-v3-shadow pause -H "Authorization: Bearer $(cat "$UMBRA_STATE/admin.token")")" = 200 ] ||
        fail "with the token: $(cat "$loot/switch")"
"$umbra" resume >/dev/null || fail 'the operator himself'
[ "$(curl -s "$ops/api/audit?limit=100" | grep -o '"command":"pause"' | wc -l)" = 1 ] ||
        fail 'who hung up at once has paused'
passed 'nor by hanging up at once; with the token anybody can, and root without'
ini=$UMBRA_STATE/umbra.ini
cp "$ini" "$loot/ini"
sed -i '/^\[endpoint\.strategy-v3-shadow\]/,/^\[/s/^uid = .*/uid =/' "$ini"
crash health
[ "$(switch strategy-v3-shadow pause)" = 200 ] || fail "without the wall: $(cat "$loot/switch")"
"$umbra" resume >/dev/null
cp "$loot/ini" "$ini"
crash health
passed 'and without this wall it could'

# The live strategy's place.
socket=$(stat -c %i "$run/strategy-v3/pub")
refused "remove the live strategy's socket" rm -f "$run/strategy-v3/pub"
refused "move the live strategy's folder away" mv "$run/strategy-v3" "$run/elsewhere"
refused 'make a place beside it' mkdir "$run/strategy-v4"
refused "bind in the live strategy's place" "$attacker" bind "ipc://$run/strategy-v3/pub" order
refused 'bind beside it' "$attacker" bind "ipc://$run/strategy-v3/other" order
grep -q 'Permission denied' "$loot/out" || fail "the bind: $(cat "$loot/out")"
[ "$(stat -c %i "$run/strategy-v3/pub")" = "$socket" ] || fail 'the socket is another'
as strategy-v3 touch "$run/strategy-v3/there" || fail 'the owner cannot either: this proves nothing'
stop

# The executor led to the shadow's place, as by a fault in the configuration, and the live
# strategy's key stolen: it does not come. Told that the place is the strategy's, it does.
without='order-executor strategy-v3'
start
trap_place=ipc://$run/strategy-v3-shadow/trap
stolen=
if [ -s "$UMBRA_STATE/keys/strategy-v3.cert_secret" ]; then
        cp "$UMBRA_STATE/keys/strategy-v3.cert_secret" "$loot/key"
        chown -R "$(uid_of strategy-v3-shadow)" "$loot"
        chmod 700 "$loot"
        stolen="--as $loot/key"
fi
lure() { # MS [SETTING]: $loot/seen is what the thief saw in that time
        patience_ms=$1
        shift
        # shellcheck disable=SC2086 # a list of words
        shadow "$attacker" $stolen --wait "$patience_ms" bind "$trap_place" order >"$loot/seen" &
        thief=$!
        uid=$(uid_of order-executor)
        setpriv --reuid "$uid" --regid "$uid" --clear-groups \
                "${umbra%/umbra/umbra}/order-executor/order-executor" \
                --config "$UMBRA_STATE/umbra.ini" --set "endpoint.strategy-v3.pub=$trap_place" \
                --set "endpoint.strategy-v3.replay=$trap_place" ${1:+--set "$1"} \
                >"$loot/executor.log" 2>&1 &
        executor=$!
        wait "$thief" || :
        kill -TERM "$executor"
        wait "$executor" || fail "the executor ended with $?: $(cat "$loot/executor.log")"
        executor=
}
lure 6000
grep -qx 'bound, and nobody came' "$loot/seen" || fail "the thief: $(cat "$loot/seen")"
grep -q 'ERROR order-executor place_refused writer=strategy-v3 .*belongs to another' \
        "$loot/executor.log" || fail "the executor: $(cat "$loot/executor.log")"
passed 'the executor does not come to a place that is not the strategy'"'"'s, whatever its key'
lure 60000 "endpoint.strategy-v3.uid=$(uid_of strategy-v3-shadow)"
grep -q 'was asked for batch.order' "$loot/seen" ||
        fail "without the wall nobody came either: $(cat "$loot/seen" "$loot/executor.log")"
passed 'and without this wall it would have'

# The same of the broker: it is not lured away either.
uid=$(uid_of mt5-demo)
setpriv --reuid "$uid" --regid "$uid" --clear-groups "$mt5_demo" \
        --config "$UMBRA_STATE/umbra.ini" --set "mt5-demo.connect=$trap_place" \
        --set "mt5-demo.state=$UMBRA_STATE/mt5-demo/lured" \
        --set "mt5-demo.control=ipc://$run/mt5-demo/lured" >"$loot/demo.log" 2>&1 &
lured=$!
until_true 10 grep -q 'ERROR mt5-demo place_refused writer=order-executor .*belongs to another' \
        "$loot/demo.log"
kill -TERM "$lured"
wait "$lured" || fail "mt5-demo ended with $?"
passed 'nor does the broker go to a place that is not the executor'"'"'s'
stop
