#!/bin/sh
# UMBRA MT5-DEMO LOAD BOT_API [RATE]: each phase of the plan deployed, gone back from and deployed again
# while alerts come in at a steady rate. Going back takes less than five minutes (it is told how long), no
# alert is refused, and the ledger has every order once.
set -eu
load=$3
bot_api=$4
rate=${5:-20}
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
limit=300 # seconds, of the plan
bots=

finish() {
        status=$?
        set +e
        [ -z "$bots" ] || kill "$bots"
        [ "$status" = 0 ] || cat "$UMBRA_STATE/said" "$UMBRA_STATE/load.out"
        (exit "$status")
        rig_finish
}
trap finish EXIT

chmod 711 "$UMBRA_STATE"
python3 "$bot_api" --port-file "$UMBRA_STATE/port" 1:main=Main 2:controller=Controller \
        3:notify=Notify 4:report=Report >"$UMBRA_STATE/bots.log" 2>&1 &
bots=$!
until_true 20 test -s "$UMBRA_STATE/port"
for token in 1:main 2:controller 3:notify 4:report; do
        printf '%s\n' "$token" >"$UMBRA_STATE/${token#*:}.token"
        chmod 644 "$UMBRA_STATE/${token#*:}.token"
done

start mt5-demo.balance=100000 mt5-demo.volatility=0 order-executor.snapshot_interval=1s \
        risk.max_open_positions=1000 risk.daily_cap=100000 risk.lifetime_cap=100000 \
        telegram.api_base="http://127.0.0.1:$(cat "$UMBRA_STATE/port")" multi_telegram.enabled=no \
        telegram.main_token_file="$UMBRA_STATE/main.token" \
        telegram.controller_token_file="$UMBRA_STATE/controller.token" \
        telegram.notification_token_file="$UMBRA_STATE/notify.token" \
        telegram.analytics_token_file="$UMBRA_STATE/report.token" telegram.notify_chats=77

"$load" "$UMBRA_STATE" "$rate" >"$UMBRA_STATE/load.out" 2>&1 &
sender=$!

# phase WHAT NAME ARGUMENT...
phase() {
        what=$1
        shift
        "$umbra" deploy "$@" >"$UMBRA_STATE/said" 2>&1 || fail "$what"
        kill -0 "$sender" 2>/dev/null || fail "$what: no alert came meanwhile"
}

for name in plugin-system multi-telegram service-api shadow cutover; do
        # a shadow of a minute has no evidence of the hour before
        more=
        [ "$name" != cutover ] || more='--force --reason rehearsed'
        # shellcheck disable=SC2086 # words
        phase "$name" "$name" --now $more
        phase "back from $name" "$name" --back
        took=$(sed -n "s/^$name: gone back in \([0-9.]*\) s\$/\1/p" "$UMBRA_STATE/said")
        [ -n "$took" ] || fail "back from $name: nobody told how long it took"
        [ "${took%.*}" -lt "$limit" ] || fail "back from $name took $took s"
        passed "back from $name under load in $took s"
        # shellcheck disable=SC2086
        phase "$name again" "$name" --now $more
done
"$umbra" status | grep -q ' active=combined_v3 ' || fail 'combined_v3 does not decide in the end'

# ---- the lines of the plan ----
ops=$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
curl -sf -X POST "$ops/admin/disable_plugin/combined_v3" >/dev/null || fail 'the first line'
curl -sf -X POST "$ops/admin/enable_legacy_v3" >/dev/null || fail 'the second line'
is_well() { curl -sf "$ops/health"; } # on a machine that has no time for it, a moment later
until_true 20 is_well
legacy_decides() { "$umbra" status | grep -q ' active=legacy_v3 '; }
until_true 20 legacy_decides
passed 'and by the three lines of the plan'

kill -TERM "$sender"
wait "$sender" || fail 'the load'
cat "$UMBRA_STATE/load.out"
passed 'no alert was refused meanwhile, and the ledger has every order once'
! grep -h ' ERROR ' "$UMBRA_STATE"/log/*.log || fail 'an ERROR'
stop
