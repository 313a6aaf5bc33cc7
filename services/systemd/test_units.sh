#!/bin/sh
# BUILD PREFIX PLAY E2E: what meson install puts in place for one machine with systemd, looked at by systemd's
# own tools; then the command blocks of docs/ for such a machine, and what they start is run as the units say
# (play.py), which only root can.
set -eu
build=$1 prefix=$2 play=$3 e2e=$4
# shellcheck source=tests/e2e/private.sh
. "$e2e/private.sh"
if can_be_private && [ -z "${UNITS_INSIDE:-}" ]; then
        export UNITS_INSIDE=yes
        exec unshare -m "$0" "$@"
fi
folder=$(mktemp -d /tmp/umbra-units-XXXXXX)
playing=
finish() {
        status=$?
        [ $status = 0 ] || [ -z "${id:-}" ] || "$umbra" trace "$id" || :
        [ -z "$playing" ] || kill -TERM "$playing" 2>/dev/null || :
        [ -z "$playing" ] || wait "$playing" 2>/dev/null || :
        [ $status = 0 ] || tail -n 20 "$folder"/*.out 2>/dev/null || :
        rm -rf "$folder"
        exit $status
}
trap finish EXIT

checks=0
passed() {
        checks=$((checks + 1))
        printf 'ok %d - %s\n' "$checks" "$*"
}
fail() {
        printf 'FAIL %s\n' "$*"
        exit 1
}
until_true() { # SECONDS COMMAND...
        tries=$(($1 * 5))
        shift
        while ! "$@" >/dev/null 2>&1; do
                [ -z "$playing" ] || kill -0 "$playing" 2>/dev/null || fail "it has ended, before: $*"
                tries=$((tries - 1))
                [ "$tries" -gt 0 ] || fail "not in time: $*"
                sleep 0.2
        done
}

# ---- in place ----

dest=$folder/dest
units=$dest$prefix/lib/systemd/system
DESTDIR=$dest meson install -C "$build" --no-rebuild --quiet >"$folder/install.out" 2>&1 || fail 'meson install'
for plugin in legacy_v3 combined_v3 example; do
        [ -f "$dest$prefix/lib/umbra/plugins/$plugin.so" ] || fail "$plugin.so is not where umbra looks"
done
for unit in "$units"/umbra-*.service; do
        program=$(sed -n 's/^ExecStart=\([^ ]*\) .*/\1/p' "$unit")
        case $program in
        "$prefix"/*) [ -x "$dest$program" ] || fail "$unit starts $program, which is not there" ;;
        esac
done
[ "$(find "$units" -type f | wc -l)" = 13 ] || fail 'nine services, the state, two sockets and a target are to be there'
passed 'meson install puts programs, plugins and units in place'

command -v systemd-analyze >/dev/null || {
        printf 'skipped: there is no systemd-analyze\n'
        exit 77
}
# What the units lean on: systemd's own, and two programs of every Debian.
mkdir -p "$dest/usr/lib/systemd/system" "$dest/usr/bin" "$dest/etc"
for own in /lib/systemd/system/*.target /lib/systemd/system/*.slice; do
        cp -d "$own" "$dest/usr/lib/systemd/system/"
done
for program in flock sleep; do
        printf '#!/bin/sh\n' >"$dest/usr/bin/$program"
        chmod 755 "$dest/usr/bin/$program"
done
verifies() { # UNIT: nothing wrong, and nothing said
        systemd-analyze verify --root="$dest" "$1" >"$folder/said.out" 2>&1 && [ ! -s "$folder/said.out" ]
}
for unit in "$units"/*; do
        verifies "${unit##*/}" || {
                cat "$folder/said.out"
                fail "systemd-analyze verify ${unit##*/}"
        }
done
passed 'systemd-analyze verify finds nothing in any unit'
sed -i.good 's/^Restart=always/Restart=allways/' "$units/umbra-health.service"
! verifies umbra-health.service || fail 'a misspelt unit verifies'
mv "$units/umbra-health.service.good" "$units/umbra-health.service"
passed 'a misspelt line would have been found'

first=$(grep -l '^LimitRTPRIO=1$' "$units"/*.service | sed 's/.*umbra-\(.*\)\.service/\1/' | tr '\n' ' ')
[ "$first" = 'alert-ingest order-executor strategy-v3 ' ] || fail "may run before all else: $first"
passed 'those that an alert waits for may run before all else, and nobody else'

# The scale is systemd's, times ten: 100 is wide open. Who needs no network gets none.
exposed() { # THRESHOLD SERVICE
        ! systemd-analyze security --offline=yes --root="$dest" --threshold="$1" "umbra-$2.service" \
                >"$folder/said.out" 2>&1
}
for service in strategy-v3 strategy-v3-shadow mt5-demo; do
        ! exposed 10 $service || fail "$service: $(tail -n 1 "$folder/said.out")"
done
for service in alert-ingest health order-executor telegram-analytics telegram-controller telegram-notify; do
        ! exposed 20 $service || fail "$service: $(tail -n 1 "$folder/said.out")"
done
passed 'systemd-analyze security: exposure at most 1.0 without a network, 2.0 with one'

# ---- as the units say ----

for needed in python3 curl; do
        command -v $needed >/dev/null || {
                printf 'skipped: there is no %s\n' $needed
                exit 77
        }
done
if [ -z "${UNITS_INSIDE:-}" ]; then
        printf 'skipped: only root can install, and run each under its own user\n'
        exit 0
fi

# ---- as the documents say: in a tree where ./run build has made this build, on a machine where nothing
# is seen of it outside this test, and where systemctl does what it can without a systemd ----

private /etc "$prefix"
mkdir "$folder/tree" "$folder/bin" "$folder/blocks"
printf '#!/bin/sh\n[ "$*" = build ] && ln -s "%s" build\n' "$build" >"$folder/tree/run"
printf '#!/bin/sh\nexec "$@"\n' >"$folder/bin/sudo"
chmod +x "$folder/tree/run" "$folder/bin/sudo"
"$e2e/blocks" "$folder/blocks" systemd
for block in "$folder"/blocks/*.sh; do
        (cd "$folder/tree" && SYSTEMD_OFFLINE=1 PATH=$folder/bin:$PATH sh -e "$block") >"$folder/said.out" 2>&1 ||
                fail "${block##*/}, line $(cat "${block%.sh}.line"): $(cat "$folder/said.out")"
done
units=$prefix/lib/systemd/system
[ "$(grep -c '^umbra-[a-z0-9-]*:x:611[0-9][0-9]:611[0-9][0-9]:' /etc/passwd)" = 9 ] ||
        fail 'not nine users with the numbers of umbra up'
[ "$(realpath /etc/systemd/system/multi-user.target.wants/umbra.target)" = "$units/umbra.target" ] ||
        fail 'umbra.target is not enabled'
passed 'the command blocks install it, make a user a service, and enable the target'

# All have to pass through to what they run and read.
chmod 755 "$folder"
state=$folder/state
python3 "$play" "$units" "$state" >"$folder/play.out" 2>"$folder/play.err.out" &
playing=$!
until_true 60 grep -q '^ready ' "$folder/play.out"
webhook=$(sed -n 's/^ready \([0-9]*\) .*/\1/p' "$folder/play.out")
health=$(sed -n 's/^ready [0-9]* \([0-9]*\)$/\1/p' "$folder/play.out")
grep -q "^folder = $prefix/lib/umbra/plugins\$" "$state/umbra.ini" || fail 'the plugins that were installed are not used'
until_true 90 curl -fsS -m 5 "http://127.0.0.1:$health/readyz"
passed 'all are ready: users, sockets and folders fit'

pid_of() {
        pgrep -f "^$prefix/bin/$1 --config $state/" || :
}
for service in strategy-v3 strategy-v3-shadow order-executor alert-ingest; do
        uid=$(awk '/^Uid:/ { print $2 }' "/proc/$(pid_of $service)/status")
        [ "$uid" = "$(sed -n "s/^umbra-$service:x:\([0-9]*\):.*/\1/p" /etc/passwd)" ] ||
                fail "$service runs as $uid"
done
passed 'each runs as its own user'

umbra=$prefix/bin/umbra
UMBRA_STATE=$state
export UMBRA_STATE
entry() {
        printf '{"type":"entry_v3","signal_type":"Momentum_Breakout","symbol":"EURUSD","direction":"buy","price":1.085,"sl_price":1.0839,"tf":"15","consensus_score":5,"position_multiplier":0.2,"id":"%s"}' "$1"
}
accepted() {
        sed -n 's/.*"status":"accepted","alert_id":"\([^"]*\)".*/\1/p' "$1"
}
is_filled() {
        "$umbra" trace --json "$1" | grep -q '"state":"filled"'
}
"$umbra" alert "$(entry first)" >"$folder/answer.out"
id=$(accepted "$folder/answer.out")
[ -n "$id" ] || fail "the alert is not accepted: $(cat "$folder/answer.out")"
until_true 30 is_filled "$id"
passed 'an alert goes the whole way, the strategies without a network'

# alert-ingest dies, and somebody connects before it is back: the socket is there all the time.
kill -KILL "$(pid_of alert-ingest)"
curl -sS -m 30 -d "$(entry second)" "http://127.0.0.1:$webhook/webhook/$(cat "$state/webhook.token")" >"$folder/answer.out" ||
        fail 'refused while alert-ingest is being started again'
id=$(accepted "$folder/answer.out")
[ -n "$id" ] || fail "not accepted: $(cat "$folder/answer.out")"
passed 'nobody is refused while alert-ingest is away'
until_true 30 is_filled "$id"

"$umbra" restart --all >"$folder/restarted.out" 2>&1 || fail "umbra restart --all: $(cat "$folder/restarted.out")"
[ "$(wc -l <"$folder/restarted.out")" = 6 ] || fail "not the six of umbra.target: $(cat "$folder/restarted.out")"
passed 'umbra restart --all replaces what the target has, and misses nobody who is not enabled'

kill -TERM "$playing"
wait "$playing" || {
        playing=
        fail 'one of them did not end well'
}
playing=
first=$(sed -n 's/^stopping //p' "$folder/play.out" | head -n 1)
[ "$first" = alert-ingest ] || fail "$first is stopped first"
passed 'SIGTERM: alert-ingest first, then the others, each with status 0'
