# What the tests of bad disks share: a stream of alerts, each with what it was answered, and the sums
# behind it. Sourced behind rig.sh.
# shellcheck shell=sh disable=SC2154

answers=$UMBRA_STATE.answers
sender=
disk_finish() {
        [ -z "$sender" ] || kill "$sender" 2>/dev/null || :
        rm -f "$answers" "$answers".*
}

# One entry: "STATUS SECONDS ALERT_ID" into $answers. 000: no answer.
post() {
        body=$(entry EURUSD buy 1.085)
        said=$(curl -s -m 8 -w ' %{http_code} %{time_total}' -d "$body" \
                -H 'Content-Type: application/json' "$url" 2>/dev/null) || said="$said 000 9"
        printf '%s %s\n' "$(printf '%s' "$said" | sed 's/.* \([0-9]* [0-9.]*\)$/\1/')" \
                "$(printf '%s' "$said" | sed -n 's/.*"alert_id":"\([^"]*\)".*/\1/p')" >>"$answers"
}

send_all_the_time() {
        url=$(sed -n 's/^ready webhook=\([^ ]*\) .*/\1/p' "$UMBRA_STATE/up.out")
        : >"$answers"
        (
                trap - EXIT
                while :; do
                        post
                        sleep 0.1
                done
        ) &
        sender=$!
}

stop_sending() {
        kill "$sender"
        wait "$sender" 2>/dev/null || :
        sender=
}

answered() { # STATUS: how often so far
        grep -c "^$1 " "$answers" || :
}
more_than() { # STATUS COUNT
        [ "$(answered "$1")" -gt "$2" ]
}

# Alerts are taken and carried out again.
is_back() {
        more_than 200 "$good" && "$umbra" status | grep -q ' broker=connected' &&
                ended "$(grep '^200 ' "$answers" | tail -n 1 | cut -d ' ' -f 3)"
}
ended() { # ALERT_ID
        [ -n "$1" ] && "$umbra" trace --json "$1" | grep -q '"final":true'
}

# bad WHAT BEGIN END PATIENCE: while BEGIN lasts 503 or nothing is answered for what is not durable,
# and all goes on by itself behind END.
bad() {
        what=$1
        good=$(answered 200)
        until_true 30 more_than 200 $((good + 3))
        refused=$(answered 503)
        $2
        until_true 20 more_than 503 "$refused"
        sleep 1
        $3
        good=$(answered 200)
        until_true "$4" is_back
        passed "$what: 503, and back by itself"
}

# Nothing answered 200 is lost, nothing is done twice, nobody waits for ever.
sum_up() {
        stop_sending
        grep '^200 ' "$answers" | cut -d ' ' -f 3 >"$answers.taken"
        while read -r id; do
                until_true 20 ended "$id"
        done <"$answers.taken"
        grep '"event":"deal"' "$UMBRA_STATE/mt5-demo/ledger.jsonl" |
                grep -o '"cl_ord_id":"[0-9A-Z]*"' | sort >"$answers.deals"
        [ -s "$answers.deals" ] || fail 'the ledger names no deals'
        [ -z "$(uniq -d "$answers.deals")" ] || fail "twice: $(uniq -d "$answers.deals" | head -n 3)"
        awk '$1 != 200 && $1 != 503 { print }' "$answers" >"$answers.other"
        [ ! -s "$answers.other" ] || fail "answers: $(sort "$answers.other" | uniq -c | head -n 3)"
        passed "$(wc -l <"$answers.taken") taken, $(answered 503) refused, $(wc -l <"$answers.deals")" \
                'deals: none lost, none doubled; the slowest answer took' \
                "$(cut -d ' ' -f 2 "$answers" | sort -n | tail -n 1) s"
}
