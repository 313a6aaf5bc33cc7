#!/bin/sh
# UMBRA MT5-DEMO BOT_API: the documents' command blocks for a system on one machine are run, in order, on a
# live one, and say what is shown. Where root can have namespaces of its own, the ports are those that
# umbra up has by itself, localhost:8000 stands as it is written, and /etc is written to; else the
# address is put in its place, and what only root can is left.
set -eu
bot_api=$3
# shellcheck source=tests/e2e/private.sh
. "$(dirname "$0")/private.sh"
if [ -z "${RUNBOOK_INSIDE:-}" ]; then
        RUNBOOK_INSIDE=here
        if command -v ip >/dev/null && can_be_private && unshare -n true; then
                RUNBOOK_INSIDE=namespaces
        fi
        export RUNBOOK_INSIDE
        # shellcheck disable=SC2016 # for the inner shell
        [ "$RUNBOOK_INSIDE" = here ] || exec unshare -nm sh -c 'ip link set lo up && exec "$0" "$@"' "$0" "$@"
fi
[ "$RUNBOOK_INSIDE" = here ] || private /etc
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
blocks=$(mktemp -d /tmp/umbra-runbook-XXXXXX)
bots=

finish() {
        status=$?
        set +e
        [ -z "$bots" ] || kill "$bots"
        rm -rf "$blocks"
        (exit "$status")
        rig_finish
}
trap finish EXIT

"$(dirname "$0")/blocks" "$blocks" up stopped

place() { # BASE: "operations.md:17"
        base_name=$(basename "$1")
        printf '%s:%s\n' "${base_name%%:*}" "$(cat "$1.line")"
}

# ---- the system they run on: a demo account, three bots, windows that are open, watches that are short ----
chmod 711 "$UMBRA_STATE"
printf '1:%s\n' main >"$UMBRA_STATE/main.token"
chmod 644 "$UMBRA_STATE/main.token"
# the three bots' own are typed in by whoever follows the documents
printf '1:%s\n' controller notification analytics >"$blocks/typed"
python3 "$bot_api" --port-file "$UMBRA_STATE/port" 1:main=M 1:controller=C 1:notification=N \
        1:analytics=A >"$UMBRA_STATE/bots.log" 2>&1 &
bots=$!
until_true 20 test -s "$UMBRA_STATE/port"
settings="mt5-demo.volatility=0 telegram.api_base=http://127.0.0.1:$(cat "$UMBRA_STATE/port")
        telegram.notify_chats=77 multi_telegram.enabled=no telegram.main_token_file=$UMBRA_STATE/main.token"
if [ "$RUNBOOK_INSIDE" = namespaces ]; then
        settings="$settings alert-ingest.listen=127.0.0.1:8080 health.listen=127.0.0.1:8000"
fi
for phase in plugin_system multi_telegram service_api shadow cutover; do
        settings="$settings deploy.${phase}_watch=2s"
done

# after the first start all of it is in umbra.ini; port 0 is given again, since the rig gives it first
go_up() {
        # shellcheck disable=SC2086 # a list of words
        start $settings
        ops=$(sed -n 's/.* ops=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
}
go_up
open=$(LC_ALL=C TZ=Asia/Kolkata date -d '-30 minutes' '+%A %H:%M')
for phase in plugin_system multi_telegram service_api shadow cutover; do
        sed -i "s/^\[deploy\]\$/&\n${phase}_window = $open/" "$UMBRA_STATE/umbra.ini"
done

name_bots() { # FOLDER of the tokens: as a person does, in umbra.ini
        for name in controller notification analytics; do
                sed -i "s|^\[telegram\]\$|&\n${name}_token_file = $1/$name.token|" "$UMBRA_STATE/umbra.ini"
        done
}
if [ "$RUNBOOK_INSIDE" = here ]; then
        while read -r token; do
                printf '%s\n' "$token" >"$UMBRA_STATE/${token#1:}.token"
                chmod 644 "$UMBRA_STATE/${token#1:}.token"
        done <"$blocks/typed"
        name_bots "$UMBRA_STATE"
fi

bin=$blocks/bin
mkdir "$bin"
printf '#!/bin/sh\nexec "%s" "$@"\n' "$(realpath "$umbra")" >"$bin/umbra"
chmod +x "$bin/umbra"

# shows BASE: the output holds the lines shown, in their order; "..." stands for anything.
shows() {
        awk '
        function pattern(line) {
                gsub(/[][\\.*^$+?(){}|]/, "\\\\&", line)
                gsub(/\\\.\\\.\\\./, ".*", line)
                return "^" line "$"
        }
        FNR == NR { want[++wanted] = $0; next }
        BEGIN { next_one = 1 }
        {
                while (next_one <= wanted && want[next_one] ~ /^ *\.\.\. *$/)
                        next_one++
                if (next_one <= wanted && $0 ~ pattern(want[next_one]))
                        next_one++
        }
        END {
                while (next_one <= wanted && want[next_one] ~ /^ *\.\.\. *$/)
                        next_one++
                if (next_one <= wanted) {
                        print "never shown: " want[next_one]
                        exit 1
                }
        }' "$1.want" "$1.out"
}

run_block() { # BASE [fails]: in a shell of its own, as a person would paste it
        got=0
        (
                cd "$blocks"
                PATH=$bin:$PATH timeout 120 sh -e "$1.sh"
        ) <"$blocks/typed" >"$1.out" 2>&1 || got=$?
        if [ "${2:-}" = fails ]; then
                [ "$got" != 0 ] || fail "$at: did not fail: $(cat "$1.out")"
        else
                [ "$got" = 0 ] || fail "$at: ended with $got: $(cat "$1.out")"
        fi
        [ ! -f "$1.want" ] || shows "$1" >"$1.missing" ||
                fail "$at: $(cat "$1.missing"); it said: $(cat "$1.out")"
}

ran=0
left=
for env in "$blocks"/*.env; do
        base=${env%.env}
        at=$(place "$base")
        [ "$RUNBOOK_INSIDE" = namespaces ] || sed -i "s|http://localhost:8000|$ops|g" "$base.sh"
        where=$(cat "$env")
        case $where in
        'up root')
                if [ "$RUNBOOK_INSIDE" = here ]; then
                        left="$left $at"
                        continue
                fi
                run_block "$base"
                name_bots /etc/umbra
                ;;
        up | 'up fails')
                [ -n "$up" ] || go_up
                # shellcheck disable=SC2086 # nothing, or a word
                run_block "$base" ${where#up}
                ;;
        stopped)
                [ -z "$up" ] || stop
                run_block "$base"
                ;;
        *) fail "$at: how is '$where' run?" ;;
        esac
        ran=$((ran + 1))
done
[ "$ran" -ge 10 ] || fail "only $ran blocks ran"
passed "$ran blocks ran and said what is shown${left:+; only root can:$left}"
[ -z "$up" ] || stop
