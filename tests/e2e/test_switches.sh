#!/bin/sh
# UMBRA MT5-DEMO POISON PLUGINS CONTROLLER: who may switch, what is refused and how, and that one state holds
# whoever dies in the middle of it.
set -eu
poison=$3
plugins=$4
controller=$5
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
# its place is taken by one of ours, below
without=telegram-controller
settings='mt5-demo.balance=20000 mt5-demo.volatility=0 order-executor.snapshot_interval=1s'

ops() {
        sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out"
}

post() { # PATH [CURL-OPTION...]: the answer, and the status as its last line
        path=$1
        shift
        curl -s -m 20 -w '\n%{http_code}\n' -X POST "$@" "$(ops)/admin/$path" </dev/null
}

# answers WHAT STATUS PATTERN PATH [CURL-OPTION...]
answers() {
        what=$1
        status=$2
        pattern=$3
        shift 3
        got=$(post "$@")
        [ "$(printf '%s\n' "$got" | tail -n 1)" = "$status" ] || fail "$what: $got"
        printf '%s\n' "$got" | grep -q -- "$pattern" || fail "$what: no $pattern in $got"
        passed "$what"
}

route() { # KEY: of what holds
        curl -s -m 5 "$(ops)/api/route" | grep -o "\"$1\":[^,}]*" | head -n 1 | cut -d : -f 2 | tr -d '"'
}

is_active() {
        [ "$(route active)" = "$1" ]
}

low() { # SYMBOL: an entry that is too weak for a combined_v3 with a strength gate
        entry "$1" buy "$2" | sed 's/"consensus_score":5/"consensus_score":1/'
}

# shellcheck disable=SC2086
start $settings health.gate_window=1s health.gate_decisions=2

# ---- the gate, by whichever command ----
for way in cutover enable_plugin/combined_v3; do
        answers "$way is refused, and says by which conditions" 409 \
                '"failed":\["window","decisions","backup"\]' "$way"
done
answers 'with the state unchanged and shown' 409 '"state":{[^}]*"active":"legacy_v3"' cutover
answers 'force needs a reason' 422 '"code":"force_without_reason"' 'cutover?force=yes'
answers 'a plugin that is not there is named' 404 '"code":"unknown_plugin"' enable_plugin/nosuch
answers 'a wrong token is refused on this machine too' 401 '"code":"unauthorized"' cutover \
        -H 'Authorization: Bearer wrong'
answers 'and whoever comes by a proxy without one' 401 '"code":"unauthorized"' cutover \
        -H 'Forwarded: for=203.0.113.7'
answers 'a body that is no JSON' 400 '"code":"invalid_json"' cutover -d '{'
[ "$(curl -s -o /dev/null -w '%{http_code}' "$(ops)/admin/cutover")" = 405 ] || fail 'GET of a switch'
is_active legacy_v3 || fail 'none of that has switched anything'
passed 'nothing of that has switched anything'

filled 'an alert before' EURUSD buy 1.085
filled 'another' GBPUSD buy 1.27
"$umbra" backup --name before >/dev/null
sleep 1 # the window
until_true 20 "$umbra" cutover
is_active combined_v3 || fail 'cut over'
passed 'with evidence and a backup it passes'

# ---- a test alert proves the path, and counts nowhere ----
before=$(all_deals)
answers 'a test alert of its own goes all the way' 200 '"state":"test"' test_alert
answers 'so does one that is given' 200 '"signal_type":"bullish_exit"' test_alert -d "$(exit_of EURUSD Bullish_Exit)"
"$umbra" alert --test 2>"$UMBRA_STATE/told" >/dev/null || fail 'umbra alert --test'
grep -q 'it ended as test; combined_v3' "$UMBRA_STATE/told" || fail 'who judged it'
[ "$(all_deals)" = "$before" ] || fail 'a test has reached the broker'
curl -s "$(ops)/metrics" | grep -q '^umbra_orders_total{service="strategy-v3"} 2$' || fail 'a test was counted'
passed 'and neither the broker nor a counter has seen it'

# ---- the rollback block as people have it, with alerts between its lines ----
filled 'under combined_v3' AUDUSD buy 0.66
answers 'its first line' 200 '"status":"done"' disable_plugin/combined_v3
filled 'between the lines' USDCAD buy 1.36
answers 'its second line' 200 '"active":"legacy_v3"' enable_legacy_v3
curl -s "$(ops)/health" | grep -q '"plugins_active":\["legacy_v3"\]' || fail 'its third line'
passed 'its third line'
answers 'a rollback that holds already changes nothing' 200 '"status":"unchanged"' rollback
"$umbra" cutover >/dev/null
answers 'the reverse: legacy goes first' 200 '"status":"done"' disable_legacy_v3
until_true 20 is_active combined_v3
answers 'rolled back' 200 '"active":"legacy_v3"' rollback

# ---- two at once ----
epoch=$(route epoch)
post cutover >"$UMBRA_STATE/one" &
one=$!
post cutover >"$UMBRA_STATE/two"
wait "$one"
[ "$(cat "$UMBRA_STATE/one" "$UMBRA_STATE/two" | grep -c '"status":"done"')" = 1 ] || fail 'two at once'
until_true 5 is_active combined_v3
[ "$(route epoch)" = $((epoch + 1)) ] || fail 'two at once have made two switches'
passed 'of two at once one switches, and the other is told'

# ---- whoever dies in the middle of it: the old state, or the new one ----
state_of() { # "EPOCH ACTIVE", once it is heard
        until_true 20 is_ready strategy-v3
        until_true 20 route_is_fresh
        printf '%s %s\n' "$(route epoch)" "$(route active)"
}
route_is_fresh() {
        "$umbra" status | grep -q "^ *strategy-v3 .*epoch=$(route epoch)\\b"
}
kills=${UMBRA_SWITCH_KILLS:-12}
news=0
for n in $(seq "$kills"); do
        before=$(state_of)
        if [ "${before#* }" = combined_v3 ]; then
                way=rollback to=legacy_v3
        else
                way=cutover to=combined_v3
        fi
        old=$(pid_of strategy-v3)
        post "$way?force=yes&reason=kill" >"$UMBRA_STATE/one" &
        one=$!
        sleep "0.$(printf '%03d' $((n * 37 % 20)))"
        kill -KILL "$old"
        wait "$one" || :
        until_true 20 has_new_pid strategy-v3 "$old"
        after=$(state_of)
        case $after in
        "$before") ;;
        "$((${before% *} + 1)) $to") news=$((news + 1)) ;;
        *) fail "after $before and a $way killed: $after, answered $(cat "$UMBRA_STATE/one")" ;;
        esac
        ! grep -q '"status":"done"' "$UMBRA_STATE/one" || [ "$after" != "$before" ] ||
                fail "done was said of a $way that is gone: $(cat "$UMBRA_STATE/one")"
done
passed "strategy-v3 killed in $kills switches: the new state $news times, else the old one"

# What health has published outlives the kill and is carried out by the next start: the new state. Where that
# comes only after the switch's time is over, it is the old one: somebody has long looked elsewhere.
post 'cutover?force=yes&reason=late' >/dev/null
state_becomes() {
        [ "$(state_of)" = "$1" ]
}
for way in rollback cutover; do
        before=$(state_of)
        # a rollback counts whenever it arrives, a cutover does not
        [ $way = cutover ] && expected=$before || expected="$((${before% *} + 1)) legacy_v3"
        old=$(pid_of strategy-v3)
        kill -STOP "$up"
        kill -STOP "$old"
        answers "a $way that nobody takes" 504 '"code":"unknown"' "$way?force=yes&reason=late"
        kill -KILL "$old"
        sleep 11 # a switch has ten seconds
        kill -CONT "$up"
        until_true 20 has_new_pid strategy-v3 "$old"
        [ $way = rollback ] ||
                until_true 20 says strategy-v3 'switch_refused command=cutover code=deadline_passed'
        until_true 20 state_becomes "$expected"
        passed "strategy-v3 dead until a $way is late: $before becomes $expected"
done
answers 'and the next one is carried out' 200 '"active":"combined_v3"' 'cutover?force=yes&reason=again'

# ---- a service that is down ----
post rollback >/dev/null
kill -STOP "$(pid_of strategy-v3)"
is_down() { curl -s "$(ops)/health" | grep -q '"strategy-v3":{"status":"unhealthy"'; }
until_true 10 is_down
answers 'a switch of a service that is down is refused' 503 '"service":"strategy-v3"' cutover
answers 'with what holds' 503 '"active":"legacy_v3"' 'cutover?force=yes&reason=x'
answers 'and so is a test alert' 503 '"code":"service_down"' test_alert
kill -CONT "$(pid_of strategy-v3)"
until_true 20 is_ready strategy-v3
is_active legacy_v3 || fail 'a refused switch was carried out'

# ---- somebody else on the bus asks: health judges it and asks in its own name ----
ask() { # HOW: the answers
        ASK=$1 timeout 60 "$controller" --config "$UMBRA_STATE/umbra.ini" </dev/null 2>"$UMBRA_STATE/told"
}
# its place for sockets, where each service has a uid of its own, is open to others as theirs are
make_place() {
        mkdir -p "$UMBRA_STATE/run/telegram-controller"
        chmod 711 "$UMBRA_STATE/run/telegram-controller"
}
make_place
"$umbra" backup --name now >/dev/null
answer=$(ask plainly) || fail "a request over the bus: $(tail -n 3 "$UMBRA_STATE/told")"
case $answer in
'health 1 ') ;;
*) fail "a request over the bus: $answer" ;;
esac
until_true 5 is_active combined_v3
passed 'a request over the bus passes the gate too, and one answers'
answer=$(ask plainly) || fail "it holds already: $(tail -n 3 "$UMBRA_STATE/told")"
[ "$answer" = 'health 2 ' ] || fail "it holds already: $answer"
post rollback >/dev/null
passed 'and one answers where it changes nothing'

# ---- who, when, why ----
curl -s "$(ops)/api/audit?limit=500" >"$UMBRA_STATE/audit"
grep -q '"actor":"admin@127.0.0.1","reason":"kill".*"gate_failed"' "$UMBRA_STATE/audit" || fail 'the audit'
old=$(pid_of health)
crash health
curl -s "$(ops)/api/audit?limit=500" >"$UMBRA_STATE/again"
grep -q '"reason":"kill"' "$UMBRA_STATE/again" || fail 'the audit is gone with health'
passed 'who switched what, when and why outlives health'

# ---- what health finds too late is void: it says so, where it has not forgotten ----
called_void() {
        grep -c ' request_refused code=deadline_passed' "$UMBRA_STATE/log/health.log"
}
kill -STOP "$up"
kill -KILL "$(pid_of health)"
ask plainly >"$UMBRA_STATE/late" &
late=$!
sleep 16 # a request has ten seconds
kill -CONT "$up"
wait "$late" || fail 'nobody says that it was too late'
[ "$(cat "$UMBRA_STATE/late")" = 'health 3 deadline_passed' ] || fail "too late: $(cat "$UMBRA_STATE/late")"
until_true 20 is_active legacy_v3
passed 'what health finds too late is void, and it says so'
stop
forget_store health
# shellcheck disable=SC2086
start $settings
make_place
until_true 20 is_ready strategy-v3
ask plainly >/dev/null || fail 'asked of a health without its store' # behind all that was asked before
[ "$(called_void)" = 1 ] || fail "a health without its store called $(called_void) requests void"
until_true 20 is_active legacy_v3
passed 'a health that has lost its store calls nothing void that it may have passed on'
stop

# ---- a plugin that crashes: rolled back from that very signal ----
mixed=$(mktemp -d /tmp/umbra-e2e-XXXXXX)
chmod 755 "$mixed"
cp "$plugins/legacy_v3.so" "$poison/combined_v3.so" "$mixed"
# shellcheck disable=SC2086
start $settings plugin_system.folder="$mixed" plugin_system.auto_rollback=yes
until_true 10 is_active legacy_v3
answers 'a plugin that will crash takes over' 200 '"active":"combined_v3"' 'cutover?force=yes&reason=drill'
id=$(alert "$(entry GBPJPY buy 190)")
until_true 30 is_active legacy_v3
goes 'the signal it crashed on is judged by legacy_v3' 30 "$id" received intent filled 'done'
until_true 10 has_alarm plugin_crashed
audit_has() { curl -s "$(ops)/api/audit?limit=5" | grep -q -- "$1"; }
until_true 10 audit_has '"text":"combined_v3 has crashed: rolled back"'
passed 'and the audit says so'
stop
rm -r "$mixed"

# ---- the watch: a critical difference rolls back by itself ----
# shellcheck disable=SC2086
start $settings plugin_system.folder="$plugins" plugin.combined_v3.profile=strength
until_true 10 is_active legacy_v3
answers 'forced, with a reason' 200 '"gate":"forced"' 'cutover?force=yes&reason=drill'
alert "$(low NZDUSD 0.605)" >/dev/null
until_true 20 is_active legacy_v3
until_true 10 has_alarm rollback_trigger
until_true 10 audit_has '"actor":"health:watch","reason":"critical_difference: '
passed 'a critical difference after a cutover rolls back, and the audit says why'
stop

# ---- phase 1: the plugin system off loads the incumbent alone ----
# shellcheck disable=SC2086
start $settings plugin_system.enabled=no
until_true 10 is_active legacy_v3
answers 'what is not loaded cannot take over' 409 '"plugin_loaded"' cutover
filled 'and legacy_v3 trades' EURJPY buy 162
stop
