#!/bin/sh
# UMBRA MT5-DEMO: what umbra deploy does beside its steps: windows, rehearsal on staging and promotion,
# faults at each kind of step, a deployment that was cut off, and the watch.
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
settings='mt5-demo.balance=100000 mt5-demo.volatility=0 order-executor.snapshot_interval=1s
        risk.max_open_positions=200 risk.daily_cap=100000 risk.lifetime_cap=100000 deploy.time_zone=UTC
        deploy.rehearsal=40'

# deploy STATUS ARGUMENT...: what it says is left in $said.
deploy() {
        want=$1
        shift
        got=0
        "$umbra" deploy "$@" >"$UMBRA_STATE/said" 2>&1 || got=$?
        said=$(cat "$UMBRA_STATE/said")
        [ "$got" = "$want" ] || fail "deploy $* ended with $got: $said"
}

told() { # PATTERN...: each is somewhere in what was said last
        for pattern in "$@"; do
                printf '%s\n' "$said" | grep -q -- "$pattern" || fail "no '$pattern' in: $said"
        done
}

config() { # SECTION KEY VALUE: into umbra.ini as a person would
        sed -i -e "/^\[$1\]/,/^\[/{/^$2 = /d}" -e "s/^\[$1\]\$/&\n$2 = $3/" "$UMBRA_STATE/umbra.ini"
        grep -q "^$2 = $3\$" "$UMBRA_STATE/umbra.ini" || fail "umbra.ini has no $2"
}

value() { # SECTION KEY
        sed -n "/^\[$1\]/,/^\[/s/^$2 = //p" "$UMBRA_STATE/umbra.ini"
}

# the day that begins in two days: no window is then open now, whatever time it is
later=$(LC_ALL=C date -u -d '+2 days' +%A)
today=$(LC_ALL=C date -u -d '-1 hour' '+%A %H:%M')

# shellcheck disable=SC2086
start $settings deploy.plugin_system_watch=3s
config deploy plugin_system_window "$later 10:00"
deploy 0 status
told 'nothing was deployed here yet'
deploy 1 multi-telegram --now
told 'step 2, each bot has a token, failed: telegram.controller_token_file is not given' 'nothing was changed'
deploy 0 status
told 'nothing was deployed here yet'
passed 'what failed before it touched anything was not deployed'

# ---- windows ----
deploy 1 plugin-system
told "plugin-system may go from ...  *$(LC_ALL=C date -u -d '+2 days' +%Y-%m-%d) 10:00 to 12:00 UTC, in [0-9]* [dh] .*; --now goes at once"
[ "$(value plugin_system enabled)" = yes ] || fail 'something was changed'
deploy 0 plugin-system --dry-run
told '3/9 backup of all stores' '4/9 set plugin_system.enabled = no' 'watched for 3 s' 'not now: '
[ ! -e "$UMBRA_STATE/deploy.json" ] || fail 'a dry run left a record'
passed 'outside its window a phase does not go, and a dry run only tells'
config deploy plugin_system_window "$today"
deploy 0 plugin-system
told '9/9 rehearsal .* ok: left out: \[deploy\] stage is production' 'plugin-system: deployed in .* s; watched until '
[ "$(value plugin_system enabled)" = no ] || fail 'not set'
"$umbra" restore "$(sed -n 's/.*"backup": "\(.*\)".*/\1/p' "$UMBRA_STATE/deploy.json")" --check | grep -q '8 stores, all sound' ||
        fail 'the backup'
ls "$UMBRA_STATE"/backup/before-plugin-system-*.ini >/dev/null || fail 'no copy of umbra.ini'
passed 'within it, it goes'

# a backup that is not sound: told by whose it is, with nothing touched
for copy in "$UMBRA_STATE"/backup/*/before-plugin-system-*.db; do
        cp -p "$copy" "$(dirname "$copy")/bad.db"
done
dd if=/dev/urandom of="$UMBRA_STATE/backup/strategy-v3/bad.db" bs=1 seek=20000 count=500 conv=notrunc 2>/dev/null
! "$umbra" restore bad --check 2>"$UMBRA_STATE/said" || fail 'a damaged backup is called sound'
grep -q 'backup bad is not sound: strategy-v3: ' "$UMBRA_STATE/said" || fail "$(cat "$UMBRA_STATE/said")"
rm "$UMBRA_STATE"/backup/*/bad.db
passed 'a damaged backup is told by its service'

# ---- the watch ----
deploy 0 status --watch
told 'plugin-system: deployed ... ' 'thresholds: ' 'alarms: none' 'the watch is over: nothing speaks against it'
passed 'its watch ends by itself'
deploy 0 plugin-system --back
told 'plugin-system: gone back in '
[ "$(value plugin_system enabled)" = yes ] || fail 'not put back'
passed 'going back waits for no window and puts back what was there'

# ---- what stands in the way ----
deploy 2 nosuch
told "there is no phase 'nosuch'"
config deploy plugin_system_window 'Someday 10:00'
deploy 1 plugin-system --now
told 'umbra.ini:[0-9]*: deploy.plugin_system_window: must be a weekday and a time'
config deploy plugin_system_window "$today"
deploy 1 multi-telegram --now
told 'step 2, each bot has a token, failed: telegram.controller_token_file is not given' 'nothing was changed'
deploy 0 status
told 'plugin-system: gone back '
passed 'missing tokens and bad hours are one line each'

# a backup that cannot be made
folder=$UMBRA_STATE/backup/strategy-v3
owner=$(stat -c %u:%g "$folder")
mv "$folder" "$folder.away"
: >"$folder"
deploy 1 plugin-system
told 'step 3, backup of all stores and umbra.ini, checked, failed' 'nothing was changed'
rm "$folder"
mv "$folder.away" "$folder"
[ "$(stat -c %u:%g "$folder")" = "$owner" ] || fail 'the folder of backups'
[ "$(value plugin_system enabled)" = yes ] || fail 'changed without a backup'
passed 'without a backup nothing is changed'

# the gate: what it does not let pass is gone back from
deploy 0 shadow --now
deploy 1 cutover
told "cutover may go from Fri\\|shadow is still watched"
config health gate_window 72h
"$umbra" restart health >/dev/null
deploy 1 cutover --now
told 'switch: cutover ... FAILED: gate_not_passed: .*window' 'going back:' 'gone back in .* all is as it was before'
"$umbra" status | grep -q 'active=legacy_v3' || fail 'legacy_v3 does not decide'
grep -q ' ERROR deploy gone_back phase=cutover .* why=gate_not_passed' "$UMBRA_STATE/log/deploy.log" || fail 'deploy.log'
deploy 2 cutover --now --force
told 'needs a --reason'
deploy 0 cutover --now --force --reason drill
told 'cutover: deployed in' 'by combined_v3'
curl -s "$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")/api/audit?limit=50" |
        grep -q '"reason":"deploy cutover: drill"' || fail 'the audit'
deploy 0 cutover --back
passed 'what the gate refuses is gone back from, and what was forced is told in the audit'

# ---- a phase that cannot be finished, and cannot be gone back from, until somebody helps ----
ops=$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
is_missed() { ! curl -sf "$ops/readyz"; }
kill -STOP "$(pid_of strategy-v3-shadow)"
until_true 20 is_missed
deploy 1 shadow --back
kill -CONT "$(pid_of strategy-v3-shadow)"
until_true 20 curl -sf "$ops/readyz"
told 'going back stopped at step [0-9]*, '
deploy 1 status
told 'shadow: stuck at step [0-9]* of [0-9]*, restart .*, strategy-v3: .*-shadow is not ready$'
deploy 1 plugin-system
told 'shadow stopped half-way, at step .* again, or with --back'
deploy 0 shadow --back
told 'shadow: gone back in'
passed 'a deployment that is stuck is told as such, keeps others out, and ends once it can'

# ---- one that is cut off ----
"$umbra" deploy plugin-system >"$UMBRA_STATE/said" 2>&1 &
cut=$!
until_true 20 grep -q '5/9 restart' "$UMBRA_STATE/said"
for second in 'deploy shadow --now' 'restart --all'; do
        # shellcheck disable=SC2086 # words
        ! "$umbra" $second 2>"$UMBRA_STATE/second" || fail "umbra $second beside a deployment"
        grep -q ": umbra deploy plugin-system, process $cut, is under way: one at a time\$" "$UMBRA_STATE/second" ||
                fail "$(cat "$UMBRA_STATE/second")"
done
kill -KILL "$cut"
wait "$cut" || :
deploy 1 status
told 'plugin-system: cut off, or under way, at step 5 of 9, restart .*, health$'
until_true 30 curl -sf "$ops/readyz"
deploy 0 plugin-system --back
[ "$(value plugin_system enabled)" = yes ] || fail 'what was there before the cut is not known'
passed 'so is one that was cut off'
forget

# ---- staging first ----
production=$UMBRA_STATE
on_production=$up
UMBRA_STATE=$(mktemp -d /tmp/umbra-e2e-XXXXXX)
# shellcheck disable=SC2086
start $settings deploy.stage=staging
staging=$UMBRA_STATE
on_staging=$up
UMBRA_STATE=$production
deploy 1 service-api --now --staging "$production"
told 'that system has no \[deploy\] stage = staging'
deploy 0 service-api --now --staging "$staging"
told "service-api, on $staging: " 'The sums are right' 'ok: 40 alerts, and no ERROR in a log' "service-api, on $production: " 'left out: '
passed 'a phase is rehearsed on staging, and promoted'
deploy 0 service-api --back
# an account that lets nothing through proves nothing
UMBRA_STATE=$staging "$umbra" pause >/dev/null
deploy 1 service-api --now --staging "$staging"
told 'NOT enough orders reached the broker' 'rehearsal with simulated alerts, failed' 'gone back in'
! printf '%s\n' "$said" | grep -q "on $production" || fail 'promoted all the same'
UMBRA_STATE=$staging "$umbra" resume >/dev/null
passed 'what fails there is not promoted'
# nor is an account closed that is not the demo broker's
UMBRA_STATE=$staging
config mt5-demo terminal_id mt5-live
old=$(pid_of mt5-demo)
kill -KILL "$old"
until_true 20 has_new_pid mt5-demo "$old"
has_terminal() { "$umbra" status --json | grep -q "\"terminal\":\"$1\""; }
until_true 20 has_terminal mt5-live
before=$(all_deals)
! "$umbra" rehearse --alerts 1 2>"$UMBRA_STATE/told" || fail 'rehearsed on another terminal'
grep -q "the executor's terminal is \"mt5-live\"" "$UMBRA_STATE/told" || fail "$(cat "$UMBRA_STATE/told")"
[ "$(all_deals)" = "$before" ] || fail 'it was traded'
UMBRA_STATE=$production
passed 'a rehearsal touches no account but the demo broker'"'"'s'
up=$on_staging
stop
rm -rf "$staging"
up=$on_production
stop
