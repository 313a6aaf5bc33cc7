#!/bin/sh
# UMBRA MT5-DEMO STEADY: a steady load, and then every entry has come to its end.
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"

# shellcheck disable=SC2119 # no settings
start
"$3" "$(sed -n 's/.*webhook=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")" || fail 'the load'
passed 'a minute of 50 alerts a second, none answered late'

nothing_under_way() {
        "$umbra" status | grep -q ', 0 of [0-9]* recent alerts under way'
}
until_true 20 nothing_under_way
passed 'and none left under way'
stop
