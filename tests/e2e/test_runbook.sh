#!/bin/sh
# UMBRA MT5-DEMO BOT_API DOCUMENT...: every command block of the documents is run, in order, on a live
# system, and says what is shown. Where a network of its own can be had, the ports are those
# that umbra up has by itself, and localhost:8000 stands as it is written; else it is put in its place.
set -eu
bot_api=$3
if [ -z "${RUNBOOK_INSIDE:-}" ]; then
        RUNBOOK_INSIDE=here
        if command -v ip >/dev/null && unshare -n true 2>/dev/null; then
                RUNBOOK_INSIDE=netns
        fi
        export RUNBOOK_INSIDE
        # shellcheck disable=SC2016 # for the inner shell
        [ "$RUNBOOK_INSIDE" = here ] || exec unshare -n sh -c 'ip link set lo up && exec "$0" "$@"' "$0" "$@"
fi
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

shift 3
for document in "$@"; do
        name=$(basename "$document" .md)
        awk -v dir="$blocks" -v prefix="$name.md:" -f "$(dirname "$0")/blocks.awk" "$document"
        ls "$blocks/$name.md:"*.sh >/dev/null || fail "$document has no blocks"
done

place() { # BASE: "operations.md:17"
        base_name=$(basename "$1")
        printf '%s:%s\n' "${base_name%%:*}" "$(cat "$1.line")"
}

# what can be said of all of them before anything runs
for env in "$blocks"/*.env; do
        at=$(place "${env%.env}")
        case $(cat "$env") in
        up | 'up fails' | stopped | stack | k8s | 'k8s played' | none) ;;
        *) fail "$at: a command block must say where it runs (\`\`\`sh up|stopped|stack|k8s|none), not '$(cat "$env")'" ;;
        esac
        sh -n "${env%.env}.sh" || fail "$at: is not shell"
        ! command -v shellcheck >/dev/null || shellcheck -s sh -e SC2154,SC1091 "${env%.env}.sh" >/dev/null ||
                fail "$at: $(shellcheck -s sh -e SC2154,SC1091 "${env%.env}.sh")"
done
passed "$(find "$blocks" -name '*.env' | wc -l) blocks, each marked and each sound shell"

# ---- the system they run on: a demo account, three bots, windows that are open, watches that are short ----
chmod 711 "$UMBRA_STATE"
tokens=
for name in main controller notification analytics; do
        printf '1:%s\n' "$name" >"$UMBRA_STATE/$name.token"
        chmod 644 "$UMBRA_STATE/$name.token"
        tokens="$tokens telegram.${name}_token_file=$UMBRA_STATE/$name.token"
done
python3 "$bot_api" --port-file "$UMBRA_STATE/port" 1:main=M 1:controller=C 1:notification=N \
        1:analytics=A >"$UMBRA_STATE/bots.log" 2>&1 &
bots=$!
until_true 20 test -s "$UMBRA_STATE/port"
settings="mt5-demo.volatility=0 telegram.api_base=http://127.0.0.1:$(cat "$UMBRA_STATE/port")
        telegram.notify_chats=77 multi_telegram.enabled=no $tokens"
if [ "$RUNBOOK_INSIDE" = netns ]; then
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

run_block() { # BASE: in a shell of its own, as a person would paste it
        got=0
        (
                cd "$blocks"
                PATH=$bin:$PATH timeout 120 sh -e "$1.sh"
        ) >"$1.out" 2>&1 || got=$?
        if [ "$2" = fails ]; then
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
        [ "$RUNBOOK_INSIDE" = netns ] || sed -i "s|http://localhost:8000|$ops|g" "$base.sh"
        where=$(cat "$env")
        case $where in
        up*)
                [ -n "$up" ] || go_up
                run_block "$base" "${where#up }"
                ran=$((ran + 1))
                ;;
        stopped)
                [ -z "$up" ] || stop
                run_block "$base" ''
                ran=$((ran + 1))
                ;;
        *) left="$left $at($where)" ;;
        esac
done
[ "$ran" -ge 10 ] || fail "only $ran blocks ran"
passed "$ran blocks ran and said what is shown; left to others:${left:- none} ($RUNBOOK_INSIDE)"
[ -z "$up" ] || stop
