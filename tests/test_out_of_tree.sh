#!/bin/sh
# The way of docs/plugins.md, gone by a stranger: copies the example out of the tree, builds it with
# the compiler alone, and asks it by `umbra decide`. Usage: test_out_of_tree.sh SOURCE-TREE UMBRA
set -eu

tree=$1
umbra=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sed 's/\.name = "example"/.name = "mine"/' "$tree/plugins/example/example.c" >"$work/mine.c"
${CC:-cc} -std=gnu17 -O2 -fPIC -shared -fvisibility=hidden -Wl,--build-id=sha1 \
        -I "$tree" -I "$tree/plugins/include" -o "$work/mine.so" "$work/mine.c" "$tree/libbus/base/e8.c"

decide() {
        "$umbra" decide --plugins "$work" --plugin mine "$@"
}

expect() {
        case $1 in
        *"$2"*) ;;
        *)
                echo "expected: $2" >&2
                echo "got:      $1" >&2
                exit 1
                ;;
        esac
}

alert='"type":"entry_v3","signal_type":"Momentum_Breakout","symbol":"EURUSD","direction":"buy","tf":"15","price":1.1,"consensus_score":6'
account='{"balance":"1000.00","equity":"1000.00","daily_loss":"0.00","lifetime_loss":"0.00","open_buy":0,"open_sell":0}'

answer=$(echo "{\"alert\":{$alert,\"sl_price\":1.099},\"context\":$account}" | decide --set plugin.mine.reward=1.5)
expect "$answer" '"verdict":"execute","reason":"ok","plugin":"mine"'
expect "$answer" '"legs":[{"leg":"A","type":"tp_trail","side":"buy","volume":"0.01","sl":"1.09900","tp":"1.10150"}]'

answer=$(echo "{\"alert\":{$alert},\"context\":$account}" | decide)
expect "$answer" '"verdict":"reject","reason":"invalid_stop"'
answer=$(echo "{\"alert\":{$alert,\"sl_price\":1.099},\"context\":null}" | decide)
expect "$answer" '"verdict":"reject","reason":"no_context"'

# A setting out of its range, and a plugin of another ABI, are refused by name.
if error=$(decide --set plugin.mine.reward=11 </dev/null 2>&1); then
        echo "a reward of 11 was taken" >&2
        exit 1
fi
expect "$error" 'plugin.mine.reward'
sed -i 's/\.stamp = UMBRA_PLUGIN_STAMP/.stamp = UMBRA_PLUGIN_STAMP ^ (UINT64_C(3) << 48)/' "$work/mine.c"
${CC:-cc} -std=gnu17 -fPIC -shared -fvisibility=hidden -I "$tree" -I "$tree/plugins/include" \
        -o "$work/mine.so" "$work/mine.c" "$tree/libbus/base/e8.c"
if error=$(decide </dev/null 2>&1); then
        echo "a plugin of another ABI was loaded" >&2
        exit 1
fi
expect "$error" 'plugin mine: built against ABI 2'
