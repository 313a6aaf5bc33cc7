#!/bin/sh
# UMBRA MT5-DEMO: figures that are really measured cross their bounds, and their alarms come and go.
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"

# level FIGURE LEVEL: as /api/status has it
level() {
        curl -s -m 5 "$ops/api/status" | grep -q "\"$1\":{\"level\":\"$2\""
}

alarm_of() { # FIGURE
        "$umbra" status | grep -q "ALARM .* threshold $1:"
}

comes() { # FIGURE LEVEL WHAT
        until_true 30 level "$1" "$2"
        until_true 10 alarm_of "$1"
        passed "$3: $1 is $2, with an alarm"
}

goes_again() { # FIGURE WHAT
        until_true 30 level "$1" normal
        until_true 10 has_no_alarm "threshold $1:"
        passed "$2: $1 is normal, and its alarm has ended"
}

# a window of seconds, and bounds that this machine crosses when it is made to
start health.window=6s health.samples=2 health.processing_normal=400ms health.processing_alert=700ms \
        health.memory_normal=4GiB health.memory_alert=8GiB health.cpu_normal=20 health.cpu_alert=30 \
        mt5-demo.balance=50000 mt5-demo.volatility=0 order-executor.snapshot_interval=1s \
        risk.daily_cap=20000 risk.lifetime_cap=40000 risk.max_open_positions=400
ops=$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
for figure in memory cpu mt5_connection; do
        until_true 20 level "$figure" normal
        ! alarm_of "$figure" || fail "$figure: an alarm for nothing"
done
passed 'what is well within its bounds is normal'

# ---- processing: an executor that stands still ----
kill -STOP "$(pid_of order-executor)"
alert "$(entry EURUSD buy 1.085)" >/dev/null
alert "$(entry EURUSD buy 1.085)" >/dev/null
alert "$(entry EURUSD buy 1.085)" >/dev/null
sleep 1 # so late that they are an alert
kill -CONT "$(pid_of order-executor)"
comes alert_processing alert 'orders that waited for a second'
curl -s -o /dev/null -w '%{http_code}' "$ops/health" | grep -q 503 || fail '/health is not unhealthy'
passed '/health is as bad as the figure'
in_time() { # as long as it takes until the slow ones are older than the window
        alert "$(entry GBPUSD buy 1.27)" >/dev/null
        level alert_processing normal
}
until_true 30 in_time
goes_again alert_processing 'orders in time'

# ---- order success: a broker that refuses ----
fault reject 10006 n=9
alert "$(entry EURUSD buy 1.085)" >/dev/null
alert "$(entry EURUSD buy 1.085)" >/dev/null
alert "$(entry GBPUSD buy 1.27)" >/dev/null
until_true 20 says order-executor 'event=REJECTED'
comes order_success alert 'a broker that refuses'
fault clear
filled_again() {
        alert "$(entry GBPUSD buy 1.27)" >/dev/null
        level order_success normal
}
until_true 30 filled_again
goes_again order_success 'a broker that fills'

# ---- the terminal's connection ----
kill -STOP "$(pid_of mt5-demo)"
comes mt5_connection degraded 'a terminal that does not answer'
kill -CONT "$(pid_of mt5-demo)"
goes_again mt5_connection 'and is back'
stop

# ---- memory and CPU, as the services' own heartbeats tell them ----
start health.window=20s health.samples=3 health.memory_normal=1MiB health.memory_alert=4GiB health.cpu_normal=0.00001 health.cpu_alert=0.00002
ops=$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
comes memory degraded 'a bound under what they use'
comes cpu alert 'a bound under what they use'
stop
start health.window=20s health.samples=3 health.memory_normal=4GiB health.memory_alert=8GiB health.cpu_normal=20 health.cpu_alert=30
ops=$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
goes_again memory 'a bound above it, after a restart'
goes_again cpu 'a bound above it, after a restart'
stop
