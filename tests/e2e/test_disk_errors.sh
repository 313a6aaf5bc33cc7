#!/bin/sh
# UMBRA MT5-DEMO BAD_DISK: the stores of all services on a disk that fails every write, every sync,
# that has become read-only, that takes two seconds; under a stream of alerts.
set -eu
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
# shellcheck source=tests/e2e/disk.sh
. "$(dirname "$0")/disk.sh"
trap 'status=$?; disk_finish; (exit "$status") && :; rig_finish' EXIT # the status is for rig_finish

export UMBRA_BAD_DISK="$UMBRA_STATE.fault" UMBRA_BAD_DISK_UNDER="$UMBRA_STATE"
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0"
LD_PRELOAD=$3 start up.own_uids=no mt5-demo.balance=1000000 mt5-demo.volatility=0 \
        risk.max_open_positions=1000
send_all_the_time

fault_of() {
        printf '%s\n' "$1" >"$UMBRA_BAD_DISK"
}
heal() {
        rm -f "$UMBRA_BAD_DISK"
}
eio_write() { fault_of eio-write; }
eio_sync() { fault_of eio-sync; }
erofs() { fault_of erofs; }

bad 'EIO on every write' eio_write heal 20
bad 'EIO on every sync' eio_sync heal 20
bad 'a disk gone read-only' erofs heal 20

good=$(answered 200)
fault_of stall
sleep 3
heal
until_true 20 is_back
passed 'a disk that takes two seconds: back by itself'
sum_up
stop
