#!/bin/sh
# UMBRA MT5-DEMO WATCHED PLUGINS: what the watch over a plugin that has taken over looks for, each really
# there and really measured, by itself and with auto_rollback.
set -eu
watched=$3
plugins=$4
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
pairs_min=500 # SLOWER_PAIRS_MIN

is_active() { # PLUGIN
        curl -s -m 5 "$ops/api/route" | grep -q "\"active\":\"$1\""
}

watch_of() { # KEY: of the watch, as /api/shadow has it
        curl -s -m 5 "$ops/api/shadow" | grep -o '"watch":{.*' | grep -o "\"$1\":[^,}]*" |
                head -n 1 | cut -d : -f 2
}

watch_is() { # KEY VALUE
        [ "$(watch_of "$1")" = "$2" ]
}

audit_has() { # PATTERN
        curl -s -m 5 "$ops/api/audit?limit=20" | grep -q -- "$1"
}

level() { # FIGURE LEVEL
        curl -s -m 5 "$ops/api/status" | grep -q "\"$1\":{\"level\":\"$2\""
}

trigger_told() { # TRIGGER: by an alarm
        "$umbra" status | grep -q "ALARM .* rollback_trigger $1:"
}

cut_over() {
        "$umbra" cutover --force --reason drill >/dev/null || fail "cutover: $1"
        until_true 10 is_active combined_v3
        until_true 10 watch_is on true
        # those of the cutover before end with the watch's beginning
        until_true 10 has_no_alarm rollback_trigger
}

# comes TRIGGER WHAT: it is told, and the slot is rolled back by itself or left to a person.
comes() {
        until_true 30 trigger_told "$1"
        if [ "$auto" = yes ]; then
                until_true 20 is_active legacy_v3
                until_true 10 audit_has "\"actor\":\"health:watch\",\"reason\":\"$1: "
                passed "$2: $1 rolls back by itself, and the audit says why"
        else
                is_active combined_v3 || fail "$1 rolled back unasked"
                ! audit_has '"actor":"health:watch"' || fail "$1: health acted unasked"
                "$umbra" rollback >/dev/null
                until_true 10 is_active legacy_v3
                passed "$2: $1 is told, and left to a person"
        fi
        until_true 10 watch_is on false
}

# pulses FIRST LAST: so many alerts on which both plugins say the same.
pulses() {
        seq "$1" "$2" | while read -r n; do
                printf 'next\nurl = "%s"\nsilent\noutput = "/dev/null"\n' "$webhook"
                printf 'data = "{\\"type\\":\\"trend_pulse_v3\\",\\"signal_type\\":\\"Trend_Pulse\\",\\"symbol\\":\\"EURJPY\\",\\"tf\\":\\"15\\",\\"price\\":162,\\"id\\":\\"p%s-%s\\"}"\n' \
                        "$n" "$(date +%s)"
        done >"$UMBRA_STATE/pulses"
        curl --config "$UMBRA_STATE/pulses"
}

pairs_are() {
        [ "$(watch_of pairs)" -ge "$1" ]
}

accounted_for() { # FIGURE: the bad ones are older than the window, and good ones have come
        alert "$(entry GBPUSD buy 1.27)" >/dev/null
        level "$1" normal
}

for auto in no yes; do
        mixed=$UMBRA_STATE/plugins
        mkdir -m 755 "$mixed"
        cp "$plugins/legacy_v3.so" "$watched/combined_v3.so" "$mixed"
        # bounds that a few errors cross; the pairs on which it fails are none against it
        start health.window=3s health.samples=2 health.errors_normal=0.005 health.errors_alert=0.01 \
                mt5-demo.balance=50000 mt5-demo.volatility=0 order-executor.snapshot_interval=1s \
                risk.daily_cap=20000 risk.lifetime_cap=40000 risk.max_open_positions=400 \
                ignore.drill.class=error ignore.drill.owner=ada ignore.drill.reason=drill \
                ignore.drill.expires=2099-01-01 \
                plugin_system.folder="$mixed" plugin_system.auto_rollback="$auto"
        ops=$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
        webhook=$(sed -n 's/^ready webhook=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
        until_true 10 is_active legacy_v3

        cut_over critical_difference
        alert "$(entry NZDUSD buy 0.605)" >/dev/null
        comes critical_difference 'an entry it does not take'

        cut_over slower
        pulses 1 $((pairs_min - 1))
        until_true 30 watch_is pairs $((pairs_min - 1))
        sleep 1.5 # longer than from one judgement to the next
        watch_is triggers '[]' || fail 'slower, by fewer pairs than that'
        pulses $pairs_min $((pairs_min + 9))
        comes slower 'a plugin that takes 0.6 ms longer'

        cut_over order_success
        fault reject 10006 n=9
        for _ in 1 2 3; do
                alert "$(entry EURUSD buy 1.085)" >/dev/null
        done
        comes order_success 'orders that the broker refuses'
        fault clear
        until_true 40 accounted_for order_success

        cut_over error_rate
        for _ in 1 2 3 4 5 6; do
                alert "$(entry AUDJPY buy 98)" >/dev/null
        done
        comes error_rate 'a plugin that fails'
        until_true 40 accounted_for errors

        cut_over plugin_crash
        id=$(alert "$(entry GBPJPY buy 190)")
        if [ "$auto" = yes ]; then
                until_true 30 is_active legacy_v3
                until_true 10 audit_has '"text":"combined_v3 has crashed: rolled back"'
                until_true 10 has_alarm plugin_crashed
                until_true 30 state_is "$id" filled
                passed 'a plugin that dies: the signal it died of is judged by legacy_v3, and filled'
                until_true 10 watch_is on false
                cut_over 'a plugin that died'
                passed 'and the next one in its place is watched anew'
        else
                comes plugin_crash 'a plugin that dies'
                until_true 30 state_is "$id" quarantined
                passed 'and the signal it died of twice is set aside'
        fi
        stop
        rm -rf "${UMBRA_STATE:?}"/*
done
