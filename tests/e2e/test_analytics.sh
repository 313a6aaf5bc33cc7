#!/bin/sh
# UMBRA MT5-DEMO BOT_API: the ledger and the reports, with the whole system and a strict Bot API.
set -eu
bot_api=$3
statistics=$(dirname "$0")/statistics.py
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
token=4321:analytics
me=77
bots=

finish() {
        status=$?
        set +e
        [ "$status" = 0 ] || [ -z "${api:-}" ] || messages | tail -c 1500
        [ -z "$bots" ] || kill "$bots"
        (exit "$status")
        rig_finish
}
trap finish EXIT

python3 "$bot_api" --port-file "$UMBRA_STATE/port" "$token=ReportBot" >"$UMBRA_STATE/bots.log" 2>&1 &
bots=$!
until_true 10 test -s "$UMBRA_STATE/port"
api=http://127.0.0.1:$(cat "$UMBRA_STATE/port")
printf '%s\n' "$token" >"$UMBRA_STATE/token"
chmod 644 "$UMBRA_STATE/token"
chmod 711 "$UMBRA_STATE"

ctl() { # WHAT [JSON]
        curl -sS -f -H 'Content-Type: application/json' --data "${2:-}" "$api/ctl/$1"
}

messages() {
        curl -sS -f "$api/ctl/messages"
}

ask() { # TEXT [USER]
        ctl update "{\"token\":\"$token\",\"chat_id\":${2:-$me},\"user_id\":${2:-$me},\"text\":\"$1\"}" \
                >/dev/null
}

told() { # PATTERN [COUNT]
        [ "$(messages | grep -o -- "$1" | wc -l)" -ge "${2:-1}" ]
}

answers() { # COMMAND PATTERN
        ask "$1"
        until_true 30 told "$2"
        passed "$1 is answered"
}

ledger() { # a copy of it as text
        python3 "$statistics" dump "$UMBRA_STATE/telegram-analytics/ledger.db"
}

has_ended() { # COUNT: so many positions of the ledger
        [ "$(ledger | grep '^position' | grep -vc ' None$')" -ge "$1" ]
}

start mt5-demo.balance=20000 order-executor.snapshot_interval=1s \
        telegram.api_base="$api" telegram.analytics_token_file="$UMBRA_STATE/token" \
        telegram.report_chats=$me telegram.time_zone=Pacific/Pago_Pago \
        telegram_user.ann.user=$me telegram_user.ann.chat=$me telegram-analytics.daily_at=00:00
filled 'an entry' EURUSD buy 1.085
filled 'another' GBPUSD sell 1.27
filled 'a third' AUDUSD buy 0.66
"$umbra" close >/dev/null
until_true 30 has_ended 3
passed 'the ledger follows the streams'

answers /daily 'Today'
answers /weekly 'This week'
answers /monthly 'This month'
answers /pnl 'Results'
answers /symbols 'By symbol'
answers /plugins 'By route'
answers /latency 'Alert to fill'
answers /parity '"caption": "Parity'
answers '/equity 1' 'Equity'
answers /nonsense 'the equity curve'
confirmed() {
        curl -sS "$api/ctl/stats" | grep -q '"unconfirmed": {"ReportBot": 0}'
}
ask /daily 666
until_true 10 confirmed
[ "$(messages | grep -o '"id": 666' | wc -l)" = 0 ] || fail 'a stranger was answered'
passed 'a stranger is not'

"$umbra" tap signal. decision.v3. trade. --since 1h >"$UMBRA_STATE/tap" 2>/dev/null &
tap=$!
agrees() {
        python3 "$statistics" check "$UMBRA_STATE/tap" "$UMBRA_STATE/telegram-analytics/ledger.db"
}
until_true 10 agrees
kill "$tap"
agrees
passed 'the sums are those of an independent computation over the streams'

ledger >"$UMBRA_STATE/before"
old=$(pid_of telegram-analytics)
"$umbra" rebuild analytics >/dev/null
until_true 30 has_new_pid telegram-analytics "$old"
until_true 30 is_ready telegram-analytics
same() {
        ledger >"$UMBRA_STATE/after"
        # what came meanwhile is behind what was there
        python3 "$statistics" same "$UMBRA_STATE/before" "$UMBRA_STATE/after"
}
until_true 30 same
passed 'rebuilt, the ledger is the same'
says telegram-analytics 'ledger_reads_again' || fail 'it was not read again'

months() {
        messages | grep -o '"text": "This month' | wc -l
}
count=$(months)
ask /monthly
ask /pnl
# one goes at a time: where the second is there, the first is settled
until_true 30 told '"text": "Results' 2
crash telegram-analytics
ask /weekly
until_true 30 told '"text": "This week' 2
[ "$(months)" = $((count + 1)) ] || fail 'it answered twice'
passed 'what was answered is not answered again after a crash'

[ "$(messages | grep -c '"text": "The day')" = 0 ] || fail 'a day without a day behind it was reported'
stop
# a day later in one step: its date is ahead by one at least at any time
start telegram.time_zone=Pacific/Kiritimati
until_true 30 told '"text": "The day'
ask /pnl
until_true 30 told '"text": "Results' 3
crash telegram-analytics
ask /pnl
until_true 30 told '"text": "Results' 4
[ "$(messages | grep -o '"text": "The day' | wc -l)" = 1 ] || fail 'the day was reported twice'
passed 'the day is reported once, also after a crash'

if curl -sS "$api/ctl/stats" | grep -q '"earned_429"'; then
        fail 'it was too fast for Telegram'
fi
passed 'no limit of Telegram was hit'
stop
