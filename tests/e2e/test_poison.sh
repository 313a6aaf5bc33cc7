#!/bin/sh
# UMBRA MT5-DEMO PLUGINS: an alert that kills the strategies is set aside.
set -eu
poison_plugins=$3
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
settings='mt5-demo.balance=20000 mt5-demo.volatility=0 order-executor.snapshot_interval=1s'

# shellcheck disable=SC2086
start $settings plugin_system.enabled=no plugin_system.folder="$poison_plugins"
id=$(alert "$(entry GBPJPY buy 190)")
until_true 30 state_is "$id" quarantined
until_true 30 says strategy-v3 'ERROR strategy-v3 died_of_a_message .*deaths=2'
until_true 20 has_alarm quarantined
tells() { "$umbra" trace "$id" | grep -q 'quarantined .*strategy-v3 set a message'; }
until_true 20 tells
id=$(alert "$(exit_of EURUSD Bullish_Exit)")
until_true 20 state_is "$id" ignored
passed 'a message that kills twice is set aside, and what is behind it goes on'
stop
