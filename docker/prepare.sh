#!/bin/sh
# prepare.sh FOLDER NET: makes what staging needs below FOLDER, once; what exists is left as it is. It
# runs in the tools image, as root, because each secret becomes its reader's own. NET: the first three
# numbers of the addresses of the edge's network.
#
#   umbra.ini       what all services read; anew each time, it holds only hashes
#   public/         the public keys
#   secrets/NAME/   what container NAME is handed as /run/secrets
#   tools/          a state folder for the umbra command
set -eu
folder=$1
net=$2
share=/usr/share/umbra
made=$folder/made
umask 077

hash_of() { # FILE: of the text without its line break
        tr -d '\n' <"$1" | sha256sum | cut -d ' ' -f 1
}

# give NAME UID FILE TARGET: FILE as secret TARGET of container NAME.
give() {
        install -d -m 0755 "$folder/secrets" "$folder/secrets/$1" "$folder/secrets/$1/public"
        install -o "$2" -g "$2" -m 0400 "$3" "$folder/secrets/$1/$4.new"
        mv "$folder/secrets/$1/$4.new" "$folder/secrets/$1/$4"
}

mkdir -p "$made"
umbra keygen --state "$made" >/dev/null

sed -e "s/@NET@/$net/g" \
        -e "s/@WEBHOOK_SHA256@/$(hash_of "$made/webhook.token")/" \
        -e "s/@TEST_SHA256@/$(hash_of "$made/keys/test.token")/" \
        -e "s/@ADMIN_SHA256@/$(hash_of "$made/admin.token")/" \
        "$share/umbra.ini" >"$folder/umbra.ini.new"
chmod 644 "$folder/umbra.ini.new"
mv "$folder/umbra.ini.new" "$folder/umbra.ini"

install -d -m 0755 "$folder/public"
install -m 0644 "$made"/keys/public/*.cert "$folder/public"

# A password for each user of the store, who may do with its own keys what the engine does, and nothing
# else: who could load functions could replace those that order-executor runs. loader brings them, and
# may no more; who is no user may ask whether it lives. Nobody can be the default user, but that one must
# be allowed everything: Redis 7.0 loads its append-only file in that one's name, and would leave out what
# is forbidden to it.
mkdir -p "$made/redis"
acl=$made/redis/users.acl.new
rights='+fcall +fcall_ro +info +ping +wait +exists +hget +hmget +hset +hdel +hgetall +sadd +smembers'
rights="$rights +sismember +rpush +ltrim +lrange +xadd +xrange +xrevrange +xtrim +zadd +zrem +zrange +zrangebyscore"
rights="$rights +zrangebylex +unlink +time +multi +exec +watch +unwatch"
printf 'user default off resetpass ~* &* +@all\nuser probe on nopass -@all +ping\n' >"$acl"

# store_user NAME UID RULES CONTAINER...
store_user() {
        name=$1
        owner=$2
        rules=$3
        shift 3
        password=$made/redis/$name.password
        [ -s "$password" ] || openssl rand -hex 24 >"$password"
        for one in "$@"; do
                give "$one" "$owner" "$password" redis.password
        done
        printf 'user %s on #%s resetchannels -@all %s\n' "$name" "$(hash_of "$password")" "$rules" >>"$acl"
}

while read -r name uid container; do
        if [ -f "$made/keys/$name.cert_secret" ]; then
                for one in $container; do
                        give "$one" "$uid" "$made/keys/$name.cert_secret" "$name.cert_secret"
                done
        fi
        # the shadow's store is its own disk: it has neither a way to Redis nor a user there
        case $name in strategy-v3-shadow | mt5-demo) continue ;; esac
        # shellcheck disable=SC2086 # a list of words
        store_user "$name" "$uid" "~umbra:$name:* $rights" $container
done <<'EOF'
alert-ingest 61105 alert-ingest-1 alert-ingest-2
strategy-v3 61103 strategy-v3
strategy-v3-shadow 61104 strategy-v3-shadow
order-executor 61102 order-executor
telegram-analytics 61106 telegram-analytics
telegram-controller 61107 telegram-controller
telegram-notify 61108 telegram-notify
health 61101 health
mt5-demo 61100 mt5-demo
EOF
store_user loader 61109 '+function|load +ping' redis-functions
give redis 61121 "$acl" users.acl
rm -f "$acl"
give order-executor 61102 "$made/keys/broker.secret" broker.secret
give mt5-demo 61100 "$made/keys/broker.secret" broker.secret
give health 61101 "$made/keys/test.token" test.token

if [ ! -s "$made/edge.crt" ]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 \
                -subj '/CN=umbra staging' -addext 'subjectAltName=DNS:edge,DNS:localhost,IP:127.0.0.1' \
                -keyout "$made/edge.key" -out "$made/edge.crt" 2>/dev/null
fi
give edge 61120 "$made/edge.crt" edge.crt
give edge 61120 "$made/edge.key" edge.key

tools=$folder/tools
install -d -m 0755 "$tools" "$tools/keys"
install -m 0644 "$folder/umbra.ini" "$tools/umbra.ini"
for file in webhook.token admin.token keys/test.token keys/tools.cert_secret; do
        install -o 61109 -g 61109 -m 0400 "$made/$file" "$tools/$file"
done
install -m 0644 "$made/edge.crt" "$tools/edge.crt"
