#!/bin/sh
# UMBRA PLUGINS TREE VERSION: k8s/ as it would be applied. A copy of it is given secrets by its own script, kubectl makes the
# overlays of it, and check.mjs holds them against the API's schemas, the map and the programs.
# K8S_MODULES: the folder whose node_modules has kubernetes-models. KUBECTL: kubectl.
set -eu
umask 077
umbra=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
plugins=$2 tree=$3 version=$4

modules=${K8S_MODULES:-}/node_modules
kubectl=${KUBECTL:-kubectl}
for needed in node "$kubectl" openssl redis-server redis-cli curl stunnel4; do
        command -v "$needed" >/dev/null || {
                printf 'skipped: no %s\n' "$needed"
                exit 77
        }
done
if [ ! -d "$modules/kubernetes-models" ]; then
        printf 'skipped: no kubernetes-models\n'
        exit 77
fi

folder=$(mktemp -d)
redis=
other=
ingest=
tunnel=
up=
finish() {
        status=$?
        for pid in $ingest $tunnel $redis $up $other; do
                kill -KILL "$pid" 2>/dev/null || :
                wait "$pid" 2>/dev/null || :
        done
        [ $status = 0 ] || tail -n 5 "$folder"/*.log 2>/dev/null || :
        rm -rf "$folder"
        exit $status
}
trap finish EXIT

count=0
passed() {
        count=$((count + 1))
        printf 'ok %d - %s\n' "$count" "$*"
}
fail() {
        printf 'FAIL %s\n' "$*"
        exit 1
}

# Without anybody's secrets, should there be some.
cp -R "$tree/k8s" "$folder/k8s"
rm -rf "$folder"/k8s/overlays/*/secret

UMBRA=$umbra
export UMBRA
make_secrets() {
        "$folder/k8s/secrets" "$1" >"$folder/said" 2>&1
}

# What only a person can bring is asked for by name, and nothing is made that could be taken for it.
! make_secrets production || fail 'production is called complete without its certificate'
grep -q 'tls.key' "$folder/said" || fail 'the missing certificate is not named'
passed 'k8s/secrets says what production still needs'
printf '123:abc\n' >"$folder/k8s/overlays/production/secret/telegram.token"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=terminal \
        -keyout "$folder/k8s/overlays/production/secret/tls.key" \
        -out "$folder/k8s/overlays/production/secret/tls.crt" 2>/dev/null

for overlay in staging production; do
        make_secrets $overlay || {
                cat "$folder/said"
                fail "k8s/secrets $overlay"
        }
        before=$(cd "$folder/k8s/overlays/$overlay" && find secret -type f ! -name umbra.ini -exec sha256sum {} + | sort)
        make_secrets $overlay
        after=$(cd "$folder/k8s/overlays/$overlay" && find secret -type f ! -name umbra.ini -exec sha256sum {} + | sort)
        [ "$before" = "$after" ] || fail "k8s/secrets $overlay, run again, changes what is there"
        [ -z "$(find "$folder/k8s/overlays/$overlay/secret" -type f -perm /077 ! -path '*/public/*' ! -name umbra.ini)" ] ||
                fail "others can read the secrets of $overlay"
        "$kubectl" kustomize "$folder/k8s/overlays/$overlay" >"$folder/$overlay.yaml" 2>"$folder/said" || {
                cat "$folder/said"
                fail "kubectl kustomize $overlay"
        }
        [ ! -s "$folder/said" ] || {
                cat "$folder/said"
                fail "kubectl has something to say about $overlay"
        }
        passed "$overlay: secrets made once, kubectl kustomize makes the resources"
done
[ -z "$(git -C "$tree" ls-files 'k8s/overlays/*/secret' 2>/dev/null)" ] || fail 'secrets are committed'

# What the runbook shows of it.
mkdir "$folder/blocks" "$folder/bin"
ln -s "$(command -v "$kubectl")" "$folder/bin/kubectl"
"$tree/tests/e2e/blocks" "$folder/blocks" k8s
ran=0
for env in "$folder"/blocks/*.env; do
        [ "$(cat "$env")" = k8s ] || continue
        (cd "$folder" && PATH=$folder/bin:$PATH sh -e "${env%.env}.sh") >"$folder/said" 2>&1 ||
                fail "kubernetes.md:$(cat "${env%.env}.line"): $(tail -n 5 "$folder/said")"
        ran=$((ran + 1))
done
[ "$ran" -gt 0 ] || fail 'the runbook has no block for this suite'
passed "the runbook's blocks for Kubernetes that need no cluster: $ran"

MODULES=$modules TREE=$tree node "$(dirname "$0")/compose.mjs" >"$folder/said" 2>&1 || fail "docker/compose.yaml: $(cat "$folder/said")"
passed "docker/compose.yaml is what today's Compose Specification has, too"

mkdir "$folder/work"
MODULES=$modules TREE=$tree PROGRAMS=$(dirname "$(dirname "$umbra")") PLUGINS=$plugins WORK=$folder/work \
        VERSION=$version OVERLAYS="staging=$folder/staging.yaml production=$folder/production.yaml" \
        node "$(dirname "$0")/check.mjs"

free_port() {
        node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

# ---- Redis, as staging starts it, with the users it is given ----

# What a service may do there is written down three times.
# shellcheck disable=SC2016 # the shell's dollars are the script's
rights_in() { # FILE: of the first user it gives them to
        tr '\n' ' ' <"$tree/$1" | sed 's/rights="$rights//g' | tr -d "'\"" | tr -s ' ' ' ' |
                grep -o '+fcall +fcall_ro\( +[a-z_]*\)*' | head -n 1
}
for file in docker/prepare.sh k8s/secrets; do
        [ "$(rights_in "$file")" = "$(rights_in docs/stores.md)" ] || fail "$file and docs/stores.md differ in what a service may do in Redis"
done
[ -n "$(rights_in docs/stores.md)" ] || fail 'docs/stores.md does not say what a service may do in Redis'
passed 'staging, Kubernetes and the runbook give a service the same rights in Redis'


secret=$folder/k8s/overlays/staging/secret
redis_port=$(free_port)
sed -e "s|^dir .*|dir $folder|" -e "s|^aclfile .*|aclfile $secret/redis/users.acl|" -e '/^bind /d' \
        -e "s|^port .*|port $redis_port\nbind 127.0.0.1\nunixsocket $folder/redis.sock|" "$folder/k8s/components/redis/redis.conf" >"$folder/redis.conf"
redis-server "$folder/redis.conf" >"$folder/redis.log" 2>&1 &
redis=$!
until_true() { # SECONDS COMMAND...
        tries=$(($1 * 5))
        shift
        while ! "$@" >/dev/null 2>&1; do
                tries=$((tries - 1))
                [ "$tries" -gt 0 ] || fail "not in time: $*"
                sleep 0.2
        done
}
as() { # USER COMMAND...: what Redis answers
        user=$1
        shift
        redis-cli -s "$folder/redis.sock" --no-auth-warning --user "$user" \
                --pass "$(cat "$secret/redis/$user.password" 2>/dev/null || echo none)" "$@" 2>&1
}
says() { # PATTERN COMMAND...
        pattern=$1
        shift
        "$@" >"$folder/said" || :
        grep -q "$pattern" "$folder/said" || fail "$*: $(cat "$folder/said")"
}
until_true 30 as loader ping
says PONG as loader ping
says NOAUTH redis-cli -s "$folder/redis.sock" ping
says WRONGPASS as strategy-v3-shadow ping
says '^[01]$' as strategy-v3 hset umbra:strategy-v3:x a 1
for foreign in 'hset umbra:order-executor:x a 1' 'hgetall umbra:alert-ingest:meta' 'keys x' flushall 'config get x' \
        'acl list' 'function flush' 'function load x' 'eval return 0' shutdown; do
        # shellcheck disable=SC2086 # a command and its arguments
        says NOPERM as strategy-v3 $foreign
done
says NOPERM as loader hgetall umbra:alert-ingest:meta
says NOPERM as loader 'function' flush
as strategy-v3 unlink umbra:strategy-v3:x >/dev/null
passed 'Redis: each service has its own keys and nothing else, the shadow and strangers have nothing'

UMBRA_REDIS_SOCKET=$folder/redis.sock UMBRA_REDIS_USER=loader UMBRA_REDIS_PASSWORD_FILE=$secret/redis/loader.password \
        "$umbra" redis load --state "$secret" >"$folder/said" 2>&1 || fail "umbra redis load: $(cat "$folder/said")"
passed 'the job that brings the functions may, and can'

# ---- the runbook's blocks that want a cluster, with a kubectl that plays it: what is applied, and a restore ----

# What it would find on the claims: a backup of a system that ran, on another Redis.
hash() {
        sed -n "s/^$1=//p" "$secret/hashes.env"
}
mkdir "$folder/other"
redis-server --port 0 --unixsocket "$folder/other/sock" --dir "$folder/other" --save '' --appendonly yes --appendfsync always \
        >"$folder/other.log" 2>&1 &
other=$!
until_true 30 redis-cli -s "$folder/other/sock" ping
UMBRA_UP_OWN_UIDS=no "$umbra" up --state "$folder/up" --set alert-ingest.listen=127.0.0.1:0 --set health.listen=127.0.0.1:0 \
        --set bus.store=redis --set redis.socket="$folder/other/sock" >"$folder/up.out" 2>"$folder/up.log" &
up=$!
until_true 60 grep -q '^ready webhook=' "$folder/up.out"
alert='{"type":"entry_v3","signal_type":"Momentum_Breakout","symbol":"EURUSD","direction":"buy","price":1.085,"sl_price":1.0839,"tf":"15","consensus_score":5,"position_multiplier":0.2,"id":"before"}'
curl -sS -m 20 -d "$alert" "$(sed -n 's/^ready webhook=\([^ ]*\) .*/\1/p' "$folder/up.out" | sed "s/TOKEN/$(cat "$folder/up/webhook.token")/")" >"$folder/said"
grep -q '"status":"accepted"' "$folder/said" || fail "the alert: $(cat "$folder/said")"
"$umbra" backup --state "$folder/up" --name friday >"$folder/said" 2>&1 || fail "umbra backup: $(cat "$folder/said")"
kill -TERM "$up"
wait "$up" || fail "umbra up ended with $?"
up=
kill "$other"
wait "$other" || :
other=

# It knows what the manifests have: KIND/NAME with a folder of backups on a volume; and that what staging
# is asked for lies in staging's namespace.
mkdir "$folder/played"
cat >"$folder/played/kubectl" <<'KUBECTL'
#!/bin/sh
set -e
has() { # KIND/NAME: with a volume at the folder of backups, or around it
        case ${1%/*} in statefulset) kind=StatefulSet ;; deployment) kind=Deployment ;; *) return 1 ;; esac
        awk -v kind="$kind" -v name="${1#*/}" 'BEGIN { RS = "---\n" }
        $0 ~ "\nkind: " kind "\n" && $0 ~ "\n  name: " name "\n" &&
                /mountPath: \/var\/lib\/umbra(\/backup)?\n/ { found = 1 }
        END { exit !found }' "$PLAYED/staging.yaml"
}
case "$1 $2" in
'diff -k' | 'apply -k')
        "$KUBECTL" kustomize "$3" >/dev/null
        [ "$1" = apply ]
        exit
        ;;
'-n umbra') [ "$3" = rollout ] && shift 2 ;;
"-n $(sed -n 's/^  namespace: //p' "$PLAYED/staging.yaml" | sort -u)") shift 2 ;;
*) exit 2 ;;
esac
case $1 in
exec)
        has "$2"
        case $5 in /var/lib/umbra/backup/*) cat "$PLAYED/up/backup/${5#/var/lib/umbra/backup/}" ;; *) exit 1 ;; esac
        ;;
scale)
        for argument in "$@"; do
                case $argument in */*) has "$argument" ;; esac
        done
        ;;
port-forward) has "$2" && exec sleep 60 ;;
rollout) has "$3" ;;
get) ;; # nobody is left
*) exit 1 ;;
esac
KUBECTL
chmod +x "$folder/played/kubectl"
ln -s "$umbra" "$folder/played/umbra"
ran=0
for env in "$folder"/blocks/*.env; do
        [ "$(cat "$env")" = 'k8s played' ] || continue
        sed "s/16379/$redis_port/" "${env%.env}.sh" >"$folder/block"
        (cd "$folder" && PLAYED=$folder KUBECTL=$(command -v "$kubectl") PATH=$folder/played:$PATH sh -e "$folder/block") >"$folder/said" 2>&1 ||
                fail "kubernetes.md:$(cat "${env%.env}.line"): $(tail -n 5 "$folder/said")"
        ran=$((ran + 1))
done
[ "$ran" = 3 ] || fail "of the runbook $ran blocks want a cluster"
grep -q '^alert-ingest: restored' "$folder/said" || fail "nothing was restored: $(cat "$folder/said")"
grep -q '^order-executor: restored' "$folder/said" || fail "not all was restored: $(cat "$folder/said")"
says NOPERM as restore flushall
says NOPERM as restore function flush
passed "the runbook's blocks that want a cluster: an overlay applied, a restore into this Redis by the user who is for it"

# ---- the terminal's way in, with Redis for somebody to talk to at its end ----

own=$folder/k8s/overlays/production/secret
port=$(free_port)
sed -e "s|^accept .*|accept = 127.0.0.1:$port|" -e "s|^connect .*|connect = $folder/redis.sock|" \
        -e "s|/etc/umbra/tls/|$own/|" "$folder/k8s/components/terminal/stunnel.conf" >"$folder/stunnel.conf"
stunnel4 "$folder/stunnel.conf" >"$folder/stunnel.log" 2>&1 &
tunnel=$!
by_tls() { # CERTIFICATE: whether who has it is answered
        { printf 'PING\r\n'; sleep 1; } | timeout 10 openssl s_client -quiet -connect "127.0.0.1:$port" -CAfile "$1" \
                -verify_return_error 2>/dev/null | grep -q NOAUTH
}
until_true 30 by_tls "$own/tls.crt"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=another \
        -keyout "$folder/another.key" -out "$folder/another.crt" 2>/dev/null
! by_tls "$folder/another.crt" || fail 'a terminal takes any certificate'
! printf 'PING\r\n' | timeout 5 curl -s -m 3 "telnet://127.0.0.1:$port" 2>/dev/null | grep -q NOAUTH || fail 'it talks without TLS'
kill "$tunnel"
wait "$tunnel" || :
tunnel=
passed 'the TLS terminator takes its configuration and passes on what comes by TLS alone'

# The one whose answer is a promise, on that server, under those rights.
port=$(free_port)
mkdir "$folder/ingest"
env UMBRA_BUS_STATE_DIR="$folder/ingest" UMBRA_BUS_KEYS_DIR="$secret/keys" UMBRA_BUS_STORE=redis \
        UMBRA_REDIS_SOCKET="$folder/redis.sock" UMBRA_REDIS_PASSWORD_FILE="$secret/redis/alert-ingest.password" \
        UMBRA_ENDPOINT_ALERT_INGEST_BIND_PUB="ipc://$folder/pub" UMBRA_ENDPOINT_ALERT_INGEST_BIND_REPLAY="ipc://$folder/replay" \
        UMBRA_SOURCE_TRADINGVIEW_TOKEN_SHA256="$(hash tradingview)" UMBRA_SOURCE_TEST_TOKEN_SHA256="$(hash test)" \
        UMBRA_ALERT_INGEST_LISTEN="127.0.0.1:$port" \
        "$(dirname "$(dirname "$umbra")")/alert-ingest/alert-ingest" --config "$folder/k8s/base/umbra.ini" >"$folder/ingest.log" 2>&1 &
ingest=$!
until_true 60 curl -fsS -m 5 "http://127.0.0.1:$port/readyz"
curl -sS -m 20 -d '{"type":"entry_v3","signal_type":"Momentum_Breakout","symbol":"EURUSD","direction":"buy","price":1.085,"sl_price":1.0839,"tf":"15","consensus_score":5,"position_multiplier":0.2,"id":"one"}' \
        "http://127.0.0.1:$port/webhook/$(cat "$secret/webhook.token")" >"$folder/said"
grep -q '"status":"accepted"' "$folder/said" || fail "the alert: $(cat "$folder/said")"
curl -sS -m 20 -d "$alert" "http://127.0.0.1:$port/webhook/$(cat "$secret/webhook.token")" >"$folder/said"
grep -q '"status":"duplicate"' "$folder/said" || fail "what was restored is not known: $(cat "$folder/said")"
kill -TERM "$ingest"
wait "$ingest" || fail "alert-ingest ended with $?"
ingest=
passed 'what was restored is there, and alert-ingest makes an alert durable on it, under the rights it has'
