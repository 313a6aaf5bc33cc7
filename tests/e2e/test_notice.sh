#!/bin/sh
# UMBRA MT5-DEMO: an entry that comes alone is told ahead of its commit, and goes to the broker on the
# strength of its promise; nothing of it is lost or doubled when the executor is killed meanwhile.
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
alerts=20

post_alone() { # COUNT [SCORE]: entries, with room between them
        for _ in $(seq "$1"); do
                said=$(curl -s -m 20 -d "$(entry EURUSD buy 1.085 |
                        sed "s/\"consensus_score\":5/\"consensus_score\":${2:-5}/")" "$(webhook)")
                printf '%s\n' "$said" | sed -n 's/.*"status":"accepted","alert_id":"\([^"]*\)".*/\1/p' \
                        >>"$UMBRA_STATE/ids"
                sleep 0.05
        done
}
webhook() {
        sed -n 's/^ready webhook=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out"
}
promised() { # legs that went out early, in the run of the executor that is up
        curl -s -m 5 "$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")/metrics" |
                sed -n 's/^umbra_executor_promised_total{[^}]*} //p'
}
promised_at_least() {
        [ "$(promised)" -ge "$1" ]
}
deals() {
        grep '"event":"deal"' "$UMBRA_STATE/mt5-demo/ledger.jsonl" |
                grep -o '"cl_ord_id":"[0-9A-Z]*"' | sort
}
all_executed() { # each alert has two legs
        [ "$(deals | wc -l)" -ge $((2 * $(wc -l <"$UMBRA_STATE/ids"))) ]
}
each_once() {
        until_true 20 all_executed
        [ -z "$(deals | uniq -d)" ] || fail 'executed twice'
        [ "$(deals | wc -l)" = $((2 * $(wc -l <"$UMBRA_STATE/ids"))) ] || fail 'more deals than legs'
}

set -- mt5-demo.balance=1000000 mt5-demo.volatility=0 risk.max_open_positions=1000
: >"$UMBRA_STATE/ids"
start "$@"
post_alone "$alerts"
until_true 20 promised_at_least "$alerts" # of twice as many: where the machine is busy some come too late
each_once
passed "$(promised) of $((2 * alerts)) legs went out on their promise"

sleep 2 # what health tells is a second old
before=$(promised)
post_alone "$alerts" 8 # these would close what is open on the other side
until_true 20 promised_at_least $((before + alerts))
each_once
passed "$(($(promised) - before)) of $((2 * alerts)) legs of reversals with nothing to reverse, too"

for _ in 1 2 3 4 5; do
        post_alone 3
        kill -KILL "$(pid_of order-executor)"
        post_alone 3
        until_true 20 all_executed
done
each_once
passed 'five deaths of the executor among them: each leg once'
stop

start "$@" alert-ingest.notice=no
post_alone 5
each_once
[ "$(promised)" = 0 ] || fail "$(promised) legs went out early without a notice"
passed 'without notices none goes early'
stop
