#!/bin/sh
# UMBRA MT5-DEMO: /livez and /readyz of every service, on a socket of its own where it has no other.
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
probed='strategy-v3 strategy-v3-shadow order-executor telegram-analytics'

url_of() { # SERVICE
        port=$(sed -n 's/.* probes_answered port=\([0-9]*\).*/\1/p' "$UMBRA_STATE/log/$1.log" | tail -n 1)
        [ -n "$port" ] || fail "$1 answers no probes"
        printf 'http://127.0.0.1:%s' "$port"
}

# answer URL: the status, "000" where nothing came within two seconds; the body is left in $UMBRA_STATE/body.
answer() {
        curl -s -m 2 -o "$UMBRA_STATE/body" -w '%{http_code}' "$1" || :
}

is() { # STATUS URL
        [ "$(answer "$2")" = "$1" ]
}

start
! grep -q probes_answered "$UMBRA_STATE"/log/*.log || fail 'probes are answered that nobody asked for'
passed 'without probe_listen nobody listens'
stop

sets=
for service in $probed; do
        sets="$sets $service.probe_listen=127.0.0.1:0"
done
# shellcheck disable=SC2086 # a list of words
start $sets
webhook=$(sed -n 's|^ready webhook=\(http://[^/]*\)/.*|\1|p' "$UMBRA_STATE/up.out")
ops=$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
for service in $probed; do
        url=$(url_of "$service")
        until_true 20 is 200 "$url/livez"
        until_true 20 is 200 "$url/readyz"
        is 404 "$url/metrics" || fail "$service says more than it is asked for"
done
for url in "$webhook" "$ops"; do
        until_true 20 is 200 "$url/livez"
        until_true 20 is 200 "$url/readyz"
done
passed 'every service says that it lives and is ready'

executor=$(url_of order-executor)
kill -STOP "$(pid_of mt5-demo)"
until_true 30 is 503 "$executor/readyz"
grep -q '"waiting_for":"no terminal is connected"' "$UMBRA_STATE/body" || fail "why: $(cat "$UMBRA_STATE/body")"
until_true 20 is 200 "$executor/livez" # it lives all the same
kill -CONT "$(pid_of mt5-demo)"
until_true 30 is 200 "$executor/readyz"
passed 'an executor without its terminal lives, is not ready, and says why'

strategy=$(url_of strategy-v3)
kill -STOP "$(pid_of strategy-v3)"
is 000 "$strategy/livez" || fail 'a service that stands still says that it lives'
kill -CONT "$(pid_of strategy-v3)"
until_true 20 is 200 "$strategy/livez"
passed 'one that stands still does not say that it lives'
stop
