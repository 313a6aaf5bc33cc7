# The whole system for a test to work on, as an operator would: sourced by the tests beside it, with
# umbra and mt5-demo as arguments. Everything waits for conditions, with a deadline.
# shellcheck shell=sh disable=SC2034 # what the tests use

umbra=$1
mt5_demo=$2
UMBRA_STATE=$(mktemp -d /tmp/umbra-e2e-XXXXXX)
export UMBRA_STATE
up=
checks=0

# UMBRA_E2E_STORE=redis: the same system on a redis-server of its own, on a unix socket.
redis=
redis_folder=
redis_start() {
        if [ -z "$redis_folder" ]; then
                redis_folder=$(mktemp -d /tmp/umbra-e2e-redis-XXXXXX)
                chmod 711 "$redis_folder" # services under uids of their own connect
        fi
        redis-server --port 0 --unixsocket "$redis_folder/sock" --unixsocketperm 777 \
                --dir "$redis_folder" --save '' --appendonly yes --appendfsync always \
                >>"$redis_folder/log" 2>&1 &
        redis=$!
        # not by until_true, which minds $up
        for _ in $(seq 300); do
                redis_cli PING 2>/dev/null | grep -q PONG && return
                sleep 0.1
        done
        fail 'redis-server does not answer'
}

redis_cli() {
        redis-cli -s "$redis_folder/sock" "$@"
}

redis_kill() {
        kill -KILL "$redis"
        wait "$redis" || :
        redis=
}

# forget_store SERVICE: with the system stopped, as if it had never run.
forget_store() {
        rm -r "${UMBRA_STATE:?}/$1"
        if on_redis; then
                redis_cli --scan --pattern "umbra:$1:*" | while read -r key; do
                        redis_cli UNLINK "$key" >/dev/null
                done
        fi
}

on_redis() {
        [ "${UMBRA_E2E_STORE:-sqlite}" = redis ]
}

why=
rig_finish() {
        status=$?
        if [ "$status" != 0 ] && [ -n "$up" ]; then
                [ -z "${of:-}" ] || "$umbra" trace "$of" || :
                "$umbra" status | cut -c 1-160 || :
        fi
        # umbra up takes its services with it, but not before it has been waited for
        [ -z "$up" ] || kill -KILL "$up" 2>/dev/null || :
        [ -z "$up" ] || wait "$up" 2>/dev/null || :
        if [ "$status" != 0 ]; then
                tail -n 6 "$UMBRA_STATE"/log/*.log "$UMBRA_STATE"/up.err | cut -c 1-200 || :
                printf '\nafter %d checks: FAIL %s\n' "$checks" "${why:-a command failed}"
        fi
        [ -z "$redis" ] || redis_kill
        # what the test still has in the background would keep its output open, and the suite waiting
        jobs -p >"$UMBRA_STATE/jobs"
        while read -r job; do
                kill -KILL "$job" 2>/dev/null || :
        done <"$UMBRA_STATE/jobs"
        rm -rf "$UMBRA_STATE" ${redis_folder:+"$redis_folder"}
        exit "$status"
}
trap rig_finish EXIT

fail() {
        why=$*
        exit 1
}

passed() { # WHAT
        checks=$((checks + 1))
        printf 'ok %d - %s\n' "$checks" "$*"
}

# until_true SECONDS COMMAND...: asks ten times a second; so many seconds on a machine that has nothing
# else to do, $patience times as many on one that has.
patience=3
until_true() {
        deadline=$(($(date +%s) + $1 * patience))
        shift
        while ! "$@" >/dev/null 2>&1; do
                [ -z "$up" ] || kill -0 "$up" 2>/dev/null || fail 'umbra up has ended'
                [ "$(date +%s)" -le "$deadline" ] || fail "not in time: $*"
                sleep 0.1
        done
}

# start [SETTING...]: section.key=value. Leaves out what $without lists.
without=
start() {
        sets=
        for service in $without; do
                sets="$sets --without $service"
        done
        for setting in alert-ingest.listen=127.0.0.1:0 health.listen=127.0.0.1:0 "$@"; do
                sets="$sets --set $setting"
        done
        if on_redis; then
                [ -n "$redis" ] || redis_start
                sets="$sets --set bus.store=redis --set redis.socket=$redis_folder/sock"
        fi
        : >"$UMBRA_STATE/up.out"
        # shellcheck disable=SC2086 # a list of words
        "$umbra" up $sets >"$UMBRA_STATE/up.out" 2>>"$UMBRA_STATE/up.err" &
        up=$!
        until_true 60 grep -q '^ready webhook=http://.* ops=http://.* state=' "$UMBRA_STATE/up.out"
}

stop() {
        kill -TERM "$up"
        wait "$up" || fail "umbra up ended with $?"
        up=
}

pid_of() { # SERVICE
        cat "$UMBRA_STATE/run/$1.pid"
}

has_new_pid() { # SERVICE OLD-PID
        # the file goes with the old one, and comes with the new one
        new=$(pid_of "$1" 2>/dev/null) && [ -n "$new" ] && [ "$new" != "$2" ]
}

is_ready() { # SERVICE
        "$umbra" status | grep -q "^ *$1  *ready"
}

# crash SERVICE: SIGKILL, and waits until it is back at work.
crash() {
        old=$(pid_of "$1")
        kill -KILL "$old"
        until_true 20 has_new_pid "$1" "$old"
        until_true 20 is_ready "$1"
}

# broker COMMAND...: to the demo broker's control socket.
broker() {
        answer=$("$mt5_demo" ctl --control "ipc://$UMBRA_STATE/run/mt5-demo/control" "$*")
        case $answer in error*) fail "mt5-demo: $*: $answer" ;; esac
        printf '%s\n' "$answer"
}

fault() {
        broker "$@" >/dev/null
}

# alert BODY: its id.
alert() {
        "$umbra" alert "$1" | sed -n 's/.*"status":"accepted","alert_id":"\([^"]*\)".*/\1/p'
}

# entry SYMBOL SIDE PRICE [MULTIPLIER]: a body with an id of its own, its stop 0.1 % away so that many
# of them fit under the loss caps; without a multiplier it becomes one leg of 0.01 lots.
entry() {
        way=-1
        [ "$2" = buy ] || way=1
        stop_price=$(awk "BEGIN { printf \"%.5f\", $3 * (1 + $way * 0.001) }")
        printf '{"type":"entry_v3","signal_type":"Momentum_Breakout","symbol":"%s","direction":"%s","price":%s,"sl_price":%s,"tf":"15","consensus_score":5,"position_multiplier":%s,"id":"e%s"}' \
                "$1" "$2" "$3" "$stop_price" "${4:-0.2}" "$(date +%s%N)"
}

exit_of() { # SYMBOL SIGNAL_TYPE
        printf '{"type":"exit_v3","signal_type":"%s","symbol":"%s","tf":"15","price":1,"id":"x%s"}' \
                "$2" "$1" "$(date +%s%N)"
}

trade_events() { # ALERT_ID: its trades, one event a line
        "$umbra" trace --json "$1" |
                sed -n 's/.*"trades":\[\(.*\)\],"comparisons".*/\1/p' |
                grep -o '"event":"[a-z_]*"' | cut -d '"' -f 4
}

# went ALERT_ID EVENT...: whether it went this way so far. Deals are left out: a close tells its
# profit by one, before or behind its fill.
went() {
        of=$1
        shift
        [ "$(trade_events "$of" | grep -vx deal | tr '\n' ' ')" = "$* " ]
}

# goes WHAT SECONDS ALERT_ID EVENT...: it goes just this way, in time.
goes() {
        what=$1
        deadline=$(($(date +%s) + $2 * patience))
        shift 2
        [ -n "$1" ] || fail "$what: not accepted"
        until went "$@"; do
                if [ "$(date +%s)" -gt "$deadline" ]; then
                        of=$1
                        shift
                        # shellcheck disable=SC2046 # a list of words
                        fail "$what: went" $(trade_events "$of") "instead of $*"
                fi
                sleep 0.1
        done
        passed "$what"
}

has_event() { # ALERT_ID EVENT
        trade_events "$1" | grep -qx "$2"
}

# The witness: what the broker wrote down.
deals() { # CL_ORD_ID
        grep '"event":"deal"' "$UMBRA_STATE/mt5-demo/ledger.jsonl" | grep -c "\"$1\"" || :
}

cl_ord_id() { # ALERT_ID: of its first leg or close
        "$umbra" trace --json "$1" | grep -o '"cl_ord_id":"[0-9A-Z]*"' | head -n 1 | cut -d '"' -f 4
}

all_deals() {
        grep -c '"event":"deal"' "$UMBRA_STATE/mt5-demo/ledger.jsonl"
}

# filled WHAT SYMBOL SIDE PRICE: an alert that is filled; its id is left in $id.
filled() {
        what=$1
        shift
        id=$(alert "$(entry "$@")")
        goes "$what" 20 "$id" received intent filled 'done'
}

# says SERVICE PATTERN: its log has such a line since the last forget.
says() {
        grep -q -- "$2" "$UMBRA_STATE/log/$1.log"
}

forget() {
        for log in "$UMBRA_STATE"/log/*.log; do
                : >"$log"
        done
}

has_alarm() { # CODE
        "$umbra" status | grep -q "ALARM .* $1 "
}

has_no_alarm() { # CODE: not that nobody could say
        now=$("$umbra" status) && ! printf '%s\n' "$now" | grep -q "ALARM .* $1 "
}

# Whether nobody is behind in what it reads.
caught_up() {
        ! "$umbra" status --json | grep -o '"[a-z.]*@[a-z0-9-]*":[0-9]*' | grep -vq ':0$'
}

is_paused() { # the executor, or the strategy
        "$umbra" status | grep -q ' paused='
}

state_is() { # ALERT_ID STATE
        "$umbra" trace --json "$1" | grep -q "\"state\":\"$2\""
}

# Whether our books hold what the broker held when $at_broker was counted.
count_at_broker() {
        at_broker=$(broker positions | grep -o '"ticket"' | wc -l)
}
books_agree() {
        "$umbra" status | grep -qw "open_positions=$at_broker"
}
