#!/bin/sh
# UMBRA MT5-DEMO FORMAT: stores put back by hand, lost, and of a newer version; two processes on one.
set -eu
format=$3
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
settings='mt5-demo.balance=20000 mt5-demo.volatility=0 order-executor.snapshot_interval=1s'

# shellcheck disable=SC2086 # a list of words
start $settings
filled 'an order' EURUSD buy 1.085
# Two processes on one store.
timeout 60 "$(dirname "$umbra")/../strategy-v3/strategy-v3" --config "$UMBRA_STATE/umbra.ini" \
        >"$UMBRA_STATE/second.out" 2>&1 && fail 'a second strategy-v3 ran'
grep -q 'ERROR strategy-v3 cannot_start .*is held by process' "$UMBRA_STATE/second.out" ||
        fail 'it did not say why'
passed 'a second process on a store is refused by name'
"$umbra" reader order-executor order@strategy-v3 --to newest 2>"$UMBRA_STATE/second.out" &&
        fail 'a cursor was moved under a running service'
grep -q 'held by process.*stop it first' "$UMBRA_STATE/second.out" || fail 'it did not say why'
passed 'and so is umbra reader'
stop

# The same by hand, without restore's mark: ingest's store alone, older than what its readers know.
cp -rp "$UMBRA_STATE/alert-ingest" "$UMBRA_STATE/by-hand"
# shellcheck disable=SC2086
start $settings
filled 'an alert behind the copy' USDCAD buy 1.36
stop
before=$(all_deals)
rm -r "$UMBRA_STATE/alert-ingest"
mv "$UMBRA_STATE/by-hand" "$UMBRA_STATE/alert-ingest"
forget
# shellcheck disable=SC2086
start $settings
until_true 20 says alert-ingest 'ERROR alert-ingest journal_behind_reader stream=signal@alert-ingest'
until_true 20 says strategy-v3 'WARN strategy-v3 reader_goes_back_to_fork stream=signal@alert-ingest'
until_true 20 has_alarm journal_regressed
filled 'a store put back by hand is noticed and goes on under new numbers' USDJPY buy 150
[ "$(all_deals)" = $((before + 1)) ] || fail 'something was done again'
"$umbra" resume --reason 'looked' >/dev/null
until_true 20 has_no_alarm journal_regressed
passed 'and resume ends the alarm'
stop

# A new strategy on an old system: it derives the past again, and nobody trades it again. (That it is
# paused where the past is older than a minute, test_derive.c shows.)
before=$(all_deals)
rm -r "$UMBRA_STATE/strategy-v3"
forget
# shellcheck disable=SC2086
start $settings
until_true 20 says strategy-v3 'incarnation_begins stream=alarm@strategy-v3 .*reason=created'
until_true 20 caught_up
[ "$(all_deals)" = "$before" ] || fail 'the past was traded again'
filled 'a strategy without its store trades nothing of the past, and goes on' EURJPY buy 162
stop

# A new executor on an old system: what it is sent is older than itself.
before=$(all_deals)
sleep 1.2
rm -r "$UMBRA_STATE/order-executor"
forget
# shellcheck disable=SC2086
start $settings risk.max_age=1s
until_true 20 is_paused
until_true 20 has_alarm joined_older_system
count_at_broker
until_true 20 books_agree
[ "$(all_deals)" = "$before" ] || fail 'the past was traded again'
passed 'an executor without its store starts paused, adopts, and trades nothing of the past'
"$umbra" resume --reason 'looked' >/dev/null
stop

# A store of a newer version: told by its name and left alone, and the version that knows it goes on.
mark() { # FORMAT: of health's store, as whoever owns it has it
        "$format" "$UMBRA_STATE/health/health.db" "$1" || fail 'the format was not changed'
        chown --reference="$UMBRA_STATE/health" "$UMBRA_STATE"/health/*
}
mark 99
before=$(cksum <"$UMBRA_STATE/health/health.db")
forget
got=0
timeout 60 "$umbra" up >/dev/null 2>"$UMBRA_STATE/newer" || got=$?
[ $got = 1 ] || fail "with a store of a newer version it ended with $got"
grep -q 'keeps_dying service=health' "$UMBRA_STATE/newer" || fail 'nobody said who does not come up'
says health 'ERROR health cannot_start .*health.db has format 99, this program knows up to 1' || fail "nor why: $(grep ERROR "$UMBRA_STATE/log/health.log" | tail -n 1)"
[ "$(cksum <"$UMBRA_STATE/health/health.db")" = "$before" ] || fail 'it was written to'
passed 'a store of a newer version is refused by name, and left alone'
mark 1
# shellcheck disable=SC2086
start $settings
filled 'the version that knows it goes on' EURUSD buy 1.085
stop
