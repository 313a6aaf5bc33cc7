#!/bin/sh
# UMBRA MT5-DEMO FLOOD: a health that is thousands of messages behind still switches at once: what is waited
# for does not stand in the queue of what is not.
set -eu
flood=$3
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
alerts=1500 # each some messages for health; fewer than a queue holds, so that none comes by replay

start mt5-demo.balance=1000000000 mt5-demo.volatility=0 mt5-demo.spread=0 risk.daily_cap=0 \
        risk.lifetime_cap=0 risk.max_open_positions=0 risk.max_price_gap=0 risk.count_open_risk=no
ops=$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
port=$(sed -n 's|^ready webhook=http://127.0.0.1:\([0-9]*\)/.*|\1|p' "$UMBRA_STATE/up.out")
path=$(sed -n 's|^ready webhook=http://[^/]*\(/[^ ]*\) .*|\1|p' "$UMBRA_STATE/up.out")
until_true 20 is_ready strategy-v3

seconds() { # to answer, of what was asked last
        cat "$UMBRA_STATE/took"
}

# switched COMMAND: it was answered, as done
switched() {
        curl -s -m 60 -o "$UMBRA_STATE/answer" -w '%{time_total}' -X POST "$ops/admin/$1" >"$UMBRA_STATE/took"
        grep -q '"status":"done"' "$UMBRA_STATE/answer"
}

knows() { # ALERT_ID: as decided
        "$umbra" trace --json "$1" 2>/dev/null | grep -q '"decision":{'
}

first=1
for way in 'cutover?force=yes&reason=drill' rollback; do
        kill -STOP "$(pid_of health)"
        last=$("$flood" "$port" "$path" $alerts $first) || fail 'the flood was not taken'
        first=$((first + alerts))
        id=$(printf '%s' "$last" | sed -n 's/.*"alert_id":"\([^"]*\)".*/\1/p')
        [ -n "$id" ] || fail "the last of the flood: $last"
        kill -CONT "$(pid_of health)"
        # its first moment, in which it has heard nobody for seconds, is over soon
        until_true 20 switched "$way"
        ! knows "$id" || fail "$way: answered after $(seconds) s, behind all that was waiting"
        until_true 120 knows "$id"
        passed "$way: answered in $(seconds) s, while thousands of messages were still waiting"
done
stop
