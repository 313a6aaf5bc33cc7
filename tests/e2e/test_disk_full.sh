#!/bin/sh
# UMBRA MT5-DEMO: the state folder on a small file system of its own that is filled up, and one that
# stands still for two seconds. As root only: it is mounted.
set -eu
if [ "$(id -u)" != 0 ] || ! command -v mkfs.ext4 >/dev/null || ! command -v fsfreeze >/dev/null; then
        echo 'skipped: mounting a file system needs root, mkfs.ext4 and fsfreeze'
        exit 77
fi
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
# shellcheck source=tests/e2e/disk.sh
. "$(dirname "$0")/disk.sh"
image=$UMBRA_STATE.img
finish() {
        status=$?
        fsfreeze -u "$UMBRA_STATE" 2>/dev/null || :
        disk_finish
        [ -z "$up" ] || kill -KILL "$up" 2>/dev/null || :
        [ -z "$up" ] || wait "$up" 2>/dev/null || :
        if [ "$status" != 0 ]; then
                tail -n 6 "$UMBRA_STATE"/log/*.log "$UMBRA_STATE"/up.err | cut -c 1-200 || :
                printf '\nafter %d checks: FAIL %s\n' "$checks" "${why:-a command failed}"
        fi
        umount -l "$UMBRA_STATE" 2>/dev/null || :
        rm -rf "$UMBRA_STATE" "$image"
        exit "$status"
}
trap finish EXIT
truncate -s 96M "$image"
mkfs.ext4 -q -F -m 0 "$image"
if ! mount -o loop "$image" "$UMBRA_STATE" 2>/dev/null; then
        echo 'skipped: no loop device can be mounted here'
        exit 77
fi

start up.own_uids=no mt5-demo.balance=1000000 mt5-demo.volatility=0 risk.max_open_positions=1000
send_all_the_time

fill() {
        dd if=/dev/zero of="$UMBRA_STATE/filler" bs=64k 2>/dev/null || :
        dd if=/dev/zero of="$UMBRA_STATE/filler2" bs=1k 2>/dev/null || :
}
make_room() {
        rm -f "$UMBRA_STATE/filler" "$UMBRA_STATE/filler2"
}

# A log whose blocks are there already goes on for a while where nothing can grow: 503 comes when the
# database must, and need not come here. What is answered must hold all the same.
before=$(answered 200)
until_true 30 more_than 200 $((before + 3))
fill
sleep 5
refused=$(answered 503)
make_room
good=$(answered 200)
until_true 20 is_back
passed "no space left: $refused answers of 503 in 5 s, and back by itself"

good=$(answered 200)
fsfreeze -f "$UMBRA_STATE"
sleep 2
fsfreeze -u "$UMBRA_STATE"
until_true 20 is_back
passed 'a file system that stands still for two seconds: back by itself'
sum_up
stop
