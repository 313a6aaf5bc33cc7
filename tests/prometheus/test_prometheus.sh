#!/bin/sh
# UMBRA MT5-DEMO TREE: what Prometheus and Grafana are given: rules that do what they say, one scrape
# for all services, and a dashboard that asks for nothing that is not there.
set -eu
tree=$3
if ! command -v promtool >/dev/null || ! command -v prometheus >/dev/null; then
        echo 'skipped: there is no promtool'
        exit 77
fi
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/../e2e/rig.sh"

says_well() { # WHAT COMMAND...
        what=$1
        shift
        "$@" >"$UMBRA_STATE/said" 2>&1 || {
                cat "$UMBRA_STATE/said"
                fail "$what"
        }
        passed "$what"
}

rules=$tree/docker/prometheus
says_well 'promtool check config' promtool check config "$rules/prometheus.yml"
says_well 'promtool check rules' promtool check rules "$rules/umbra.rules.yml" "$rules/umbra.alerts.yml"
says_well 'promtool test rules' promtool test rules "$rules/umbra.test.yml"

# every alert has a test of its own
sed -n 's/.*- alert: //p' "$rules/umbra.alerts.yml" >"$UMBRA_STATE/alerts"
while read -r alert; do
        grep -q "$alert" "$rules/umbra.test.yml" || fail "no test of $alert"
done <"$UMBRA_STATE/alerts"
passed 'every alert is in a test'

start mt5-demo.balance=20000 mt5-demo.volatility=0 order-executor.snapshot_interval=1s
ops=$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
filled 'an order' EURUSD buy 1.085
scrape=$UMBRA_STATE/scrape
has_sample() { # PATTERN
        curl -s -m 5 "$ops/metrics" >"$scrape" && grep -q "$1" "$scrape"
}
until_true 20 has_sample '^umbra_executor_orders_total{.*state="filled".*} [1-9]'
until_true 20 has_sample '^umbra_alert_processing_seconds_count{.*} [1-9]'
until_true 20 has_sample '^umbra_plugin_active{.*plugin="legacy_v3"} 1'
promtool check metrics <"$scrape" >"$UMBRA_STATE/said" 2>&1 || {
        cat "$UMBRA_STATE/said"
        fail 'promtool check metrics'
}
passed 'promtool check metrics finds nothing in a live scrape'
for service in alert-ingest strategy-v3 strategy-v3-shadow order-executor telegram-analytics health; do
        grep -q "^umbra_service_up{service=\"$service\"} 1" "$scrape" || fail "$service is not up"
        grep -q "^umbra_build_info{service=\"$service\",version=\"[0-9]" "$scrape" ||
                fail "$service has no version"
        grep -q "^umbra_messages_in_total{service=\"$service\"} " "$scrape" ||
                fail "$service has no counters"
done
passed 'one scrape gives every service'
[ "$(grep '^# TYPE ' "$scrape" | sort | uniq -d | wc -l)" = 0 ] || fail 'a family comes twice'
passed 'each family comes once'

# What rules and dashboard ask for is there.
grep -v '^#' "$scrape" | sed 's/[{ ].*//' | sort -u >"$UMBRA_STATE/names"
sed -n 's/.*- record: //p' "$rules/umbra.rules.yml" >>"$UMBRA_STATE/names"
# There only while there is one.
echo umbra_alarms_raised >>"$UMBRA_STATE/names"
grep -q '^# TYPE umbra_alarms_raised gauge' "$scrape" || fail 'no umbra_alarms_raised'
all_there() { # FILE
        grep -e '"expr": ' -e ' expr: ' "$1" | grep -o 'umbra[_:][a-z0-9_:]*' | sort -u >"$UMBRA_STATE/asked"
        [ -s "$UMBRA_STATE/asked" ] || fail "$1 asks for nothing"
        while read -r name; do
                grep -qx "$name" "$UMBRA_STATE/names" || fail "$1 asks for $name"
        done <"$UMBRA_STATE/asked"
        passed "$(basename "$1") asks for what is there"
}
all_there "$rules/umbra.rules.yml"
all_there "$rules/umbra.alerts.yml"
all_there "$tree/docker/grafana/umbra.json"

# A scrape is quick: the quickest of some, the others tell how busy the machine is.
for _ in 1 2 3 4 5 6 7 8 9; do
        curl -s -o /dev/null -w '%{time_total}\n' "$ops/metrics"
done | sort -n | head -n 1 >"$UMBRA_STATE/took"
took=$(cat "$UMBRA_STATE/took")
[ "$(awk "BEGIN { print $took < 0.010 }")" = 1 ] || fail "a scrape takes $took s"
passed "a scrape takes $took s, under 10 ms"

# A real Prometheus takes it, and evaluates the rules.
host=${ops#http://}
sed "s|127.0.0.1:8000|$host|; s|15s|1s|" "$rules/prometheus.yml" >"$UMBRA_STATE/prometheus.yml"
sed 's/for: .*/for: 1s/' "$rules/umbra.alerts.yml" >"$UMBRA_STATE/umbra.alerts.yml"
cp "$rules/umbra.rules.yml" "$UMBRA_STATE/"
# Prometheus does not tell which port it got of 0: one below those that the kernel gives away
port=$(($(od -An -N2 -tu2 /dev/urandom) % 12000 + 20000))
prometheus --config.file="$UMBRA_STATE/prometheus.yml" --storage.tsdb.path="$UMBRA_STATE/tsdb" \
        --web.listen-address="127.0.0.1:$port" >"$UMBRA_STATE/prometheus.log" 2>&1 </dev/null &
prometheus=$!
end_prometheus() {
        kill -KILL "$prometheus" 2>/dev/null || :
        wait "$prometheus" 2>/dev/null || :
}
prometheus_finish() {
        status=$?
        end_prometheus
        (exit "$status") && : # its status, for rig_finish
        rig_finish
}
trap prometheus_finish EXIT
answers() { # QUERY PATTERN
        curl -s -m 5 -G --data-urlencode "query=$1" "http://127.0.0.1:$port/api/v1/query" |
                grep -q "$2"
}
until_true 30 answers 'up{job="umbra"}' '"value":\[[0-9.]*,"1"\]'
until_true 10 answers 'count(umbra_service_up == 1) >= 6' '"value":'
passed 'a real Prometheus scrapes it'
until_true 20 answers 'umbra:memory_bytes:sum > 1000000' '"value":'
passed 'and evaluates the rules'
kill -STOP "$(pid_of mt5-demo)"
until_true 30 answers 'ALERTS{alertname="UmbraBrokerGone",alertstate="firing"}' '"value":'
passed 'an alert fires when the terminal stands still'
kill -CONT "$(pid_of mt5-demo)"
not_firing() {
        answers 'count(ALERTS{alertname="UmbraBrokerGone"}) or vector(0)' '"value":\[[0-9.]*,"0"\]'
}
until_true 30 not_firing
passed 'and ends when it goes on'
end_prometheus
stop
