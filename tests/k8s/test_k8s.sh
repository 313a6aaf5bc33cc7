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
for needed in node "$kubectl" openssl; do
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
trap 'rm -rf "$folder"' EXIT

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

mkdir "$folder/work"
MODULES=$modules TREE=$tree PROGRAMS=$(dirname "$(dirname "$umbra")") PLUGINS=$plugins WORK=$folder/work \
        VERSION=$version OVERLAYS="staging=$folder/staging.yaml production=$folder/production.yaml" \
        node "$(dirname "$0")/check.mjs"
