#!/bin/sh
# UMBRA MT5-DEMO: a Redis as docs/stores.md has it, taken from there word for word: the [redis] of umbra.ini,
# what Redis is told, its users, and the command blocks that bring the functions. Only root can.
set -eu
# shellcheck source=tests/e2e/private.sh
. "$(dirname "$0")/private.sh"
if ! command -v ip >/dev/null || ! can_be_private || ! unshare -n true; then
        printf 'skipped: no namespaces of its own\n'
        exit 77
fi
if [ -z "${REDIS_INSIDE:-}" ]; then
        export REDIS_INSIDE=yes
        # shellcheck disable=SC2016 # for the inner shell
        exec unshare -nm sh -c 'ip link set lo up && exec "$0" "$@"' "$0" "$@"
fi
private /etc /run
# shellcheck source=tests/e2e/rig.sh
. "$(dirname "$0")/rig.sh"
stores=$(dirname "$0")/../../docs/stores.md

shown() { # TEXT: the block of the document that holds it
        awk -v text="$1" '
        /^```/ { if (found) exit; block = ""; next }
        { block = block $0 "\n"; found = found || index($0, text) }
        END { printf "%s", block }' "$stores"
}

mkdir -p /etc/redis /run/secrets
umask 077
shown 'store = redis' >"$UMBRA_STATE/umbra.ini"
echo '127.0.0.1 redis.internal' >>/etc/hosts
shown 'user loader on' | while read -r _ name rest; do
        printf '%s-secret\n' "$name" >"/run/secrets/$name.password"
        hash=$(printf '%s-secret' "$name" | sha256sum | cut -d ' ' -f 1)
        printf 'user %s %s\n' "$name" "$rest" | sed "s/#HASH/#$hash/"
done >/etc/redis/users.acl
cp /run/secrets/alert-ingest.password /run/secrets/redis-password
shown 'appendfsync always' >/etc/redis/redis.conf
mkdir "$UMBRA_STATE/redis"
redis-server /etc/redis/redis.conf --dir "$UMBRA_STATE/redis" >"$UMBRA_STATE/redis.log" 2>&1 &
redis=$!
as() { # USER COMMAND...
        user=$1
        shift
        redis-cli -h redis.internal --no-auth-warning --user "$user" --pass "$user-secret" "$@"
}
until_true 20 as admin ping
passed 'a Redis starts with what it is told, and its users'

mkdir "$UMBRA_STATE/blocks" "$UMBRA_STATE/bin"
"$(dirname "$0")/blocks" "$UMBRA_STATE/blocks" redis
ln -s "$(realpath "$umbra")" "$UMBRA_STATE/bin/umbra"
functions() {
        as admin FUNCTION LIST | grep -c '^ *library_name$' || :
}
[ "$(functions)" = 0 ] || fail 'it has functions already'
for block in "$UMBRA_STATE"/blocks/*.sh; do
        (cd "$UMBRA_STATE" && PATH=$UMBRA_STATE/bin:$PATH sh -e "$block") >"$UMBRA_STATE/said" 2>&1 ||
                fail "stores.md:$(cat "${block%.sh}.line"): $(cat "$UMBRA_STATE/said")"
done
[ "$(functions)" -gt 0 ] || fail "no functions: $(cat "$UMBRA_STATE/said")"
passed 'the command blocks bring the functions'

UMBRA_REDIS_USER=alert-ingest "$umbra" redis load 2>"$UMBRA_STATE/said" && fail 'a service may replace the functions'
grep -q NOPERM "$UMBRA_STATE/said" || fail "$(cat "$UMBRA_STATE/said")"
passed 'the user of a service may not'
